#include "model/weights.h"

#include "file/bytes.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_NAME = 512 };

/* ---- names and shapes ---------------------------------------------------------------------------------------- */

struct shape {
    int n_dims;
    int64_t dim[2];
};

static struct shape vector_of(int64_t n)
{
    return (struct shape){ 1, { n, 0 } };
}

/* A linear map of n_in to n_out, as the architecture stores it. */
static struct shape matrix_of(const struct arch *a, int64_t n_out, int64_t n_in)
{
    return a->in_first ? (struct shape){ 2, { n_in, n_out } } : (struct shape){ 2, { n_out, n_in } };
}

static struct shape matrix_shape(const struct model_config *c, enum weight_role role)
{
    int64_t d = c->d_model, q = (int64_t)c->n_heads * c->d_head, kv = (int64_t)c->n_kv_heads * c->d_head;
    switch ((int)role) {
    case W_EMBED:
    case W_HEAD:
        return (struct shape){ 2, { c->d_vocab, d } };
    case W_POS:
        return (struct shape){ 2, { c->n_ctx, d } };
    case W_Q:
        return matrix_of(c->arch, q, d);
    case W_K:
    case W_V:
        return matrix_of(c->arch, kv, d);
    case W_QKV:
        return matrix_of(c->arch, q + 2 * kv, d);
    case W_O:
        return matrix_of(c->arch, d, q);
    case W_GATE:
    case W_UP:
        return matrix_of(c->arch, c->d_mlp, d);
    case W_DOWN:
        return matrix_of(c->arch, d, c->d_mlp);
    default:
        return vector_of(0);
    }
}

static int64_t vector_size(const struct model_config *c, enum weight_role role)
{
    int64_t q = (int64_t)c->n_heads * c->d_head, kv = (int64_t)c->n_kv_heads * c->d_head;
    switch ((int)role) {
    case W_Q_NORM:
    case W_K_NORM:
        return c->d_head;
    case W_Q_BIAS:
        return q;
    case W_K_BIAS:
    case W_V_BIAS:
        return kv;
    case W_QKV_BIAS:
        return q + 2 * kv;
    case W_UP_BIAS:
        return c->d_mlp;
    case W_FINAL_NORM:
    case W_FINAL_NORM_BIAS:
    case W_LN1:
    case W_LN1_BIAS:
    case W_LN1_POST:
    case W_LN2:
    case W_LN2_BIAS:
    case W_LN2_POST:
    case W_O_BIAS:
    case W_DOWN_BIAS:
        return c->d_model;
    default:
        return 0; /* a matrix */
    }
}

static bool is_wanted(const struct model_config *c, enum weight_role role)
{
    if (!c->arch->tensors[role]) return false;
    switch ((int)role) {
    case W_HEAD:
        return !c->tied;
    case W_Q_BIAS:
    case W_K_BIAS:
    case W_V_BIAS:
    case W_QKV_BIAS:
        return c->qkv_bias;
    case W_O_BIAS:
        return c->o_bias;
    case W_UP_BIAS:
    case W_DOWN_BIAS:
        return c->mlp_bias;
    default:
        return true;
    }
}

/* Looks a name up under every spelling that files of this architecture use. */
static const struct stored_tensor *find_spelled(const struct safetensors *files, const struct arch *a,
                                                const char *name)
{
    const struct stored_tensor *t = safetensors_find(files, name);
    char other[MAX_NAME];
    for (int i = 0; !t && a->prefixes[i]; i++) {
        const char *from = a->prefixes[i], *to = strchr(from, '>') + 1;
        size_t n_from = (size_t)(to - 1 - from);
        if (strncmp(name, from, n_from) != 0) continue;
        snprintf(other, sizeof other, "%s%s", to, name + n_from);
        t = safetensors_find(files, other);
    }
    return t;
}

static void role_name(char out[MAX_NAME], const struct model_config *c, enum weight_role role, int layer)
{
    if (role < FIRST_LAYER_ROLE)
        snprintf(out, MAX_NAME, "%s", c->arch->tensors[role]);
    else
        snprintf(out, MAX_NAME, "%s%d.%s", c->arch->tensor_block, layer, c->arch->tensors[role]);
}

