#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Only td_ and tandem symbols leave the shared library, and every function that a public header declares does.
set -eu
library=$1
headers=$2
exported=$(nm -D --defined-only "$library" | awk '{print $3}' | sed 's/@.*//' | sort -u)
strange=$(printf '%s\n' "$exported" | grep -Ev '^(td_|tandem)' || true)
if [ -n "$strange" ]; then
    echo "exported without the prefix: $strange"
    exit 1
fi
declared=$(cat "$headers"/*.h | tr '\n' ' ' | grep -oE 'TD_API [^;(]*\(' | grep -oE 'td_[a-z0-9_]+ ?\($' | tr -d ' (' | sort -u)
missing=0
for name in $declared; do
    if ! printf '%s\n' "$exported" | grep -qx "$name"; then
        case " ${ABSENT:-} " in *" $name "*) continue ;; esac
        echo "declared but not exported: $name"
        missing=1
    fi
done
printf '%s declared, %s exported\n' "$(printf '%s\n' "$declared" | wc -l)" "$(printf '%s\n' "$exported" | wc -l)"
exit $missing
