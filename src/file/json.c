/* json.c: text to tree.
 *
 * One sweep over the bytes checks what yajl does not (UTF-8 to the letter, lone \ud800 escapes, which yajl would turn into
 * '?'), then yajl's callbacks build the tree: a node and the string behind it are one piece of a slab, so that a tokenizer's
 * million nodes cost a few hundred allocations.
 *
 * yajl never looks whether an allocation worked. Ours for it come from a scratch arena, and one that fails leaves yajl by
 * longjmp: it is plain C that holds nothing but memory. */
#include "file/json.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "file/bytes.h"

enum { SLAB_BYTES = 48 * 1024, NUMBER_BYTES = 512 };
#define JSON_MAX_BYTES \
    ((size_t)1 << 30) /* yajl's own buffers double without looking at overflow: stay far below it */

struct builder {
    struct arena *arena;
    char *slab, *slab_end;
    struct arena scratch; /* yajl's memory */
    jmp_buf out_of_memory;
    const char *name;
    int flags;
    hooke_status status; /* of a callback that stopped the parse; its message is made */

    const struct json *root;
    const char *key; /* of the member whose value comes next */
    uint32_t key_bytes;
    int depth;
    struct {
        struct json *list, *last;
    } open[JSON_MAX_DEPTH];
};

/* ---- the sweep ---- */

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

/* Length of the escape at s (s[0] is a backslash); 0 if it is half of a surrogate pair. Malformed ones are yajl's to refuse. */
static size_t escape_length(const char *s, size_t n)
{
    uint32_t code, low;
    if (n < 2 || s[1] != 'u' || !hex4(s + 2, n - 2, &code)) return n < 2 ? 1 : 2;
    if (code >= 0xDC00 && code <= 0xDFFF) return 0;
    if (code < 0xD800 || code > 0xDBFF) return 6;
    if (n < 12 || s[6] != '\\' || s[7] != 'u' || !hex4(s + 8, n - 8, &low)) return 0;
    return low >= 0xDC00 && low <= 0xDFFF ? 12 : 0;
}

/* Bytes at s before the first backslash or byte above 0x7F, looking at eight at a time; at most n. */
static size_t plain_bytes(const char *s, size_t n)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        uint64_t w, slash;
        memcpy(&w, s + i, sizeof w);
        slash =
            w ^ 0x5C5C5C5C5C5C5C5Cu; /* a zero byte where the backslash is: its borrow sets the high bit */
        if ((((slash - 0x0101010101010101u) | w) & 0x8080808080808080u) != 0) break;
    }
    while (i < n && s[i] != '\\' && (unsigned char)s[i] < 0x80) i++;
    return i;
}

/* Three-byte sequences other than E0 and ED, whose second byte is restricted, are most of a vocabulary ("\u2581"). */
static bool is_common_triple(const char *s, size_t n)
{
    unsigned char lead = (unsigned char)s[0];
    return n >= 3 && lead > 0xE0 && lead <= 0xEF && lead != 0xED && ((unsigned char)s[1] & 0xC0) == 0x80 &&
           ((unsigned char)s[2] & 0xC0) == 0x80;
}

static hooke_status sweep(const char *text, size_t n, const char *name)
{
    for (size_t i = plain_bytes(text, n); i < n; i += plain_bytes(text + i, n - i)) {
        size_t length;
        uint32_t code;
        if (text[i] == '\\') {
            length = escape_length(text + i, n - i);
            RETURN_IF(length == 0, HOOKE_E_FORMAT, "%s: byte %zu: \\u escape is half of a surrogate pair",
                      name, i);
        } else {
            length = is_common_triple(text + i, n - i) ? 3 : (size_t)utf8_decode(&code, text + i, n - i);
            RETURN_IF(length == 0, HOOKE_E_FORMAT, "%s: byte %zu: not UTF-8", name, i);
        }
        i += length;
    }
    return HOOKE_OK;
}

/* ---- memory ---- */

/* A piece of the slab, 8-byte aligned, zeroed; larger ones go to the arena directly. NULL with the message made. */
static void *take(struct builder *b, size_t bytes)
{
    bytes = (bytes + 7) / 8 * 8;
    if (bytes > (size_t)(b->slab_end - b->slab)) {
        if (bytes > SLAB_BYTES / 4) return arena_alloc(b->arena, bytes, 1);
        b->slab = arena_alloc(b->arena, SLAB_BYTES, 1);
        b->slab_end = b->slab ? b->slab + SLAB_BYTES : NULL;
        if (!b->slab) return NULL;
    }
    void *p = b->slab;
    b->slab += bytes;
    return p;
}

/* yajl's blocks carry their size in front, for realloc. */
struct scratch_head {
    size_t bytes, unused;
};

