#include "text/added_tokens.h"

#include <string.h>

#include "text/unicode.h"

/* ---- the trie ---- */

static uint32_t find_child(const struct trie *trie, uint32_t node, unsigned char byte)
{
    if (node == 0) return trie->first[byte];
    uint32_t child = trie->nodes[node].child;
    while (child && trie->nodes[child].byte != byte) child = trie->nodes[child].sibling;
    return child;
}

static uint32_t add_child(struct trie *trie, uint32_t node, unsigned char byte)
{
    uint32_t child = trie->n_nodes++;
    trie->nodes[child] = (struct trie_node){ .token = -1, .byte = byte, .sibling = trie->nodes[node].child };
    trie->nodes[node].child = child;
    if (node == 0) trie->first[byte] = child;
    return child;
}

/* Of equal contents the first stays: two may become equal by being normalised. */
static void trie_add(struct trie *trie, const char *s, size_t n, int32_t token)
{
    uint32_t node = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t child = find_child(trie, node, (unsigned char)s[i]);
        node = child ? child : add_child(trie, node, (unsigned char)s[i]);
    }
    if (n && trie->nodes[node].token < 0) trie->nodes[node].token = token;
}

static hooke_status trie_reserve(struct trie *trie, struct arena *a, size_t bytes)
{
    RETURN_IF(bytes >= UINT32_MAX / 2, HOOKE_E_UNSUPPORTED, "added tokens of %zu bytes", bytes);
    trie->nodes = arena_alloc(a, bytes + 1, sizeof *trie->nodes);
    if (!trie->nodes) return HOOKE_E_MEMORY;
    trie->n_nodes = 1;
    trie->nodes[0].token = -1;
    return HOOKE_OK;
}

/* Longest token at s[0..n); its index or -1. */
static int32_t longest_at(const struct trie *trie, const char *s, size_t n, size_t *length)
{
    int32_t best = -1;
    uint32_t node = 0;
    for (size_t i = 0; i < n; i++) {
        node = find_child(trie, node, (unsigned char)s[i]);
        if (!node) break;
        if (trie->nodes[node].token < 0) continue;
        best = trie->nodes[node].token;
        *length = i + 1;
    }
    return best;
}

/* ---- matching ---- */

static bool has_word_neighbour(const struct added_scan *scan, size_t begin, size_t end)
{
    size_t length;
    if (begin > 0 && is_word(char_before(scan->text, begin, &length))) return true;
    return end < scan->n && is_word(char_at(scan->text + end, scan->n - end, &length));
}

static size_t skip_space_back(const struct added_scan *scan, size_t begin)
{
    size_t length;
    if (begin < scan->done) return scan->done;
    while (begin > scan->done && is_space(char_before(scan->text, begin, &length))) begin -= length;
    return begin;
}

static size_t skip_space(const struct added_scan *scan, size_t end)
{
    size_t length;
    if (end < scan->done)
        end = scan->done; /* the last match was widened over this space: not to be walked again */
    while (end < scan->n && is_space(char_at(scan->text + end, scan->n - end, &length))) end += length;
    return end;
}

bool added_tokens_next(const struct added_tokens *t, const struct trie *trie, struct added_scan *scan,
                       bool specials_are_text, struct added_match *out)
{
    while (scan->at < scan->n) {
        size_t begin = scan->at, length = 0;
        int32_t index = longest_at(trie, scan->text + begin, scan->n - begin, &length);
        scan->at += index < 0 ? 1 : length;
        if (index < 0) continue;
        const struct added_token *token = &t->tokens[index];
        if (specials_are_text && token->is_special) continue;
        if (token->single_word && has_word_neighbour(scan, begin, begin + length)) continue;
        out->id = token->id;
        out->begin = token->lstrip ? skip_space_back(scan, begin) : begin;
        out->end = token->rstrip ? skip_space(scan, begin + length) : begin + length;
        scan->done = out->end;
        if (out->begin < out->end) return true; /* else the last match took all of it */
    }
    return false;
}

/* ---- reading ---- */

const struct added_token *added_tokens_find(const struct added_tokens *t, const char *s, size_t n)
{
    for (int32_t i = 0; i < t->n; i++)
        if (t->tokens[i].content.n == n && memcmp(t->tokens[i].content.s, s, n) == 0) return &t->tokens[i];
    return NULL;
}

