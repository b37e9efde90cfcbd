/* read_axbench.c: AxBench's supervised dictionaries: one row a concept, a score a token, no reconstruction.
 *
 *   <folder>/<Model>_weight.pt   bare tensor [n_concepts, d_model]    <Model>: DiffMean, LsReFT (ReFT-r1), PCA, LAT, ...
 *   <folder>/<Model>_bias.pt     bare tensor [n_concepts]
 *   <folder>/metadata.jsonl      one object a row: {"concept_id", "concept", ...}
 *   <folder>/config.json         {"model_name", "layer", "component"}
 *   l20/weight.pt, l20/metadata.jsonl                                 as published (ReFT-r1)
 *
 * ReFT-r1 scores relu(x . w), its bias is stored and not used; the others score x . w + bias. Rows are used as stored. Decoding
 * adds up value times row: what steering adds, not a reconstruction. */
#include <string.h>

#include "dict/torch_family.h"

enum { METADATA_MAX_BYTES = 256 << 20 };

static const char weight_name[] = "weight.pt";

bool axbench_fits(const struct torch_file *f, const char *path)
{
    return f->is_bare && f->tensors[0].n_dims == 2 && path_ends_with(path, weight_name);
}

/* "<Model>" of ".../<Model>_weight.pt"; n 0 for a bare "weight.pt". */
static const char *model_of(const char *path, size_t *n)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    size_t m = strlen(base) - strlen(weight_name);
    *n = m > 0 ? m - 1 : 0; /* the underscore */
    return base;
}

/* The published files carry no class, but their repositories do. */
static bool is_reft(const struct hooke_dict *d, const char *path)
{
    size_t n;
    const char *model = model_of(path, &n);
    const char *where = reader_repository(d, path);
    if (n) return contains(model, model + n, "ReFT");
    return !contains(where, where + strlen(where), "diffmean") &&
           !contains(where, where + strlen(where), "DiffMean");
}

static hooke_status take_bias(struct hooke_dict *d, const char *path)
{
    char name[256];
    size_t n;
    const char *model = model_of(path, &n);
    if (n + 16 > sizeof name) return HOOKE_OK;
    memcpy(name, model, n);
    memcpy(name + n, n ? "_bias.pt" : "bias.pt", n ? 9 : 8);
    if (!exists_beside(path, name)) return HOOKE_OK;
    const char *file = path_beside(&d->arena, path, name);
    RETURN_IF(!file, HOOKE_E_MEMORY, "%s: out of memory", path);
    struct torch_file f;
    void *data;
    const struct stored_tensor *t = NULL;
    RETURN_IF_ERROR(torch_file_open(&f, file));
    hooke_status st = HOOKE_OK;
    if (!f.is_bare) st = fail(HOOKE_E_FORMAT, "%s: expected one bare tensor of biases", file);
    if (st == HOOKE_OK) st = torch_file_load(&f, &t, f.tensors[0].name);
    if (st == HOOKE_OK) st = dict_own_tensor(d, P_B_ENC, &data, "bias", DT_F32, t->n_dims, t->shape);
    if (st == HOOKE_OK) st = stored_to_f32(data, t, 0, t->n_items);
    torch_file_close(&f);
    return st;
}

/* One line: {"concept_id": 0, "concept": "terms related to ...", ...}. */
static hooke_status take_concept(struct hooke_dict *d, int64_t row, const char *line, size_t n,
                                 const char *name)
{
    struct arena tree = { 0 };
    const struct json *root;
    const char *concept = NULL;
    hooke_status st = json_parse(&root, &tree, line, n, JSON_AS_PYTHON, name);
    if (st == HOOKE_OK) st = json_string(&concept, root, "concept", NULL, name);
    if (st == HOOKE_OK && concept) st = reader_copy(d, &d->labels[row], concept);
    arena_release(&tree);
    return st;
}

