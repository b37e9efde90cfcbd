#!/bin/sh
# Functions up to 120 lines and files up to 900; allow-list below, each entry with its reason. Usage: length.sh FILE...
# Relies on the format: a function's braces stand alone in column 1.
awk -v allow="" '
    FNR == 1 { if (name) report_file(); name = FILENAME; start = 0 }
    /^\{/ { start = FNR }
    /^\}/ { if (start && FNR - start > 120 && !index(allow, FILENAME ":" start)) { printf "%s:%d: function of %d lines\n", FILENAME, start, FNR - start; bad = 1 } start = 0 }
    { lines[FILENAME] = FNR }
    function report_file() {}
    END { for (f in lines) if (lines[f] > 900) { printf "%s: %d lines; look for the second idea\n", f, lines[f]; bad = 1 } exit bad }
' "$@"
