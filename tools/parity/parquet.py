#!/usr/bin/env python3
"""Compares hooke's Parquet reader with pyarrow, value for value.

    parquet.py [--every N [--first K]] [FILE.parquet...]

Without files: writes every combination of type, nulls, lists, encoding, compression, page version, page size and row groups
with pyarrow, reads each file with both and compares every value to the bit. With files: compares those. Prints a table of what was
compared; exit code 1 at the first difference. Needs pyarrow and numpy; build/release/libhooke.a must be there.
"""
import argparse
import itertools
import json
import random
import struct
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parents[2]
random.seed(7)

INTEGERS = {"int8": (-128, 127), "int16": (-(2**15), 2**15 - 1), "int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1),
            "uint8": (0, 255), "uint16": (0, 2**16 - 1), "uint32": (0, 2**32 - 1), "uint64": (0, 2**64 - 1)}
REALS = ["float16", "float32", "float64"]
WORDS = ["", "a", "the", "cat", "café", "日本", "x\x00y", "longer than sixteen bytes of text", "z" * 300]


def build_printer(folder):
    out = Path(folder) / "rows_print"
    libs = (ROOT / "build/release/hooke.pc").read_text() if (ROOT / "build/release/hooke.pc").exists() else ""
    extra = next((line.split(":", 1)[1].split() for line in libs.splitlines() if line.startswith("Libs.private")),
                 ["-lutf8proc", "-lz", "-lzstd", "-lm", "-ldnnl", "-fopenmp"])
    subprocess.run(["cc", "-O2", "-std=c11", f"-I{ROOT}/include", str(ROOT / "tools/parity/rows_print.c"),
                    str(ROOT / "build/release/libhooke.a"), "-o", str(out), *extra], check=True)
    return out


def one(kind, rng, style):
    if kind in INTEGERS:
        low, high = INTEGERS[kind]
        if style == "few":
            return rng.choice([low, high, 0, 1, min(high, 77)])
        if style == "rising":
            one.last = min(high, max(low, one.last + rng.randint(-3, 9)))
            return one.last
        return rng.choice([low, high, rng.randint(low, high), rng.randint(max(low, -9), min(high, 9))])
    if kind in REALS:
        v = rng.choice([0.0, -0.0, 1.5, float("inf"), float("-inf"), rng.gauss(0, 1), rng.uniform(-6e4, 6e4), 6e-8, float("nan")])
        return rng.choice([0.5, -2.0, 3.25]) if style == "few" else v
    if kind == "bool":
        return rng.random() < (0.02 if style == "few" else 0.5)
    if kind in ("string", "binary"):
        if style == "few":
            s = rng.choice(WORDS)
        elif style == "rising":
            one.last += rng.randint(0, 3)
            s = f"prefix that many share {one.last:09d}" + rng.choice(["", " tail"])
        else:
            s = "".join(rng.choice("abcdefgh é") for _ in range(rng.choice([0, 1, 5, 30, 30, 200])))
        return s if kind == "string" else s.encode()
    if kind == "fixed":
        return bytes(rng.choice([1, 2]) if style == "few" else rng.randrange(256) for _ in range(5))
    raise ValueError(kind)


one.last = 0


def arrow_type(kind):
    if kind == "fixed":
        return pa.binary(5)
    return {"bool": pa.bool_(), "string": pa.string(), "binary": pa.binary(), "float16": pa.float16(),
            "float32": pa.float32(), "float64": pa.float64()}.get(kind) or getattr(pa, kind)()


