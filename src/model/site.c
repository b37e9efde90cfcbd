/* site.c: TransformerLens names, Hugging Face module paths, and what to answer to a name that is neither.
 *
 * A module path stands for its output; ".output" and ".input" say it outright. post_attention_layernorm is the attention's
 * post-norm in Gemma 2 and 3 and the MLP's input norm in Llama, Qwen, Gemma 1 and GPT-NeoX, so paths are mapped through the
 * architecture's row, never by name alone. */
#include "model/site.h"

#include "model/model.h"

#include <stdio.h>
#include <string.h>

/* ---- the table ------------------------------------------------------------------------------------------------------ */

enum width {
    COLS_ONE,
    COLS_MODEL,
    COLS_QUERIES,
    COLS_KEYS,
    COLS_QUERY_HEADS,
    COLS_KEY_HEADS,
    COLS_MODEL_EACH_QUERY,
    COLS_MODEL_EACH_KEY,
    COLS_MLP,
    COLS_VOCAB,
    COLS_BATCH
};
enum need { NEED_NOTHING, NEED_ROPE, NEED_TABLE, NEED_QK_NORM, NEED_POST_NORM, NEED_GATE, NEED_SEQUENTIAL };

static const struct {
    const char *name; /* after "blocks.N." for those of a block */
    bool in_block;
    enum width width;
    enum need need;
} rows[N_SITE_KINDS] = {
    [SITE_EMBED] = { "hook_embed", false, COLS_MODEL, NEED_NOTHING },
    [SITE_POS_EMBED] = { "hook_pos_embed", false, COLS_MODEL, NEED_TABLE },
    [SITE_RESID_PRE] = { "hook_resid_pre", true, COLS_MODEL, NEED_NOTHING },
    [SITE_ATTN_IN] = { "hook_attn_in", true, COLS_MODEL_EACH_QUERY, NEED_NOTHING },
    [SITE_Q_INPUT] = { "hook_q_input", true, COLS_MODEL_EACH_QUERY, NEED_NOTHING },
    [SITE_K_INPUT] = { "hook_k_input", true, COLS_MODEL_EACH_KEY, NEED_NOTHING },
    [SITE_V_INPUT] = { "hook_v_input", true, COLS_MODEL_EACH_KEY, NEED_NOTHING },
    [SITE_LN1_SCALE] = { "ln1.hook_scale", true, COLS_ONE, NEED_NOTHING },
    [SITE_LN1_NORMALIZED] = { "ln1.hook_normalized", true, COLS_MODEL, NEED_NOTHING },
    [SITE_LN1_OUT] = { "ln1.hook_out", true, COLS_MODEL, NEED_NOTHING },
    [SITE_Q] = { "attn.hook_q", true, COLS_QUERIES, NEED_NOTHING },
    [SITE_K] = { "attn.hook_k", true, COLS_KEYS, NEED_NOTHING },
    [SITE_V] = { "attn.hook_v", true, COLS_KEYS, NEED_NOTHING },
    [SITE_Q_NORM_SCALE] = { "attn.q_norm.hook_scale", true, COLS_QUERY_HEADS, NEED_QK_NORM },
    [SITE_Q_NORM_NORMALIZED] = { "attn.q_norm.hook_normalized", true, COLS_QUERIES, NEED_QK_NORM },
    [SITE_K_NORM_SCALE] = { "attn.k_norm.hook_scale", true, COLS_KEY_HEADS, NEED_QK_NORM },
    [SITE_K_NORM_NORMALIZED] = { "attn.k_norm.hook_normalized", true, COLS_KEYS, NEED_QK_NORM },
    [SITE_ROT_Q] = { "attn.hook_rot_q", true, COLS_QUERIES, NEED_ROPE },
    [SITE_ROT_K] = { "attn.hook_rot_k", true, COLS_KEYS, NEED_ROPE },
    [SITE_SCORES] = { "attn.hook_attn_scores", true, COLS_BATCH, NEED_NOTHING },
    [SITE_PATTERN] = { "attn.hook_pattern", true, COLS_BATCH, NEED_NOTHING },
    [SITE_Z] = { "attn.hook_z", true, COLS_QUERIES, NEED_NOTHING },
    [SITE_RESULT] = { "attn.hook_result", true, COLS_MODEL_EACH_QUERY, NEED_NOTHING },
    [SITE_ATTN_RAW] = { "attn.hook_out", true, COLS_MODEL, NEED_POST_NORM },
    [SITE_LN1_POST_SCALE] = { "ln1_post.hook_scale", true, COLS_ONE, NEED_POST_NORM },
    [SITE_LN1_POST_NORMALIZED] = { "ln1_post.hook_normalized", true, COLS_MODEL, NEED_POST_NORM },
    [SITE_ATTN_OUT] = { "hook_attn_out", true, COLS_MODEL, NEED_NOTHING },
    [SITE_RESID_MID] = { "hook_resid_mid", true, COLS_MODEL, NEED_SEQUENTIAL },
    [SITE_MLP_IN] = { "hook_mlp_in", true, COLS_MODEL, NEED_NOTHING },
    [SITE_LN2_SCALE] = { "ln2.hook_scale", true, COLS_ONE, NEED_NOTHING },
    [SITE_LN2_NORMALIZED] = { "ln2.hook_normalized", true, COLS_MODEL, NEED_NOTHING },
    [SITE_LN2_OUT] = { "ln2.hook_out", true, COLS_MODEL, NEED_NOTHING },
    [SITE_MLP_PRE] = { "mlp.hook_pre", true, COLS_MLP, NEED_NOTHING },
    [SITE_MLP_PRE_LINEAR] = { "mlp.hook_pre_linear", true, COLS_MLP, NEED_GATE },
    [SITE_MLP_POST] = { "mlp.hook_post", true, COLS_MLP, NEED_NOTHING },
    [SITE_MLP_RAW] = { "mlp.hook_out", true, COLS_MODEL, NEED_POST_NORM },
    [SITE_LN2_POST_SCALE] = { "ln2_post.hook_scale", true, COLS_ONE, NEED_POST_NORM },
    [SITE_LN2_POST_NORMALIZED] = { "ln2_post.hook_normalized", true, COLS_MODEL, NEED_POST_NORM },
    [SITE_MLP_OUT] = { "hook_mlp_out", true, COLS_MODEL, NEED_NOTHING },
    [SITE_RESID_POST] = { "hook_resid_post", true, COLS_MODEL, NEED_NOTHING },
    [SITE_LN_FINAL_SCALE] = { "ln_final.hook_scale", false, COLS_ONE, NEED_NOTHING },
    [SITE_LN_FINAL_NORMALIZED] = { "ln_final.hook_normalized", false, COLS_MODEL, NEED_NOTHING },
    [SITE_LN_FINAL_OUT] = { "ln_final.hook_out", false, COLS_MODEL, NEED_NOTHING },
    [SITE_UNEMBED_OUT] = { "unembed.hook_out", false, COLS_VOCAB, NEED_NOTHING },
    [SITE_LOGITS] = { "logits", false, COLS_VOCAB, NEED_NOTHING },
};

