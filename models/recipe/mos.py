"""How listeners would rate speech: DNSMOS P.835 (Reddy et al. 2022), the published network, as a term of the loss.

Its weights come from the package `speechmos` (MIT) and are used to train only.

    python mos.py FOLDER ...    means of the ratings of each folder's files, by the part of their names before a dash
"""
import functools
import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from torch.nn.functional import conv2d, max_pool2d

from model import istft

RATE = 16_000
LEVEL = 10 ** (-31 / 20)  # RMS of speech that it hears: recordings are some 31 dB below full scale
DITHER = 1e-4  # it hears logarithms: without, what is all but silent would have the steepest gradient
BEYOND = 0.3  # rating that is wanted above that of the clean speech: more than what was recorded has
# Raw outputs to ratings of 1 to 5 (dnsmos_local.py of the DNS challenge); highest power first.
RATINGS = ((-0.08397278, 1.22083953, 0.0052439), (-0.13166888, 1.60915514, -0.39604546), (-0.06766283, 1.11546468, 0.04602535))


class Listener(torch.nn.Module):
    def __init__(self):
        super().__init__()
        import onnx
        folder = Path(importlib.util.find_spec("speechmos").origin).parent
        tensors = onnx.load(folder / "dnsmos_models" / "sig_bak_ovr.onnx").graph.initializer
        w = {t.name.removeprefix("mos_estimator_logpow/"): torch.tensor(onnx.numpy_helper.to_array(t)) for t in tensors}
        self.register_buffer("dft", torch.cat([w[f"time2freq/stft-{p}/kernel:0"][..., 0] for p in ("real", "imag")]).t().contiguous())
        self.exponent, self.floor, self.log_scale = (float(w[n]) for n in ("pow/y:0", "Maximum/x:0", "truediv/y:0"))
        for i in range(7):
            name = "conv2d" + (f"_{i}" if i else "")
            self.register_buffer(f"kernel{i}", w[name + "/kernel:0"].to(memory_format=torch.channels_last))
            self.register_buffer(f"bias{i}", w[name + "/bias:0"])
        for i, name in enumerate(("dense", "dense_1", "dense_3")):
            self.register_buffer(f"dense{i}", w[name + "/MatMul/ReadVariableOp/resource:0"])
            self.register_buffer(f"dense_bias{i}", w[name + "/BiasAdd/ReadVariableOp/resource:0"])

    def forward(self, x):
        """Samples [B, N] at 16 kHz -> ratings [B, 3] of the speech, the background and both together, 1 to 5."""
        bins = x.unfold(-1, 320, 160) @ self.dft
        power = bins[..., :161] ** 2 + bins[..., 161:] ** 2
        h = torch.log((power + 1e-20).pow(self.exponent / 2).clamp(min=self.floor)) / self.log_scale
        h = h[:, None].to(memory_format=torch.channels_last)
        with torch.autocast(h.device.type, torch.bfloat16, enabled=torch.is_grad_enabled()):
            for i in range(7):
                h = conv2d(h, getattr(self, f"kernel{i}"), getattr(self, f"bias{i}"), padding=1).relu()
                if i in (3, 4, 5):
                    h = max_pool2d(h, 2)
        h = h.float().amax((2, 3))
        for i in range(3):
            h = h @ getattr(self, f"dense{i}") + getattr(self, f"dense_bias{i}")
            h = h.relu() if i < 2 else h
        return torch.stack([(a * h[:, i] + b) * h[:, i] + c for i, (a, b, c) in enumerate(RATINGS)], -1)


@functools.cache
def listener(device):
    return Listener().to(device)


def at_16k(spectrum, settings):
    """Spectra [B, T, F] -> samples [B, N] at 16 kHz."""
    divisor = settings.rate // RATE
    n, h = settings.window // divisor, settings.hop // divisor
    return istft(spectrum[..., : n // 2 + 1], replace(settings, window=n, hop=h))[:, h:-h] / divisor


def dissatisfaction(estimate, clean, settings):
    """By how much [B] the overall rating of what was estimated falls short of a little more than that of the clean
    speech. Spectra [B, T, F]."""
    wanted, heard = at_16k(clean, settings), at_16k(estimate, settings)
    gain = LEVEL / wanted.square().mean(1, keepdim=True).sqrt().clamp(min=1e-4) * 10 ** (0.2 * torch.randn_like(wanted[:, :1]))
    dither = DITHER * torch.randn_like(wanted)
    overall = lambda x: listener(x.device)(x * gain + dither)[:, 2]
    with torch.no_grad():
        best = overall(wanted)
    return (best + BEYOND - overall(heard)).clamp(min=0)


def ratings(samples):
    """Samples [N] at 16 kHz -> SIG, BAK and OVRL of DNSMOS, and the rating of Distill-MOS (Stahl & Gamper 2025), which
    nothing here is trained with: it tells whether the former were earned or learnt by heart."""
    long = np.tile(samples, 1 + int(9.01 * RATE) // len(samples))[: max(int(9.01 * RATE), len(samples))]
    with torch.no_grad():
        return listener(torch.device("cpu"))(torch.tensor(long[None]))[0].tolist() + [float(other_listener()(torch.tensor(samples[None]))[0])]


@functools.cache
def other_listener():
    # It reads files with torchaudio, which does not load beside each torch; we hand it samples.
    sys.modules.setdefault("torchaudio", ModuleType("torchaudio"))
    import distillmos
    return distillmos.ConvTransformerSQAModel().eval()


def main():
    import soundfile
    import soxr
    columns = "{:24}" + "{:>8}" * 3 + "{:>14}"
    print(columns.format("", "SIG", "BAK", "OVRL", "Distill-MOS"))
    for folder in map(Path, sys.argv[1:]):
        found = {}
        for file in sorted(f for f in folder.iterdir() if f.suffix in (".wav", ".flac")):
            x, rate = soundfile.read(file, dtype="float32", always_2d=True)
            found.setdefault(file.name.split("-")[0], []).append(ratings(soxr.resample(x[:, 0], rate, RATE)))
        for name, values in found.items():
            print(columns.format(f"{folder.name} {name}", *(f"{v:.3f}" for v in np.mean(values, 0))), flush=True)


if __name__ == "__main__":
    main()
