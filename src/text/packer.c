/* packer.c: documents to contexts of n_ctx ids, by the rules of the programs that dictionaries and evaluations come from.
 * docs/tokens.md says what each does; tools/parity/token_streams.py shows that they agree. */
#include "text/packer.h"

#include <string.h>

static const struct pack_rule rules[] = {
    { "saelens", "one stream, BOS before each context, a separator between documents", fill_saelens, 0, 0 },
    { "saelens_pretokenize", "the same of documents with special tokens, begun again every 1,000",
      fill_saelens_pretokenize, 1000, 0 },
    { "dictionary_learning", "each document by itself, cut at the context's end", fill_dictionary_learning,
      512, 0 },
    { "dictionary_learning_packed", "documents joined by EOS to about one context, cut at its end",
      fill_dictionary_learning_packed, 512, 0 },
    { "saebench", "one text cut into 20 pieces; BOS over the first id of each context", fill_saebench, 0,
      100 },
    { "sparsify", "2,048 documents joined by EOS, cut into contexts", fill_sparsify, 2048, 0 },
    { "transformer_lens", "1,000 documents joined by EOS, cut, BOS before each context",
      fill_transformer_lens, 1000, 0 },
    { "transformer_lens_2", "the same of one text cut into 20 pieces (version 2)", fill_transformer_lens_2,
      1000, 0 },
};
enum { N_RULES = sizeof rules / sizeof *rules };

const char *hooke_packing_name(int index)
{
    return index >= 0 && index < N_RULES ? rules[index].name : NULL;
}

const char *hooke_packing_about(int index)
{
    return index >= 0 && index < N_RULES ? rules[index].about : NULL;
}

/* ---- what rules share ---- */

hooke_status pack_queue(struct hooke_packer *p, const int32_t *ids, size_t n)
{
    if (n == 0) return HOOKE_OK;
    RETURN_IF_ERROR(ids_append(&p->ready, ids, n));
    return ids_push(&p->lengths, (int32_t)n);
}

hooke_status pack_document(struct hooke_packer *p, const char **text, size_t *n)
{
    return hooke_docs_next(p->docs, text, n);
}

size_t pack_room(const struct hooke_packer *p)
{
    size_t around = p->prepend_bos ? p->tk->post.before.n + p->tk->post.behind.n : 0;
    return around < p->n_ctx ? p->n_ctx - around : 1;
}

hooke_status pack_queue_wrapped(struct hooke_packer *p, const int32_t *ids, size_t n)
{
    const struct post *post = &p->tk->post;
    size_t before = p->prepend_bos ? post->before.n : 0, behind = p->prepend_bos ? post->behind.n : 0;
    if (before + n + behind == 0) return HOOKE_OK;
    RETURN_IF_ERROR(ids_append(&p->ready, post->before.data, before));
    RETURN_IF_ERROR(ids_append(&p->ready, ids, n));
    RETURN_IF_ERROR(ids_append(&p->ready, post->behind.data, behind));
    return ids_push(&p->lengths, (int32_t)(before + n + behind));
}

int32_t pack_pad(const hooke_tokenizer *tk)
{
    return tk->pad >= 0 ? tk->pad : tk->eos;
}

int32_t pack_bos(const hooke_tokenizer *tk)
{
    return tk->bos >= 0 ? tk->bos : tk->eos;
}

size_t count_chars(const char *s, size_t n)
{
    size_t chars = 0;
    for (size_t at = 0; at < n; chars++) {
        uint32_t code;
        int length = utf8_decode(&code, s + at, n - at);
        at += (size_t)(length ? length : utf8_invalid_length(s + at, n - at));
    }
    return chars;
}

/* ---- opening ---- */

static const struct pack_rule *rule_named(const char *name)
{
    for (int i = 0; i < N_RULES; i++)
        if (strcmp(rules[i].name, name) == 0) return &rules[i];
    return NULL;
}

static const char *nearest_rule(const char *name)
{
    int best = 0;
    for (int i = 1; i < N_RULES; i++)
        if (edit_distance(rules[i].name, name) < edit_distance(rules[best].name, name)) best = i;
    return rules[best].name;
}

/* "bos" (which is the id `bos`), "eos", "none" or an id; NULL is the fallback. */
static hooke_status special_of(int32_t *out, const hooke_tokenizer *tk, int32_t bos, const char *what,
                               const char *fallback)
{
    const char *s = what ? what : fallback;
    int64_t id = 0;
    *out = -1;
    if (strcmp(s, "none") == 0) return HOOKE_OK;
    if (strcmp(s, "bos") == 0) *out = bos;
    if (strcmp(s, "eos") == 0) *out = tk->eos;
    if (strcmp(s, "bos") == 0 || strcmp(s, "eos") == 0) return HOOKE_OK;
    size_t digits = strspn(s, "0123456789");
    for (size_t i = 0; i < digits && i < 10; i++) id = id * 10 + (s[i] - '0');
    RETURN_IF(digits == 0 || digits > 10 || s[digits], HOOKE_E_ARGUMENT,
              "'%.40s' is no token: bos, eos, none or an id", s);
    RETURN_IF(id >= tk->vocab.n_ids, HOOKE_E_ARGUMENT, "token %lld: the vocabulary has %d ids", (long long)id,
              (int)tk->vocab.n_ids);
    *out = (int32_t)id;
    return HOOKE_OK;
}

