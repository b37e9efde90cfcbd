/* json.c: text to tree, in one pass.
 *
 * Recursive descent, at most JSON_MAX_DEPTH deep. A value's node and the string behind it are one piece of a slab, so that a
 * tokenizer's million nodes cost a few hundred allocations, and every string is copied once, unescaped on the way. What the
 * format leaves open is refused: lone surrogates, overlong UTF-8, numbers that do not fit. docs/dependencies.md says why this is
 * no library's work. */
#include "file/json.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "file/bytes.h"
#include "file/sniff.h"

_Static_assert(JSON_MAX_DEPTH == 64, "parse_list() says so");
enum { SLAB_BYTES = 48 * 1024, NUMBER_BYTES = 512 };
#define JSON_MAX_BYTES ((size_t)1 << 30) /* lengths of keys fit 32 bits with room */

struct parser {
    const char *p, *end, *begin;
    struct arena *arena;
    char *slab, *slab_end;
    const char *name;
    int flags, depth;
    size_t n_values;
};

/* A string in the text, still escaped: what stands between the quotes. */
struct raw {
    const char *begin;
    size_t n;
    bool has_escapes;
};

static hooke_status bad(const struct parser *p, const char *at, const char *what)
{
    size_t line = 1;
    const char *line_begin = p->begin;
    for (const char *s = p->begin; s < at; s++)
        if (*s == '\n') line++, line_begin = s + 1;
    fail(HOOKE_E_FORMAT, "%s: not valid JSON: line %zu, byte %zu: %s%s", p->name, line,
         (size_t)(at - line_begin) + 1, what, at == p->end ? ", but the text ends" : "");
    return HOOKE_E_FORMAT; /* said twice, for analyzers that cannot see what fail() returns */
}

/* A piece of the slab, 8-byte aligned, zeroed; larger ones go to the arena directly. NULL with the message made. */
static void *take(struct parser *p, size_t bytes)
{
    bytes = (bytes + 7) / 8 * 8;
    if (bytes > (size_t)(p->slab_end - p->slab)) {
        if (bytes > SLAB_BYTES / 4) return arena_alloc(p->arena, bytes, 1);
        p->slab = arena_alloc(p->arena, SLAB_BYTES, 1);
        p->slab_end = p->slab ? p->slab + SLAB_BYTES : NULL;
        if (!p->slab) return NULL;
    }
    void *piece = p->slab;
    p->slab += bytes;
    return piece;
}

static void skip_space(struct parser *p)
{
    while (p->p < p->end && (*p->p == ' ' || *p->p == '\n' || *p->p == '\r' || *p->p == '\t')) p->p++;
}

static bool take_char(struct parser *p, char c)
{
    skip_space(p);
    if (p->p == p->end || *p->p != c) return false;
    p->p++;
    return true;
}

/* ---- strings ---- */

static int hex4(const char *s, size_t n, uint32_t *code)
{
    *code = 0;
    for (size_t i = 0; i < 4; i++) {
        if (i >= n) return 0;
        char c = s[i];
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10)
                                                : 16;
        if (digit == 16) return 0;
        *code = *code << 4 | digit;
    }
    return 1;
}

/* The code point of the \u escape or pair of them at s, and its length; 0 if there is none. */
static size_t unicode_escape(uint32_t *code, const char *s, size_t n)
{
    uint32_t low;
    if (n < 6 || s[1] != 'u' || !hex4(s + 2, n - 2, code) || (*code >= 0xDC00 && *code <= 0xDFFF)) return 0;
    if (*code < 0xD800 || *code > 0xDBFF) return 6;
    if (n < 12 || s[6] != '\\' || s[7] != 'u' || !hex4(s + 8, n - 8, &low) || low < 0xDC00 || low > 0xDFFF)
        return 0;
    *code = 0x10000 + ((*code - 0xD800) << 10) + (low - 0xDC00);
    return 12;
}

static const char escape_letters[] = "\"\\/bfnrt", escape_bytes[] = "\"\\/\b\f\n\r\t";

static size_t escape_length(const char *s, size_t n)
{
    uint32_t code;
    if (n >= 2 && s[1] && strchr(escape_letters, s[1])) return 2;
    return unicode_escape(&code, s, n);
}

