"""Dictionary formats against the libraries that own them.

    python -P tools/parity/formats.py golden [OUT]            small cases for tests/dict/test_dict_formats (OUT: tests/golden/formats)
    python -P tools/parity/formats.py read  --hooke ./hooke   files as the peers publish them, read by hooke: same codes?
    python -P tools/parity/formats.py write --hooke ./hooke   files written by `hooke convert`, loaded by the peers: same codes?

Files come from the peers' own code where there is a writer (sparsify's save_to_disk, SAELens' save_model, dictionary_learning's
classes with torch.save), else they are made here in the published layout. What is expected comes from the peers' loaders (SAELens'
with its downloads pointed at a folder), or, where a library has no installable package, from its formula written out in torch.
Needs sae-lens 6.54, eai-sparsify 1.3, dictionary-learning 0.1.
"""
import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from unittest.mock import MagicMock

import numpy as np
import torch
from safetensors.torch import load_file, save_file

warnings.filterwarnings("ignore")
for absent in ("nnsight", "wandb", "natsort", "schedulefree", "simple_parsing", "accelerate"):  # imported by the peers for training only
    try:
        __import__(absent)
    except ImportError:
        sys.modules[absent] = MagicMock()

from dictionary_learning.dictionary import AutoEncoder, AutoEncoderNew, GatedAutoEncoder, JumpReluAutoEncoder  # noqa: E402
from dictionary_learning.trainers.batch_top_k import BatchTopKSAE  # noqa: E402
from dictionary_learning.trainers.matryoshka_batch_top_k import MatryoshkaBatchTopKSAE  # noqa: E402
from dictionary_learning.trainers.top_k import AutoEncoderTopK  # noqa: E402
from dictionary_learning.utils import load_dictionary  # noqa: E402
from huggingface_hub.utils import EntryNotFoundError  # noqa: E402
from sae_lens.loading import pretrained_sae_loaders as loaders  # noqa: E402
from sae_lens.registry import get_sae_class  # noqa: E402
from sae_lens.saes.sae import SAE  # noqa: E402
from sparsify import SparseCoder, SparseCoderConfig  # noqa: E402

D, F, N = 8, 24, 9
# What to open of a case in tests/golden/torch_dicts, where it is not the folder (tools/parity/torch_dictionaries.py).
TORCH_FILES = {"dl_no_config": "checkpoints/ae_100.pt", "pca": "pca_gemma-2-2b_blocks.12.hook_resid_post.pt",
               "openai_topk": "gpt2-small/resid_delta_mlp_v5_32k/autoencoders/7.pt", "openai_relu": "gpt2-small/mlp_post_act/autoencoders/2.pt",
               "deepseek_r1": "DeepSeek-R1-Distill-Llama-8B-SAE-l19/DeepSeek-R1-Distill-Llama-8B-SAE-l19.pt",
               "goodfire": "Llama-3.1-8B-Instruct-SAE-l19.pth", "hook_z": "gpt2-small_L5_Hcat_z_lr1.20e-03.pt",
               "qwen_scope": "SAE-Res-Qwen3-1.7B-Base-W32K-L0_4/layer6.sae.pt", "axbench_diffmean": "DiffMean_weight.pt",
               "axbench_reft": "LsReFT_weight.pt", "axbench_published": "pyvene--gemma-reft-r1-2b-it-res/l20", "axbench_pruned": "GemmaScopeSAE.pt"}


class Sizes:
    d, f, n = D, F, N


def rand(seed, *shape, scale=0.5):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) * scale


def inputs(seed):
    x = rand(1000 + seed, Sizes.n, Sizes.d, scale=1.0) * torch.linspace(0.3, 5.0, Sizes.n)[:, None] + 0.4
    return x


def weights(seed, f=None):
    """Decoder rows of different length, so that scales show."""
    d, f = Sizes.d, f or Sizes.f
    g = 4 * seed
    return {"W_enc": rand(g, d, f), "b_enc": rand(g + 1, f, scale=0.3), "W_dec": rand(g + 2, f, d), "b_dec": rand(g + 3, d, scale=0.3)}


def thresholds(seed, low=0.05, high=0.8):
    return torch.rand(Sizes.f, generator=torch.Generator().manual_seed(seed)) * (high - low) + low


def turned(w):
    return w.T.contiguous()


