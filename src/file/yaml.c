/* yaml.c: lines first (indentation, content without comment), then maps and lists by indentation, recursively. */
#include "file/yaml.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "file/bytes.h"

enum { YAML_MAX_DEPTH = 32, YAML_MAX_LINES = 1 << 16, NUMBER_BYTES = 63 };

struct line {
    const char *text; /* without indentation and comment */
    size_t n;
    int indent, number;
};

struct yaml {
    struct arena *a;
    struct line *lines; /* [n] that are not empty */
    int n, at;
    const char *name;
};

static hooke_status oom(const struct yaml *y)
{
    return fail(HOOKE_E_MEMORY, "%s: out of memory", y->name);
}

/* ---- lines ---- */

/* Length of s[n] up to a comment; '#' counts at the beginning or behind a space, outside quotes. */
static size_t without_comment(const char *s, size_t n)
{
    char quote = 0;
    for (size_t i = 0; i < n; i++) {
        if (quote) {
            if (s[i] == '\\' && quote == '"' && i + 1 < n)
                i++;
            else if (s[i] == quote)
                quote = 0;
        } else if ((s[i] == '"' || s[i] == '\'') && (i == 0 || strchr(" [,{", s[i - 1])))
            quote = s[i];
        else if (s[i] == '#' && (i == 0 || s[i - 1] == ' '))
            return i;
    }
    return n;
}

static hooke_status add_line(struct yaml *y, const char *s, size_t n, int number)
{
    size_t indent = 0;
    while (indent < n && s[indent] == ' ') indent++;
    RETURN_IF(indent < n && s[indent] == '\t', HOOKE_E_FORMAT, "%s: line %d: a tab in the indentation",
              y->name, number);
    size_t end = indent + without_comment(s + indent, n - indent);
    while (end > indent && strchr(" \t\r", s[end - 1])) end--;
    if (end == indent) return HOOKE_OK;
    if (indent == 0 && end == 3 && memcmp(s, "---", 3) == 0 && y->n == 0) return HOOKE_OK;
    RETURN_IF(y->n == YAML_MAX_LINES || indent > INT16_MAX, HOOKE_E_UNSUPPORTED, "%s: more than %d lines",
              y->name, YAML_MAX_LINES);
    y->lines[y->n++] = (struct line){ s + indent, end - indent, (int)indent, number };
    return HOOKE_OK;
}

static hooke_status split_lines(struct yaml *y, const char *text, size_t n)
{
    size_t n_lines = 1;
    for (size_t i = 0; i < n; i++) n_lines += text[i] == '\n';
    if (n_lines > YAML_MAX_LINES) n_lines = YAML_MAX_LINES;
    y->lines = arena_alloc(y->a, n_lines, sizeof *y->lines);
    if (!y->lines) return oom(y);
    int number = 1;
    for (size_t begin = 0; begin < n; number++) {
        const char *end = memchr(text + begin, '\n', n - begin);
        size_t length = end ? (size_t)(end - text) - begin : n - begin;
        RETURN_IF_ERROR(add_line(y, text + begin, length, number));
        begin += length + 1;
    }
    return HOOKE_OK;
}

/* ---- scalars ---- */

static bool is_word(const char *s, size_t n, const char *a, const char *b, const char *c)
{
    const char *const words[] = { a, b, c };
    for (int i = 0; i < 3; i++)
        if (strlen(words[i]) == n && memcmp(words[i], s, n) == 0) return true;
    return false;
}

/* An integer or a real; false: neither. */
static bool read_number(struct json *v, const char *s, size_t n)
{
    char text[NUMBER_BYTES + 1], *end;
    if (n == 0 || n > NUMBER_BYTES || !strchr("+-.0123456789", *s)) return false;
    memcpy(text, s, n);
    text[n] = '\0';
    if (strspn(text, "+-.0123456789eE_") != n || strchr(text, '_')) return false;
    errno = 0;
    long long integer = strtoll(text, &end, 10);
    if (*end == '\0' && errno == 0) {
        v->kind = JSON_INT;
        v->as.integer = integer;
        return true;
    }
    double real = strtod(text, &end);
    if (*end != '\0' || end == text) return false;
    v->kind = JSON_REAL;
    v->as.real = real;
    return true;
}

static hooke_status put_string(const struct yaml *y, struct json *v, const char *s, size_t n)
{
    v->kind = JSON_STRING;
    v->as.string.bytes = arena_copy(y->a, s, n);
    v->as.string.n = n;
    return v->as.string.bytes ? HOOKE_OK : oom(y);
}

