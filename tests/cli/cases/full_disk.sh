# A full disk is told, whatever was being written. A limit on the size of files stands in for it.
tandem prepare tiny.onnx --pictures a.bin --limit 2 -o tiny.bundle > /dev/null
for arguments in "inspect tiny.onnx" "inspect --json tiny.onnx" "inspect --dot tiny.onnx" "--help" \
    "eval tiny.bundle --data b.bin" "run --model tiny.onnx b.bin" "run --model tiny.onnx --json b.bin"; do
    # shellcheck disable=SC2086
    tandem $arguments 2>&1 > /dev/full
    echo "exit $?"
done
# Through a pipe, which has no limit.
(
    trap '' XFSZ
    ulimit -f 1
    tandem split tiny.onnx --cut relu1 -o halves
    echo "exit $?"
    tandem prepare tiny.onnx --pictures a.bin -o other.bundle
    echo "exit $?"
) 2>&1 | cat
ls -A halves
ls -A
