#include "text/post.h"

#include <string.h>

#include "text/normalizer.h"

void post_release(struct post *p)
{
    hooke_ids_release(&p->before);
    hooke_ids_release(&p->behind);
}

/* Appends the ids that special_tokens gives for a template's piece. */
static hooke_status append_special(hooke_ids *out, const struct json *specials, const struct json *piece,
                                   const struct vocab *vocab, const char *name)
{
    const char *id;
    RETURN_IF_ERROR(json_string(&id, piece, "id", "", name));
    const struct json *entry = json_get(specials, id), *ids = json_get(entry, "ids");
    RETURN_IF(!ids || ids->kind != JSON_ARRAY, HOOKE_E_FORMAT,
              "%s: post-processor: special_tokens lacks '%s'", name, id);
    for (const struct json *v = ids->as.list.first; v; v = v->next) {
        bool is_id = v->kind == JSON_INT && v->as.integer >= 0 && v->as.integer < vocab->n_ids;
        RETURN_IF(!is_id || !vocab->tokens[v->as.integer].s, HOOKE_E_FORMAT,
                  "%s: post-processor: '%s' has an id that is no token", name, id);
        RETURN_IF_ERROR(ids_push(out, (int32_t)v->as.integer));
    }
    return HOOKE_OK;
}

static hooke_status read_template(struct post *p, const struct json *o, const struct vocab *vocab,
                                  const char *name)
{
    const struct json *single = json_get(o, "single"), *specials = json_get(o, "special_tokens"), *sequence,
                      *special;
    const char *which;
    int n_sequences = 0;
    RETURN_IF(!single || single->kind != JSON_ARRAY, HOOKE_E_FORMAT,
              "%s: post-processor TemplateProcessing has no 'single' list", name);
    for (const struct json *v = single->as.list.first; v; v = v->next) {
        if ((special = json_get(v, "SpecialToken"))) {
            RETURN_IF_ERROR(
                append_special(n_sequences ? &p->behind : &p->before, specials, special, vocab, name));
            continue;
        }
        sequence = json_get(v, "Sequence");
        RETURN_IF(!sequence, HOOKE_E_FORMAT,
                  "%s: post-processor: a piece is neither SpecialToken nor Sequence", name);
        RETURN_IF_ERROR(json_string(&which, sequence, "id", "", name));
        RETURN_IF(strcmp(which, "A") != 0 || n_sequences++, HOOKE_E_UNSUPPORTED,
                  "%s: post-processor: 'single' must hold sequence A once, found '%s'", name, which);
    }
    RETURN_IF(!n_sequences, HOOKE_E_UNSUPPORTED, "%s: post-processor: 'single' leaves the text out", name);
    return HOOKE_OK;
}

/* Puts the inner processor's ids between the outer one's. */
static hooke_status wrap(struct post *inner, struct post *outer)
{
    RETURN_IF_ERROR(ids_append(&outer->before, inner->before.data, inner->before.n));
    RETURN_IF_ERROR(ids_append(&inner->behind, outer->behind.data, outer->behind.n));
    hooke_ids swap = inner->before;
    inner->before = outer->before;
    outer->before = swap;
    return HOOKE_OK;
}

static hooke_status read_sequence(struct post *p, const struct json *o, const struct vocab *vocab,
                                  const char *name)
{
    const struct json *list = json_get(o, "processors");
    RETURN_IF(!list || list->kind != JSON_ARRAY, HOOKE_E_FORMAT, "%s: post-processor Sequence has no list",
              name);
    for (const struct json *v = list->as.list.first; v; v = v->next) {
        struct post outer = { 0 };
        hooke_status st = json_is_null(v)
                              ? fail(HOOKE_E_FORMAT, "%s: post-processor Sequence holds a null", name)
                              : post_read(&outer, v, vocab, name);
        if (st == HOOKE_OK) st = wrap(p, &outer);
        post_release(&outer);
        if (st != HOOKE_OK) return st;
    }
    return HOOKE_OK;
}

hooke_status post_read(struct post *p, const struct json *value, const struct vocab *vocab, const char *name)
{
    const char *type;
    if (json_is_null(value)) return HOOKE_OK;
    RETURN_IF_ERROR(read_type(&type, value, "post_processor", name));
    if (strcmp(type, "ByteLevel") == 0) return HOOKE_OK; /* trims offsets, adds nothing */
    if (strcmp(type, "Sequence") == 0) return read_sequence(p, value, vocab, name);
    if (strcmp(type, "TemplateProcessing") == 0) return read_template(p, value, vocab, name);
    return fail(HOOKE_E_UNSUPPORTED, "%s: post-processor '%s' is not supported", name, type);
}
