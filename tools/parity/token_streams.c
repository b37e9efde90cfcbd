/* token_streams: contexts by a named packing, one a line. For tools/parity/token_streams.py.
 *
 *     token_streams TOKENIZER < REQUESTS
 *
 * A request is one line: DOCUMENTS PACKING N_CTX NO_BOS SEPARATOR BEGIN_SEQUENCE NO_CONCAT N_TOKENS BLOCK MIN_CHARS. The answer is the
 * contexts' ids and then a line "end", or "error" and the message. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hooke.h"

static hooke_status answer(const hooke_tokenizer *tk, const char *path, const hooke_pack_options *o)
{
    hooke_docs *docs = NULL;
    hooke_packer *packer = NULL;
    int n = 1;
    int32_t *ids = calloc((size_t)o->n_ctx, sizeof *ids);
    hooke_status st = ids ? hooke_docs_open(&docs, path, NULL) : HOOKE_E_MEMORY;
    if (!st) st = hooke_packer_open(&packer, tk, docs, o);
    while (!st && n > 0) {
        st = hooke_packer_context(packer, ids, &n);
        for (int i = 0; !st && i < n; i++) printf("%d%c", (int)ids[i], i + 1 < n ? ' ' : '\n');
    }
    hooke_packer_close(packer);
    hooke_docs_close(docs);
    free(ids);
    return st;
}

int main(int argc, char **argv)
{
    hooke_tokenizer *tk = NULL;
    char line[4096], path[2048], packing[64], separator[32], begin[32];
    if (argc != 2 || hooke_tokenizer_open(&tk, argv[1])) {
        fprintf(stderr, "usage: token_streams TOKENIZER < REQUESTS; %s\n", hooke_error());
        return 1;
    }
    while (fgets(line, sizeof line, stdin)) {
        int no_bos, no_concat;
        long long n_tokens, block, min_chars;
        hooke_pack_options o = { .size = sizeof o };
        if (sscanf(line, "%2047s %63s %d %d %31s %31s %d %lld %lld %lld", path, packing, &o.n_ctx, &no_bos,
                   separator, begin, &no_concat, &n_tokens, &block, &min_chars) != 10)
            return 1;
        o.packing = packing;
        o.no_bos = no_bos;
        o.separator = separator;
        o.begin_sequence = begin;
        o.no_concat = no_concat;
        o.n_tokens = n_tokens;
        o.block = block;
        o.min_chars = min_chars;
        hooke_status st = answer(tk, path, &o);
        if (st)
            printf("error %s\n", hooke_error());
        else
            printf("end\n");
        fflush(stdout);
    }
    hooke_tokenizer_close(tk);
    return 0;
}
