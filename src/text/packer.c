/* packer.c: documents to contexts of n_ctx ids, by the rules of SAELens' concat_and_batch_sequences:
 *
 *   - a context begins with BOS if that is wanted, except where the piece that opens it begins with BOS already
 *   - between documents of one context stands the separator, except before a document that begins with it
 *   - a document cut by the end of a context goes on in the next one, behind a new BOS and without a separator
 *   - a separator that gets the last slot stays there; the document then opens the next context
 *   - the unfinished last context is dropped; empty documents count for nothing */
#include <string.h>

#include "text/tokenizer.h"

struct hooke_packer {
    const hooke_tokenizer *tk;
    hooke_docs *docs;
    size_t n_ctx;
    int32_t bos, separator; /* -1: none */
    hooke_ids document;
    size_t at; /* first id of the document that is not packed yet */
};

hooke_status hooke_packer_open(hooke_packer **out, const hooke_tokenizer *tk, hooke_docs *docs, int n_ctx,
                               bool prepend_bos, int32_t separator)
{
    void *p;
    *out = NULL;
    RETURN_IF(n_ctx < 2, HOOKE_E_ARGUMENT, "contexts of %d tokens: at least 2 are needed", n_ctx);
    RETURN_IF(separator >= tk->vocab.n_ids, HOOKE_E_ARGUMENT, "separator %d: the vocabulary has %d ids",
              (int)separator, (int)tk->vocab.n_ids);
    RETURN_IF_ERROR(mem_take(&p, 1, sizeof **out, "packer"));
    hooke_packer *packer = p;
    *packer = (hooke_packer){ .tk = tk, .docs = docs, .n_ctx = (size_t)n_ctx, .separator = separator };
    packer->bos = prepend_bos ? tk->bos : -1;
    *out = packer;
    return HOOKE_OK;
}

void hooke_packer_close(hooke_packer *p)
{
    if (!p) return;
    hooke_ids_release(&p->document);
    mem_free(p);
}

/* Next document with any ids; *got false at the end. */
static hooke_status next_document(hooke_packer *p, bool *got)
{
    const char *text;
    size_t n;
    p->at = p->document.n = 0;
    do {
        RETURN_IF_ERROR(hooke_docs_next(p->docs, &text, &n));
        *got = text != NULL;
        if (!text) return HOOKE_OK;
        RETURN_IF_ERROR(hooke_tokenizer_encode(p->tk, &p->document, text, n, 0));
    } while (p->document.n == 0);
    return HOOKE_OK;
}

hooke_status hooke_packer_next(hooke_packer *p, int32_t *ids, bool *got)
{
    size_t filled = 0;
    *got = false;
    while (filled < p->n_ctx) {
        if (p->at == p->document.n) {
            bool more;
            RETURN_IF_ERROR(next_document(p, &more));
            if (!more) return HOOKE_OK;
        }
        int32_t first = p->document.data[p->at], lead = filled == 0 ? p->bos : p->separator;
        if (lead >= 0 && first != lead) ids[filled++] = lead;
        size_t left = p->document.n - p->at, room = p->n_ctx - filled, n = left < room ? left : room;
        memcpy(ids + filled, p->document.data + p->at, n * sizeof *ids);
        filled += n;
        p->at += n;
    }
    *got = true;
    return HOOKE_OK;
}
