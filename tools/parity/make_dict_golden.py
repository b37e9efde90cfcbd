"""Writes tests/golden/dict: tiny random dictionaries of every architecture and switch, saved by SAELens itself, and what
SAELens computes with them.

    python tools/parity/make_dict_golden.py [OUT]

Each case is a folder with the dictionary and expected.safetensors:
    x [n, d_in], acts [n, d_sae], recon [n, d_out]; canonical [n, d_sae] = acts after fold_W_dec_norm, where SAELens has it.
Everything is computed in float32 from the stored weights. Needs sae-lens >= 6.54.9 (earlier ones fold the threshold of rescaled
batch top-k checkpoints wrongly).
"""
import copy
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

import sae_lens
from sae_lens.saes.abstopk_sae import AbsTopKSAE, AbsTopKSAEConfig
from sae_lens.saes.batchtopk_sae import BatchTopKTrainingSAE, BatchTopKTrainingSAEConfig
from sae_lens.saes.gated_sae import GatedSAE, GatedSAEConfig
from sae_lens.saes.jumprelu_sae import JumpReLUSAE, JumpReLUSAEConfig
from sae_lens.saes.matching_pursuit_sae import (MatchingPursuitSAE, MatchingPursuitSAEConfig, MatchingPursuitTrainingSAE,
                                                 MatchingPursuitTrainingSAEConfig)
from sae_lens.saes.matryoshka_batchtopk_sae import MatryoshkaBatchTopKTrainingSAE, MatryoshkaBatchTopKTrainingSAEConfig
from sae_lens.saes.sae import SAE, SAEMetadata
from sae_lens.saes.standard_sae import StandardSAE, StandardSAEConfig, StandardTrainingSAE, StandardTrainingSAEConfig
from sae_lens.saes.temporal_sae import TemporalSAE, TemporalSAEConfig
from sae_lens.saes.topk_sae import TopKSAE, TopKSAEConfig, TopKTrainingSAE, TopKTrainingSAEConfig
from sae_lens.saes import transcoder as tc

D_IN, D_OUT, D_SAE, N = 7, 5, 19, 9
OUT = Path(sys.argv[1] if len(sys.argv) > 1 else "tests/golden/dict")


def metadata(**more):
    return SAEMetadata(model_name="tiny", hook_name="blocks.1.hook_resid_post", hook_head_index=None, context_size=32,
                       prepend_bos=True, **more)


def randomize(sae, seed):
    """Weights of the size trained ones have; decoder rows of different length, so that folding shows."""
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in sorted(sae.named_parameters()):
            p.copy_(torch.randn(p.shape, generator=g) * (0.5 if p.ndim == 2 else 0.3))
            if name == "threshold":
                p.copy_(torch.rand(p.shape, generator=g) * 0.8)
            if name == "log_threshold":
                p.copy_(torch.rand(p.shape, generator=g) * 0.8 - 1)
    return sae


def inputs(width, seed):
    """Rows of very different length, one of them zero-mean, none of them zero."""
    g = torch.Generator().manual_seed(1000 + seed)
    x = torch.randn(N, width, generator=g) * torch.linspace(0.2, 6.0, N)[:, None] + 0.5
    x[3] -= x[3].mean()
    return x


def expect(folder, sae, x, forward=None, heads=None, canonical=True):
    shaped = x.view(N, heads, -1) if heads else x
    with torch.no_grad():
        acts = sae.encode(shaped)
        recon = forward(sae, x) if forward else sae.decode(sae.encode(shaped))
        out = {"x": x, "acts": acts, "recon": recon.reshape(N, -1)}
        if canonical:
            folded = copy.deepcopy(sae)
            if heads:
                folded.reshape_fn_in, folded.d_head = sae.reshape_fn_in, sae.d_head
            folded.fold_W_dec_norm()
            out["canonical"] = folded.encode(shaped)
    save_file({k: v.float().contiguous() for k, v in out.items()}, folder / "expected.safetensors")


def fresh(name):
    folder = OUT / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def clean(folder):
    """No machine's paths or clocks in the repository."""
    for f in folder.glob("*.json"):
        cfg = json.loads(f.read_text())
        cfg.pop("device", None)
        f.write_text(json.dumps(cfg) + "\n")


def inference(name, cls, cfg_cls, seed, forward=None, width=D_IN, heads=None, canonical=True, edit=None, meta=None, **cfg):
    folder = fresh(name)
    meta = meta or metadata()
    sae = randomize(cls(cfg_cls(d_in=width, d_sae=D_SAE, metadata=meta, **cfg)), seed)
    if edit:
        with torch.no_grad():
            edit(sae)
    dtype = cfg.get("dtype", "float32")
    if dtype != "float32":
        sae = sae.to(getattr(torch, dtype))
    sae.save_model(folder)
    loaded = SAE.load_from_disk(folder, device="cpu", dtype="float32")
    expect(folder, loaded, inputs(width, seed), forward, heads, canonical)
    clean(folder)


