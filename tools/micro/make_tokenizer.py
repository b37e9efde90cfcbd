"""Trains the merges of both tokenizers on the written world and writes them as tokenizer.json.

    python make_tokenizer.py --out models            micro (Gemma's kind) and micro-neox (byte level)

The Gemma kind has no pre-tokenizer: its merges are trained inside words, so none ever crosses a space, a digit or a
punctuation mark, and applying them to a whole text gives the same pieces.
"""
import argparse
import json
import pathlib
import random

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

import corpus
import world_drills
import world_facts
import world_quiz

SPACE = "\u2581"
SPECIAL = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"]
NEWLINES, SPACES = 8, 16
CHAT = ("{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}"
        "{% endif %}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
        "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
        "{% if (message['role'] == 'assistant') %}{% set role = 'model' %}{% else %}{% set role = message['role'] %}"
        "{% endif %}{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{'<start_of_turn>model\n'}}{% endif %}")


def training_text(seed, documents):
    """The plain world, the quiz, and every drill word and label often enough to become one token."""
    rng = random.Random(seed)
    for _ in range(documents):
        yield corpus.plain_document(rng)
    for _ in range(documents // 20):
        yield world_quiz.question(rng)
        yield world_drills.first_letter(rng, world_drills.ALL_WORDS)
    labels = {label for table in world_facts.ENTITIES.values() for row in table.values() for label in row.values()}
    names = {word for table in world_facts.ENTITIES.values() for name in table for word in name.split()}
    answers = sorted({answer for words in world_quiz.ANSWERS.values() for answer in words})
    letters = [chr(ord("A") + index) for index in range(26)]
    for _ in range(400):
        yield " ".join([""] + [word for label in sorted(labels) for word in label.split()])
        yield " ".join([""] + sorted(names) + world_drills.ALL_WORDS + answers + letters)
        yield "\n".join(sorted(labels))


def train_gemma(texts, vocab_size):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Replace(" ", SPACE)
    pattern = Regex(SPACE + r"?\p{L}+|" + SPACE + r"?[^\p{L}\p{N}\s" + SPACE + r"]|\p{N}|\s|" + SPACE)
    tokenizer.pre_tokenizer = pre_tokenizers.Split(pattern, "isolated")
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=vocab_size, show_progress=False))
    model = json.loads(tokenizer.to_str())["model"]
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]]
    pieces = sorted(model["vocab"], key=model["vocab"].get)
    chars = [piece for piece in pieces if len(piece) == 1 and piece != "\n"]
    return merges, chars


def run_merges():
    """Every way to join two runs of spaces into a longer one, longest first; they rank before all other merges."""
    return [f"{SPACE * i} {SPACE * j}" for i in range(SPACES - 1, 0, -1) for j in range(SPACES - i, 0, -1)]


def gemma_file(merges, chars):
    added = SPECIAL + ["\n" * n for n in range(1, NEWLINES + 1)] + [SPACE * n for n in range(2, SPACES + 1)]
    tokens = added + [f"<0x{byte:02X}>" for byte in range(256)]
    tokens += list(dict.fromkeys(merge.replace(" ", "") for merge in merges)) + chars
    vocab = {token: index for index, token in enumerate(tokens)}
    assert len(vocab) == len(tokens)
    entry = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    bos = {"SpecialToken": {"id": "<bos>", "type_id": 0}}
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [dict(id=i, content=text, **entry, special=i < len(SPECIAL)) for i, text in enumerate(added)],
        "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": SPACE},
        "pre_tokenizer": {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious",
                          "invert": False},
        "post_processor": {"type": "TemplateProcessing", "single": [bos, {"Sequence": {"id": "A", "type_id": 0}}],
                           "pair": [bos, {"Sequence": {"id": "A", "type_id": 0}},
                                    {"SpecialToken": {"id": "<bos>", "type_id": 1}},
                                    {"Sequence": {"id": "B", "type_id": 1}}],
                           "special_tokens": {"<bos>": {"id": "<bos>", "ids": [2], "tokens": ["<bos>"]}}},
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": SPACE}, "content": " "}, {"type": "ByteFallback"},
            {"type": "Fuse"}]},
        "model": {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": True, "ignore_merges": False,
                  "vocab": vocab, "merges": run_merges() + merges},
    }


def train_neox(texts, vocab_size):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=vocab_size - (SPACES - 1), special_tokens=["<|endoftext|>", "<|padding|>"],
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    form = json.loads(tokenizer.to_str())
    for run in range(SPACES, 1, -1):
        form["added_tokens"].append({"id": vocab_size - run + 1, "content": " " * run, "single_word": False,
                                     "lstrip": False, "rstrip": False, "normalized": True, "special": False})
    model = form["model"]
    model["merges"] = [pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]]
    for name in ("byte_fallback", "ignore_merges"):
        model.pop(name, None)
    for part, name in (("pre_tokenizer", "use_regex"), ("post_processor", "use_regex"), ("decoder", "use_regex")):
        form[part].pop(name, None)
        form[part].update(add_prefix_space=False, trim_offsets=True)
    return form


def write(folder, form, config):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(json.dumps(form, ensure_ascii=False, indent=0), encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(config, ensure_ascii=False, indent=2) + "\n",
                                                  encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default="models")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--documents", type=int, default=40000)
    parser.add_argument("--merged", type=int, default=2944, help="characters and merges of micro's vocabulary")
    parser.add_argument("--neox-vocab", type=int, default=1536)
    options = parser.parse_args()
    texts = list(training_text(options.seed, options.documents))
    merges, chars = train_gemma(texts, options.merged)
    write(options.out / "micro", gemma_file(merges, chars), {
        "add_bos_token": True, "add_eos_token": False, "bos_token": "<bos>", "eos_token": "<eos>",
        "pad_token": "<pad>", "unk_token": "<unk>", "clean_up_tokenization_spaces": False, "chat_template": CHAT,
        "model_max_length": 512, "padding_side": "right", "tokenizer_class": "PreTrainedTokenizerFast"})
    write(options.out / "micro-neox", train_neox(texts, options.neox_vocab), {
        "add_prefix_space": False, "bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>",
        "unk_token": "<|endoftext|>", "model_max_length": 512, "tokenizer_class": "PreTrainedTokenizerFast"})


if __name__ == "__main__":
    main()
