"""Encode and decode against SAELens on dictionaries of a realistic size: same active set (ties aside), values within 1e-5.

    make && python tools/parity/dictionaries.py [--d 256] [--n 4096] [--tokens 512]

Random dictionaries of every architecture and switch are saved by SAELens into a temporary folder and read by libhooke.so through
its public interface. Prints one line a case and exits with 1 when one is off.
"""
import argparse
import ctypes as C
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

from sae_lens.saes import transcoder as tc
from sae_lens.saes.batchtopk_sae import BatchTopKTrainingSAE, BatchTopKTrainingSAEConfig
from sae_lens.saes.gated_sae import GatedSAE, GatedSAEConfig
from sae_lens.saes.jumprelu_sae import JumpReLUSAE, JumpReLUSAEConfig
from sae_lens.saes.matryoshka_batchtopk_sae import MatryoshkaBatchTopKTrainingSAE, MatryoshkaBatchTopKTrainingSAEConfig
from sae_lens.saes.sae import SAE, SAEMetadata
from sae_lens.saes.standard_sae import StandardSAE, StandardSAEConfig
from sae_lens.saes.topk_sae import TopKSAE, TopKSAEConfig

ROOT = Path(__file__).resolve().parents[2]


class Codes(C.Structure):
    _fields_ = [("n_rows", C.c_int64), ("n_cols", C.c_int32), ("indptr", C.POINTER(C.c_int64)),
                ("indices", C.POINTER(C.c_int32)), ("values", C.POINTER(C.c_float)), ("norm_mean", C.POINTER(C.c_float)),
                ("norm_scale", C.POINTER(C.c_float)), ("capacity", C.c_int64), ("row_capacity", C.c_int64)]


class ContextOptions(C.Structure):
    _fields_ = [("size", C.c_size_t), ("n_threads", C.c_int), ("device", C.c_char_p), ("cpu_level", C.c_char_p),
                ("dtype", C.c_char_p), ("progress", C.c_void_p), ("progress_payload", C.c_void_p), ("log", C.c_void_p),
                ("log_payload", C.c_void_p)]


class Hooke:
    def __init__(self):
        self.lib = C.CDLL(str(ROOT / "build/release/libhooke.so"))
        self.lib.hooke_error.restype = C.c_char_p
        self.ctx = C.c_void_p()
        options = ContextOptions(size=C.sizeof(ContextOptions), dtype=b"f32")
        self.check(self.lib.hooke_context_open(C.byref(self.ctx), C.byref(options)))

    def check(self, status):
        if status != 0:
            raise RuntimeError(self.lib.hooke_error().decode())

    def round_trip(self, path, x, d_dict, d_out):
        """Dense codes and reconstruction of x."""
        d, codes = C.c_void_p(), Codes()
        x = np.ascontiguousarray(x, dtype=np.float32)
        y = np.zeros((x.shape[0], d_out), dtype=np.float32)
        fp = C.POINTER(C.c_float)
        n, width = C.c_int64(x.shape[0]), C.c_int64(x.shape[1])
        self.check(self.lib.hooke_dict_open(C.byref(d), self.ctx, str(path).encode(), None))
        self.check(self.lib.hooke_dict_encode(d, C.byref(codes), x.ctypes.data_as(fp), n, width, None))
        self.check(self.lib.hooke_dict_decode(d, y.ctypes.data_as(fp), C.c_int64(d_out), C.byref(codes), None,
                                              x.ctypes.data_as(fp), width))
        indptr = np.ctypeslib.as_array(codes.indptr, (x.shape[0] + 1,))
        dense = np.zeros((x.shape[0], d_dict), dtype=np.float32)
        if indptr[-1]:
            indices = np.ctypeslib.as_array(codes.indices, (indptr[-1],))
            values = np.ctypeslib.as_array(codes.values, (indptr[-1],))
            dense[np.repeat(np.arange(x.shape[0]), np.diff(indptr)), indices] = values
        self.lib.hooke_codes_release(C.byref(codes))
        self.lib.hooke_dict_close(d)
        return dense, y


def randomize(sae, d):
    with torch.no_grad():
        for name, p in sorted(sae.named_parameters()):
            p.copy_(torch.randn(p.shape) * (d ** -0.5 if p.ndim == 2 else 0.2))
            if name == "threshold":
                p.copy_(1 + torch.rand(p.shape))
        if hasattr(sae, "W_dec"):
            sae.W_dec *= 0.5 + torch.rand(sae.W_dec.shape[0], 1)
    return sae


def ties(got, want, k):
    """Entries that are on in one and off in the other, split into ties and real differences. A tie is a value that both a
    threshold and rounding could decide: with top-k within 1e-5 of the smallest kept one."""
    differ = (got != 0) != (want != 0)
    n_tie = 0
    for r, f in zip(*np.nonzero(differ)):
        value = max(abs(got[r, f]), abs(want[r, f]))
        if k:
            smallest = np.sort(want[r][want[r] > 0])[0]
            n_tie += abs(value - smallest) <= 1e-5 * smallest
        else:
            n_tie += 1 if value <= 1e-5 else 0
    return n_tie, int(differ.sum()) - n_tie, differ


