# Each half of a network with a precision of its own, and who is told what.
tandem prepare tiny.onnx --pictures a.bin --recipe cifar --cut relu1 -o tiny.bundle > /dev/null
for precision in f32 bf16 int8; do
    ONEDNN_MAX_CPU_ISA=AVX2 try tandem run --model tiny.bundle --limit 1 --precision $precision --no-agreement a.bin > out.txt
    grep precision out.txt
    grep '^!' out.txt
    grep -c a.bin out.txt
done
try tandem run --model tiny.onnx --precision fp16 a.bin
try tandem serve tiny.bundle --precision
try tandem eval tiny.bundle --data a.bin --precision f32 | head -1
ONEDNN_MAX_CPU_ISA=AVX2 tandem eval tiny.bundle --data b.bin --precision int8 --json 2> /dev/null | grep -o '"precision": "[a-z0-9]*"'
