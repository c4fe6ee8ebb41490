# The two halves as files.
try tandem split tiny.onnx --cut relu1 -o halves
try tandem inspect halves/head.onnx
try tandem split tiny.onnx --cut relu1 --codec "uniform:levels=16,min=0,max=4+jpeg:quality=50" -o halves
tandem inspect halves/head.onnx | grep '^output  *relu1'
tandem inspect halves/tail.onnx | grep -E '^(input|recipe)'
try tandem split tiny.onnx --cut relu1 --codec uniform:levels=16 -o halves
try tandem split tiny.onnx --cut input -o halves
ls halves