/* The value of n hexadecimal digits; UINT32_MAX: they are none. */
static uint32_t hexadecimal(const char *s, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    uint32_t code = 0;
    for (size_t i = 0; i < n; i++) {
        const char *at = strchr(digits, s[i] >= 'A' && s[i] <= 'F' ? s[i] + ('a' - 'A') : s[i]);
        if (!at || !*at) return UINT32_MAX;
        code = code << 4 | (uint32_t)(at - digits);
    }
    return code;
}

/* What s[n], behind a backslash, stands for, never more bytes than characters; *used of them. 0: nothing that is read here. */
static int escaped(char *out, const char *s, size_t n, size_t *used)
{
    static const char letters[] = "\"\\/ntr", bytes[] = "\"\\/\n\t\r";
    const char *at = n ? strchr(letters, *s) : NULL;
    *used = 1;
    if (at && *at) return *out = bytes[at - letters], 1;
    size_t digits = n == 0 ? 0 : *s == 'x' ? 2 : *s == 'u' ? 4 : *s == 'U' ? 8 : 0;
    if (digits == 0 || n <= digits) return 0;
    uint32_t code = hexadecimal(s + 1, digits);
    *used = digits + 1;
    bool is_character = code > 0 && code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF);
    return is_character ? utf8_encode(out, code) : 0;
}

/* Between quotes; '' stands for ' in '', a backslash for more than itself in "". */
static hooke_status quoted(const struct yaml *y, struct json *v, const char *s, size_t n, int number)
{
    char *out = arena_alloc(y->a, n + 1, 1), quote = s[0];
    size_t length = 0, i = 1, used = 0;
    if (!out) return oom(y);
    for (; i < n; i++) {
        if (quote == '"' && s[i] == '\\') {
            int bytes = escaped(out + length, s + i + 1, n - i - 1, &used);
            RETURN_IF(bytes == 0, HOOKE_E_UNSUPPORTED,
                      "%s: line %d: an escape in a quoted string that is not read here", y->name, number);
            length += (size_t)bytes;
            i += used;
            continue;
        }
        if (s[i] == quote && !(quote == '\'' && i + 1 < n && s[i + 1] == quote)) break;
        i += s[i] == quote; /* the second of two */
        out[length++] = s[i];
    }
    RETURN_IF(i + 1 != n, HOOKE_E_FORMAT, "%s: line %d: a quoted string does not end with the line", y->name,
              number);
    v->kind = JSON_STRING;
    v->as.string.bytes = out;
    v->as.string.n = length;
    return HOOKE_OK;
}

static hooke_status scalar(const struct yaml *y, struct json *v, const char *s, size_t n, int number)
{
    while (n > 0 && *s == ' ') s++, n--;
    while (n > 0 && s[n - 1] == ' ') n--;
    RETURN_IF(n > 0 && strchr("&*!|>", *s), HOOKE_E_UNSUPPORTED,
              "%s: line %d: YAML beginning with '%c' is not read here", y->name, number, *s);
    if (n == 0 || is_word(s, n, "null", "~", "Null")) return HOOKE_OK; /* a zeroed node is null */
    if (*s == '"' || *s == '\'') return quoted(y, v, s, n, number);
    v->as.boolean = is_word(s, n, "true", "True", "TRUE");
    if (v->as.boolean || is_word(s, n, "false", "False", "FALSE")) {
        v->kind = JSON_BOOL;
        return HOOKE_OK;
    }
    return read_number(v, s, n) ? HOOKE_OK : put_string(y, v, s, n);
}

static void link_child(struct json *list, const struct json **last, struct json *child)
{
    union {
        const struct json *in;
        struct json *out;
    } before = { .in = *last }; /* nodes are made here and only called const afterwards */
    if (*last)
        before.out->next = child;
    else
        list->as.list.first = child;
    list->as.list.n++;
    *last = child;
}

/* ---- lists in brackets and maps in braces, within one line ---- */

struct flow {
    const char *p, *end;
    int number;
};

static bool take(struct flow *f, char c)
{
    while (f->p < f->end && *f->p == ' ') f->p++;
    if (f->p == f->end || *f->p != c) return false;
    f->p++;
    return true;
}

