"""Dictionaries in PyTorch files (.pt) against the libraries that own them.

    python -P tools/parity/torch_dictionaries.py golden [OUT]     small cases for tests/dict/test_dict_torch (OUT: tests/golden/torch_dicts)
    python -P tools/parity/torch_dictionaries.py read  --hooke ./hooke [--width D F N]     the same at a larger size, read by hooke

dictionary_learning's classes make their own files and say what is expected; DeepSeek's, Goodfire's, hook_z and Qwen Scope's go through
SAELens' loaders with downloads pointed at a folder; SAEBench's PCA through its class; OpenAI's and AxBench's, whose code is in no
package, through their formulas written out in torch. Needs sae-lens 6.54, dictionary-learning 0.1.
"""
import argparse
import json
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
for absent in ("nnsight", "wandb", "natsort", "schedulefree"):  # imported for training only
    try:
        __import__(absent)
    except ImportError:
        sys.modules[absent] = MagicMock()

from dictionary_learning.dictionary import AutoEncoder, AutoEncoderNew, GatedAutoEncoder, IdentityDict, JumpReluAutoEncoder  # noqa: E402
from dictionary_learning.trainers.batch_top_k import BatchTopKSAE  # noqa: E402
from dictionary_learning.trainers.matryoshka_batch_top_k import MatryoshkaBatchTopKSAE  # noqa: E402
from dictionary_learning.trainers.top_k import AutoEncoderTopK  # noqa: E402
from sae_lens.loading import pretrained_sae_loaders as loaders  # noqa: E402
from sae_lens.registry import get_sae_class  # noqa: E402

D, F, N, K = 8, 24, 9, 4
torch.manual_seed(0)


def rand(seed, *shape, scale=0.5):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) * scale


def inputs(seed):
    return rand(1000 + seed, N, D, scale=1.0) * torch.linspace(0.3, 5.0, N)[:, None] + 0.4


def fill(module, seed):
    """Random parameters, decoder rows of different length; buffers (k, threshold, group sizes) stay."""
    for i, p in enumerate(module.parameters()):
        p.data = rand(100 * seed + i, *p.shape, scale=0.4)
    return module


def put_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1) + "\n")


