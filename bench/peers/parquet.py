#!/usr/bin/env python3
"""Reading Parquet: hooke's reader and pyarrow, the same files, one thread each, processor time, the fastest of N runs.

    make build/release/bench/bench_parquet && python3 bench/peers/parquet.py [--runs 5] [--rows 200000]

pyarrow is measured twice: into its own columns (read_table), and on to one value after the other in Python (to_pylist), which is how
data sets are looked at from there. hooke gives one value after the other.
"""
import argparse
import random
import subprocess
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / "build/release/bench/bench_parquet"


def text(rng, words, n):
    return " ".join(rng.choices(words, k=n))


def make(folder, n):
    rng = random.Random(1)
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(1, 10))) for _ in range(20000)]
    docs = [text(rng, words, rng.randint(20, 200)) for _ in range(n // 4)]
    files = {
        "text_snappy": (pa.table({"text": docs}), dict(compression="snappy", use_dictionary=False)),
        "text_zstd": (pa.table({"text": docs}), dict(compression="zstd", use_dictionary=False)),
        "text_plain": (pa.table({"text": docs}), dict(compression="none", use_dictionary=False)),
        "text_delta": (pa.table({"text": docs}), dict(compression="none", use_dictionary=False, column_encoding={"text": "DELTA_LENGTH_BYTE_ARRAY"})),
        "labels_dictionary": (pa.table({"label": [rng.randint(0, 27) for _ in range(n * 5)]}), dict(compression="snappy")),
        "integers_plain": (pa.table({"id": [rng.getrandbits(60) for _ in range(n * 5)]}), dict(compression="none", use_dictionary=False)),
        "integers_delta": (pa.table({"id": list(range(n * 5))}), dict(compression="none", use_dictionary=False, column_encoding={"id": "DELTA_BINARY_PACKED"})),
        "doubles_nulls": (pa.table({"x": [None if i % 5 == 0 else rng.random() for i in range(n * 5)]}), dict(compression="none", use_dictionary=False)),
        "lists_snappy": (pa.table({"tags": [rng.sample(words, rng.randint(0, 9)) for _ in range(n)]}), dict(compression="snappy")),
    }
    for name, (table, kwargs) in files.items():
        pq.write_table(table, Path(folder) / f"{name}.parquet", row_group_size=100000, **kwargs)
    return [Path(folder) / f"{name}.parquet" for name in files]


def fastest(runs, work):
    best = 1e9
    for _ in range(runs):
        begin = time.process_time()
        work()
        best = min(best, time.process_time() - begin)
    return best * 1e3


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--rows", type=int, default=200000)
    args = parser.parse_args()
    pa.set_cpu_count(1)
    with tempfile.TemporaryDirectory() as folder:
        for path in make(folder, args.rows):
            ours = subprocess.run([str(BENCH), "--runs", str(args.runs), str(path)], capture_output=True, text=True, check=True).stdout.strip()
            read = fastest(args.runs, lambda: pq.read_table(path, use_threads=False, memory_map=True, pre_buffer=False))
            table = pq.read_table(path)
            values = fastest(2, lambda: [c.to_pylist() for c in table.columns])
            print(f"{ours}   pyarrow read_table {read:8.1f} ms, to_pylist {values:8.1f} ms more", flush=True)


if __name__ == "__main__":
    main()