def put(folder, name, tensors, metadata=None):
    folder.mkdir(parents=True, exist_ok=True)
    save_file({k: v.contiguous() for k, v in tensors.items()}, folder / name, metadata)


def put_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value) + "\n")


# ---- SAELens' loaders, from a folder ----

def local_loader(name, root, repo_id, folder, fold=None, **overrides):
    """An SAE built by SAELens' converter `name` from files under root."""
    def fetch(repo=None, filename=None, subfolder=None, force_download=False, revision=None, repo_id=None):
        path = root / subfolder / filename if subfolder else root / filename
        if not path.exists():
            raise EntryNotFoundError(str(path))
        return str(path)

    def shapes(repo, filename):
        return {k: list(v.shape) for k, v in load_file(root / filename).items()}

    loaders.hf_hub_download, loaders.get_safetensors_tensor_shapes = fetch, shapes
    cfg, state, _ = loaders.NAMED_PRETRAINED_SAE_LOADERS[name](repo_id, folder, "cpu", False, {"dtype": "float32", **overrides})
    cfg = loaders.handle_config_defaulting(cfg)
    cls, cfg_cls = get_sae_class(cfg["architecture"])
    sae = cls(cfg_cls.from_dict(cfg))
    sae.process_state_dict_for_loading(state)
    sae.load_state_dict(state)
    if fold:
        sae.fold_activation_norm_scaling_factor(fold)
    return sae


def run(sae, x):
    with torch.no_grad():
        return sae.encode(x), sae(x)


def jump(h, t):
    return torch.relu(h) * (h > t)


# ---- cases: each makes a folder under root and says what it must give ----

CASES = {}


def case(fn):
    CASES[fn.__name__] = fn
    return fn


def sparsify(root, seed, hookpoint, **cfg):
    coder = SparseCoder(Sizes.d, SparseCoderConfig(num_latents=Sizes.f, **cfg))
    w = weights(seed)
    with torch.no_grad():
        coder.encoder.weight.copy_(turned(w["W_enc"]))
        coder.encoder.bias.copy_(w["b_enc"])
        coder.W_dec.copy_(w["W_dec"])
        coder.b_dec.copy_(w["b_dec"])
        if coder.W_skip is not None:
            coder.W_skip.copy_(rand(seed + 900, Sizes.d, Sizes.d, scale=0.2))
    coder.save_to_disk(root / hookpoint)
    put_json(root / "config.json", {"model": "EleutherAI/pythia-70m", "ctx_len": 256})
    return root / hookpoint, sparse_coder_codes(coder, inputs(seed))


def sparse_coder_codes(coder, x):
    with torch.no_grad():
        top, index, _ = coder.encode(x)
        acts = torch.zeros(len(x), coder.num_latents).scatter_(1, index, top)
        y = acts @ coder.W_dec + coder.b_dec
        if coder.W_skip is not None:
            y = y + x @ coder.W_skip.mT
    return x, acts, y


@case
def sparsify_topk(root):
    return sparsify(root, 1, "layers.3", k=4)


@case
def sparsify_groupmax(root):
    return sparsify(root, 2, "layers.3.mlp", k=4, activation="groupmax")


@case
def sparsify_skip_transcoder(root):
    return sparsify(root, 3, "layers.3.mlp", k=5, transcode=True, skip_connection=True)


@case
def sparsify_transcoder(root):
    return sparsify(root, 4, "layers.2.mlp", k=5, transcode=True)


def gemma3(root, seed, folder, config=None, affine=False, targets=0, file="params.safetensors"):
    w, d = weights(seed), Sizes.d
    t = {"w_enc": w["W_enc"], "w_dec": w["W_dec"], "b_enc": w["b_enc"], "b_dec": w["b_dec"], "threshold": thresholds(seed)}
    if affine:
        t["affine_skip_connection"] = rand(seed + 800, d, d, scale=0.2)
    if targets:
        t["w_dec"] = rand(seed + 700, Sizes.f, targets, d)
    base = root / "google--gemma-scope-2-1b-pt"
    put(base / folder, file, t)
    if config:
        put_json(base / folder / "config.json", config)
    name = f"{folder}/{file[:-len('.safetensors')]}" if "clt" in folder else folder
    sae = local_loader("gemma_3", base, "google/gemma-scope-2-1b-pt", name)
    x = inputs(seed)
    return (base / folder / file if "clt" in folder else base / folder), (x, *run(sae, x))


