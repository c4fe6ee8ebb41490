# Two processes: the answers are those of one; the server stops when it is told to.
start() {
    tandem serve tiny.bundle --listen 127.0.0.1:0 --quiet > serve.txt 2> log.txt &
    server=$!
    until grep -q listening serve.txt; do
        kill -0 $server || return
        sleep 0.05
    done
    address=$(sed -n 's/listening on //p' serve.txt)
}
classes() { grep -o '"label": .*' "$1"; }

tandem prepare tiny.onnx --pictures a.bin --name tiny -o tiny.bundle > /dev/null
start
for cut in "input --codec picture+png" "relu1 --codec f16" "relu1,conv2 --codec uniform:levels=64,min=-8,max=8" "output"; do
    # shellcheck disable=SC2086
    tandem run --json --server "$address" --model tiny --cut $cut b.bin > split.json
    # shellcheck disable=SC2086
    tandem run --json --model tiny.onnx --cut $cut b.bin > whole.json
    classes split.json > split.txt
    classes whole.json > whole.txt
    cmp split.txt whole.txt && wc -l < split.txt
done
try tandem run --server "$address" --model nobody b.bin
try tandem run --server "$address" --model tiny --cut relu1 --codec uniform:levels=1 b.bin
kill -TERM $server
wait $server
echo "exit $?"
cat log.txt

# A server that is killed.
start
for _ in 1 2 3 4 5 6 7 8 9 10; do cat b.bin b.bin b.bin b.bin; done > some.bin
for _ in 1 2 3 4 5 6 7 8 9 10; do cat some.bin some.bin some.bin some.bin some.bin; done > many.bin
: > frames.txt
tandem run --server "$address" --model tiny --no-agreement --cut relu1 many.bin > frames.txt 2> error.txt &
device=$!
until [ "$(wc -l < frames.txt)" -ge 20 ]; do
    kill -0 $device || break
    sleep 0.05
done
kill -KILL $server
wait $device
echo "exit $?"
cat error.txt