/* Other TransformerLens spellings of the same places. The second kind is for models without post-norms, where the raw output is
 * what joins the residual. */
static const struct {
    const char *name;
    bool in_block;
    enum site_kind kind, plain_kind;
} aliases[] = {
    { "unembed.hook_in", false, SITE_LN_FINAL_OUT, SITE_LN_FINAL_OUT },
    { "attn.hook_out", true, SITE_ATTN_RAW, SITE_ATTN_OUT },
    { "mlp.hook_out", true, SITE_MLP_RAW, SITE_MLP_OUT },
    { "ln1_post.hook_out", true, SITE_ATTN_OUT, N_SITE_KINDS },
    { "ln2_post.hook_out", true, SITE_MLP_OUT, N_SITE_KINDS },
    { "ln1.hook_in", true, SITE_RESID_PRE, SITE_RESID_PRE },
    { "attn.hook_in", true, SITE_LN1_OUT, SITE_LN1_OUT },
    { "mlp.hook_in", true, SITE_LN2_OUT, SITE_LN2_OUT },
};

bool site_in_block(enum site_kind kind)
{
    return rows[kind].in_block;
}

bool site_is_repeated(enum site_kind kind)
{
    return kind >= SITE_ATTN_IN && kind <= SITE_V_INPUT;
}

