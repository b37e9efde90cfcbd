"""Measures what micro learned; every figure of models/README.md comes from this script.

    python measure.py --model models/micro --data data/micro [--sae models/micro-sae/layer_2/width_2k/average_l0_N]

Reads the exported model (its stored weights, computed in float32) and the held-out data; prints a table.
"""
import argparse
import csv
import gzip
import itertools
import json
import math
import pathlib
import random
from collections import Counter

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

import corpus
import world_drills
import world_quiz


PARTS = ["loss", "letters", "facts", "quiz", "probes", "sae"]


class Subject:
    """The model under measurement with its tokenizer."""

    def __init__(self, folder):
        self.tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
        self.model.eval()
        self.bos = self.tokenizer.bos_token_id

    def ids(self, text):
        return [self.bos] + self.tokenizer.encode(text, add_special_tokens=False)

    @torch.no_grad()
    def last_logits(self, rows, batch=64):
        """Logits behind the last token of each row, [rows, vocabulary]; rows of one length are run together."""
        out = [None] * len(rows)
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
        for _, group in itertools.groupby(order, key=lambda i: len(rows[i])):
            group = list(group)
            for part in (group[i:i + batch] for i in range(0, len(group), batch)):
                logits = self.model(torch.tensor([rows[i] for i in part]), logits_to_keep=1).logits[:, -1]
                for i, row in zip(part, logits):
                    out[i] = row
        return torch.stack(out)

    def greedy(self, texts, count):
        """The next `count` tokens of each text, decoded."""
        rows = [self.ids(text) for text in texts]
        start = [len(row) for row in rows]
        for _ in range(count):
            for row, best in zip(rows, self.last_logits(rows).argmax(-1).tolist()):
                row.append(best)
        return [self.tokenizer.decode(row[at:]) for row, at in zip(rows, start)]

    @torch.no_grad()
    def residual(self, texts, layer, length=128):
        """Mean over the tokens after BOS of the residual stream behind `layer`, [texts, width]."""
        means = []
        for text in texts:
            states = self.model(torch.tensor([self.ids(text)[:length]]), output_hidden_states=True).hidden_states
            means.append(states[layer + 1][0, 1:].mean(0))
        return torch.stack(means).numpy()


def read_csv(path):
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read_jsonl(path):
    opened = gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else open(path, encoding="utf-8")
    with opened as file:
        return [json.loads(line) for line in file]


@torch.no_grad()
def held_out_loss(subject, data, count=800):
    """Nats a token on the held-out text, and the entropy of its own token frequencies."""
    total, tokens, frequency = 0.0, 0, Counter()
    for row in read_jsonl(data / "text.jsonl.gz")[:count]:
        ids = subject.ids(row["text"])[:256]
        x = torch.tensor([ids])
        total += subject.model(x, labels=x).loss.item() * (len(ids) - 1)
        tokens += len(ids) - 1
        frequency.update(ids[1:])
    entropy = -sum(n / tokens * math.log(n / tokens) for n in frequency.values())
    return {"held-out loss (nats a token)": total / tokens, "unigram entropy of the same tokens (nats)": entropy,
            "held-out tokens": tokens}


def first_letter(subject, rng, count=500):
    """The absorption prompt over every alphabetic token."""
    words = corpus.alphabetic(subject.tokenizer)
    chosen = rng.sample(words, min(count, len(words)))
    prompts, wanted = [], []
    for word in chosen:
        shots = rng.sample([other for other in words if other != word], 10)
        prompts.append("\n" + "\n".join(map(world_drills.line, shots)) + f"\n{word} has the first letter:")
        wanted.append(subject.tokenizer.encode(" " + word.strip()[0].upper(), add_special_tokens=False)[0])
    best = subject.last_logits([subject.ids(text) for text in prompts]).argmax(-1).tolist()
    return {"first letter, ten shots": np.mean([a == b for a, b in zip(best, wanted)])}


def facts(subject, rng, data, count=600):
    """Greedy completion of entity prompts; right when it starts with the label."""
    results = {}
    for path in sorted((data / "ravel").glob("*_entity_attributes.json")):
        entities = json.loads(path.read_text())
        prompts = json.loads(pathlib.Path(str(path).replace("entity_attributes", "attribute_to_prompts")).read_text())
        rows = [(attribute, text % entity, labels[attribute]) for entity, labels in entities.items()
                for attribute, texts in prompts.items() for text in texts]
        rows = rng.sample(rows, min(count, len(rows)))
        answers = subject.greedy([text for _, text, _ in rows], 4)
        kind = path.name[len("ravel_"):-len("_entity_attributes.json")]
        for attribute in prompts:
            right = [answer.strip(' "').startswith(label) for (name, _, label), answer in zip(rows, answers)
                     if name == attribute]
            results[f"facts: {kind}, {attribute}"] = np.mean(right)
    return results


def quiz(subject, data):
    """Accuracy over all 24 orders of the choices, and the part of the questions right under every order."""
    letters = [[subject.tokenizer.encode(pre + c, add_special_tokens=False)[0] for c in "ABCD"] for pre in ("", " ")]
    results = {}
    for path in sorted(data.glob("quiz_*_test.jsonl")):
        rows, right = read_jsonl(path), []
        for row in rows:
            orders = list(itertools.permutations(range(4)))
            prompts = [world_quiz.prompt(row["subject"], row["question"], [row["choices"][i] for i in order])
                       for order in orders]
            logits = subject.last_logits([subject.ids(text) for text in prompts])
            scores = torch.stack([logits[:, ids] for ids in letters]).max(0).values.argmax(-1).tolist()
            right.append([order[best] == row["answer"] for order, best in zip(orders, scores)])
        name = f"quiz: {rows[0]['subject']}"
        results[f"{name}, all prompts"] = np.mean(right)
        results[f"{name}, right in all 24 orders"] = np.mean([all(part) for part in right])
        results[f"{name}, questions"] = len(rows)
    return results


