#include "cli/absent.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/json_out.h"
#include "cli/origin.h"

static bool is_dict(const hooke_name_info *i)
{
    return strcmp(i->kind, "dict") == 0;
}

static void known(struct json_out *j, const char *key, const char *s)
{
    emit_text(j, key, s[0] ? s : NULL);
}

/* What only the files say is null. */
static void json_unread(struct json_out *j)
{
    static const char *const keys[] = { "format", "architecture", "d_model" };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) emit_raw(j, keys[i], "null");
}

static void json_files(struct json_out *j, const hooke_name_info *i)
{
    emit_begin(j, "files", '[');
    for (int k = 0; k < i->n_files; k++) {
        emit_begin_inline(j, NULL, '{');
        emit_text(j, "path", i->files[k].pattern);
        emit_bool(j, "optional", i->files[k].optional);
        emit_end(j);
    }
    emit_end(j);
}

static void put_json(const hooke_name_info *i)
{
    struct json_out j = { 0 };
    emit_begin(&j, NULL, '{');
    emit_text(&j, "kind", i->kind);
    json_unread(&j);
    if (i->width)
        emit_int(&j, "d_dict", i->width);
    else
        emit_raw(&j, "d_dict", "null");
    known(&j, "site", i->site);
    emit_bool(&j, "cached", false);
    if (is_dict(i)) {
        known(&j, "release", i->release);
        known(&j, "sae_id", i->sae_id);
        known(&j, "neuronpedia", i->neuronpedia);
        known(&j, "loader", i->format);
        known(&j, "model", i->model);
        emit_real(&j, "expected_l0", i->l0);
        emit_raw(&j, "config_overrides", i->config_overrides[0] ? i->config_overrides : "null");
    }
    emit_raw(&j, "origin", is_dict(i) ? origin_of_names(NULL, i) : origin_of_names(i, NULL));
    json_files(&j, i);
    emit_raw(&j, "tensors", "[]");
    emit_end(&j);
    emit_print(&j);
}

static void line(const char *label, const char *value)
{
    if (value[0]) printf("%-14s %s\n", label, value);
}

static void put_lines(const hooke_name_info *i)
{
    line(is_dict(i) ? "dictionary" : "model", i->what);
    print_origin(i);
    if (is_dict(i)) {
        line("loader", i->format);
        line("site", i->site);
        if (i->width) printf("%-14s %lld\n", "features", (long long)i->width);
        if (!isnan(i->l0)) printf("%-14s %.4g\n", "expected L0", i->l0);
        if (i->norm_scaling_factor != 0) printf("%-14s times %.9g\n", "activations", i->norm_scaling_factor);
        line("overrides", i->config_overrides);
        line("model", i->model);
    }
    for (int k = 0; k < i->n_files; k++)
        printf("%-14s %s%s\n", k ? "" : "files", i->files[k].pattern,
               i->files[k].optional ? "  (if there)" : "");
    fflush(stdout);
}

void show_absent(const struct session *s, const hooke_name_info *name)
{
    if (!name->release[0] && strcmp(name->spelling, "short name") != 0) return;
    if (s->opt.json)
        put_json(name);
    else
        put_lines(name);
}
