/* synth_config.c: configuration files of synthesized models and dictionaries, with the published files' keys and values. */
#include "bench/synth.h"

static const char *torch_dtype(enum dtype t)
{
    return t == DT_BF16 ? "bfloat16" : t == DT_F16 ? "float16" : "float32";
}

static const char *bool_text(bool b)
{
    return b ? "true" : "false";
}

static hooke_status config_gemma2(hooke_text *out, const struct model_shape *s)
{
    return text_printf(
        out,
        "{\n  \"architectures\": [\"Gemma2ForCausalLM\"],\n  \"model_type\": \"gemma2\",\n"
        "  \"attention_bias\": false,\n  \"attention_dropout\": 0.0,\n  \"attn_logit_softcapping\": 50.0,\n"
        "  \"final_logit_softcapping\": 30.0,\n  \"bos_token_id\": 2,\n  \"eos_token_id\": 1,\n  "
        "\"pad_token_id\": 0,\n"
        "  \"cache_implementation\": \"hybrid\",\n  \"head_dim\": %d,\n  \"hidden_act\": "
        "\"gelu_pytorch_tanh\",\n"
        "  \"hidden_activation\": \"gelu_pytorch_tanh\",\n  \"hidden_size\": %d,\n  \"initializer_range\": "
        "0.02,\n"
        "  \"intermediate_size\": %d,\n  \"max_position_embeddings\": %d,\n  \"num_attention_heads\": %d,\n"
        "  \"num_hidden_layers\": %d,\n  \"num_key_value_heads\": %d,\n  \"query_pre_attn_scalar\": %d,\n"
        "  \"rms_norm_eps\": 1e-06,\n  \"rope_theta\": 10000.0,\n  \"sliding_window\": 4096,\n"
        "  \"torch_dtype\": \"%s\",\n  \"use_cache\": true,\n  \"vocab_size\": %d\n}\n",
        s->d_head, s->d_model, s->d_mlp, s->n_ctx, s->n_heads, s->n_layers, s->n_kv_heads, s->query_scalar,
        torch_dtype(s->dtype), s->d_vocab);
}

static hooke_status config_neox(hooke_text *out, const struct model_shape *s)
{
    return text_printf(
        out,
        "{\n  \"architectures\": [\"GPTNeoXForCausalLM\"],\n  \"model_type\": \"gpt_neox\",\n"
        "  \"bos_token_id\": 0,\n  \"eos_token_id\": 0,\n  \"hidden_act\": \"gelu\",\n  \"hidden_size\": "
        "%d,\n"
        "  \"initializer_range\": 0.02,\n  \"intermediate_size\": %d,\n  \"layer_norm_eps\": 1e-05,\n"
        "  \"max_position_embeddings\": %d,\n  \"num_attention_heads\": %d,\n  \"num_hidden_layers\": %d,\n"
        "  \"rotary_emb_base\": 10000,\n  \"rotary_pct\": 0.25,\n  \"tie_word_embeddings\": false,\n"
        "  \"torch_dtype\": \"%s\",\n  \"use_cache\": true,\n  \"use_parallel_residual\": true,\n  "
        "\"vocab_size\": %d\n}\n",
        s->d_model, s->d_mlp, s->n_ctx, s->n_heads, s->n_layers, torch_dtype(s->dtype), s->d_vocab);
}

static hooke_status config_gpt2(hooke_text *out, const struct model_shape *s)
{
    return text_printf(
        out,
        "{\n  \"architectures\": [\"GPT2LMHeadModel\"],\n  \"model_type\": \"gpt2\",\n"
        "  \"activation_function\": \"gelu_new\",\n  \"attn_pdrop\": 0.1,\n  \"bos_token_id\": 50256,\n"
        "  \"embd_pdrop\": 0.1,\n  \"eos_token_id\": 50256,\n  \"initializer_range\": 0.02,\n"
        "  \"layer_norm_epsilon\": 1e-05,\n  \"n_ctx\": %d,\n  \"n_embd\": %d,\n  \"n_head\": %d,\n  "
        "\"n_layer\": %d,\n"
        "  \"n_positions\": %d,\n  \"resid_pdrop\": 0.1,\n  \"scale_attn_weights\": true,\n  "
        "\"torch_dtype\": \"%s\",\n"
        "  \"vocab_size\": %d\n}\n",
        s->n_ctx, s->d_model, s->n_heads, s->n_layers, s->n_ctx, torch_dtype(s->dtype), s->d_vocab);
}

