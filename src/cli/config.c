#include "cli/config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

enum { MAX_LINE = 64 * 1024 };

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Trims s[0..n) and drops one pair of quotes around it. */
static char *value_of(const char *s, size_t n)
{
    while (n && is_blank(*s)) s++, n--;
    while (n && is_blank(s[n - 1])) n--;
    if (n >= 2 && (s[0] == '"' || s[0] == '\'') && s[n - 1] == s[0]) s++, n -= 2;
    return take_text(s, n);
}

/* Cuts a comment: a '#' at the start or behind a blank, outside quotes. */
static void cut_comment(char *line)
{
    char quote = 0;
    for (char *p = line; *p; p++) {
        if (quote)
            quote = *p == quote ? 0 : quote;
        else if (*p == '"' || *p == '\'')
            quote = *p;
        else if (*p == '#' && (p == line || is_blank(p[-1]))) {
            *p = '\0';
            return;
        }
    }
}

static void add_entry(struct config *c, const char *key, const char *value, int line)
{
    grow(&c->entries, &c->capacity, c->n + 1, sizeof *c->entries);
    c->entries[c->n++] = (struct config_entry){ key, value, line };
}

static void add_inline_list(struct config *c, const char *key, const char *s, int line)
{
    size_t n = strlen(s);
    if (n && s[n - 1] == ']') n--;
    for (size_t i = 0; i < n;) {
        size_t len = strcspn(s + i, ",");
        if (len > n - i) len = n - i;
        char *v = value_of(s + i, len);
        if (*v) add_entry(c, key, v, line);
        i += len + 1;
    }
}

/* One line. *open is the key whose "- item" lines may follow. Returns NULL or what is wrong with it. */
static const char *read_line(struct config *c, char *line, int number, const char **open)
{
    char *p = line;
    cut_comment(line);
    while (is_blank(*p)) p++;
    if (!*p || strcmp(value_of(p, strlen(p)), "---") == 0) return NULL;
    if (p[0] == '-' && is_blank(p[1])) {
        if (!*open) return "a list item without a key before it";
        add_entry(c, *open, value_of(p + 1, strlen(p + 1)), number);
        return NULL;
    }
    char *colon = strchr(p, ':');
    while (colon && colon[1] && !is_blank(colon[1])) colon = strchr(colon + 1, ':');
    if (!colon) return "expected 'key: value'";
    if (p != line) return "only flat maps are understood, and this line is indented";
    const char *key = value_of(p, (size_t)(colon - p)), *value = value_of(colon + 1, strlen(colon + 1));
    *open = *value ? NULL : key;
    const char *raw = colon + 1;
    while (is_blank(*raw)) raw++;
    if (*raw == '[')
        add_inline_list(c, key, value_of(raw + 1, strlen(raw + 1)), number);
    else if (*raw == '{')
        return "only flat maps are understood";
    else if (*value)
        add_entry(c, key, value, number);
    return NULL;
}

int config_read(struct config *out, const char *path)
{
    const char *open = NULL, *bad = NULL;
    int number = 0;
    *out = (struct config){ NULL, 0, 0 };
    FILE *f = fopen(path, "r");
    if (!f) return failed("--config", "check its name", "%s: %s", path, strerror(errno));
    char *line = take(MAX_LINE, 1);
    while (!bad && fgets(line, MAX_LINE, f)) {
        number++;
        if (strlen(line) == MAX_LINE - 1)
            bad = "the line is too long";
        else
            bad = read_line(out, line, number, &open);
    }
    fclose(f);
    if (!bad) return 0;
    return wrong("--config", "write one 'option: value' a line", "%s:%d: %s", path, number, bad);
}
