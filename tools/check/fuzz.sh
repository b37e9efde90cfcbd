#!/bin/bash
# Runs each fuzz target: with clang's libFuzzer under ASan and UBSan for N seconds on a copy of its saved corpus, else the corpora
# alone through the plain driver. One line a target. Usage: fuzz.sh [SECONDS] [TARGET...]
# What is found stays in build/fuzz-findings/TARGET.
set -u
cd "$(dirname "$0")/../.."
seconds=${1:-5}
case $seconds in *[!0-9]*) seconds=5 ;; esac
shift || true
targets=${*:-$(for f in fuzz/fuzz_*.c; do basename "$f" .c; done)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
faults=0

has_libfuzzer() {
    command -v clang >/dev/null || return 1
    printf '#include <stddef.h>\n#include <stdint.h>\nint LLVMFuzzerTestOneInput(const uint8_t *d, size_t n){(void)d;(void)n;return 0;}\n' >"$work/try.c"
    clang -fsanitize=fuzzer,address,undefined "$work/try.c" -o "$work/try" 2>/dev/null
}

if has_libfuzzer; then
    how="libFuzzer, ASan, UBSan, $seconds s"
    build="make -s FLAVOUR=fuzz CC=clang"
    folder=build/fuzz-clang/fuzz
else
    how="saved inputs only (no libFuzzer here)"
    build="make -s"
    folder=build/release/fuzz
fi

for t in $targets; do
    corpus=fuzz/corpus/${t#fuzz_}
    log=$work/$t.log
    if ! $build "$folder/$t" >"$log" 2>&1; then
        printf '%-22s does not build\n' "$t"; tail -20 "$log" >&2; faults=1; continue
    fi
    mkdir -p "$work/$t" build/fuzz-findings/"$t"
    [ -d "$corpus" ] && cp -r "$corpus"/. "$work/$t"
    if [ "$folder" = build/release/fuzz ]; then
        "$folder/$t" "$work/$t" >"$log" 2>&1; rc=$?
        said=$(tail -1 "$log")
    else
        OMP_NUM_THREADS=1 "$folder/$t" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=4096 -print_final_stats=1 \
            -artifact_prefix=build/fuzz-findings/"$t"/ "$work/$t" >"$log" 2>&1; rc=$?
        said="$(sed -n 's/^stat::number_of_executed_units: *//p' "$log") runs"
    fi
    if [ $rc = 0 ]; then
        rmdir build/fuzz-findings/"$t" 2>/dev/null
        printf '%-22s ok: %s (%s)\n' "$t" "$said" "$how"
    else
        printf '%-22s FAILED: see build/fuzz-findings/%s\n' "$t" "$t"; tail -40 "$log" >&2; faults=1
    fi
done
exit $faults
