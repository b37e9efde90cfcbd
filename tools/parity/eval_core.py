#!/usr/bin/env python3
"""Core evaluation: hooke beside sae-bench 0.6.0 on the same tokens, float32.

For every case a model (the micro models; a random Pythia-70m shape from `hooke synth`; the small golden models) and a dictionary
(micro's own; random ones of several architectures, at several sites) are given to both. sae-bench's run_evals() gets
TransformerLens with unprocessed weights, the SAELens object, and a store that hands out given batches of tokens; hooke gets an ids
file, or a text that it packs itself. Every metric and every per-feature value is compared; the largest relative difference must be
below 1e-3. hooke's documents are validated against the published JSON schema.

usage: eval_core.py [--hooke PROGRAM] [--golden] [--only CASE]
       --golden rewrites tests/golden/eval/ (dictionaries, ids and sae-bench's numbers for tests/eval/test_core_golden.c)
"""
import argparse, gzip, json, lzma, math, os, shutil, subprocess, sys, tempfile
import jsonschema, numpy, torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM
import sae_bench.evals.core.main as core
from sae_bench.evals.core.eval_config import CoreEvalConfig
from sae_bench.sae_bench_utils import general_utils
from sae_lens import SAE
from sae_lens.tokenization_and_batching import concat_and_batch_sequences

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.normpath(os.path.join(HERE, "..", ".."))
sys.path.insert(0, HERE)
from make_model_golden import lens_model  # noqa: E402

LIMIT = 1e-3
FLIPS = 1e-5  # of (feature, token) pairs, see flipped()
SCHEMA = os.path.join(os.path.dirname(core.__file__), "eval_output_schema_core.json")
METADATA = dict(sae_lens_version="6.18.0", sae_lens_training_version="6.18.0", model_class_name="HookedTransformer", hook_head_index=None,
                context_size=32, prepend_bos=True, dataset_path=None, model_from_pretrained_kwargs={}, seqpos_slice=[None],
                exclude_special_tokens=False)


class Store:
    """What run_evals() asks of an activation store: batches of given tokens, one after the other."""

    def __init__(self, contexts, batch):
        self.contexts, self.at = contexts, 0
        self.context_size, self.store_batch_size_prompts = contexts.shape[1], batch

    def get_batch_tokens(self, batch_size=None, **_):
        n = batch_size or self.store_batch_size_prompts
        rows = torch.arange(self.at, self.at + n) % len(self.contexts)
        self.at += n
        return self.contexts[rows]

    def reset_input_dataset(self):
        pass


