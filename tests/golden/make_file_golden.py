"""Writes tests/golden/file/: small files made by the reference writers (numpy, safetensors, torch) that the tests of
src/file read, or compare byte by byte with what hooke writes. Usage: make_file_golden.py [FOLDER]"""
import json
import os
import sys
import zipfile

import numpy as np
import torch
from safetensors.numpy import save_file as save_numpy
from safetensors.torch import save_file

out = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "file")
os.makedirs(out, exist_ok=True)


def path(name):
    return os.path.join(out, name)


# One tensor of every type, names out of order, a scalar, an empty one. Values: 0, 1, 2, ... (test_safetensors.c writes the same)
def ramp(n, dtype):
    return torch.arange(n).to(dtype)


every = {
    "b.weight": ramp(6, torch.float32).reshape(2, 3),
    "a.weight": ramp(6, torch.float32).reshape(3, 2),
    "bf": ramp(5, torch.bfloat16),
    "half": ramp(3, torch.float16),
    "double": ramp(2, torch.float64),
    "i64": ramp(3, torch.int64),
    "i32": ramp(3, torch.int32),
    "i16": ramp(3, torch.int16),
    "i8": ramp(3, torch.int8),
    "u8": ramp(3, torch.uint8),
    "bool": torch.tensor([True, False, True]),
    "scalar": torch.tensor(7.0),
    "empty": torch.zeros(0, 4),
    'quo"te\n\u00e9': ramp(1, torch.float32),
}
save_file(every, path("every.safetensors"), metadata={"format": "pt"})
save_file({"x": ramp(2, torch.float32)}, path("bare.safetensors"))
save_numpy({"u16": np.arange(3, dtype="<u2"), "u32": np.arange(3, dtype="<u4"), "u64": np.arange(3, dtype="<u8")},
           path("unsigned.safetensors"))

# Two shards and their index.
os.makedirs(path("sharded"), exist_ok=True)
save_file({"a": ramp(4, torch.float32), "c": ramp(2, torch.float32)}, path("sharded/model-00001-of-00002.safetensors"), metadata={"format": "pt"})
save_file({"b": ramp(3, torch.bfloat16)}, path("sharded/model-00002-of-00002.safetensors"), metadata={"format": "pt"})
with open(path("sharded/model.safetensors.index.json"), "w") as f:
    json.dump({"metadata": {"total_size": 30}, "weight_map": {
        "a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors", "c": "model-00001-of-00002.safetensors"}}, f, indent=2)

# numpy's containers.
c_order = np.arange(6, dtype="<f4").reshape(2, 3)
members = {"c": c_order, "f": np.asfortranarray(c_order), "scalar": np.float64(2.5), "empty": np.zeros((0, 3), "<f4"),
           "big": np.arange(3, dtype=">f4"), "i64": np.arange(3, dtype="<i8"), "half": np.arange(3, dtype="<f2"),
           "bool": np.array([True, False]), "u8": np.arange(3, dtype="u1"), "big3": np.asfortranarray(np.arange(24, dtype=">i2").reshape(2, 3, 4))}
np.savez(path("stored.npz"), **members)
np.savez_compressed(path("deflated.npz"), zeros=np.zeros((16, 8), "<f4"), **members)
np.save(path("plain.npy"), c_order)


class Pipe:
    """A file that cannot seek: zipfile then writes the sizes behind the data (flag bit 3)."""

    def __init__(self, f):
        self.f = f

    def write(self, b):
        return self.f.write(b)

    def flush(self):
        self.f.flush()


with open(path("streamed.npz"), "wb") as f:
    with zipfile.ZipFile(Pipe(f), "w") as z:
        with z.open("c.npy", "w") as m:
            np.lib.format.write_array(m, c_order)
with zipfile.ZipFile(path("zip64.npz"), "w", allowZip64=True) as z:
    with z.open("c.npy", "w", force_zip64=True) as m:
        np.lib.format.write_array(m, c_order)
with zipfile.ZipFile(path("objects.npz"), "w") as z:
    with z.open("o.npy", "w") as m:
        np.lib.format.write_array(m, np.array([None, 1], dtype=object), allow_pickle=True)
print(sum(os.path.getsize(os.path.join(d, n)) for d, _, names in os.walk(out) for n in names), "bytes")
