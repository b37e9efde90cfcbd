#!/usr/bin/env python3
"""hooke beside transformers and SAELens: the same weights, the same number of threads, in turns, medians as ratios.

  prefill   all layers over --tokens tokens and the last token's logits      transformers, float32, eager and sdpa
  dict      encode + decode of --rows rows at about --l0 active features      SAELens, float32
  start     program start to the first features of a sentence, warm files     a Python script with transformers and SAELens

Each round runs hooke once and the peer once; a first round does not count. hooke's times of prefill and dict are those of
`hooke bench` (one warm-up and one counted run a round); start is the wall clock of the whole program on both sides.

usage: peers.py [prefill|dict|start ...] [--shape gemma-2-2b] [--width 16384] [--tokens 512] [--rows 4096] [--rounds 5] [--threads 2]
                [--hooke PROGRAM] [--model DIR] [--start-model DIR --start-dict DIR]
"""
import argparse, json, os, statistics, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.normpath(os.path.join(HERE, "..", ".."))


def hooke(args, *command):
    environment = dict(os.environ, OMP_NUM_THREADS=str(args.threads), HOOKE_DATA=ROOT)
    done = subprocess.run([args.hooke, *map(str, command)], capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        sys.exit(f"hooke {' '.join(map(str, command))}: {done.stderr}")
    return done.stdout


def bench_rows(args, *command):
    return json.loads(hooke(args, "bench", *command, "--runs", 1, "--dtype", "f32", "--json", "-q"))


def rounds(args, ours, theirs):
    """Medians of both sides' seconds, taken in turns."""
    a, b = [], []
    for i in range(args.rounds + 1):
        x, y = ours(), theirs()
        if i:
            a.append(x)
            b.append(y)
    return statistics.median(a), statistics.median(b)


def report(what, ours, theirs, note=""):
    print(f"{what:44s} hooke {ours:9.4f} s   peer {theirs:9.4f} s   peer / hooke {theirs / ours:7.2f}   {note}", flush=True)


def timed(run):
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def prefill(args, tmp):
    import torch
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(args.threads)
    folder = args.model
    if not folder:
        folder = os.path.join(tmp, "model")
        hooke(args, "synth", "--shape", args.shape, "-o", folder, "-q")
    for attention in ("sdpa", "eager"):
        try:
            model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation=attention).eval()
        except ValueError:
            print(f"prefill {args.shape}: transformers has no {attention} attention for it")
            continue
        ids = torch.randint(0, model.config.vocab_size, (1, args.tokens))

        def theirs():
            with torch.inference_mode():
                return timed(lambda: model(ids, logits_to_keep=1, use_cache=False))

        ours, peer = rounds(args, lambda: bench_rows(args, "prefill", "-m", folder, "-n", args.tokens)[0]["seconds"], theirs)
        report(f"prefill {args.shape}, {args.tokens} tokens, {attention}", ours, peer)
        del model


def scale_for(sae, x, l0):
    """Rows are scaled until about l0 features fire, as `hooke bench` does."""
    low, high = -12.0, 12.0
    for _ in range(16):
        mid = (low + high) / 2
        if (sae.encode(x[:64] * 2.0**mid) != 0).sum().item() / 64 < l0:
            low = mid
        else:
            high = mid
    return 2.0**low


def dictionary(args, tmp):
    import torch
    from sae_lens import SAE

    torch.set_num_threads(args.threads)
    shape = next((s for s in (f"gemma-scope-2b-{args.width // 1024}k-bf16",) if args.shape == "gemma-2-2b"), args.shape)
    folder = os.path.join(tmp, "dict")
    hooke(args, "synth", "--shape", shape, "-o", folder, "-q")
    config = json.load(open(os.path.join(folder, "cfg.json")))
    config["dtype"] = "float32"
    json.dump(config, open(os.path.join(folder, "cfg.json"), "w"))
    sae = SAE.load_from_disk(folder, device="cpu").to(torch.float32).eval()
    with torch.inference_mode():
        x = torch.randn(args.rows, config["d_in"])
        x *= scale_for(sae, x, args.l0)
        l0 = (sae.encode(x[:256]) != 0).sum().item() / 256

        def ours():
            rows = bench_rows(args, "encode", "decode", "-d", folder, "-n", args.rows, "--l0", args.l0)
            return sum(r["seconds"] for r in rows if r["name"].startswith(("encode_l0", "decode_sparse")))

        def theirs():
            with torch.inference_mode():
                return timed(lambda: sae.decode(sae.encode(x)))

        a, b = rounds(args, ours, theirs)
    report(f"encode + decode {args.rows} x {config['d_in']} x {config['d_sae']}", a, b, f"L0 {l0:.0f}")


