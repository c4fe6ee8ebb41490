# What is in a model, as text and as JSON.
try tandem inspect tiny.onnx
try tandem inspect tiny.onnx --cut conv2,relu1 --cut input
tandem inspect --json tiny.onnx | grep -o '"[a-z_]*":' | sort -u | tr -d '\n'
echo
tandem inspect --dot tiny.onnx | head -1
# Memory; which implementations compute depends on the processor.
tandem inspect --memory --cut relu1 tiny.onnx | grep -v '^    ' | sed 's/  *[0-9.]*  / N /'
tandem inspect --memory --json tiny.onnx | grep -o '"[a-z_]*":' | sort -u | tr -d '\n'
echo
try tandem inspect --memory --dot tiny.onnx