@case
def gemma_scope_2_resid(root):
    return gemma3(root, 10, "resid_post/layer_7_width_16k_l0_small",
                  {"architecture": "jump_relu", "model_name": "google/gemma-3-1b-pt", "type": "sae", "width": Sizes.f, "l0": 20,
                   "hf_hook_point_in": "model.layers.7.output", "hf_hook_point_out": "model.layers.7.output"})


@case
def gemma_scope_2_attn(root):
    return gemma3(root, 11, "attn_out/layer_7_width_16k_l0_medium")


@case
def gemma_scope_2_affine(root):
    return gemma3(root, 12, "transcoder/layer_13_width_65k_l0_medium_affine",
                  {"architecture": "jump_relu", "model_name": "google/gemma-v3-1b-pt", "type": "transcoder", "width": Sizes.f,
                   "l0": 60, "hf_hook_point_in": "model.layers.13.pre_feedforward_layernorm.output",
                   "hf_hook_point_out": "model.layers.13.post_feedforward_layernorm.output", "affine_connection": True}, affine=True)


@case
def gemma_scope_2_clt(root):
    return gemma3(root, 13, "clt/width_16k_l0_medium", targets=3, file="params_layer_2.safetensors")


def gemma2_npz(root, seed, repo, folder, conversion):
    w = weights(seed)
    base = root / repo.replace("/", "--")
    (base / folder).mkdir(parents=True)
    np.savez(base / folder / "params.npz", **{k: v.numpy() for k, v in w.items()}, threshold=thresholds(seed).numpy())
    sae = local_loader(conversion, base, repo, folder)
    x = inputs(seed)
    return base / folder, (x, *run(sae, x))


@case
def gemma_scope_transcoder(root):
    loaders.get_gemma_2_transcoder_config_from_hf = lambda *a, **k: {
        "architecture": "jumprelu_transcoder", "d_in": Sizes.d, "d_out": Sizes.d, "d_sae": Sizes.f, "dtype": "float32", "device": "cpu",
        "activation_fn": "relu", "normalize_activations": "none", "model_name": "gemma-2-2b",
        "hook_name": "blocks.4.ln2.hook_normalized", "hook_name_out": "blocks.4.hook_mlp_out", "apply_b_dec_to_input": False,
        "context_size": 1024}  # REF looks widths up in a table of published names; everything else is its own
    return gemma2_npz(root, 14, "google/gemma-scope-2b-pt-transcoders", "layer_4/width_16k/average_l0_88", "gemma_2_transcoder")


def llama_weights(seed):
    w = weights(seed)
    return {"encoder.weight": turned(w["W_enc"]), "encoder.bias": w["b_enc"], "decoder.weight": turned(w["W_dec"]),
            "decoder.bias": w["b_dec"]}


def hyperparams(hook_in, hook_out, norm_in, norm_out):
    return {"hook_point_in": hook_in, "hook_point_out": hook_out, "d_model": Sizes.d, "d_sae": Sizes.f, "expansion_factor": 3,
            "act_fn": "topk", "top_k": 5, "jump_relu_threshold": 0.25, "norm_activation": "dataset-wise",
            "dataset_average_activation_norm": {"in": norm_in, "out": norm_out}, "sparsity_include_decoder_norm": True,
            "use_decoder_bias": True, "apply_decoder_bias_to_pre_encoder": False}


def llama_official(w, x, s_in, s_out, threshold):
    """The release's own folds: biases and decoder into raw units, decoder rows to length 1, then JumpReLU in that scale."""
    W_dec, b_enc = w["W_dec"] * (s_in / s_out), w["b_enc"] / s_in
    n = W_dec.norm(dim=1)
    acts = jump((x @ w["W_enc"] + b_enc) * n, threshold)
    return x, acts, acts @ (W_dec / n[:, None]) + w["b_dec"] / s_out


def llama_scope_case(root, seed, name, hook_in, hook_out, norm_in, norm_out):
    put(root / name / "checkpoints", "final.safetensors", llama_weights(seed))
    put_json(root / name / "hyperparams.json", hyperparams(hook_in, hook_out, norm_in, norm_out))
    root_d = Sizes.d**0.5
    return root / name, llama_official(weights(seed), inputs(seed), root_d / norm_in, root_d / norm_out, 0.25)


@case
def llama_scope(root):
    return llama_scope_case(root, 20, "Llama3_1-8B-Base-L0R-8x", "blocks.0.hook_resid_post", "blocks.0.hook_resid_post", 3.5, 3.5)