PEER_START = """
import sys, json, torch
torch.set_num_threads({threads})
from transformers import AutoModelForCausalLM, AutoTokenizer
from sae_lens import SAE
model = AutoModelForCausalLM.from_pretrained({model!r}, dtype=torch.float32).eval()
sae = SAE.load_from_disk({dict!r}, device="cpu")
tokens = AutoTokenizer.from_pretrained({model!r})({text!r}, return_tensors="pt")["input_ids"]
with torch.inference_mode():
    hidden = model(tokens, output_hidden_states=True, use_cache=False).hidden_states[{layer} + 1]
    codes = sae.encode(hidden.float())[0]
for t, row in zip(tokens[0].tolist(), codes):
    value, index = row.topk(5)
    print(t, list(zip(index.tolist(), value.tolist())))
"""


def start(args, tmp):
    import numpy
    from safetensors.numpy import save_file

    model = args.start_model or os.path.join(ROOT, "models/micro")
    given = args.start_dict or subprocess.check_output(["find", os.path.join(ROOT, "models/micro-sae"), "-name", "params.npz"], text=True).split()[0]
    layer = int(os.path.normpath(given).split("layer_")[1].split("/")[0]) if "layer_" in given else args.start_layer
    folder = given
    if given.endswith(".npz"):
        folder = os.path.join(tmp, "start-dict")
        os.makedirs(folder)
        z = numpy.load(given)
        save_file({k: z[k].astype(numpy.float32) for k in z.files}, os.path.join(folder, "sae_weights.safetensors"))
        json.dump(dict(architecture="jumprelu", d_in=z["W_enc"].shape[0], d_sae=z["W_enc"].shape[1], dtype="float32", device="cpu",
                       apply_b_dec_to_input=False, normalize_activations="none", reshape_activations="none",
                       metadata=dict(sae_lens_version="6.18.0", model_name="micro", hook_name=f"blocks.{layer}.hook_resid_post",
                                     prepend_bos=True)), open(os.path.join(folder, "cfg.json"), "w"))
    text = "The nurse said that she would come back in the morning."
    script = os.path.join(tmp, "peer_start.py")
    open(script, "w").write(PEER_START.format(threads=args.threads, model=model, dict=folder, text=text, layer=layer))

    def theirs():
        subprocess.run([sys.executable, script], check=True, capture_output=True, env=dict(os.environ, OMP_NUM_THREADS=str(args.threads)))

    ours, peer = rounds(args, lambda: timed(lambda: hooke(args, "features", "-m", model, "-d", folder, "--dtype", "f32", text)),
                        lambda: timed(theirs))
    report(f"start to first features, {os.path.basename(os.path.normpath(model))}", ours, peer)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("what", nargs="*", default=[])
    p.add_argument("--hooke", default=os.path.join(ROOT, "hooke"))
    p.add_argument("--shape", default="gemma-2-2b")
    p.add_argument("--model")
    p.add_argument("--width", type=int, default=16384)
    p.add_argument("--tokens", type=int, default=512)
    p.add_argument("--rows", type=int, default=4096)
    p.add_argument("--l0", type=int, default=70)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--start-model")
    p.add_argument("--start-dict")
    p.add_argument("--start-layer", type=int, default=12)
    args = p.parse_args()
    known = {"prefill": prefill, "dict": dictionary, "start": start}
    if any(w not in known for w in args.what):
        p.error(f"know {', '.join(known)}")
    with tempfile.TemporaryDirectory() as tmp:
        for what in args.what or known:
            known[what](args, tmp)


if __name__ == "__main__":
    main()
