try tandem run --model tiny.onnx one.npy --save whole
try tandem run --model tiny.onnx input=two.npy --save cut --cut conv2,relu1 --codec f16
tandem run --json --model tiny.onnx two.npy --save cut --cut relu1 > run.json
grep -E '"(cut|codec|folder|bytes|file)"' run.json
# The same network on the same picture, uncut and losslessly cut; 2 pictures have 2 x 10 logits.
tandem run --model tiny.onnx one.npy --save lossless --cut output --codec raw > /dev/null
cmp whole/logits.npy lossless/logits.npy && echo same
tail -c 80 cut/logits.npy | wc -c
# What does not fit.
try tandem run --model tiny.onnx one.npy
try tandem run --model tiny.onnx --save out
try tandem run --model tiny.onnx --save out one.npy two.npy
try tandem run --model tiny.onnx --save out a.bin
try tandem run --model tiny.onnx --save out --top 3 one.npy
try tandem run --model tiny.onnx --save out --codec raw one.npy
try tandem run --model tiny.onnx --save a.bin one.npy
