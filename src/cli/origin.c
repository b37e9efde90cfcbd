#include "cli/origin.h"

#include <stdio.h>

static const char *one(const hooke_name_info *info)
{
    hooke_text t = { 0 };
    const char *json = hooke_name_json(info, &t) == HOOKE_OK ? take_text(t.data, t.n) : "null";
    hooke_text_release(&t);
    return json;
}

const char *origin_of(const struct session *s)
{
    const char *dicts = "";
    for (size_t i = 0; i < s->n_dicts; i++)
        dicts =
            take_printf("%s%s%s", dicts, i ? ", " : "", one(hooke_dict_get_info(s->dicts[i].dict)->origin));
    return take_printf("{\"model\": %s, \"dicts\": [%s]}",
                       s->model ? one(hooke_model_get_info(s->model)->origin) : "null", dicts);
}

const char *origin_of_names(const hooke_name_info *model, const hooke_name_info *dict)
{
    return take_printf("{\"model\": %s, \"dicts\": [%s]}", model ? one(model) : "null",
                       dict ? one(dict) : "");
}

void emit_origin(struct json_out *j, const struct session *s)
{
    emit_raw(j, "origin", origin_of(s));
}

void emit_run(struct json_out *j, const struct session *s)
{
    if (s->model) emit_bool(j, "prepend_bos", session_prepends_bos(s));
    emit_text(j, "dtype", hooke_context_dtype(s->ctx));
    emit_origin(j, s);
}

const char *origin_line(const hooke_name_info *info)
{
    if (!info->repo[0]) return info->spelling[0] == 's' ? info->what : info->path;
    const char *commit = info->commit[0] ? info->commit : info->revision;
    return take_printf("%s%s%s @%.12s", info->repo, info->file[0] ? " " : "", info->file, commit);
}

void print_origin(const hooke_name_info *info)
{
    if (info->repo[0]) printf("%-14s %s\n", "from", origin_line(info));
    if (info->release[0]) printf("%-14s %s/%s\n", "registry", info->release, info->sae_id);
    if (info->also[0]) printf("%-14s %s\n", "the same as", info->also);
    if (info->neuronpedia[0]) printf("%-14s %s\n", "Neuronpedia", info->neuronpedia);
}