/* Bytes of the scalar at f->p: up to its closing quote, or to what ends it; a key ends at its ':' too. */
static size_t flow_scalar(const struct flow *f, bool is_key)
{
    const char *s = f->p, quote = *s == '"' || *s == '\'' ? *s : '\0';
    size_t n = (size_t)(f->end - s), i = quote != '\0';
    for (; quote && i < n; i++) {
        bool is_pair = quote == '\'' && i + 1 < n && s[i] == quote && s[i + 1] == quote;
        if (s[i] == quote && !is_pair) return i + 1;
        i += is_pair || (quote == '"' && s[i] == '\\');
    }
    if (quote) return n;
    while (i < n && !strchr(",[]{}", s[i]) && !(is_key && s[i] == ':' && (i + 1 == n || s[i + 1] == ' ')))
        i++;
    return i;
}

static hooke_status flow_collection(const struct yaml *y, struct json *v, struct flow *f, int depth);

static hooke_status flow_value(const struct yaml *y, struct json *v, struct flow *f, int depth)
{
    while (f->p < f->end && *f->p == ' ') f->p++;
    if (f->p == f->end) return HOOKE_OK;
    if (*f->p == '[' || *f->p == '{') return flow_collection(y, v, f, depth + 1);
    size_t n = flow_scalar(f, false);
    f->p += n;
    return scalar(y, v, f->p - n, n, f->number);
}

static hooke_status flow_key(const struct yaml *y, struct json *v, struct flow *f)
{
    struct json key = { .kind = JSON_NULL };
    while (f->p < f->end && *f->p == ' ') f->p++;
    size_t n = f->p < f->end ? flow_scalar(f, true) : 0;
    const char *s = f->p;
    f->p += n;
    while (n > 0 && s[n - 1] == ' ') n--;
    RETURN_IF(n == 0 || !take(f, ':'), HOOKE_E_FORMAT, "%s: line %d: expected 'key: value' in braces",
              y->name, f->number);
    RETURN_IF_ERROR(*s == '"' || *s == '\'' ? quoted(y, &key, s, n, f->number) : put_string(y, &key, s, n));
    v->key = key.as.string.bytes;
    v->key_bytes = (uint32_t)key.as.string.n;
    return HOOKE_OK;
}

static hooke_status flow_collection(const struct yaml *y, struct json *v, struct flow *f, int depth)
{
    const struct json *last = NULL;
    bool is_map = *f->p++ == '{';
    const char *what = is_map ? "map" : "list";
    v->kind = is_map ? JSON_OBJECT : JSON_ARRAY;
    RETURN_IF(depth > YAML_MAX_DEPTH, HOOKE_E_UNSUPPORTED, "%s: nested deeper than %d", y->name,
              YAML_MAX_DEPTH);
    while (!take(f, is_map ? '}' : ']')) {
        struct json *item = arena_alloc(y->a, 1, sizeof *item);
        if (!item) return oom(y);
        if (is_map) RETURN_IF_ERROR(flow_key(y, item, f));
        RETURN_IF_ERROR(flow_value(y, item, f, depth));
        link_child(v, &last, item);
        bool ends = !take(f, ',') && (f->p == f->end || *f->p != (is_map ? '}' : ']'));
        RETURN_IF(ends, HOOKE_E_FORMAT, "%s: line %d: a %s does not end with the line", y->name, f->number,
                  what);
    }
    return HOOKE_OK;
}

static hooke_status inline_value(const struct yaml *y, struct json *v, const char *s, size_t n, int number)
{
    struct flow f = { s, s + n, number };
    while (f.p < f.end && *f.p == ' ') f.p++;
    if (f.p == f.end || (*f.p != '[' && *f.p != '{')) return scalar(y, v, s, n, number);
    RETURN_IF_ERROR(flow_collection(y, v, &f, 0));
    RETURN_IF(f.p != f.end, HOOKE_E_FORMAT, "%s: line %d: text behind a list or map", y->name, number);
    return HOOKE_OK;
}

/* ---- maps and lists ---- */

/* Position of the ':' that ends a key: at the end of the line or before a space. n: none. */
static size_t key_end(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (s[i] == ':' && (i + 1 == n || s[i + 1] == ' ')) return i;
    return n;
}

static bool is_item(const struct line *l)
{
    return l->text[0] == '-' && (l->n == 1 || l->text[1] == ' ');
}

static hooke_status block(struct yaml *y, struct json *v, int indent, int depth);

/* The value behind a key with nothing on its line: what is indented deeper, or a list at the same depth. */
static hooke_status nested_value(struct yaml *y, struct json *v, int indent, int depth)
{
    if (y->at == y->n) return HOOKE_OK;
    const struct line *next = &y->lines[y->at];
    if (next->indent > indent || (next->indent == indent && is_item(next)))
        return block(y, v, next->indent, depth + 1);
    return HOOKE_OK;
}

