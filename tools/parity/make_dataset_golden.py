"""Writes tests/golden/text/records.parquet: columns that are groups of values, as Helsinki-NLP/europarl has them, with nulls at every
level, and pretokenized.parquet: ids as SAELens' pretokeniser pushes them to the hub. test_dataset_rows.c and test_pack_rows.c know
the values. Usage: make_dataset_golden.py [FOLDER]; needs pyarrow."""
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

out = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parents[2] / "tests" / "golden" / "text")
pair = pa.struct([("en", pa.string()), ("fr", pa.string())])
deep = pa.struct([("a", pa.struct([("b", pa.int64())])), ("c", pa.int64())])
table = pa.table({
    "translation": pa.array([{"en": "one", "fr": "un"}, {"en": None, "fr": "deux"}, None, {"en": "four", "fr": ""}], type=pair),
    "deep": pa.array([{"a": {"b": 1}, "c": 5}, {"a": None, "c": 6}, None, {"a": {"b": 2}, "c": None}], type=deep),
    "n": pa.array([1, 2, 3, 4]),
})
pq.write_table(table, out / "records.parquet", compression="none")
ids = pa.table({"input_ids": pa.array([[0, 1, 2, 3, 0], [3, 2, 1, 0, 0], [1, 1, 1, 1, 1]], type=pa.list_(pa.int32()))})
pq.write_table(ids, out / "pretokenized.parquet", compression="none")