static void *scratch_alloc(void *ctx, size_t bytes)
{
    struct builder *b = ctx;
    struct scratch_head *h =
        bytes > JSON_MAX_BYTES * 2 ? NULL : arena_alloc(&b->scratch, sizeof *h + bytes, 1);
    if (!h) longjmp(b->out_of_memory, 1);
    h->bytes = bytes;
    return h + 1;
}

static void scratch_free(void *ctx, void *p)
{
    (void)ctx;
    (void)p; /* goes with the arena */
}

static void *scratch_realloc(void *ctx, void *p, size_t bytes)
{
    void *q = scratch_alloc(ctx, bytes);
    if (p) {
        size_t old = ((struct scratch_head *)p)[-1].bytes;
        memcpy(q, p, old < bytes ? old : bytes);
    }
    return q;
}

/* ---- yajl's callbacks: 1 goes on, 0 stops ---- */

static int stop(struct builder *b, hooke_status st)
{
    b->status = st;
    return 0;
}

/* A new value behind the last one of the open container, with `extra` bytes after the node. */
static struct json *add(struct builder *b, enum json_kind kind, size_t extra)
{
    struct json *v = take(b, sizeof *v + extra);
    if (!v) {
        stop(b, HOOKE_E_MEMORY);
        return NULL;
    }
    v->kind = kind;
    v->key = b->key;
    v->key_bytes = b->key_bytes;
    b->key = NULL;
    b->key_bytes = 0;
    if (b->depth == 0) {
        b->root = v;
        return v;
    }
    struct json *list = b->open[b->depth - 1].list;
    if (b->open[b->depth - 1].last)
        b->open[b->depth - 1].last->next = v;
    else
        list->as.list.first = v;
    b->open[b->depth - 1].last = v;
    list->as.list.n++;
    return v;
}

static int on_null(void *ctx)
{
    return add(ctx, JSON_NULL, 0) != NULL;
}

static int on_boolean(void *ctx, int value)
{
    struct json *v = add(ctx, JSON_BOOL, 0);
    if (v) v->as.boolean = value != 0;
    return v != NULL;
}

/* Digits of a validated integer; false past int64. Counts downwards, where there is one value more. */
static bool parse_int64(const char *s, size_t n, int64_t *out)
{
    bool negative = s[0] == '-';
    int64_t v = 0;
    for (size_t i = negative; i < n; i++)
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_sub_overflow(v, s[i] - '0', &v)) return false;
    return negative ? (*out = v, true) : !__builtin_sub_overflow((int64_t)0, v, out);
}

static int on_real(struct builder *b, const char *s, size_t n)
{
    char digits[NUMBER_BYTES];
    if (n >= sizeof digits)
        return stop(b, fail(HOOKE_E_FORMAT, "%s: a number of %zu characters", b->name, n));
    memcpy(digits, s, n);
    digits[n] = '\0';
    double real = strtod(digits, NULL);
    if (isinf(real)) return stop(b, fail(HOOKE_E_FORMAT, "%s: number %.40s is too large", b->name, digits));
    struct json *v = add(b, JSON_REAL, 0);
    if (v) v->as.real = real;
    return v != NULL;
}

static int on_number(void *ctx, const char *s, size_t n)
{
    struct builder *b = ctx;
    int64_t integer;
    for (size_t i = 0; i < n; i++)
        if (s[i] == '.' || s[i] == 'e' || s[i] == 'E') return on_real(b, s, n);
    bool fits = parse_int64(s, n, &integer);
    if (!fits && (b->flags & JSON_LARGE_INTEGERS)) return on_real(b, s, n);
    if (!fits)
        return stop(b, fail(HOOKE_E_FORMAT, "%s: integer %.*s%s does not fit 64 bits", b->name,
                            n < 40 ? (int)n : 40, s, n < 40 ? "" : "..."));
    struct json *v = add(b, JSON_INT, 0);
    if (v) v->as.integer = integer;
    return v != NULL;
}

static int on_string(void *ctx, const unsigned char *s, size_t n)
{
    struct json *v = add(ctx, JSON_STRING, n + 1);
    if (!v) return 0;
    char *bytes = (char *)(v + 1); /* the slab is zeroed: the NUL is there */
    if (n) memcpy(bytes, s, n);
    v->as.string.bytes = bytes;
    v->as.string.n = n;
    return 1;
}

static int on_key(void *ctx, const unsigned char *s, size_t n)
{
    struct builder *b = ctx;
    char *key = take(b, n + 1);
    if (!key) return stop(b, HOOKE_E_MEMORY);
    if (n) memcpy(key, s, n);
    b->key = key;
    b->key_bytes = (uint32_t)n; /* the text is shorter than 2^30 */
    return 1;
}

