#!/usr/bin/env python3
"""Compares `hooke capture` with TransformerLens and transformers on random models of every family, larger than the golden ones,
and prints a table: sites compared, the worst site's relative error (norm of difference over norm), logits' relative error, and the
lowest cosine of logits in bf16 mode.

usage: models.py [--hooke PATH] [--scale N] [--tokens N] [NAME ...]        exit code 1 when a site is above 1e-5 or logits above 1e-4
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

import torch  # noqa: E402
from safetensors.torch import load_file  # noqa: E402

import make_model_golden as golden  # noqa: E402  (beside this file)


def capture(hooke, folder, ids, dtype):
    path, out = os.path.join(folder, "ids.json"), os.path.join(folder, f"captured.{dtype}.safetensors")
    json.dump([ids[0].tolist()], open(path, "w"))
    every = ["*", *("blocks.*." + point for point in golden.OPT_IN)]  # globs reach those only by name
    at = ["--at", ",".join(every) if dtype == "f32" else "hook_embed"]
    subprocess.run([hooke, "capture", "-m", folder, *at, "--logits", "--ids", path, "--no-prepend-bos", "--dtype", dtype, "-o", out],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return load_file(out)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--hooke", default="./hooke")
    p.add_argument("--scale", type=int, default=8)
    p.add_argument("--tokens", type=int, default=48)
    p.add_argument("names", nargs="*")
    a = p.parse_args()
    bad = False
    rows = []
    for seed, (kind, (cls, config, dtype)) in enumerate(golden.models(a.scale).items()):
        if a.names and kind not in a.names:
            continue
        model, ids = golden.build(kind, cls, config, dtype, 500 + seed, a.tokens)
        want = golden.golden(kind, model, ids)
        with tempfile.TemporaryDirectory() as folder:
            model.to(dtype).save_pretrained(folder)
            got, rounded = capture(a.hooke, folder, ids, "f32"), capture(a.hooke, folder, ids, "bf16")
        errors = {}
        for name, t in want.items():
            if name in ("ids", "logits_one"):
                continue
            errors[name] = golden.relative(got[name].reshape(t.shape).float(), t)
        logits = errors.pop("logits")
        worst = max(errors, key=errors.get)
        cosine = torch.nn.functional.cosine_similarity(rounded["logits"].flatten().double(), want["logits"].flatten().double(), 0).item()
        bad |= errors[worst] > 1e-5 or logits > 1e-4 or cosine < 0.999
        rows.append(f"{kind:20s} {len(errors):5d}  {errors[worst]:8.1e}  {logits:8.1e}  {cosine:.6f}  {worst}")
    print(f"{'model':20s} sites     worst    logits  bf16 cos  worst site")
    print("\n".join(rows))
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
