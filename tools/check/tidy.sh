#!/bin/sh
# clang-tidy with a short list: what it finds is a fault. (valist: clang 14 calls every second va_list of a run uninitialized.) Usage: tidy.sh JOBS [FILE...]
jobs=$1
shift
files=${*:-$(make -s sources | grep -vE '_avx2\.c$|_avx512[a-z0-9]*\.c$')}
CHECKS='-*,clang-analyzer-*,-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling,-clang-analyzer-valist.*,bugprone-*'
for off in easily-swappable-parameters narrowing-conversions reserved-identifier implicit-widening-of-multiplication-result \
    assignment-in-if-condition branch-clone macro-parentheses suspicious-include sizeof-expression; do
    CHECKS="$CHECKS,-bugprone-$off"
done
export CHECKS
printf '%s\n' $files | xargs -P "$jobs" -n 4 sh -c \
    'clang-tidy --quiet --warnings-as-errors="*" "--checks=$CHECKS" "$@" -- -std=c11 -D_POSIX_C_SOURCE=200809L -Iinclude -Isrc -DHOOKE_PREFIX="\"/usr/local\"" -fopenmp 2>/dev/null' tidy