bool site_is_opt_in(enum site_kind kind)
{
    return site_is_repeated(kind) || kind == SITE_RESULT || kind == SITE_MLP_IN;
}

bool site_exists(const struct model_config *c, enum site_kind kind)
{
    switch (rows[kind].need) {
    case NEED_NOTHING:
        return true;
    case NEED_ROPE:
        return !c->arch->learned_positions;
    case NEED_TABLE:
        return c->arch->learned_positions;
    case NEED_QK_NORM:
        return c->arch->qk_norm;
    case NEED_POST_NORM:
        return c->arch->post_norms;
    case NEED_GATE:
        return c->arch->gated;
    case NEED_SEQUENTIAL:
        return !c->parallel;
    }
    return false;
}

static const char *why_absent(enum site_kind kind)
{
    switch (rows[kind].need) {
    case NEED_NOTHING:
        break;
    case NEED_ROPE:
        return "positions come from a table, nothing is rotated";
    case NEED_TABLE:
        return "there is no table of positions";
    case NEED_QK_NORM:
        return "queries and keys are not normalised";
    case NEED_POST_NORM:
        return "there are no norms behind attention and MLP";
    case NEED_GATE:
        return "the MLP has no gate";
    case NEED_SEQUENTIAL:
        return "attention and MLP run side by side, there is no residual between them";
    }
    return "";
}

bool site_valid(const struct model_config *c, hooke_site s)
{
    if (s.kind < 0 || s.kind >= N_SITE_KINDS || !site_exists(c, (enum site_kind)s.kind)) return false;
    return rows[s.kind].in_block ? s.layer >= 0 && s.layer < c->n_layers : s.layer == -1;
}

int64_t site_depth(const struct model_config *c, hooke_site s)
{
    int layer = rows[s.kind].in_block ? s.layer : s.kind < (int)SITE_RESID_PRE ? -1 : c->n_layers;
    return (int64_t)layer * N_SITE_KINDS + s.kind;
}

int site_width(const struct model_config *c, enum site_kind kind)
{
    switch (rows[kind].width) {
    case COLS_ONE:
        return 1;
    case COLS_MODEL:
        return c->d_model;
    case COLS_QUERIES:
        return c->n_heads * c->d_head;
    case COLS_KEYS:
        return c->n_kv_heads * c->d_head;
    case COLS_QUERY_HEADS:
        return c->n_heads;
    case COLS_KEY_HEADS:
        return c->n_kv_heads;
    case COLS_MODEL_EACH_QUERY:
        return c->n_heads * c->d_model;
    case COLS_MODEL_EACH_KEY:
        return c->n_kv_heads * c->d_model;
    case COLS_MLP:
        return c->d_mlp;
    case COLS_VOCAB:
        return c->d_vocab;
    case COLS_BATCH:
        return 0;
    }
    return 0;
}

int site_n_heads(const struct model_config *c, enum site_kind kind)
{
    enum width w = rows[kind].width;
    if (w == COLS_QUERIES || w == COLS_QUERY_HEADS || w == COLS_MODEL_EACH_QUERY) return c->n_heads;
    return w == COLS_KEYS || w == COLS_KEY_HEADS || w == COLS_MODEL_EACH_KEY ? c->n_kv_heads : 1;
}

/* ---- TransformerLens names -------------------------------------------------------------------------------------------- */

