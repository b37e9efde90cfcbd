#!/bin/sh
# clang-tidy with a short list: what it finds is a fault. Usage: tidy.sh JOBS
CHECKS='-*,clang-analyzer-*,-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling,bugprone-*,-bugprone-easily-swappable-parameters,-bugprone-narrowing-conversions,-bugprone-reserved-identifier,-bugprone-implicit-widening-of-multiplication-result,-bugprone-assignment-in-if-condition,-bugprone-branch-clone,-bugprone-macro-parentheses,-bugprone-suspicious-include,-bugprone-sizeof-expression'
git ls-files "src/*.c" | grep -vE '_avx2\.c$|_avx512[a-z0-9]*\.c$|_no_x86\.c$' | xargs -P "$1" -n 4 clang-tidy --quiet --warnings-as-errors='*' \
    "--checks=$CHECKS" -- -std=c11 -D_POSIX_C_SOURCE=200809L -Iinclude -Isrc -DHOOKE_PREFIX='"/usr/local"' -fopenmp 2>/dev/null
