# Every mistake gets one sentence that names it.
echo "this is a text" > text.onnx
mkdir empty
try tandem evla
try tandem inspect
try tandem inspect nothing.onnx
try tandem inspect text.onnx
try tandem inspect empty
try tandem inspect tiny.onnx --jsno
try tandem inspect tiny.onnx --cut relu3
try tandem inspect tiny.onnx --cut conv2
try tandem inspect tiny.onnx --cut
try tandem split tiny.onnx --cut relu1
try tandem split tiny.onnx --cut relu1 --codec unifrom:levels=16 -o halves
try tandem prepare tiny.onnx --pictures empty -o bundle
try tandem prepare tiny.onnx --pictures nothing -o bundle
try tandem prepare tiny.onnx --pictures text.onnx -o bundle
try tandem prepare tiny.onnx --pictures a.bin --recipe trch -o bundle
try tandem prepare tiny.onnx --pictures a.bin --subset 2/2 -o bundle
try tandem prepare tiny.onnx --pictures a.bin --output-kind what -o bundle
try tandem eval tiny.onnx --data empty
try tandem eval tiny.onnx --data b.bin --cut relu1 --codec uniform:levels=16
try tandem eval tiny.onnx --data b.bin --cut relu1 --codec picture+png
try tandem run b.bin
try tandem run --model tiny.onnx
try tandem run --model tiny.onnx --top 0 b.bin
try tandem run --model tiny.onnx --server 127.0.0.1:1 b.bin
try tandem serve
try tandem serve nothing
ls
