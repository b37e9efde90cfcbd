/* arch.c: the table of architectures: SAELens' registered strings, and what each file must hold. */
#include "dict/dict.h"

#include <string.h>

#define BIT(p) (1u << (p))
enum {
    LINEAR = BIT(P_W_ENC) | BIT(P_B_ENC) | BIT(P_W_DEC) | BIT(P_B_DEC),
    JUMP = LINEAR | BIT(P_THRESHOLD),
    GATED = BIT(P_W_ENC) | BIT(P_B_GATE) | BIT(P_B_MAG) | BIT(P_R_MAG) | BIT(P_W_DEC) | BIT(P_B_DEC),
    BATCH = LINEAR | BIT(P_TOPK_THRESHOLD),
    SKIP = BIT(P_W_SKIP)
};

const char *const dict_param_names[N_PARAMS] = { "W_enc", "W_dec",          "W_skip",        "b_enc",
                                                 "b_dec", "threshold",      "b_gate",        "b_mag",
                                                 "r_mag", "topk_threshold", "scaling_factor" };
const char *const dict_normalize_names[4] = { "none", "expected_average_only_in", "constant_norm_rescale",
                                              "layer_norm" };

static const struct dict_arch architectures[] = {
    { "standard", SELECT_RELU, LINEAR, false, NULL },
    { "jumprelu", SELECT_THRESHOLD, JUMP, false, NULL },
    { "topk", SELECT_TOPK, LINEAR, false, NULL },
    { "gated", SELECT_GATED, GATED, false, NULL },
    /* Training formats: inference is JumpReLU with the learned number as every feature's threshold. */
    { "batchtopk", SELECT_THRESHOLD, BATCH, false, NULL },
    { "matryoshka_batchtopk", SELECT_THRESHOLD, BATCH, false, NULL },
    { "transcoder", SELECT_RELU, LINEAR, true, NULL },
    { "skip_transcoder", SELECT_RELU, LINEAR | SKIP, true, NULL },
    { "jumprelu_transcoder", SELECT_THRESHOLD, JUMP, true, NULL },
    { "jumprelu_skip_transcoder", SELECT_THRESHOLD, JUMP | SKIP, true, NULL },
    { "temporal", SELECT_RELU, 0, false, "its reconstruction also predicts from earlier tokens" },
    { "matching_pursuit", SELECT_RELU, 0, false, "it encodes by repeated projection, not by one encoder" },
    { "abstopk", SELECT_RELU, 0, false, "it keeps negative codes" },
};
enum { N_ARCHITECTURES = sizeof architectures / sizeof *architectures };

static hooke_status unknown_architecture(const char *name, const char *path)
{
    hooke_text known = { 0 };
    for (size_t i = 0; i < N_ARCHITECTURES; i++)
        if (!architectures[i].refused)
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
        RETURN_IF(a->refused, HOOKE_E_UNSUPPORTED, "%s: architecture '%s' is not implemented: %s", path, name,
                  a->refused);
        *out = a;
        return HOOKE_OK;
    }
    return unknown_architecture(name, path);
}