static hooke_status read_one(struct added_token *t, struct arena *a, const struct json *o, const char *name)
{
    int64_t id;
    const struct json *content = json_get(o, "content");
    RETURN_IF(!content || content->kind != JSON_STRING || content->as.string.n == 0, HOOKE_E_FORMAT,
              "%s: an added token has no content", name);
    RETURN_IF_ERROR(json_int(&id, o, "id", 0, INT32_MAX - 1, 0, name));
    RETURN_IF_ERROR(json_bool(&t->single_word, o, "single_word", false, name));
    RETURN_IF_ERROR(json_bool(&t->lstrip, o, "lstrip", false, name));
    RETURN_IF_ERROR(json_bool(&t->rstrip, o, "rstrip", false, name));
    RETURN_IF_ERROR(json_bool(&t->normalized, o, "normalized", true, name));
    RETURN_IF_ERROR(json_bool(&t->is_special, o, "special", false, name));
    t->id = (int32_t)id;
    t->content =
        (struct bytes){ arena_copy(a, content->as.string.bytes, content->as.string.n), content->as.string.n };
    return t->content.s ? HOOKE_OK : HOOKE_E_MEMORY;
}

/* The id is the file's; where the model's vocabulary has the content too, or another string the id, they must agree. */
static hooke_status enter(struct vocab *vocab, const struct added_token *t, const char *name)
{
    int32_t known = vocab_find(vocab, t->content.s, t->content.n);
    struct token *token = &vocab->tokens[t->id];
    RETURN_IF(known >= 0 && known != t->id, HOOKE_E_FORMAT,
              "%s: added token '%s' has id %d, the vocabulary says %d", name, t->content.s, (int)t->id,
              (int)known);
    RETURN_IF(token->s && (token->n != t->content.n || memcmp(token->s, t->content.s, token->n) != 0),
              HOOKE_E_FORMAT, "%s: id %d belongs to '%s' and to the added token '%s'", name, (int)t->id,
              token->s, t->content.s);
    token->s = t->content.s;
    token->n = (uint32_t)t->content.n;
    token->is_added = true;
    token->is_special |= t->is_special;
    return HOOKE_OK;
}

/* Two ids for one content would make matching ambiguous; the trie finds the earlier one. */
static hooke_status add_raw(struct added_tokens *t, int32_t index, const char *name)
{
    const struct added_token *token = &t->tokens[index];
    size_t length = 0;
    int32_t same = longest_at(&t->raw, token->content.s, token->content.n, &length);
    RETURN_IF(same >= 0 && length == token->content.n && t->tokens[same].id != token->id, HOOKE_E_FORMAT,
              "%s: added token '%s' has the ids %d and %d", name, token->content.s, (int)t->tokens[same].id,
              (int)token->id);
    trie_add(&t->raw, token->content.s, token->content.n, index);
    return HOOKE_OK;
}

static hooke_status add_normalized(struct added_tokens *t, struct arena *a,
                                   const struct normalizer *normalizer, struct pieces *contents)
{
    size_t bytes = 0;
    for (int32_t i = 0; i < t->n; i++) {
        if (t->tokens[i].normalized)
            RETURN_IF_ERROR(
                normalize(normalizer, &contents->text, t->tokens[i].content.s, t->tokens[i].content.n));
        RETURN_IF_ERROR(pieces_end(contents));
    }
    bytes = contents->text.n;
    RETURN_IF_ERROR(trie_reserve(&t->normalized, a, bytes));
    for (int32_t i = 0; i < t->n; i++) {
        struct bytes content = pieces_get(contents, (size_t)i);
        trie_add(&t->normalized, content.s, content.n, i);
    }
    return HOOKE_OK;
}

hooke_status added_tokens_read(struct added_tokens *t, struct arena *a, struct vocab *vocab,
                               const struct normalizer *normalizer, const struct json *array,
                               const char *name)
{
    size_t bytes = 0;
    bool is_array = array && array->kind == JSON_ARRAY;
    RETURN_IF(!json_is_null(array) && !is_array, HOOKE_E_FORMAT, "%s: added_tokens is not an array", name);
    t->tokens = arena_alloc(a, is_array ? array->as.list.n : 0, sizeof *t->tokens);
    if (!t->tokens) return HOOKE_E_MEMORY;
    for (const struct json *o = is_array ? array->as.list.first : NULL; o; o = o->next) {
        RETURN_IF_ERROR(read_one(&t->tokens[t->n], a, o, name));
        RETURN_IF_ERROR(enter(vocab, &t->tokens[t->n], name));
        if (!t->tokens[t->n].normalized) bytes += t->tokens[t->n].content.n;
        t->n++;
    }
    RETURN_IF_ERROR(trie_reserve(&t->raw, a, bytes));
    for (int32_t i = 0; i < t->n; i++)
        if (!t->tokens[i].normalized) RETURN_IF_ERROR(add_raw(t, i, name));
    struct pieces contents = { 0 };
    hooke_status st = add_normalized(t, a, normalizer, &contents);
    pieces_release(&contents);
    return st;
}