static int open_list(struct builder *b, enum json_kind kind)
{
    if (b->depth == JSON_MAX_DEPTH)
        return stop(b, fail(HOOKE_E_FORMAT, "%s: nested deeper than %d levels", b->name, JSON_MAX_DEPTH));
    struct json *v = add(b, kind, 0);
    if (!v) return 0;
    b->open[b->depth].list = v;
    b->open[b->depth].last = NULL;
    b->depth++;
    return 1;
}

static int on_start_map(void *ctx)
{
    return open_list(ctx, JSON_OBJECT);
}

static int on_start_array(void *ctx)
{
    return open_list(ctx, JSON_ARRAY);
}

static int on_end_array(void *ctx)
{
    ((struct builder *)ctx)->depth--;
    return 1;
}

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

static int on_end_map(void *ctx)
{
    struct builder *b = ctx;
    b->depth--;
    if (!(b->flags & JSON_REFUSE_DUPLICATES)) return 1;
    hooke_status st = refuse_duplicates(b->open[b->depth].list, b->name);
    return st == HOOKE_OK ? 1 : stop(b, st);
}

/* ---- parse ---- */

static hooke_status syntax_error(yajl_handle h, const char *text, size_t n, const char *name)
{
    size_t at = yajl_get_bytes_consumed(h), line = 1;
    if (at > n) at = n;
    for (size_t i = 0; i < at; i++) line += text[i] == '\n';
    const char *why = (const char *)yajl_get_error(h, 0, (const unsigned char *)text, n);
    const char *colon = why ? strstr(why, ": ") : NULL;
    if (colon) why = colon + 2;
    return fail(HOOKE_E_FORMAT, "%s: not valid JSON: line %zu, byte %zu of %zu: %.*s", name, line, at, n,
                why ? (int)strcspn(why, "\n") : 0, why ? why : "");
}

static hooke_status run_yajl(struct builder *b, const char *text, size_t n)
{
    static const yajl_callbacks callbacks = { on_null,    on_boolean,     NULL,         NULL,
                                              on_number,  on_string,      on_start_map, on_key,
                                              on_end_map, on_start_array, on_end_array };
    yajl_alloc_funcs memory = { scratch_alloc, scratch_realloc, scratch_free, b };
    if (setjmp(b->out_of_memory)) return fail(HOOKE_E_MEMORY, "%s: out of memory while parsing", b->name);
    yajl_handle h = yajl_alloc(&callbacks, &memory, b);
    yajl_config(h, yajl_dont_validate_strings, 1); /* sweep() did, and more strictly */
    yajl_status st = yajl_parse(h, (const unsigned char *)text, n);
    if (st == yajl_status_ok) st = yajl_complete_parse(h);
    if (b->status != HOOKE_OK) return b->status;
    return st == yajl_status_ok && b->root ? HOOKE_OK : syntax_error(h, text, n, b->name);
}

hooke_status json_parse(const struct json **out, struct arena *a, const char *text, size_t n, int flags,
                        const char *name)
{
    *out = NULL;
    RETURN_IF(n > JSON_MAX_BYTES, HOOKE_E_UNSUPPORTED, "%s: JSON of %zu bytes, the limit is %zu", name, n,
              JSON_MAX_BYTES);
    RETURN_IF_ERROR(sweep(text, n, name));
    struct builder *b = mem_alloc(1, sizeof *b);
    RETURN_IF(!b, HOOKE_E_MEMORY, "%s: out of memory", name);
    b->arena = a;
    b->name = name;
    b->flags = flags;
    locale_t c_locale =
        newlocale(LC_ALL_MASK, "C", (locale_t)0); /* strtod reads "0,5" where the host program says so */
    locale_t before = c_locale ? uselocale(c_locale) : (locale_t)0;
    hooke_status st = run_yajl(b, text, n);
    if (c_locale) {
        uselocale(before);
        freelocale(c_locale);
    }
    if (st == HOOKE_OK) *out = b->root;
    arena_release(&b->scratch);
    mem_free(b);
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

hooke_status json_int(int64_t *out, const struct json *o, const char *key, int64_t low, int64_t high,
                      int64_t fallback, const char *name)
{
    const struct json *v = json_get(o, key);
    *out = fallback;
    if (json_is_null(v)) return HOOKE_OK;
    RETURN_IF(v->kind != JSON_INT, HOOKE_E_FORMAT, "%s: key '%s': expected an integer, found %s", name, key,
              kind_name(v->kind));
    RETURN_IF(v->as.integer < low || v->as.integer > high, HOOKE_E_FORMAT,
              "%s: key '%s': %lld is not in %lld .. %lld", name, key, (long long)v->as.integer,
              (long long)low, (long long)high);
    *out = v->as.integer;
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