/* The keys that Llama and Qwen configurations share. */
static hooke_status config_llama_tail(hooke_text *out, const struct model_shape *s)
{
    return text_printf(
        out,
        "  \"attention_dropout\": 0.0,\n  \"head_dim\": %d,\n  \"hidden_act\": \"silu\",\n  \"hidden_size\": "
        "%d,\n"
        "  \"initializer_range\": 0.02,\n  \"intermediate_size\": %d,\n  \"max_position_embeddings\": %d,\n"
        "  \"num_attention_heads\": %d,\n  \"num_hidden_layers\": %d,\n  \"num_key_value_heads\": %d,\n"
        "  \"tie_word_embeddings\": %s,\n  \"torch_dtype\": \"%s\",\n  \"use_cache\": true,\n  "
        "\"vocab_size\": %d\n}\n",
        s->d_head, s->d_model, s->d_mlp, s->n_ctx, s->n_heads, s->n_layers, s->n_kv_heads, bool_text(s->tied),
        torch_dtype(s->dtype), s->d_vocab);
}

static hooke_status config_llama(hooke_text *out, const struct model_shape *s)
{
    RETURN_IF_ERROR(
        text_puts(out, "{\n  \"architectures\": [\"LlamaForCausalLM\"],\n  \"model_type\": \"llama\",\n"
                       "  \"attention_bias\": false,\n  \"mlp_bias\": false,\n  \"bos_token_id\": 128000,\n"
                       "  \"eos_token_id\": 128001,\n  \"pretraining_tp\": 1,\n  \"rms_norm_eps\": 1e-05,\n"
                       "  \"rope_theta\": 500000.0,\n"));
    RETURN_IF_ERROR(text_printf(
        out,
        "  \"rope_scaling\": {\"factor\": %.1f, \"high_freq_factor\": 4.0, \"low_freq_factor\": 1.0,\n"
        "                   \"original_max_position_embeddings\": 8192, \"rope_type\": \"llama3\"},\n",
        s->rope_factor));
    return config_llama_tail(out, s);
}

static hooke_status config_qwen(hooke_text *out, const struct model_shape *s)
{
    bool three = s->family == FAMILY_QWEN3;
    RETURN_IF_ERROR(text_printf(
        out,
        "{\n  \"architectures\": [\"Qwen%dForCausalLM\"],\n  \"model_type\": \"qwen%d\",\n"
        "  \"bos_token_id\": 151643,\n  \"eos_token_id\": %d,\n  \"max_window_layers\": %d,\n"
        "  \"rms_norm_eps\": 1e-06,\n  \"rope_theta\": 1000000.0,\n  \"sliding_window\": %s,\n"
        "  \"use_sliding_window\": false,\n",
        three ? 3 : 2, three ? 3 : 2, three ? 151645 : 151643, s->n_layers, three ? "null" : "32768"));
    if (three) RETURN_IF_ERROR(text_puts(out, "  \"attention_bias\": false,\n  \"rope_scaling\": null,\n"));
    return config_llama_tail(out, s);
}

hooke_status synth_config_model(hooke_text *out, const struct model_shape *s)
{
    text_clear(out);
    switch (s->family) {
    case FAMILY_GEMMA2:
        return config_gemma2(out, s);
    case FAMILY_NEOX:
        return config_neox(out, s);
    case FAMILY_GPT2:
        return config_gpt2(out, s);
    case FAMILY_LLAMA:
        return config_llama(out, s);
    case FAMILY_QWEN2:
    case FAMILY_QWEN3:
        return config_qwen(out, s);
    }
    return fail(HOOKE_E_INTERNAL, "shape '%s' has no family", s->name);
}

hooke_status synth_config_dict(hooke_text *out, const struct dict_shape *s)
{
    text_clear(out);
    RETURN_IF_ERROR(text_printf(
        out,
        "{\n  \"architecture\": \"%s\",\n  \"d_in\": %d,\n  \"d_sae\": %d,\n  \"dtype\": \"%s\",\n"
        "  \"device\": \"cpu\",\n  \"apply_b_dec_to_input\": false,\n  \"normalize_activations\": \"none\",\n"
        "  \"reshape_activations\": \"none\",\n",
        s->architecture, s->d_in, s->d_dict, torch_dtype(s->dtype)));
    if (s->k > 0)
        RETURN_IF_ERROR(text_printf(out, "  \"k\": %d,\n  \"rescale_acts_by_decoder_norm\": false,\n", s->k));
    return text_printf(
        out,
        "  \"metadata\": {\n    \"sae_lens_version\": \"6.18.0\",\n    \"sae_lens_training_version\": null,\n"
        "    \"model_name\": \"%s\",\n    \"model_class_name\": \"HookedTransformer\",\n"
        "    \"hook_name\": \"blocks.%d.hook_resid_post\",\n    \"hook_layer\": %d,\n    "
        "\"hook_head_index\": null,\n"
        "    \"context_size\": 128,\n    \"prepend_bos\": true,\n    \"seqpos_slice\": [null],\n"
        "    \"dataset_path\": null,\n    \"model_from_pretrained_kwargs\": {},\n    "
        "\"exclude_special_tokens\": false,\n"
        "    \"neuronpedia_id\": null\n  }\n}\n",
        s->model_name, s->layer, s->layer);
}
