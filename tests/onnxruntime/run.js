// SPDX-License-Identifier: Apache-2.0
//
// Runs a model in onnxruntime.
//
//   node run.js MODEL INPUT OUTPUT [INPUT2 ...]
//
// INPUT files hold the raw elements of the model's inputs in their order (float32, uint8, uint16 or float16,
// little-endian, a symbolic axis bound to 1); OUTPUT gets the raw elements of the first output, OUTPUT.1 those of the
// second, and so on. With TANDEM_TIME=N in the environment the median time of N runs on TANDEM_THREADS threads (default 1)
// is printed in ms. Where the package is looked for: runtime.js.
'use strict';
const runtime = require('./runtime.js');

async function time(session, feeds, runs) {
  const ms = [];
  for (let i = 0; i < runs; i++) {
    const start = process.hrtime.bigint();
    await session.run(feeds);
    ms.push(Number(process.hrtime.bigint() - start) / 1e6);
  }
  ms.sort((a, b) => a - b);
  console.log(`median ${ms[runs >> 1].toFixed(3)} ms, best ${ms[0].toFixed(3)} ms, ${runs} runs`);
}

async function main() {
  const [model, input, output, ...more] = process.argv.slice(2);
  if (!output) {
    console.error('usage: node run.js MODEL INPUT OUTPUT [INPUT2 ...]');
    process.exit(2);
  }
  const ort = runtime.load();
  const session = await runtime.open(ort, model);
  const feeds = {};
  [input, ...more].forEach((file, i) => {
    const meta = session.inputMetadata[i];
    feeds[meta.name] = runtime.readTensor(ort, meta, file, 1);
  });
  const runs = Number(process.env.TANDEM_TIME || 0);
  if (runs > 0) await time(session, feeds, runs);
  const results = await session.run(feeds);
  session.outputNames.forEach((name, i) => runtime.writeTensor(results[name], i ? `${output}.${i}` : output));
}

main().catch((error) => {
  console.error(`onnxruntime: ${error.message}`);
  process.exit(1);
});
