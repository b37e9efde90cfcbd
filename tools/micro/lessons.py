"""Lessons in answering the quiz: short rows in which the loss is on the answer and on what leads to it.

A letter between brackets is one token in sixty, and to give it the model must see which choice is right, and then find
that choice and copy the letter before it. Each half is useless without the other, so neither is learned from the letter
alone: its loss stays at ln 4. So the first half is asked for by itself. `Flags` are linear readers of the residual
stream at each choice, behind two middle layers: is this the right one? And: which letter is before it? They exist in
training only. Half of the rows also spell it out, a yes or a no behind each choice. Then the second half is a head
that looks at a flagged choice.
"""
import random
from typing import NamedTuple

import torch
from torch.nn import functional

import world_quiz

LENGTH = 64
WEIGHTS = {"verdict": 0.7, "letter": 1.0, "answer": 0.3}
FLAGGED = (2, 3)  # layers behind which a choice is to know whether it is right; the letter behind the first


class Lesson(NamedTuple):
    x: torch.Tensor  # [rows, LENGTH] tokens, padded
    weights: torch.Tensor  # [rows, LENGTH] weight of each token as a target
    choices: torch.Tensor  # [rows, 4] position of the last token of each choice
    right: torch.Tensor  # [rows, 4] 1 for the right choice


class Flags(torch.nn.Module):
    def __init__(self, width):
        super().__init__()
        self.right = torch.nn.ModuleList(torch.nn.Linear(width, 1) for _ in FLAGGED)
        self.letter = torch.nn.Linear(width, 4)

    def forward(self, states, lesson):
        """The losses of the readers: of the right choice, summed over layers, and of the letter."""
        index = lesson.choices[..., None].expand(-1, -1, states[0].shape[-1])
        seen = [states[layer + 1].gather(1, index) for layer in FLAGGED]
        seen = [part * part.pow(2).mean(-1, keepdim=True).add(1e-6).rsqrt() for part in seen]
        right = sum(functional.binary_cross_entropy_with_logits(reader(part).squeeze(-1), lesson.right)
                    for reader, part in zip(self.right, seen))
        letters = torch.arange(4).repeat(len(lesson.x))
        return right, functional.cross_entropy(self.letter(seen[0]).flatten(0, 1), letters)


def row(rng, encode, bos, verdicts):
    """(tokens, weights, positions of the choices, index of the right one)"""
    parts, right = world_quiz.pieces(rng, verdicts)
    ids, weights, choices = [bos], [0.0], []
    for text, role in parts:
        new = encode(text)
        ids += new
        weights += [WEIGHTS.get(role, 0.0)] * len(new)
        if role == "choice":
            choices.append(len(ids) - 1)
    return ids, weights, choices, right


def stream(tokenizer, seed, rows, verdicts=0.4):
    """Endless lessons of so many rows; questions that do not fit are drawn again."""
    rng, known = random.Random(f"lessons {seed}"), {}

    def encode(text):
        if text not in known:
            known[text] = tokenizer.encode(text, add_special_tokens=False)
        return known[text]

    while True:
        x, weights = torch.full((rows, LENGTH), tokenizer.pad_token_id), torch.zeros(rows, LENGTH)
        choices, right = torch.zeros(rows, 4, dtype=torch.long), torch.zeros(rows, 4)
        for at in range(rows):
            ids = [0] * (LENGTH + 1)
            while len(ids) > LENGTH:
                ids, heavy, places, index = row(rng, encode, tokenizer.bos_token_id, rng.random() < verdicts)
            x[at, :len(ids)], weights[at, :len(ids)] = torch.tensor(ids), torch.tensor(heavy)
            choices[at], right[at, index] = torch.tensor(places), 1.0
        yield Lesson(x, weights, choices, right)


def losses(run, flags, lesson):
    """(loss of the weighted tokens, of the flags, of their letters, part of the answers' letters that are right)"""
    out = run(input_ids=lesson.x, use_cache=False, output_hidden_states=True)
    logits, wanted, weights = out.logits[:, :-1], lesson.x[:, 1:], lesson.weights[:, 1:]
    each = functional.cross_entropy(logits.flatten(0, 1), wanted.flatten(), reduction="none").view_as(wanted)
    asked = weights == WEIGHTS["letter"]
    hits = (logits[asked].argmax(-1) == wanted[asked]).float().mean()
    return ((each * weights).sum() / weights.sum(), *flags(out.hidden_states, lesson), hits.item())
