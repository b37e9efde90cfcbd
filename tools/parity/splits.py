#!/usr/bin/env python3
"""Compares the files hooke finds for a data set's split with those Hugging Face's datasets finds.

    make build/release/libhooke.a && python3 tools/parity/splits.py [--rounds 400]

Draws folders of random file names (splits as words in names and folders, numbered shards, cards with configs), each file one row that
is its own path, and reads every split with both: by names through datasets.data_files.get_data_patterns, by cards through
load_dataset's own resolution. Also draws the shuffled order of a small table with a Philox of its own. Needs datasets.
"""
import argparse
import random
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path = [p for p in sys.path if Path(p or ".").resolve() != HERE]
from datasets import data_files as df  # noqa: E402
from datasets.utils.metadata import MetadataConfigs  # noqa: E402
from huggingface_hub import DatasetCardData  # noqa: E402

ROOT = HERE.parents[1]
SOURCE = r"""
#include <stdio.h>
#include <stdlib.h>
#include "hooke.h"
int main(int argc, char **argv)
{
    hooke_rows *r;
    hooke_rows_options o = { .size = sizeof o, .split = argc > 2 && *argv[2] ? argv[2] : NULL, .config = argc > 3 && *argv[3] ? argv[3] : NULL,
                             .shuffle_rows = argc > 4 ? atol(argv[4]) : 0, .seed = argc > 5 ? (uint64_t)atol(argv[5]) : 0 };
    const char *text;
    size_t n;
    bool got = true;
    hooke_status st = hooke_rows_open(&r, argv[1], &o);
    while (st == HOOKE_OK && (st = hooke_rows_next(r, &got)) == HOOKE_OK && got)
        if ((st = hooke_rows_text(r, 0, &text, &n)) == HOOKE_OK) printf("%.*s\n", (int)n, text);
    if (st) fprintf(stderr, "%s\n", hooke_error());
    hooke_rows_close(r);
    return st ? 1 : 0;
}
"""
WORDS = ["train", "training", "test", "testing", "eval", "evaluation", "validation", "valid", "dev", "val", "data", "part", "latest",
         "trained", "x", "extra", "my-train", "test_2", "dev.1", "a train", "0val"]


def build(folder):
    source, out = Path(folder) / "p.c", Path(folder) / "p"
    source.write_text(SOURCE)
    pc = ROOT / "build/release/hooke.pc"
    libs = next((line.split(":", 1)[1].split() for line in pc.read_text().splitlines() if line.startswith("Libs.private")), None) if pc.exists() else None
    subprocess.run(["cc", "-std=c11", f"-I{ROOT}/include", str(source), str(ROOT / "build/release/libhooke.a"), "-o", str(out),
                    *(libs or ["-lutf8proc", "-lz", "-lzstd", "-lm", "-ldnnl", "-lcurl", "-fopenmp"])], check=True)
    return out


def ours(program, root, split="", config="", *more):
    run = subprocess.run([str(program), str(root), split, config, *map(str, more)], capture_output=True, text=True)
    return run.stdout.splitlines() if run.returncode == 0 else None, run.stderr.strip()


def write(root, name):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{name}\n")


def theirs(root, patterns):
    found = df.DataFilesDict.from_patterns(patterns, base_path=str(root), allowed_extensions=[".txt"])
    return {str(k): sorted({str(Path(f).relative_to(root)) for f in v}) for k, v in found.items()}


def check(program, root, expected, config=""):
    for split in sorted(set(expected) | {"train", "validation", "test", "odd"}):
        found, error = ours(program, root, split, config)
        want = expected.get(split) or None
        if (sorted(found) if found is not None else None) != want:
            print(f"split {split!r} of {sorted(str(p.relative_to(root)) for p in root.rglob('*.txt'))}:\n  ours   {found} {error}\n  theirs {want}")
            sys.exit(1)
        if found is not None and found != sorted(found, key=str.encode):
            sys.exit(f"not in byte order: {found}")


