#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# installed.sh: what is installed suffices: the program runs, the man page is there, and the example is compiled with
# pkg-config and runs. Needs TANDEM_BUILD_ROOT, TANDEM_SOURCE_ROOT, TANDEM_FIXTURE and CC; MESON as `meson`.
set -eu
work=$(mktemp -d "${TMPDIR:-/tmp}/tandem-installed-XXXXXX")
trap 'rm -rf "$work"' EXIT
DESTDIR=$work/root ${MESON:-meson} install -C "$TANDEM_BUILD_ROOT" --no-rebuild --quiet > "$work/log" 2>&1 || {
    cat "$work/log"
    exit 1
}
pc=$(find "$work/root" -name tandem.pc)
prefix=$work/root$(sed -n 's/^prefix=//p' "$pc")
lib=$(dirname "$(dirname "$pc")")
export PKG_CONFIG_PATH="$lib/pkgconfig" LD_LIBRARY_PATH="$lib"
flags=$(pkg-config --define-variable=prefix="$prefix" --cflags --libs tandem)
echo "flags: $flags"
# shellcheck disable=SC2086
${CC:-cc} -std=c11 -Wall -Wextra -Werror "$TANDEM_SOURCE_ROOT/examples/split_in_process.c" -o "$work/example" $flags
"$TANDEM_FIXTURE" "$work"
"$work/example" "$work/tiny.onnx" relu1 "uniform:levels=64,min=0,max=8" "$work/a.bin" | tee "$work/out"
grep -q 'relu1: 6x32x32, uniform:levels=64,min=0,max=8+pack' "$work/out"
grep -q 'a.bin: 4608 bytes' "$work/out"
"$prefix/bin/tandem" --version
find "$prefix" -name 'tandem.1*' | grep -q .