static hooke_status check_tensor(const struct model_config *c, const struct stored_tensor *t,
                                 enum weight_role role, const char *folder)
{
    int64_t n = vector_size(c, role);
    struct shape s = n ? vector_of(n) : matrix_shape(c, role);
    bool same = t->n_dims == s.n_dims;
    for (int i = 0; same && i < s.n_dims; i++) same = t->shape[i] == s.dim[i];
    if (!same) {
        char found[96] = "", *p = found;
        for (int i = 0; i < t->n_dims && p < found + 70; i++)
            p += snprintf(p, 24, i ? ", %" PRId64 : "%" PRId64, t->shape[i]);
        if (s.n_dims == 1)
            return fail(HOOKE_E_SHAPE, "%s: tensor '%s' has shape [%s], config.json asks for [%" PRId64 "]",
                        folder, t->name, found, s.dim[0]);
        return fail(HOOKE_E_SHAPE,
                    "%s: tensor '%s' has shape [%s], config.json asks for [%" PRId64 ", %" PRId64 "]", folder,
                    t->name, found, s.dim[0], s.dim[1]);
    }
    RETURN_IF(t->dtype != DT_F32 && t->dtype != DT_F16 && t->dtype != DT_BF16, HOOKE_E_UNSUPPORTED,
              "%s: tensor '%s' is %s; weights are read as F32, F16 or BF16", folder, t->name, t->dtype_text);
    return HOOKE_OK;
}

/* ---- finding everything ---------------------------------------------------------------------------------------- */

static const struct stored_tensor *found_at(const struct model_weights *w, const struct model_config *c,
                                            enum weight_role role, int layer)
{
    int row = role < FIRST_LAYER_ROLE ? c->n_layers : layer;
    return w->found[(size_t)row * N_WEIGHT_ROLES + role];
}

static hooke_status find_one(struct model_weights *w, const struct model_config *c, enum weight_role role,
                             int layer, const char *folder)
{
    char name[MAX_NAME];
    role_name(name, c, role, layer);
    const struct stored_tensor *t = find_spelled(&w->files, c->arch, name);
    if (!t && role == W_HEAD && c->arch->modules.head_synonym)
        t = find_spelled(&w->files, c->arch, "lm_head.weight");
    RETURN_IF(!t, HOOKE_E_NOT_FOUND, "%s: tensor '%s' is missing", folder, name);
    RETURN_IF_ERROR(check_tensor(c, t, role, folder));
    w->found[(size_t)(role < FIRST_LAYER_ROLE ? c->n_layers : layer) * N_WEIGHT_ROLES + role] = t;
    w->n_params += t->n_items;
    w->n_bytes += (int64_t)t->bytes;
    return HOOKE_OK;
}

static hooke_status find_all(struct model_weights *w, const struct model_config *c, const char *folder)
{
    for (enum weight_role role = 0; role < FIRST_LAYER_ROLE; role++)
        if (is_wanted(c, role)) RETURN_IF_ERROR(find_one(w, c, role, -1, folder));
    for (int layer = 0; layer < c->n_layers; layer++) {
        int64_t before = w->n_bytes;
        for (enum weight_role role = FIRST_LAYER_ROLE; role < N_WEIGHT_ROLES; role++)
            if (is_wanted(c, role)) RETURN_IF_ERROR(find_one(w, c, role, layer, folder));
        if (w->n_bytes - before > w->layer_bytes_max) w->layer_bytes_max = w->n_bytes - before;
    }
    return HOOKE_OK;
}

/* A tensor that nobody asked for may change the numbers: only the known harmless ones are passed over. */
static hooke_status refuse_unexpected(const struct model_weights *w, const struct model_config *c,
                                      const char *folder)
{
    size_t n_found = (size_t)(c->n_layers + 1) * N_WEIGHT_ROLES;
    bool *is_used;
    RETURN_IF_ERROR(mem_take((void **)&is_used, (size_t)w->files.n_tensors, sizeof *is_used, "tensor marks"));
    for (size_t i = 0; i < n_found; i++)
        if (w->found[i]) is_used[w->found[i] - w->files.tensors] = true;
    const char *extra = NULL;
    for (int i = 0; i < w->files.n_tensors && !extra; i++) {
        const char *name = w->files.tensors[i].name;
        bool fine =
            is_used[i] ||
            (c->tied && (glob_match("*lm_head.weight", name) || glob_match("*embed_out.weight", name)));
        for (int g = 0; !fine && c->arch->ignored[g]; g++) fine = glob_match(c->arch->ignored[g], name);
        if (!fine) extra = name;
    }
    mem_free(is_used);
    RETURN_IF(extra, HOOKE_E_UNSUPPORTED, "%s: tensor '%s' is not one that architecture %s has here", folder,
              extra, c->arch->name);
    return HOOKE_OK;
}

