#include "text/pretokenizer.h"

#include <string.h>

#include "text/byte_level.h"
#include "text/normalizer.h"

/* ---- applying ---- */

/* Appends the words in the byte alphabet's spelling. */
static hooke_status spell_words(struct pieces *out, const struct pieces *words)
{
    for (size_t i = 0; i < words->n; i++) {
        struct bytes w = pieces_get(words, i);
        RETURN_IF_ERROR(append_byte_chars(&out->text, w.s, w.n));
        RETURN_IF_ERROR(pieces_end(out));
    }
    return HOOKE_OK;
}

static hooke_status byte_level(const struct pretokenizer_step *step, struct pieces *out, const char *s,
                               size_t n)
{
    struct pieces words = { 0 };
    hooke_text prefixed = { 0 };
    hooke_status st = HOOKE_OK;
    if (step->add_prefix_space && n && s[0] != ' ') {
        st = text_append(&prefixed, " ", 1);
        if (st == HOOKE_OK) st = text_append(&prefixed, s, n);
        s = prefixed.data;
        n = prefixed.n;
    }
    if (st == HOOKE_OK)
        st = step->does_split ? split_text(&step->split, &words, s, n) : pieces_add(&words, s, n);
    if (st == HOOKE_OK) st = spell_words(out, &words);
    pieces_release(&words);
    hooke_text_release(&prefixed);
    return st;
}

static bool starts_with(const char *s, size_t n, struct bytes prefix)
{
    return n >= prefix.n && memcmp(s, prefix.s, prefix.n) == 0;
}

static hooke_status metaspace(const struct pretokenizer_step *step, struct pieces *out, const char *s,
                              size_t n, bool at_start)
{
    hooke_text t = { 0 };
    bool wants = step->prepend == PREPEND_ALWAYS || (step->prepend == PREPEND_FIRST && at_start);
    hooke_status st = HOOKE_OK;
    if (wants && !starts_with(s, n, step->replacement) && !(n && s[0] == ' '))
        st = text_append(&t, step->replacement.s, step->replacement.n);
    if (st == HOOKE_OK) st = append_replaced(&t, s, n, (struct bytes){ " ", 1 }, step->replacement);
    if (st == HOOKE_OK)
        st = step->does_split ? split_text(&step->split, out, t.data ? t.data : "", t.n)
                              : pieces_add(out, t.data, t.n);
    hooke_text_release(&t);
    return st;
}

static hooke_status apply_step(const struct pretokenizer_step *step, struct pieces *out, const char *s,
                               size_t n, bool at_start)
{
    switch (step->kind) {
    case PRE_SPLIT:
        return split_text(&step->split, out, s, n);
    case PRE_BYTE_LEVEL:
        return byte_level(step, out, s, n);
    case PRE_METASPACE:
        return metaspace(step, out, s, n, at_start);
    }
    return fail(HOOKE_E_INTERNAL, "pre-tokenizer step %d", (int)step->kind);
}

hooke_status pretokenize(const struct pretokenizer *p, struct pieces *words, struct pieces *spare,
                         const char *s, size_t n, bool at_start)
{
    pieces_clear(words);
    if (!p->first) return pieces_add(words, s, n);
    RETURN_IF_ERROR(apply_step(p->first, words, s, n, at_start));
    for (const struct pretokenizer_step *step = p->first->next; step; step = step->next) {
        pieces_clear(spare);
        for (size_t i = 0; i < words->n; i++) {
            struct bytes w = pieces_get(words, i);
            RETURN_IF_ERROR(apply_step(step, spare, w.s, w.n, at_start && i == 0));
        }
        pieces_swap(words, spare);
    }
    return HOOKE_OK;
}

/* ---- reading ---- */

static hooke_status read_behavior(enum split_behavior *out, const struct json *o, const char *name)
{
    static const char *const names[] = { "Removed", "Isolated", "MergedWithPrevious", "MergedWithNext",
                                         "Contiguous" };
    const char *behavior;
    RETURN_IF_ERROR(json_string(&behavior, o, "behavior", "", name));
    for (int i = 0; i < 5; i++) {
        if (strcmp(behavior, names[i]) != 0) continue;
        *out = (enum split_behavior)i;
        return HOOKE_OK;
    }
    return fail(HOOKE_E_UNSUPPORTED, "%s: pre-tokenizer Split has the unknown behavior '%s'", name, behavior);
}

static hooke_status read_split(struct split *split, struct arena *a, const struct json *o, const char *name)
{
    struct bytes regex;
    RETURN_IF_ERROR(read_pattern(&split->pattern, &regex, a, o, "pre-tokenizer Split", name));
    split->scan = regex.s ? scanner_of(regex.s, regex.n) : NULL;
    RETURN_IF(regex.s && !split->scan, HOOKE_E_UNSUPPORTED,
              "%s: pre-tokenizer Split: the regular expression '%s' is none of those known here (GPT-2's, "
              "Llama 3's, Qwen 2's)",
              name, regex.s);
    RETURN_IF_ERROR(json_bool(&split->invert, o, "invert", false, name));
    return read_behavior(&split->behavior, o, name);
}

