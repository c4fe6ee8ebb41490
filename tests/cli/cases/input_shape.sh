# Sizes that the file leaves open are bound when the model is loaded.
try tandem inspect open.onnx
tandem inspect open.onnx --input-shape Nx3x40x24 | sed -n '2p;8,$p'
try tandem inspect open.onnx --input-shape other=1x3x40x24
try tandem inspect open.onnx --input-shape 1x4x40x24
try tandem inspect open.onnx --input-shape 1x3xWx24
try tandem inspect tiny.onnx --input-shape input=1x3x40x24
try tandem split open.onnx --input-shape input=1x3x16x16 --cut relu1 -o halves
tandem inspect halves/tail.onnx | sed -n 2p
tandem run --model open.onnx --input-shape 1x3x32x32 --cut relu1 --codec raw a.bin --limit 1 --no-agreement | head -1 | cut -c1-20
