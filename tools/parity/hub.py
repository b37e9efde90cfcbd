#!/usr/bin/env python3
"""One cache, two clients: what hooke pulls huggingface_hub finds, and the other way round, against a hub on loopback.

Parts of archives that numpy wrote are held against numpy, and their bytes on the way are counted.

Usage: tools/parity/hub.py [HOOKE]      (needs huggingface_hub, numpy, safetensors)
"""
import hashlib
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy

COMMIT = "0123456789abcdef0123456789abcdef01234567"
BIG = bytes(i * 31 + i // 251 & 255 for i in range(3_000_000))
FILES = {
    "config.json": (b'{"model_type": "gpt2"}', False),
    "model.safetensors": (BIG, True),
    "tokenizer.json": (b"{}", False),
    "layer_1/width_16k/params.npz": (BIG[:70000], True),
    "layer_1/words and spaces.txt": ("é".encode(), False),
}


def archive(save):
    rng = numpy.random.default_rng(1)
    arrays = {"W_enc": rng.standard_normal((256, 2048), dtype=numpy.float32),
              "W_dec": rng.standard_normal((2048, 256), dtype=numpy.float32),
              "b_enc": rng.standard_normal(2048, dtype=numpy.float32),
              "b_dec": rng.standard_normal(256, dtype=numpy.float32),
              "threshold": rng.random(2048, dtype=numpy.float32),
              "half": rng.standard_normal((64, 8)).astype(numpy.float16),
              "columns": numpy.asfortranarray(rng.standard_normal((40, 30))),
              "big_endian": numpy.arange(1000).astype(">i8").reshape(10, 100),
              "scalar": numpy.float32(2.5)}
    out = io.BytesIO()
    save(out, **arrays)
    return arrays, out.getvalue()


ARRAYS, STORED = archive(numpy.savez)
_, DEFLATED = archive(numpy.savez_compressed)
FILES["scope/params.npz"] = (STORED, True)
FILES["packed/params.npz"] = (DEFLATED, True)
DELAY = 0.0
SENT = {"bytes": 0, "head": 0, "leaks": 0}


def etag(body, large):
    return hashlib.sha256(body).hexdigest() if large else hashlib.sha1(b"blob %d\0" % len(body) + body).hexdigest()


class Hub(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for k, v in headers.items():
            self.send_header(k.replace("_", "-"), str(v))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            for at in range(0, len(body), 65536):
                if DELAY:
                    time.sleep(DELAY)
                self.wfile.write(body[at : at + 65536])

    def content(self, body, headers):
        status = 200
        asked = self.headers.get("Range")
        if asked:
            first, last = asked.split("=")[1].split("-")
            first, last = int(first), min(int(last or len(body)), len(body) - 1)
            headers["Content_Range"] = f"bytes {first}-{last}/{len(body)}"
            body, status = body[first : last + 1], 206
        if self.command != "HEAD":
            SENT["bytes"] += len(body)
        self.answer(status, body, **headers)

    def do_HEAD(self):
        SENT["head"] += 1
        self.do_GET()

    def do_GET(self):
        url = urllib.parse.urlparse(self.path)
        path = urllib.parse.unquote(url.path)
        elsewhere = self.headers["Host"].startswith("localhost")
        if elsewhere and self.headers.get("Authorization"):
            SENT["leaks"] += 1
        if path.startswith("/cdn/"):
            return self.content(FILES[path[5:]][0], {})
        if path.startswith("/api/models/org/model/revision/") or path == "/api/models/org/model":
            siblings = [{"rfilename": p} for p in FILES]
            return self.answer(200, json.dumps({"id": "org/model", "sha": COMMIT, "siblings": siblings}).encode())
        if path.startswith("/api/models/org/model/tree/"):
            rows = []
            folder = path.split("/tree/")[1].partition("/")[2]
            for p, (body, large) in FILES.items():
                if folder and not p.startswith(folder + "/"):
                    continue
                row = {"type": "file", "path": p, "size": len(body), "oid": etag(body, False)}
                if large:
                    row["lfs"] = {"oid": etag(body, True), "size": len(body), "pointerSize": 134}
                rows.append(row)
            if not rows:
                return self.answer(404, X_Error_Code="EntryNotFound")
            return self.answer(200, json.dumps(rows).encode())
        for revision in ("main", COMMIT):
            start = f"/org/model/resolve/{revision}/"
            if not path.startswith(start):
                continue
            name = path[len(start) :]
            if name not in FILES:
                return self.answer(404, X_Error_Code="EntryNotFound", X_Repo_Commit=COMMIT)
            body, large = FILES[name]
            meta = {"X_Repo_Commit": COMMIT}
            if large:
                meta["X_Linked_Etag"] = f'"{etag(body, True)}"'
                meta["X_Linked_Size"] = len(body)
                meta["Location"] = f"http://localhost:{self.server.server_port}/cdn/" + urllib.parse.quote(name)
                return self.answer(302, **meta)
            return self.content(body, meta | {"ETag": f'"{etag(body, False)}"'})
        return self.answer(404, X_Error_Code="RepoNotFound")


def hooke(*args, cache):
    env = os.environ | {"HF_HUB_CACHE": str(cache)}
    run = subprocess.run([PROGRAM, "pull", *args, "--json", "-q"], env=env, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def whole(folder):
    return all((pathlib.Path(folder) / p).read_bytes() == body for p, (body, _) in FILES.items())


def check(what, good):
    print(f"{'ok  ' if good else 'FAIL'} {what}")
    if not good:
        sys.exit(1)


def reset():
    for k in SENT:
        SENT[k] = 0


PROGRAM = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "./hooke")
server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ["HF_ENDPOINT"] = f"http://127.0.0.1:{server.server_port}"
os.environ["HF_TOKEN"] = "hf_secret"
os.environ["HF_HUB_DISABLE_XET"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
work = pathlib.Path(tempfile.mkdtemp(prefix="hooke-hub-"))
os.environ["HF_HOME"] = str(work / "home")
import huggingface_hub  # noqa: E402  reads the environment
from huggingface_hub import hf_hub_download, scan_cache_dir, snapshot_download, try_to_load_from_cache  # noqa: E402

print(f"huggingface_hub {huggingface_hub.__version__}")

# hooke first
ours = work / "ours"
got = hooke("hf:org/model", "--all", cache=ours)
check(f"hooke pulls {len(FILES)} files", len(got["files"]) == len(FILES) and got["bytes_downloaded"] == sum(len(b) for b, _ in FILES.values()))
folder = snapshot_download("org/model", cache_dir=ours, local_files_only=True)
check("snapshot_download finds them without the network", whole(folder) and os.path.samefile(folder, got["path"]))
reset()
folder = snapshot_download("org/model", cache_dir=ours)
check("snapshot_download with the network downloads nothing", whole(folder) and SENT["bytes"] == 0)
path = hf_hub_download("org/model", "model.safetensors", cache_dir=ours)
check("hf_hub_download downloads nothing", pathlib.Path(path).read_bytes() == BIG and SENT["bytes"] == 0)
report = scan_cache_dir(ours)
repo = next(iter(report.repos))
check("scan_cache_dir finds nothing to complain about",
      not report.warnings and len(report.repos) == 1 and repo.nb_files == len(FILES) and repo.refs.keys() == {"main"}
      and repo.size_on_disk == got["bytes"])
subprocess.run([PROGRAM, "pull", "hf:org/model/cfg.json", "-q"], env=os.environ | {"HF_HUB_CACHE": str(ours)},
               capture_output=True)
check("what hooke found missing is known to be missing",
      try_to_load_from_cache("org/model", "cfg.json", cache_dir=ours) is huggingface_hub._CACHED_NO_EXIST)

# huggingface_hub first
theirs = work / "theirs"
snapshot_download("org/model", cache_dir=theirs)
reset()
got = hooke("hf:org/model", "--all", cache=theirs)
check("hooke downloads nothing of what snapshot_download brought",
      got["bytes_downloaded"] == 0 and SENT["bytes"] == 0 and whole(got["path"]))


def tree(cache):
    rows = {}
    for p in sorted((cache / "models--org--model").rglob("*")):
        name = str(p.relative_to(cache))
        if p.is_symlink():
            rows[name] = "-> " + os.readlink(p)
        elif p.is_file():
            rows[name] = hashlib.sha256(p.read_bytes()).hexdigest()
    return rows


ours2 = work / "ours2"
hooke("hf:org/model", "--all", cache=ours2)
a, b = tree(ours2), tree(theirs)
extra = sorted(set(a.items()) ^ set(b.items()))
check("both lay out blobs, links and refs the same way", all("/.no_exist/" in k or ".trees" in k or "/trees/" in k for k, _ in extra) or
      print(extra) is not None)

# both at once
DELAY = 0.01
both = work / "both"
reset()
threads = [threading.Thread(target=lambda: snapshot_download("org/model", cache_dir=both)),
           threading.Thread(target=lambda: hooke("hf:org/model", "--all", cache=both))]
for t in threads:
    t.start()
for t in threads:
    t.join()
check("both at once: each byte comes once, under the locks they share",
      whole(snapshot_download("org/model", cache_dir=both, local_files_only=True))
      and SENT["bytes"] == sum(len(body) for body, _ in FILES.values()) or print(SENT) is not None)
# parts of numpy's archives
DELAY = 0.0
from safetensors.numpy import load_file  # noqa: E402


def part(name, *options):
    reset()
    got = hooke(name, *options, "-o", str(work / "part.safetensors"), cache=work / "none")
    return load_file(got["path"]), SENT["bytes"]


for folder in ("scope", "packed"):
    same = 0
    for key, want in ARRAYS.items():
        tensor = part(f"hf:org/model/{folder}/params.npz", "--only", key)[0][key]
        same += tensor.shape == want.shape and tensor.dtype == want.dtype.newbyteorder("=") and (tensor == want).all()
    check(f"{same} of {len(ARRAYS)} arrays of {folder}/params.npz are numpy's", same == len(ARRAYS))
wanted = [3, 4, 900, 2047]
rows, sent = part("hf:org/model/scope", "--only", "W_dec", "--rows", ",".join(map(str, wanted)))
check(f"rows of W_dec are numpy's; {sent:,} of {len(STORED):,} bytes came",
      (rows["W_dec"] == ARRAYS["W_dec"][wanted]).all() and sent < 100_000)
names = [t["name"] for t in json.loads(subprocess.run(
    [PROGRAM, "pull", "hf:org/model/packed", "--tensors", "--json"], capture_output=True, text=True).stdout)["tensors"]]
check("--tensors lists what numpy lists", sorted(names) == sorted(numpy.load(io.BytesIO(DEFLATED)).files))
check("the token never reached the other host", SENT["leaks"] == 0)