def save(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(value, path)


def trainer_config(dict_class, **more):
    trainer = {"trainer_class": "Trainer", "dict_class": dict_class, "lr": 5e-05, "steps": 100, "seed": 0, "activation_dim": D, "dict_size": F,
               "device": "cpu", "layer": 3, "lm_name": "EleutherAI/pythia-70m-deduped", "wandb_name": "w", "submodule_name": "resid_post_layer_3"}
    return {"trainer": {**trainer, **more}, "buffer": {"d_submodule": D, "io": "out", "n_ctxs": 8, "ctx_len": 128, "device": "cpu"}}


def through(module, x):
    with torch.no_grad():
        f = module.encode(x)
        return f, module.decode(f)


def dl(module, name, folder, seed, **config):
    save(folder / "ae.pt", module.state_dict())
    put_json(folder / "config.json", trainer_config(name, **config))
    return through(module, inputs(seed))


def dl_autoencoder(folder, seed):
    return dl(fill(AutoEncoder(D, F), seed), "AutoEncoder", folder, seed)


def dl_autoencoder_new(folder, seed):
    return dl(fill(AutoEncoderNew(D, F), seed), "AutoEncoderNew", folder, seed, submodule_name="mlp_out_layer_3")


def dl_gated(folder, seed):
    return dl(fill(GatedAutoEncoder(D, F), seed), "GatedAutoEncoder", folder, seed)


def dl_jumprelu(folder, seed):
    m = fill(JumpReluAutoEncoder(D, F), seed)
    m.threshold.data = rand(seed, F).abs()
    return dl(m, "JumpReluAutoEncoder", folder, seed)


def dl_topk(folder, seed):
    m = fill(AutoEncoderTopK(D, F, K), seed)
    m.threshold.fill_(0.3)  # stored, not used
    return dl(m, "AutoEncoderTopK", folder, seed, k=K + 1)  # the file's k counts


def dl_batch_topk(folder, seed):
    m = fill(BatchTopKSAE(D, F, K), seed)
    m.threshold.fill_(0.6)
    return dl(m, "BatchTopKSAE", folder, seed, k=K)


def dl_batch_topk_unset(folder, seed):
    """threshold -1: run as the top-k it was trained as. Expected: AutoEncoderTopK of the same weights."""
    m = fill(BatchTopKSAE(D, F, K), seed)
    dl(m, "BatchTopKSAE", folder, seed, k=K)
    t = AutoEncoderTopK(D, F, K)
    t.load_state_dict(m.state_dict())
    return through(t, inputs(seed))


def dl_matryoshka(folder, seed):
    m = fill(MatryoshkaBatchTopKSAE(D, F, K, [F // 4, F // 4, F // 2]), seed)
    m.threshold.fill_(0.5)
    return dl(m, "MatryoshkaBatchTopKSAE", folder, seed, k=K)


def dl_identity(folder, seed):
    return dl(IdentityDict(D), "IdentityDict", folder, seed, dict_size=D)


def dl_no_config(folder, seed):
    """checkpoints/ae_100.pt alone: a gated dictionary is known by its keys; saved in bfloat16, as a module's parameters."""
    m = fill(GatedAutoEncoder(D, F), seed).to(torch.bfloat16)
    save(folder / "checkpoints" / "ae_100.pt", {k: torch.nn.Parameter(v) for k, v in m.state_dict().items()})
    return through(m.float(), inputs(seed))


def dl_backup(folder, seed):
    """An interrupted run: weights under 'ae', biases and threshold not yet multiplied by norm_factor."""
    m = fill(BatchTopKSAE(D, F, K), seed)
    m.threshold.fill_(0.2)
    optimizer = torch.optim.Adam(m.parameters())
    config = trainer_config("BatchTopKSAE", k=K)
    save(folder / "ae.pt", {"step": 100, "ae": m.state_dict(), "optimizer": optimizer.state_dict(), "config": config["trainer"], "norm_factor": 3.5})
    put_json(folder / "config.json", config)
    m.scale_biases(3.5)
    return through(m, inputs(seed))


def pca(folder, seed):
    """SAEBench's class imports its whole package: its two lines are here."""
    w, _ = torch.linalg.qr(rand(seed, D, D))
    mean = rand(seed + 1, D)
    save(folder / "pca_gemma-2-2b_blocks.12.hook_resid_post.pt", {"W_enc": w, "W_dec": w.T, "mean": mean})
    f = (inputs(seed) - mean) @ w
    return f, f @ w.T + mean


def layer_norm(x):
    mu = x.mean(-1, keepdim=True)
    std = (x - mu).std(-1, keepdim=True)
    return (x - mu) / (std + 1e-5), mu, std


def openai_state(seed):
    return {"pre_bias": rand(seed, D), "latent_bias": rand(seed + 1, F), "stats_last_nonzero": torch.zeros(F, dtype=torch.long),
            "encoder.weight": rand(seed + 2, F, D), "decoder.weight": rand(seed + 3, D, F)}


def openai_topk(folder, seed):
    s = openai_state(seed)
    file = {**s, "activation": "TopK", "activation_state_dict": {"k": K, "postact_fn": "ReLU"}}
    save(folder / "gpt2-small/resid_delta_mlp_v5_32k/autoencoders/7.pt", file)
    x, mu, std = layer_norm(inputs(seed))
    h = (x - s["pre_bias"]) @ s["encoder.weight"].T + s["latent_bias"]
    top = torch.topk(h, K, dim=-1)
    f = torch.zeros_like(h).scatter_(-1, top.indices, torch.relu(top.values))
    return f, (f @ s["decoder.weight"].T + s["pre_bias"]) * std + mu


def openai_relu(folder, seed):
    s = openai_state(seed)
    del s["stats_last_nonzero"]
    save(folder / "gpt2-small/mlp_post_act/autoencoders/2.pt", {**s, "activation": "ReLU", "activation_state_dict": {}})
    f = torch.relu((inputs(seed) - s["pre_bias"]) @ s["encoder.weight"].T + s["latent_bias"])
    return f, f @ s["decoder.weight"].T + s["pre_bias"]


def through_saelens(loader, repo_id, name, folder, seed, **overrides):
    loaders.hf_hub_download = lambda repo_id, filename, **_: str(folder / filename)
    cfg, state, _ = loaders.NAMED_PRETRAINED_SAE_LOADERS[loader](repo_id, name, "cpu", False, {"dtype": "float32", "d_in": D, "d_sae": F, **overrides})
    cfg = loaders.handle_config_defaulting(cfg)
    cls, config = get_sae_class(cfg["architecture"])
    sae = cls(config.from_dict(cfg))
    sae.process_state_dict_for_loading(state)
    sae.load_state_dict({k: v.contiguous() for k, v in state.items()})
    return sae


def deepseek_r1(folder, seed):
    repo = folder / "DeepSeek-R1-Distill-Llama-8B-SAE-l19"
    name = "DeepSeek-R1-Distill-Llama-8B-SAE-l19.pt"
    m = fill(AutoEncoderNew(D, F), seed).to(torch.bfloat16)
    save(repo / name, m.state_dict())
    return through(through_saelens("deepseek_r1", "qresearch/DeepSeek-R1-Distill-Llama-8B-SAE-l19", name, repo, seed), inputs(seed))


def goodfire(folder, seed):
    name = "Llama-3.1-8B-Instruct-SAE-l19.pth"
    save(folder / name, {"encoder_linear.weight": rand(seed, F, D), "encoder_linear.bias": rand(seed + 1, F),
                         "decoder_linear.weight": rand(seed + 2, D, F), "decoder_linear.bias": rand(seed + 3, D)})
    return through(through_saelens("goodfire", "Goodfire/Llama-3.1-8B-Instruct-SAE-l19", name, folder, seed), inputs(seed))


def hook_z(folder, seed):
    name = "gpt2-small_L5_Hcat_z_lr1.20e-03.pt"
    save(folder / name, {"W_enc": rand(seed, D, F), "b_enc": rand(seed + 1, F), "W_dec": rand(seed + 2, F, D), "b_dec": rand(seed + 3, D)})
    put_json(folder / (name[:-3] + "_cfg.json"), {"act_size": D, "dict_size": F, "act_name": "blocks.5.attn.hook_z", "seed": 49})
    sae = through_saelens("connor_rob_hook_z", "ckkissane/attn-saes-gpt2-small-all-layers", name, folder, seed, reshape_activations="none")
    return through(sae, inputs(seed))


def qwen_scope(folder, seed):
    repo = folder / "SAE-Res-Qwen3-1.7B-Base-W32K-L0_4"
    save(repo / "layer6.sae.pt", {"W_enc": rand(seed, F, D), "b_enc": rand(seed + 1, F), "W_dec": rand(seed + 2, D, F), "b_dec": rand(seed + 3, D)})
    sae = through_saelens("qwen_scope", "Qwen/SAE-Res-Qwen3-1.7B-Base-W32K-L0_4", "layer6.sae.pt", repo, seed)
    return through(sae, inputs(seed))


def axbench(folder, name, seed, bias):
    n = 5
    w = rand(seed, n, D)
    b = rand(seed + 1, n)
    save(folder / f"{name}weight.pt", w.to(torch.bfloat16) if not bias else w)
    if bias:
        save(folder / f"{name}bias.pt", b)
    lines = [json.dumps({"concept_id": i, "concept": f"concept {i}", "ref": "", "concept_genres_map": {f"concept {i}": ["text"]}}) for i in range(n)]
    (folder / "metadata.jsonl").write_text("\n".join(lines) + "\n")
    return (w.to(torch.bfloat16).float() if not bias else w), b


def axbench_diffmean(folder, seed):
    w, b = axbench(folder, "DiffMean_", seed, True)
    put_json(folder / "config.json", {"model_name": "google/gemma-2-2b-it", "layer": 20, "component": "res"})
    f = inputs(seed) @ w.T + b
    return f, f @ w


def axbench_reft(folder, seed):
    w, _ = axbench(folder, "LsReFT_", seed, True)  # its bias is stored and not used
    put_json(folder / "config.json", {"model_name": "google/gemma-2-9b-it", "layer": 31, "component": "res"})
    f = torch.relu(inputs(seed) @ w.T)
    return f, f @ w


def axbench_published(folder, seed):
    w, _ = axbench(folder / "pyvene--gemma-reft-r1-2b-it-res/l20", "", seed, False)
    f = torch.relu(inputs(seed) @ w.T)
    return f, f @ w


def axbench_pruned(folder, seed):
    """GemmaScopeSAE.pt: a few features of a Gemma Scope dictionary, none of them subtracting b_dec."""
    s = {"W_enc": rand(seed, D, F), "b_enc": rand(seed + 1, F), "W_dec": rand(seed + 2, F, D), "b_dec": rand(seed + 3, D), "threshold": rand(seed + 4, F).abs()}
    save(folder / "GemmaScopeSAE.pt", s)
    put_json(folder / "config.json", {"model_name": "google/gemma-2-2b-it", "layer": 20, "component": "res"})
    h = inputs(seed) @ s["W_enc"] + s["b_enc"]
    f = torch.relu(h) * (h > s["threshold"])
    return f, f @ s["W_dec"] + s["b_dec"]


CASES = [dl_autoencoder, dl_autoencoder_new, dl_gated, dl_jumprelu, dl_topk, dl_batch_topk, dl_batch_topk_unset, dl_matryoshka, dl_identity, dl_no_config,
         dl_backup, pca, openai_topk, openai_relu, deepseek_r1, goodfire, hook_z, qwen_scope, axbench_diffmean, axbench_reft, axbench_published,
         axbench_pruned]
# What to open, relative to the case's folder ("" is the folder).
OPEN = {"dl_no_config": "checkpoints/ae_100.pt", "pca": "pca_gemma-2-2b_blocks.12.hook_resid_post.pt",
        "openai_topk": "gpt2-small/resid_delta_mlp_v5_32k/autoencoders/7.pt", "openai_relu": "gpt2-small/mlp_post_act/autoencoders/2.pt",
        "deepseek_r1": "DeepSeek-R1-Distill-Llama-8B-SAE-l19/DeepSeek-R1-Distill-Llama-8B-SAE-l19.pt", "goodfire": "Llama-3.1-8B-Instruct-SAE-l19.pth",
        "hook_z": "gpt2-small_L5_Hcat_z_lr1.20e-03.pt", "qwen_scope": "SAE-Res-Qwen3-1.7B-Base-W32K-L0_4/layer6.sae.pt",
        "axbench_diffmean": "DiffMean_weight.pt", "axbench_reft": "LsReFT_weight.pt", "axbench_published": "pyvene--gemma-reft-r1-2b-it-res/l20",
        "axbench_pruned": "GemmaScopeSAE.pt"}


def make(out):
    for seed, case in enumerate(CASES, 1):
        folder = out / case.__name__
        folder.mkdir(parents=True, exist_ok=True)
        acts, recon = case(folder, seed)
        expected = {"x": inputs(seed), "acts": acts.float(), "recon": recon.float()}
        save_file({k: v.detach().contiguous().clone() for k, v in expected.items()}, folder / "expected.safetensors")


def run(hooke, *args):
    r = subprocess.run([hooke, *map(str, args)], capture_output=True, text=True)
    if r.returncode:
        raise SystemExit(r.stderr)
    return r.stdout


def dense(codes, n, f):
    out = np.zeros((n, f), np.float32)
    t = load_file(codes)
    p, i, v = t["indptr"].numpy(), t["indices"].numpy(), t["values"].numpy()
    for r in range(n):
        out[r, i[p[r]:p[r + 1]]] = v[p[r]:p[r + 1]]
    return out


def read(hooke):
    worst = 0.0
    with tempfile.TemporaryDirectory() as tmp:
        out = Path(tmp)
        make(out)
        for case in CASES:
            name = case.__name__
            t = load_file(out / name / "expected.safetensors")
            save_file({"x": t["x"]}, out / "x.safetensors")
            what = out / name / OPEN.get(name, "")
            run(hooke, "encode", "-d", what, "-i", out / "x.safetensors", "-o", out / "codes.safetensors")
            run(hooke, "decode", "-d", what, "-i", out / "codes.safetensors", "-o", out / "y.safetensors")
            want = t["acts"].numpy()
            got = dense(out / "codes.safetensors", *want.shape)
            y = next(iter(load_file(out / "y.safetensors").values())).numpy()
            same = bool(((got != 0) == (want != 0)).all())
            e = float(np.abs(got - want).max() / np.abs(want).max())
            r = float(np.abs(y - t["recon"].numpy()).max() / np.abs(t["recon"].numpy()).max())
            worst = max(worst, e, r)
            print(f"{name:24s} active sets {'equal' if same else 'DIFFER'}  codes {e:.1e}  decode {r:.1e}")
            if not same or e > 1e-5 or r > 1e-5:
                raise SystemExit(f"{name}: differs")
    print(f"{len(CASES)} cases of width {F}, {N} rows: largest relative error {worst:.1e}")


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("what", choices=["golden", "read"])
    p.add_argument("out", nargs="?", default=str(Path(__file__).parents[2] / "tests/golden/torch_dicts"))
    p.add_argument("--hooke", default="./hooke")
    p.add_argument("--width", type=int, nargs=3, metavar=("D", "F", "N"), help="columns, features, rows of the larger size")
    a = p.parse_args()
    if a.what == "golden":
        make(Path(a.out))
    else:
        D, F, N = a.width or (64, 512, 100)
        read(a.hooke)
