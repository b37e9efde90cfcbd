#!/usr/bin/env python3
"""Packs the registry of dictionaries into src/file/registry_rows.inc.

Usage: pack.py REGISTRY.tsv > src/file/registry_rows.inc

In: a table with a header line, tab separated: release repo_id model conversion_func sae_id path l0 variance_explained
norm_scaling_factor neuronpedia config_overrides; an empty field is an absent one. Sorted by release and sae_id.

Out: C string literals, one a line, that src/file/registry.c walks:

    ">release|repo_id|model|conversion_func|config_overrides"      what all rows of a release share
    "sae_id|path|neuronpedia|l0|variance_explained|norm"           one dictionary; empty fields at the end are left out

In the second form sae_id, path and neuronpedia are written against the row before: one character says how many bytes are the same
(0-9A-Za-z: 0 to 61), the rest follows. "=" as path: it equals sae_id. An empty neuronpedia is "" and does not count as a row
before. The first row of a release starts from nothing.
"""
import sys

COUNTS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
SHARED = ("release", "repo_id", "model", "conversion_func", "config_overrides")


def literal(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '",'


def against(before, now):
    n = 0
    while n < min(len(before), len(now), len(COUNTS) - 1) and before[n] == now[n]:
        n += 1
    return COUNTS[n] + now[n:]


def main():
    with open(sys.argv[1], encoding="ascii") as f:
        names, *lines = (line.rstrip("\n").split("\t") for line in f)
    rows = [dict(zip(names, line)) for line in lines]
    assert rows == sorted(rows, key=lambda r: (r["release"], r["sae_id"]))
    assert not any("|" in field for line in lines for field in line)
    print("/* Made by tools/registry/pack.py; do not edit. What these names are: data/README.md. */")
    shared = None
    for r in rows:
        if shared != [r[k] for k in SHARED]:
            shared = [r[k] for k in SHARED]
            before = {"sae_id": "", "path": "", "neuronpedia": ""}
            print(literal(">" + "|".join(shared)))
        fields = [against(before["sae_id"], r["sae_id"])]
        fields.append("=" if r["path"] == r["sae_id"] else against(before["path"], r["path"]))
        fields.append(against(before["neuronpedia"], r["neuronpedia"]) if r["neuronpedia"] else "")
        fields += [r["l0"], r["variance_explained"], r["norm_scaling_factor"]]
        before.update({k: r[k] for k in before if r[k]})
        print(literal("|".join(fields).rstrip("|")))


main()
