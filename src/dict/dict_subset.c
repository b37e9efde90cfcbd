/* dict_subset.c: the encoder of a few features. Their columns of W_enc are gathered once and kept until another subset is asked
 * for, so that watching one feature does not cost a product over the whole width. Only where features decide alone: top-k needs
 * all of them. */
#include "dict/dict.h"

#include <string.h>

bool dict_subset_is_narrow(const struct hooke_dict *d, const hooke_feature_set *subset)
{
    /* Past an eighth of the width the gathered copy costs more memory than the product saves time. */
    bool alone =
        d->arch->rule == RULE_TILES && d->arch->select != SELECT_TOPK && d->arch->select != SELECT_BATCH_TOPK;
    return alone && subset && subset->n > 0 && subset->n <= d->info.d_dict / 8;
}

void dict_subset_release(struct hooke_dict *d)
{
    struct dict_subset *s = &d->subset;
    struct dict_vector *vectors[] = { &s->b_enc, &s->threshold, &s->b_gate, &s->b_mag, &s->mag_scale };
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) dict_vector_release(d, vectors[i]);
    if (s->on_device.data) d->ctx->exec.ops->release(&d->ctx->exec, &s->on_device);
    mem_free(s->w_enc);
    mem_free(s->features);
    *s = (struct dict_subset){ 0 };
}

static hooke_status gather_vector(struct hooke_dict *d, struct dict_vector *out,
                                  const struct dict_vector *from)
{
    const struct dict_subset *s = &d->subset;
    if (!from->data) return HOOKE_OK;
    float *data = mem_alloc((size_t)s->n, sizeof *data);
    RETURN_IF(!data, HOOKE_E_MEMORY, "%s: out of memory for a feature subset", d->info.path);
    for (int i = 0; i < s->n; i++) data[i] = from->data[s->features[i]];
    return dict_vector_place(d, out, data, s->n);
}

static hooke_status gather_encoder(struct hooke_dict *d)
{
    struct dict_subset *s = &d->subset;
    struct exec *ex = &d->ctx->exec;
    s->w_enc = mem_alloc_raw((size_t)s->n * (size_t)d->info.d_in, sizeof *s->w_enc);
    RETURN_IF(!s->w_enc, HOOKE_E_MEMORY, "%s: out of memory for a feature subset", d->info.path);
    for (int i = 0; i < s->n; i++)
        RETURN_IF_ERROR(
            dict_feature_rows(&d->w_enc, s->features[i], 1, s->w_enc + (int64_t)i * d->info.d_in));
    struct mat host = mat_f32(s->w_enc, s->n, d->info.d_in, d->info.d_in);
    return ex->ops->place(ex, &s->w.m, &s->on_device, &host);
}

static hooke_status gather_all(struct hooke_dict *d, const hooke_feature_set *subset)
{
    struct dict_subset *s = &d->subset;
    s->features = mem_alloc((size_t)subset->n, sizeof *s->features);
    RETURN_IF(!s->features, HOOKE_E_MEMORY, "%s: out of memory for a feature subset", d->info.path);
    memcpy(s->features, subset->features, (size_t)subset->n * sizeof *s->features);
    s->n = subset->n;
    RETURN_IF_ERROR(gather_encoder(d));
    RETURN_IF_ERROR(gather_vector(d, &s->b_enc, &d->b_enc));
    RETURN_IF_ERROR(gather_vector(d, &s->threshold, &d->threshold));
    RETURN_IF_ERROR(gather_vector(d, &s->b_gate, &d->b_gate));
    RETURN_IF_ERROR(gather_vector(d, &s->b_mag, &d->b_mag));
    RETURN_IF_ERROR(gather_vector(d, &s->mag_scale, &d->mag_scale));
    s->w.bias = s->b_enc.device;
    return HOOKE_OK;
}

hooke_status dict_subset_prepare(struct hooke_dict *d, const hooke_feature_set *subset)
{
    const struct dict_subset *s = &d->subset;
    if (s->n == subset->n && memcmp(s->features, subset->features, (size_t)s->n * sizeof *s->features) == 0)
        return HOOKE_OK;
    dict_subset_release(d);
    hooke_status st = gather_all(d, subset);
    if (st != HOOKE_OK) dict_subset_release(d);
    return st;
}
