"""Trains micro (Gemma 2's architecture) or micro-neox (GPT-NeoX's) on the written world, in float32 on one thread.

    python train.py --model micro --tokens 11e6 --checkpoint work/micro.pt
    python train.py --model micro-neox --tokens 4e6 --checkpoint work/neox.pt

The checkpoint is rewritten every few minutes and a second call goes on from it; `export.py` turns it into a model
folder at any time. The learning rate warms up, stays, and falls linearly to nothing over the last part (--decay).
Hidden matrices are stepped by Muon (momentum, orthogonalised), everything else by AdamW.
"""
import argparse
import os
import pathlib
import random
import time

import torch
from transformers import PreTrainedTokenizerFast

import corpus
import shapes

CONTEXT = 256


def rows(tokenizer, seed, drills):
    """An endless stream of packed rows of CONTEXT tokens; documents stand between BOS and EOS and column 0 is BOS."""
    rng, words, pending = random.Random(seed), corpus.alphabetic(tokenizer), []
    bos, eos = tokenizer.bos_token_id, tokenizer.eos_token_id
    while True:
        while len(pending) < CONTEXT:
            pending += [bos] + tokenizer.encode(corpus.document(rng, words, drills), add_special_tokens=False) + [eos]
        row, pending = pending[:CONTEXT], pending[CONTEXT:]
        row[0] = bos
        yield row


def answer_weights(tokenizer, x, heavy):
    """The weight of each token as a target: a choice's letter between brackets counts `heavy` times."""
    opening = tokenizer.encode(" (", add_special_tokens=False)[-1]
    letters = torch.tensor([tokenizer.convert_tokens_to_ids(letter) for letter in "ABCD"])
    weights = torch.ones(x.shape)
    weights[:, 1:][(x[:, :-1] == opening) & torch.isin(x[:, 1:], letters)] = heavy
    return weights


def orthogonal(matrix, steps=5):
    """The nearest matrix with equal singular values, by a quintic Newton-Schulz iteration."""
    x = matrix / (matrix.norm() + 1e-7)
    wide = x.shape[0] <= x.shape[1]
    x = x if wide else x.T
    for _ in range(steps):
        gram = x @ x.T
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    return x if wide else x.T


class Muon(torch.optim.Optimizer):
    def __init__(self, params, lr, momentum=0.95, weight_decay=0.02):
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                momentum = self.state[p].setdefault("momentum", torch.zeros_like(p))
                momentum.lerp_(p.grad, 1 - group["momentum"])
                update = orthogonal(p.grad.lerp(momentum, group["momentum"]))
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(update, alpha=-group["lr"] * max(1.0, p.shape[0] / p.shape[1]) ** 0.5)


def optimizers(model, lr, matrix_lr):
    matrices = [p for name, p in model.named_parameters() if p.ndim == 2 and "layers" in name]
    chosen = {id(p) for p in matrices}
    others = [p for p in model.parameters() if id(p) not in chosen]
    adam = torch.optim.AdamW(others, lr=lr, betas=(0.9, 0.95), weight_decay=0.0)
    return [adam, Muon(matrices, lr=matrix_lr)]


def schedule(step, total, warmup, decay):
    start = int(total * (1 - decay))
    return min((step + 1) / warmup, 1.0, max(total - step, 0) / max(total - start, 1))


def save(path, model, opts, step, rate):
    blob = {"model": model.state_dict(), "opts": [o.state_dict() for o in opts], "step": step, "batch": rate}
    torch.save(blob, str(path) + ".part")
    os.replace(str(path) + ".part", path)


def train(options):
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(options.tokenizer or f"models/{options.model}")
    model = shapes.build(options.model, len(tokenizer))
    opts = optimizers(model, options.lr, options.matrix_lr)
    base = [o.param_groups[0]["lr"] for o in opts]
    step = 0
    if options.checkpoint.exists():
        blob = torch.load(options.checkpoint)
        model.load_state_dict(blob["model"])
        for o, state in zip(opts, blob["opts"]):
            o.load_state_dict(state)
        step = blob["step"]
    run = torch.compile(model) if options.compile else model
    stream = rows(tokenizer, options.seed + 1000 * step, options.drills)
    per_step = options.batch * CONTEXT
    total, saved, began, first = int(options.tokens / per_step), time.time(), time.time(), step
    running, answers = [], []
    while step < total:
        x = torch.tensor([next(stream) for _ in range(options.batch)])
        logits = run(input_ids=x, use_cache=False).logits[:, :-1]
        each = torch.nn.functional.cross_entropy(logits.flatten(0, 1), x[:, 1:].flatten(), reduction="none")
        weights = answer_weights(tokenizer, x, options.heavy)[:, 1:].flatten()
        ((each * weights).sum() / weights.sum()).backward()
        answers.append(each[weights > 1].mean().item())
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        rate = schedule(step, total, options.warmup, options.decay)
        for o, lr in zip(opts, base):
            o.param_groups[0]["lr"] = lr * rate
            o.step()
            o.zero_grad()
        step += 1
        running.append(each.mean().item())
        if step % 25 == 0:
            speed = (step - first) * per_step / (time.time() - began)
            print(f"step {step}/{total} tokens {step * per_step} loss {sum(running) / len(running):.4f} "
                  f"choice {sum(answers) / len(answers):.3f} rate {rate:.3f} {speed:.0f} tok/s", flush=True)
            running, answers = [], []
        if time.time() - saved > options.every or step == total:
            save(options.checkpoint, model, opts, step, per_step)
            saved = time.time()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=list(shapes.SHAPES), default="micro")
    parser.add_argument("--tokenizer", help="folder of the tokenizer, if not models/MODEL")
    parser.add_argument("--checkpoint", type=pathlib.Path, required=True)
    parser.add_argument("--tokens", type=float, default=11e6)
    parser.add_argument("--batch", type=int, default=16, help="rows a step")
    parser.add_argument("--lr", type=float, default=4e-3)
    parser.add_argument("--matrix-lr", type=float, default=0.02)
    parser.add_argument("--warmup", type=int, default=60)
    parser.add_argument("--decay", type=float, default=0.35, help="part of the run over which the rate falls")
    parser.add_argument("--drills", type=float, default=0.3, help="part of the documents that are drills and quiz")
    parser.add_argument("--heavy", type=float, default=6, help="weight of a choice's letter in the loss")
    parser.add_argument("--every", type=float, default=120, help="seconds between checkpoints")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    train(parser.parse_args())


if __name__ == "__main__":
    main()
