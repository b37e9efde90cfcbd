#include "cli/measure.h"

#include <math.h>
#include <stdio.h>

enum { CONTEXT = 128, CONTEXTS_A_BATCH = 8, BATCHES = 4 };
/* Another text than the published value's may move L0 so far, no further: then site, model, scale or BOS rule are others. */
static const double L0_FACTOR = 2.0, VARIANCE_LESS = 0.2;

struct measured {
    double l0, variance;                     /* here */
    double published_l0, published_variance; /* NaN: not said */
};

static int evaluate(struct session *s, struct measured *m)
{
    const hooke_dict_info *d = hooke_dict_get_info(s->dict);
    hooke_core_result *result = NULL;
    hooke_text path = { 0 };
    int n_ctx = hooke_model_get_info(s->model)->n_ctx;
    hooke_status st = hooke_asset(&path, "data/micro/text.jsonl.gz");
    hooke_core_options o = { .size = sizeof o,
                             .batch_size_prompts = CONTEXTS_A_BATCH,
                             .n_eval_reconstruction_batches = 1,
                             .n_eval_sparsity_variance_batches = BATCHES,
                             .context_size = n_ctx < CONTEXT ? n_ctx : CONTEXT,
                             .dataset = path.data };
    if (!st) st = hooke_eval_core(&result, s->model, s->dict, &o);
    hooke_text_release(&path);
    if (st) return failed_call(st, "measure", NULL);
    const hooke_core_metrics *c = hooke_core_get_metrics(result);
    *m =
        (struct measured){ c->l0, c->explained_variance_exact, d->origin->l0, d->origin->variance_explained };
    if (!(m->published_l0 > 0)) m->published_l0 = d->expected_l0 > 0 ? (double)d->expected_l0 : (double)NAN;
    hooke_core_close(result);
    return 0;
}

static void print_one(const char *name, double here, double published)
{
    printf("%s: %.4g on the embedded text, ", name, here);
    if (isnan(published))
        puts("none published");
    else
        printf("%.4g published\n", published);
}

int measure_dict(struct session *s, struct json_out *j)
{
    struct measured m = { 0 };
    int code = session_model(s);
    if (!code) code = evaluate(s, &m);
    if (code) return code;
    if (s->opt.json) {
        emit_begin(j, "measured", '{');
        emit_real(j, "l0", m.l0);
        emit_real(j, "explained_variance", m.variance);
        emit_real(j, "published_l0", m.published_l0);
        emit_real(j, "published_explained_variance", m.published_variance);
        emit_end(j);
    } else {
        print_one("L0", m.l0, m.published_l0);
        print_one("explained variance", m.variance, m.published_variance);
    }
    bool far = m.l0 > L0_FACTOR * m.published_l0 || m.l0 < m.published_l0 / L0_FACTOR ||
               m.variance < m.published_variance - VARIANCE_LESS;
    return far ? failed("measure", "look at its model, site, BOS rule and scale",
                        "L0 %.4g and explained variance %.4g are far from what was published", m.l0,
                        m.variance)
               : 0;
}
