// SPDX-License-Identifier: Apache-2.0
//
// What the scripts of this folder share: finding onnxruntime-node, and tensors as files of raw elements (little-endian).
// The package is looked for in TANDEM_NODE (a folder with node_modules), else build-node in the source tree. Exit code
// 77: no onnxruntime.
'use strict';
const fs = require('fs');
const path = require('path');

const ARRAYS = {float32: Float32Array, uint8: Uint8Array, uint16: Uint16Array, float16: Uint16Array};

function load() {
  const folder = process.env.TANDEM_NODE || path.join(__dirname, '..', '..', 'build-node');
  try {
    return require(path.join(folder, 'node_modules', 'onnxruntime-node'));
  } catch (error) {
    console.error(`skipped: no onnxruntime-node in ${folder} (run scripts/install-onnxruntime)`);
    process.exit(77);
  }
}

function open(ort, model) {
  return ort.InferenceSession.create(model, {
    intraOpNumThreads: Number(process.env.TANDEM_THREADS || 1),
    interOpNumThreads: 1,
    executionMode: 'sequential',
  });
}

// The content of a file as the input that `meta` describes, symbolic axes bound to `batch`.
function readTensor(ort, meta, file, batch) {
  const bytes = fs.readFileSync(file);
  const array = ARRAYS[meta.type];
  if (!array) throw new Error(`input "${meta.name}" has type ${meta.type}`);
  const dims = meta.shape.map((d) => (typeof d === 'number' && d > 0 ? d : batch));
  const count = dims.reduce((a, b) => a * b, 1);
  if (bytes.length !== count * array.BYTES_PER_ELEMENT) {
    throw new Error(`${file} has ${bytes.length} bytes, "${meta.name}" ${count * array.BYTES_PER_ELEMENT}`);
  }
  return new ort.Tensor(meta.type, new array(new Uint8Array(bytes).buffer), dims);
}

function writeTensor(tensor, file) {
  const data = tensor.data;
  fs.writeFileSync(file, Buffer.from(data.buffer, data.byteOffset, data.byteLength));
}

module.exports = {load, open, readTensor, writeTensor};
