/* write_sparsify.c: cfg.json and sae.safetensors. Only what keeps the k largest fits. */
#include "dict/write.h"

#include "file/json.h"

hooke_status sparsify_check(struct writing *w)
{
    const struct hooke_dict *d = w->d;
    bool groups = d->arch->rule == RULE_GROUP_MAX,
         topk = d->arch->rule == RULE_TILES && d->arch->select == SELECT_TOPK;
    if (!groups && !topk) return writing_cannot(w, "sparsify");
    RETURN_IF_ERROR(writing_common_losses(w, "sparsify", true));
    w->architecture = groups ? "groupmax" : "topk";
    w->subtracts_b_dec = !d->info.is_transcoder;
    if (d->info.hook_head_index >= 0)
        writing_lose(w, "hook_head_index", true, "the head, %d", d->info.hook_head_index);
    writing_lose(w, "site", true, "the site '%s': sparsify knows it by the folder's name", d->info.site);
    if (d->info.prepend_bos) writing_lose(w, "prepend_bos", true, "that BOS is put before a context");
    return HOOKE_OK;
}

static hooke_status put_config(const struct writing *w)
{
    const hooke_dict_info *i = &w->d->info;
    hooke_text text = { 0 };
    struct json_writer j;
    jw_init(&j, &text, 0);
    jw_object(&j);
    jw_key_string(&j, "activation", w->architecture);
    jw_key_int(&j, "expansion_factor", i->d_dict >= i->d_in ? i->d_dict / i->d_in : 1);
    jw_key_bool(&j, "normalize_decoder", false);
    jw_key_int(&j, "num_latents", i->d_dict);
    jw_key_int(&j, "k", (int64_t)w->d->config.k);
    jw_key_bool(&j, "multi_topk", false);
    jw_key_bool(&j, "skip_connection", i->has_skip);
    jw_key_bool(&j, "transcode", i->is_transcoder);
    jw_key_int(&j, "d_in", i->d_in);
    jw_key(&j, "metadata"), writing_metadata(w, &j);
    jw_end_object(&j);
    hooke_status st = j.status == HOOKE_OK ? text_puts(&text, "\n") : j.status;
    if (st == HOOKE_OK) st = writing_put_text(w, "cfg.json", &text);
    hooke_text_release(&text);
    return st;
}

hooke_status sparsify_put(struct writing *w)
{
    static const char *const metadata[] = { "format", "pt", NULL };
    RETURN_IF_ERROR(folded_matrix(w, "encoder.weight", P_W_ENC, true));
    RETURN_IF_ERROR(folded_b_enc(w, "encoder.bias"));
    RETURN_IF_ERROR(folded_matrix(w, "W_dec", P_W_DEC, true));
    RETURN_IF_ERROR(folded_b_dec(w, "b_dec"));
    if (w->d->info.has_skip) RETURN_IF_ERROR(folded_skip(w, "W_skip"));
    RETURN_IF_ERROR(writing_put_safetensors(w, "sae.safetensors", metadata));
    return put_config(w);
}
