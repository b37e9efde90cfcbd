#!/usr/bin/env python3
"""Writes tests/golden/models/NAME/{config.json, model.safetensors, golden.safetensors}: small random-weight models in Hugging Face
layout, with every site's activation from TransformerLens (weights unprocessed, float32) and logits from transformers (eager
attention, float32). Sites that TransformerLens does not have (norm outputs, raw sublayer outputs) come from transformers' modules.

  golden.safetensors   ids [T] i64; logits [T, V]; logits_one [1, V] (the first token alone); site names: activations [T, cols],
                       scores and patterns [H * T, T]

usage: make_model_golden.py [--check] [NAME ...]      --check prints the table and writes nothing
"""
import json
import os
import shutil
import sys

HERE = os.path.dirname(os.path.realpath(__file__))

import torch  # noqa: E402
from safetensors.torch import save_file
from transformers import (Gemma2Config, Gemma2ForCausalLM, Gemma3ForCausalLM, Gemma3TextConfig, GemmaConfig, GemmaForCausalLM,
                          GPT2Config, GPT2LMHeadModel, GPTNeoXConfig, GPTNeoXForCausalLM, LlamaConfig, LlamaForCausalLM,
                          Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM)
from transformer_lens import HookedTransformer, HookedTransformerConfig
from transformer_lens.pretrained.weight_conversions.gemma import convert_gemma_weights
from transformer_lens.pretrained.weight_conversions.gpt2 import convert_gpt2_weights
from transformer_lens.pretrained.weight_conversions.llama import convert_llama_weights
from transformer_lens.pretrained.weight_conversions.neox import convert_neox_weights
from transformer_lens.pretrained.weight_conversions.qwen2 import convert_qwen2_weights
from transformer_lens.pretrained.weight_conversions.qwen3 import convert_qwen3_weights

OUT = os.path.join(HERE, "..", "..", "tests", "golden", "models")
OPT_IN = ("attn.hook_result", "hook_attn_in", "hook_q_input", "hook_k_input", "hook_v_input", "hook_mlp_in")


def models(scale=1):
    """Awkward on purpose: head widths other than d/H, one and several kv heads, odd vocabularies, windows shorter than the prompt."""
    s = scale
    gemma = dict(hidden_size=16 * s, intermediate_size=20 * s, num_attention_heads=4, vocab_size=43 * s, max_position_embeddings=64 * s)
    llama = dict(hidden_size=16 * s, intermediate_size=20 * s, num_attention_heads=4, vocab_size=41 * s, max_position_embeddings=64 * s)
    return {
        "gemma2": (Gemma2ForCausalLM, Gemma2Config(
            **gemma, num_hidden_layers=3, num_key_value_heads=2, head_dim=6 * s, query_pre_attn_scalar=5, sliding_window=3 * s,
            attn_logit_softcapping=5.0, final_logit_softcapping=3.0), torch.float32),
        "gemma": (GemmaForCausalLM, GemmaConfig(**gemma, num_hidden_layers=2, num_key_value_heads=1, head_dim=10 * s), torch.float16),
        "gemma3_text": (Gemma3ForCausalLM, Gemma3TextConfig(
            **gemma, num_hidden_layers=3, num_key_value_heads=1, head_dim=6 * s, query_pre_attn_scalar=7, sliding_window=4 * s,
            layer_types=["sliding_attention", "full_attention", "sliding_attention"],
            rope_parameters={"full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e6},
                             "sliding_attention": {"rope_type": "default", "rope_theta": 1e4}}), torch.bfloat16),
        "gpt_neox": (GPTNeoXForCausalLM, GPTNeoXConfig(
            hidden_size=24 * s, intermediate_size=40 * s, num_attention_heads=3, num_hidden_layers=2, vocab_size=37 * s,
            max_position_embeddings=64 * s, rotary_pct=0.25, use_parallel_residual=True), torch.float16),
        "gpt_neox_sequential": (GPTNeoXForCausalLM, GPTNeoXConfig(
            hidden_size=16 * s, intermediate_size=24 * s, num_attention_heads=2, num_hidden_layers=2, vocab_size=37 * s,
            max_position_embeddings=64 * s, rotary_pct=1.0, use_parallel_residual=False), torch.float32),
        "gpt2": (GPT2LMHeadModel, GPT2Config(n_embd=18 * s, n_layer=2, n_head=3, n_positions=32 * s, vocab_size=45 * s), torch.float32),
        "llama": (LlamaForCausalLM, LlamaConfig(
            **llama, num_hidden_layers=2, num_key_value_heads=2, head_dim=6 * s, rms_norm_eps=1e-5,
            rope_parameters={"rope_type": "llama3", "rope_theta": 5e5, "factor": 8.0, "low_freq_factor": 1.0,
                             "high_freq_factor": 4.0, "original_max_position_embeddings": 32}), torch.bfloat16),
        "llama_tied": (LlamaForCausalLM, LlamaConfig(**llama, num_hidden_layers=2, num_key_value_heads=4, tie_word_embeddings=True),
                       torch.float32),
        "qwen2": (Qwen2ForCausalLM, Qwen2Config(**llama, num_hidden_layers=2, num_key_value_heads=1, use_sliding_window=True,
                                               sliding_window=3 * s, max_window_layers=1), torch.bfloat16),
        "qwen3": (Qwen3ForCausalLM, Qwen3Config(**llama, num_hidden_layers=2, num_key_value_heads=2, head_dim=10 * s,
                                               tie_word_embeddings=True), torch.float32),
    }


