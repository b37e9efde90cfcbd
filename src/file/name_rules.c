/* name_rules.c: releases that are younger than the table and follow a rule, so that no rows are needed:
 *
 *   gemma-scope-2-SIZE-pt|it-att|mlp|res|transcoders[-all] / layer_L_width_W_l0_SIZE[_affine]
 *       google/gemma-scope-2-SIZE-pt|it, folder attn_out|mlp_out|resid_post|transcoder[_all]; ids of "-transcoders" carry their folder
 *   qwen-scope-MODEL-wNk-lK / layerL
 *       Qwen/SAE-Res-MODEL-WNK-L0_K, layerL.sae.pt
 *
 * tools/parity/names.py compares them with every row of SAELens' own table. */
#include <stdio.h>
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

static bool is_scope_id(const char *id)
{
    int used = 0, layer, l0_at = 0;
    char width[8];
    if (sscanf(id, "layer_%4d_width_%7[0-9km]_l0_%n", &layer, width, &l0_at) != 2 || l0_at == 0 || layer < 0)
        return false;
    const char *rest = id + l0_at;
    static const char *const sizes[] = { "small", "medium", "big" };
    for (size_t i = 0; i < 3 && !used; i++)
        if (strncmp(rest, sizes[i], strlen(sizes[i])) == 0) used = (int)strlen(sizes[i]);
    rest += used;
    bool is_seed = strncmp(rest, "_seed_", 6) == 0 && rest[6] && !rest[6 + strspn(rest + 6, "0123456789")];
    return used && (!*rest || is_seed || strcmp(rest, "_affine") == 0);
}

/* What the name of a release says: which model, trained how, where. */
struct scope_release {
    const char *size, *kind, *folder;
    bool has_all, is_prefixed;
};

static bool read_scope_release(struct scope_release *r, const char *release)
{
    static const char begin[] = "gemma-scope-2-";
    static const char *const sizes[] = { "270m", "1b", "4b", "12b", "27b" }, *const kinds[] = { "pt", "it" };
    static const char *const sites[] = { "att", "mlp", "res", "transcoders" };
    static const char *const folders[] = { "attn_out", "mlp_out", "resid_post", "transcoder" };
    const char *s = release + sizeof begin - 1, *site;
    if (strncmp(release, begin, sizeof begin - 1) != 0 || !take_word(&s, sizes, 5, &r->size) ||
        !take_word(&s, kinds, 2, &r->kind) || !take_word(&s, sites, 4, &site))
        return false;
    for (size_t i = 0; i < 4; i++)
        if (site == sites[i]) r->folder = folders[i];
    r->has_all = strcmp(s, "all") == 0;
    r->is_prefixed = strcmp(site, "transcoders") == 0 && !r->has_all;
    return r->has_all || !*s;
}

static bool apply_scope(struct registry_row *row, const char *release, const char *id)
{
    struct scope_release r;
    if (!read_scope_release(&r, release)) return false;
    const char *bare = id;
    if (r.is_prefixed) {
        if (strncmp(id, "transcoder/", 11) != 0) return false;
        bare += 11;
    }
    if (!is_scope_id(bare)) return false;
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

static const char *const qwen_models[][2] = {
    { "3-1.7b-base", "Qwen3-1.7B-Base" }, { "3-30b-a3b-base", "Qwen3-30B-A3B-Base" },
    { "3-8b-base", "Qwen3-8B-Base" },     { "3.5-27b", "Qwen3.5-27B" },
    { "3.5-2b-base", "Qwen3.5-2B-Base" }, { "3.5-35b-a3b-base", "Qwen3.5-35B-A3B-Base" },
    { "3.5-9b-base", "Qwen3.5-9B-Base" },
};

/* "layer12", and nothing else. */
static bool is_layer_id(const char *id)
{
    size_t digits = strncmp(id, "layer", 5) == 0 ? strspn(id + 5, "0123456789") : 0;
    return digits > 0 && digits <= 3 && !id[5 + digits];
}

/* The model and the numbers of "qwen-scope-MODEL-wNk-lK". */
static const char *read_qwen_release(int *width, int *l0, const char *release)
{
    static const char begin[] = "qwen-scope-";
    if (strncmp(release, begin, sizeof begin - 1) != 0) return NULL;
    for (size_t i = 0; i < sizeof qwen_models / sizeof *qwen_models; i++) {
        const char *name = release + sizeof begin - 1;
        size_t n = strlen(qwen_models[i][0]);
        int end = 0;
        if (strncmp(name, qwen_models[i][0], n) == 0 &&
            sscanf(name + n, "-w%4dk-l%4d%n", width, l0, &end) == 2 && end > 0 && !name[n + (size_t)end] &&
            *width > 0 && *l0 > 0)
            return qwen_models[i][1];
    }
    return NULL;
}

static bool apply_qwen(struct registry_row *row, const char *release, const char *id)
{
    int width, l0;
    const char *model = read_qwen_release(&width, &l0, release);
    if (!model || !is_layer_id(id)) return false;
    snprintf(row->repo, sizeof row->repo, "Qwen/SAE-Res-%s-W%dK-L0_%d", model, width, l0);
    snprintf(row->model, sizeof row->model, "Qwen/%s", model);
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
    if (read_scope_release(&r, release))
        return r.is_prefixed ? "transcoder/layer_<L>_width_<16k|65k|262k|1m>_l0_<small|medium|big>[_affine]"
                             : "layer_<L>_width_<16k|65k|262k|1m>_l0_<small|medium|big>[_affine]";
    return read_qwen_release(&width, &l0, release) ? "layer<L>" : NULL;
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
