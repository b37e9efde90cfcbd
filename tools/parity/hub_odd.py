#!/usr/bin/env python3
"""Hubs, mirrors and proxies that answer in unusual ways: whether hooke and huggingface_hub take the same answers, against a hub on loopback.

Usage: tools/parity/hub_odd.py [HOOKE]      (needs huggingface_hub)

Two answers are refused by hooke alone, and meant to be: content whose checksum is not what the etag says, and commits in upper case.
"""
import gzip
import hashlib
import json
import logging
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FILES = {"config.json": b'{"model_type": "gpt2"}', "sub/w.bin": bytes(i * 31 + i // 251 & 255 for i in range(300_000))}
CASE = {}


def git_sha1(body):
    return hashlib.sha1(b"blob %d\0" % len(body) + body).hexdigest()


class Hub(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", chunked=False, **headers):
        self.send_response(status)
        for k, v in headers.items():
            self.send_header(k.replace("_", "-"), str(v))
        self.send_header(*(("Transfer-Encoding", "chunked") if chunked else ("Content-Length", str(len(body)))))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if chunked else body)

    def content(self, body, **headers):
        status, what = 200, CASE["name"]
        asked = self.headers.get("Range")
        if asked:
            first = int(asked.split("=")[1].split("-")[0])
            headers["Content_Range"] = f"bytes {first}-{len(body) - 1}/{len(body)}"
            body, status = body[first:], 206
        if what == "gzip where it is taken" and "gzip" in (self.headers.get("Accept-Encoding") or ""):
            return self.answer(200, gzip.compress(body), Content_Encoding="gzip", **headers)
        return self.answer(status, body, chunked=what == "chunked", **headers)

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        what = CASE["name"]
        CASE["asked"] += 1
        url = urllib.parse.urlparse(self.path)
        path = urllib.parse.unquote(url.path)
        if self.headers["Host"].startswith("localhost") and self.headers.get("Authorization"):
            CASE["leaks"] += 1
        if path.startswith("/cdn/"):
            return self.content(FILES["sub/w.bin"])
        if path.startswith("/hop"):
            hop, rest = int(path[4:].split("/")[0]), "/" + path.split("/", 2)[2]
            if hop < CASE["hops"]:
                return self.answer(CASE["code"], Location=f"/hop{hop + 1}{rest}")
            return self.file(rest)
        if what == "redirects":
            return self.answer(CASE["code"], Location=f"/hop1{path}")
        if what == "absolute redirects":
            return self.answer(307, Location=f"{os.environ['HF_ENDPOINT']}/hop1{path}")
        if what == "relative redirects" and not url.query:
            return self.answer(307, Location=f"./../{path.split('/')[-2]}/{path.split('/')[-1]}?x=1")
        return self.file(path)

    def file(self, path):
        what = CASE["name"]
        if "/resolve/" not in path:
            return self.answer(404)
        name = path.split(f"/resolve/{'main' if '/main/' in path else COMMIT}/")[1]
        body, large = FILES[name], name.endswith(".bin")
        etag = hashlib.sha256(body).hexdigest() if large else git_sha1(body)
        quoted = {"weak etags": f'W/"{etag}"', "bare etags": etag, "etags of no checksum": '"abc-def"'}.get(what, f'"{etag}"')
        if what == "another checksum" and not large:
            quoted = f'"{40 * "0"}"'
        if what == "SHA-1 of the content" and not large:
            quoted = f'"{hashlib.sha1(body).hexdigest()}"'
        if what in ("500", "503") and CASE["asked"] <= 2:
            return self.answer(int(what))
        meta = {"X_Repo_Commit": COMMIT.upper() if what == "commits in upper case" else COMMIT}
        if what == "redirects that say everything" and "/cache/" not in path:
            return self.answer(307, X_Linked_Etag=quoted, X_Linked_Size=len(body), Location="/cache" + path, **meta)
        if not large:
            return self.content(body, ETag=quoted, **meta)
        if what != "no size":
            meta["X_Linked_Size"] = "banana" if what == "no number as size" else len(body)
        host = "" if what == "content on the same host" else f"http://localhost:{self.server.server_port}"
        return self.answer(CASE["cdn_code"], X_Linked_Etag=quoted, Location=f"{host}/cdn/{name}", **meta)


server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
threading.Thread(target=server.serve_forever, daemon=True).start()
work = pathlib.Path(tempfile.mkdtemp(prefix="hooke-hub-"))
os.environ |= {"HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}", "HF_TOKEN": "hf_secret", "HF_HOME": str(work / "home"),
               "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
PROGRAM = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "./hooke")
import huggingface_hub  # noqa: E402  reads the environment

logging.disable(logging.CRITICAL)


def theirs(name):
    try:
        return pathlib.Path(huggingface_hub.hf_hub_download("org/model", name, cache_dir=work / "theirs")).read_bytes() == FILES[name]
    except Exception:
        return False


def ours(name):
    run = subprocess.run([PROGRAM, "pull", f"hf:org/model/{name}", "--json"], env=os.environ | {"HF_HUB_CACHE": str(work / "ours")},
                         capture_output=True, text=True)
    return run.returncode == 0 and pathlib.Path(json.loads(run.stdout)["path"]).read_bytes() == FILES[name]


CASES = [("nothing unusual", {})]
CASES += [("redirects", {"hops": n}) for n in (1, 4, 15)] + [("redirects", {"hops": 2, "code": c}) for c in (301, 302, 303, 308)]
CASES += [("nothing unusual", {"cdn_code": c}) for c in (301, 303, 307, 308)]
CASES += [(what, {}) for what in (
    "absolute redirects", "relative redirects", "redirects that say everything", "chunked", "gzip where it is taken", "weak etags",
    "bare etags", "etags of no checksum", "SHA-1 of the content", "another checksum", "no size", "no number as size",
    "content on the same host", "commits in upper case", "500", "503")]
MEANT = {("another checksum", "config.json"), ("commits in upper case", "config.json"), ("commits in upper case", "sub/w.bin")}
print(f"huggingface_hub {huggingface_hub.__version__}")
bad = 0
for what, more in CASES:
    for name in FILES:
        took = []
        for client in (theirs, ours):
            for folder in ("theirs", "ours"):
                shutil.rmtree(work / folder, ignore_errors=True)
            CASE.update({"name": what, "asked": 0, "leaks": 0, "hops": 2, "code": 307, "cdn_code": 302} | more)
            took.append(client(name))
            bad += CASE["leaks"] > 0
        meant = (what, name) in MEANT and took == [True, False]
        bad += took[0] != took[1] and not meant
        says = "both take it" if all(took) else "both refuse it" if not any(took) else "hooke refuses it" if took[0] else "hooke takes it"
        print(f"{'ok  ' if took[0] == took[1] or meant else 'FAIL'} {what} {more or ''} {name}: {says}")
shutil.rmtree(work)
sys.exit(bad > 0)
