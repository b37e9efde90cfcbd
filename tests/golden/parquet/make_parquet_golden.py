#!/usr/bin/env python3
"""Writes the small Parquet files of this folder with pyarrow, and beside each the values pyarrow reads back from it, spelled as
tests/file/test_parquet.c spells them: a line a row, strings in hex, reals as the bits of a double.

    python3 tests/golden/parquet/make_parquet_golden.py
"""
import decimal
import json
import struct
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).resolve().parent
N = 40


def spell(v):
    if v is None or isinstance(v, bool):
        return v
    if isinstance(v, (float, np.floating)):
        return "r%016x" % struct.unpack("<Q", struct.pack("<d", float(v)))[0]
    if isinstance(v, (str, bytes)):
        return (v.encode() if isinstance(v, str) else v).hex()
    return [spell(x) for x in v] if isinstance(v, list) else int(v)


def with_nulls(values, every):
    return [None if every and i % every == every - 1 else v for i, v in enumerate(values)]


def flat(nulls):
    words = ["", "cat", "café", "日本語", "a longer one, of more than sixteen bytes"]
    columns = {
        "text": pa.array(with_nulls([words[i % 5] for i in range(N)], nulls)),
        "bytes": pa.array(with_nulls([bytes([i, 0, 255 - i]) * (i % 4) for i in range(N)], nulls), pa.binary()),
        "fixed": pa.array(with_nulls([bytes([i] * 3) for i in range(N)], nulls), pa.binary(3)),
        "bool": pa.array(with_nulls([i % 3 == 0 for i in range(N)], nulls)),
        "f16": pa.array(with_nulls([np.float16(x) for x in ([0.5, -0.0, 6e-8, 65504, float("inf"), float("nan")] * 7)[:N]], nulls), pa.float16()),
        "f32": pa.array(with_nulls([i / 7 - 2 for i in range(N)], nulls), pa.float32()),
        "f64": pa.array(with_nulls([(i / 7 - 2) * 10.0 ** (i - 20) for i in range(N)], nulls), pa.float64()),
    }
    for bits in (8, 16, 32, 64):
        low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
        columns[f"i{bits}"] = pa.array(with_nulls([[low, high, 0, -1, i][i % 5] for i in range(N)], nulls), getattr(pa, f"int{bits}")())
        columns[f"u{bits}"] = pa.array(with_nulls([[2**bits - 1, 0, 1, i, high][i % 5] for i in range(N)], nulls), getattr(pa, f"uint{bits}")())
    return pa.table(columns)


def lists():
    tags = [[f"tag {j}" if (i + j) % 5 else None for j in range(i % 5)] if i % 7 else None for i in range(N)]
    tags[3] = [f"long {j}" for j in range(60)]
    return pa.table({"id": pa.array(range(N)), "tags": pa.array(tags, pa.list_(pa.string())),
                     "numbers": pa.array([[i * j for j in range(i % 4)] for i in range(N)],
                                         pa.list_(pa.field("element", pa.int32(), nullable=False)))})


def write(name, table, columns=None, **kwargs):
    path = HERE / f"{name}.parquet"
    pq.write_table(table, path, **kwargs)
    back = pq.read_table(path, columns=columns)
    rows = zip(*[[spell(v) for v in back.column(i).to_pylist()] for i in range(back.num_columns)])
    (HERE / f"{name}.txt").write_text("".join(json.dumps(list(r), separators=(",", ":")) + "\n" for r in rows))


def main():
    integers = [f"{s}{b}" for s in "iu" for b in (8, 16, 32, 64)]
    delta = {**{c: "DELTA_BINARY_PACKED" for c in integers}, "text": "DELTA_BYTE_ARRAY", "bytes": "DELTA_LENGTH_BYTE_ARRAY",
             "fixed": "DELTA_BYTE_ARRAY", "bool": "RLE", "f16": "BYTE_STREAM_SPLIT", "f32": "BYTE_STREAM_SPLIT", "f64": "BYTE_STREAM_SPLIT"}
    write("dictionary_v1_snappy", flat(4), compression="snappy", data_page_version="1.0", row_group_size=15)
    write("plain_v1", flat(0), compression="none", use_dictionary=False, data_page_version="1.0", write_page_checksum=True)
    write("plain_v2_zstd", flat(3), compression="zstd", use_dictionary=False, data_page_version="2.0", row_group_size=20)
    write("delta_v2_gzip", flat(5), compression="gzip", use_dictionary=False, column_encoding=delta, data_page_version="2.0")
    write("lists_v1_snappy", lists(), compression="snappy", data_page_version="1.0", data_page_size=64, write_batch_size=8)
    write("lists_v2_zstd", lists(), compression="zstd", use_dictionary=False, data_page_version="2.0", row_group_size=17)
    write("small", pa.table({"text": ["one", None, "two"], "label": pa.array([1, 2, 3], pa.int32())}), compression="none", write_statistics=False)
    note = {"info": {"features": {"label": {"names": ["bad", "good"], "_type": "ClassLabel"}, "n": {"dtype": "int64", "_type": "Value"}}}}
    classes = pa.table({"label": pa.array([1, 0]), "n": pa.array([5, 6])}).replace_schema_metadata({"huggingface": json.dumps(note)})
    write("classes", classes, compression="none", write_statistics=False)
    odd = pa.table({
        "good": pa.array([1, 2]),
        "struct": pa.array([{"a": 1, "b": [1]}, None]),
        "map": pa.array([[("k", 1)], []], pa.map_(pa.string(), pa.int32())),
        "lists": pa.array([[["x"]], [[]]]),
        "decimal": pa.array([decimal.Decimal("1.25"), None]),
        "last": pa.array(["x", "y"]),
    })
    write("odd_columns", odd, columns=["good", "last"])
    for codec in ("brotli", "lz4"):
        write(f"{codec}", pa.table({"text": ["x"] * 3}), compression=codec)


if __name__ == "__main__":
    main()
