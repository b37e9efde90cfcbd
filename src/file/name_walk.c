/* name_walk.c: all names there are, and a name as JSON. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "file/json.h"
#include "file/name.h"

/* ---- the walk ---- */

static hooke_status walk_dicts(struct hooke_name *n, hooke_name_fn fn, void *payload, bool *stopped)
{
    struct registry_cursor c = { .line = 0 };
    while (!*stopped && registry_next(&c)) {
        snprintf(n->what, sizeof n->what, "%s/%s", c.row.release, c.row.sae_id);
        memset(&n->place, 0, sizeof n->place);
        name_use_row(n, &c.row);
        RETURN_IF_ERROR(name_finish(n, "dict", "registry"));
        *stopped = fn(payload, &n->info) != 0;
    }
    return HOOKE_OK;
}

static hooke_status walk_models(struct hooke_name *n, hooke_name_fn fn, void *payload, bool *stopped)
{
    const char *repo;
    memset(&n->row, 0, sizeof n->row);
    for (int i = 0; !*stopped && (repo = model_known(i)) != NULL; i++) {
        snprintf(n->what, sizeof n->what, "%s", repo);
        RETURN_IF_ERROR(name_split_hub(&n->place, repo));
        RETURN_IF_ERROR(name_finish(n, "model", "hub"));
        *stopped = fn(payload, &n->info) != 0;
    }
    return HOOKE_OK;
}

hooke_status hooke_registry_walk(const char *kind, hooke_name_fn fn, void *payload)
{
    bool stopped = false;
    hooke_status st = HOOKE_OK;
    RETURN_IF(!fn, HOOKE_E_ARGUMENT, "hooke_registry_walk: no function");
    struct hooke_name *n = mem_alloc(1, sizeof *n);
    RETURN_IF(!n, HOOKE_E_MEMORY, "registry: out of memory");
    n->info.feature = -1;
    if (!kind || strcmp(kind, "dict") == 0) st = walk_dicts(n, fn, payload, &stopped);
    if (st == HOOKE_OK && (!kind || strcmp(kind, "model") == 0)) st = walk_models(n, fn, payload, &stopped);
    hooke_name_close(n);
    return st;
}

/* ---- JSON ---- */

static void key_text(struct json_writer *w, const char *key, const char *value)
{
    jw_key(w, key);
    jw_string(w, value[0] ? value : NULL);
}

hooke_status hooke_name_json(const hooke_name_info *info, hooke_text *out)
{
    struct json_writer w;
    RETURN_IF(!info || !out, HOOKE_E_ARGUMENT, "hooke_name_json: a name and a text are needed");
    text_clear(out);
    jw_init(&w, out, 0);
    jw_object(&w);
    key_text(&w, "what", info->what);
    key_text(&w, "path", info->path);
    key_text(&w, "repo", info->repo);
    key_text(&w, "file", info->file);
    key_text(&w, "revision", info->revision);
    key_text(&w, "commit", info->commit);
    key_text(&w, "release", info->release);
    key_text(&w, "sae_id", info->sae_id);
    key_text(&w, "neuronpedia", info->neuronpedia);
    jw_key(&w, "norm_scaling_factor");
    if (info->norm_scaling_factor != 0.0)
        jw_real(&w, info->norm_scaling_factor);
    else
        jw_null(&w);
    jw_end_object(&w);
    return w.status;
}
