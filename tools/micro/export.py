"""Turns a checkpoint of train.py into a Hugging Face model folder: config, generation config, safetensors.

    python export.py --model micro --checkpoint work/micro.pt --out models/micro
"""
import argparse
import json
import pathlib

import torch
from safetensors.torch import save_file

import shapes

SYNONYMS = {"lm_head.weight": "embed_out.weight"}


def tensors(name, state):
    """The published names and type; the tied head of micro and buffers stay out."""
    dtype = shapes.SHAPES[name][3]
    kept = {}
    for key, value in state.items():
        if name == "micro" and key == "lm_head.weight":
            continue
        if key.endswith(("inv_freq", "masked_bias")):
            continue
        kept[SYNONYMS.get(key, key) if name == "micro-neox" else key] = value.to(dtype).contiguous()
    return kept


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=list(shapes.SHAPES), default="micro")
    parser.add_argument("--checkpoint", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    options = parser.parse_args()
    blob = torch.load(options.checkpoint, map_location="cpu")
    state = tensors(options.model, blob["model"])
    vocab = next(value.shape[0] for key, value in state.items() if "embed" in key)
    options.out.mkdir(parents=True, exist_ok=True)
    save_file(state, options.out / "model.safetensors", metadata={"format": "pt"})
    form = shapes.config(options.model, vocab)
    (options.out / "config.json").write_text(json.dumps(form, indent=2) + "\n")
    generation = {key: form[key] for key in ("bos_token_id", "eos_token_id", "pad_token_id") if key in form}
    if options.model == "micro":
        generation.update(eos_token_id=[1, 5], cache_implementation="hybrid")
    (options.out / "generation_config.json").write_text(json.dumps(generation, indent=2) + "\n")
    count = sum(value.numel() for value in state.values())
    print(f"{options.out}: {count} parameters, {blob['tokens']} tokens trained")


if __name__ == "__main__":
    main()
