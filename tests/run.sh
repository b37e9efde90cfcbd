#!/bin/sh
# Runs test programs, JOBS at a time (default: one a core), each by itself: a crash takes one topic down. Adds up. Usage: run.sh PROGRAM...
# Golden numbers are float32, on a CPU with bf16 instructions too.
export HOOKE_DTYPE=f32
# Programs beside one another: threads that wait give the core away.
export OMP_WAIT_POLICY=passive
if [ "$1" = --one ]; then # FOLDER PROGRAM: what it said and its line, in one piece; its counts go to the folder
    folder=$2 t=$3
    begun=$(date +%s)
    out=$("$t" 2>&1) && rc=0 || rc=$?
    n=$(printf '%s\n' "$out" | grep -c '^\[       OK \]')
    s=$(printf '%s\n' "$out" | sed -n 's/^\[  SKIPPED \] [^0-9]*\([0-9]*\) test(s).*/\1/p' | head -1)
    f=$(printf '%s\n' "$out" | sed -n 's/^ *\([0-9]*\) FAILED TEST.*/\1/p' | head -1)
    [ -z "$s" ] && s=0
    [ -z "$f" ] && f=0
    if [ "$rc" != 0 ] || [ "$((n + s + f))" = 0 ]; then
        [ "$f" = 0 ] && f=1
        said="$out
"
    else
        said=$(printf '%s\n' "$out" | grep '^skip: ')
        said="$said${said:+
}"
    fi
    printf '%s%-44s %4d passed %3d failed %3d skipped %4d s\n' "$said" "${t#*/*/tests/}" "$n" "$f" "$s" $(($(date +%s) - begun))
    echo "$n $f $s $t" >"$folder/$(echo "$t" | tr / _)"
    exit 0
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
printf '%s\n' "$@" | xargs -P "${JOBS:-$(nproc 2>/dev/null || echo 1)}" -n 1 "$0" --one "$folder"
cat "$folder"/* | awk -v wanted=$# '
    { passed += $1; failed += $2; skipped += $3; if ($2) bad = bad " " $4 }
    END {
        if (bad) print "failed:" bad
        if (NR != wanted) print "only " NR " of " wanted " programs came to an end"
        print passed + 0 " passed, " failed + 0 " failed, " skipped + 0 " skipped"
        exit failed || NR != wanted
    }'