hooke_status read_prepend_scheme(enum prepend_scheme *out, const struct json *o, const char *what,
                                 const char *name)
{
    static const char *const names[] = { "always", "first", "never" };
    const char *scheme;
    bool add_prefix_space;
    RETURN_IF_ERROR(json_bool(&add_prefix_space, o, "add_prefix_space", true, name));
    RETURN_IF_ERROR(json_string(&scheme, o, "prepend_scheme", add_prefix_space ? "always" : "never", name));
    for (int i = 0; i < 3; i++) {
        if (strcmp(scheme, names[i]) != 0) continue;
        *out = (enum prepend_scheme)i;
        return HOOKE_OK;
    }
    return fail(HOOKE_E_UNSUPPORTED, "%s: %s has the unknown prepend_scheme '%s'", name, what, scheme);
}

static hooke_status read_metaspace(struct pretokenizer_step *step, struct arena *a, const struct json *o,
                                   const char *name)
{
    step->kind = PRE_METASPACE;
    RETURN_IF_ERROR(read_bytes(&step->replacement, a, o, "replacement", "pre-tokenizer Metaspace", name));
    RETURN_IF(step->replacement.n == 0, HOOKE_E_FORMAT,
              "%s: pre-tokenizer Metaspace has an empty replacement", name);
    RETURN_IF_ERROR(json_bool(&step->does_split, o, "split", true, name));
    step->split = (struct split){ .pattern = step->replacement, .behavior = SPLIT_WITH_NEXT };
    return read_prepend_scheme(&step->prepend, o, "pre-tokenizer Metaspace", name);
}

static hooke_status read_byte_level(struct pretokenizer_step *step, const struct json *o, const char *name)
{
    step->kind = PRE_BYTE_LEVEL;
    step->split = (struct split){ .scan = scan_gpt2, .behavior = SPLIT_ISOLATED };
    RETURN_IF_ERROR(json_bool(&step->does_split, o, "use_regex", true, name));
    return json_bool(&step->add_prefix_space, o, "add_prefix_space", true, name);
}

static hooke_status read_digits(struct pretokenizer_step *step, const struct json *o, const char *name)
{
    bool is_individual;
    RETURN_IF_ERROR(json_bool(&is_individual, o, "individual_digits", false, name));
    step->kind = PRE_SPLIT;
    step->split =
        (struct split){ .scan = is_individual ? scan_digit : scan_digits, .behavior = SPLIT_ISOLATED };
    return HOOKE_OK;
}

static hooke_status read_step(struct pretokenizer_step *step, struct arena *a, const char *type,
                              const struct json *o, const char *name)
{
    step->kind = PRE_SPLIT;
    if (strcmp(type, "Split") == 0) return read_split(&step->split, a, o, name);
    if (strcmp(type, "ByteLevel") == 0) return read_byte_level(step, o, name);
    if (strcmp(type, "Metaspace") == 0) return read_metaspace(step, a, o, name);
    if (strcmp(type, "Digits") == 0) return read_digits(step, o, name);
    return fail(HOOKE_E_UNSUPPORTED, "%s: pre-tokenizer '%s' is not supported", name, type);
}

static hooke_status read_sequence(struct pretokenizer *p, struct arena *a, const struct json *o,
                                  const char *name)
{
    const struct json *list = json_get(o, "pretokenizers");
    RETURN_IF(!list || list->kind != JSON_ARRAY, HOOKE_E_FORMAT, "%s: pre-tokenizer Sequence has no list",
              name);
    for (const struct json *v = list->as.list.first; v; v = v->next) {
        RETURN_IF(json_is_null(v), HOOKE_E_FORMAT, "%s: pre-tokenizer Sequence holds a null", name);
        RETURN_IF_ERROR(pretokenizer_read(p, a, v, name));
    }
    return HOOKE_OK;
}

hooke_status pretokenizer_read(struct pretokenizer *p, struct arena *a, const struct json *value,
                               const char *name)
{
    const char *type;
    if (json_is_null(value)) return HOOKE_OK;
    RETURN_IF_ERROR(read_type(&type, value, "pre_tokenizer", name));
    if (strcmp(type, "Sequence") == 0) return read_sequence(p, a, value, name);
    struct pretokenizer_step *step = arena_alloc(a, 1, sizeof *step);
    if (!step) return HOOKE_E_MEMORY;
    RETURN_IF_ERROR(read_step(step, a, type, value, name));
    *(p->last ? &p->last->next : &p->first) = step;
    p->last = step;
    return HOOKE_OK;
}