@case
def llama_scope_transcoder(root):
    return llama_scope_case(root, 21, "Llama3_1-8B-Base-L0TC-8x", "blocks.0.ln2.hook_normalized", "blocks.0.hook_mlp_out", 4.0, 1.5)


@case
def llama_scope_saelens(root):
    """The same kind of file as SAELens reads it: --as-saelens."""
    name = "Llama3_1-8B-Base-L1R-8x"
    put(root / name / "checkpoints", "final.safetensors", llama_weights(22))
    put_json(root / name / "hyperparams.json", hyperparams("blocks.1.hook_resid_post", "blocks.1.hook_resid_post", 2.5, 2.5))
    sae = local_loader("llama_scope", root, "fnlp/Llama3_1-8B-Base-LXR-8x", name, fold=Sizes.d**0.5 / 2.5)
    x = inputs(22)
    return root / name, (x, *run(sae, x))


@case
def llama_scope_r1(root):
    """Without the registry's factor: the scale stays open, as SAELens leaves it when loading from disk."""
    name = "800M-Slimpajama-0-OpenR1-Math-220k/L15R"
    put(root / name, "sae_weights.safetensors", {**llama_weights(23), "log_jumprelu_threshold": thresholds(23).log()})
    put_json(root / name / "config.json", {"d_model": Sizes.d, "expansion_factor": Sizes.f // Sizes.d,
                                          "hook_point_in": "blocks.15.hook_resid_post", "hook_point_out": "blocks.15.hook_resid_post"})
    sae = local_loader("llama_scope_r1_distill", root, "fnlp/Llama-Scope-R1-Distill", name)
    x = inputs(23)
    return root / name, (x, *run(sae, x))


@case
def llama_scope_r1_folded(root):
    """With the factor 1.5, as the registry gives one: what SAELens' from_pretrained folds."""
    folder, _ = llama_scope_r1(root)
    sae = local_loader("llama_scope_r1_distill", root, "fnlp/Llama-Scope-R1-Distill", str(folder.relative_to(root)), fold=1.5)
    x = inputs(23)
    return folder, (x, *run(sae, x))


def llamascopium(root, seed, glu=False, include_norm=True, norm="dataset-wise", site_out=None, file="sae_weights.safetensors", **cfg):
    w, d, site = weights(seed), Sizes.d, "blocks.13.hook_resid_post" if site_out is None else "blocks.13.hook_resid_mid"
    site_out = site_out or site
    t = {"W_E": w["W_enc"], "b_E": w["b_enc"], "W_D": w["W_dec"], "b_D": w["b_dec"],
         f"dataset_average_activation_norm.{site_out}": torch.tensor(1.5), f"dataset_average_activation_norm.{site}": torch.tensor(3.25)}
    if glu:
        t["W_E_glu"], t["b_E_glu"] = rand(seed + 600, d, Sizes.f), rand(seed + 601, Sizes.f)
    if cfg["act_fn"] == "jumprelu":
        t["activation_function.log_jumprelu_threshold"] = thresholds(seed).log()
    folder = root / f"{site}-8x"
    (folder / file).parent.mkdir(parents=True, exist_ok=True)
    if file.endswith(".pt"):
        torch.save({"sae": t, "version": "1.0"}, folder / file)
    else:
        put(folder, file, t, {"version": "1.0"})
    config = {"sae_type": "sae", "d_model": d, "expansion_factor": Sizes.f / d, "use_decoder_bias": True, "norm_activation": norm,
              "sparsity_include_decoder_norm": include_norm, "top_k": 5, "hook_point_in": site, "hook_point_out": site_out,
              "use_glu_encoder": glu, **cfg}
    put_json(folder / "config.json", config)
    x = inputs(seed)
    s = d**0.5 / 3.25 if norm == "dataset-wise" else d**0.5 / x.norm(dim=-1, keepdim=True)
    s_out = s if site_out == site else d**0.5 / 1.5
    h = (s * x) @ w["W_enc"] + w["b_enc"]
    if glu:
        h = h * torch.sigmoid((s * x) @ t["W_E_glu"] + t["b_E_glu"])
    n = w["W_dec"].norm(dim=1) if include_norm else torch.ones(Sizes.f)
    v = h * n
    if cfg["act_fn"] == "jumprelu":
        gate = v * (v > t["activation_function.log_jumprelu_threshold"].exp())
    elif cfg["act_fn"] == "topk":
        positive = torch.relu(v)
        top = positive.topk(5, dim=-1)
        gate = torch.zeros_like(v).scatter_(1, top.indices, top.values)
    elif cfg["act_fn"] == "batchtopk":
        positive = torch.relu(v).flatten()
        top = positive.topk(5 * len(x))
        gate = torch.zeros_like(positive).scatter_(0, top.indices, top.values).view_as(v)
    else:
        gate = torch.relu(v)
    acts = gate / n
    return folder, (x, acts, (acts @ w["W_dec"] + w["b_dec"]) / s_out)


