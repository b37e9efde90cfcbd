/* name_rules.c: releases that are younger than the table and follow a rule, so that no rows are needed:
 *
 *   gemma-scope-2-SIZE-pt|it-att|mlp|res|transcoders[-all] / layer_L_width_W_l0_SIZE[_affine]
 *       google/gemma-scope-2-SIZE-pt|it, folder attn_out|mlp_out|resid_post|transcoder[_all]; ids of "-transcoders" carry their folder
 *   qwen-scope-MODEL-wNk-lK / layerL
 *       Qwen/SAE-Res-MODEL-WNK-L0_K, layerL.sae.pt
 *
 * A name is held against what was published: four layers of each model, all of them in the releases that end in "-all".
 * tools/parity/names.py compares them with every row of SAELens' own table. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file/name.h"

/* Takes the part of *s up to the next '-' or the end; false when it is none of words[n]. The word found is *out. */
static bool take_word(const char **s, const char *const *words, size_t n, const char **out)
{
    size_t k = strcspn(*s, "-");
    for (size_t i = 0; i < n; i++) {
        if (strlen(words[i]) != k || memcmp(*s, words[i], k) != 0) continue;
        *s += k + ((*s)[k] == '-');
        *out = words[i];
        return true;
    }
    return false;
}

/* ---- Gemma Scope 2 ---- */

struct scope_id {
    int layer;
    char width[8];
};

static bool read_scope_id(struct scope_id *out, const char *id)
{
    int used = 0, l0_at = 0;
    if (sscanf(id, "layer_%4d_width_%7[0-9km]_l0_%n", &out->layer, out->width, &l0_at) != 2 || l0_at == 0 ||
        out->layer < 0)
        return false;
    const char *rest = id + l0_at;
    static const char *const sizes[] = { "small", "medium", "big" };
    for (size_t i = 0; i < 3 && !used; i++)
        if (strncmp(rest, sizes[i], strlen(sizes[i])) == 0) used = (int)strlen(sizes[i]);
    rest += used;
    bool is_seed = strncmp(rest, "_seed_", 6) == 0 && rest[6] && !rest[6 + strspn(rest + 6, "0123456789")];
    return used && (!*rest || is_seed || strcmp(rest, "_affine") == 0);
}

/* The models, how many layers they have, and which of them the releases without "-all" hold. */
enum { N_SCOPE_MODELS = 5, N_SCOPE_LAYERS = 4 };
static const char *const scope_sizes[N_SCOPE_MODELS] = { "270m", "1b", "4b", "12b", "27b" };
static const int scope_depths[N_SCOPE_MODELS] = { 18, 26, 34, 48, 62 };
static const int scope_layers[N_SCOPE_MODELS][N_SCOPE_LAYERS] = {
    { 5, 9, 12, 15 }, { 7, 13, 17, 22 }, { 9, 17, 22, 29 }, { 12, 24, 31, 41 }, { 16, 31, 40, 53 }
};
static const char *const scope_kinds[] = { "pt", "it" };
static const char *const scope_sites[] = { "att", "mlp", "res", "transcoders" };

/* What the name of a release says: which model, trained how, where. */
struct scope_release {
    const char *size, *kind, *folder;
    int model; /* index of the size */
    bool has_all, is_prefixed;
};

static bool read_scope_release(struct scope_release *r, const char *release)
{
    static const char begin[] = "gemma-scope-2-";
    static const char *const folders[] = { "attn_out", "mlp_out", "resid_post", "transcoder" };
    const char *s = release + sizeof begin - 1, *site;
    if (strncmp(release, begin, sizeof begin - 1) != 0 ||
        !take_word(&s, scope_sizes, N_SCOPE_MODELS, &r->size) || !take_word(&s, scope_kinds, 2, &r->kind) ||
        !take_word(&s, scope_sites, 4, &site))
        return false;
    for (size_t i = 0; i < 4; i++)
        if (site == scope_sites[i]) r->folder = folders[i];
    for (int i = 0; i < N_SCOPE_MODELS; i++)
        if (r->size == scope_sizes[i]) r->model = i;
    r->has_all = strcmp(s, "all") == 0;
    r->is_prefixed = strcmp(site, "transcoders") == 0 && !r->has_all;
    return r->has_all || !*s;
}

/* The id without the folder that those of "-transcoders" begin with; NULL when that is missing. */
static const char *bare_scope_id(const struct scope_release *r, const char *id)
{
    if (!r->is_prefixed) return id;
    return strncmp(id, "transcoder/", 11) == 0 ? id + 11 : NULL;
}

