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
# What is meant where the user names nothing.
rm -r tiny.bundle
try tandem prepare tiny.onnx --pictures a.bin --default-codec uniform -o tiny.bundle
try tandem prepare tiny.onnx --pictures a.bin --default-cut relu3 -o tiny.bundle
try tandem prepare tiny.onnx --pictures a.bin --default-cut input --default-codec uniform -o tiny.bundle
try tandem prepare tiny.onnx --pictures a.bin --cut add --default-cut relu1 --default-codec uniform -o tiny.bundle
tandem prepare tiny.onnx --pictures a.bin --default-cut relu1 --default-codec uniform:levels=16 -o tiny.bundle > /dev/null
grep default tiny.bundle/bundle.json
tandem run --model tiny.bundle --limit 1 a.bin | head -1
tandem prepare tiny.onnx --pictures a.bin --cut relu1,conv2 -o pair.bundle | head -1
tandem eval tiny.bundle --data b.bin | tail -1 | cut -c -48
# The name is checked before the long part; a signal leaves nothing behind.
try tandem prepare tiny.onnx --pictures a.bin -o "my bundle"
for _ in 1 2 3 4 5 6 7 8; do
    cat a.bin a.bin > twice.bin
    mv twice.bin a.bin
done
mkdir out
tandem prepare tiny.onnx --pictures a.bin -o out/long.bundle 2> log.txt &
until [ -n "$(ls -A out)" ] || ! kill -0 $!; do
    sleep 0.01
done
kill -TERM $!
wait $!
echo "exit $?"
cat log.txt
ls -A out