/* Three-byte sequences other than E0 and ED, whose second byte is restricted, are most of a vocabulary ("\u2581"). */
static bool is_common_triple(const char *s, size_t n)
{
    unsigned char lead = (unsigned char)s[0];
    return n >= 3 && lead > 0xE0 && lead <= 0xEF && lead != 0xED && ((unsigned char)s[1] & 0xC0) == 0x80 &&
           ((unsigned char)s[2] & 0xC0) == 0x80;
}

static bool is_plain(char c)
{
    return (unsigned char)c >= 0x20 && (unsigned char)c < 0x80 && c != '"' && c != '\\';
}

/* The string whose opening quote is at p->p; moves behind the closing one. */
static hooke_status scan_string(struct raw *out, struct parser *p)
{
    const char *s = p->p + 1, *end = p->end;
    out->begin = s;
    out->has_escapes = false;
    for (;;) {
        while (s < end && is_plain(*s)) s++;
        if (s == end) return bad(p, s, "expected a closing quote");
        size_t left = (size_t)(end - s), length;
        uint32_t code;
        if (*s == '"') break;
        if (*s == '\\') {
            out->has_escapes = true;
            length = escape_length(s, left);
            if (length == 0) return bad(p, s, "no escape, or half of a surrogate pair");
        } else {
            length = is_common_triple(s, left) ? 3 : (size_t)utf8_decode(&code, s, left);
            if ((unsigned char)*s < 0x20) return bad(p, s, "a control character in a string");
            if (length == 0) return bad(p, s, "not UTF-8");
        }
        s += length;
    }
    out->n = (size_t)(s - out->begin);
    p->p = s + 1;
    return HOOKE_OK;
}

/* Writes the string without its escapes to out[raw->n]; returns its length. It was checked by scan_string(). */
static size_t unescape(char *out, const struct raw *raw)
{
    const char *s = raw->begin, *end = s + raw->n;
    char *o = out;
    if (!raw->has_escapes) {
        if (raw->n) memcpy(out, s, raw->n);
        return raw->n;
    }
    while (s < end) {
        uint32_t code = 0;
        if (*s != '\\') {
            *o++ = *s++;
        } else if (s[1] == 'u') {
            s += unicode_escape(&code, s, (size_t)(end - s));
            o += utf8_encode(o, code); /* at most 4 bytes for 6 */
        } else {
            *o++ = escape_bytes[strchr(escape_letters, s[1]) - escape_letters];
            s += 2;
        }
    }
    return (size_t)(o - out);
}

/* ---- values ---- */

/* A list under construction, and where its next node hangs. */
struct list {
    struct json *node, *last;
};

static hooke_status parse_value(struct json **out, struct parser *p);

static hooke_status new_value(struct json **out, struct parser *p, enum json_kind kind, size_t extra)
{
    *out = NULL;
    RETURN_IF(++p->n_values > JSON_MAX_VALUES, HOOKE_E_UNSUPPORTED, "%s: JSON of more than %d values",
              p->name, JSON_MAX_VALUES);
    *out = take(p, sizeof **out + extra);
    if (!*out) return HOOKE_E_MEMORY;
    (*out)->kind = kind;
    return HOOKE_OK;
}

static void append(struct list *l, struct json *v)
{
    if (l->last)
        l->last->next = v;
    else
        l->node->as.list.first = v;
    l->last = v;
    l->node->as.list.n++;
}

static hooke_status parse_string(struct json **out, struct parser *p)
{
    struct raw raw = { 0 };
    RETURN_IF_ERROR(scan_string(&raw, p));
    RETURN_IF_ERROR(new_value(out, p, JSON_STRING, raw.n + 1));
    char *bytes = (char *)(*out + 1); /* the slab is zeroed: the NUL is there */
    (*out)->as.string.n = unescape(bytes, &raw);
    (*out)->as.string.bytes = bytes;
    return HOOKE_OK;
}

static hooke_status parse_word(struct json **out, struct parser *p, const char *word, enum json_kind kind,
                               bool value)
{
    size_t n = strlen(word);
    if ((size_t)(p->end - p->p) < n || memcmp(p->p, word, n) != 0) return bad(p, p->p, "expected a value");
    p->p += n;
    RETURN_IF_ERROR(new_value(out, p, kind, 0));
    if (kind == JSON_BOOL) (*out)->as.boolean = value;
    return HOOKE_OK;
}