def randomise(model, seed):
    """Weights large enough that soft caps, windows and norms matter; norm gains and biases away from 1 and 0."""
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.dim() == 1 and "norm" in name or "ln_" in name and name.endswith("weight"):
                base = 0.0 if "emma" in type(model).__name__ else 1.0
                p.copy_((base if name.endswith("weight") else 0) + 0.3 * torch.randn(p.shape, generator=g))
            else:
                p.copy_(torch.randn(p.shape, generator=g) * (0.2 if p.dim() == 1 else 1.5 / p.shape[-1] ** 0.5))


def rope_theta(hf, key=None):
    r = hf.rope_parameters[key] if key else hf.rope_parameters
    return r["rope_theta"]


def lens_config(hf, kind):
    """TransformerLens' configuration for a model that is not on its list."""
    common = dict(dtype=torch.float32, device="cpu", seed=0, default_prepend_bos=False, d_vocab=hf.vocab_size)
    if kind == "gpt2":
        return HookedTransformerConfig(**common, n_layers=hf.n_layer, d_model=hf.n_embd, n_heads=hf.n_head, d_head=hf.n_embd // hf.n_head,
                                       d_mlp=4 * hf.n_embd, n_ctx=hf.n_positions, eps=hf.layer_norm_epsilon, act_fn="gelu_new",
                                       normalization_type="LN", use_attn_scale=True)
    d_head = getattr(hf, "head_dim", None) or hf.hidden_size // hf.num_attention_heads
    common.update(n_layers=hf.num_hidden_layers, d_model=hf.hidden_size, n_heads=hf.num_attention_heads, d_head=d_head,
                  d_mlp=hf.intermediate_size, n_ctx=hf.max_position_embeddings, positional_embedding_type="rotary",
                  rotary_adjacent_pairs=False)
    if kind.startswith("gpt_neox"):
        return HookedTransformerConfig(**common, eps=hf.layer_norm_eps, act_fn="gelu", normalization_type="LN", use_attn_scale=True,
                                       parallel_attn_mlp=hf.use_parallel_residual, rotary_base=rope_theta(hf),
                                       rotary_dim=round(hf.rope_parameters["partial_rotary_factor"] * d_head))
    common.update(eps=hf.rms_norm_eps, normalization_type="RMS", gated_mlp=True, final_rms=True, rotary_dim=d_head)
    kv = hf.num_key_value_heads
    if kind.startswith("gemma"):
        scale = getattr(hf, "query_pre_attn_scalar", d_head) ** 0.5
        extra = dict(act_fn="gelu_pytorch_tanh", n_key_value_heads=kv, use_attn_scale=True, attn_scale=scale)
        if kind != "gemma":
            extra.update(use_normalization_before_and_after=True, window_size=hf.sliding_window, use_local_attn=True,
                         attn_types=["local" if t == "sliding_attention" else "global" for t in hf.layer_types])
        if kind == "gemma2":
            extra.update(attn_scores_soft_cap=hf.attn_logit_softcapping, output_logits_soft_cap=hf.final_logit_softcapping)
        if kind == "gemma3_text":
            extra.update(use_qk_norm=True, rotary_base=rope_theta(hf, "full_attention"), rotary_scaling_factor=8.0,
                         rotary_base_local=rope_theta(hf, "sliding_attention"))
        else:
            extra.update(rotary_base=rope_theta(hf))
        return HookedTransformerConfig(**common, **extra)
    extra = dict(act_fn="silu", rotary_base=rope_theta(hf), n_key_value_heads=kv if kv != hf.num_attention_heads or kind == "qwen2" else None)
    if kind == "llama":
        r = hf.rope_parameters
        extra.update(use_NTK_by_parts_rope=True, NTK_by_parts_factor=r["factor"], NTK_by_parts_low_freq_factor=r["low_freq_factor"],
                     NTK_by_parts_high_freq_factor=r["high_freq_factor"], NTK_original_ctx_len=r["original_max_position_embeddings"])
    if kind == "qwen2":
        extra.update(use_local_attn=True, window_size=hf.sliding_window,
                     attn_types=["local" if t == "sliding_attention" else "global" for t in hf.layer_types])
    if kind == "qwen3":
        extra.update(use_qk_norm=True)
    return HookedTransformerConfig(**common, **extra)


