#!/bin/sh
# make check: everything that is looked at without running the suite. Each step prints one line; the first fault ends it.
# A step whose tool is absent says so and is skipped, except in CI (CI=true), where every tool must be there.
set -eu
cd "$(dirname "$0")/../.."
C_FILES=$(git ls-files 'src/*.c' 'src/*.h' 'include/*.h' 'tests/*.c' 'tests/*.h' 'bench/*.c' 'fuzz/*.c' 'tools/*.c')
LIB_FILES=$(git ls-files 'src/*.c' 'src/*.h' | grep -v '^src/cli/')
JOBS=$(nproc 2>/dev/null || echo 1)

step() { printf '%-34s' "$1"; }
ok() { echo "ok${1:+: $1}"; }
bad() { echo "FAILED"; printf '%s\n' "$1" >&2; exit 1; }
lacks() {
    [ "${CI:-}" = true ] && bad "check: $1 is missing; install it"
    echo "skipped: $1 is not installed"
}

step "format"
if command -v clang-format >/dev/null && clang-format --version | grep -q ' 14\.'; then
    out=$(clang-format --dry-run -Werror $C_FILES 2>&1) || bad "$out"
    ok
else lacks "clang-format 14"; fi

step "include direction"
out=$(tools/check/includes.sh) || bad "$out"; ok

step "banned calls"
out=$(tools/check/banned.sh $C_FILES) || bad "$out"; ok

step "file names are unique"
out=$(printf '%s\n' $LIB_FILES | sed 's|.*/||' | sort | uniq -d); [ -z "$out" ] || bad "$out"; ok

step "function and file length"
out=$(tools/check/length.sh $LIB_FILES $(git ls-files 'src/cli/*.c')) || bad "$out"; ok

step "headers compile alone"
for h in $(git ls-files 'src/*.h' 'include/*.h'); do
    alone="#include \"${h#*/}\"
typedef int nothing_else;"
    out=$(printf '%s\n' "$alone" | ${CC:-gcc} -std=c11 -D_POSIX_C_SOURCE=200809L -Iinclude -Isrc -Wall -Wextra -Wpedantic -Werror -fsyntax-only -x c - 2>&1) || bad "$h as C11: $out"
    if command -v g++ >/dev/null; then
        out=$(printf '%s\n' "$alone" | g++ -std=c++17 -Iinclude -Isrc -Wall -Wextra -Werror -fsyntax-only -x c++ - 2>&1) || bad "$h as C++17: $out"
    fi
done
ok "C11$(command -v g++ >/dev/null && echo ' and C++17')"

step "words"
out=$(tools/check/words.sh) || bad "$out"; ok

step "gcc, no warnings"
out=$(make -s -j"$JOBS" WERROR=1 all test-programs 2>&1) || bad "$out"; ok

step "exported symbols"
nm -D --defined-only build/release/libhooke.so | awk '$2 ~ /[TDBR]/ {print $3}' | LC_ALL=C sort > build/symbols.txt
out=$(diff tools/check/symbols.txt build/symbols.txt) || bad "exported symbols differ from tools/check/symbols.txt:
$out"
ok "$(wc -l < build/symbols.txt)"

step "installed program and library"
if command -v pkg-config >/dev/null; then
    out=$(tools/check/install.sh 2>&1) || bad "$out"; ok
else lacks pkg-config; fi

step "clang, no warnings"
if command -v clang >/dev/null; then
    out=$(make -s -j"$JOBS" CC=clang WERROR=1 all 2>&1) || bad "$out"; ok
else lacks clang; fi

step "static analysis"
if command -v clang-tidy >/dev/null; then
    out=$(tools/check/tidy.sh "$JOBS") || bad "$out"; ok
else lacks clang-tidy; fi

step "aarch64 under emulation"
if ! command -v qemu-aarch64 >/dev/null || ! command -v aarch64-linux-gnu-gcc >/dev/null; then
    echo "skipped: no aarch64 compiler or emulator"
elif [ ! -e /usr/lib/aarch64-linux-gnu/libutf8proc.so ]; then
    echo "skipped: no aarch64 libraries (dpkg --add-architecture arm64; apt-get install libutf8proc-dev:arm64 ...)"
else
    out=$(make -s -j"$JOBS" CROSS=aarch64-linux-gnu- WERROR=1 test-programs 2>&1) || bad "$out"
    out=$(tests/run_emulated.sh build/release-aarch64 2>&1) || bad "$out"
    ok "$(printf '%s\n' "$out" | tail -1)"
fi
echo "check: all good"