/* A tied model's file may hold the output matrix as well. The embedding is used; do both look the same? Their ends are compared:
 * all of it would read the largest tensor twice. */
static bool head_looks_other(const struct model_weights *w, const struct model_config *c)
{
    const struct stored_tensor *head = find_spelled(&w->files, c->arch, c->arch->tensors[W_HEAD]);
    const struct stored_tensor *embed = found_at(w, c, W_EMBED, -1);
    if (!c->tied || !head) return false;
    size_t n = head->bytes < 65536 ? head->bytes : 65536;
    if (head->bytes != embed->bytes || memcmp(head->data, embed->data, n) != 0) return true;
    return memcmp((const char *)head->data + head->bytes - n, (const char *)embed->data + embed->bytes - n,
                  n) != 0;
}

static hooke_status open_files(struct model_weights *w, const char *folder)
{
    static const char *const names[] = { "model.safetensors", "model.safetensors.index.json" };
    hooke_text path = { 0 };
    hooke_status st = HOOKE_OK;
    for (int i = 0; i < 2; i++) {
        if ((st = path_join(&path, folder, names[i])) != HOOKE_OK) goto end;
        if (file_exists(path.data)) {
            st = safetensors_open(&w->files, path.data);
            goto end;
        }
    }
    st = fail(HOOKE_E_NOT_FOUND, "%s: no model.safetensors and no model.safetensors.index.json", folder);
end:
    hooke_text_release(&path);
    return st;
}

/* ---- vectors ------------------------------------------------------------------------------------------------------- */

/* Host staging of all vectors: filled once, stored on the device in one piece. */
struct vectors {
    float *host; /* [n] */
    const float *device;
    int64_t n, used;
};

static hooke_status check_finite(const float *x, const struct stored_tensor *t, const char *folder)
{
    for (int64_t i = 0; i < t->n_items; i++)
        RETURN_IF(!isfinite(x[i]), HOOKE_E_FORMAT, "%s: tensor '%s' holds %s at %" PRId64, folder, t->name,
                  isnan(x[i]) ? "NaN" : "an infinity", i);
    return HOOKE_OK;
}

/* Rows (head, component, dim) to (component, head, dim). */
static void gather_vector(float *out, const float *in, const struct model_config *c)
{
    int64_t width = (int64_t)c->n_heads * c->d_head;
    for (int64_t h = 0; h < c->n_heads; h++)
        for (int64_t part = 0; part < 3; part++)
            memcpy(out + part * width + h * c->d_head, in + (h * 3 + part) * c->d_head,
                   (size_t)c->d_head * sizeof *out);
}

/* Takes over one vector; *out points to its place on the device (NULL when the model has none). */
static hooke_status take_vector(struct vectors *v, const float **out, const struct model_weights *w,
                                const struct model_config *c, enum weight_role role, int layer,
                                const char *folder)
{
    const struct stored_tensor *t = found_at(w, c, role, layer);
    *out = NULL;
    if (!t) return HOOKE_OK;
    float *x = v->host + v->used;
    RETURN_IF_ERROR(stored_to_f32(x, t, 0, t->n_items));
    RETURN_IF_ERROR(check_finite(x, t, folder));
    bool is_gain = role == W_FINAL_NORM || role == W_LN1 || role == W_LN1_POST || role == W_LN2 ||
                   role == W_LN2_POST || role == W_Q_NORM || role == W_K_NORM;
    if (is_gain && c->arch->gain_plus_one)
        for (int64_t i = 0; i < t->n_items; i++) x[i] += 1;
    if (role == W_QKV_BIAS && c->arch->qkv == QKV_PER_HEAD) {
        /* The staging has room behind: the vector is written twice as long as it is, then folded back. */
        gather_vector(x + t->n_items, x, c);
        memcpy(x, x + t->n_items, (size_t)t->n_items * sizeof *x);
    }
    *out = v->device + v->used;
    v->used += t->n_items;
    return HOOKE_OK;
}

static hooke_status take_norm(struct vectors *v, struct norm *norm, const struct model_weights *w,
                              const struct model_config *c, enum weight_role gain, int bias /* or -1 */,
                              int layer, const char *folder)
{
    norm->kind = c->arch->norm;
    norm->eps = c->norm_eps;
    RETURN_IF_ERROR(take_vector(v, &norm->gain, w, c, gain, layer, folder));
    return bias < 0 ? HOOKE_OK : take_vector(v, &norm->bias, w, c, (enum weight_role)bias, layer, folder);
}

