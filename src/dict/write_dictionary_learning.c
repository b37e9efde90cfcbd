/* write_dictionary_learning.c: ae.pt, a state dict, and config.json, whose trainer.dict_class says how to read it.
 *
 *   standard  AutoEncoder where decoder rows have length 1 (its loader scales others to that, and the codes with them), else
 *             AutoEncoderNew, which leaves b_dec on the input
 *   jumprelu  JumpReluAutoEncoder        gated  GatedAutoEncoder        topk  AutoEncoderTopK */
#include "dict/write.h"

#include <string.h>

#include "file/json.h"
#include "file/torch_write.h"

hooke_status dictionary_learning_check(struct writing *w)
{
    const struct hooke_dict *d = w->d;
    if (d->arch->rule != RULE_TILES || d->arch->select == SELECT_BATCH_TOPK)
        return writing_cannot(w, "dictionary_learning");
    RETURN_IF_ERROR(writing_common_losses(w, "dictionary_learning", false));
    bool unit = false;
    if (d->arch->select == SELECT_RELU) RETURN_IF_ERROR(folded_rows_are_unit(w, &unit));
    bool plain = d->arch->select == SELECT_RELU && d->info.apply_b_dec_to_input && unit;
    w->architecture = d->arch->select == SELECT_TOPK        ? "AutoEncoderTopK"
                      : d->arch->select == SELECT_GATED     ? "GatedAutoEncoder"
                      : d->arch->select == SELECT_THRESHOLD ? "JumpReluAutoEncoder"
                      : plain                               ? "AutoEncoder"
                                                            : "AutoEncoderNew";
    w->subtracts_b_dec = plain || d->arch->select == SELECT_TOPK || d->arch->select == SELECT_GATED;
    if (d->info.is_transcoder)
        writing_lose(w, "transcoder", false, "that reconstructions belong to another site, '%s'",
                     d->info.site_out);
    if (d->info.hook_head_index >= 0)
        writing_lose(w, "hook_head_index", true, "the head, %d", d->info.hook_head_index);
    if (d->info.prepend_bos) writing_lose(w, "prepend_bos", true, "that BOS is put before a context");
    return HOOKE_OK;
}

/* ---- ae.pt ---- */

static hooke_status put_topk(struct writing *w)
{
    int32_t k = (int32_t)w->d->config.k;
    float never_set = -1;
    RETURN_IF_ERROR(folded_matrix(w, "encoder.weight", P_W_ENC, true));
    RETURN_IF_ERROR(folded_b_enc(w, "encoder.bias"));
    RETURN_IF_ERROR(folded_matrix(w, "decoder.weight", P_W_DEC, false));
    RETURN_IF_ERROR(folded_b_dec(w, "b_dec"));
    RETURN_IF_ERROR(put_numbers(w, "k", "I32", 0, 1, &k));
    return put_numbers(w, "threshold", "F32", 0, 1, &never_set);
}

static hooke_status put_gated(struct writing *w)
{
    RETURN_IF_ERROR(folded_b_dec(w, "decoder_bias"));
    RETURN_IF_ERROR(folded_matrix(w, "encoder.weight", P_W_ENC, true));
    RETURN_IF_ERROR(folded_gate(w, "r_mag", P_R_MAG));
    RETURN_IF_ERROR(folded_gate(w, "gate_bias", P_B_GATE));
    RETURN_IF_ERROR(folded_gate(w, "mag_bias", P_B_MAG));
    return folded_matrix(w, "decoder.weight", P_W_DEC, false);
}

static hooke_status put_threshold(struct writing *w)
{
    RETURN_IF_ERROR(folded_matrix(w, "W_enc", P_W_ENC, false));
    RETURN_IF_ERROR(folded_b_enc(w, "b_enc"));
    RETURN_IF_ERROR(folded_matrix(w, "W_dec", P_W_DEC, true));
    RETURN_IF_ERROR(folded_b_dec(w, "b_dec"));
    return folded_threshold(w, "threshold");
}

