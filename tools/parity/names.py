#!/usr/bin/env python3
"""Names: hooke's registry beside SAELens' get_pretrained_saes_directory().

Every row that both know is compared field by field: repository, path, model, loader, Neuronpedia id, L0, explained variance,
normalisation factor, overrides. Then every name that SAELens knows goes through hooke_name_open() of the shared library: repository, path and
loader must be the same, also where a rule stands for the rows (Gemma Scope 2, Qwen Scope); what hooke does not know is counted by release. No
network: each reads the table that it is installed with.

usage: names.py [--hooke PROGRAM] [--library LIBHOOKE.SO]
"""
import argparse, collections, ctypes, json, os, subprocess, sys
import sae_lens
from sae_lens.loading.pretrained_saes_directory import get_pretrained_saes_directory

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))


def hooke_rows(program):
    out = subprocess.run([program, "ls", "--kind", "dict", "--json"], check=True, capture_output=True, text=True).stdout
    return {(r["release"], r["sae_id"]): r for r in map(json.loads, out.splitlines())}


def lens_rows():
    rows = {}
    for release, d in get_pretrained_saes_directory().items():
        for sae_id, path in d.saes_map.items():
            rows[release, sae_id] = {
                "repo_id": d.repo_id,
                "path": path,
                "model": d.model,
                "format": d.conversion_func or "sae_lens",
                "neuronpedia": d.neuronpedia_id.get(sae_id),
                "l0": d.expected_l0.get(sae_id),
                "variance_explained": d.expected_var_explained.get(sae_id),
                "norm_scaling_factor": d.norm_scaling_factor.get(sae_id),
                "config_overrides": d.config_overrides or None,
            }
    return rows


def same(key, ours, theirs):
    if key == "l0" and theirs in (0, None):  # 0 there: not said
        return True
    if key == "variance_explained" and theirs in (1, None) and ours is None:  # 1 there: not said
        return True
    return ours == theirs


class Info(ctypes.Structure):
    """The beginning of hooke_name_info."""

    NAMES = "what kind spelling path repo file revision commit release sae_id also neuronpedia format config_overrides".split()
    _fields_ = [(name, ctypes.c_char_p) for name in NAMES] + [("norm_scaling_factor", ctypes.c_double)]


def resolve_all(library, theirs):
    lib = ctypes.CDLL(library)
    lib.hooke_name_get_info.restype = ctypes.POINTER(Info)
    lib.hooke_name_get_info.argtypes = lib.hooke_name_close.argtypes = [ctypes.c_void_p]
    lib.hooke_name_open.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p]
    unknown, wrong = collections.Counter(), []
    for (release, sae_id), row in theirs.items():
        name = ctypes.c_void_p()
        if lib.hooke_name_open(ctypes.byref(name), f"{release}/{sae_id}".encode(), b"dict") != 0:
            unknown[release] += 1
            continue
        info = lib.hooke_name_get_info(name).contents
        if info.spelling == b"hub":  # taken for ORG/NAME: no release that hooke knows
            unknown[release] += 1
            lib.hooke_name_close(name)
            continue
        found = tuple(getattr(info, key).decode() for key in ("release", "sae_id", "repo", "file", "format"))
        wanted = (release, sae_id, row["repo_id"], row["path"], row["format"])
        if found != wanted or (info.norm_scaling_factor or None) != row["norm_scaling_factor"]:
            wrong.append((found, wanted))
        lib.hooke_name_close(name)
    print(f"resolved: {len(theirs) - sum(unknown.values())} of {len(theirs)} names of SAELens; {len(wrong)} to another place")
    for found, wanted in wrong[:5]:
        print(f"  hooke {found}\n  SAELens {wanted}")
    print("not known by name: " + (", ".join(f"{n} of {r}" for r, n in sorted(unknown.items())) or "none"))
    return not wrong


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--hooke", default=os.path.join(ROOT, "hooke"))
    a.add_argument("--library", default=os.path.join(ROOT, "build", "release", "libhooke.so"))
    a = a.parse_args()
    ours, theirs = hooke_rows(a.hooke), lens_rows()
    both = sorted(ours.keys() & theirs.keys())
    differences = collections.defaultdict(list)
    for row in both:
        for key, value in theirs[row].items():
            if not same(key, ours[row][key], value):
                differences[key, row[0]].append((row[1], ours[row][key], value))
    print(f"SAELens {sae_lens.__version__}: {len(theirs)} rows; hooke: {len(ours)}; both: {len(both)}")
    for (key, release), rows in sorted(differences.items()):
        sae_id, mine, other = rows[0]
        print(f"differs: {key} of {len(rows)} rows of {release}, e.g. {sae_id}: hooke {mine!r}, SAELens {other!r}")
    for name, only in (("hooke", ours.keys() - theirs.keys()), ("SAELens", theirs.keys() - ours.keys())):
        print(f"only {name}'s table: {len(only)} rows of {len({release for release, _ in only})} releases")
    places = sum(len(rows) for (key, _), rows in differences.items() if key in ("repo_id", "path", "format"))
    print(f"{len(both) - places} of {len(both)} common rows name the same repository, path and loader")
    return 0 if resolve_all(a.library, theirs) and both and not places else 1


sys.exit(main())