static hooke_status map_entry(struct yaml *y, struct json *map, const struct json **last, int depth)
{
    const struct line *l = &y->lines[y->at++];
    size_t colon = key_end(l->text, l->n), n = colon;
    const char *key = l->text;
    RETURN_IF(strchr("[{&*!?", *key), HOOKE_E_UNSUPPORTED,
              "%s: line %d: a key that begins with '%c' is not read here", y->name, l->number, *key);
    RETURN_IF(colon == l->n, HOOKE_E_FORMAT, "%s: line %d: expected 'key: value'", y->name, l->number);
    if (n >= 2 && (*key == '"' || *key == '\'') && key[n - 1] == *key) key++, n -= 2;
    struct json *v = arena_alloc(y->a, 1, sizeof *v);
    if (!v || !(v->key = arena_copy(y->a, key, n))) return oom(y);
    v->key_bytes = (uint32_t)n;
    if (colon + 1 == l->n)
        RETURN_IF_ERROR(nested_value(y, v, l->indent, depth));
    else
        RETURN_IF_ERROR(inline_value(y, v, l->text + colon + 1, l->n - colon - 1, l->number));
    link_child(map, last, v);
    return HOOKE_OK;
}

/* "- key: value" and "- - item": what follows the dash is a block of its own, indented as far as it stands to the right. */
static hooke_status list_entry(struct yaml *y, struct json *list, const struct json **last, int depth)
{
    struct line *l = &y->lines[y->at];
    struct json *v = arena_alloc(y->a, 1, sizeof *v);
    if (!v) return oom(y);
    link_child(list, last, v);
    size_t skip = 1;
    while (skip < l->n && l->text[skip] == ' ') skip++;
    struct line rest = { l->text + skip, l->n - skip, l->indent + (int)skip, l->number };
    bool is_quoted =
        rest.n && (rest.text[0] == '"' || rest.text[0] == '\'') && rest.text[rest.n - 1] == rest.text[0];
    bool is_flow = rest.n && (rest.text[0] == '[' || rest.text[0] == '{');
    bool is_block =
        rest.n && !is_quoted && !is_flow && (is_item(&rest) || key_end(rest.text, rest.n) != rest.n);
    if (is_block) {
        *l = rest;
        return block(y, v, rest.indent, depth + 1);
    }
    y->at++;
    return inline_value(y, v, rest.text, rest.n, rest.number);
}

/* Lines of one indentation: a map, or a list. */
static hooke_status block(struct yaml *y, struct json *v, int indent, int depth)
{
    const struct json *last = NULL;
    bool list = is_item(&y->lines[y->at]);
    RETURN_IF(depth > YAML_MAX_DEPTH, HOOKE_E_UNSUPPORTED, "%s: nested deeper than %d", y->name,
              YAML_MAX_DEPTH);
    v->kind = list ? JSON_ARRAY : JSON_OBJECT;
    while (y->at < y->n && y->lines[y->at].indent == indent && is_item(&y->lines[y->at]) == list)
        RETURN_IF_ERROR(list ? list_entry(y, v, &last, depth) : map_entry(y, v, &last, depth));
    RETURN_IF(y->at < y->n && y->lines[y->at].indent > indent, HOOKE_E_FORMAT,
              "%s: line %d: indented deeper than what it belongs to", y->name, y->lines[y->at].number);
    return HOOKE_OK;
}

hooke_status yaml_parse(const struct json **out, struct arena *a, const char *text, size_t n,
                        const char *name)
{
    struct yaml y = { .a = a, .name = name };
    *out = NULL;
    RETURN_IF(utf8_valid_prefix(text, n) != n || memchr(text, '\0', n), HOOKE_E_FORMAT, "%s: not UTF-8 text",
              name);
    RETURN_IF_ERROR(split_lines(&y, text, n));
    struct json *root = arena_alloc(a, 1, sizeof *root);
    if (!root) return oom(&y);
    root->kind = JSON_OBJECT;
    if (y.n) RETURN_IF_ERROR(block(&y, root, y.lines[0].indent, 0));
    RETURN_IF(y.at < y.n, HOOKE_E_FORMAT, "%s: line %d: does not fit the lines before it", name,
              y.lines[y.at].number);
    *out = root;
    return HOOKE_OK;
}

hooke_status yaml_read(const struct json **out, struct arena *a, const char *path, size_t max_bytes)
{
    hooke_text text = { 0 };
    *out = NULL;
    hooke_status st = file_read(&text, path, max_bytes);
    if (st == HOOKE_OK) st = yaml_parse(out, a, text.data, text.n, path);
    hooke_text_release(&text);
    return st;
}