static hooke_status take_layer_vectors(struct vectors *v, struct layer_weights *l,
                                       const struct model_weights *w, const struct model_config *c, int i,
                                       const char *folder)
{
    const float *fused;
    RETURN_IF_ERROR(take_norm(v, &l->ln1, w, c, W_LN1, W_LN1_BIAS, i, folder));
    RETURN_IF_ERROR(take_norm(v, &l->ln2, w, c, W_LN2, W_LN2_BIAS, i, folder));
    RETURN_IF_ERROR(take_norm(v, &l->ln1_post, w, c, W_LN1_POST, -1, i, folder));
    RETURN_IF_ERROR(take_norm(v, &l->ln2_post, w, c, W_LN2_POST, -1, i, folder));
    RETURN_IF_ERROR(take_norm(v, &l->q_norm, w, c, W_Q_NORM, -1, i, folder));
    RETURN_IF_ERROR(take_norm(v, &l->k_norm, w, c, W_K_NORM, -1, i, folder));
    RETURN_IF_ERROR(take_vector(v, &l->q.bias, w, c, W_Q_BIAS, i, folder));
    RETURN_IF_ERROR(take_vector(v, &l->k.bias, w, c, W_K_BIAS, i, folder));
    RETURN_IF_ERROR(take_vector(v, &l->v.bias, w, c, W_V_BIAS, i, folder));
    RETURN_IF_ERROR(take_vector(v, &fused, w, c, W_QKV_BIAS, i, folder));
    if (fused) {
        int64_t width = (int64_t)c->n_heads * c->d_head;
        l->q.bias = fused;
        l->k.bias = fused + width;
        l->v.bias = fused + 2 * width;
    }
    RETURN_IF_ERROR(take_vector(v, &l->o.bias, w, c, W_O_BIAS, i, folder));
    RETURN_IF_ERROR(take_vector(v, &l->up.bias, w, c, W_UP_BIAS, i, folder));
    return take_vector(v, &l->down.bias, w, c, W_DOWN_BIAS, i, folder);
}

static hooke_status load_vectors(struct model_weights *w, struct exec *ex, const struct model_config *c,
                                 const char *folder)
{
    struct vectors v = { 0 };
    hooke_status st;
    size_t n_found = (size_t)(c->n_layers + 1) * N_WEIGHT_ROLES;
    for (size_t i = 0; i < n_found; i++)
        if (w->found[i] && w->found[i]->n_dims == 1) v.n += w->found[i]->n_items;
    int64_t room = v.n + 3 * (int64_t)c->n_heads * c->d_head; /* see take_vector() */
    if ((st = mem_take((void **)&v.host, (size_t)room, sizeof(float), "norm gains and biases")) != HOOKE_OK)
        return st;
    if ((st = ex->ops->alloc(ex, &w->vectors, (size_t)v.n * sizeof(float))) != HOOKE_OK) goto end;
    v.device = w->vectors.data;
    if ((st = take_norm(&v, &w->final_norm, w, c, W_FINAL_NORM, W_FINAL_NORM_BIAS, -1, folder)) != HOOKE_OK)
        goto end;
    for (int i = 0; i < c->n_layers; i++)
        if ((st = take_layer_vectors(&v, &w->layers[i], w, c, i, folder)) != HOOKE_OK) goto end;
    struct mat all = mat_f32(w->vectors.data, 1, v.n, v.n);
    st = ex->ops->store(ex, &all, v.host, v.n);
end:
    mem_free(v.host);
    return st;
}

/* ---- matrices -------------------------------------------------------------------------------------------------------- */

/* Makes a stored matrix usable. The mapping is read-only, and stays so: weights are only ever read through these views.
 * *copy receives host memory when the bytes lie unaligned. */
static hooke_status place_stored(struct mat *out, struct buffer *placed, void **copy, struct exec *ex,
                                 const struct stored_tensor *t)
{
    struct mat host = { .dtype = t->dtype, .rows = t->shape[0], .cols = t->shape[1], .ld = t->shape[1] };
    union {
        const void *in;
        void *out;
    } bytes = { .in = t->data };
    if ((uintptr_t)t->data % dtype_bytes(t->dtype) != 0) {
        *copy = mem_alloc_raw(t->bytes, 1);
        RETURN_IF(!*copy, HOOKE_E_MEMORY, "no memory for a copy of tensor '%s' (%zu bytes)", t->name,
                  t->bytes);
        memcpy(*copy, t->data, t->bytes);
        bytes.out = *copy;
    }
    host.data = bytes.out;
    return ex->ops->place(ex, out, placed, &host);
}