/* Digits of a checked integer; false past int64. Counts downwards, where there is one value more. */
static bool parse_int64(const char *s, size_t n, int64_t *out)
{
    bool negative = s[0] == '-';
    int64_t v = 0;
    for (size_t i = negative; i < n; i++)
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_sub_overflow(v, s[i] - '0', &v)) return false;
    return negative ? (*out = v, true) : !__builtin_sub_overflow((int64_t)0, v, out);
}

static hooke_status parse_real(struct json **out, struct parser *p, const char *s, size_t n)
{
    char digits[NUMBER_BYTES];
    if (n >= sizeof digits) return bad(p, s, "a number of too many digits");
    memcpy(digits, s, n);
    digits[n] = '\0';
    double real = strtod(digits, NULL);
    if (isinf(real)) return bad(p, s, "a number past the range of a double");
    RETURN_IF_ERROR(new_value(out, p, JSON_REAL, 0));
    (*out)->as.real = real;
    return HOOKE_OK;
}

static size_t count_digits(const char *s, const char *end)
{
    const char *begin = s;
    while (s < end && *s >= '0' && *s <= '9') s++;
    return (size_t)(s - begin);
}

/* -? (0 | [1-9] [0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)? */
static hooke_status parse_number(struct json **out, struct parser *p)
{
    const char *begin = p->p, *s = begin + (*begin == '-'), *end = p->end;
    size_t whole = count_digits(s, end), more = 1;
    bool is_real = false;
    int64_t integer;
    if (whole == 0 || (whole > 1 && *s == '0')) return bad(p, s, "no number");
    s += whole;
    if (s < end && *s == '.') {
        more = count_digits(++s, end);
        s += more;
        is_real = true;
    }
    if (more && s < end && (*s == 'e' || *s == 'E')) {
        s++;
        if (s < end && (*s == '+' || *s == '-')) s++;
        more = count_digits(s, end);
        s += more;
        is_real = true;
    }
    if (more == 0) return bad(p, s, "expected a digit");
    p->p = s;
    size_t n = (size_t)(s - begin);
    if (!is_real && !parse_int64(begin, n, &integer)) {
        if (!(p->flags & JSON_LARGE_INTEGERS)) return bad(p, begin, "an integer that does not fit 64 bits");
        is_real = true;
    }
    if (is_real) return parse_real(out, p, begin, n);
    RETURN_IF_ERROR(new_value(out, p, JSON_INT, 0));
    (*out)->as.integer = integer;
    return HOOKE_OK;
}

/* ---- arrays and objects ---- */

static int compare_keys(const void *pa, const void *pb)
{
    const struct json *a = *(const struct json *const *)pa, *b = *(const struct json *const *)pb;
    size_t n = a->key_bytes < b->key_bytes ? a->key_bytes : b->key_bytes;
    int order = memcmp(a->key, b->key, n);
    return order ? order : (a->key_bytes > b->key_bytes) - (a->key_bytes < b->key_bytes);
}

/* Sorted, equal keys are neighbours: no chosen set of keys makes this slow, as it could with a hash. */
static hooke_status refuse_duplicates(const struct json *object, const char *name)
{
    size_t n = object->as.list.n, i = 0;
    if (n < 2) return HOOKE_OK;
    const struct json **sorted = mem_alloc_raw(n, sizeof *sorted);
    RETURN_IF(!sorted, HOOKE_E_MEMORY, "%s: out of memory for %zu keys", name, n);
    for (const struct json *v = object->as.list.first; v; v = v->next) sorted[i++] = v;
    qsort(sorted, n, sizeof *sorted, compare_keys);
    hooke_status st = HOOKE_OK;
    for (i = 1; i < n && st == HOOKE_OK; i++)
        if (compare_keys(&sorted[i - 1], &sorted[i]) == 0)
            st = fail(HOOKE_E_FORMAT, "%s: key '%.200s' appears twice", name, sorted[i]->key);
    mem_free(sorted);
    return st;
}

static hooke_status parse_elements(struct list *l, struct parser *p)
{
    if (take_char(p, ']')) return HOOKE_OK;
    do {
        struct json *v = NULL;
        RETURN_IF_ERROR(parse_value(&v, p));
        append(l, v);
    } while (take_char(p, ','));
    return take_char(p, ']') ? HOOKE_OK : bad(p, p->p, "expected ',' or ']'");
}

