"""Writes tests/golden/torch/: small files made by torch.save that tests/file/test_torch_file.c reads.
Usage: make_torch_golden.py [FOLDER]"""
import argparse
import collections
import os
import sys
import zipfile

import torch

out = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "torch")
os.makedirs(out, exist_ok=True)


def path(name):
    return os.path.join(out, name)


# Element i of each is i, after whatever view: the test counts.
a = torch.arange(6).reshape(2, 3)
types = (torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)
every = {str(t)[6:]: a.to(t) for t in types}
every["bool"] = torch.tensor([False, True])
every["scalar"] = torch.tensor(2.5)
every["empty"] = torch.zeros(0, 3)
every["parameter"] = torch.nn.Parameter(a.float())
base = torch.tensor([[0.0, 9, 3], [1, 9, 4], [2, 9, 5]])
every["transposed"] = base[:, [0, 2]].T.contiguous().T.T  # plain again
every["shared"] = base
every["shared_column"] = base[:, 0]  # stride 3, offset 0
every["shared_part"] = base[:, 2][0:3]  # 3, 4, 5
every["columns"] = torch.tensor([[0.0, 3], [1, 4], [2, 5]]).T  # strides 1, 2
every["expanded"] = torch.zeros(1).expand(4, 5)  # one element, stride 0
torch.save(every, path("every.pt"))

nested = {
    "cfg": {
        "k": 32, "lr": 0.001, "name": "h\u00e9", "tied": True, "none": None, "dtype": torch.bfloat16,
        "device": torch.device("cuda:1"), "size": torch.Size([2, 3]), "large": 1 << 40, "below": -7,
    },
    "steps": [1, 2.5, "x", (True,)],
    "by_number": {3: "three"},
    "state_dict": collections.OrderedDict(w=torch.arange(6.0)),
}
torch.save(nested, path("nested.pt"))
torch.save(torch.nn.Linear(2, 1).state_dict(), path("module.pt"))
torch.save(torch.arange(6.0), path("bare.pt"))


def repack(name, compression, streamed=False, zip64=False):
    class Pipe:  # a file that cannot seek: sizes go behind the data
        def __init__(self, f):
            self.f = f

        def write(self, b):
            return self.f.write(b)

        def flush(self):
            self.f.flush()

    with zipfile.ZipFile(path("every.pt")) as z, open(path(name), "wb") as f:
        with zipfile.ZipFile(Pipe(f) if streamed else f, "w", compression) as o:
            for info in z.infolist():
                new = zipfile.ZipInfo(info.filename)
                new.compress_type = compression
                with o.open(new, "w", force_zip64=zip64) as m:
                    m.write(z.read(info))


repack("deflated.pt", zipfile.ZIP_DEFLATED)
repack("streamed.pt", zipfile.ZIP_STORED, streamed=True)
repack("zip64.pt", zipfile.ZIP_STORED, zip64=True)

torch.save(torch.arange(6.0), path("old.pt"), _use_new_zipfile_serialization=False)
torch.save({"args": argparse.Namespace(k=1)}, path("custom_class.pt"))
torch.save({"a": torch.zeros(1)}, path("protocol4.pt"), pickle_protocol=4)
torch.serialization.set_crc32_options(False)
torch.save({"a": torch.arange(3.0)}, path("no_crc.pt"))