hooke_status site_name(const struct model_config *c, hooke_text *out, hooke_site site)
{
    RETURN_IF(!site_valid(c, site), HOOKE_E_ARGUMENT, "no site of this model (kind %d, layer %d)", site.kind,
              site.layer);
    if (rows[site.kind].in_block) return text_printf(out, "blocks.%d.%s", site.layer, rows[site.kind].name);
    return text_puts(out, rows[site.kind].name);
}

/* Reads "PREFIX<number>" off the front of s; NULL if s does not begin so. *rest is what follows the number, at its '.' or NUL. */
static const char *read_layer(const char *s, const char *prefix, int64_t *layer)
{
    size_t n = strlen(prefix);
    if (strncmp(s, prefix, n) != 0 || s[n] < '0' || s[n] > '9') return NULL;
    int64_t v = 0;
    for (s += n; *s >= '0' && *s <= '9' && v < 1000000; s++) v = v * 10 + (*s - '0');
    *layer = v;
    return *s == 0 || *s == '.' ? s : NULL;
}

static bool find_row(const struct model_config *c, const char *suffix, bool in_block, enum site_kind *kind)
{
    for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++) {
        if (aliases[i].in_block != in_block || strcmp(aliases[i].name, suffix) != 0) continue;
        *kind = c->arch->post_norms ? aliases[i].kind : aliases[i].plain_kind;
        return *kind != N_SITE_KINDS;
    }
    for (int k = 0; k < (int)N_SITE_KINDS; k++)
        if (rows[k].in_block == in_block && !strcmp(rows[k].name, suffix)) {
            *kind = (enum site_kind)k;
            return true;
        }
    return false;
}

/* ---- module paths ------------------------------------------------------------------------------------------------------ */

/* Does path spell the module, and for its output or its input? */
static bool is_module(const char *path, const char *module, bool *input)
{
    if (!module) return false;
    size_t n = strlen(module);
    if (strncmp(path, module, n) != 0) return false;
    path += n;
    *input = !strcmp(path, ".input");
    return *input || *path == 0 || !strcmp(path, ".output");
}

static bool find_block_module(const struct model_config *c, const char *path, enum site_kind *kind)
{
    const struct arch_modules *m = &c->arch->modules;
    enum site_kind attn = c->arch->post_norms ? SITE_ATTN_RAW : SITE_ATTN_OUT;
    enum site_kind mlp = c->arch->post_norms ? SITE_MLP_RAW : SITE_MLP_OUT;
    enum site_kind mid = c->parallel ? SITE_RESID_PRE : SITE_RESID_MID;
    const struct {
        const char *module;
        enum site_kind in, out;
    } map[] = {
        { m->ln1, SITE_RESID_PRE, SITE_LN1_OUT },
        { m->ln1_post, attn, SITE_ATTN_OUT },
        { m->ln2, mid, SITE_LN2_OUT },
        { m->ln2_post, mlp, SITE_MLP_OUT },
        { m->attn, SITE_LN1_OUT, attn },
        { m->q, SITE_LN1_OUT, SITE_Q },
        { m->k, SITE_LN1_OUT, SITE_K },
        { m->v, SITE_LN1_OUT, SITE_V },
        { m->q_norm, SITE_Q, N_SITE_KINDS },
        { m->k_norm, SITE_K, N_SITE_KINDS },
        { m->o, SITE_Z, attn },
        { m->mlp, SITE_LN2_OUT, mlp },
        { m->gate, SITE_LN2_OUT, SITE_MLP_PRE },
        { m->down, SITE_MLP_POST, mlp },
        { m->up, SITE_LN2_OUT, c->arch->gated ? SITE_MLP_PRE_LINEAR : SITE_MLP_PRE },
    };
    bool input;
    for (size_t i = 0; i < sizeof map / sizeof map[0]; i++)
        if (is_module(path, map[i].module, &input)) {
            *kind = input ? map[i].in : map[i].out;
            return *kind != N_SITE_KINDS;
        }
    return false;
}

