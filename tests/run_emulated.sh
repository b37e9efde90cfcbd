#!/bin/sh
# Runs the aarch64 test programs under user-mode emulation. Usage: run_emulated.sh BUILD_FOLDER
# The command-line tests start the program itself, which an emulated process cannot do without binfmt, and benchmarks
# measure an emulator, and some programs need minutes there (long generation, every row of every shipped data set): they are left out.
set -eu
B=$1
work=$B/emulated
mkdir -p "$work/tests"
programs=""
for t in "$B"/tests/*/test_*; do
    case $t in *.d | */tests/cli/* | */tests/bench/* | */test_generate | */test_dataset_rows | */test_token_streams) continue ;; esac
    room=$(basename "$(dirname "$t")")
    mkdir -p "$work/tests/$room"
    printf '#!/bin/sh\nexec qemu-aarch64 -E LD_LIBRARY_PATH=/usr/aarch64-linux-gnu/lib:/usr/lib/aarch64-linux-gnu %s "$@"\n' "$t" > "$work/tests/$room/$(basename "$t")"
    chmod +x "$work/tests/$room/$(basename "$t")"
    programs="$programs $work/tests/$room/$(basename "$t")"
done
# One thread: the emulator takes minutes over teams that wait for each other.
OMP_THREAD_LIMIT=1 tests/run.sh $programs