/* GPT-NeoX: rows (head, component, dim) gathered to (component, head, dim). */
static hooke_status gather_fused(struct layer_weights *l, const struct stored_tensor *t,
                                 const struct model_config *c)
{
    size_t row = (size_t)t->shape[1] * dtype_bytes(t->dtype), head = row * (size_t)c->d_head;
    l->gathered = mem_alloc_raw(t->bytes, 1);
    RETURN_IF(!l->gathered, HOOKE_E_MEMORY, "no memory to sort tensor '%s' (%zu bytes)", t->name, t->bytes);
    for (size_t h = 0; h < (size_t)c->n_heads; h++)
        for (size_t part = 0; part < 3; part++)
            memcpy((char *)l->gathered + (part * (size_t)c->n_heads + h) * head,
                   (const char *)t->data + (h * 3 + part) * head, head);
    return HOOKE_OK;
}

static void drop_tensor(const struct model_weights *w, const struct stored_tensor *t)
{
    const struct mapped_file *f = &w->files.files[t->file];
    map_drop(f, (size_t)((const unsigned char *)t->data - f->data), t->bytes);
}

/* Three views of the fused matrix: rows of the gathered one, or columns of GPT-2's. */
static hooke_status place_fused(struct layer_weights *l, struct model_weights *w, struct exec *ex,
                                const struct model_config *c, const struct stored_tensor *t)
{
    int64_t width = (int64_t)c->n_heads * c->d_head;
    struct weight *part[3] = { &l->q, &l->k, &l->v };
    struct mat all = { 0 };
    if (c->arch->qkv == QKV_PER_HEAD) {
        RETURN_IF_ERROR(gather_fused(l, t, c));
        struct mat host = { .data = l->gathered,
                            .dtype = t->dtype,
                            .rows = t->shape[0],
                            .cols = t->shape[1],
                            .ld = t->shape[1] };
        RETURN_IF_ERROR(ex->ops->place(ex, &all, &l->placed[0], &host));
        drop_tensor(w, t);
    } else {
        RETURN_IF_ERROR(place_stored(&all, &l->placed[0], &l->gathered, ex, t));
    }
    for (int i = 0; i < 3; i++) {
        size_t skip = (size_t)i * (size_t)width * dtype_bytes(all.dtype);
        bool columns = c->arch->qkv == QKV_THIRDS;
        part[i]->m = all;
        part[i]->m.data = (char *)all.data + (columns ? skip : skip * (size_t)all.ld);
        part[i]->m.rows = columns ? all.rows : width;
        part[i]->m.cols = columns ? width : all.cols;
        part[i]->in_first = columns;
    }
    return HOOKE_OK;
}

/* Unaligned matrices of a layer are copied into the slot's buffer on the host. */
static hooke_status place_weight(struct weight *out, struct layer_weights *l, int slot, struct exec *ex,
                                 const struct model_config *c, const struct stored_tensor *t)
{
    void *copy = NULL;
    if (!t) return HOOKE_OK;
    hooke_status st = place_stored(&out->m, &l->placed[slot], &copy, ex, t);
    out->in_first = c->arch->in_first;
    l->copies[slot] = copy;
    return st;
}

static hooke_status place_layer(struct model_weights *w, struct exec *ex, const struct model_config *c, int i)
{
    struct layer_weights *l = &w->layers[i];
    const struct stored_tensor **t = w->found + (size_t)i * N_WEIGHT_ROLES;
    if (t[W_QKV]) RETURN_IF_ERROR(place_fused(l, w, ex, c, t[W_QKV]));
    RETURN_IF_ERROR(place_weight(&l->q, l, 1, ex, c, t[W_Q]));
    RETURN_IF_ERROR(place_weight(&l->k, l, 2, ex, c, t[W_K]));
    RETURN_IF_ERROR(place_weight(&l->v, l, 3, ex, c, t[W_V]));
    RETURN_IF_ERROR(place_weight(&l->o, l, 4, ex, c, t[W_O]));
    RETURN_IF_ERROR(place_weight(&l->gate, l, 5, ex, c, t[W_GATE]));
    RETURN_IF_ERROR(place_weight(&l->up, l, 6, ex, c, t[W_UP]));
    return place_weight(&l->down, l, 7, ex, c, t[W_DOWN]);
}