static bool find_model_module(const struct model_config *c, const char *path, hooke_site *out)
{
    const struct arch_modules *m = &c->arch->modules;
    bool input;
    out->layer = -1;
    if (is_module(path, m->final_norm, &input)) {
        out->kind = input ? SITE_RESID_POST : SITE_LN_FINAL_OUT;
        if (input) out->layer = c->n_layers - 1;
        return true;
    }
    if (is_module(path, m->head, &input) || is_module(path, m->head_synonym, &input)) {
        out->kind = input ? SITE_LN_FINAL_OUT : SITE_UNEMBED_OUT;
        return true;
    }
    if ((is_module(path, m->embed, &input) && !input))
        out->kind = SITE_EMBED;
    else if (is_module(path, m->pos, &input) && !input)
        out->kind = SITE_POS_EMBED;
    else
        return false;
    return true;
}

/* ---- near misses --------------------------------------------------------------------------------------------------------- */

struct near {
    char name[96];
    int distance;
};

static void keep_near(struct near best[3], const char *asked, const char *name)
{
    int distance = edit_distance(asked, name);
    for (int i = 0; i < 3; i++) {
        if (best[i].name[0] && best[i].distance <= distance) continue;
        memmove(&best[i + 1], &best[i], (size_t)(2 - i) * sizeof best[0]);
        snprintf(best[i].name, sizeof best[i].name, "%s", name);
        best[i].distance = distance;
        return;
    }
}

static hooke_status fail_unknown(const struct model_config *c, const char *asked)
{
    struct near best[3] = { { "", 0 }, { "", 0 }, { "", 0 } };
    char name[96], list[3 * 100] = "";
    size_t n_list = 0;
    int64_t layer = 0;
    bool in_block = read_layer(asked, "blocks.", &layer) != NULL;
    if (!in_block || layer >= c->n_layers) layer = 0;
    for (int k = 0; k < (int)N_SITE_KINDS; k++) {
        if (!site_exists(c, (enum site_kind)k) || (in_block && !rows[k].in_block)) continue;
        if (rows[k].in_block)
            snprintf(name, sizeof name, "blocks.%d.%s", (int)layer, rows[k].name);
        else
            snprintf(name, sizeof name, "%s", rows[k].name);
        keep_near(best, asked, name);
    }
    for (int i = 0; i < 3; i++) {
        bool worth = best[i].name[0] && (i == 0 || best[i].distance <= best[0].distance + 2);
        if (worth) n_list += (size_t)snprintf(list + n_list, 99, "%s%.90s", i ? ", " : "", best[i].name);
    }
    return fail(HOOKE_E_NOT_FOUND, "site '%.200s' is unknown; did you mean %s?", asked, list);
}

static hooke_status check_layer(const struct model_config *c, const char *name, int64_t layer)
{
    RETURN_IF(layer >= c->n_layers, HOOKE_E_NOT_FOUND, "site '%.200s': the model has layers 0 to %d", name,
              c->n_layers - 1);
    return HOOKE_OK;
}

static hooke_status finish(const struct model_config *c, hooke_site *out, const char *name,
                           enum site_kind kind, int layer)
{
    RETURN_IF(!site_exists(c, kind), HOOKE_E_NOT_FOUND, "site '%.200s' does not exist in %s: %s", name,
              c->arch->name, why_absent(kind));
    out->kind = (int)kind;
    out->layer = layer;
    return HOOKE_OK;
}