def lens_model(model, kind):
    cfg = lens_config(model.config, kind)
    family = kind.split("_")[0] if not kind.startswith("gpt_neox") else "neox"
    convert = {"gemma": convert_gemma_weights, "gemma2": convert_gemma_weights, "gemma3": convert_gemma_weights, "gpt2": convert_gpt2_weights,
               "neox": convert_neox_weights, "llama": convert_llama_weights, "qwen2": convert_qwen2_weights,
               "qwen3": convert_qwen3_weights}[family]
    lens = HookedTransformer(cfg, move_to_device=False)
    lens.load_and_process_state_dict(convert(model, cfg), fold_ln=False, center_writing_weights=False, center_unembed=False,
                                     fold_value_biases=False)
    return lens.eval()


def flatten(name, t, n_tokens):
    """TransformerLens' shapes to rows of tokens; scores and patterns to (head, query) rows."""
    if name.endswith(("hook_attn_scores", "hook_pattern")):
        return t[0].reshape(-1, t.shape[-1])
    return t.reshape(n_tokens, -1)


def module_sites(model, kind, ids):
    """Sites that only transformers' modules show: name -> activation."""
    neox, gpt2 = kind.startswith("gpt_neox"), kind == "gpt2"
    body = model.gpt_neox if neox else model.transformer if gpt2 else model.model
    layers = body.h if gpt2 else body.layers
    post = kind in ("gemma2", "gemma3_text")
    sites, handles = {}, []

    def keep(name, module):
        def hook(_m, _i, o):
            sites[name] = (o[0] if isinstance(o, tuple) else o).detach()
        handles.append(module.register_forward_hook(hook))

    for i, layer in enumerate(layers):
        keep(f"blocks.{i}.ln1.hook_out", layer.ln_1 if gpt2 else layer.input_layernorm)
        ln2 = layer.ln_2 if gpt2 else layer.pre_feedforward_layernorm if post else layer.post_attention_layernorm
        keep(f"blocks.{i}.ln2.hook_out", ln2)
        if post:
            keep(f"blocks.{i}.attn.hook_out", layer.self_attn)
            keep(f"blocks.{i}.mlp.hook_out", layer.mlp)
    keep("ln_final.hook_out", body.final_layer_norm if neox else body.ln_f if gpt2 else body.norm)
    keep("unembed.hook_out", model.get_output_embeddings())
    with torch.no_grad():
        logits = model(ids).logits
    for h in handles:
        h.remove()
    return logits, sites


