#!/bin/sh
# The project speaks of itself alone: no path of somebody's machine in shipped text (this checkout's own, too), no leftovers.
hits=$(git grep -nIE '(/home/[a-z]|/root/|/Users/|/opt/|/mnt/|TODO|FIXME|\bXXX\b)' -- ':!tools/check/words.sh' ':!tests/golden' ':!data' ':!models/*.json' ':!models/*/*.json'
       git grep -nIF -e "$PWD")
[ -z "$hits" ] && exit 0
printf '%s\n' "$hits"
exit 1