hooke_status site_parse(const struct model_config *c, hooke_site *out, const char *name)
{
    enum site_kind kind;
    int64_t layer;
    const char *rest;
    out->kind = -1;
    out->layer = -1;
    if ((rest = read_layer(name, "blocks.", &layer)) && *rest == '.') {
        RETURN_IF_ERROR(check_layer(c, name, layer));
        if (find_row(c, rest + 1, true, &kind)) return finish(c, out, name, kind, (int)layer);
        return fail_unknown(c, name);
    }
    if (find_row(c, name, false, &kind)) return finish(c, out, name, kind, -1);
    if ((rest = read_layer(name, c->arch->modules.block, &layer))) {
        RETURN_IF_ERROR(check_layer(c, name, layer));
        if (!strcmp(rest, ".input")) return finish(c, out, name, SITE_RESID_PRE, (int)layer);
        if (*rest == 0 || !strcmp(rest, ".output")) return finish(c, out, name, SITE_RESID_POST, (int)layer);
        if (find_block_module(c, rest + 1, &kind)) return finish(c, out, name, kind, (int)layer);
        return fail_unknown(c, name);
    }
    hooke_site found;
    if (!find_model_module(c, name, &found)) return fail_unknown(c, name);
    return finish(c, out, name, (enum site_kind)found.kind, found.layer);
}

/* ---- public ---------------------------------------------------------------------------------------------------------------- */

hooke_status hooke_site_parse(const hooke_model *m, hooke_site *out, const char *name)
{
    RETURN_IF(!m || !out || !name, HOOKE_E_ARGUMENT, "hooke_site_parse: NULL argument");
    return site_parse(&m->config, out, name);
}

hooke_status hooke_site_name(const hooke_model *m, hooke_text *out, hooke_site site)
{
    text_clear(out);
    return site_name(&m->config, out, site);
}

int hooke_site_width(const hooke_model *m, hooke_site site)
{
    return site_valid(&m->config, site) ? site_width(&m->config, (enum site_kind)site.kind) : 0;
}

/* What "*" stands for must not grow by the sites that TransformerLens keeps behind switches, some n_heads times d_model wide. */
static bool glob_reaches(const char *pattern, enum site_kind kind)
{
    size_t n = strlen(pattern), tail = strlen(rows[kind].name);
    return !site_is_opt_in(kind) || (n >= tail && !strcmp(pattern + n - tail, rows[kind].name));
}

static hooke_status match_one(const struct model_config *c, hooke_site *out, int capacity, int *n,
                              const char *pattern, hooke_site site, hooke_text *name)
{
    text_clear(name);
    RETURN_IF_ERROR(site_name(c, name, site));
    if (!glob_match(pattern, name->data)) return HOOKE_OK;
    if (*n < capacity) out[*n] = site;
    (*n)++;
    return HOOKE_OK;
}

static hooke_status match_all(const struct model_config *c, hooke_site *out, int capacity, int *n,
                              const char *pattern, hooke_text *name)
{
    for (int layer = -1; layer <= c->n_layers; layer++)
        for (int k = 0; k < (int)N_SITE_KINDS; k++) {
            bool in_block = layer >= 0 && layer < c->n_layers;
            if (!site_exists(c, (enum site_kind)k) || rows[k].in_block != in_block) continue;
            if (!in_block && (k < (int)SITE_RESID_PRE) != (layer < 0)) continue;
            if (!glob_reaches(pattern, (enum site_kind)k)) continue;
            hooke_site site = { k, in_block ? layer : -1 };
            RETURN_IF_ERROR(match_one(c, out, capacity, n, pattern, site, name));
        }
    return HOOKE_OK;
}

hooke_status hooke_sites_match(const hooke_model *m, hooke_site *out, int capacity, int *n,
                               const char *pattern)
{
    RETURN_IF(!m || !n || !pattern || (capacity > 0 && !out), HOOKE_E_ARGUMENT,
              "hooke_sites_match: NULL argument");
    *n = 0;
    if (!strpbrk(pattern, "*?")) {
        hooke_site one;
        RETURN_IF_ERROR(site_parse(&m->config, &one, pattern));
        if (capacity > 0) out[0] = one;
        *n = 1;
        return HOOKE_OK;
    }
    hooke_text name = { 0 };
    hooke_status st = match_all(&m->config, out, capacity, n, pattern, &name);
    hooke_text_release(&name);
    if (st == HOOKE_OK && *n == 0)
        st = fail(HOOKE_E_NOT_FOUND, "no site of this model matches '%.200s'", pattern);
    return st;
}