static void release_layer(struct layer_weights *l, struct exec *ex)
{
    for (int i = 0; i < 8; i++) {
        ex->ops->release(ex, &l->placed[i]);
        mem_free(l->copies[i]);
        l->copies[i] = NULL;
    }
    mem_free(l->gathered);
    l->gathered = NULL;
    l->is_ready = false;
}

hooke_status weights_ready(struct model_weights *w, struct exec *ex, const struct model_config *cfg, int i)
{
    if (w->layers[i].is_ready) return HOOKE_OK;
    hooke_status st = place_layer(w, ex, cfg, i);
    if (st != HOOKE_OK) release_layer(&w->layers[i], ex);
    w->layers[i].is_ready = st == HOOKE_OK;
    return st;
}

/* ---- pages ------------------------------------------------------------------------------------------------------------- */

void weights_drop_layer(struct model_weights *w, struct exec *ex, int i)
{
    release_layer(&w->layers[i], ex);
    for (int role = (int)FIRST_LAYER_ROLE; role < (int)N_WEIGHT_ROLES; role++) {
        const struct stored_tensor *t = w->found[(size_t)i * N_WEIGHT_ROLES + (size_t)role];
        if (t && t->n_dims == 2) drop_tensor(w, t);
    }
}

void weights_prefetch_layer(const struct model_weights *w, int i)
{
    for (int role = (int)FIRST_LAYER_ROLE; role < (int)N_WEIGHT_ROLES; role++) {
        const struct stored_tensor *t = w->found[(size_t)i * N_WEIGHT_ROLES + (size_t)role];
        if (!t || t->n_dims != 2) continue;
        const struct mapped_file *f = &w->files.files[t->file];
        map_will_need(f, (size_t)((const unsigned char *)t->data - f->data), t->bytes);
    }
}

void weights_drop_rows(const struct model_weights *w, const struct model_config *c, bool is_head,
                       int64_t first, int64_t n)
{
    const struct stored_tensor *t = found_at(w, c, is_head && !c->tied ? W_HEAD : W_EMBED, -1);
    size_t row = (size_t)c->d_model * dtype_bytes(t->dtype);
    const struct mapped_file *f = &w->files.files[t->file];
    map_drop(f, (size_t)((const unsigned char *)t->data - f->data) + (size_t)first * row, (size_t)n * row);
}

/* ---- all of it ----------------------------------------------------------------------------------------------------------- */

static hooke_status place_model(struct model_weights *w, struct exec *ex, const struct model_config *c)
{
    const struct stored_tensor *embed = found_at(w, c, W_EMBED, -1), *pos = found_at(w, c, W_POS, -1);
    w->dtype = embed->dtype;
    RETURN_IF_ERROR(place_stored(&w->embed.m, &w->placed[0], &w->copies[0], ex, embed));
    if (pos) RETURN_IF_ERROR(place_stored(&w->pos, &w->placed[1], &w->copies[1], ex, pos));
    w->head = w->embed;
    return c->tied ? HOOKE_OK
                   : place_stored(&w->head.m, &w->placed[2], &w->copies[2], ex, found_at(w, c, W_HEAD, -1));
}

hooke_status weights_open(struct model_weights *w, struct exec *ex, const struct model_config *cfg,
                          const char *folder)
{
    memset(w, 0, sizeof *w);
    RETURN_IF_ERROR(mem_take((void **)&w->layers, (size_t)cfg->n_layers, sizeof *w->layers, "layers"));
    RETURN_IF_ERROR(mem_take((void **)&w->found, (size_t)(cfg->n_layers + 1) * N_WEIGHT_ROLES,
                             sizeof *w->found, "tensor table"));
    RETURN_IF_ERROR(open_files(w, folder));
    RETURN_IF_ERROR(find_all(w, cfg, folder));
    RETURN_IF_ERROR(refuse_unexpected(w, cfg, folder));
    w->other_head = head_looks_other(w, cfg);
    RETURN_IF_ERROR(load_vectors(w, ex, cfg, folder));
    return place_model(w, ex, cfg);
}

void weights_close(struct model_weights *w, struct exec *ex, const struct model_config *cfg)
{
    for (int i = 0; w->layers && i < cfg->n_layers; i++) release_layer(&w->layers[i], ex);
    for (int i = 0; i < 3; i++) {
        ex->ops->release(ex, &w->placed[i]);
        mem_free(w->copies[i]);
    }
    ex->ops->release(ex, &w->vectors);
    mem_free(w->layers);
    mem_free(w->found);
    safetensors_close(&w->files);
    memset(w, 0, sizeof *w);
}
