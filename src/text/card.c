#include "text/card.h"

#include <string.h>

static size_t line_end(const char *text, size_t n, size_t at)
{
    const char *end = memchr(text + at, '\n', n - at);
    return end ? (size_t)(end - text) + 1 : n;
}

static bool is_fence(const char *s, size_t n)
{
    while (n && (s[n - 1] == '\n' || strchr(" \t\r", s[n - 1]))) n--;
    return n == 3 && memcmp(s, "---", 3) == 0;
}

bool card_section(const char *text, size_t n, const char *key, const char **begin, size_t *length)
{
    size_t key_bytes = strlen(key), skip = n >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    while (skip < n && strchr(" \t\r\n", text[skip]) && text[skip]) skip++;
    text += skip;
    n -= skip;
    size_t at = line_end(text, n, 0), found = n;
    if (n == 0 || !is_fence(text, at)) return false;
    for (size_t end; at < n; at = end) {
        end = line_end(text, n, at);
        bool is_top =
            text[at] != ' ' && text[at] != '\n' && text[at] != '\r' && text[at] != '#' && text[at] != '-';
        bool ends = is_top || is_fence(text + at, end - at);
        if (found < n && ends) {
            *length = at - found;
            return true;
        }
        if (is_fence(text + at, end - at)) return false;
        if (is_top && end - at > key_bytes && memcmp(text + at, key, key_bytes) == 0 &&
            text[at + key_bytes] == ':') {
            found = at;
            *begin = text + at;
        }
    }
    return false;
}
