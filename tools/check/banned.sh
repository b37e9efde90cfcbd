#!/bin/sh
# Calls that the project does without. Usage: banned.sh FILE...
# Everywhere: unbounded or locale-bound string functions. In the library also: raw allocation (base/mem.c alone), printing, exits.
faults=0
strip() { sed -e 's|//.*||' -e 's|/\*[^*]*\*/||g' -e '/^ *\* /d' -e 's|"[^"]*"||g' "$1"; }
for f in "$@"; do
    hits=$(strip "$f" | grep -nE '(^|[^A-Za-z0-9_.>])(strcpy|strcat|sprintf|vsprintf|gets|atoi|atol|atof|strtok|alloca|setjmp|longjmp|system|tmpnam|rand|srand)[ ]*\(')
    [ -n "$hits" ] && { echo "$f: $hits"; faults=1; }
    case $f in
        src/cli/* | tests/* | bench/* | fuzz/* | tools/*) continue ;;
        src/base/mem.c) pattern='printf|puts|exit|abort' ;;
        *) pattern='malloc|calloc|realloc|free|aligned_alloc|posix_memalign|strdup|printf|puts|putchar|exit|_exit|abort' ;;
    esac
    hits=$(strip "$f" | grep -nE "(^|[^A-Za-z0-9_.>])($pattern)[ ]*\(")
    [ -n "$hits" ] && { echo "$f: $hits"; faults=1; }
done
exit $faults
