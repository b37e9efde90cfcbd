/* arch.c: the table of architectures: SAELens' registered strings, and what each file must hold. */
#include "dict/dict.h"

#include <string.h>

#define BIT(p) (1u << (p))
enum {
    LINEAR = BIT(P_W_ENC) | BIT(P_B_ENC) | BIT(P_W_DEC) | BIT(P_B_DEC),
    JUMP = LINEAR | BIT(P_THRESHOLD),
    GATED = BIT(P_W_ENC) | BIT(P_B_GATE) | BIT(P_B_MAG) | BIT(P_R_MAG) | BIT(P_W_DEC) | BIT(P_B_DEC),
    BATCH = LINEAR | BIT(P_TOPK_THRESHOLD),
    SKIP = BIT(P_W_SKIP),
    TIED = BIT(P_W_DEC) | BIT(P_B_DEC),
    ROWS = BIT(P_W_DEC),
    ROWS_MAY = BIT(P_W_ENC) | BIT(P_B_ENC) | BIT(P_B_DEC),
    GLU = BIT(P_W_GLU) | BIT(P_B_GLU)
};

const char *const dict_param_names[N_PARAMS] = { "W_enc", "W_dec",          "W_skip",         "b_enc",
                                                 "b_dec", "threshold",      "b_gate",         "b_mag",
                                                 "r_mag", "topk_threshold", "scaling_factor", "W_glu",
                                                 "b_glu" };
const char *const dict_normalize_names[N_NORMALIZE] = { "none", "expected_average_only_in",
                                                        "constant_norm_rescale", "layer_norm",
                                                        "constant_scalar_rescale" };

static const struct dict_arch architectures[] = {
    { "standard", SELECT_RELU, LINEAR, 0, false, RULE_TILES },
    { "jumprelu", SELECT_THRESHOLD, JUMP, 0, false, RULE_TILES },
    { "topk", SELECT_TOPK, LINEAR, 0, false, RULE_TILES },
    { "gated", SELECT_GATED, GATED, 0, false, RULE_TILES },
    /* Training formats: inference is JumpReLU with the learned number as every feature's threshold. */
    { "batchtopk", SELECT_THRESHOLD, BATCH, 0, false, RULE_TILES },
    { "matryoshka_batchtopk", SELECT_THRESHOLD, BATCH, 0, false, RULE_TILES },
    { "transcoder", SELECT_RELU, LINEAR, 0, true, RULE_TILES },
    { "skip_transcoder", SELECT_RELU, LINEAR | SKIP, 0, true, RULE_TILES },
    { "jumprelu_transcoder", SELECT_THRESHOLD, JUMP, 0, true, RULE_TILES },
    { "jumprelu_skip_transcoder", SELECT_THRESHOLD, JUMP | SKIP, 0, true, RULE_TILES },
    { "abstopk", SELECT_TOPK, LINEAR, 0, false, RULE_ABS_TOPK },
    { "matching_pursuit", SELECT_RELU, TIED, 0, false, RULE_PURSUIT },
    { "temporal", SELECT_RELU, TIED, BIT(P_W_ENC), false, RULE_TEMPORAL },
    /* Not SAELens': names given here to what other libraries train. */
    { "topk_skip", SELECT_TOPK, LINEAR | SKIP, 0, false, RULE_TILES },
    { "topk_transcoder", SELECT_TOPK, LINEAR, 0, true, RULE_TILES },
    { "topk_skip_transcoder", SELECT_TOPK, LINEAR | SKIP, 0, true, RULE_TILES },
    { "groupmax", SELECT_TOPK, LINEAR, SKIP, false, RULE_GROUP_MAX },
    { "groupmax_transcoder", SELECT_TOPK, LINEAR, SKIP, true, RULE_GROUP_MAX },
    { "signed_topk_transcoder", SELECT_TOPK, LINEAR, SKIP, true, RULE_SIGNED_TOPK },
    /* The batch is what one call encodes. */
    { "batch_topk_of_the_call", SELECT_BATCH_TOPK, LINEAR, 0, false, RULE_TILES },
    /* One direction a concept, encoder and decoder alike: relu(x . w). */
    { "reft_r1", SELECT_RELU, ROWS, 0, false, RULE_TILES },
    { "linear", SELECT_RELU, ROWS, ROWS_MAY, false, RULE_LINEAR },
    { "glu", SELECT_RELU, LINEAR | GLU, 0, false, RULE_WHOLE_ROWS },
    { "jumprelu_glu", SELECT_THRESHOLD, JUMP | GLU, 0, false, RULE_WHOLE_ROWS },
    { "topk_glu", SELECT_TOPK, LINEAR | GLU, 0, false, RULE_WHOLE_ROWS },
};
enum { N_ARCHITECTURES = sizeof architectures / sizeof *architectures };

static hooke_status unknown_architecture(const char *name, const char *path)
{
    hooke_text known = { 0 };
    for (size_t i = 0; i < N_ARCHITECTURES; i++)
        (void)text_printf(&known, "%s%s", known.n ? ", " : "", architectures[i].name);
    hooke_status st = fail(HOOKE_E_UNSUPPORTED, "%s: unknown architecture '%s'; known are %s", path, name,
                           known.data ? known.data : "none");
    hooke_text_release(&known);
    return st;
}

hooke_status dict_arch_find(const struct dict_arch **out, const char *name, const char *path)
{
    *out = NULL;
    for (size_t i = 0; i < N_ARCHITECTURES; i++) {
        const struct dict_arch *a = &architectures[i];
        if (strcmp(a->name, name) != 0) continue;
        *out = a;
        return HOOKE_OK;
    }
    return unknown_architecture(name, path);
}