@case
def llamascopium_jumprelu(root):
    return llamascopium(root, 30, act_fn="jumprelu")


@case
def llamascopium_topk_glu(root):
    return llamascopium(root, 31, act_fn="topk", glu=True)


@case
def llamascopium_topk_plain(root):
    return llamascopium(root, 32, act_fn="topk", include_norm=False, norm="token-wise")


@case
def llamascopium_batchtopk(root):
    return llamascopium(root, 33, act_fn="batchtopk")


@case
def llamascopium_relu_glu(root):
    return llamascopium(root, 34, act_fn="relu", glu=True, norm="token-wise")


@case
def llamascopium_pt(root):
    return llamascopium(root, 35, act_fn="jumprelu", glu=True, file="sae_weights.pt")


@case
def llamascopium_checkpoint(root):
    return llamascopium(root, 36, act_fn="topk", file="checkpoints/final.pt")


@case
def llamascopium_transcoder(root):
    return llamascopium(root, 37, act_fn="jumprelu", site_out="blocks.13.hook_mlp_out", file="checkpoints/pruned.safetensors")


@case
def llamascopium_topk_transcoder(root):
    return llamascopium(root, 38, act_fn="topk", site_out="blocks.13.hook_mlp_out", file="sae_weights.pt")


CONFIG_YAML = "model_name: Qwen/Qwen3-4B\nmodel_kind: {}\nfeature_input_hook: mlp.hook_in\nfeature_output_hook: hook_mlp_out\n{}"


def transcoder_set(root, seed, name, text="", **more):
    w = weights(seed)
    put(root / name, "layer_5.safetensors", {**w, "W_enc": turned(w["W_enc"]), **more})
    (root / name / "config.yaml").write_text(CONFIG_YAML.format("transcoder_set", text))
    return root / name / "layer_5.safetensors"


@case
def mwhanna_transcoder(root):
    path = transcoder_set(root, 40, "qwen3-4b-transcoders")
    (path.parent / "wandb-config.yaml").write_text(
        f"_wandb:\n    value:\n        t:\n            \"1\":\n                - 1\n                - 5\n        m:\n"
        f"            - \"1\": trainer/step\n              \"6\":\n                - 3\nbatch_size:\n    value: 4096\n"
        f"d_feature:\n    value: {Sizes.f}\nd_model:\n    value: {Sizes.d}\n")
    sae = local_loader("mwhanna_transcoder", path.parent, "mwhanna/qwen3-4b-transcoders", path.name)
    x = inputs(40)
    return path, (x, *run(sae, x))


@case
def circuit_signed_topk(root):
    skip = rand(1041, Sizes.d, Sizes.d, scale=0.2)
    path = transcoder_set(root, 41, "signed", "activation: topk\nk: 6\n", W_skip=skip)
    w, x = weights(41), inputs(41)
    h = x @ w["W_enc"] + w["b_enc"]
    top = h.topk(6, dim=-1)
    acts = torch.zeros_like(h).scatter_(1, top.indices, top.values)
    return path, (x, acts, acts @ w["W_dec"] + w["b_dec"] + x @ skip.T)


@case
def circuit_threshold(root):
    t = thresholds(42)
    path = transcoder_set(root, 42, "threshold", **{"activation_function.threshold": t})
    w, x = weights(42), inputs(42)
    acts = jump(x @ w["W_enc"] + w["b_enc"], t)
    return path, (x, acts, acts @ w["W_dec"] + w["b_dec"])