def by_names(program, folder, i, rng):
    root = Path(folder) / f"n{i}"
    root.mkdir()
    style = rng.randrange(3)
    for _ in range(rng.randint(1, 7)):
        name = rng.choice(WORDS)
        if style == 0:
            name = f"data/{rng.choice(['train', 'test', 'odd', 'my_split'])}-0000{rng.randrange(2)}-of-00002{rng.choice(['', '-abc'])}"
        elif style == 1:
            name = "/".join(rng.choice(WORDS) for _ in range(rng.randint(1, 3)))
        elif rng.random() < 0.5:
            name += rng.choice("-_. ") + rng.choice(WORDS)
        write(root, name + ".txt")
    try:
        expected = theirs(root, df.get_data_patterns(str(root)))
    except df.EmptyDatasetError:
        expected = {}
    check(program, root, expected)


def by_card(program, folder, i, rng):
    root = Path(folder) / f"c{i}"
    root.mkdir()
    names = [f"{rng.choice('ab')}/{rng.choice(['p', 'q', 'r'])}{k}.txt" for k in range(6)]
    for n in names:
        write(root, n)
    pattern = lambda: rng.choice(["a/*", "b/*", "*/p*", "**/q*", "**", rng.choice(names), "a/[pq]*", "*/?1.txt"])  # noqa: E731
    lines, configs = ["---", "license: mit", "configs:"], ["one", "two"][: rng.randint(1, 2)]
    for c in configs:
        lines += [f"- config_name: {c}", "  data_files:"]
        for split in rng.sample(["train", "test", "odd"], rng.randint(1, 3)):
            if rng.random() < 0.5:
                lines += [f"  - split: {split}", f'    path: "{pattern()}"']
            else:
                lines += [f"  - split: {split}", "    path:", f'    - "{pattern()}"', f'    - "{pattern()}"']
    (root / "README.md").write_text("\n".join([*lines, "---", "# Card", ""]))
    card = MetadataConfigs.from_dataset_card_data(DatasetCardData(**__import__("yaml").safe_load("\n".join(lines[1:]))))
    for c in configs:
        patterns = df.sanitize_patterns(card[c]["data_files"])
        expected = {}
        for split, p in patterns.items():
            try:
                expected.update(theirs(root, {split: p}))
            except FileNotFoundError:
                pass
        check(program, root, expected, c)


def philox(seed, purpose, index):
    m0, m1, w0, w1, mask = 0xD2511F53, 0xCD9E8D57, 0x9E3779B9, 0xBB67AE85, 0xFFFFFFFF
    c = [index & mask, index >> 32, purpose & mask, purpose >> 32]
    k0, k1 = seed & mask, seed >> 32
    for _ in range(10):
        p0, p1 = m0 * c[0], m1 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k0, p1 & mask, (p0 >> 32) ^ c[3] ^ k1, p0 & mask]
        k0, k1 = (k0 + w0) & mask, (k1 + w1) & mask
    return c[0] | c[1] << 32


def shuffled(program, folder):
    root = Path(folder) / "s"
    root.mkdir()
    for f in range(4):
        (root / f"{f}.txt").write_text("".join(f"{f}.{i}\n" for i in range(30)))
    for buffer, seed in [(1, 0), (7, 1), (50, 123456789), (1000, 5)]:
        order = list(range(4))
        for i in range(4, 1, -1):
            k = philox(seed, 7, i) % i
            order[i - 1], order[k] = order[k], order[i - 1]
        rows = iter([f"{f}.{i}" for f in order for i in range(30)])
        held, out = [], []
        while True:
            while len(held) < buffer and (x := next(rows, None)) is not None:
                held.append(x)
            if not held:
                break
            i = philox(seed, 6, len(out)) % len(held)
            out.append(held[i])
            held[i] = held[-1]
            held.pop()
        found, error = ours(program, root, "", "", buffer, seed)
        if found != out:
            sys.exit(f"shuffled by {buffer} with seed {seed}: {found} {error}, expected {out}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=400)
    args = parser.parse_args()
    rng = random.Random(3)
    with tempfile.TemporaryDirectory() as folder:
        program = build(folder)
        shuffled(program, folder)
        for i in range(args.rounds):
            by_names(program, folder, i, rng)
            by_card(program, folder, i, rng)
    print(f"{args.rounds} folders by names, {args.rounds} by cards: the same files in every split; shuffled streams as drawn here")


if __name__ == "__main__":
    main()
