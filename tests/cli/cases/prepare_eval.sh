# From an ONNX file to figures.
try tandem prepare tiny.onnx --pictures a.bin --recipe cifar -o tiny.bundle
ls tiny.bundle
try tandem prepare tiny.onnx --pictures a.bin -o tiny.bundle
try tandem prepare tiny.onnx --pictures a.bin --recipe cifar --limit 12 --threads 1 --force -o tiny.bundle
try tandem eval tiny.bundle --data b.bin --cut relu1 --cut avgpool --codec raw --codec uniform:levels=16
try tandem eval tiny.bundle --data a.bin --cut relu1 --codec uniform:levels=16
tandem eval tiny.bundle --data a.bin --cut relu1 --codec uniform:levels=16 --allow-overlap | tail -1
tandem eval --json tiny.bundle --data b.bin | grep -o '"[a-z0-9_]*":' | sort -u | tr -d '\n'
echo
