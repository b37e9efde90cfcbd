/* write_gemma_scope.c: params.npz as Gemma Scope 1 has it: JumpReLU, b_dec not taken off the input. What the published files leave
 * to their path (model, site, layer) goes into a metadata.json beside it. */
#include "dict/write.h"

#include "file/json.h"

hooke_status gemma_scope_check(struct writing *w)
{
    const struct hooke_dict *d = w->d;
    bool fits =
        d->arch->rule == RULE_TILES && d->arch->select != SELECT_TOPK && d->arch->select != SELECT_BATCH_TOPK;
    if (!fits) return writing_cannot(w, "Gemma Scope");
    RETURN_IF_ERROR(writing_common_losses(w, "Gemma Scope", false));
    w->architecture = d->info.is_transcoder ? "jumprelu_transcoder" : "jumprelu";
    w->as_threshold = w->float32_only = true;
    if (d->info.site[0])
        writing_lose(w, "site", true, "the site '%s' and the model: published files leave both to their path",
                     d->info.site);
    if (d->info.hook_head_index >= 0)
        writing_lose(w, "hook_head_index", true, "the head, %d", d->info.hook_head_index);
    if (!d->info.prepend_bos) writing_lose(w, "prepend_bos", true, "that no BOS is put before a context");
    return HOOKE_OK;
}

/* The keys that hooke reads there. */
static void put_keys(const struct writing *w, struct json_writer *j)
{
    const hooke_dict_info *i = &w->d->info;
    jw_key_string(j, "model", i->model_name[0] ? i->model_name : NULL);
    jw_key_string(j, "hook_name", i->site[0] ? i->site : NULL);
    if (i->is_transcoder) jw_key_string(j, "hook_name_out", i->site_out);
    if (i->hook_head_index >= 0) jw_key_int(j, "hook_head_index", i->hook_head_index);
    jw_key_string(j, "architecture", w->architecture);
    if (i->expected_l0 > 0) {
        jw_key(j, "average_l0");
        jw_real_f32(j, i->expected_l0);
    }
    jw_key_int(j, "context_size", i->context_size);
    jw_key_bool(j, "prepend_bos", i->prepend_bos);
    if (i->center_input) jw_key_bool(j, "center_writing_weights", true);
    writing_source(w, j);
    jw_key_string(j, "source_architecture", i->architecture);
}

static hooke_status put_metadata(const struct writing *w)
{
    hooke_text text = { 0 };
    struct json_writer j;
    jw_init(&j, &text, 2);
    jw_object(&j);
    put_keys(w, &j);
    jw_end_object(&j);
    hooke_status st = j.status == HOOKE_OK ? text_puts(&text, "\n") : j.status;
    if (st == HOOKE_OK) st = writing_put_text(w, "metadata.json", &text);
    hooke_text_release(&text);
    return st;
}

hooke_status gemma_scope_put(struct writing *w)
{
    hooke_text file = { 0 };
    RETURN_IF_ERROR(folded_matrix(w, "W_enc", P_W_ENC, false));
    RETURN_IF_ERROR(folded_matrix(w, "W_dec", P_W_DEC, true));
    RETURN_IF_ERROR(folded_b_enc(w, "b_enc"));
    RETURN_IF_ERROR(folded_b_dec(w, "b_dec"));
    RETURN_IF_ERROR(folded_threshold(w, "threshold"));
    hooke_status st = path_join(&file, w->path, "params.npz");
    if (st == HOOKE_OK) st = npz_write(file.data, w->tensors, w->n_tensors);
    if (st == HOOKE_OK) st = put_metadata(w);
    hooke_text_release(&file);
    return st;
}
