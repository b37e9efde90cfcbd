#!/bin/sh
# Writes the recorded help pages from the built program; look at the difference before committing it.
set -eu
cd "$(dirname "$0")/../../.."
program=${HOOKE:-build/release/hooke}
$program help >tests/golden/cli/help.txt
for c in demo info ls pull tokens capture convert encode decode features feature generate eval bench synth doctor; do
    $program "$c" --help >"tests/golden/cli/help_$c.txt"
done