def make_column(kind, n, nulls, is_list, style, seed):
    rng = random.Random(seed)
    one.last = 0

    def value():
        if nulls and rng.random() < nulls:
            return None
        v = one(kind, rng, style)
        return np.float16(v) if kind == "float16" and v is not None else v

    if is_list:
        rows = [None if nulls and rng.random() < nulls / 2 else [value() for _ in range(rng.choice([0, 0, 1, 2, 3, 7, 40]))]
                for _ in range(n)]
        if n > 3:
            rows[n // 2] = [value() for _ in range(1500)]  # longer than a page
        return pa.array(rows, type=pa.list_(arrow_type(kind)))
    return pa.array([value() for _ in range(n)], type=arrow_type(kind))


def plain(v):
    """As rows_print spells it."""
    if v is None or isinstance(v, bool):
        return v
    if isinstance(v, (float, np.floating)):
        return "r%016x" % struct.unpack("<Q", struct.pack("<d", float(v)))[0]
    if isinstance(v, str):
        return v.encode().hex()
    if isinstance(v, bytes):
        return v.hex()
    if isinstance(v, list):
        return [plain(x) for x in v]
    return int(v)


def compare(printer, path, columns=()):
    out = subprocess.run([str(printer), str(path), *columns], capture_output=True)
    if out.returncode:
        return f"refused: {out.stderr.decode().strip()}"
    ours = [json.loads(line) for line in out.stdout.splitlines()]
    table = pq.read_table(path, columns=list(columns) or None)
    theirs = list(map(list, zip(*[[plain(v) for v in table.column(i).to_pylist()] for i in range(table.num_columns)])))
    if len(ours) != len(theirs):
        return f"{len(ours)} rows, expected {len(theirs)}"
    for i, (a, b) in enumerate(zip(ours, theirs)):
        if a != b:
            return f"row {i}: {str(a)[:300]}, expected {str(b)[:300]}"
    return None


def encodings(kind):
    """Name, and how pyarrow is told."""
    out = [("PLAIN", dict(use_dictionary=False)), ("RLE_DICTIONARY", dict(use_dictionary=True))]
    if kind == "bool":
        return [("PLAIN", dict(use_dictionary=False)), ("RLE", dict(use_dictionary=False, column_encoding={"c": "RLE"}))]
    if kind in INTEGERS:
        out += [(e, dict(use_dictionary=False, column_encoding={"c": e})) for e in ("DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT")]
    if kind in REALS:
        out += [("BYTE_STREAM_SPLIT", dict(use_dictionary=False, column_encoding={"c": "BYTE_STREAM_SPLIT"}))]
    if kind in ("string", "binary"):
        out += [(e, dict(use_dictionary=False, column_encoding={"c": e})) for e in ("DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY")]
    if kind == "fixed":
        out += [("DELTA_BYTE_ARRAY", dict(use_dictionary=False, column_encoding={"c": "DELTA_BYTE_ARRAY"}))]
    return out


def list_path(kwargs):
    """Encodings of list columns are named by the path of their leaf."""
    k = dict(kwargs)
    if "column_encoding" in k:
        k["column_encoding"] = {"c.list.element": k["column_encoding"]["c"]}
    return k


def combinations(every, first):
    kinds = list(INTEGERS) + REALS + ["bool", "string", "binary", "fixed"]
    codecs = ["NONE", "SNAPPY", "GZIP", "ZSTD"]
    shapes = [(1100, 400, 1 << 20), (1100, 1100, 512), (1, 10, 1 << 20), (0, 10, 1 << 20)]
    number = -1
    for kind, codec, version, nulls, is_list, shape in itertools.product(
            kinds, codecs, ["1.0", "2.0"], [0, 0.2, 1.0], [False, True], shapes):
        for encoding, kwargs in encodings(kind):
            for style in ["few", "rising", "wide"]:
                if style == "rising" and kind not in INTEGERS and kind not in ("string", "binary"):
                    continue
                number += 1
                if number % every != first:
                    continue
                yield kind, codec, version, nulls, is_list, shape, encoding, kwargs, style


def run_combinations(printer, folder, every, first):
    counts, n_values, cache = Counter(), 0, {}
    for i, (kind, codec, version, nulls, is_list, (n, group, page), encoding, kwargs, style) in enumerate(combinations(every, first)):
        key = (kind, nulls, is_list, n, style)
        if cache.get("key") != key:
            cache = {"key": key, "array": make_column(kind, n, nulls, is_list, style, str(key))}
        array, path = cache["array"], Path(folder) / "a.parquet"
        schema = pa.schema([pa.field("c", array.type, nullable=nulls > 0 or i % 2 == 0)])
        try:
            pq.write_table(pa.table([array], schema=schema), path, compression=codec, data_page_version=version, row_group_size=group,
                           data_page_size=page, write_batch_size=64 if page < 1000 else 1024, write_page_checksum=i % 3 == 0,
                           **(list_path(kwargs) if is_list else kwargs))
        except (pa.ArrowNotImplementedError, OSError) as e:
            counts["not written by pyarrow: " + kind + " " + encoding] += 1
            continue
        fault = compare(printer, path)
        if fault:
            print(f"{kind} {codec} v{version} nulls {nulls} list {is_list} rows {n} groups of {group} pages of {page} {encoding} {style}: {fault}")
            kept = Path(tempfile.gettempdir()) / "parquet_difference.parquet"
            path.replace(kept)
            print("kept as", kept)
            sys.exit(1)
        used = pq.ParquetFile(path).metadata
        used = used.row_group(0).column(0).encodings if used.num_row_groups and n > 1 and nulls < 1 else [encoding]
        if encoding not in used and kind != "bool":  # v2 pages of booleans are always RLE
            sys.exit(f"{path}: written with {used}, not {encoding}")
        counts[f"{'list of ' if is_list else ''}{kind}: {encoding}"] += 1
        if sum(counts.values()) % 1000 == 0:
            print(f"{sum(counts.values())} files", file=sys.stderr, flush=True)
        n_values += len(array) if not is_list else len(array.flatten()) + len(array)
    return counts, n_values


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="only every N-th combination")
    parser.add_argument("--first", type=int, default=0, help="the first of them, below N")
    parser.add_argument("files", nargs="*")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        printer = build_printer(folder)
        for f in args.files:
            fault = compare(printer, f)
            print(f"{f}: {fault or 'equal'}")
            if fault:
                sys.exit(1)
        if args.files:
            return
        counts, n_values = run_combinations(printer, folder, args.every, args.first)
    for name, n in sorted(counts.items()):
        print(f"{n:6d}  {name}")
    print(f"pyarrow {pa.__version__}: {sum(n for k, n in counts.items() if not k.startswith('not'))} files, {n_values} values, all equal")


if __name__ == "__main__":
    main()
