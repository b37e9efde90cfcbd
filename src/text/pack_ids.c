/* pack_ids.c: packings that tokenise each document by itself.
 *
 * SAELens (concat_and_batch_sequences):
 *   - a context begins with BOS if that is wanted, except where what opens it begins with BOS already
 *   - between documents of one context stands the separator, except before a document that begins with it
 *   - a document cut by the end of a context goes on in the next one, behind a new BOS and without a separator
 *   - a separator that gets the last slot stays there; the document then opens the next context
 *   - the unfinished last context is dropped; empty documents count for nothing */
#include "text/packer.h"

/* ---- SAELens ---- */

/* What goes before the next ids of the document: begin_sequence at its start, and before that BOS in a new context or the
 * separator in one that has begun; neither is doubled. Returns how many of lead[2]. */
static size_t leading(const struct hooke_packer *p, int32_t lead[2], bool *starts)
{
    size_t n = 0;
    int32_t first = p->document.data[p->at], outer = p->context.n == 0 ? p->begin_batch : p->separator;
    *starts = p->at_start && p->begin_sequence >= 0 && first != p->begin_sequence;
    if (*starts) first = p->begin_sequence;
    if (outer >= 0 && first != outer) lead[n++] = outer;
    if (*starts) lead[n++] = p->begin_sequence;
    return n;
}

/* Moves what fits of the document into the context, and the context into the queue when it is full. */
static hooke_status take_piece(struct hooke_packer *p)
{
    int32_t lead[2];
    bool starts;
    size_t n_lead = leading(p, lead, &starts), room = p->n_ctx - p->context.n;
    size_t leads = n_lead < room ? n_lead : room;
    RETURN_IF_ERROR(ids_append(&p->context, lead, leads));
    room -= leads;
    size_t left = p->document.n - p->at, n = left < room ? left : room;
    RETURN_IF_ERROR(ids_append(&p->context, p->document.data + p->at, n));
    p->at += n;
    p->at_start = starts && leads < n_lead; /* the start was cut off: it comes again */
    if (p->context.n < p->n_ctx) return HOOKE_OK;
    RETURN_IF_ERROR(pack_queue(p, p->context.data, p->context.n));
    p->context.n = 0;
    return HOOKE_OK;
}

/* disable_concat_sequences: the first context of each document that fills one. */
static hooke_status take_alone(struct hooke_packer *p)
{
    const hooke_ids *d = &p->document;
    int32_t begin = p->begin_sequence >= 0 ? p->begin_sequence : p->begin_batch;
    size_t n = d->n;
    p->at = n;
    p->context.n = 0;
    if (n == 0) return HOOKE_OK;
    if (begin >= 0 && n >= p->n_ctx - 1 && d->data[0] != begin) {
        RETURN_IF_ERROR(ids_push(&p->context, begin));
        n = p->n_ctx - 1;
    }
    if (n + p->context.n < p->n_ctx) return HOOKE_OK;
    RETURN_IF_ERROR(ids_append(&p->context, d->data, p->n_ctx - p->context.n));
    hooke_status st = pack_queue(p, p->context.data, p->n_ctx);
    p->context.n = 0;
    return st;
}

static hooke_status next_document(struct hooke_packer *p, int flags)
{
    const char *text;
    size_t n;
    if (p->block && p->n_docs == p->block) p->context.n = 0; /* what a block leaves unfinished is lost */
    if (p->block && p->n_docs == p->block) p->n_docs = 0;
    RETURN_IF_ERROR(pack_document(p, &text, &n));
    p->at = p->document.n = 0;
    p->at_start = true;
    p->is_done = text == NULL;
    if (!text) return HOOKE_OK;
    p->n_docs++;
    return hooke_tokenizer_encode(p->tk, &p->document, text, n, flags);
}

static hooke_status fill_stream(struct hooke_packer *p, int flags)
{
    while (p->lengths.n == 0 && !p->is_done) {
        if (p->at == p->document.n)
            RETURN_IF_ERROR(next_document(p, flags));
        else
            RETURN_IF_ERROR(p->no_concat ? take_alone(p) : take_piece(p));
    }
    return HOOKE_OK;
}

hooke_status fill_saelens(struct hooke_packer *p)
{
    return fill_stream(p, 0);
}

hooke_status fill_saelens_pretokenize(struct hooke_packer *p)
{
    return fill_stream(p, HOOKE_ADD_SPECIAL);
}

/* ---- dictionary_learning ---- */

/* A buffer is refilled by whole batches of texts; those of an unfinished last batch are lost. */
hooke_status fill_dictionary_learning(struct hooke_packer *p)
{
    for (int64_t i = 0; i < p->block; i++) {
        const char *text;
        size_t n;
        RETURN_IF_ERROR(pack_document(p, &text, &n));
        if (!text) {
            p->is_done = true;
            p->ready.n = p->lengths.n = 0;
            return HOOKE_OK;
        }
        RETURN_IF_ERROR(hooke_tokenizer_encode(p->tk, &p->document, text, n, 0));
        size_t room = pack_room(p), kept = p->document.n < room ? p->document.n : room;
        RETURN_IF_ERROR(pack_queue_wrapped(p, p->document.data, kept));
    }
    return HOOKE_OK;
}

/* ---- TransformerLens 3 ---- */

/* One block's ids into p->context. *n_docs 0 at the end. */
static hooke_status read_block(struct hooke_packer *p, int64_t *n_docs)
{
    p->context.n = 0;
    for (*n_docs = 0; *n_docs < p->block; ++*n_docs) {
        const char *text;
        size_t n;
        RETURN_IF_ERROR(pack_document(p, &text, &n));
        if (!text) return HOOKE_OK;
        RETURN_IF_ERROR(hooke_tokenizer_encode(p->tk, &p->document, text, n, 0));
        if (*n_docs) RETURN_IF_ERROR(ids_push(&p->context, p->tk->eos));
        RETURN_IF_ERROR(ids_append(&p->context, p->document.data, p->document.n));
        RETURN_IF(p->context.n > PACK_MAX_BYTES / sizeof(int32_t), HOOKE_E_UNSUPPORTED,
                  "packing '%s' takes %lld documents at a time, and these hold too many tokens",
                  p->rule->name, (long long)p->block);
    }
    return HOOKE_OK;
}

hooke_status fill_transformer_lens(struct hooke_packer *p)
{
    int64_t n_docs;
    size_t lead = p->prepend_bos ? 1 : 0, row = p->n_ctx - lead;
    int32_t bos = pack_bos(p->tk);
    RETURN_IF_ERROR(read_block(p, &n_docs));
    p->is_done = n_docs < p->block;
    if (n_docs == 0) return HOOKE_OK;
    while (p->context.n < row) /* less than one context: the only time that any of it is filled up */
        RETURN_IF_ERROR(ids_push(&p->context, pack_pad(p->tk)));
    for (size_t at = 0; at + row <= p->context.n; at += row) {
        if (lead) RETURN_IF_ERROR(ids_push(&p->ready, bos));
        RETURN_IF_ERROR(pack_queue(p, p->context.data + at, row));
        p->lengths.data[p->lengths.n - 1] += (int32_t)lead;
    }
    return HOOKE_OK;
}
