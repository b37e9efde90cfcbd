#!/usr/bin/env python3
"""Names: hooke's registry beside SAELens' get_pretrained_saes_directory().

Every row that both know is compared field by field: repository, path, model, loader, Neuronpedia id, L0, explained variance,
normalisation factor, overrides. Rows that one of them lacks are counted by release. No network: hooke lists its own table, SAELens reads the
one that it is installed with.

usage: names.py [--hooke PROGRAM]
"""
import argparse, collections, json, os, subprocess, sys
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


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--hooke", default=os.path.join(ROOT, "hooke"))
    ours, theirs = hooke_rows(a.parse_args().hooke), lens_rows()
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
        counts = collections.Counter(release for release, _ in only)
        print(f"only {name}: {len(only)} rows of {len(counts)} releases" + "".join(f"\n  {n:5} {r}" for r, n in sorted(counts.items())[:12]))
    places = sum(len(rows) for (key, _), rows in differences.items() if key in ("repo_id", "path", "format"))
    print(f"{len(both) - places} of {len(both)} common rows name the same repository, path and loader")
    return 0 if both else 1


sys.exit(main())
