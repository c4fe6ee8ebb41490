# One process.
try tandem run --model tiny.onnx --cut relu1 --codec f16 --limit 2 b.bin
tandem run --json --model tiny.onnx --top 3 --limit 3 b.bin > run.json
grep -o '"[a-z0-9_]*":' run.json | sort -u | tr -d '\n'
echo
grep -c '"outcome": "result"' run.json
grep -A100 '"summary"' run.json | grep -E '"(frames|results|dropped|agreement)"'
# A picture that cannot be read is a frame without a result, and the others have theirs; a name in another encoding is
# written as JSON can.
other=$(printf 'caf\351').bin
cp b.bin "$other"
printf '\211PNG\r\n\032\n' > a.png
try tandem run --model tiny.onnx --no-agreement --limit 3 a.png b.bin
tandem run --json --model tiny.onnx --limit 3 a.png "$other" 2> /dev/null | grep -E '"(id|source|outcome|dropped)": ("[^"]|[0-9]+,)'
