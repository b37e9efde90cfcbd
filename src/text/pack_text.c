/* pack_text.c: packings that join documents as text, with the string of EOS between them, and tokenise the whole: EOS in a text
 * becomes its id, and words are cut where a peer cuts the text. */
#include "text/packer.h"

#include <string.h>

static const char *token_string(const hooke_tokenizer *tk, int32_t id)
{
    const char *s = hooke_tokenizer_token(tk, id);
    return s ? s : "";
}

static hooke_status join(struct hooke_packer *p, const char *text, size_t n)
{
    RETURN_IF(n > PACK_MAX_BYTES - p->joined.n, HOOKE_E_UNSUPPORTED,
              "packing '%s' joins documents before it cuts them, and these are more than %d bytes",
              p->rule->name, (int)PACK_MAX_BYTES);
    return text_append(&p->joined, text, n);
}

static hooke_status join_eos(struct hooke_packer *p)
{
    const char *eos = token_string(p->tk, p->tk->eos);
    return join(p, eos, strlen(eos));
}

/* ---- sparsify: EOS, document, EOS, document, ...; each context wrapped by the post-processor; the last is dropped ---- */

static hooke_status join_block(struct hooke_packer *p, int64_t *n_docs, bool eos_first)
{
    text_clear(&p->joined);
    RETURN_IF_ERROR(text_append(&p->joined, "", 0));
    for (*n_docs = 0; *n_docs < p->block; ++*n_docs) {
        const char *text;
        size_t n;
        RETURN_IF_ERROR(pack_document(p, &text, &n));
        if (!text) return HOOKE_OK;
        if (eos_first || *n_docs) RETURN_IF_ERROR(join_eos(p));
        RETURN_IF_ERROR(join(p, text, n));
    }
    return HOOKE_OK;
}

hooke_status fill_sparsify(struct hooke_packer *p)
{
    int64_t n_docs;
    size_t room = pack_room(p);
    RETURN_IF_ERROR(join_block(p, &n_docs, true));
    p->is_done = n_docs < p->block;
    if (n_docs == 0) return HOOKE_OK;
    RETURN_IF_ERROR(hooke_tokenizer_encode(p->tk, &p->document, p->joined.data, p->joined.n, 0));
    for (size_t at = 0; at + room < p->document.n; at += room) /* a whole last context is dropped too */
        RETURN_IF_ERROR(pack_queue_wrapped(p, p->document.data + at, room));
    return HOOKE_OK;
}

/* ---- twenty pieces: SAEBench, TransformerLens 2 ---- */

/* Bytes of the first n_chars characters of s[n]. */
static size_t bytes_of(const char *s, size_t n, size_t n_chars)
{
    size_t at = 0;
    for (; n_chars && at < n; n_chars--) {
        uint32_t code;
        int length = utf8_decode(&code, s + at, n - at);
        at += (size_t)(length ? length : utf8_invalid_length(s + at, n - at));
    }
    return at;
}

/* The joined text in 20 pieces of equally many characters, each tokenised by itself and with special tokens; padding left out,
 * and with it any token that is the padding's (EOS where the tokenizer has no pad). Into p->context. */
static hooke_status encode_twenty(struct hooke_packer *p)
{
    enum { PIECES = 20 };
    size_t n_chars = count_chars(p->joined.data, p->joined.n), at = 0;
    size_t length = n_chars ? (n_chars - 1) / PIECES + 1 : 0;
    int32_t pad = pack_pad(p->tk);
    p->context.n = 0;
    for (int i = 0; i < PIECES; i++) {
        size_t n = bytes_of(p->joined.data + at, p->joined.n - at, length);
        RETURN_IF_ERROR(
            hooke_tokenizer_encode(p->tk, &p->document, p->joined.data + at, n, HOOKE_ADD_SPECIAL));
        at += n;
        for (size_t k = 0; k < p->document.n; k++)
            if (p->document.data[k] != pad) RETURN_IF_ERROR(ids_push(&p->context, p->document.data[k]));
    }
    return HOOKE_OK;
}