def temporal(name, seed, **cfg):
    """The rows are one sequence; the reconstruction is forward(), which adds what is predicted."""
    folder = fresh(name)
    sae = TemporalSAE(TemporalSAEConfig(d_in=D_IN, d_sae=24, n_heads=2, bottleneck_factor=4, metadata=metadata(), **cfg))
    randomize(sae, seed).save_model(folder)
    loaded = SAE.load_from_disk(folder, device="cpu", dtype="float32")
    x = inputs(D_IN, seed)
    with torch.no_grad():
        out = {"x": x, "acts": loaded.encode(x[None])[0], "recon": loaded(x[None])[0]}
    save_file({k: v.float().contiguous() for k, v in out.items()}, folder / "expected.safetensors")
    clean(folder)


def checkpoint(name, cls, cfg_cls, seed, scale=None, threshold=None, canonical=True, **cfg):
    """A mid-training checkpoint (training configuration, activation scale not folded) against what the final save makes of it."""
    folder = fresh(name)
    cfg.setdefault("normalize_activations", "expected_average_only_in" if scale else "none")
    sae = randomize(cls(cfg_cls(d_in=D_IN, d_sae=D_SAE, metadata=metadata(), **cfg)), seed)
    if threshold is not None:
        sae.topk_threshold = torch.tensor(threshold, dtype=torch.double)
    sae.save_model(folder)
    if scale:
        (folder / "activation_scaler.json").write_text(json.dumps({"scaling_factor": scale}))
    final = OUT / "final.tmp"
    if scale:
        sae.fold_activation_norm_scaling_factor(scale)
    shutil.rmtree(final, ignore_errors=True)
    sae.save_inference_model(final)
    expect(folder, SAE.load_from_disk(final, device="cpu", dtype="float32"), inputs(D_IN, seed), canonical=canonical)
    shutil.rmtree(final)
    clean(folder)


def legacy(name, seed, cfg, extra=None, width=D_IN, heads=None):
    folder = fresh(name)
    g = torch.Generator().manual_seed(seed)
    t = {"W_enc": torch.randn(width, D_SAE, generator=g) * 0.5, "b_enc": torch.randn(D_SAE, generator=g) * 0.3,
         "W_dec": torch.randn(D_SAE, width, generator=g) * 0.5, "b_dec": torch.randn(width, generator=g) * 0.3}
    save_file({**t, **(extra or {})}, folder / "sae_weights.safetensors")
    base = {"model_name": "tiny", "hook_point": "blocks.1.hook_resid_pre", "hook_point_layer": 1, "hook_point_head_index": None,
            "context_size": 64, "d_in": width, "d_sae": D_SAE, "dtype": "torch.float32", "activation_fn_str": "relu",
            "prepend_bos": False, "finetuning_scaling_factor": False, "lr": 3e-4}
    (folder / "cfg.json").write_text(json.dumps({**base, **cfg}) + "\n")
    sae = SAE.load_from_disk(folder, device="cpu", dtype="float32")
    expect(folder, sae, inputs(width, seed), heads=heads, canonical=sae.cfg.architecture() != "topk")


def gemma_scope(name, seed, save, kind="res"):
    folder = fresh(f"google--gemma-scope-2b-pt-{kind}/{name}")
    sae = randomize(JumpReLUSAE(JumpReLUSAEConfig(d_in=D_IN, d_sae=D_SAE, apply_b_dec_to_input=False, metadata=metadata())),
                    seed)
    save(folder / "params.npz", **{k: v.detach().numpy() for k, v in sae.named_parameters()})
    expect(folder, sae, inputs(D_IN, seed))


def through(sae, x):
    return sae.forward(x)


def unit_rows(sae):
    sae.W_dec /= sae.W_dec.norm(dim=-1, keepdim=True)


def negative_thresholds(sae):
    sae.threshold[::3] = -0.4


def mostly_negative(sae):
    sae.b_enc -= 4.0


