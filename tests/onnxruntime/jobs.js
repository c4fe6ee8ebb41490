// SPDX-License-Identifier: Apache-2.0
//
// Runs many models in onnxruntime, one after the other, in one process.
//
//   node jobs.js [LIST]
//
// LIST has one job a line, tabs between: MODEL BATCH OUTPUT INPUT [INPUT ...]. Files are as in run.js, symbolic axes are
// bound to BATCH, output I goes to OUTPUT.I, so that a later job can take it as its INPUT. That each output has the shape
// which the model declares is checked. Without LIST: whether onnxruntime is there.
'use strict';
const fs = require('fs');
const runtime = require('./runtime.js');

function checkShape(meta, dims, batch) {
  // An exported file may leave other axes than the first open, too.
  const declared = meta.shape.map((d, i) => (typeof d === 'number' && d > 0 ? d : i === 0 ? batch : dims[i]));
  if (declared.join('x') !== dims.join('x')) {
    throw new Error(`output "${meta.name}" is declared as ${meta.shape.join('x')} and has ${dims.join('x')}`);
  }
}

async function runJob(ort, session, batch, output, inputs) {
  if (inputs.length !== session.inputNames.length) throw new Error(`it has ${session.inputNames.length} inputs`);
  const feeds = {};
  inputs.forEach((file, i) => {
    const meta = session.inputMetadata[i];
    feeds[meta.name] = runtime.readTensor(ort, meta, file, batch);
  });
  const results = await session.run(feeds);
  session.outputMetadata.forEach((meta, i) => {
    checkShape(meta, results[meta.name].dims, batch);
    runtime.writeTensor(results[meta.name], `${output}.${i}`);
  });
}

async function main() {
  const ort = runtime.load();
  const lines = process.argv[2] ? fs.readFileSync(process.argv[2], 'utf8').split('\n').filter(Boolean) : [];
  let opened = null;
  let session = null;
  for (const line of lines) {
    const [model, batch, output, ...inputs] = line.split('\t');
    try {
      if (model !== opened) {
        if (session) await session.release();
        session = await runtime.open(ort, model);
        opened = model;
      }
      await runJob(ort, session, Number(batch), output, inputs);
    } catch (error) {
      throw new Error(`${model} with batch ${batch}: ${error.message}`);
    }
  }
}

main().catch((error) => {
  console.error(`onnxruntime: ${error.message}`);
  process.exit(1);
});
