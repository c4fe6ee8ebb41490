# One process.
try tandem run --model tiny.onnx --cut relu1 --codec f16 --limit 2 b.bin
tandem run --json --model tiny.onnx --top 3 --limit 3 b.bin > run.json
grep -o '"[a-z0-9_]*":' run.json | sort -u | tr -d '\n'
echo
grep -c '"outcome": "result"' run.json
grep -A100 '"summary"' run.json | grep -E '"(frames|results|dropped|agreement)"'
