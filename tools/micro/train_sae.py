"""Trains a JumpReLU dictionary on micro's middle residual stream and writes it in Gemma Scope's layout.

    python train_sae.py --model models/micro --layer 2 --tokens 3e6 --out models/micro-sae

Training is BatchTopK: the k * rows largest pre-activations of a batch stay. Then the threshold that keeps k a token
on average becomes the JumpReLU threshold of every feature. Decoder rows have unit length; the encoder takes the raw
activation (no b_dec is subtracted); the scale that training divides by is folded into the weights before they are
written. BOS, EOS and padding take no part.
"""
import argparse
import json
import pathlib
import time

import numpy as np
import torch
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

import train

LENGTH = 128


def activations(folder, layer, seed, drills, rows=32):
    """An endless stream of [tokens, width] blocks from the world, rows of LENGTH tokens with BOS in front."""
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").model
    model.layers = model.layers[:layer + 1]
    model.norm = torch.nn.Identity()
    special = torch.tensor([tokenizer.pad_token_id, tokenizer.eos_token_id, tokenizer.bos_token_id])
    stream = train.rows(tokenizer, seed, drills)
    while True:
        x = torch.tensor([next(stream) for _ in range(rows // 2)]).view(-1, LENGTH)
        x[:, 0] = tokenizer.bos_token_id
        with torch.no_grad():
            states = model(input_ids=x, use_cache=False).last_hidden_state
        yield states[~torch.isin(x, special)]


def batches(blocks, size, pool):
    """Batches out of `pool` tokens, collected once and gone through again and again in new orders."""
    kept = []
    while sum(map(len, kept)) < pool:
        kept.append(next(blocks))
    kept = torch.cat(kept)
    while True:
        for part in torch.randperm(len(kept)).split(size):
            if len(part) == size:
                yield kept[part]


class Dictionary(torch.nn.Module):
    def __init__(self, width, features, mean):
        super().__init__()
        rows = torch.nn.functional.normalize(torch.randn(features, width), dim=1)
        self.W_dec = torch.nn.Parameter(rows)
        self.W_enc = torch.nn.Parameter(rows.T.clone())
        self.b_enc = torch.nn.Parameter(-(mean @ rows.T))
        self.b_dec = torch.nn.Parameter(mean.clone())

    def pre(self, x):
        return x @ self.W_enc + self.b_enc

    @torch.no_grad()
    def unit_rows(self):
        self.W_dec.div_(self.W_dec.norm(dim=1, keepdim=True))


def keep_largest(pre, count, stride=29):
    """Zero but for the `count` largest positive entries of the batch; the bound is read off every 29th entry."""
    acts = torch.relu(pre)
    sample = acts.detach().flatten()[::stride]
    bound = torch.topk(sample, max(1, count // stride)).values[-1]
    return acts * (acts >= bound), bound


def dead_loss(pre, dead, error, k=64):
    """The error's own reconstruction by the best of the dead features: it gives them a gradient."""
    if dead.sum() < k:
        return torch.zeros(())
    chosen = torch.where(dead, pre, torch.full_like(pre, -1e9))
    top = torch.topk(chosen, k, dim=1)
    return torch.relu(top.values), top.indices


def fit(options):
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    blocks = activations(options.model, options.layer, options.seed, options.drills)
    stream = batches(blocks, options.batch, options.pool)
    first = next(stream)
    scale = (first.pow(2).sum(1).mean() / first.shape[1]).sqrt()
    sae = Dictionary(first.shape[1], options.features, first.mean(0) / scale)
    opt = torch.optim.Adam(sae.parameters(), lr=options.lr, betas=(0.9, 0.99))
    idle = torch.zeros(options.features)
    total, began = int(options.tokens / options.batch), time.time()
    for step in range(total):
        x = next(stream) / scale
        k = options.k * (1 + 3 * max(0.0, 1 - step / (0.2 * total)))
        pre = sae.pre(x)
        acts, _ = keep_largest(pre, int(k * len(x)))
        error = x - (acts @ sae.W_dec + sae.b_dec)
        loss = error.pow(2).sum(1).mean()
        idle = torch.where((acts > 0).any(0), 0, idle + len(x))
        dead = idle > options.dead_after
        if int(dead.sum()) >= 64 and step % 2 == 0:
            values, indices = dead_loss(pre, dead, error)
            spare = (values[..., None] * sae.W_dec[indices]).sum(1)
            loss = loss + 2 / 32 * (error.detach() - spare).pow(2).sum(1).mean()
        rate = min(1, (step + 1) / 100, (total - step) / (0.3 * total))
        opt.param_groups[0]["lr"] = options.lr * rate
        opt.zero_grad()
        loss.backward()
        radial = (sae.W_dec.grad * sae.W_dec).sum(1, keepdim=True)
        sae.W_dec.grad -= radial * sae.W_dec.detach()
        opt.step()
        sae.unit_rows()
        if (step + 1) % 100 == 0:
            unexplained = error.pow(2).sum() / (x - x.mean(0)).pow(2).sum()
            print(f"step {step + 1}/{total} explained {1 - unexplained.item():.4f} dead {int(dead.sum())} "
                  f"{(step + 1) * options.batch / (time.time() - began):.0f} tok/s", flush=True)
    return sae, scale, blocks


@torch.no_grad()
def threshold(sae, scale, blocks, k, count=12):
    """The bound that keeps k features a token on average over fresh blocks."""
    acts = torch.relu(torch.cat([sae.pre(next(blocks) / scale) for _ in range(count)]))
    return torch.topk(acts.flatten(), int(k * len(acts))).values[-1].item()


@torch.no_grad()
def folded(sae, scale, bound):
    """float32 arrays for raw activations: unit decoder rows, the scale moved into encoder bias and threshold."""
    return {"W_enc": sae.W_enc, "W_dec": sae.W_dec, "b_enc": sae.b_enc * scale, "b_dec": sae.b_dec * scale,
            "threshold": torch.full_like(sae.b_enc, bound) * scale}


@torch.no_grad()
def score(params, blocks, count=16):
    """(L0, explained variance, part of the features that never fire) on fresh blocks."""
    x = torch.cat([next(blocks) for _ in range(count)])
    pre = x @ params["W_enc"] + params["b_enc"]
    acts = pre * (pre > params["threshold"])
    back = acts @ params["W_dec"] + params["b_dec"]
    variance = (x - x.mean(0)).pow(2).sum()
    fired = acts > 0
    return (fired.sum(1).float().mean().item(), 1 - ((x - back).pow(2).sum() / variance).item(),
            (~fired.any(0)).float().mean().item())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path, default="models/micro")
    parser.add_argument("--layer", type=int, default=2)
    parser.add_argument("--features", type=int, default=2048)
    parser.add_argument("--k", type=float, default=20)
    parser.add_argument("--tokens", type=float, default=3e6)
    parser.add_argument("--pool", type=float, default=5e5, help="tokens whose activations are kept and reused")
    parser.add_argument("--batch", type=int, default=2048)
    parser.add_argument("--lr", type=float, default=1.5e-3)
    parser.add_argument("--dead-after", type=float, default=150000, help="tokens without firing")
    parser.add_argument("--drills", type=float, default=0.15)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--out", type=pathlib.Path, default="models/micro-sae")
    options = parser.parse_args()
    sae, scale, blocks = fit(options)
    params = folded(sae, scale, threshold(sae, scale, blocks, options.k))
    l0, explained, silent = score(params, blocks)
    folder = options.out / f"layer_{options.layer}" / f"width_{options.features // 1024}k" / f"average_l0_{round(l0)}"
    folder.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(folder / "params.npz", **{key: value.detach().numpy() for key, value in params.items()})
    note = {"model": options.model.name, "hook_name": f"blocks.{options.layer}.hook_resid_post",
            "layer": options.layer, "width": options.features, "architecture": "jumprelu",
            "average_l0": round(l0, 2), "explained_variance": round(explained, 4),
            "never_fired": round(silent, 4), "context_size": LENGTH, "prepend_bos": True,
            "training_tokens": int(options.tokens)}
    (folder / "metadata.json").write_text(json.dumps(note, indent=2) + "\n")
    print(folder, note)


if __name__ == "__main__":
    main()
