#include "text/normalizer.h"

#include <string.h>

#include "text/unicode.h"
#include "text/unicode_forms.h"

enum { MAX_GROWTH = 64, GROWTH_SLACK = 65536 };

const char *find_bytes(const char *s, size_t n, struct bytes pattern)
{
    const char *end = s + n;
    while ((size_t)(end - s) >= pattern.n) {
        s = memchr(s, pattern.s[0], (size_t)(end - s) - pattern.n + 1);
        if (!s || memcmp(s, pattern.s, pattern.n) == 0) return s;
        s++;
    }
    return NULL;
}

/* A few steps that lengthen text could ask for any amount of memory: the longest honest growth is 11 (U+FDFA). */
static bool is_too_long(size_t n, size_t original)
{
    return n > GROWTH_SLACK && (n - GROWTH_SLACK) / MAX_GROWTH > original;
}

hooke_status append_replaced(hooke_text *out, const char *s, size_t n, struct bytes pattern,
                             struct bytes content)
{
    const char *end = s + n, *hit;
    size_t start = out->n;
    while (s < end && (hit = find_bytes(s, (size_t)(end - s), pattern))) {
        RETURN_IF(is_too_long(out->n - start + content.n, n), HOOKE_E_UNSUPPORTED,
                  "replacing '%.*s' makes text more than %d times longer",
                  (int)(pattern.n < 40 ? pattern.n : 40), pattern.s, (int)MAX_GROWTH);
        RETURN_IF_ERROR(text_append(out, s, (size_t)(hit - s)));
        RETURN_IF_ERROR(text_append(out, content.s, content.n));
        s = hit + pattern.n;
    }
    return text_append(out, s, (size_t)(end - s));
}

static hooke_status append_stripped(hooke_text *out, const char *s, size_t n, bool left, bool right)
{
    size_t length;
    while (left && n && is_space(char_at(s, n, &length))) {
        s += length;
        n -= length;
    }
    while (right && n && is_space(char_before(s, n, &length))) n -= length;
    return text_append(out, s, n);
}

static hooke_status apply_step(const struct normalizer_step *step, hooke_text *out, const char *s, size_t n)
{
    switch (step->kind) {
    case NORMALIZE_REPLACE:
        return append_replaced(out, s, n, step->pattern, step->content);
    case NORMALIZE_PREPEND:
        if (n) RETURN_IF_ERROR(text_append(out, step->content.s, step->content.n));
        return text_append(out, s, n);
    case NORMALIZE_NFC:
        return append_unicode_form(out, s, n, false, true);
    case NORMALIZE_NFD:
        return append_unicode_form(out, s, n, false, false);
    case NORMALIZE_NFKC:
        return append_unicode_form(out, s, n, true, true);
    case NORMALIZE_NFKD:
        return append_unicode_form(out, s, n, true, false);
    case NORMALIZE_LOWERCASE:
        return append_lowercase(out, s, n);
    case NORMALIZE_STRIP:
        return append_stripped(out, s, n, step->left, step->right);
    }
    return fail(HOOKE_E_INTERNAL, "normalizer step %d", (int)step->kind);
}

hooke_status normalize(const struct normalizer *z, hooke_text *out, const char *s, size_t n)
{
    if (!z->first) return text_append(out, s, n);
    if (!z->first->next) return apply_step(z->first, out, s, n);
    hooke_text in = { 0 }, next = { 0 };
    hooke_status st = apply_step(z->first, &in, s, n);
    for (const struct normalizer_step *step = z->first->next; st == HOOKE_OK && step; step = step->next) {
        hooke_text *target = step->next ? &next : out;
        text_clear(&next);
        if (is_too_long(in.n, n)) {
            st = fail(HOOKE_E_UNSUPPORTED, "the normalizer makes text more than %d times longer",
                      (int)MAX_GROWTH);
            break;
        }
        st = apply_step(step, target, in.data ? in.data : "", in.n);
        hooke_text swap = in;
        in = next;
        next = swap;
    }
    hooke_text_release(&in);
    hooke_text_release(&next);
    return st;
}

/* ---- reading ---- */

hooke_status read_type(const char **out, const struct json *o, const char *what, const char *name)
{
    RETURN_IF(!o || o->kind != JSON_OBJECT, HOOKE_E_FORMAT, "%s: %s is not an object", name, what);
    RETURN_IF_ERROR(json_string(out, o, "type", NULL, name));
    RETURN_IF(!*out, HOOKE_E_FORMAT, "%s: %s has no type", name, what);
    return HOOKE_OK;
}

