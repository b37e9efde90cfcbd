#include "cli/wrap.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/term.h"
#include "cli/utf8.h"

/* Bytes of s that fit a line of `columns`, broken behind a blank where there is one. *skip: bytes to leave out behind them. */
static size_t line_of(const char *s, int columns, size_t *skip)
{
    size_t n = strlen(s), i = 0, blank = 0;
    int used = 0;
    *skip = 0;
    while (i < n && s[i] != '\n') {
        size_t len = utf8_length(s + i, n - i);
        if (len == 0) len = 1;
        int wide = utf8_columns(s + i, len);
        if (used + wide > columns) {
            if (blank) {
                *skip = 1;
                return blank;
            }
            return i ? i : len;
        }
        if (s[i] == ' ') blank = i;
        used += wide;
        i += len;
    }
    *skip = s[i] == '\n';
    return i;
}

static const char *print_cell(const char *s, int columns)
{
    size_t skip = 0, n = line_of(s, columns, &skip);
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '\t')
            putchar(' ');
        else
            print_safe(s + i, 1);
    }
    for (int used = utf8_columns(s, n); used < columns; used++) putchar(' ');
    return s + n + skip;
}

void print_side_by_side(const char *left_title, const char *left, const char *right_title, const char *right,
                        const char *prompt)
{
    int columns = term_columns(), half = (columns - 3) / 2;
    if (!isatty(STDOUT_FILENO)) {
        printf("%s: %s%s\n%s: %s%s\n", left_title, prompt, left, right_title, prompt, right);
        return;
    }
    const char *a = take_printf("%s%s", prompt, left), *b = take_printf("%s%s", prompt, right);
    printf("%s%-*s%s   %s%s%s\n", term_bold(), half, left_title, term_off(), term_bold(), right_title,
           term_off());
    while (*a || *b) {
        a = print_cell(a, half);
        printf(" %s│%s ", term_dim(), term_off());
        b = print_cell(b, half);
        putchar('\n');
    }
}
