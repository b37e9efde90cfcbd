#!/bin/sh
# Runs test programs one by one (a crash takes one topic down) and adds up. Usage: run.sh PROGRAM...
# Golden numbers are float32, on a CPU with bf16 instructions too.
export HOOKE_DTYPE=f32
passed=0 failed=0 skipped=0 bad=""
for t in "$@"; do
    out=$("$t" 2>&1) && rc=0 || rc=$?
    n=$(printf '%s\n' "$out" | grep -c '^\[       OK \]')
    s=$(printf '%s\n' "$out" | grep -c '^\[  SKIPPED \] [a-z0-9_]*$')
    f=$(printf '%s\n' "$out" | sed -n 's/^ *\([0-9]*\) FAILED TEST.*/\1/p' | head -1)
    [ -z "$f" ] && f=0
    if [ "$rc" != 0 ] || [ "$((n + s + f))" = 0 ]; then
        [ "$f" = 0 ] && f=1
        bad="$bad $t"
        printf '%s\n' "$out"
    fi
    printf '%s\n' "$out" | grep '^skip: ' || true
    printf '%-52s %4d passed %3d failed %3d skipped\n' "${t#*/*/tests/}" "$n" "$f" "$s"
    passed=$((passed + n)) failed=$((failed + f)) skipped=$((skipped + s))
done
[ -n "$bad" ] && echo "failed:$bad"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