static bool has_scope_layer(const struct scope_release *r, int layer)
{
    bool found = r->has_all && layer < scope_depths[r->model];
    for (int i = 0; i < N_SCOPE_LAYERS; i++) found = found || scope_layers[r->model][i] == layer;
    return found;
}

static bool has_scope_width(const struct scope_release *r, const char *width)
{
    static const char *const widths[] = { "16k", "262k", "65k", "1m" };
    for (size_t i = 0; i < (r->has_all ? 2 : 4); i++)
        if (strcmp(widths[i], width) == 0) return true;
    return false;
}

static bool apply_scope(struct registry_row *row, const char *release, const char *id)
{
    struct scope_release r;
    struct scope_id parts;
    const char *bare = read_scope_release(&r, release) ? bare_scope_id(&r, id) : NULL;
    if (!bare || !read_scope_id(&parts, bare) || !has_scope_layer(&r, parts.layer) ||
        !has_scope_width(&r, parts.width))
        return false;
    bool is_270m_pt =
        strcmp(r.size, "270m") == 0 && strcmp(r.kind, "pt") == 0; /* published without a suffix */
    snprintf(row->repo, sizeof row->repo, "google/gemma-scope-2-%s-%s", r.size, r.kind);
    snprintf(row->model, sizeof row->model, "google/gemma-3-%s%s%s", r.size, is_270m_pt ? "" : "-",
             is_270m_pt ? "" : r.kind);
    snprintf(row->path, sizeof row->path, "%s%s/%s", r.folder, r.has_all ? "_all" : "", bare);
    memcpy(row->format, "gemma_3", sizeof "gemma_3");
    return true;
}

/* ---- Qwen Scope ---- */

/* Each with two releases. */
static const struct qwen_model {
    const char *name, *repo;
    int depth, widths[2], l0s[2];
} qwen_models[] = {
    { "3-1.7b-base", "Qwen3-1.7B-Base", 28, { 32, 32 }, { 50, 100 } },
    { "3-30b-a3b-base", "Qwen3-30B-A3B-Base", 48, { 32, 128 }, { 50, 100 } },
    { "3-8b-base", "Qwen3-8B-Base", 36, { 64, 64 }, { 50, 100 } },
    { "3.5-27b", "Qwen3.5-27B", 64, { 80, 80 }, { 50, 100 } },
    { "3.5-2b-base", "Qwen3.5-2B-Base", 24, { 32, 32 }, { 50, 100 } },
    { "3.5-35b-a3b-base", "Qwen3.5-35B-A3B-Base", 40, { 32, 128 }, { 50, 100 } },
    { "3.5-9b-base", "Qwen3.5-9B-Base", 32, { 64, 64 }, { 50, 100 } },
};
enum { N_QWEN_MODELS = sizeof qwen_models / sizeof *qwen_models };

/* The number of "layer12"; -1 for anything else. */
static int qwen_layer(const char *id)
{
    size_t digits = strncmp(id, "layer", 5) == 0 ? strspn(id + 5, "0123456789") : 0;
    bool is_plain = digits > 0 && digits <= 3 && !id[5 + digits] && (digits == 1 || id[5] != '0');
    return is_plain ? (int)strtol(id + 5, NULL, 10) : -1;
}

static bool write_qwen_release(char *out, size_t capacity, int index)
{
    const struct qwen_model *m = &qwen_models[index / 2];
    int n =
        snprintf(out, capacity, "qwen-scope-%s-w%dk-l%d", m->name, m->widths[index % 2], m->l0s[index % 2]);
    return n > 0 && (size_t)n < capacity;
}

/* The model and the numbers of "qwen-scope-MODEL-wNk-lK": any numbers, more of them may be published. */
static const struct qwen_model *read_qwen_release(int *width, int *l0, const char *release)
{
    static const char begin[] = "qwen-scope-";
    if (strncmp(release, begin, sizeof begin - 1) != 0) return NULL;
    for (size_t i = 0; i < N_QWEN_MODELS; i++) {
        const char *name = release + sizeof begin - 1;
        size_t n = strlen(qwen_models[i].name);
        int end = 0;
        if (strncmp(name, qwen_models[i].name, n) == 0 &&
            sscanf(name + n, "-w%4dk-l%4d%n", width, l0, &end) == 2 && end > 0 && !name[n + (size_t)end] &&
            *width > 0 && *l0 > 0)
            return &qwen_models[i];
    }
    return NULL;
}