/* A repeated run appends its lines again: then lines and rows do not belong together. */
static hooke_status take_concepts(struct hooke_dict *d, const hooke_text *text, const char *name)
{
    int64_t rows = d->param[P_W_DEC]->shape[0], lines = 0;
    d->labels = arena_alloc(&d->arena, (size_t)rows, sizeof *d->labels);
    RETURN_IF(!d->labels, HOOKE_E_MEMORY, "%s: out of memory for %lld labels", name, (long long)rows);
    d->n_labels = rows;
    for (const char *p = text->data, *end = p + text->n; p < end; lines++) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        size_t n = (size_t)((stop ? stop : end) - p);
        if (lines < rows) RETURN_IF_ERROR(take_concept(d, lines, p, n, name));
        p += n + 1;
        while (p < end && *p == '\n') p++;
    }
    RETURN_IF(lines != rows, HOOKE_E_FORMAT,
              "%s: %lld lines for %lld concepts in %s: was a run repeated into this folder?", name,
              (long long)lines, (long long)rows, d->info.path);
    return HOOKE_OK;
}

static hooke_status take_metadata(struct hooke_dict *d, const char *path)
{
    hooke_text text = { 0 };
    if (!exists_beside(path, "metadata.jsonl")) return HOOKE_OK;
    const char *file = path_beside(&d->arena, path, "metadata.jsonl");
    RETURN_IF(!file, HOOKE_E_MEMORY, "%s: out of memory", path);
    hooke_status st = file_read(&text, file, METADATA_MAX_BYTES);
    if (st == HOOKE_OK) st = take_concepts(d, &text, file);
    hooke_text_release(&text);
    return st;
}

/* {"model_name": ..., "layer": 20, "component": "res"} */
static hooke_status take_config(struct hooke_dict *d, const struct json *root, const char *name)
{
    int64_t layer;
    const char *component;
    RETURN_IF_ERROR(reader_string(d, &d->config.model_name, root, "model_name", name));
    RETURN_IF_ERROR(json_string(&component, root, "component", "res", name));
    RETURN_IF_ERROR(json_int(&layer, root, "layer", 0, 1 << 20, -1, name));
    RETURN_IF(strcmp(component, "res") != 0, HOOKE_E_UNSUPPORTED, "%s: component '%s'; only res is known",
              name, component);
    if (layer >= 0) RETURN_IF_ERROR(reader_site(d, &d->config.site, (int)layer, "hook_resid_post"));
    return reader_keep_json(d, root);
}

/* pyvene/gemma-reft-r1-2b-it-res, l20/weight.pt */
static hooke_status take_place_from_path(struct hooke_dict *d, const char *path)
{
    const char *where = reader_repository(d, path), *end = where + strlen(where);
    int layer = number_behind(path, "l");
    if (layer >= 0) RETURN_IF_ERROR(reader_site(d, &d->config.site, layer, "hook_resid_post"));
    if (!contains(where, end, "gemma-reft")) return HOOKE_OK;
    bool nine = contains(where, end, "9b-it");
    return reader_copy(d, &d->config.model_name, nine ? "google/gemma-2-9b-it" : "google/gemma-2-2b-it");
}

/* Model, layer and site: as config.json says, else as the path does. */
static hooke_status take_place(struct hooke_dict *d, const char *path)
{
    struct arena tree = { 0 };
    const struct json *root;
    const char *name = path_beside(&d->arena, path, "config.json");
    RETURN_IF(!name, HOOKE_E_MEMORY, "%s: out of memory", path);
    hooke_status st = torch_json_beside(d, path, "config.json", &tree, &root);
    if (st == HOOKE_OK) st = root ? take_config(d, root, name) : take_place_from_path(d, path);
    arena_release(&tree);
    return st;
}

hooke_status axbench_take(struct hooke_dict *d, const char *path)
{
    bool reft = is_reft(d, path);
    RETURN_IF_ERROR(torch_file_load(&d->torch, &d->param[P_W_DEC], d->torch.tensors[0].name));
    d->config.architecture = reft ? "reft_r1" : "linear";
    if (!reft) RETURN_IF_ERROR(take_bias(d, path));
    RETURN_IF_ERROR(take_metadata(d, path));
    return take_place(d, path);
}

/* LoReFT and ConceptReFT keep low-rank edits of whole representations under ".proj_weight" and ".source_weight". */
bool loreft_fits(const struct torch_file *f, const char *path)
{
    (void)path;
    for (int i = 0; i < f->n_tensors; i++)
        if (path_ends_with(f->tensors[i].name, ".proj_weight")) return true;
    return false;
}

hooke_status loreft_take(struct hooke_dict *d, const char *path)
{
    (void)d;
    return fail(HOOKE_E_UNSUPPORTED,
                "%s: AxBench's LoReFT: low-rank edits of a representation, not directions; DiffMean and "
                "ReFT-r1 are read",
                path);
}
