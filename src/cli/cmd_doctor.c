/* hooke doctor: the library's report, as JSON or as lines. */
#include <stdio.h>
#include <string.h>

#include "cli/opt.h"

static const struct opt rows[] = { { NULL, 0, OPT_FLAG, 0, NULL, NULL, 0, 0, NULL } };

static const struct opt_spec spec = {
    "doctor",
    "Says what is built in, what is found on this machine, and what is missing for which command.",
    "  hooke doctor",
    0,
    rows,
    0,
};

/* Prints a JSON document as indented lines: brackets, quotes and commas become layout. It comes from the library, so it is
 * well-formed; strings keep their escapes' meaning only where a terminal needs it. */
static void print_as_lines(const char *p)
{
    enum { DEEPEST = 16 };
    char open[DEEPEST] = { 0 };
    int depth = 0;
    bool line_open = false, begins_item = false;
    for (; *p; p++) {
        if (*p == '{' || *p == '[') {
            begins_item = *p == '{' && depth > 0 && depth < DEEPEST && open[depth] == '[';
            if (++depth < DEEPEST) open[depth] = *p;
        } else if (*p == '}' || *p == ']') {
            depth--;
            if (line_open) putchar('\n');
            line_open = false;
        } else if (*p == ',') {
            if (line_open) putchar('\n');
            line_open = false;
        } else if (*p == ':') {
            fputs(": ", stdout);
            const char *next = p + 1 + strspn(p + 1, " \n\t");
            if (*next == '{' || *next == '[') {
                bool empty =
                    next[1 + strspn(next + 1, " \n\t")] == ']' || next[1 + strspn(next + 1, " \n\t")] == '}';
                fputs(empty ? "none\n" : "\n", stdout);
                line_open = false;
            }
        } else if (*p != ' ' && *p != '\n' && *p != '\t') {
            if (!line_open && p[-1] != ':')
                printf("%*s%s", 2 * (depth - 1) - 2 * begins_item, "", begins_item ? "- " : "");
            begins_item = false;
            line_open = true;
            if (*p != '"')
                putchar(*p);
            else
                for (p++; *p && *p != '"'; p++) {
                    if (*p == '\\' && p[1]) p++;
                    putchar(*p);
                }
        }
    }
}

int cmd_doctor(struct session *s, int argc, char **argv)
{
    hooke_text report = { 0 };
    int code = opt_parse(s, &spec, NULL, argc, argv);
    if (code >= 0) return code;
    hooke_status st = hooke_doctor_json(&report);
    if (st) return failed_call(st, "doctor", NULL);
    if (s->opt.json) {
        fwrite(report.data, 1, report.n, stdout);
        if (report.n && report.data[report.n - 1] != '\n') putchar('\n');
    } else
        print_as_lines(report.data);
    hooke_text_release(&report);
    return 0;
}
