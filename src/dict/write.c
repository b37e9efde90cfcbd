#include "dict/write.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file/json.h"

static const struct dict_writer writers[] = {
    { "saelens", saelens_check, saelens_put },
    { "gemma_scope", gemma_scope_check, gemma_scope_put },
    { "dictionary_learning", dictionary_learning_check, dictionary_learning_put },
    { "sparsify", sparsify_check, sparsify_put },
};
enum { N_WRITERS = sizeof writers / sizeof *writers };

const char *hooke_dict_write_format(int index)
{
    return index >= 0 && index < N_WRITERS ? writers[index].name : NULL;
}

static hooke_status find_writer(const struct dict_writer **out, const char *format)
{
    *out = NULL;
    for (size_t i = 0; i < N_WRITERS; i++)
        if (strcmp(writers[i].name, format) == 0) *out = &writers[i];
    RETURN_IF(!*out, HOOKE_E_ARGUMENT,
              "'%.100s' is not a format dictionaries are written in; known are saelens, gemma_scope, "
              "dictionary_learning, "
              "sparsify",
              format);
    return HOOKE_OK;
}

/* ---- losses ---- */

void writing_lose(struct writing *w, const char *name, bool is_kept, const char *format, ...)
{
    if (w->n_losses == WRITE_LOSSES) return;
    hooke_dict_loss *l = &w->losses[w->n_losses++];
    l->name = name;
    l->is_kept = is_kept;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(l->detail, sizeof l->detail, format, args);
    va_end(args);
}

hooke_status writing_cannot(const struct writing *w, const char *library)
{
    return fail(HOOKE_E_UNSUPPORTED, "%s: %s has no architecture that gives the codes of '%s'",
                w->d->info.path, library, w->d->info.architecture);
}

/* Codes that a linear encoder and a selection by size cannot carry: factors that come after the selection. */
static void lose_scale(struct writing *w)
{
    const struct hooke_dict *d = w->d;
    bool after = d->code_gain && (d->arch->select == SELECT_TOPK || d->arch->rule == RULE_PURSUIT);
    bool differs = false;
    for (int i = 0; after && i < d->info.d_dict; i++) differs = differs || d->code_gain[i] != 1.0f;
    if (differs || (d->code_gain && d->arch->rule == RULE_TEMPORAL))
        writing_lose(w, "scale", false,
                     "codes are written in the unit that selection sees, not multiplied by the decoder's "
                     "norms afterwards");
}

static void lose_rest(struct writing *w)
{
    const hooke_dict_info *i = &w->d->info;
    lose_scale(w);
    if (strcmp(i->dtype, "F64") == 0)
        writing_lose(w, "float64", false, "weights are stored in double precision; float32 is written");
    if (i->n_targets)
        writing_lose(w, "targets", false, "a cross-layer transcoder with %d decoders: only %s is written",
                     i->n_targets, "the one it was opened with");
}

hooke_status writing_common_losses(struct writing *w, const char *library, bool holds_skip)
{
    const hooke_dict_info *i = &w->d->info;
    enum dict_normalize n = w->d->config.normalize;
    RETURN_IF(n == NORMALIZE_CONSTANT_NORM || n == NORMALIZE_LAYER_NORM, HOOKE_E_UNSUPPORTED,
              "%s: %s does not normalise activations, and without '%s' the codes would be others", i->path,
              library, i->normalize_activations);
    RETURN_IF(i->d_in != i->d_out, HOOKE_E_UNSUPPORTED,
              "%s: %s holds one width, but this reads %d and writes %d columns", i->path, library, i->d_in,
              i->d_out);
    if (n == NORMALIZE_EXPECTED_AVERAGE && w->d->config.activation_scale <= 0)
        writing_lose(w, "normalize_activations", true,
                     "expected_average_only_in without a factor: activations are used as they come, and the "
                     "name is gone");
    if (i->has_skip && !holds_skip)
        writing_lose(w, "skip", false, "the skip connection: codes stay, reconstructions lose x W_skip'");
    if (i->has_density) writing_lose(w, "sparsity", false, "log10 of the features' firing fractions");
    if (i->center_input)
        writing_lose(w, "center_input", true, "that activations are centred (center_writing_weights)");
    return HOOKE_OK;
}

/* ---- helpers of the writers ---- */

int writing_layer(const char *site)
{
    const char *at = strstr(site, "blocks.");
    if (!at) at = strstr(site, "layers.");
    if (!at || !isdigit((unsigned char)at[7])) return -1;
    long v = strtol(at + 7, NULL, 10);
    return v < 1 << 20 ? (int)v : -1;
}

void writing_metadata(const struct writing *w, struct json_writer *j)
{
    const hooke_dict_info *i = &w->d->info;
    jw_object(j);
    jw_key_string(j, "model_name", i->model_name[0] ? i->model_name : NULL);
    jw_key_string(j, "hook_name", i->site[0] ? i->site : NULL);
    if (i->is_transcoder) jw_key_string(j, "hook_name_out", i->site_out);
    jw_key(j, "hook_head_index");
    if (i->hook_head_index >= 0)
        jw_int(j, i->hook_head_index);
    else
        jw_null(j);
    jw_key_int(j, "context_size", i->context_size);
    jw_key_bool(j, "prepend_bos", i->prepend_bos);
    if (i->center_input) {
        jw_key(j, "model_from_pretrained_kwargs"), jw_object(j);
        jw_key_bool(j, "center_writing_weights", true);
        jw_end_object(j);
    }
    if (i->expected_l0 > 0) {
        jw_key(j, "l0");
        jw_real_f32(j, i->expected_l0);
    }
    writing_source(w, j);
    jw_key_string(j, "source_architecture", i->architecture);
    jw_end_object(j);
}