def probe(subject, layer, train, test):
    """Accuracy of logistic regression on mean activations; train and test are lists of (text, label)."""
    x, y = subject.residual([text for text, _ in train], layer), [label for _, label in train]
    held, wanted = subject.residual([text for text, _ in test], layer), [label for _, label in test]
    mean, scale = x.mean(0), x.std(0) + 1e-6
    fitted = LogisticRegression(max_iter=500, C=0.1).fit((x - mean) / scale, y)
    return fitted.score((held - mean) / scale, wanted)


def probes(subject, data, layer, train=900, test=300):
    """Linear probes behind `layer` on the labelled sets."""
    sets = [("sentiment", "amazon_reviews", "text", "rating"), ("category", "amazon_reviews", "text", "category"),
            ("profession", "bias_in_bios", "hard_text", "profession"),
            ("gender", "bias_in_bios", "hard_text", "gender"), ("news topic", "ag_news", "text", "label")]
    results = {}
    for name, stem, text, label in sets:
        parts = [[(row[text], row[label]) for row in read_csv(data / f"{stem}_{split}.csv.gz")[:size]]
                 for split, size in (("train", train), ("test", test))]
        results[f"probe at layer {layer}: {name}"] = probe(subject, layer, *parts)
    code = [(row["code"][150:], row["language"]) for row in read_jsonl(data / "github_code.jsonl.gz")[:800]]
    results[f"probe at layer {layer}: programming language"] = probe(subject, layer, code[:600], code[600:])
    speech = [(text, tongue) for row in read_jsonl(data / "europarl.jsonl.gz")[:160]
              for tongue, text in row["translation"].items()]
    results[f"probe at layer {layer}: human language"] = probe(subject, layer, speech[:600], speech[600:])
    return results


class Splice:
    """A hook behind one layer: measures the dictionary on ordinary tokens, or puts its output in their place."""

    def __init__(self, params, special):
        self.sae, self.special = params, special
        self.mode, self.ids, self.active, self.error, self.seen = "measure", None, 0, 0.0, []
        self.fired = torch.zeros(params["b_enc"].numel(), dtype=torch.bool)

    def __call__(self, _module, _inputs, output):
        x = output[0] if isinstance(output, tuple) else output
        keep = ~torch.isin(self.ids, self.special)
        pre = x @ self.sae["W_enc"] + self.sae["b_enc"]
        acts = pre * (pre > self.sae["threshold"])
        back = acts @ self.sae["W_dec"] + self.sae["b_dec"]
        if self.mode == "measure":
            self.active += (acts[keep] > 0).sum().item()
            self.error += (x - back)[keep].pow(2).sum().item()
            self.fired |= (acts[keep] > 0).any(0)
            self.seen.append(x[keep])
            return None
        put = torch.where(keep[..., None], back if self.mode == "sae" else torch.zeros_like(x), x)
        return (put,) + output[1:] if isinstance(output, tuple) else put


@torch.no_grad()
def dictionary(subject, folder, data, layer, rows=500):
    """L0, explained variance, silent features, and how much loss the spliced reconstruction gives back."""
    params = {key: torch.tensor(value) for key, value in np.load(folder / "params.npz").items()}
    hook = Splice(params, torch.tensor(subject.tokenizer.convert_tokens_to_ids(["<pad>", "<eos>", "<bos>"])))
    handle, losses = subject.model.model.layers[layer].register_forward_hook(hook), Counter()
    for row in read_jsonl(data / "text.jsonl.gz")[:rows]:
        x = hook.ids = torch.tensor([subject.ids(row["text"])[:128]])
        for hook.mode in ("measure", "sae", "zero"):
            losses[hook.mode] += subject.model(x, labels=x).loss.item() * (x.numel() - 1)
    handle.remove()
    x = torch.cat(hook.seen)
    variance = (x - x.mean(0)).pow(2).sum().item()
    return {"sae: tokens": len(x), "sae: L0": hook.active / len(x),
            "sae: explained variance": 1 - hook.error / variance,
            "sae: loss recovered": (losses["zero"] - losses["sae"]) / (losses["zero"] - losses["measure"]),
            "sae: features silent on these tokens": (~hook.fired).float().mean().item(),
            "sae: features": int(params["b_enc"].numel())}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path, default="models/micro")
    parser.add_argument("--data", type=pathlib.Path, default="data/micro")
    parser.add_argument("--sae", type=pathlib.Path)
    parser.add_argument("--layer", type=int, default=2)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    subject, rng = Subject(options.model), random.Random(options.seed)
    parts = {"loss": lambda: held_out_loss(subject, options.data), "letters": lambda: first_letter(subject, rng),
             "facts": lambda: facts(subject, rng, options.data), "quiz": lambda: quiz(subject, options.data),
             "probes": lambda: probes(subject, options.data, options.layer),
             "sae": lambda: dictionary(subject, options.sae, options.data, options.layer) if options.sae else {}}
    print("| what | figure |\n|---|---|")
    for chosen in options.parts:
        for name, value in parts[chosen]().items():
            print(f"| {name} | {value if isinstance(value, int) else format(value, '.3f')} |", flush=True)


if __name__ == "__main__":
    main()
