// SPDX-License-Identifier: Apache-2.0
//
// onnxruntime as a process that is told when to run; the counterpart of worker.c, with the same commands and answers but
// for `layers`.
//
//   node worker.js MODEL BATCH THREADS
//
// Exit code 77: no onnxruntime (scripts/install-onnxruntime).
'use strict';
const fs = require('fs');
const readline = require('readline');
const runtime = require('../../tests/onnxruntime/runtime.js');

function describe(metadata, batch) {
  return metadata.map((meta) => ({
    name: meta.name,
    dtype: meta.type,
    shape: meta.shape.map((d) => (typeof d === 'number' && d > 0 ? d : batch)),
  }));
}

function answer(document) {
  process.stdout.write(`${JSON.stringify(document)}\n`);
}

async function run(session, feeds, count) {
  const ns = [];
  const preempted = [];
  let results;
  for (let i = 0; i < count; i++) {
    const before = process.resourceUsage().involuntaryContextSwitches;
    const begin = process.hrtime.bigint();
    results = await session.run(feeds);
    ns.push(Number(process.hrtime.bigint() - begin));
    preempted.push(process.resourceUsage().involuntaryContextSwitches - before);
  }
  answer({ns, preempted});
  return results;
}

async function main() {
  const [model, batchText, threads] = process.argv.slice(2);
  const batch = Number(batchText);
  const ort = runtime.load();
  const bare = process.memoryUsage().rss;
  const begin = process.hrtime.bigint();
  const session = await ort.InferenceSession.create(model, {
    graphOptimizationLevel: 'all',
    intraOpNumThreads: Number(threads),
    interOpNumThreads: 1,
    executionMode: 'sequential',
  });
  answer({
    load_ms: Number(process.hrtime.bigint() - begin) / 1e6,
    bare_rss_bytes: bare,
    inputs: describe(session.inputMetadata, batch),
    outputs: describe(session.outputMetadata, batch),
  });
  const feeds = {};
  let results = null;
  for await (const line of readline.createInterface({input: process.stdin})) {
    const [command, ...words] = line.split(' ');
    if (command === 'feed') {
      const meta = session.inputMetadata[Number(words[0])];
      feeds[meta.name] = runtime.readTensor(ort, meta, words[1], batch);
      answer({});
    } else if (command === 'run') {
      results = await run(session, feeds, Number(words[0]));
    } else if (command === 'save') {
      session.outputNames.forEach((name, i) => runtime.writeTensor(results[name], `${words[0]}.${i}`));
      answer({});
    } else {
      throw new Error(`what does "${line}" mean?`);
    }
  }
}

main().catch((error) => {
  console.error(`onnxruntime: ${error.message}`);
  process.exit(1);
});