@case
def cross_layer(root):
    w, folder = weights(43), root / "clt-gemma-2-2b"
    put(folder, "W_enc_2.safetensors", {"W_enc_2": turned(w["W_enc"]), "b_enc_2": w["b_enc"], "b_dec_2": w["b_dec"]})
    put(folder, "W_dec_2.safetensors", {"W_dec_2": rand(1043, Sizes.f, 4, Sizes.d)})
    (folder / "config.yaml").write_text(CONFIG_YAML.format("cross_layer_transcoder", ""))
    sae = local_loader("mntss_clt_layer_transcoder", folder, "mntss/clt-gemma-2-2b-426k", "2")
    x = inputs(43)
    return folder / "W_enc_2.safetensors", (x, *run(sae, x))


@case
def temporal_yaml(root):
    folder = root / "gemma-2-2b/layer_12/temporal"
    d, f, heads, bottleneck = Sizes.d, Sizes.f, 2, 4
    t = {"D": rand(1050, f, d), "b": rand(1051, d), "E": rand(1052, d, f)}
    for i, (name, rows) in enumerate([("q_target", f // bottleneck), ("k_ctx", f // bottleneck), ("v_ctx", f), ("c_proj", f)]):
        t[f"attn_layers.0.{name}.weight"] = rand(1060 + i, rows, f, scale=0.4)
        t[f"attn_layers.0.{name}.bias"] = rand(1070 + i, rows, scale=0.2)
    put(folder, "latest_ckpt.safetensors", t)
    (folder / "conf.yaml").write_text(
        f"defaults:\n- _self_\nllm:\n  dimin: {d}\ndata:\n  dtype: float32\nsae:\n  exp_factor: {f / d}\n  n_heads: {heads}\n"
        f"  n_attn_layers: 1\n  bottleneck_factor: {bottleneck}\n  sae_diff_type: topk\n  kval_topk: 5\n  tied_weights: false\n"
        f"  scaling_factor: 0.35  # of activations\n")
    sae = local_loader("temporal", root, "canrager/temporalSAEs", "gemma-2-2b/layer_12/temporal")
    x = inputs(50)
    with torch.no_grad():
        return folder, (x, sae.encode(x[None])[0], sae(x[None])[0])


def make(name, root):
    """Writes a case and expected.safetensors; returns the path to open."""
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    path, (x, acts, recon) = CASES[name](root)
    save_file({"x": x.contiguous(), "acts": acts.contiguous(), "recon": recon.contiguous()}, root / "expected.safetensors")
    return path


def golden(out):
    for name in CASES:
        print(make(name, out / name).relative_to(out))
    print(f"{len(CASES)} cases, {sum(p.stat().st_size for p in out.rglob('*') if p.is_file())} bytes in {out}")


# ---- against the program ----

class Program:
    """hooke encode on rows that lie in a file; codes come back dense."""

    def __init__(self, path, scratch):
        self.path, self.scratch = path, scratch

    def run(self, *args):
        done = subprocess.run([self.path, *map(str, args)], capture_output=True, text=True)
        return done.returncode, done.stderr.strip() if done.returncode else done.stdout

    def codes(self, dictionary, x, *options):
        rows, out = self.scratch / "rows.safetensors", self.scratch / "codes.safetensors"
        save_file({"x": x.contiguous()}, rows)
        code, text = self.run("encode", "-d", dictionary, "-i", f"{rows}:x", "-o", out, "--dense", "-q", "--dtype", "f32", *options)
        if code:
            raise RuntimeError(text)
        return load_file(out)["codes"].view(x.shape[0], -1)


def compare(got, want):
    """How many are on; differing active sets; largest relative difference of values on in both (floor: a tenth of the row's)."""
    on = (got != 0) & (want != 0)
    floor = want.abs().amax(dim=-1, keepdim=True) * 0.1 + 1e-30
    error = ((got - want).abs() / torch.maximum(want.abs(), floor))[on]
    return int((want != 0).sum()), int(((got != 0) != (want != 0)).sum()), float(error.max()) if error.numel() else 0.0


OPTIONS = {"llama_scope_saelens": ["--as-saelens"], "llama_scope_r1_folded": ["--norm-scaling-factor", "1.5"]}


def report(what, n_on, differ, error, bad):
    good = n_on > 0 and differ == 0 and error <= 1e-5
    print(f"{'ok' if good else 'NO':3} {what:64} {n_on:7} {differ:4} {error:.1e}", flush=True)
    return bad + (not good)


def read(program, scratch):
    """Wider dictionaries and more rows than the golden files."""
    Sizes.d, Sizes.f, Sizes.n = 64, 768, 200
    bad = 0
    for name in CASES:
        path = make(name, scratch / name)
        expected = load_file(scratch / name / "expected.safetensors")
        got = program.codes(path, expected["x"], *OPTIONS.get(name, []))
        bad = report(name, *compare(got, expected["acts"]), bad)
    return bad


def load_saelens(folder):
    sae = SAE.load_from_disk(folder, device="cpu", dtype="float32")
    if sae.cfg.reshape_activations == "hook_z":
        return lambda x: sae.encode(x.view(len(x), 3 if x.shape[1] % 3 == 0 else 4, -1))
    return (lambda x: sae.encode(x[None])[0]) if sae.cfg.architecture() == "temporal" else sae.encode


def load_gemma_scope(folder):
    """REF takes widths and sites from published names; tensors and mathematics are its own."""
    root = folder.parent / "google--gemma-scope-2b-pt-res"
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(folder, root / "layer_3/width_16k/average_l0_5")
    arrays = np.load(folder / "params.npz")
    d, f = arrays["W_enc"].shape
    cfg = {"architecture": "jumprelu", "d_in": d, "d_sae": f, "dtype": "float32", "device": "cpu", "activation_fn": "relu",
           "normalize_activations": "none", "model_name": "gemma-2-2b", "hook_name": "blocks.3.hook_resid_post",
           "apply_b_dec_to_input": False, "context_size": 1024}
    loaders.get_gemma_2_config_from_hf = lambda *a, **k: cfg
    return local_loader("gemma_2", root, "google/gemma-scope-2b-pt-res", "layer_3/width_16k/average_l0_5").encode


def load_sparsify(folder):
    coder = SparseCoder.load_from_disk(folder)
    return lambda x: sparse_coder_codes(coder, x)[1]


NORM_IN_GATE = {"llamascopium_checkpoint", "llamascopium_topk_transcoder"}
PEERS = {"saelens": load_saelens, "gemma_scope": load_gemma_scope, "sparsify": load_sparsify,
         "dictionary_learning": lambda folder: load_dictionary(str(folder), "cpu")[0].encode}


def sources(scratch):
    """SAELens' own small dictionaries, those in PyTorch files, the cases above, and their rows."""
    for folder in sorted(Path("tests/golden/dict").rglob("expected.safetensors")):
        yield str(folder.parent.relative_to("tests/golden/dict")), folder.parent, load_file(folder)["x"]
    for folder in sorted(Path("tests/golden/torch_dicts").rglob("expected.safetensors")):
        name = folder.parent.name
        yield f"PyTorch {name}", folder.parent / TORCH_FILES.get(name, ""), load_file(folder)["x"]
    for name in CASES:
        yield name, make(name, scratch / name), load_file(scratch / name / "expected.safetensors")["x"]


def write(program, scratch):
    bad, done = 0, 0
    for name, path, x in sources(scratch):
        for target, load in PEERS.items():
            for form in ([], ["--canonical"]):
                out = scratch / "written"
                shutil.rmtree(out, ignore_errors=True)
                code, text = program.run("convert", path, out, "--to", target, "--drop", "all", "--json", *form)
                if code:
                    continue  # refused: what cannot be held is in docs/formats.md
                lost = [loss["name"] for loss in json.loads(text)["lost"]]
                # written in the unit that selection sees: raw, but canonical where decoder norms are in the gate
                seen = ["--canonical"] if name in NORM_IN_GATE else []
                want = program.codes(path, x, *(seen if "scale" in lost else form))
                with torch.no_grad():
                    got = load(out)(x).reshape(len(x), -1)
                what = f"{name} -> {target}{' canonical' if form else ''}{' (lost: ' + ', '.join(lost) + ')' if lost else ''}"
                bad = report(what, *compare(got, want), bad)
                done += 1
    print(f"{done} written, {bad} differ")
    return bad


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["golden", "read", "write"])
    parser.add_argument("out", nargs="?", type=Path, default=Path("tests/golden/formats"))
    parser.add_argument("--hooke", default="./hooke")
    a = parser.parse_args()
    if a.what == "golden":
        return golden(a.out)
    with tempfile.TemporaryDirectory() as scratch:
        program = Program(a.hooke, Path(scratch))
        sys.exit((read if a.what == "read" else write)(program, Path(scratch)) > 0)


if __name__ == "__main__":
    main()
