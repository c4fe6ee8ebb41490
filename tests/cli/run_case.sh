#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# run_case.sh CASE.sh: runs a case in a folder of its own, with `tandem` in the path, and compares what it writes to
# standard output with CASE.out, line by line; a line there may have shell wildcards. UPDATE=1 writes CASE.out anew.
# Needs TANDEM_EXE and TANDEM_FIXTURE, the programs under test and the one that writes tiny.onnx, a.bin and b.bin.
set -u
case_script=$1
expected=${case_script%.sh}.out
work=$(mktemp -d "${TMPDIR:-/tmp}/tandem-cli-XXXXXX") || exit 99
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin" "$work/case"
ln -s "$TANDEM_EXE" "$work/bin/tandem"
PATH=$work/bin:$PATH
XDG_CACHE_HOME=$work/cache
export PATH XDG_CACHE_HOME
"$TANDEM_FIXTURE" "$work/case" || exit 99

# try COMMAND...: its standard output, its standard error with "! " before each line, and its exit code.
cat > "$work/lib.sh" << 'LIB'
try() {
    code=0
    "$@" > stdout.txt 2> stderr.txt || code=$?
    cat stdout.txt
    sed 's/^/! /' stderr.txt
    rm -f stdout.txt stderr.txt
    [ $code -eq 0 ] || echo "exit $code"
}
LIB

(cd "$work/case" && . "$work/lib.sh" && . "$case_script") > "$work/actual" 2>&1
if [ "${UPDATE:-0}" = 1 ]; then
    cp "$work/actual" "$expected"
    exit 0
fi

failed=0
exec 3< "$expected" 4< "$work/actual"
while IFS= read -r actual <&4; do
    if ! IFS= read -r pattern <&3; then
        echo "unexpected: $actual"
        failed=1
        continue
    fi
    [ "$actual" = "$pattern" ] && continue
    # shellcheck disable=SC2254
    case $actual in
    $pattern) ;;
    *)
        printf 'expected: %s\nactual:   %s\n' "$pattern" "$actual"
        failed=1
        ;;
    esac
done
while IFS= read -r pattern <&3; do
    echo "missing: $pattern"
    failed=1
done
exit $failed
