"""Trains micro (Gemma 2's architecture) or micro-neox (GPT-NeoX's) on the written world, in float32 on one thread.

    python train.py --model micro --tokens 7e6 --compile --checkpoint work/micro.pt
    python train.py --model micro-neox --tokens 4e6 --lessons 0 --checkpoint work/neox.pt

The checkpoint is rewritten every few minutes and a second call goes on from it; `export.py` turns it into a model
folder at any time. The learning rate warms up, stays, and falls linearly to nothing over the last part (--decay).
Hidden matrices are stepped by Muon (momentum, orthogonalised), everything else by AdamW. A step takes packed rows of
the mixture and, for micro, some short lessons in answering the quiz (`lessons.py`).
"""
import argparse
import os
import pathlib
import random
import time

import torch
from transformers import PreTrainedTokenizerFast

import corpus
import lessons
import shapes

CONTEXT = 256


def rows(tokenizer, seed, drills, context=CONTEXT):
    """An endless stream of packed rows of tokens; documents stand between BOS and EOS and column 0 is BOS."""
    rng, words, pending = random.Random(seed), corpus.alphabetic(tokenizer), []
    bos, eos = tokenizer.bos_token_id, tokenizer.eos_token_id
    while True:
        while len(pending) < context:
            text = corpus.document(rng, words, drills)
            pending += [bos] + tokenizer.encode(text, add_special_tokens=False) + [eos]
        row, pending = pending[:context], pending[context:]
        row[0] = bos
        yield row


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


def optimizers(model, flags, lr, matrix_lr):
    matrices = [p for name, p in model.named_parameters() if p.ndim == 2 and "layers" in name]
    chosen = {id(p) for p in matrices}
    others = [p for p in model.parameters() if id(p) not in chosen] + list(flags.parameters())
    adam = torch.optim.AdamW(others, lr=lr, betas=(0.9, 0.95), weight_decay=0.0)
    return [adam, Muon(matrices, lr=matrix_lr)]


def schedule(done, total, warmup, decay):
    """The factor of both learning rates after `done` of `total` tokens."""
    return min((done + 1) / warmup, 1.0, max(total - done, 0) / (total * decay))


def save(path, model, flags, opts, step, tokens):
    blob = {"model": model.state_dict(), "flags": flags.state_dict(), "opts": [o.state_dict() for o in opts],
            "step": step, "tokens": tokens}
    torch.save(blob, str(path) + ".part")
    os.replace(str(path) + ".part", path)


def resume(path, model, flags, opts):
    """(step, tokens) of the checkpoint at path, put into model, flags and optimizers; zeros where there is none."""
    if not path.exists():
        return 0, 0
    blob = torch.load(path)
    model.load_state_dict(blob["model"])
    flags.load_state_dict(blob["flags"])
    for o, state in zip(opts, blob["opts"]):
        o.load_state_dict(state)
    return blob["step"], blob["tokens"]


def plain_loss(run, x):
    """The mean over every target of packed rows."""
    logits = run(input_ids=x, use_cache=False).logits[:, :-1]
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), x[:, 1:].flatten())


def learn(run, flags, x, lesson, share):
    """Gradients of one step; returns the losses to report: of the rows, and of the lesson with its share of hits."""
    loss = plain_loss(run, x)
    loss.backward()
    if lesson is None:
        return [loss.item()]
    asked, right, letters, hits = lessons.losses(run, flags, lesson)
    (share * (asked + right + 0.3 * letters)).backward()
    return [loss.item(), asked.item(), right.item(), hits]


def train(options):
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(options.tokenizer or f"models/{options.model}")
    model = shapes.build(options.model, len(tokenizer))
    flags = lessons.Flags(model.config.hidden_size)
    opts = optimizers(model, flags, options.lr, options.matrix_lr)
    base = [o.param_groups[0]["lr"] for o in opts]
    step, tokens = resume(options.checkpoint, model, flags, opts)
    run = torch.compile(model, dynamic=False) if options.compile else model
    stream = rows(tokenizer, options.seed + 1000 * step, options.drills, options.context)
    school = lessons.stream(tokenizer, options.seed + 1000 * step, options.lessons)
    saved = began = time.time()
    first, seen = tokens, []
    while tokens < options.tokens:
        x = torch.tensor([next(stream) for _ in range(options.batch)])
        lesson = next(school) if options.lessons else None
        seen.append(learn(run, flags, x, lesson, options.share))
        torch.nn.utils.clip_grad_norm_([p for o in opts for p in o.param_groups[0]["params"]], 1.0)
        rate = schedule(tokens, options.tokens, options.warmup, options.decay)
        for o, lr in zip(opts, base):
            o.param_groups[0]["lr"] = lr * rate
            o.step()
            o.zero_grad()
        step, tokens = step + 1, tokens + x.numel() + options.lessons * lessons.LENGTH
        if step % 25 == 0:
            means = " ".join(f"{sum(part) / len(seen):.4f}" for part in zip(*seen))
            speed = (tokens - first) / (time.time() - began)
            print(f"step {step} tokens {tokens} loss, lesson, flags, hits {means} rate {rate:.3f} {speed:.0f} tok/s",
                  flush=True)
            seen = []
        if time.time() - saved > options.every or tokens >= options.tokens:
            save(options.checkpoint, model, flags, opts, step, tokens)
            saved = time.time()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=list(shapes.SHAPES), default="micro")
    parser.add_argument("--tokenizer", help="folder of the tokenizer, if not models/MODEL")
    parser.add_argument("--checkpoint", type=pathlib.Path, required=True)
    parser.add_argument("--tokens", type=float, default=7e6)
    parser.add_argument("--batch", type=int, default=16, help="rows a step")
    parser.add_argument("--lr", type=float, default=4e-3)
    parser.add_argument("--matrix-lr", type=float, default=0.02)
    parser.add_argument("--warmup", type=float, default=2.5e5, help="tokens over which the rate rises")
    parser.add_argument("--decay", type=float, default=0.35, help="part of the run over which the rate falls")
    parser.add_argument("--drills", type=float, default=0.12, help="part of the documents that are drills and quiz")
    parser.add_argument("--context", type=int, default=CONTEXT)
    parser.add_argument("--lessons", type=int, default=20, help="rows of lessons a step")
    parser.add_argument("--share", type=float, default=0.5, help="weight of the lessons' losses beside the rows'")
    parser.add_argument("--every", type=float, default=120, help="seconds between checkpoints")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    train(parser.parse_args())


if __name__ == "__main__":
    main()