def write_sae(folder, arch, d, f, site, model, seed, x_scale, head=None):
    """A random dictionary in SAELens' layout. Thresholds and biases let a few percent of the features through."""
    g = torch.Generator().manual_seed(seed)
    normal = lambda *shape: torch.randn(*shape, generator=g)
    dec = normal(f, d)
    dec /= dec.norm(dim=1, keepdim=True)
    t = {"W_dec": dec, "W_enc": (dec.T + 0.3 * normal(d, f) / d**0.5).contiguous(), "b_dec": 0.05 * x_scale * normal(d)}
    cut = 1.5 * x_scale
    cfg = dict(architecture=arch, d_in=d, d_sae=f, dtype="float32", device="cpu", apply_b_dec_to_input=arch != "jumprelu",
               normalize_activations="none", reshape_activations="none",
               metadata=dict(METADATA, model_name=model, hook_name=site, hook_layer=int(site.split(".")[1]), hook_head_index=head))
    if arch == "gated":
        t.update(b_gate=-cut + 0.1 * cut * normal(f), b_mag=0.1 * x_scale * normal(f), r_mag=0.1 * normal(f))
    else:
        t["b_enc"] = (-cut if arch == "standard" else 0) + 0.1 * x_scale * normal(f)
    if arch == "jumprelu":
        t["threshold"] = cut * (1 + 0.1 * normal(f)).abs()
    if arch == "topk":
        cfg.update(k=max(2, f // 32), rescale_acts_by_decoder_norm=False)
    os.makedirs(folder, exist_ok=True)
    save_file({k: v.contiguous() for k, v in t.items()}, os.path.join(folder, "sae_weights.safetensors"))
    json.dump(cfg, open(os.path.join(folder, "cfg.json"), "w"), indent=1)


def scope_to_saelens(npz, folder, site, model):
    z = numpy.load(npz)
    t = {k: torch.from_numpy(z[k].astype(numpy.float32)) for k in ("W_enc", "W_dec", "b_enc", "b_dec", "threshold")}
    cfg = dict(architecture="jumprelu", d_in=t["W_enc"].shape[0], d_sae=t["W_enc"].shape[1], dtype="float32", device="cpu",
               apply_b_dec_to_input=False, normalize_activations="none", reshape_activations="none",
               metadata=dict(METADATA, model_name=model, hook_name=site, hook_layer=int(site.split(".")[1])))
    os.makedirs(folder, exist_ok=True)
    save_file({k: v.contiguous() for k, v in t.items()}, os.path.join(folder, "sae_weights.safetensors"))
    json.dump(cfg, open(os.path.join(folder, "cfg.json"), "w"))


def load_sae(folder):
    sae = SAE.load_from_disk(folder, device="cpu")
    cfg = json.load(open(os.path.join(folder, "cfg.json")))
    if hasattr(general_utils, "_standardize_sae_cfg"):
        general_utils._standardize_sae_cfg(sae.cfg)
    for key, value in dict(hook_name=cfg["metadata"]["hook_name"], hook_layer=cfg["metadata"]["hook_layer"],
                           hook_head_index=cfg["metadata"]["hook_head_index"]).items():
        if not hasattr(sae.cfg, key):
            setattr(sae.cfg, key, value)
    return sae


def bench(lens, sae, contexts, special, config):
    """sae-bench's metrics and per-feature lists, NaN as -1."""
    with torch.no_grad():
        metrics, features = core.run_evals(sae, Store(contexts, config.batch_size_prompts), lens, config, ignore_tokens=special)
    metrics["misc_metrics"] = core.calculate_misc_metrics(features)
    rows = core.convert_feature_metrics(features)
    clean = core.replace_nans_with_negative_one
    return clean({k: dict(v) for k, v in metrics.items()}), clean([r if isinstance(r, dict) else vars(r) for r in rows])


def hooke_core(program, model, dict_path, source, config, out):
    command = [program, "eval", "core", "-m", model, "-d", dict_path, "--dtype", "f32", "--json", "-q", "--force_rerun", "-o", out,
               "--batch_size_prompts", config.batch_size_prompts, "--context_size", config.context_size,
               "--n_eval_reconstruction_batches", config.n_eval_reconstruction_batches,
               "--n_eval_sparsity_variance_batches", config.n_eval_sparsity_variance_batches, *source]
    if config.exclude_special_tokens_from_reconstruction:
        command.append("--exclude_special_tokens_from_reconstruction")
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, env=dict(os.environ, HOOKE_DATA=ROOT))
    if done.returncode != 0:
        sys.exit(f"hooke failed: {done.stderr}")
    return json.loads(done.stdout)


def difference(a, b):
    if a == b or (math.isnan(a) and math.isnan(b)):
        return 0.0
    return abs(a - b) / max(abs(b), 1e-6) if math.isfinite(a) and math.isfinite(b) else math.inf


def flipped(mine, theirs, n_tokens):
    """Features whose counts of active tokens differ by exactly one. Two float32 implementations round a pre-activation differently,
    and where it equals its threshold to the last bits, one of them lets it through."""
    return {row["index"] for row, my in zip(theirs, mine, strict=True)
            if 0.5 < abs(my["feature_density"] - row["feature_density"]) * n_tokens < 1.5}


def compare(name, document, metrics, rows, n_tokens, verbose=True):
    worst, worst_name = 0.0, ""
    print(f"\n== {name}")
    for category, values in metrics.items():
        for key, theirs in values.items():
            ours = document["eval_result_metrics"][category][key]
            d = difference(float(ours), float(theirs))
            if verbose:
                print(f"  {key:40s} hooke {ours:<22.12g} sae-bench {theirs:<22.12g} {d:.1e}")
            if d > worst:
                worst, worst_name = d, key
    flips = flipped(document["eval_result_details"], rows, n_tokens)
    if flips:
        print(f"  {len(flips)} of {len(rows)} features fire on one token more or less: a value at the threshold to the last bits")
        worst = math.inf if len(flips) > max(2, len(rows) * n_tokens * FLIPS) else worst
    for key in rows[0]:
        pairs = [(float(mine[key]), float(row[key])) for mine, row in zip(document["eval_result_details"], rows, strict=True)
                 if row["index"] not in flips or key not in ("feature_density", "consistent_activation_heuristic")]
        scale = max(abs(b) for _, b in pairs) or 1.0
        d = max(min(difference(a, b), abs(a - b) / scale) for a, b in pairs)
        if verbose:
            print(f"  {key:40s} {len(pairs)} features, worst {d:.1e}")
        if d > worst:
            worst, worst_name = d, key
    verdict = "ok" if worst < LIMIT else "DIFFERS"
    print(f"  {verdict}: worst relative difference {worst:.1e} ({worst_name})")
    return worst


def config_of(contexts, batch, n_rec, n_sv, exclude):
    return CoreEvalConfig(model_name="m", llm_dtype="float32", batch_size_prompts=batch, n_eval_reconstruction_batches=n_rec,
                          n_eval_sparsity_variance_batches=n_sv, context_size=contexts.shape[1], compute_kl=True, compute_ce_loss=True,
                          compute_l2_norms=True, compute_sparsity_metrics=True, compute_variance_metrics=True,
                          compute_featurewise_density_statistics=True, compute_featurewise_weight_based_metrics=True,
                          exclude_special_tokens_from_reconstruction=exclude)


def random_contexts(n, length, vocab, special, seed):
    g = torch.Generator().manual_seed(seed)
    ids = torch.randint(0, vocab, (n, length), generator=g)
    if special:
        ids[:, 0] = max(special)
        ids[torch.rand(ids.shape, generator=g) < 0.03] = min(special)
    return ids


def text_contexts(model_dir, text, length, bos, n):
    tk = Tokenizer.from_file(os.path.join(model_dir, "tokenizer.json"))
    docs = [json.loads(line)["text"] for line in gzip.open(text, "rt")][:3000]
    rows = (torch.tensor(tk.encode(d, add_special_tokens=False).ids) for d in docs)
    packed = concat_and_batch_sequences(rows, length, begin_batch_token_id=bos, begin_sequence_token_id=None, sequence_separator_token_id=bos)
    out = []
    for row in packed:
        out.append(row)
        if len(out) == n:
            break
    return torch.stack(out)


class Cases:
    def __init__(self, program, tmp, only):
        self.program, self.tmp, self.only, self.worst, self.models = program, tmp, only, {}, {}

    def lens(self, folder, kind):
        if folder not in self.models:
            self.models = {folder: lens_model(AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval(), kind)}
        return self.models[folder]

    def run(self, name, folder, kind, special, contexts, sae_folder, dict_path=None, text=None, batch=4, n_rec=2, n_sv=3, exclude=False):
        if self.only and self.only not in name:
            return None
        config = config_of(contexts, batch, n_rec, n_sv, exclude)
        ids = os.path.join(self.tmp, "ids.json")
        json.dump(contexts.tolist(), open(ids, "w"))
        source = ["--dataset", text] if text else ["--ids", ids]
        document = hooke_core(self.program, folder, dict_path or sae_folder, source, config, os.path.join(self.tmp, "results"))
        jsonschema.validate(document, json.load(open(SCHEMA)))
        metrics, rows = bench(self.lens(folder, kind), load_sae(sae_folder), contexts, special, config)
        kept = contexts[[i % len(contexts) for i in range(batch * n_rec, batch * (n_rec + n_sv))]]
        n_tokens = sum(int(t) not in special for t in kept.flatten())
        self.worst[name] = compare(name, document, metrics, rows, n_tokens)
        return metrics, rows


def micro_cases(cases, tmp):
    folder, special = os.path.join(ROOT, "models/micro"), {0, 1, 2}
    hf = json.load(open(os.path.join(folder, "config.json")))
    d, vocab, layers = hf["hidden_size"], hf["vocab_size"], hf["num_hidden_layers"]
    z = hf["num_attention_heads"] * hf["head_dim"]
    npz = subprocess.check_output(["find", os.path.join(ROOT, "models/micro-sae"), "-name", "params.npz"], text=True).split()[0]
    layer = npz.split("layer_")[1].split("/")[0]
    own = os.path.join(tmp, "micro-own")
    scope_to_saelens(npz, own, f"blocks.{layer}.hook_resid_post", "micro")
    text = os.path.join(ROOT, "data/micro/text.jsonl.gz")
    packed = text_contexts(folder, text, 64, 2, 40)
    cases.run("micro, its own dictionary, text packed by both", folder, "gemma2", special, packed, own, os.path.dirname(npz), text)
    cases.run("micro, special tokens kept", folder, "gemma2", special, packed, own, os.path.dirname(npz), exclude=True)
    ids = random_contexts(20, 48, vocab, special, 5)
    for arch, site, width, scale, head in (("standard", "blocks.1.hook_resid_pre", d, 1.0, None), ("topk", "blocks.2.hook_mlp_out", d, 1.0, None),
                                           ("gated", f"blocks.{layers - 1}.hook_resid_post", d, 2.0, None),
                                           ("jumprelu", "blocks.1.attn.hook_z", z, 0.3, None),
                                           ("standard", "blocks.3.attn.hook_z", hf["head_dim"], 0.3, 1),
                                           ("topk", "blocks.0.hook_attn_out", d, 1.0, None)):
        sae = os.path.join(tmp, f"micro-{arch}-{site}-{head}")
        write_sae(sae, arch, width, 8 * width, site, "micro", 7, scale, head)
        cases.run(f"micro, {arch} at {site}{'' if head is None else f' head {head}'}", folder, "gemma2", special, ids, sae)


def neox_cases(cases, tmp):
    folder = os.path.join(ROOT, "models/micro-neox")
    hf = json.load(open(os.path.join(folder, "config.json")))
    d = hf["hidden_size"]
    ids = random_contexts(20, 48, hf["vocab_size"], {0}, 6)
    for arch, site in (("topk", "blocks.1.hook_resid_post"), ("gated", "blocks.0.hook_mlp_out")):
        sae = os.path.join(tmp, f"neox-{arch}-{site}")
        write_sae(sae, arch, d, 16 * d, site, "micro-neox", 8, 0.5)
        cases.run(f"micro-neox, {arch} at {site}", folder, "gpt_neox", {0}, ids, sae)


def pythia_cases(cases, tmp):
    """The shape, vocabulary and tokenizer of pythia-70m with random weights."""
    folder = os.path.join(tmp, "pythia-70m")
    subprocess.check_call([cases.program, "synth", "--shape", "pythia-70m", "-o", folder, "-q"])
    packed = os.path.join(ROOT, "..", "shared/data/tokenizers/pythia/tokenizer.json.xz")
    special = {0} if os.path.exists(packed) else set()
    if special:
        shutil.copyfileobj(lzma.open(packed), open(os.path.join(folder, "tokenizer.json"), "wb"))
        json.dump(dict(bos_token="<|endoftext|>", eos_token="<|endoftext|>", unk_token="<|endoftext|>", tokenizer_class="GPTNeoXTokenizer"),
                  open(os.path.join(folder, "tokenizer_config.json"), "w"))
    ids = random_contexts(20, 128, 50254, special, 9)
    for arch, site, scale in (("jumprelu", "blocks.3.hook_resid_post", 0.2), ("topk", "blocks.4.hook_resid_post", 0.2)):
        sae = os.path.join(tmp, f"pythia-{arch}")
        write_sae(sae, arch, 512, 4096, site, "pythia-70m", 10, scale)
        cases.run(f"pythia-70m shape, {arch} at {site}", folder, "gpt_neox", special, ids, sae, batch=4, n_rec=2, n_sv=2)


def golden_cases(cases, write):
    """Small models that are in the repository; their numbers are kept for the test suite, which runs without Python."""
    for kind, arch, site, d, vocab in (("gemma2", "jumprelu", "blocks.1.hook_resid_post", 16, 43), ("gpt_neox", "topk", "blocks.0.hook_resid_post", 24, 37)):
        model, out = os.path.join(ROOT, "tests/golden/models", kind), os.path.join(ROOT, "tests/golden/eval", kind)
        if write:
            shutil.rmtree(out, ignore_errors=True)
            write_sae(out, arch, d, 64, site, kind, 11, 1.0)
            json.dump(random_contexts(9, 12, vocab, set(), 12).tolist(), open(os.path.join(out, "ids.json"), "w"))
        contexts = torch.tensor(json.load(open(os.path.join(out, "ids.json"))))
        result = cases.run(f"golden {kind}, {arch} at {site}", model, kind, set(), contexts, out, batch=3, n_rec=2, n_sv=2)
        if write and result:
            metrics = {k: v for category in result[0].values() for k, v in category.items()}
            features = {k: [float(row[k]) for row in result[1]] for k in result[1][0] if k != "index"}
            json.dump(dict(metrics=metrics, features=features), open(os.path.join(out, "core.json"), "w"), indent=1)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--hooke", default=os.path.join(ROOT, "hooke"))
    p.add_argument("--golden", action="store_true")
    p.add_argument("--only", default="")
    args = p.parse_args()
    torch.set_num_threads(2)
    with tempfile.TemporaryDirectory() as tmp:
        cases = Cases(args.hooke, tmp, args.only)
        golden_cases(cases, args.golden)
        micro_cases(cases, tmp)
        neox_cases(cases, tmp)
        if not args.only or args.only in "pythia-70m shape":
            pythia_cases(cases, tmp)
    print("\n== summary: worst relative difference of any metric or per-feature value")
    for name, worst in cases.worst.items():
        print(f"  {worst:.1e}  {name}")
    sys.exit(any(w >= LIMIT for w in cases.worst.values()))


if __name__ == "__main__":
    main()
