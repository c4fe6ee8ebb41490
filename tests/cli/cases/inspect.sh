# What is in a model, as text and as JSON.
try tandem inspect tiny.onnx
try tandem inspect tiny.onnx --cut conv2,relu1 --cut input
tandem inspect --json tiny.onnx | grep -o '"[a-z_]*":' | sort -u | tr -d '\n'
echo
tandem inspect --dot tiny.onnx | head -1