static bool apply_qwen(struct registry_row *row, const char *release, const char *id)
{
    int width, l0, layer = qwen_layer(id);
    const struct qwen_model *m = read_qwen_release(&width, &l0, release);
    if (!m || layer < 0 || layer >= m->depth) return false;
    snprintf(row->repo, sizeof row->repo, "Qwen/SAE-Res-%s-W%dK-L0_%d", m->repo, width, l0);
    snprintf(row->model, sizeof row->model, "Qwen/%s", m->repo);
    snprintf(row->path, sizeof row->path, "%s.sae.pt", id);
    snprintf(row->l0, sizeof row->l0, "%d", l0);
    memcpy(row->format, "qwen_scope", sizeof "qwen_scope");
    return true;
}

/* ---- both ---- */

const char *name_rule_ids(const char *release)
{
    struct scope_release r;
    int width, l0;
    if (!read_scope_release(&r, release)) return read_qwen_release(&width, &l0, release) ? "layer<L>" : NULL;
    if (r.has_all) return "layer_<L>_width_<16k|262k>_l0_<small|big>[_affine]";
    return r.is_prefixed ? "transcoder/layer_<L>_width_<16k|65k|262k>_l0_<small|medium|big>[_affine]"
                         : "layer_<L>_width_<16k|65k|262k|1m>_l0_<small|medium|big>";
}

bool name_rule_release(char *out, size_t capacity, int index)
{
    enum { N_SITES = 4, N_SCOPE = N_SCOPE_MODELS * 2 * N_SITES * 2 };
    if (index >= N_SCOPE)
        return index < N_SCOPE + 2 * N_QWEN_MODELS && write_qwen_release(out, capacity, index - N_SCOPE);
    int rest = index / 2;
    int n = snprintf(out, capacity, "gemma-scope-2-%s-%s-%s%s", scope_sizes[rest / N_SITES / 2],
                     scope_kinds[rest / N_SITES % 2], scope_sites[rest % N_SITES], index % 2 ? "-all" : "");
    return n > 0 && (size_t)n < capacity;
}

/* The layer of an id that its release lacks, and those there are; -1: it is something else. */
static int wrong_layer(char *layers, size_t capacity, const char *release, const char *id)
{
    struct scope_release r;
    struct scope_id parts;
    int width, l0, layer = qwen_layer(id);
    const struct qwen_model *qwen = read_qwen_release(&width, &l0, release);
    if (qwen) {
        snprintf(layers, capacity, "0 to %d", qwen->depth - 1);
        return layer >= qwen->depth ? layer : -1;
    }
    const char *bare = read_scope_release(&r, release) ? bare_scope_id(&r, id) : NULL;
    if (!bare || !read_scope_id(&parts, bare) || has_scope_layer(&r, parts.layer)) return -1;
    const int *l = scope_layers[r.model], last = scope_depths[r.model] - 1;
    if (r.has_all)
        snprintf(layers, capacity, "0 to %d", last);
    else
        snprintf(layers, capacity, "%d, %d, %d and %d; '%s-all' has 0 to %d", l[0], l[1], l[2], l[3], release,
                 last);
    return parts.layer;
}

hooke_status name_explain_rule(const char *release, const char *id)
{
    char layers[160];
    int layer = wrong_layer(layers, sizeof layers, release, id);
    if (!id[0])
        return fail(HOOKE_E_NOT_FOUND, "'%s' is a release; name one of its dictionaries: %s/%s", release,
                    release, name_rule_ids(release));
    if (layer >= 0)
        return fail(HOOKE_E_NOT_FOUND, "release '%s' has no layer %d; its layers are %s", release, layer,
                    layers);
    return fail(HOOKE_E_NOT_FOUND, "release '%s' has no dictionary '%.100s'; its ids are %s", release, id,
                name_rule_ids(release));
}

bool name_apply_rule(struct registry_row *row, const char *release, const char *id)
{
    memset(row, 0, sizeof *row);
    if (strlen(release) >= sizeof row->release || strlen(id) >= sizeof row->sae_id) return false;
    if (!apply_scope(row, release, id) && !apply_qwen(row, release, id)) return false;
    snprintf(row->release, sizeof row->release, "%s", release);
    snprintf(row->sae_id, sizeof row->sae_id, "%s", id);
    return true;
}
