// SPDX-License-Identifier: Apache-2.0
//
// Runs a model in onnxruntime.
//
//   node run.js MODEL INPUT OUTPUT [INPUT2 ...]
//
// INPUT files hold the raw elements of the model's inputs in their order (float32, uint8, uint16 or float16,
// little-endian, a symbolic axis bound to 1); OUTPUT gets the raw elements of the first output, OUTPUT.1 those of the
// second, and so on. With TANDEM_TIME=N in the environment the median time of N runs on TANDEM_THREADS threads (default 1)
// is printed in ms. The package is looked for in TANDEM_NODE (a folder with node_modules), else build-node in the source
// tree. Exit code 77: no onnxruntime.
'use strict';
const fs = require('fs');
const path = require('path');

function load() {
  const folder = process.env.TANDEM_NODE || path.join(__dirname, '..', '..', 'build-node');
  try {
    return require(path.join(folder, 'node_modules', 'onnxruntime-node'));
  } catch (error) {
    console.error(`skipped: no onnxruntime-node in ${folder} (run scripts/install-onnxruntime)`);
    process.exit(77);
  }
}

const ARRAYS = {float32: Float32Array, uint8: Uint8Array, uint16: Uint16Array, float16: Uint16Array};

function tensor(ort, meta, file) {
  const bytes = fs.readFileSync(file);
  const array = ARRAYS[meta.type];
  if (!array) throw new Error(`input "${meta.name}" has type ${meta.type}`);
  const dims = meta.shape.map((d) => (typeof d === 'number' && d > 0 ? d : 1));
  const count = dims.reduce((a, b) => a * b, 1);
  if (bytes.length !== count * array.BYTES_PER_ELEMENT) {
    throw new Error(`${file} has ${bytes.length} bytes, "${meta.name}" ${count * array.BYTES_PER_ELEMENT}`);
  }
  const copy = new Uint8Array(bytes).buffer;
  return new ort.Tensor(meta.type, new array(copy), dims);
}

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
  const ort = load();
  const threads = Number(process.env.TANDEM_THREADS || 1);
  const session = await ort.InferenceSession.create(model, {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
  });
  const feeds = {};
  [input, ...more].forEach((file, i) => {
    const meta = session.inputMetadata[i];
    feeds[meta.name] = tensor(ort, meta, file);
  });
  const runs = Number(process.env.TANDEM_TIME || 0);
  if (runs > 0) await time(session, feeds, runs);
  const results = await session.run(feeds);
  session.outputNames.forEach((name, i) => {
    const data = results[name].data;
    fs.writeFileSync(i ? `${output}.${i}` : output, Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  });
}

main().catch((error) => {
  console.error(`onnxruntime: ${error.message}`);
  process.exit(1);
});