def opt_in_sites(lens, ids):
    """TransformerLens' points behind switches; two of the switches exclude each other, and hook_attn_in fails with grouped keys."""
    sites = {}
    for split in (True, False) if lens.cfg.n_key_value_heads is None else (True,):
        lens.cfg.use_attn_result = lens.cfg.use_hook_mlp_in = lens.cfg.use_split_qkv_input = split
        lens.cfg.use_attn_in = not split
        _, cache = lens.run_with_cache(ids, prepend_bos=False)
        sites.update({name: t.detach() for name, t in cache.items() if name.endswith(OPT_IN)})
    return sites


def relative(a, b):
    a, b = a.double(), b.double()
    both = torch.isfinite(a) & torch.isfinite(b)
    return (torch.linalg.norm((a - b)[both]) / torch.linalg.norm(b[both])).item()


def build(kind, cls, config, dtype, seed, n_tokens):
    config._attn_implementation = "eager"
    torch.manual_seed(seed)
    model = cls(config).eval()
    randomise(model, seed)
    with torch.no_grad():  # the weights as the file will hold them; .to(dtype) would round the rotary frequencies too
        for p in model.parameters():
            p.copy_(p.to(dtype).to(torch.float32))
    ids = torch.randint(0, config.vocab_size, (1, n_tokens), generator=torch.Generator().manual_seed(seed + 1))
    return model, ids


def golden(kind, model, ids):
    logits, sites = module_sites(model, kind, ids)
    with torch.no_grad():
        one = model(ids[:, :1]).logits
        lens = lens_model(model, kind)
        lens_logits, cache = lens.run_with_cache(ids, prepend_bos=False)
        behind_switches = opt_in_sites(lens, ids)
    n = ids.shape[1]
    for name, t in cache.items():
        if name in ("unembed.hook_in",) or "hook_" not in name or name.endswith(("ln1.hook_in", "ln2.hook_in")):
            continue
        if name in sites and name != "unembed.hook_out":
            continue
        sites[name] = t.detach()
    sites.update(behind_switches)
    print(f"{kind:20s} TransformerLens against transformers: logits {relative(lens_logits, logits):.1e}, {len(sites)} sites")
    out = {name: flatten(name, t.float(), n).contiguous().clone() for name, t in sites.items()}
    out["logits"], out["logits_one"], out["ids"] = logits[0].clone(), one[0].clone(), ids[0].clone()
    return out


def main():
    names = [a for a in sys.argv[1:] if not a.startswith("-")]
    for seed, (kind, (cls, config, dtype)) in enumerate(models().items()):
        if names and kind not in names:
            continue
        model, ids = build(kind, cls, config, dtype, 100 + seed, 8)
        tensors = golden(kind, model, ids)
        if "--check" in sys.argv:
            continue
        folder = os.path.join(OUT, kind)
        shutil.rmtree(folder, ignore_errors=True)
        model.to(dtype).save_pretrained(folder)
        for extra in ("generation_config.json",):
            if os.path.exists(os.path.join(folder, extra)):
                os.remove(os.path.join(folder, extra))
        path = os.path.join(folder, "config.json")
        config_json = json.load(open(path))
        config_json.pop("transformers_version", None)
        json.dump(config_json, open(path, "w"), indent=1, sort_keys=True)
        save_file(tensors, os.path.join(folder, "golden.safetensors"))


if __name__ == "__main__":
    main()
