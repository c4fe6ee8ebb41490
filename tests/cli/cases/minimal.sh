# What a minimal build leaves out is told by name.
try tandem serve tiny.bundle
try tandem prepare tiny.onnx --pictures a.bin -o tiny.bundle
try tandem eval tiny.onnx --data a.bin