def compare(hooke, name, path, sae, x, forward=None, k=0, threshold=None):
    with torch.no_grad():
        want = sae.encode(x)
        recon = forward(x) if forward else sae.decode(sae.encode(x))
    want, recon = want.float().numpy(), recon.float().numpy()
    got, y = hooke.round_trip(path, x.numpy(), want.shape[1], recon.shape[1])
    n_tie, n_wrong, differ = ties(got, want, k)
    if threshold is not None and n_wrong:
        t = np.broadcast_to(threshold, got.shape)
        value = np.maximum(abs(got), abs(want))
        n_tie = int((differ & (abs(value - t) <= 1e-5 * np.maximum(abs(t), 1))).sum())
        n_wrong = int(differ.sum()) - n_tie
    both = (got != 0) & (want != 0)
    scale = np.abs(want).max(axis=1, keepdims=True) * np.ones_like(want)
    # A value near zero is a difference of large terms: its error is relative to the row's largest value.
    values = np.abs(got - want)[both] / np.maximum(np.abs(want), 0.1 * scale)[both]
    decode = np.linalg.norm(y - recon, axis=1) / np.linalg.norm(recon, axis=1)
    worst, l0 = float(values.max()), float((want != 0).sum(1).mean())
    good = n_wrong == 0 and worst <= 1e-5 and decode.max() <= 1e-5
    print(f"{'ok ' if good else 'OFF'} {name:34s} L0 {l0:8.1f}  set differs {n_wrong} (+{n_tie} ties)  values {worst:.1e}  "
          f"reconstruction {decode.max():.1e}", flush=True)
    return good


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--d", type=int, default=256)
    p.add_argument("--n", type=int, default=4096)
    p.add_argument("--tokens", type=int, default=512)
    a = p.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(2)
    hooke, good = Hooke(), True
    x = torch.randn(a.tokens, a.d) * torch.linspace(0.5, 8, a.tokens)[:, None] + 0.1
    meta = dict(model_name="tiny", hook_name="blocks.1.hook_resid_post", context_size=64, prepend_bos=True)
    base = dict(d_in=a.d, d_sae=a.n, metadata=SAEMetadata(**meta))
    cases = []
    for norm in "none", "constant_norm_rescale", "layer_norm":
        for b_dec in True, False:
            kw = dict(normalize_activations=norm, apply_b_dec_to_input=b_dec)
            for cls, cfg, more in ((StandardSAE, StandardSAEConfig, {}), (JumpReLUSAE, JumpReLUSAEConfig, {}),
                                   (GatedSAE, GatedSAEConfig, {}), (TopKSAE, TopKSAEConfig, dict(k=40)),
                                   (TopKSAE, TopKSAEConfig, dict(k=40, rescale_acts_by_decoder_norm=True))):
                label = f"{cfg.architecture()}{'+rescale' if len(more) > 1 else ''} {norm} {'b_dec' if b_dec else ''}"
                cases.append((label, cls, cfg, {**kw, **more}))
    with tempfile.TemporaryDirectory() as tmp:
        def run(label, cls, cfg, kw, dtype="float32"):
            sae = randomize(cls(cfg(**base, **kw, dtype=dtype)), a.d)
            path = Path(tmp) / "sae"
            sae.save_model(path)
            sae = SAE.load_from_disk(path, device="cpu", dtype="float32")
            threshold = sae.threshold.detach().numpy()[None] if hasattr(sae, "threshold") else None
            return compare(hooke, label, path, sae, x, sae.forward if "transcoder" in label else None, kw.get("k", 0), threshold)

        for case in cases:
            good &= run(*case)
        for dtype in "bfloat16", "float16", "float64":
            good &= run(f"jumprelu {dtype}", JumpReLUSAE, JumpReLUSAEConfig, {}, dtype)
        t = dict(d_out=a.d // 2 + 3, apply_b_dec_to_input=False)
        for cls, cfg in ((tc.Transcoder, tc.TranscoderConfig), (tc.SkipTranscoder, tc.SkipTranscoderConfig),
                         (tc.JumpReLUTranscoder, tc.JumpReLUTranscoderConfig),
                         (tc.JumpReLUSkipTranscoder, tc.JumpReLUSkipTranscoderConfig)):
            good &= run(cfg.architecture(), cls, cfg, t)
        for cls, cfg, more in ((BatchTopKTrainingSAE, BatchTopKTrainingSAEConfig, {}),
                               (MatryoshkaBatchTopKTrainingSAE, MatryoshkaBatchTopKTrainingSAEConfig,
                                dict(matryoshka_widths=[a.n // 4, a.n]))):
            for scale in None, 1.6:
                sae = randomize(cls(cfg(**base, k=40, normalize_activations="expected_average_only_in" if scale else "none",
                                        **more)), a.d)
                sae.topk_threshold = torch.tensor(6.0, dtype=torch.double)
                path, final = Path(tmp) / f"{cfg.architecture()}{scale}", Path(tmp) / "final"
                sae.save_model(path)
                if scale:
                    (path / "activation_scaler.json").write_text(f'{{"scaling_factor": {scale}}}')
                    sae.fold_activation_norm_scaling_factor(scale)
                sae.save_inference_model(final)
                sae = SAE.load_from_disk(final, device="cpu", dtype="float32")
                good &= compare(hooke, f"{cfg.architecture()} checkpoint, s {scale}", path, sae, x,
                                threshold=sae.threshold.detach().numpy()[None])
    sys.exit(0 if good else 1)


main()