/* Documents of more than min_chars characters until they are past five for each token wanted. */
static hooke_status join_chosen(struct hooke_packer *p)
{
    int64_t taken = 0;
    bool is_first = true;
    text_clear(&p->joined);
    RETURN_IF_ERROR(text_append(&p->joined, "", 0));
    while (p->n_tokens == 0 || taken <= 5 * p->n_tokens) {
        const char *text;
        size_t n;
        RETURN_IF_ERROR(pack_document(p, &text, &n));
        if (!text) return HOOKE_OK;
        int64_t chars = (int64_t)count_chars(text, n);
        if (chars <= p->min_chars) continue;
        if (!is_first) RETURN_IF_ERROR(join_eos(p));
        RETURN_IF_ERROR(join(p, text, n));
        is_first = false;
        taken += chars;
    }
    return HOOKE_OK;
}

hooke_status fill_saebench(struct hooke_packer *p)
{
    int32_t bos = pack_bos(p->tk);
    p->is_done = true;
    RETURN_IF_ERROR(join_chosen(p));
    RETURN_IF_ERROR(encode_twenty(p));
    size_t n = p->context.n, most = (size_t)p->n_tokens + p->n_ctx + 1;
    if (p->n_tokens && n > most) n = most;
    for (size_t at = 0; at + p->n_ctx <= n; at += p->n_ctx) {
        if (p->prepend_bos) p->context.data[at] = bos; /* over the token that stood there */
        RETURN_IF_ERROR(pack_queue(p, p->context.data + at, p->n_ctx));
    }
    return HOOKE_OK;
}

static bool is_blank(const hooke_text *t)
{
    return strspn(t->data, " \t\n\v\f\r") == t->n;
}

hooke_status fill_transformer_lens_2(struct hooke_packer *p)
{
    int64_t n_docs;
    size_t lead = p->prepend_bos ? 1 : 0, row = p->n_ctx - lead;
    int32_t bos = pack_bos(p->tk);
    RETURN_IF_ERROR(join_block(p, &n_docs, false));
    p->is_done = n_docs < p->block;
    if (n_docs == 0 || is_blank(&p->joined)) return HOOKE_OK;
    RETURN_IF_ERROR(encode_twenty(p));
    while (p->context.n < row) RETURN_IF_ERROR(ids_push(&p->context, pack_pad(p->tk)));
    for (size_t at = 0; at + row <= p->context.n; at += row) {
        if (lead) RETURN_IF_ERROR(ids_push(&p->ready, bos));
        RETURN_IF_ERROR(pack_queue(p, p->context.data + at, row));
        p->lengths.data[p->lengths.n - 1] += (int32_t)lead;
    }
    return HOOKE_OK;
}

/* ---- dictionary_learning, packed ---- */

/* BOS and documents joined by EOS, until they are min_chars characters long; *got false when the documents end before that. */
static hooke_status join_sample(struct hooke_packer *p, bool *got)
{
    const char *bos = token_string(p->tk, pack_bos(p->tk));
    int64_t length = 0, enough = p->min_chars ? p->min_chars : 4 * (int64_t)p->n_ctx;
    *got = false;
    text_clear(&p->joined);
    RETURN_IF_ERROR(join(p, bos, strlen(bos)));
    for (bool is_first = true; length < enough; is_first = false) {
        const char *text;
        size_t n;
        RETURN_IF_ERROR(pack_document(p, &text, &n));
        if (!text) return HOOKE_OK;
        if (!is_first) RETURN_IF_ERROR(join_eos(p));
        RETURN_IF_ERROR(join(p, text, n));
        length += (int64_t)count_chars(text, n);
    }
    *got = true;
    return HOOKE_OK;
}

/* Tokenised without special tokens: the text brings its own BOS. */
hooke_status fill_dictionary_learning_packed(struct hooke_packer *p)
{
    for (int64_t i = 0; i < p->block; i++) {
        bool got;
        RETURN_IF_ERROR(join_sample(p, &got));
        if (!got) {
            p->is_done = true;
            p->ready.n = p->lengths.n = 0;
            return HOOKE_OK;
        }
        RETURN_IF_ERROR(hooke_tokenizer_encode(p->tk, &p->document, p->joined.data, p->joined.n, 0));
        RETURN_IF_ERROR(pack_queue(p, p->document.data, p->document.n < p->n_ctx ? p->document.n : p->n_ctx));
    }
    return HOOKE_OK;
}