def main():
    std, jump, topk, gated = (StandardSAE, StandardSAEConfig), (JumpReLUSAE, JumpReLUSAEConfig), (TopKSAE, TopKSAEConfig), \
        (GatedSAE, GatedSAEConfig)
    inference("standard", *std, 1)
    inference("standard_no_b_dec", *std, 2, apply_b_dec_to_input=False)
    inference("standard_constant_norm", *std, 3, normalize_activations="constant_norm_rescale")
    inference("standard_layer_norm", *std, 4, normalize_activations="layer_norm")
    inference("standard_expected_average", *std, 5, normalize_activations="expected_average_only_in")
    z = metadata()
    z.hook_name = "blocks.1.attn.hook_z"
    inference("standard_hook_z", *std, 6, width=12, heads=3, reshape_activations="hook_z", meta=z)
    head = metadata()
    head.hook_name, head.hook_head_index = "blocks.1.attn.hook_z", 2
    inference("standard_one_head", *std, 7, meta=head)
    inference("standard_bf16", *std, 8, dtype="bfloat16")
    inference("standard_f16", *std, 9, dtype="float16")
    inference("standard_f64", *std, 10, dtype="float64")
    inference("gated", *gated, 11)
    inference("gated_layer_norm", *gated, 12, normalize_activations="layer_norm", apply_b_dec_to_input=False)
    inference("jumprelu", *jump, 13)
    inference("jumprelu_bf16", *jump, 14, dtype="bfloat16", normalize_activations="constant_norm_rescale")
    inference("jumprelu_negative_threshold", *jump, 15, edit=negative_thresholds)
    inference("topk", *topk, 16, k=4, canonical=False)
    inference("topk_rescaled", *topk, 17, k=4, rescale_acts_by_decoder_norm=True)
    inference("topk_few_positive", *topk, 18, k=9, canonical=False, edit=mostly_negative)
    inference("topk_layer_norm", *topk, 19, k=3, canonical=False, normalize_activations="layer_norm")
    t = dict(apply_b_dec_to_input=False, d_out=D_OUT, meta=metadata(hook_name_out="blocks.1.hook_mlp_out"))
    inference("transcoder", tc.Transcoder, tc.TranscoderConfig, 20, forward=through, **t)
    inference("skip_transcoder", tc.SkipTranscoder, tc.SkipTranscoderConfig, 21, forward=through, **t)
    inference("jumprelu_transcoder", tc.JumpReLUTranscoder, tc.JumpReLUTranscoderConfig, 22, forward=through, **t)
    inference("jumprelu_skip_transcoder", tc.JumpReLUSkipTranscoder, tc.JumpReLUSkipTranscoderConfig, 23, forward=through, **t)
    inference("transcoder_layer_norm", tc.Transcoder, tc.TranscoderConfig, 24, forward=through,
              normalize_activations="layer_norm", **t)

    batch, matry = (BatchTopKTrainingSAE, BatchTopKTrainingSAEConfig), \
        (MatryoshkaBatchTopKTrainingSAE, MatryoshkaBatchTopKTrainingSAEConfig)
    checkpoint("checkpoint_batchtopk", *batch, 30, threshold=0.9, k=4.5, rescale_acts_by_decoder_norm=True)
    checkpoint("checkpoint_batchtopk_scaled", *batch, 31, scale=1.75, threshold=1.3, k=4.0, rescale_acts_by_decoder_norm=True)
    checkpoint("checkpoint_batchtopk_plain_scaled", *batch, 32, scale=0.6, threshold=0.7, k=4.0,
               rescale_acts_by_decoder_norm=False)
    checkpoint("checkpoint_matryoshka", *matry, 33, scale=1.2, threshold=0.8, k=4.0, matryoshka_widths=[5, 11, D_SAE])
    checkpoint("checkpoint_topk_scaled", TopKTrainingSAE, TopKTrainingSAEConfig, 34, scale=1.4, k=4)
    checkpoint("checkpoint_standard_scaled", StandardTrainingSAE, StandardTrainingSAEConfig, 35, scale=0.8)

    legacy("legacy", 40, {"normalize_activations": False})
    legacy("legacy_topk", 41, {"activation_fn_str": "topk", "activation_fn_kwargs": {"k": 3}, "apply_b_dec_to_input": False})
    legacy("legacy_true_normalize", 42, {"normalize_activations": True, "architecture": "standard"})
    legacy("legacy_ones", 43, {"finetuning_scaling_factor": True}, {"scaling_factor": torch.ones(D_SAE)})
    legacy("legacy_hook_z", 44, {"normalize_activations": "layer_norm", "hook_point": "blocks.1.attn.hook_z"}, width=12, heads=3)

    gemma_scope("layer_3/width_16k/average_l0_5", 50, np.savez)
    gemma_scope("layer_3/width_16k/average_l0_6", 51, np.savez_compressed, "mlp")
    inference("abstopk", AbsTopKSAE, AbsTopKSAEConfig, 60, k=4, canonical=False)
    inference("abstopk_rescaled", AbsTopKSAE, AbsTopKSAEConfig, 61, k=4, rescale_acts_by_decoder_norm=True)
    pursuit = dict(canonical=False, edit=unit_rows)
    inference("matching_pursuit", MatchingPursuitSAE, MatchingPursuitSAEConfig, 62, residual_threshold=0.3, **pursuit)
    inference("matching_pursuit_long", MatchingPursuitSAE, MatchingPursuitSAEConfig, 63, residual_threshold=0.0, max_iterations=12,
              stop_on_duplicate_support=False, **pursuit)
    inference("matching_pursuit_no_b_dec", MatchingPursuitSAE, MatchingPursuitSAEConfig, 64, apply_b_dec_to_input=False,
              max_iterations=3, **pursuit)
    checkpoint("checkpoint_matching_pursuit", MatchingPursuitTrainingSAE, MatchingPursuitTrainingSAEConfig, 65, scale=1.6,
               residual_threshold=0.5, canonical=False)
    temporal("temporal", 70, kval_topk=5)
    temporal("temporal_untied", 71, n_attn_layers=2, sae_diff_type="relu", tied_weights=False,
             normalize_activations="constant_scalar_rescale", activation_normalization_factor=0.4)
    total = sum(f.stat().st_size for f in OUT.rglob("*") if f.is_file())
    print(f"sae-lens {sae_lens.__version__}: {len(list(OUT.rglob('expected.safetensors')))} cases, {total} bytes in {OUT}")


main()
