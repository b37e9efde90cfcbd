#!/usr/bin/env python3
"""Compares hooke's packings with the programs they are named after: the same documents, every context, every token.

    make && python3 tools/parity/token_streams.py --dictionary-learning DIR --sparsify DIR --transformer-lens-2 DIR [--golden]

The peers' own functions are run, on their own tokenizers: sae_lens (ActivationsStore over a HookedTransformer; pretokenize_dataset),
dictionary_learning (ActivationBuffer.tokenized_batch and the generators), sae_bench (load_and_tokenize_dataset), sparsify
(chunk_and_tokenize), transformer_lens 3 and 2 (tokenize_and_concatenate). DIR are folders that hold the packages
dictionary_learning (its repository: the release lacks the buffer), sparsify and transformer_lens 2; without one its rows are left
out. Tokenizers: micro and micro-neox as shipped, micro-neox without a BOS (as Qwen's), Gemma 2 and GPT-NeoX from ../shared/data.
--golden writes tests/golden/text/token_streams.json for the shipped tokenizers. One row a comparison; exit status 1 on a difference.
"""
import argparse, gzip, importlib.util, json, lzma, os, random, shutil, subprocess, sys, tempfile, types, warnings
from pathlib import Path

os.environ.update(TOKENIZERS_PARALLELISM="false", HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error", HF_DATASETS_DISABLE_PROGRESS_BARS="1")
warnings.filterwarnings("ignore")
ROOT = Path(__file__).resolve().parents[2]
sys.path = [p for p in sys.path if Path(p or ".").resolve() != Path(__file__).resolve().parent]
import torch  # noqa: E402
from datasets import Dataset  # noqa: E402
from transformers import AutoTokenizer  # noqa: E402

DATA = ROOT / ".." / "shared" / "data" / "tokenizers"
GOLDEN = ROOT / "tests" / "golden" / "text"


# ---- documents --------------------------------------------------------------------------------------------------------------------

def odd_documents():
    """Short ones, empty ones, special tokens in the text, scripts, emoji, runs of blanks, a word without end."""
    rng = random.Random(3)
    base = ["", " ", "a", "The old man went down to the sea.", "<bos>begins with one", "ends with one<eos>", "<eos>", "<pad> in the text",
            "<|endoftext|>in between<|endoftext|>", "tab\tand\nnewline\n\n", "     five blanks", "Ångström e\u0301 ﬁ ½ ² Ⅷ", "視野無限廣，窗外有藍天。",
            "👩🏽‍🚀👨‍👩‍👧‍👦🏳️‍🌈", "x" * 300, "ab " * 200, "न्हें राक्षसों के राजा", "\u2028line\u2029paragraph\u00a0hard"]
    docs = list(base)
    for _ in range(1400):
        docs.append(" ".join(rng.choice(base[2:]) for _ in range(rng.randint(0, 6))))
    return docs


def document_files(folder):
    with gzip.open(ROOT / "data" / "micro" / "text.jsonl.gz", "rt", encoding="utf-8") as f:
        text = [json.loads(line)["text"] for line in f]
    # Few, one block and a bit of everybody's, and enough to be cut by all of them.
    sets = {"few": text[:40], "text": text[:2300], "odd": odd_documents()}
    paths = {}
    for name, docs in sets.items():
        paths[name] = folder / f"{name}.jsonl"
        paths[name].write_text("".join(json.dumps({"text": d}, ensure_ascii=False) + "\n" for d in docs), encoding="utf-8")
    return sets, paths


# ---- tokenizers -------------------------------------------------------------------------------------------------------------------

def tokenizer_folders(folder):
    found = {"micro": ROOT / "models" / "micro", "micro-neox": ROOT / "models" / "micro-neox"}
    bare = folder / "no-bos"
    bare.mkdir()
    shutil.copy(found["micro-neox"] / "tokenizer.json", bare)
    config = json.loads((found["micro-neox"] / "tokenizer_config.json").read_text())
    config["bos_token"] = None
    config["pad_token"] = config["eos_token"]
    (bare / "tokenizer_config.json").write_text(json.dumps(config))
    found["no-bos"] = bare
    # The pad is TransformerLens' for a tokenizer without one. Left out, transformers 5 makes up "<|padding|>" with an id behind the vocabulary.
    for name, config in (("gemma-2", None), ("pythia", {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>",
                                                        "pad_token": "<|endoftext|>", "tokenizer_class": "GPTNeoXTokenizerFast"})):
        if not (DATA / name).exists():
            continue
        at = folder / name
        at.mkdir()
        (at / "tokenizer.json").write_bytes(lzma.open(DATA / name / "tokenizer.json.xz").read())
        (at / "tokenizer_config.json").write_text(json.dumps(config) if config else (DATA / name / "tokenizer_config.json").read_text())
        found[name] = at
    return found


# ---- peers: each takes (tokenizer folder, documents, request) and returns contexts of ids --------------------------------------------

def load(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MODELS = {}


def hooked(folder):
    """A HookedTransformer whose tokenizer went through its own set_tokenizer; its weights play no part."""
    from transformer_lens import HookedTransformer, HookedTransformerConfig
    if folder not in MODELS:
        tk = AutoTokenizer.from_pretrained(folder)
        cfg = HookedTransformerConfig(n_layers=1, d_model=2, n_ctx=64, d_head=1, n_heads=2, d_mlp=2, act_fn="relu", d_vocab=len(tk) + 8,
                                      init_weights=False, device="cpu", default_prepend_bos=True)
        MODELS[folder] = HookedTransformer(cfg, tokenizer=tk)
    return MODELS[folder]


def special(r, key):
    return {"none": None}.get(r[key], r[key])


def saelens(folder, docs, r):
    from sae_lens.training.activations_store import ActivationsStore
    # Cut where documents are tokenised: nothing of the model is run.
    store = ActivationsStore(model=hooked(folder), dataset=Dataset.from_dict({"text": docs}), streaming=False, hook_name="blocks.0.hook_resid_pre",
                             hook_head_index=None, context_size=r["n_ctx"], d_in=2, n_batches_in_buffer=2, total_training_tokens=1,
                             store_batch_size_prompts=1, train_batch_size_tokens=1, prepend_bos=not r["no_bos"], normalize_activations="none",
                             device=torch.device("cpu"), dtype="float32", disable_concat_sequences=bool(r["no_concat"]),
                             sequence_separator_token=special(r, "separator"))
    return [c.tolist() for c in store._iterate_tokenized_sequences()]


def saelens_pretokenize(folder, docs, r):
    from sae_lens.config import PretokenizeRunnerConfig
    from sae_lens.pretokenize_runner import pretokenize_dataset
    tk = AutoTokenizer.from_pretrained(folder)
    tk.model_max_length = sys.maxsize
    cfg = PretokenizeRunnerConfig(tokenizer_name=str(folder), context_size=r["n_ctx"], shuffle=False, num_proc=1,
                                  pretokenize_batch_size=r["block"] or 1000, begin_batch_token=None if r["no_bos"] else "bos",
                                  begin_sequence_token=special(r, "begin"), sequence_separator_token=special(r, "separator"),
                                  disable_concat_sequences=bool(r["no_concat"]))
    return list(pretokenize_dataset(Dataset.from_dict({"text": docs}), tk, cfg).with_format(None)["input_ids"])


def dictionary_learning(folder, docs, r):
    module = load("dl_buffer", Path(ARGS.dictionary_learning) / "dictionary_learning" / "pytorch_buffer.py")
    model = types.SimpleNamespace(dtype=torch.float32, name_or_path=str(folder))
    samples = iter(docs)
    if r["packing"] == "dictionary_learning_packed":
        samples = packed_samples(folder, docs, r)
    buffer = module.ActivationBuffer(samples, model, None, d_submodule=2, n_ctxs=2, ctx_len=r["n_ctx"], refresh_batch_size=r["block"] or 512,
                                     add_special_tokens=not r["no_bos"])
    out = []
    while True:
        try:
            batch = buffer.tokenized_batch()
        except (StopIteration, RuntimeError):  # the packing generator ends by StopIteration inside a generator
            return [c for c in out if c]
        for ids, mask in zip(batch["input_ids"].tolist(), batch["attention_mask"].tolist()):
            out.append([i for i, m in zip(ids, mask) if m])


def packed_samples(folder, docs, r):
    """hf_sequence_packing_dataset_to_generator with its data set replaced; the package's own imports, which want nnsight, are passed by."""
    package = sys.modules.setdefault("dictionary_learning", types.ModuleType("dictionary_learning"))
    package.__path__ = [str(Path(ARGS.dictionary_learning) / "dictionary_learning")]
    import dictionary_learning.utils as module
    module.load_dataset = lambda *a, **k: [{"text": d} for d in docs]
    return module.hf_sequence_packing_dataset_to_generator(AutoTokenizer.from_pretrained(folder), min_chars=r["min_chars"] or 4 * r["n_ctx"])


def saebench(folder, docs, r):
    import sae_bench.sae_bench_utils.dataset_utils as module
    tk = hooked(folder).tokenizer
    if r["n_tokens"] == 0:  # as unlearning calls it
        return module.tokenize_and_concat_dataset(tk, [d for d in docs if len(d) > (r["min_chars"] or 100)], r["n_ctx"], add_bos=not r["no_bos"]).tolist()
    module.load_dataset = lambda *a, **k: [{"text": d} for d in docs]
    return module.load_and_tokenize_dataset("text", r["n_ctx"], r["n_tokens"], tk, add_bos=not r["no_bos"]).tolist()


def sparsify(folder, docs, r):
    module = load("sparsify_data", Path(ARGS.sparsify) / "sparsify" / "data.py")
    tk = AutoTokenizer.from_pretrained(folder)
    out = module.chunk_and_tokenize(Dataset.from_dict({"text": docs}), tk, num_proc=None, max_seq_len=r["n_ctx"], load_from_cache_file=False)
    return list(out.with_format(None)["input_ids"])


def transformer_lens(folder, docs, r):
    from transformer_lens.utilities.tokenize_utils import tokenize_and_concatenate
    tk = hooked(folder).tokenizer
    out = tokenize_and_concatenate(Dataset.from_dict({"text": docs}), tk, max_length=r["n_ctx"], add_bos_token=not r["no_bos"], num_proc=None)
    return list(out.with_format(None)["tokens"])


VERSION_2 = """
import json, sys
sys.path.insert(0, sys.argv[1])
import transformer_lens.utils as u
from datasets import Dataset
from transformers import AutoTokenizer
for line in sys.stdin:
    q = json.loads(line)
    tk = AutoTokenizer.from_pretrained(q["folder"])
    tk.pad_token = tk.pad_token or tk.eos_token  # as HookedTransformer.set_tokenizer does
    tk.bos_token = tk.bos_token or tk.eos_token
    data = Dataset.from_dict({"text": json.load(open(q["docs"]))})
    out = u.tokenize_and_concatenate(data, tk, max_length=q["n_ctx"], add_bos_token=q["bos"], num_proc=1)
    json.dump(list(out.with_format(None)["tokens"]), open(q["out"], "w"))
    print("done", flush=True)
"""
WORKER = []


def transformer_lens_2(folder, docs, r):
    """In a process of its own: two versions of one package cannot share one."""
    if not WORKER:
        WORKER.append(subprocess.Popen([sys.executable, "-c", VERSION_2, ARGS.transformer_lens_2], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       stderr=subprocess.DEVNULL, text=True, env=dict(os.environ)))
    with tempfile.TemporaryDirectory() as tmp:
        (Path(tmp) / "docs").write_text(json.dumps(docs))
        q = {"folder": str(folder), "docs": f"{tmp}/docs", "n_ctx": r["n_ctx"], "bos": not r["no_bos"], "out": f"{tmp}/out"}
        WORKER[0].stdin.write(json.dumps(q) + "\n")
        WORKER[0].stdin.flush()
        while (line := WORKER[0].stdout.readline()) != "done\n":
            if not line:
                sys.exit("transformer_lens 2 ended early")
        return json.load(open(f"{tmp}/out"))


PEERS = {"saelens": saelens, "saelens_pretokenize": saelens_pretokenize, "dictionary_learning": dictionary_learning,
         "dictionary_learning_packed": dictionary_learning, "saebench": saebench, "sparsify": sparsify, "transformer_lens": transformer_lens,
         "transformer_lens_2": transformer_lens_2}


# ---- requests -----------------------------------------------------------------------------------------------------------------------

DEFAULTS = {"n_ctx": 32, "no_bos": 0, "separator": "bos", "begin": "none", "no_concat": 0, "n_tokens": 0, "block": 0, "min_chars": 0}


def requests():
    rows = [("saelens", {}), ("saelens", {"n_ctx": 7}), ("saelens", {"separator": "eos"}), ("saelens", {"separator": "none"}),
            ("saelens", {"no_bos": 1}), ("saelens", {"no_bos": 1, "separator": "none"}), ("saelens", {"no_concat": 1}),
            ("saelens", {"no_concat": 1, "no_bos": 1, "n_ctx": 9}), ("saelens", {"n_ctx": 2}),
            ("saelens_pretokenize", {}), ("saelens_pretokenize", {"begin": "bos", "separator": "eos", "n_ctx": 5}),
            ("saelens_pretokenize", {"no_bos": 1, "separator": "none"}), ("saelens_pretokenize", {"block": 7}),
            ("saelens_pretokenize", {"begin": "eos", "separator": "none", "n_ctx": 3}), ("saelens_pretokenize", {"no_concat": 1}),
            ("dictionary_learning", {}), ("dictionary_learning", {"block": 11, "n_ctx": 8}), ("dictionary_learning", {"no_bos": 1}),
            ("dictionary_learning_packed", {"no_bos": 1, "block": 16}), ("dictionary_learning_packed", {"no_bos": 1, "min_chars": 1, "block": 4}),
            ("saebench", {}), ("saebench", {"n_tokens": 1000}), ("saebench", {"min_chars": 50, "n_ctx": 64}), ("saebench", {"no_bos": 1}),
            ("sparsify", {}), ("sparsify", {"n_ctx": 128}),
            ("transformer_lens", {}), ("transformer_lens", {"no_bos": 1}), ("transformer_lens", {"n_ctx": 100}),
            ("transformer_lens_2", {}), ("transformer_lens_2", {"no_bos": 1})]
    return [dict(DEFAULTS, packing=p, **o) for p, o in rows]


def ask(program, folder, path, wanted):
    lines = "".join(f"{path} {r['packing']} {r['n_ctx']} {r['no_bos']} {r['separator']} {r['begin']} {r['no_concat']} {r['n_tokens']} {r['block']} "
                    f"{r['min_chars']}\n" for r in wanted)
    done = subprocess.run([program, folder], input=lines, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    answers, contexts = [], []
    for line in done.stdout.splitlines():
        if line == "end" or line.startswith("error"):
            answers.append(contexts if line == "end" else line)
            contexts = []
        else:
            contexts.append([int(x) for x in line.split()])
    return answers


def present(r):
    need = {"dictionary_learning": ARGS.dictionary_learning, "dictionary_learning_packed": ARGS.dictionary_learning, "sparsify": ARGS.sparsify,
            "transformer_lens_2": ARGS.transformer_lens_2}
    return need.get(r["packing"], True)


def label(r):
    return r["packing"] + "".join(f" {k}={v}" for k, v in r.items() if k != "packing" and v != DEFAULTS[k])


def expected_of(folder, docs, r):
    try:
        return PEERS[r["packing"]](folder, docs, r)
    except (ValueError, AssertionError) as e:  # sparsify and sae_bench refuse too little text
        return "refused" if "Not enough data" in str(e) or isinstance(e, AssertionError) else f"{type(e).__name__}: {e}"


def fnv(contexts):
    h = 0xCBF29CE484222325
    for c in contexts:
        for i in [len(c)] + c:
            for b in int(i).to_bytes(4, "little"):
                h = ((h ^ b) * 0x100000001B3) & (1 << 64) - 1
    return f"{h:016x}"


def main():
    global ARGS
    parser = argparse.ArgumentParser()
    for name in ("dictionary-learning", "sparsify", "transformer-lens-2", "only"):
        parser.add_argument("--" + name)
    parser.add_argument("--golden", action="store_true")
    ARGS = parser.parse_args()
    golden, bad, n_compared, n_tokens = [], 0, 0, 0
    with tempfile.TemporaryDirectory() as tmp:
        tmp = Path(tmp)
        program = tmp / "token_streams"
        subprocess.run(["cc", "-std=c11", "-O2", f"-I{ROOT}/include", f"{ROOT}/tools/parity/token_streams.c", f"{ROOT}/build/release/libhooke.a", "-o",
                        program, *libraries()], check=True)
        sets, paths = document_files(tmp)
        for name, folder in tokenizer_folders(tmp).items():
            if ARGS.only and ARGS.only != name:
                continue
            for docs_name, docs in sets.items():
                wanted = [r for r in requests() if present(r)]
                for r, found in zip(wanted, ask(program, folder, paths[docs_name], wanted)):
                    expected = expected_of(folder, docs, r)
                    if expected == "refused":
                        print(f"refused{name:12}{docs_name:6}{len(found):7} contexts  {label(r)}", flush=True)
                        continue
                    same = expected == found
                    bad += not same
                    n_compared += 1
                    n_tokens += sum(map(len, found)) if isinstance(found, list) else 0
                    print(f"{'same' if same else 'DIFFER':7}{name:12}{docs_name:6}{len(found):7} contexts  {label(r)}", flush=True)
                    if not same:
                        explain(expected, found)
                    elif name in ("micro", "micro-neox") and docs_name != "text":
                        golden.append(dict(r, tokenizer=name, documents=docs_name, contexts=len(found), hash=fnv(found), first=found[:1], last=found[-1:]))
    print(f"{n_compared} comparisons, {n_tokens} tokens, {bad} differ")
    if ARGS.golden:
        GOLDEN.mkdir(parents=True, exist_ok=True)
        with open(GOLDEN / "token_streams.jsonl", "w", encoding="utf-8") as f:
            f.writelines(json.dumps(g, separators=(",", ":")) + "\n" for g in golden)
        for name in ("few", "odd"):
            with gzip.GzipFile(GOLDEN / f"{name}_documents.jsonl.gz", "wb", mtime=0) as f:
                f.write("".join(json.dumps({"text": d}, ensure_ascii=False) + "\n" for d in sets[name]).encode())
    return 1 if bad else 0


def libraries():
    """What the program links with, as the Makefile has it."""
    text = subprocess.run(["make", "-s", "-C", str(ROOT), "--eval", "print-libs: ; @echo $(LDLIBS) $(BASEFLAGS)", "print-libs"], capture_output=True,
                          text=True).stdout
    return [w for w in text.split() if w.startswith("-l") or w in ("-pthread", "-fopenmp")]


def explain(expected, found):
    if not isinstance(expected, list) or not isinstance(found, list):
        print(f"       expected {str(expected)[:200]}\n       found    {str(found)[:200]}")
        return
    print(f"       {len(expected)} contexts expected, {len(found)} found")
    for i, (e, f) in enumerate(zip(expected, found)):
        if e != f:
            print(f"       context {i}: expected {e}\n       context {i}: found    {f}")
            return


if __name__ == "__main__":
    sys.exit(main())
