/* encode.c: the pipeline from text to ids, and back. */
#include <string.h>

#include "text/tokenizer.h"
#include "text/unicode.h"

struct encoder { /* working memory of one call */
    const hooke_tokenizer *tk;
    hooke_ids *out;
    bool specials_are_text;
    hooke_text normal; /* one piece, normalised */
    struct pieces words, spare;
    struct bpe_scratch bpe;
};

static void encoder_release(struct encoder *e)
{
    hooke_text_release(&e->normal);
    pieces_release(&e->words);
    pieces_release(&e->spare);
    bpe_scratch_release(&e->bpe);
}

/* Normalised text without added tokens. */
static hooke_status encode_words(struct encoder *e, const char *s, size_t n, bool at_start)
{
    if (n == 0) return HOOKE_OK;
    RETURN_IF_ERROR(pretokenize(&e->tk->pretokenizer, &e->words, &e->spare, s, n, at_start));
    for (size_t i = 0; i < e->words.n; i++) {
        struct bytes w = pieces_get(&e->words, i);
        RETURN_IF_ERROR(bpe_encode(&e->tk->bpe, &e->bpe, e->out, w.s, w.n));
    }
    return HOOKE_OK;
}

typedef hooke_status (*encode_rest)(struct encoder *e, const char *s, size_t n, bool at_start);

/* Cuts the trie's tokens out of s[n]; what is between them goes to `rest`. */
static hooke_status cut_added(struct encoder *e, const struct trie *trie, encode_rest rest, const char *s,
                              size_t n, bool at_start)
{
    struct added_scan scan = { .text = s, .n = n };
    struct added_match match;
    size_t done = 0;
    while (added_tokens_next(&e->tk->added, trie, &scan, e->specials_are_text, &match)) {
        if (match.begin > done) RETURN_IF_ERROR(rest(e, s + done, match.begin - done, at_start && done == 0));
        RETURN_IF_ERROR(ids_push(e->out, match.id));
        done = match.end;
    }
    return done < n ? rest(e, s + done, n - done, at_start && done == 0) : HOOKE_OK;
}

static hooke_status encode_raw_rest(struct encoder *e, const char *s, size_t n, bool at_start)
{
    text_clear(&e->normal);
    RETURN_IF_ERROR(normalize(&e->tk->normalizer, &e->normal, s, n));
    return cut_added(e, &e->tk->added.normalized, encode_words, e->normal.data ? e->normal.data : "",
                     e->normal.n, at_start);
}

static hooke_status encode_valid(struct encoder *e, const char *text, size_t n)
{
    return cut_added(e, &e->tk->added.raw, encode_raw_rest, text, n, true);
}

static hooke_status encode_text(struct encoder *e, const char *text, size_t n)
{
    if (utf8_valid_prefix(text, n) == n) return encode_valid(e, text, n);
    hooke_text valid = { 0 };
    hooke_status st = append_as_utf8(&valid, text, n);
    if (st == HOOKE_OK) st = encode_valid(e, valid.data, valid.n);
    hooke_text_release(&valid);
    return st;
}

hooke_status hooke_tokenizer_encode(const hooke_tokenizer *tk, hooke_ids *out, const char *text,
                                    size_t n_bytes, int flags)
{
    struct encoder e = { .tk = tk, .out = out, .specials_are_text = (flags & HOOKE_SPECIAL_AS_TEXT) != 0 };
    bool add_special = (flags & HOOKE_ADD_SPECIAL) != 0;
    hooke_status st = HOOKE_OK;
    out->n = 0;
    if (add_special) st = ids_append(out, tk->post.before.data, tk->post.before.n);
    if (st == HOOKE_OK && n_bytes) st = encode_text(&e, text, n_bytes);
    if (st == HOOKE_OK && add_special) st = ids_append(out, tk->post.behind.data, tk->post.behind.n);
    encoder_release(&e);
    if (st != HOOKE_OK) out->n = 0;
    return st;
}

/* Strings of the ids; ids without a token are skipped. */
static hooke_status collect_tokens(const hooke_tokenizer *tk, struct pieces *tokens, const int32_t *ids,
                                   size_t n, bool skip_special)
{
    for (size_t i = 0; i < n; i++) {
        const struct token *t = ids[i] >= 0 && ids[i] < tk->vocab.n_ids ? &tk->vocab.tokens[ids[i]] : NULL;
        if (!t || !t->s || (skip_special && t->is_special)) continue;
        RETURN_IF_ERROR(pieces_add(tokens, t->s, t->n));
    }
    return HOOKE_OK;
}

hooke_status hooke_tokenizer_decode(const hooke_tokenizer *tk, hooke_text *out, const int32_t *ids, size_t n,
                                    int flags)
{
    struct pieces tokens = { 0 }, spare = { 0 };
    text_clear(out);
    hooke_status st = text_append(out, "", 0); /* an empty result is a string too */
    if (st == HOOKE_OK) st = collect_tokens(tk, &tokens, ids, n, (flags & HOOKE_SKIP_SPECIAL) != 0);
    if (st == HOOKE_OK) st = decode_tokens(&tk->decoder, out, &tokens, &spare);
    if (st == HOOKE_OK && (flags & HOOKE_CLEAN_SPACES)) st = clean_up_spaces(out);
    pieces_release(&tokens);
    pieces_release(&spare);
    if (st != HOOKE_OK) text_clear(out);
    return st;
}
