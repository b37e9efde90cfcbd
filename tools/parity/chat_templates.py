#!/usr/bin/env python3
"""Chat templates rendered here and by transformers (jinja2): the same text, or both refuse.

  chat_templates.py                      the templates of chat_cases.py
  chat_templates.py FOLDER               every *.jinja of a folder, over conversations (published templates: not shipped here)
  chat_templates.py --golden FILE        writes chat_cases.py with jinja2's answers as lines of JSON, for tests/text/test_template.c

Needs build/release/libhooke.a (make) and a Python with transformers."""
import json
import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path

from transformers.utils.chat_template_utils import _compile_jinja_template

import chat_cases

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 3, 5, 14, 7, 9)
FLAGS = ["-O1", "-std=c11", "-D_POSIX_C_SOURCE=200809L", "-fopenmp", f"-I{ROOT}/include", f"-I{ROOT}/src"]


def program(folder):
    libs = ["-lutf8proc", "-lz", "-lzstd", "-lm"] + (["-ldnnl"] if b"dnnl_" in (ROOT / "build/release/libhooke.a").read_bytes() else [])
    out = Path(folder) / "template_lines"
    subprocess.run(["cc", *FLAGS, str(ROOT / "tools/parity/template_lines.c"), str(ROOT / "build/release/libhooke.a"), "-o", str(out), *libs], check=True)
    return out


def theirs(template, variables):
    """(text, None) or (None, error)."""
    try:
        compiled = _compile_jinja_template(template)
        compiled.environment.globals["strftime_now"] = NOW.strftime
        compiled.globals["strftime_now"] = NOW.strftime
        return compiled.render(**variables), None
    except Exception as e:  # jinja2's errors, and Python's own from inside a template
        return None, f"{type(e).__name__}: {e}"


def ours(path, cases):
    lines = "".join(json.dumps({"template": t, "variables": v}) + "\n" for _, t, v in cases)
    out = subprocess.run([str(path)], input=lines, capture_output=True, text=True, check=True).stdout
    return [json.loads(line) for line in out.splitlines()]


def own_cases():
    cases = [(e, "[{{ " + e + " }}]", chat_cases.VARS) for e in chat_cases.EXPRESSIONS]
    return cases + [(t, t, chat_cases.VARS) for t in chat_cases.TEMPLATES]


def conversations():
    user = {"role": "user", "content": " What is 2+2? \n"}
    long = [{"role": r, "content": c} for r, c in [("user", "Hi"), ("assistant", "Hello! "), ("user", "ünïcödé 日本 🙂 "), ("assistant", "<think>\nhm\n</think>\n\nok"), ("user", "more\n\n")]]
    system = {"role": "system", "content": "Be brief.\n "}
    call = {"role": "assistant", "content": "", "tool_calls": [{"id": "call00001", "type": "function", "function": {"name": "add", "arguments": {"a": 1, "b": "é"}}}]}
    back = {"role": "tool", "name": "add", "tool_call_id": "call00001", "content": "3"}
    sets = {"one": [user], "system": [system, user], "turns": long, "system turns": [system] + long, "assistant last": long[:2], "assistant first": [long[1]], "two users": [user, user],
            "empty content": [{"role": "user", "content": ""}], "tool call": [user, call, back], "system late": long[:2] + [system, long[2]], "parts": [{"role": "user", "content": [{"type": "text", "text": "in parts"}]}],
            "reasoning": [user, {"role": "assistant", "content": "4", "reasoning_content": "sum"}, user]}
    extras = [{}, {"enable_thinking": False}, {"enable_thinking": True}, {"tools": [chat_cases.VARS["tool"]]}, {"date_string": "26 Jul 2024"}]
    for name, messages in sets.items():
        for prompt in (False, True):
            for extra in extras:
                yield f"{name}, prompt {prompt}, {extra}", {"messages": messages, "tools": None, "documents": None, "add_generation_prompt": prompt, "bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", **extra}


def compare(path, cases, verbose=True):
    """Counts: same text, both refuse, differ, only ours refuses, only theirs."""
    counts = dict(same=0, both_refuse=0, differ=0, only_ours_refuses=0, only_theirs_refuses=0)
    for (name, template, variables), mine in zip(cases, ours(path, cases)):
        text, error = theirs(template, variables)
        if error and "error" in mine:
            kind = "both_refuse"
        elif error:
            kind = "only_theirs_refuses"
        elif "error" in mine:
            kind = "only_ours_refuses"
        else:
            kind = "same" if text == mine["text"] else "differ"
        counts[kind] += 1
        if verbose and kind not in ("same", "both_refuse"):
            print(f"{kind}: {name!r}\n   theirs {error or text!r}\n   ours   {mine.get('text', mine.get('error'))!r}")
    return counts


def write_golden(path):
    with open(path, "w", encoding="utf-8") as out:
        out.write(json.dumps(chat_cases.VARS, ensure_ascii=False) + "\n")
        for _, template, variables in own_cases():
            text, error = theirs(template, variables)
            out.write(json.dumps({"template": template} | ({"refused": True} if error else {"text": text}), ensure_ascii=False) + "\n")


def main():
    if sys.argv[1:2] == ["--golden"]:
        return write_golden(sys.argv[2])
    with tempfile.TemporaryDirectory() as folder:
        path = program(folder)
        if len(sys.argv) < 2:
            return print(compare(path, own_cases()))
        for file in sorted(Path(sys.argv[1]).glob("*.jinja")):
            source = file.read_text(encoding="utf-8")
            counts = compare(path, [(name, source, v) for name, v in conversations()], verbose=len(sys.argv) > 2)
            bad = {k: v for k, v in counts.items() if v and k not in ("same", "both_refuse")}
            print(f"{'agrees ' if not bad else 'DIFFERS'} {file.name:70} {counts['same']} same, {counts['both_refuse']} both refuse{', ' + str(bad) if bad else ''}")


main()
