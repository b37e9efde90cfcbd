#!/bin/sh
# The project speaks of itself alone: no path of somebody's machine in shipped text (this checkout's own, too), no leftovers.
private='home|root|Users|opt|mnt'
hits=$(git grep -nIE "/($private)/[A-Za-z]|TODO|FIXME|\\bXXX\\b" -- ':!tools/check/words.sh' ':!tests/golden' ':!data' ':!models/*.json' ':!models/*/*.json'
       git grep -nIF -e "$PWD")
[ -z "$hits" ] && exit 0
printf '%s\n' "$hits"
exit 1