hooke_status read_bytes(struct bytes *out, struct arena *a, const struct json *o, const char *key,
                        const char *what, const char *name)
{
    const struct json *v = json_get(o, key);
    RETURN_IF(!v || v->kind != JSON_STRING, HOOKE_E_FORMAT, "%s: %s: '%s' is not a string", name, what, key);
    out->s = arena_copy(a, v->as.string.bytes, v->as.string.n);
    out->n = v->as.string.n;
    return out->s ? HOOKE_OK : HOOKE_E_MEMORY;
}

hooke_status read_pattern(struct bytes *out, struct bytes *regex, struct arena *a, const struct json *o,
                          const char *what, const char *name)
{
    const struct json *pattern = json_get(o, "pattern");
    if (regex) *regex = (struct bytes){ 0 };
    *out = (struct bytes){ 0 };
    if (json_get(pattern, "Regex")) {
        struct bytes found;
        RETURN_IF_ERROR(read_bytes(&found, a, pattern, "Regex", what, name));
        RETURN_IF(!regex, HOOKE_E_UNSUPPORTED, "%s: %s with the regular expression '%s' is not supported",
                  name, what, found.s);
        *regex = found;
        return HOOKE_OK;
    }
    RETURN_IF(!pattern || pattern->kind != JSON_OBJECT, HOOKE_E_FORMAT, "%s: %s has no pattern", name, what);
    RETURN_IF_ERROR(read_bytes(out, a, pattern, "String", what, name));
    RETURN_IF(out->n == 0, HOOKE_E_FORMAT, "%s: %s has an empty pattern", name, what);
    return HOOKE_OK;
}

static hooke_status read_sequence(struct normalizer *z, struct arena *a, const struct json *o,
                                  const char *name)
{
    const struct json *list = json_get(o, "normalizers");
    RETURN_IF(!list || list->kind != JSON_ARRAY, HOOKE_E_FORMAT, "%s: normalizer Sequence has no list", name);
    for (const struct json *v = list->as.list.first; v; v = v->next) {
        RETURN_IF(json_is_null(v), HOOKE_E_FORMAT, "%s: normalizer Sequence holds a null", name);
        RETURN_IF_ERROR(normalizer_read(z, a, v, name));
    }
    return HOOKE_OK;
}

static hooke_status read_step(struct normalizer_step *step, struct arena *a, const char *type,
                              const struct json *o, const char *name)
{
    static const struct {
        const char *type;
        enum normalizer_kind kind;
    } known[] = { { "Replace", NORMALIZE_REPLACE }, { "Prepend", NORMALIZE_PREPEND },
                  { "NFC", NORMALIZE_NFC },         { "NFD", NORMALIZE_NFD },
                  { "NFKC", NORMALIZE_NFKC },       { "NFKD", NORMALIZE_NFKD },
                  { "Strip", NORMALIZE_STRIP },     { "Lowercase", NORMALIZE_LOWERCASE } };
    size_t i = 0, n = sizeof known / sizeof known[0];
    while (i < n && strcmp(known[i].type, type) != 0) i++;
    RETURN_IF(i == n, HOOKE_E_UNSUPPORTED, "%s: normalizer '%s' is not supported", name, type);
    step->kind = known[i].kind;
    if (step->kind == NORMALIZE_REPLACE) {
        RETURN_IF_ERROR(read_pattern(&step->pattern, NULL, a, o, "normalizer Replace", name));
        return read_bytes(&step->content, a, o, "content", "normalizer Replace", name);
    }
    if (step->kind == NORMALIZE_PREPEND)
        return read_bytes(&step->content, a, o, "prepend", "normalizer Prepend", name);
    if (step->kind != NORMALIZE_STRIP) return HOOKE_OK;
    RETURN_IF_ERROR(json_bool(&step->left, o, "strip_left", true, name));
    return json_bool(&step->right, o, "strip_right", true, name);
}

hooke_status normalizer_read(struct normalizer *z, struct arena *a, const struct json *value,
                             const char *name)
{
    const char *type;
    if (json_is_null(value)) return HOOKE_OK;
    RETURN_IF_ERROR(read_type(&type, value, "normalizer", name));
    if (strcmp(type, "Sequence") == 0) return read_sequence(z, a, value, name);
    struct normalizer_step *step = arena_alloc(a, 1, sizeof *step);
    if (!step) return HOOKE_E_MEMORY;
    RETURN_IF_ERROR(read_step(step, a, type, value, name));
    *(z->last ? &z->last->next : &z->first) = step;
    z->last = step;
    return HOOKE_OK;
}