static hooke_status put_relu(struct writing *w)
{
    bool is_new = strcmp(w->architecture, "AutoEncoderNew") == 0;
    RETURN_IF_ERROR(folded_matrix(w, "encoder.weight", P_W_ENC, true));
    RETURN_IF_ERROR(folded_b_enc(w, "encoder.bias"));
    RETURN_IF_ERROR(folded_matrix(w, "decoder.weight", P_W_DEC, false));
    return folded_b_dec(w, is_new ? "decoder.bias" : "bias");
}

static hooke_status put_weights(struct writing *w)
{
    enum select_kind select = w->d->arch->select;
    hooke_text file = { 0 };
    RETURN_IF_ERROR(select == SELECT_TOPK        ? put_topk(w)
                    : select == SELECT_GATED     ? put_gated(w)
                    : select == SELECT_THRESHOLD ? put_threshold(w)
                                                 : put_relu(w));
    hooke_status st = path_join(&file, w->path, "ae.pt");
    if (st == HOOKE_OK) st = torch_write(file.data, w->tensors, w->n_tensors);
    hooke_text_release(&file);
    return st;
}

/* ---- config.json ---- */

static const char *trainer_of(const char *dict_class)
{
    static const char *const table[][2] = { { "AutoEncoderTopK", "TopKTrainer" },
                                            { "GatedAutoEncoder", "GatedSAETrainer" },
                                            { "JumpReluAutoEncoder", "JumpReluTrainer" },
                                            { "AutoEncoder", "StandardTrainer" },
                                            { "AutoEncoderNew", "StandardTrainerAprilUpdate" } };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i][0], dict_class) == 0) return table[i][1];
    return "StandardTrainer";
}

static void put_trainer(const struct writing *w, struct json_writer *j)
{
    const hooke_dict_info *i = &w->d->info;
    int layer = writing_layer(i->site);
    hooke_text name = { 0 };
    bool resid = strstr(i->site, "hook_resid_post") != NULL && layer >= 0;
    jw_key_string(j, "trainer_class", trainer_of(w->architecture));
    jw_key_string(j, "dict_class", w->architecture);
    jw_key_int(j, "activation_dim", i->d_in);
    jw_key_int(j, "dict_size", i->d_dict);
    if (w->d->arch->select == SELECT_TOPK) jw_key_int(j, "k", (int64_t)w->d->config.k);
    jw_key(j, "layer");
    if (layer >= 0)
        jw_int(j, layer);
    else
        jw_null(j);
    jw_key_string(j, "lm_name", i->model_name[0] ? i->model_name : NULL);
    if (resid && j->status == HOOKE_OK) j->status = text_printf(&name, "resid_post_layer_%d", layer);
    jw_key_string(j, "submodule_name", resid ? name.data : i->site[0] ? i->site : NULL);
    jw_key_string(j, "wandb_name", w->architecture);
    hooke_text_release(&name);
}

static hooke_status put_config(const struct writing *w)
{
    const hooke_dict_info *i = &w->d->info;
    hooke_text text = { 0 };
    struct json_writer j;
    jw_init(&j, &text, 4);
    jw_object(&j);
    jw_key(&j, "trainer"), jw_object(&j);
    put_trainer(w, &j);
    jw_end_object(&j);
    jw_key(&j, "buffer"), jw_object(&j);
    jw_key_int(&j, "d_submodule", i->d_in);
    jw_key_string(&j, "io", "out");
    jw_key_int(&j, "ctx_len", i->context_size);
    jw_end_object(&j);
    jw_key(&j, "metadata"), writing_metadata(w, &j);
    jw_end_object(&j);
    hooke_status st = j.status == HOOKE_OK ? text_puts(&text, "\n") : j.status;
    if (st == HOOKE_OK) st = writing_put_text(w, "config.json", &text);
    hooke_text_release(&text);
    return st;
}

hooke_status dictionary_learning_put(struct writing *w)
{
    RETURN_IF_ERROR(put_weights(w));
    return put_config(w);
}