static hooke_status parse_member(struct list *l, struct parser *p)
{
    struct raw raw = { 0 };
    struct json *v = NULL;
    skip_space(p);
    if (p->p == p->end || *p->p != '"') return bad(p, p->p, "expected a key in quotes");
    RETURN_IF_ERROR(scan_string(&raw, p));
    char *key = take(p, raw.n + 1);
    if (!key) return HOOKE_E_MEMORY;
    size_t n = unescape(key, &raw);
    if (!take_char(p, ':')) return bad(p, p->p, "expected ':'");
    RETURN_IF_ERROR(parse_value(&v, p));
    v->key = key;
    v->key_bytes = (uint32_t)n; /* the text is shorter than 2^30 */
    append(l, v);
    return HOOKE_OK;
}

static hooke_status parse_members(struct list *l, struct parser *p)
{
    if (take_char(p, '}')) return HOOKE_OK;
    do RETURN_IF_ERROR(parse_member(l, p));
    while (take_char(p, ','));
    if (!take_char(p, '}')) return bad(p, p->p, "expected ',' or '}'");
    return p->flags & JSON_REFUSE_DUPLICATES ? refuse_duplicates(l->node, p->name) : HOOKE_OK;
}

static hooke_status parse_list(struct json **out, struct parser *p, enum json_kind kind)
{
    struct list l = { 0 };
    if (p->depth == JSON_MAX_DEPTH) return bad(p, p->p, "nested deeper than 64 levels");
    RETURN_IF_ERROR(new_value(out, p, kind, 0));
    l.node = *out;
    p->p++;
    p->depth++;
    RETURN_IF_ERROR(kind == JSON_OBJECT ? parse_members(&l, p) : parse_elements(&l, p));
    p->depth--;
    return HOOKE_OK;
}

/* What Python writes for a number that is none; p->p is at its first letter or its sign. */
static bool at_no_number(const struct parser *p)
{
    bool negative = *p->p == '-';
    if (!(p->flags & JSON_NAN_IS_NULL) || p->end - p->p <= negative) return false;
    return p->p[negative] == 'I' || (*p->p == 'N' && !negative);
}

static hooke_status parse_no_number(struct json **out, struct parser *p)
{
    p->p += *p->p == '-';
    return parse_word(out, p, *p->p == 'N' ? "NaN" : "Infinity", JSON_NULL, false);
}

static hooke_status parse_value(struct json **out, struct parser *p)
{
    skip_space(p);
    if (p->p == p->end) return bad(p, p->p, "expected a value");
    switch (*p->p) {
    case '"':
        return parse_string(out, p);
    case '{':
        return parse_list(out, p, JSON_OBJECT);
    case '[':
        return parse_list(out, p, JSON_ARRAY);
    case 't':
        return parse_word(out, p, "true", JSON_BOOL, true);
    case 'f':
        return parse_word(out, p, "false", JSON_BOOL, false);
    case 'n':
        return parse_word(out, p, "null", JSON_NULL, false);
    default:
        if (at_no_number(p)) return parse_no_number(out, p);
        if (*p->p == '-' || (*p->p >= '0' && *p->p <= '9')) return parse_number(out, p);
        return bad(p, p->p, "expected a value");
    }
}

/* Not even the beginning of a value: said with what the text is instead. */
static hooke_status check_beginning(struct parser *p)
{
    skip_space(p);
    RETURN_IF(p->p == p->begin && p->p < p->end && !strchr("{[\"-0123456789tfnNI", *p->p), HOOKE_E_FORMAT,
              "%s: not valid JSON: line 1, byte 1: expected a value; it looks like %s", p->name,
              looks_like((const unsigned char *)p->begin, (size_t)(p->end - p->begin)));
    return HOOKE_OK;
}

static hooke_status parse_document(struct json **out, struct parser *p)
{
    RETURN_IF_ERROR(check_beginning(p));
    RETURN_IF_ERROR(parse_value(out, p));
    skip_space(p);
    return p->p == p->end ? HOOKE_OK : bad(p, p->p, "text behind the value");
}

hooke_status json_parse(const struct json **out, struct arena *a, const char *text, size_t n, int flags,
                        const char *name)
{
    struct parser p = { .p = text, .begin = text, .end = text + n, .arena = a, .name = name, .flags = flags };
    struct json *root = NULL;
    *out = NULL;
    RETURN_IF(n > JSON_MAX_BYTES, HOOKE_E_UNSUPPORTED, "%s: JSON of %zu bytes, the limit is %zu", name, n,
              JSON_MAX_BYTES);
    locale_t c_locale =
        newlocale(LC_ALL_MASK, "C", (locale_t)0); /* strtod reads "0,5" where the host program says so */
    locale_t before = c_locale ? uselocale(c_locale) : (locale_t)0;
    hooke_status st = parse_document(&root, &p);
    if (c_locale) {
        uselocale(before);
        freelocale(c_locale);
    }
    if (st == HOOKE_OK) *out = root;
    return st;
}

