#!/bin/sh
# Runs the transcripts of the manual again: in ```console blocks, lines that begin with "$ " are commands, the rest is
# what they printed. Usage: docs/manual/refresh.sh [PAGE...]; look at the difference before committing it.
set -eu
cd "$(dirname "$0")/../.."
root=$PWD
[ $# -gt 0 ] || set -- docs/manual/*.md
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/bin" "$scratch/desk"
ln -s "$root/build/release/hooke" "$scratch/bin/hooke"
cp data/micro/demo.txt "$scratch/desk/story.txt"
for page in "$@"; do
    (cd "$scratch/desk" && PATH=$scratch/bin:$PATH HOOKE_DATA=$root awk '
        /^```console/ { inside = 1; print; next }
        /^```/ && inside { inside = 0; print; next }
        !inside { print; next }
        /^\$ / { print; fflush(); system("( " substr($0, 3) " ) 2>&1 | sed \"s/ *$//\""); next }
    ' "$root/$page") | sed "s#$root#/usr/local/share/hooke#g; s#$scratch/desk/##g" >"$scratch/page"
    cp "$scratch/page" "$page"
done
