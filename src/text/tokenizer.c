/* tokenizer.c: opening and looking things up. */
#include "text/tokenizer.h"

#include <string.h>

#include "file/bytes.h"

#define TOKENIZER_MAX_BYTES ((size_t)512 << 20)
#define SIDE_FILE_MAX_BYTES ((size_t)64 << 20)

static hooke_status read_sections(hooke_tokenizer *tk, const struct json *root)
{
    const struct json *model = json_get(root, "model"), *added = json_get(root, "added_tokens");
    const char *type;
    RETURN_IF(root->kind != JSON_OBJECT || !model || model->kind != JSON_OBJECT, HOOKE_E_FORMAT,
              "%s: no tokenizer: 'model' is missing", tk->name);
    RETURN_IF_ERROR(json_string(&type, model, "type", "BPE", tk->name));
    RETURN_IF(strcmp(type, "BPE") != 0, HOOKE_E_UNSUPPORTED, "%s: model '%s' is not supported, only BPE is",
              tk->name, type);
    RETURN_IF_ERROR(vocab_read(&tk->vocab, &tk->arena, json_get(model, "vocab"), added, tk->name));
    RETURN_IF_ERROR(normalizer_read(&tk->normalizer, &tk->arena, json_get(root, "normalizer"), tk->name));
    RETURN_IF_ERROR(
        pretokenizer_read(&tk->pretokenizer, &tk->arena, json_get(root, "pre_tokenizer"), tk->name));
    RETURN_IF_ERROR(decoder_read(&tk->decoder, &tk->arena, json_get(root, "decoder"), tk->name));
    RETURN_IF_ERROR(added_tokens_read(&tk->added, &tk->arena, &tk->vocab, &tk->normalizer, added, tk->name));
    RETURN_IF_ERROR(post_read(&tk->post, json_get(root, "post_processor"), &tk->vocab, tk->name));
    return bpe_read(&tk->bpe, &tk->arena, &tk->vocab, model, tk->name);
}

static hooke_status parse(hooke_tokenizer *tk, const struct tokenizer_files *files, const char *name)
{
    struct arena tree = { 0 };
    const struct json *root;
    tk->bos = tk->eos = tk->pad = -1;
    tk->name = arena_copy(&tk->arena, name, strlen(name));
    if (!tk->name) return HOOKE_E_MEMORY;
    hooke_status st = json_parse(&root, &tree, files->tokenizer.s, files->tokenizer.n, 0, tk->name);
    if (st == HOOKE_OK) st = read_sections(tk, root);
    arena_release(&tree);
    return st == HOOKE_OK ? tokenizer_configure(tk, files) : st;
}

hooke_status tokenizer_parse(hooke_tokenizer **out, const struct tokenizer_files *files, const char *name)
{
    void *p;
    *out = NULL;
    RETURN_IF_ERROR(mem_take(&p, 1, sizeof **out, "tokenizer"));
    hooke_tokenizer *tk = p;
    hooke_status st = parse(tk, files, name);
    if (st != HOOKE_OK) {
        hooke_tokenizer_close(tk);
        return st;
    }
    *out = tk;
    return HOOKE_OK;
}

void hooke_tokenizer_close(hooke_tokenizer *tk)
{
    if (!tk) return;
    post_release(&tk->post);
    arena_release(&tk->arena);
    mem_free(tk);
}

/* ---- files ---- */

/* Reads folder/name into out if it exists. */
static hooke_status read_beside(struct bytes *out, hooke_text *content, const char *folder, const char *name)
{
    hooke_text path = { 0 };
    hooke_status st = path_join(&path, folder, name);
    if (st == HOOKE_OK && file_exists(path.data)) {
        st = file_read(content, path.data, SIDE_FILE_MAX_BYTES);
        *out = (struct bytes){ content->data ? content->data : "", content->n };
    }
    hooke_text_release(&path);
    return st;
}

/* The tokenizer.json that path means, and the folder it lies in. */
static hooke_status locate(hooke_text *file, hooke_text *folder, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (is_folder(path)) {
        RETURN_IF_ERROR(text_puts(folder, path));
        return path_join(file, path, "tokenizer.json");
    }
    RETURN_IF_ERROR(slash ? text_append(folder, path, (size_t)(slash - path) + 1) : text_puts(folder, "."));
    return text_puts(file, path);
}

static hooke_status open_located(hooke_tokenizer **out, const char *file, const char *folder)
{
    struct mapped_file json = { 0 };
    hooke_text side[3] = { { 0 } };
    struct tokenizer_files files = { 0 };
    hooke_status st = map_open(&json, file);
    if (st == HOOKE_OK && json.n > TOKENIZER_MAX_BYTES)
        st = fail(HOOKE_E_UNSUPPORTED, "%s: %zu bytes, the limit is %zu", file, json.n, TOKENIZER_MAX_BYTES);
    if (st == HOOKE_OK) st = read_beside(&files.config, &side[0], folder, "tokenizer_config.json");
    if (st == HOOKE_OK) st = read_beside(&files.special_map, &side[1], folder, "special_tokens_map.json");
    if (st == HOOKE_OK) st = read_beside(&files.chat_template, &side[2], folder, "chat_template.jinja");
    files.tokenizer = (struct bytes){ json.data ? (const char *)json.data : "", json.n };
    if (st == HOOKE_OK) st = tokenizer_parse(out, &files, file);
    for (int i = 0; i < 3; i++) hooke_text_release(&side[i]);
    map_close(&json);
    return st;
}

hooke_status hooke_tokenizer_open(hooke_tokenizer **out, const char *path)
{
    hooke_text file = { 0 }, folder = { 0 };
    *out = NULL;
    hooke_status st = locate(&file, &folder, path);
    if (st == HOOKE_OK) st = open_located(out, file.data, folder.data);
    hooke_text_release(&file);
    hooke_text_release(&folder);
    return st;
}

/* ---- looking up ---- */

const char *hooke_tokenizer_token(const hooke_tokenizer *tk, int32_t id)
{
    return id >= 0 && id < tk->vocab.n_ids ? tk->vocab.tokens[id].s : NULL;
}

int32_t hooke_tokenizer_id(const hooke_tokenizer *tk, const char *token)
{
    const struct added_token *added = added_tokens_find(&tk->added, token, strlen(token));
    return added ? added->id : vocab_find(&tk->vocab, token, strlen(token));
}

int32_t hooke_tokenizer_n_vocab(const hooke_tokenizer *tk)
{
    return tk->vocab.n_ids;
}

int32_t hooke_tokenizer_bos(const hooke_tokenizer *tk)
{
    return tk->bos;
}

int32_t hooke_tokenizer_eos(const hooke_tokenizer *tk)
{
    return tk->eos;
}

int32_t hooke_tokenizer_pad(const hooke_tokenizer *tk)
{
    return tk->pad;
}

bool hooke_tokenizer_adds_bos(const hooke_tokenizer *tk)
{
    return tk->bos >= 0 && tk->post.before.n > 0 && tk->post.before.data[0] == tk->bos;
}

bool hooke_tokenizer_is_special(const hooke_tokenizer *tk, int32_t id)
{
    return id >= 0 && id < tk->vocab.n_ids && tk->vocab.tokens[id].is_special;
}
