#include "text/decoder.h"

#include <string.h>

#include "text/byte_level.h"
#include "text/normalizer.h"
#include "text/unicode.h"

/* ---- steps: each reads tokens and fills out ---- */

static hooke_status decode_byte_level(struct pieces *out, const struct pieces *in)
{
    hooke_text raw = { 0 };
    hooke_status st = HOOKE_OK;
    for (size_t i = 0; st == HOOKE_OK && i < in->n; i++) {
        struct bytes t = pieces_get(in, i);
        st = append_bytes_of_chars(&raw, t.s, t.n);
    }
    if (st == HOOKE_OK) st = append_as_utf8(&out->text, raw.data, raw.n);
    hooke_text_release(&raw);
    return st == HOOKE_OK ? pieces_end(out) : st;
}

static hooke_status decode_replace(const struct decoder_step *step, struct pieces *out,
                                   const struct pieces *in)
{
    for (size_t i = 0; i < in->n; i++) {
        struct bytes t = pieces_get(in, i);
        RETURN_IF_ERROR(append_replaced(&out->text, t.s, t.n, step->pattern, step->content));
        RETURN_IF_ERROR(pieces_end(out));
    }
    return HOOKE_OK;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') return (c | 0x20) - 'a' + 10;
    return -1;
}

/* The byte of a token "<0xHH>", or -1. */
static int byte_of_token(struct bytes t)
{
    if (t.n != 6 || memcmp(t.s, "<0x", 3) != 0 || t.s[5] != '>') return -1;
    int high = hex_digit(t.s[3]), low = hex_digit(t.s[4]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

static hooke_status end_byte_run(struct pieces *out, hooke_text *run)
{
    if (run->n == 0) return HOOKE_OK;
    if (utf8_valid_prefix(run->data, run->n) == run->n) {
        RETURN_IF_ERROR(pieces_add(out, run->data, run->n));
    } else {
        for (size_t i = 0; i < run->n; i++) RETURN_IF_ERROR(pieces_add(out, "\xEF\xBF\xBD", 3));
    }
    text_clear(run);
    return HOOKE_OK;
}

static hooke_status decode_byte_fallback(struct pieces *out, const struct pieces *in)
{
    hooke_text run = { 0 };
    hooke_status st = HOOKE_OK;
    for (size_t i = 0; st == HOOKE_OK && i < in->n; i++) {
        struct bytes t = pieces_get(in, i);
        int byte = byte_of_token(t);
        char c = (char)byte;
        if (byte >= 0) {
            st = text_append(&run, &c, 1);
            continue;
        }
        st = end_byte_run(out, &run);
        if (st == HOOKE_OK) st = pieces_add(out, t.s, t.n);
    }
    if (st == HOOKE_OK) st = end_byte_run(out, &run);
    hooke_text_release(&run);
    return st;
}

static struct bytes strip(struct bytes t, struct bytes content, int64_t start, int64_t stop)
{
    while (start-- > 0 && t.n >= content.n && memcmp(t.s, content.s, content.n) == 0) {
        t.s += content.n;
        t.n -= content.n;
    }
    while (stop-- > 0 && t.n >= content.n && memcmp(t.s + t.n - content.n, content.s, content.n) == 0)
        t.n -= content.n;
    return t;
}

static hooke_status decode_strip(const struct decoder_step *step, struct pieces *out, const struct pieces *in)
{
    for (size_t i = 0; i < in->n; i++) {
        struct bytes t = strip(pieces_get(in, i), step->content, step->start, step->stop);
        RETURN_IF_ERROR(pieces_add(out, t.s, t.n));
    }
    return HOOKE_OK;
}

/* A space for every replacement character; in the first token, which encoding may have given one, none. */
static hooke_status decode_metaspace(const struct decoder_step *step, struct pieces *out,
                                     const struct pieces *in)
{
    for (size_t i = 0; i < in->n; i++) {
        struct bytes t = pieces_get(in, i), space = { " ", step->prepend != PREPEND_NEVER && i == 0 ? 0 : 1 };
        RETURN_IF_ERROR(append_replaced(&out->text, t.s, t.n, step->pattern, space));
        RETURN_IF_ERROR(pieces_end(out));
    }
    return HOOKE_OK;
}

static hooke_status apply_step(const struct decoder_step *step, struct pieces *out, const struct pieces *in)
{
    switch (step->kind) {
    case DECODE_BYTE_LEVEL:
        return decode_byte_level(out, in);
    case DECODE_REPLACE:
        return decode_replace(step, out, in);
    case DECODE_BYTE_FALLBACK:
        return decode_byte_fallback(out, in);
    case DECODE_FUSE:
        return pieces_add(out, in->text.data, in->text.n);
    case DECODE_STRIP:
        return decode_strip(step, out, in);
    case DECODE_METASPACE:
        return decode_metaspace(step, out, in);
    }
    return fail(HOOKE_E_INTERNAL, "decoder step %d", (int)step->kind);
}

hooke_status decode_tokens(const struct decoder *d, hooke_text *out, struct pieces *tokens,
                           struct pieces *spare)
{
    for (const struct decoder_step *step = d->first; step; step = step->next) {
        pieces_clear(spare);
        RETURN_IF_ERROR(apply_step(step, spare, tokens));
        pieces_swap(tokens, spare);
    }
    if (d->first) return text_append(out, tokens->text.data, tokens->text.n);
    for (size_t i = 0; i < tokens->n; i++) {
        struct bytes t = pieces_get(tokens, i);
        if (i) RETURN_IF_ERROR(text_append(out, " ", 1));
        RETURN_IF_ERROR(text_append(out, t.s, t.n));
    }
    return HOOKE_OK;
}

hooke_status clean_up_spaces(hooke_text *text)
{
    static const char *const rules[][2] = { { " .", "." },    { " ?", "?" },   { " !", "!" },
                                            { " ,", "," },    { " ' ", "'" },  { " n't", "n't" },
                                            { " 'm", "'m" },  { " 's", "'s" }, { " 've", "'ve" },
                                            { " 're", "'re" } };
    hooke_text next = { 0 };
    hooke_status st = HOOKE_OK;
    for (size_t i = 0; st == HOOKE_OK && text->n && i < sizeof rules / sizeof rules[0]; i++) {
        struct bytes from = { rules[i][0], strlen(rules[i][0]) }, to = { rules[i][1], strlen(rules[i][1]) };
        text_clear(&next);
        st = append_replaced(&next, text->data, text->n, from, to);
        hooke_text swap = *text;
        *text = next;
        next = swap;
    }
    hooke_text_release(&next);
    return st;
}

/* ---- reading ---- */

static hooke_status read_step(struct decoder_step *step, struct arena *a, const char *type,
                              const struct json *o, const char *name)
{
    static const struct {
        const char *type;
        enum decoder_kind kind;
    } known[] = { { "ByteLevel", DECODE_BYTE_LEVEL },
                  { "Replace", DECODE_REPLACE },
                  { "ByteFallback", DECODE_BYTE_FALLBACK },
                  { "Fuse", DECODE_FUSE },
                  { "Strip", DECODE_STRIP },
                  { "Metaspace", DECODE_METASPACE } };
    size_t i = 0, n = sizeof known / sizeof known[0];
    while (i < n && strcmp(known[i].type, type) != 0) i++;
    RETURN_IF(i == n, HOOKE_E_UNSUPPORTED, "%s: decoder '%s' is not supported", name, type);
    step->kind = known[i].kind;
    if (step->kind == DECODE_REPLACE)
        RETURN_IF_ERROR(read_pattern(&step->pattern, NULL, a, o, "decoder Replace", name));
    if (step->kind == DECODE_REPLACE || step->kind == DECODE_STRIP)
        RETURN_IF_ERROR(read_bytes(&step->content, a, o, "content", "decoder", name));
    if (step->kind == DECODE_METASPACE) {
        RETURN_IF_ERROR(read_bytes(&step->pattern, a, o, "replacement", "decoder Metaspace", name));
        RETURN_IF(step->pattern.n == 0, HOOKE_E_FORMAT, "%s: decoder Metaspace has an empty replacement",
                  name);
        return read_prepend_scheme(&step->prepend, o, "decoder Metaspace", name);
    }
    if (step->kind != DECODE_STRIP) return HOOKE_OK;
    RETURN_IF(step->content.n == 0, HOOKE_E_FORMAT, "%s: decoder Strip has an empty content", name);
    RETURN_IF_ERROR(json_int(&step->start, o, "start", 0, INT32_MAX, 0, name));
    return json_int(&step->stop, o, "stop", 0, INT32_MAX, 0, name);
}

static hooke_status read_sequence(struct decoder *d, struct arena *a, const struct json *o, const char *name)
{
    const struct json *list = json_get(o, "decoders");
    RETURN_IF(!list || list->kind != JSON_ARRAY, HOOKE_E_FORMAT, "%s: decoder Sequence has no list", name);
    for (const struct json *v = list->as.list.first; v; v = v->next) {
        RETURN_IF(json_is_null(v), HOOKE_E_FORMAT, "%s: decoder Sequence holds a null", name);
        RETURN_IF_ERROR(decoder_read(d, a, v, name));
    }
    return HOOKE_OK;
}

hooke_status decoder_read(struct decoder *d, struct arena *a, const struct json *value, const char *name)
{
    const char *type;
    if (json_is_null(value)) return HOOKE_OK;
    RETURN_IF_ERROR(read_type(&type, value, "decoder", name));
    if (strcmp(type, "Sequence") == 0) return read_sequence(d, a, value, name);
    struct decoder_step *step = arena_alloc(a, 1, sizeof *step);
    if (!step) return HOOKE_E_MEMORY;
    RETURN_IF_ERROR(read_step(step, a, type, value, name));
    *(d->last ? &d->last->next : &d->first) = step;
    d->last = step;
    return HOOKE_OK;
}
