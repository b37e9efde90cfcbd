/* tokenizer_config.c: what the files beside tokenizer.json say. */
#include "text/tokenizer.h"

#include <string.h>

enum { N_ROLES = 3 };
static const char *const role_keys[N_ROLES] = { "bos_token", "eos_token", "pad_token" };

/* "bos_token": "<bos>", or {"content": "<bos>", ...}, or null. *is_known: the key is there, be it as null. */
static hooke_status read_role(int32_t *id, bool *is_known, const hooke_tokenizer *tk,
                              const struct json *config, const char *key)
{
    const struct json *v = json_get(config, key);
    if (!v) return HOOKE_OK;
    *is_known = true;
    if (v->kind == JSON_OBJECT) v = json_get(v, "content");
    if (json_is_null(v)) return HOOKE_OK;
    RETURN_IF(v->kind != JSON_STRING, HOOKE_E_FORMAT, "%s: the configuration's %s is no string", tk->name,
              key);
    *id = hooke_tokenizer_id(tk, v->as.string.bytes);
    RETURN_IF(*id < 0, HOOKE_E_FORMAT, "%s: the configuration's %s '%s' is not in the vocabulary", tk->name,
              key, v->as.string.bytes);
    return HOOKE_OK;
}

/* What transformers' class of that name assumes where no file says. */
static const char *class_default(const char *class, int role)
{
    static const char *const gemma[N_ROLES] = { "<bos>", "<eos>", "<pad>" };
    if (strncmp(class, "GemmaTokenizer", 14) == 0) return gemma[role];
    bool is_gpt = strncmp(class, "GPTNeoXTokenizer", 16) == 0 || strncmp(class, "GPT2Tokenizer", 13) == 0;
    return is_gpt && role < 2 ? "<|endoftext|>" : NULL;
}

static hooke_status read_roles(hooke_tokenizer *tk, const struct json *config, const struct json *map,
                               const char *class)
{
    int32_t *const ids[N_ROLES] = { &tk->bos, &tk->eos, &tk->pad };
    for (int role = 0; role < N_ROLES; role++) {
        bool is_known = false;
        RETURN_IF_ERROR(read_role(ids[role], &is_known, tk, config, role_keys[role]));
        if (!is_known) RETURN_IF_ERROR(read_role(ids[role], &is_known, tk, map, role_keys[role]));
        const char *assumed = is_known ? NULL : class_default(class, role);
        if (assumed) *ids[role] = hooke_tokenizer_id(tk, assumed);
        /* A template that begins with one token says what BOS is. */
        if (role == 0 && !is_known && tk->bos < 0 && tk->post.before.n == 1)
            tk->bos = tk->post.before.data[0];
    }
    return HOOKE_OK;
}

/* An explicit add_bos_token or add_eos_token wins over the template. */
static hooke_status override(hooke_ids *ids, const hooke_tokenizer *tk, const struct json *config,
                             const char *key, int32_t id, bool assumed)
{
    bool wanted;
    const struct json *v = json_get(config, key);
    if (json_is_null(v) && !assumed) return HOOKE_OK;
    RETURN_IF_ERROR(json_bool(&wanted, config, key, true, tk->name));
    RETURN_IF(wanted && id < 0, HOOKE_E_FORMAT, "%s: %s is true, but there is no such token", tk->name, key);
    ids->n = 0;
    return wanted ? ids_push(ids, id) : HOOKE_OK;
}

static hooke_status add_template(hooke_tokenizer *tk, const char *name, struct bytes text)
{
    struct named_template *t = &tk->chat_templates[tk->n_chat_templates];
    t->name = arena_copy(&tk->arena, name, strlen(name));
    t->text = (struct bytes){ arena_copy(&tk->arena, text.s, text.n), text.n };
    if (!t->name || !t->text.s) return HOOKE_E_MEMORY;
    tk->n_chat_templates++;
    return HOOKE_OK;
}

/* "chat_template": a string, or a list of {"name", "template"}. A file of its own wins over the string, and over "default". */
static hooke_status read_chat_template(hooke_tokenizer *tk, const struct json *config, struct bytes file)
{
    const struct json *v = json_get(config, "chat_template");
    bool is_list = v && v->kind == JSON_ARRAY;
    tk->chat_templates =
        arena_alloc(&tk->arena, (is_list ? v->as.list.n : 0) + 1, sizeof *tk->chat_templates);
    if (!tk->chat_templates) return HOOKE_E_MEMORY;
    if (file.s) RETURN_IF_ERROR(add_template(tk, "default", file));
    if (!file.s && v && v->kind == JSON_STRING)
        return add_template(tk, "default", (struct bytes){ v->as.string.bytes, v->as.string.n });
    for (const struct json *i = is_list ? v->as.list.first : NULL; i; i = i->next) {
        const char *name;
        const struct json *text = json_get(i, "template");
        RETURN_IF_ERROR(json_string(&name, i, "name", "", tk->name));
        if (!text || text->kind != JSON_STRING || (file.s && strcmp(name, "default") == 0)) continue;
        RETURN_IF_ERROR(add_template(tk, name, (struct bytes){ text->as.string.bytes, text->as.string.n }));
    }
    return HOOKE_OK;
}

static hooke_status configure(hooke_tokenizer *tk, const struct json *config, const struct json *map,
                              struct bytes template_file)
{
    const char *class;
    RETURN_IF_ERROR(json_string(&class, config, "tokenizer_class", "", tk->name));
    RETURN_IF_ERROR(read_roles(tk, config, map, class));
    bool is_gemma = strncmp(class, "GemmaTokenizer", 14) == 0;
    RETURN_IF_ERROR(override(&tk->post.before, tk, config, "add_bos_token", tk->bos, is_gemma));
    RETURN_IF_ERROR(override(&tk->post.behind, tk, config, "add_eos_token", tk->eos, false));
    return read_chat_template(tk, config, template_file);
}

static hooke_status parse_object(const struct json **out, struct arena *a, struct bytes text,
                                 const char *name, const char *file)
{
    *out = NULL;
    if (!text.s) return HOOKE_OK;
    hooke_status st = json_parse(out, a, text.s, text.n, JSON_LARGE_INTEGERS, file);
    if (st != HOOKE_OK) return fail_within(st, "beside %s", name);
    RETURN_IF((*out)->kind != JSON_OBJECT, HOOKE_E_FORMAT, "beside %s: %s is not an object", name, file);
    return HOOKE_OK;
}

hooke_status tokenizer_configure(hooke_tokenizer *tk, const struct tokenizer_files *files)
{
    struct arena tree = { 0 };
    const struct json *config, *map = NULL;
    hooke_status st = parse_object(&config, &tree, files->config, tk->name, "tokenizer_config.json");
    if (st == HOOKE_OK)
        st = parse_object(&map, &tree, files->special_map, tk->name, "special_tokens_map.json");
    if (st == HOOKE_OK) st = configure(tk, config, map, files->chat_template);
    arena_release(&tree);
    return st;
}