hooke_status json_read(const struct json **out, struct arena *a, const char *path, size_t max_bytes,
                       int flags)
{
    hooke_text text = { 0 };
    *out = NULL;
    hooke_status st = file_read(&text, path, max_bytes);
    if (st == HOOKE_OK) st = json_parse(out, a, text.data, text.n, flags, path);
    hooke_text_release(&text);
    return st;
}

/* ---- look-ups ---- */

const struct json *json_get(const struct json *o, const char *key)
{
    const struct json *found = NULL;
    size_t n = strlen(key);
    if (!o || o->kind != JSON_OBJECT) return NULL;
    for (const struct json *v = o->as.list.first; v; v = v->next)
        if (v->key_bytes == n && memcmp(v->key, key, n) == 0) found = v; /* the last one wins */
    return found;
}

bool json_is_null(const struct json *v)
{
    return !v || v->kind == JSON_NULL;
}

static const char *kind_name(enum json_kind kind)
{
    static const char *const names[] = { "null",     "true or false", "an integer", "a number",
                                         "a string", "an array",      "an object" };
    return names[kind];
}

/* Reals count up to 2^53, below which each is the number that was written. */
static bool whole_number(const struct json *v, int64_t *out)
{
    const double most = 9007199254740992.0;
    if (v->kind == JSON_INT) return *out = v->as.integer, true;
    if (v->kind != JSON_REAL || !(fabs(v->as.real) <= most) || v->as.real != floor(v->as.real)) return false;
    return *out = (int64_t)v->as.real, true;
}

hooke_status json_int(int64_t *out, const struct json *o, const char *key, int64_t low, int64_t high,
                      int64_t fallback, const char *name)
{
    const struct json *v = json_get(o, key);
    int64_t i;
    *out = fallback;
    if (json_is_null(v)) return HOOKE_OK;
    RETURN_IF(!whole_number(v, &i), HOOKE_E_FORMAT, "%s: key '%s': expected an integer, found %s", name, key,
              kind_name(v->kind));
    RETURN_IF(i < low || i > high, HOOKE_E_FORMAT, "%s: key '%s': %lld is not in %lld .. %lld", name, key,
              (long long)i, (long long)low, (long long)high);
    *out = i;
    return HOOKE_OK;
}

hooke_status json_real(double *out, const struct json *o, const char *key, double fallback, const char *name)
{
    const struct json *v = json_get(o, key);
    *out = fallback;
    if (json_is_null(v)) return HOOKE_OK;
    RETURN_IF(v->kind != JSON_INT && v->kind != JSON_REAL, HOOKE_E_FORMAT,
              "%s: key '%s': expected a number, found %s", name, key, kind_name(v->kind));
    *out = v->kind == JSON_INT ? (double)v->as.integer : v->as.real;
    return HOOKE_OK;
}

hooke_status json_bool(bool *out, const struct json *o, const char *key, bool fallback, const char *name)
{
    const struct json *v = json_get(o, key);
    *out = fallback;
    if (json_is_null(v)) return HOOKE_OK;
    RETURN_IF(v->kind != JSON_BOOL, HOOKE_E_FORMAT, "%s: key '%s': expected true or false, found %s", name,
              key, kind_name(v->kind));
    *out = v->as.boolean;
    return HOOKE_OK;
}

hooke_status json_string(const char **out, const struct json *o, const char *key, const char *fallback,
                         const char *name)
{
    const struct json *v = json_get(o, key);
    *out = fallback;
    if (json_is_null(v)) return HOOKE_OK;
    RETURN_IF(v->kind != JSON_STRING, HOOKE_E_FORMAT, "%s: key '%s': expected a string, found %s", name, key,
              kind_name(v->kind));
    RETURN_IF(strlen(v->as.string.bytes) != v->as.string.n, HOOKE_E_FORMAT,
              "%s: key '%s': the string holds a NUL", name, key);
    *out = v->as.string.bytes;
    return HOOKE_OK;
}