/* Rules that join documents need the string of EOS, and most of them BOS. */
static hooke_status check_specials(const struct hooke_packer *p)
{
    hooke_status (*const of_ids[])(struct hooke_packer *) = { fill_saelens, fill_saelens_pretokenize,
                                                              fill_dictionary_learning };
    for (size_t i = 0; i < sizeof of_ids / sizeof *of_ids; i++)
        if (p->rule->fill == of_ids[i]) return HOOKE_OK;
    RETURN_IF(p->tk->eos < 0, HOOKE_E_UNSUPPORTED,
              "%s: packing '%s' joins documents by EOS, and there is none", p->tk->name, p->rule->name);
    return HOOKE_OK;
}

static hooke_status set_up(struct hooke_packer *p, const hooke_pack_options *o)
{
    const int64_t MOST = 1000000000000000;
    const char *name = o->packing ? o->packing : rules[0].name;
    p->rule = rule_named(name);
    RETURN_IF(!p->rule, HOOKE_E_ARGUMENT, "no packing '%.60s'; the nearest is '%s'", name,
              nearest_rule(name));
    RETURN_IF(o->n_ctx < 2, HOOKE_E_ARGUMENT, "contexts of %d tokens: at least 2 are needed", o->n_ctx);
    RETURN_IF(o->n_tokens < 0 || o->n_tokens > MOST || o->block < 0 || o->min_chars < 0, HOOKE_E_ARGUMENT,
              "n_tokens, block and min_chars are 0 or more, n_tokens at most 10^15");
    p->n_ctx = (size_t)o->n_ctx;
    p->prepend_bos = !o->no_bos;
    p->no_concat = o->no_concat;
    p->n_tokens = o->n_tokens;
    p->block = o->block ? o->block : p->rule->block;
    p->min_chars = o->min_chars ? o->min_chars : p->rule->min_chars;
    /* SAELens trains and evaluates on TransformerLens models, which fill BOS in; its pretokenizer works on the bare tokenizer. */
    int32_t bos = p->rule->fill == fill_saelens ? pack_bos(p->tk) : p->tk->bos;
    p->begin_batch = p->prepend_bos ? bos : -1;
    RETURN_IF_ERROR(special_of(&p->separator, p->tk, bos, o->separator, "bos"));
    RETURN_IF_ERROR(special_of(&p->begin_sequence, p->tk, bos, o->begin_sequence, "none"));
    return check_specials(p);
}

hooke_status hooke_packer_open(hooke_packer **out, const hooke_tokenizer *tk, hooke_docs *docs,
                               const hooke_pack_options *options)
{
    void *p;
    *out = NULL;
    RETURN_IF(!options, HOOKE_E_ARGUMENT, "hooke_packer_open: options are NULL");
    RETURN_IF_ERROR(mem_take(&p, 1, sizeof **out, "packer"));
    hooke_packer *packer = p;
    *packer = (hooke_packer){ .tk = tk, .docs = docs };
    hooke_status st = set_up(packer, options);
    if (st == HOOKE_OK)
        *out = packer;
    else
        hooke_packer_close(packer);
    return st;
}

void hooke_packer_close(hooke_packer *p)
{
    if (!p) return;
    hooke_rows_close(p->rows);
    hooke_ids_release(&p->ready);
    hooke_ids_release(&p->lengths);
    hooke_ids_release(&p->document);
    hooke_ids_release(&p->context);
    hooke_text_release(&p->joined);
    mem_free(p);
}

/* ---- handing out ---- */

static hooke_status refill(struct hooke_packer *p)
{
    while (p->next_context == p->lengths.n) {
        if (p->is_done) return HOOKE_OK;
        p->ready.n = p->lengths.n = p->next_context = p->next_id = 0;
        RETURN_IF_ERROR(p->rule->fill(p));
    }
    return HOOKE_OK;
}

hooke_status hooke_packer_context(hooke_packer *p, int32_t *ids, int *n)
{
    *n = 0;
    hooke_status st = refill(p);
    if (st != HOOKE_OK) p->is_done = true;
    if (st != HOOKE_OK || p->next_context == p->lengths.n) return st;
    *n = p->lengths.data[p->next_context++];
    memcpy(ids, p->ready.data + p->next_id, (size_t)*n * sizeof *ids);
    p->next_id += (size_t)*n;
    return HOOKE_OK;
}

hooke_status hooke_packer_next(hooke_packer *p, int32_t *ids, bool *got)
{
    int n;
    int32_t pad = pack_pad(p->tk);
    *got = false;
    RETURN_IF_ERROR(hooke_packer_context(p, ids, &n));
    *got = n > 0;
    RETURN_IF(n > 0 && (size_t)n < p->n_ctx && pad < 0, HOOKE_E_UNSUPPORTED,
              "%s: a context of %d tokens of %zu, and no token to fill it up", p->tk->name, n, p->n_ctx);
    for (size_t i = (size_t)n; *got && i < p->n_ctx; i++) ids[i] = pad;
    return HOOKE_OK;
}