void writing_source(const struct writing *w, struct json_writer *j)
{
    const hooke_name_info *o = w->d->info.origin;
    hooke_text source = { 0 };
    jw_key_string(j, "written_by", "hooke " HOOKE_VERSION);
    jw_key_string(j, "source_format", w->d->info.format);
    if (!o->repo[0]) return;
    hooke_status st = text_printf(&source, "%s%s%s@%s", o->repo, o->file[0] ? "/" : "", o->file,
                                  o->commit[0] ? o->commit : o->revision);
    if (st == HOOKE_OK) jw_key_string(j, "source", source.data);
    if (st != HOOKE_OK && j->status == HOOKE_OK) j->status = st;
    hooke_text_release(&source);
}

hooke_status writing_put_text(const struct writing *w, const char *name, const hooke_text *text)
{
    hooke_text file = { 0 };
    hooke_status st = path_join(&file, w->path, name);
    if (st == HOOKE_OK) st = hooke_write_file(file.data, text->data, text->n);
    hooke_text_release(&file);
    return st;
}

hooke_status writing_put_safetensors(struct writing *w, const char *name, const char *const *metadata)
{
    hooke_text file = { 0 };
    hooke_status st = path_join(&file, w->path, name);
    if (st == HOOKE_OK) st = hooke_write_safetensors(file.data, w->tensors, w->n_tensors, metadata);
    hooke_text_release(&file);
    return st;
}

/* ---- the public face ---- */

static hooke_status begin(struct writing *w, const struct dict_writer **writer, hooke_dict *d,
                          const char *format)
{
    *w = (struct writing){ .d = d, .path = d ? d->info.path : "" };
    RETURN_IF(!d || !format, HOOKE_E_ARGUMENT, "dictionary or format is NULL");
    RETURN_IF_ERROR(find_writer(writer, format));
    RETURN_IF_ERROR((*writer)->check(w));
    lose_rest(w);
    return HOOKE_OK;
}

hooke_status hooke_dict_losses(hooke_dict *d, const char *format, hooke_dict_loss *out, int capacity, int *n)
{
    const struct dict_writer *writer;
    struct writing w;
    RETURN_IF(!n || capacity < 0 || (capacity > 0 && !out), HOOKE_E_ARGUMENT, "losses: an argument is NULL");
    *n = 0;
    RETURN_IF_ERROR(begin(&w, &writer, d, format));
    for (int i = 0; i < w.n_losses && i < capacity; i++) out[i] = w.losses[i];
    *n = w.n_losses;
    return HOOKE_OK;
}

/* Whether a comma-separated list names `name`, or is "all". */
static bool is_listed(const char *list, const char *name)
{
    size_t n = strlen(name);
    for (const char *p = list ? list : ""; *p; p += strcspn(p, ","), p += *p == ',') {
        size_t length = strcspn(p, ",");
        if ((length == n && memcmp(p, name, n) == 0) || (length == 3 && memcmp(p, "all", 3) == 0))
            return true;
    }
    return false;
}

static hooke_status refuse_losses(const struct writing *w, const char *format, const char *drop)
{
    hooke_text lost = { 0 };
    hooke_status st = HOOKE_OK;
    for (int i = 0; st == HOOKE_OK && i < w->n_losses; i++) {
        const hooke_dict_loss *l = &w->losses[i];
        if (l->is_kept || is_listed(drop, l->name)) continue;
        st = text_printf(&lost, "%s%s (%s)", lost.n ? "; " : "", l->name, l->detail);
    }
    if (st == HOOKE_OK && lost.n)
        st = fail(
            HOOKE_E_UNSUPPORTED,
            "%s: %s has no place for: %s; name what may go with --drop (hooke_dict_write_options.drop), or "
            "choose another format",
            w->d->info.path, format, lost.data);
    hooke_text_release(&lost);
    return st;
}

hooke_status hooke_dict_write(hooke_dict *d, const char *path, const char *format,
                              const hooke_dict_write_options *options)
{
    const struct dict_writer *writer;
    struct writing w;
    RETURN_IF(!path || !*path, HOOKE_E_ARGUMENT, "no folder to write the dictionary to");
    RETURN_IF(options && options->size && options->size < sizeof *options, HOOKE_E_ARGUMENT,
              "hooke_dict_write_options.size is %zu, expected %zu", options->size, sizeof *options);
    RETURN_IF_ERROR(begin(&w, &writer, d, format));
    RETURN_IF_ERROR(refuse_losses(&w, format, options ? options->drop : NULL));
    w.path = path;
    hooke_status st = make_folders(path);
    if (st == HOOKE_OK) st = writer->put(&w);
    for (int i = 0; i < w.n_tensors; i++) mem_free(w.owned[i]);
    return st;
}
