"""The denoising autoencoder: spectrum -> features -> encoder -> code -> decoder -> mask -> spectrum.

Everything the network sees is relative to a running level, so that the same sound at any loudness gives the same
mask. `aeden::network` in Rust and the ONNX graph of `export.py` compute exactly this; the three are tested against
one another.

Shapes: B clips, T frames, F = window/2 + 1 bins. Spectra are complex, unnormalised `rfft(window * samples)`.
"""
import functools
import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from torch import nn


@dataclass(frozen=True)
class Settings:
    """What defines a denoiser. Saved with its weights; nothing else is needed to run it."""

    rate: int = 48_000
    window: int = 960
    hop: int = 480
    units: int = 256        # width of every layer
    encoder_layers: int = 1  # recurrent layers before the code
    decoder_layers: int = 2  # recurrent layers after it
    recurrent_groups: int = 4  # blocks on the diagonal of the recurrent matrices; 1 is a dense GRU
    coherent_bins: int = 64  # low bins that also see their phase advance
    filter_bins: int = 64    # low bins that get a complex filter over time
    filter_taps: int = 3     # its length in frames, the present one included
    level_first_bin: int = 4  # the running level is that of bins first..last
    level_last_bin: int = 80
    level_smoothing: float = 0.01  # per frame
    silence: float = 1e-8    # mean |X|^2 in those bins under which levels and floors stand still
    floor_up: float = 0.008  # how fast a band's noise floor follows its log power upwards, per frame,
    floor_down: float = 0.06  # and downwards
    # Widths in bins between band centres, and how many bands have them: fine where voices have harmonics, wide above.
    band_steps: tuple = ((1, 64), (2, 16), (4, 16), (8, 12), (16, 14))

    def centres(self):
        """Bin numbers of the band centres; the last one is the Nyquist bin."""
        out = [0]
        for step, count in self.band_steps:
            out += [out[-1] + step * (i + 1) for i in range(count)]
        last = self.window // 2
        return [c for c in out if c < last] + [last]


def vorbis_window(n):
    """Power-complementary at 50 % overlap (Vorbis I specification, section 4.3.1)."""
    k = torch.arange(n, dtype=torch.float64)
    return torch.sin(torch.pi / 2 * torch.sin(torch.pi * (k + 0.5) / n) ** 2).float()


def stft(x, settings):
    """Samples [B, N] -> spectrum [B, T, F], T = N / hop - 1."""
    return torch.fft.rfft(x.unfold(-1, settings.window, settings.hop) * vorbis_window(settings.window).to(x), dim=-1)


def istft(spectrum, settings):
    """Spectrum [B, T, F] -> samples [B, (T + 1) * hop]; the first and last hop are not fully overlapped."""
    frames = torch.fft.irfft(spectrum, n=settings.window, dim=-1) * vorbis_window(settings.window).to(spectrum.real)
    h = settings.hop
    zero = frames.new_zeros(frames.shape[0], 1, h)
    return (torch.cat([frames[..., :h], zero], 1) + torch.cat([zero, frames[..., h:]], 1)).flatten(1)


def band_matrix(centres, bins):
    """Triangles between neighbouring centres, [bands, bins]: every column sums to 1."""
    w = torch.zeros(len(centres), bins)
    for b, (lo, hi) in enumerate(zip(centres, centres[1:])):
        for k in range(lo, hi):
            up = (k - lo) / (hi - lo)
            w[b, k] = 1 - up
            w[b + 1, k] = up
    w[-1, centres[-1]] = 1
    return w


@functools.cache
def fused():
    """The loops of fused.cpp, or None where there is no C++ compiler: then PyTorch walks, some six times slower."""
    try:
        from torch.utils.cpp_extension import load

        os.environ["PATH"] += os.pathsep + str(Path(sys.executable).parent)  # where pip puts ninja
        flags = ["-O3", "-march=native", "-ffast-math", "-std=c++20"]
        return load("aeden_fused", [str(Path(__file__).with_name("fused.cpp"))], extra_cflags=flags)
    except Exception as e:
        print(f"fused.cpp was not compiled ({str(e).splitlines()[0]}): training will be slow on this CPU", file=sys.stderr)
        return None


class Recurrence(torch.autograd.Function):
    """A GRU's walk through time, with its gradient written out.

    PyTorch's own CPU GRU accumulates the weight gradient in every step; here it is one matrix product over all steps.
    Gate order (r, z, n) and reset after the product as in `torch.nn.GRU`.

    Shapes, with G groups of K units, H = G * K: gates [T, B, 3H], h [B, H], weight [G, 3K, K], bias [3H].
    """

    @staticmethod
    def forward(ctx, gates, h, weight, bias):
        walk = fused().forward if gates.device.type == "cpu" and gates.dtype == torch.float32 and fused() else walk_forward
        states, rz, n, inner = walk(gates.contiguous(), h, weight, bias)
        ctx.save_for_backward(states, rz, n, inner, weight)
        return states[1:]

    @staticmethod
    def backward(ctx, grad):
        states, rz, n, inner, weight = ctx.saved_tensors
        walk = fused().backward if grad.device.type == "cpu" and grad.dtype == torch.float32 and fused() else walk_backward
        dgates, dproduct, dh = walk(grad.contiguous(), states, rz, n, inner, weight)
        (T, B, H), G = n.shape, weight.shape[0]
        flat = dproduct.view(T * B, 3, G, H // G).permute(2, 1, 3, 0).reshape(G, 3 * H // G, T * B)
        before = states[:-1].view(T * B, G, H // G).transpose(0, 1)
        return dgates, dh, flat @ before, dproduct.sum((0, 1))


def walk_forward(gates, h, weight, bias):
    T, B, H = gates.shape[0], *h.shape
    G = weight.shape[0]
    states = gates.new_empty(T + 1, B, H)
    states[0] = h
    rz, n, inner = gates.new_empty(T, B, 2 * H), gates.new_empty(T, B, H), gates.new_empty(T, B, H)
    blocks = weight.unflatten(1, (3, H // G))
    for t in range(T):
        product = torch.einsum("bgk,gcjk->bcgj", states[t].unflatten(-1, (G, H // G)), blocks).flatten(1) + bias
        rz[t] = torch.sigmoid(gates[t, :, : 2 * H] + product[:, : 2 * H])
        inner[t] = product[:, 2 * H :]
        n[t] = torch.tanh(gates[t, :, 2 * H :] + rz[t, :, :H] * inner[t])
        states[t + 1] = torch.lerp(n[t], states[t], rz[t, :, H:])
    return states, rz, n, inner


def walk_backward(grad, states, rz, n, inner, weight):
    T, B, H = n.shape
    G = weight.shape[0]
    blocks = weight.unflatten(1, (3, H // G))
    r, z = rz[..., :H], rz[..., H:]
    to_n = (1 - z) * (1 - n * n)
    to_z = (states[:-1] - n) * z * (1 - z)
    to_r = inner * r * (1 - r)
    dgates, dproduct = grad.new_empty(T, B, 3 * H), grad.new_empty(T, B, 3 * H)
    dh = grad.new_zeros(B, H)
    for t in range(T - 1, -1, -1):
        dh = dh + grad[t]
        dn, dz = dh * to_n[t], dh * to_z[t]
        dr = dn * to_r[t]
        dgates[t] = torch.cat([dr, dz, dn], -1)
        dproduct[t] = torch.cat([dr, dz, dn * r[t]], -1)
        dh = dh * z[t] + torch.einsum("bcgj,gcjk->bgk", dproduct[t].view(B, 3, G, H // G), blocks).flatten(1)
    return dgates, dproduct, dh


class Gru(nn.Module):
    """[T, B, H] -> [T, B, H], residual: the input is added to the output.

    Every unit hears the whole input; its memory mixes only with that of the other units in its group. `input` and the
    biases order gates (r, z, n) over all units, `recurrent.weight` within its group.
    """

    def __init__(self, units, groups):
        super().__init__()
        k = units // groups
        self.groups = groups
        self.input = nn.Linear(units, 3 * units)
        self.recurrent = nn.Module()
        self.recurrent.weight = nn.Parameter(torch.empty(groups, 3 * k, k))
        self.recurrent.bias = nn.Parameter(torch.zeros(3 * units))
        for block in self.recurrent.weight.data.view(-1, k, k):
            nn.init.orthogonal_(block)
        nn.init.zeros_(self.input.bias)

    def forward(self, x):
        state = x.new_zeros(x.shape[1:])
        return x + Recurrence.apply(self.input(x), state, self.recurrent.weight, self.recurrent.bias)


class Denoiser(nn.Module):
    def __init__(self, settings=Settings()):
        super().__init__()
        s = self.settings = settings
        centres = s.centres()
        bins = s.window // 2 + 1
        self.register_buffer("bands", band_matrix(centres, bins), persistent=False)
        self.register_buffer("flip", 1.0 - 2.0 * (torch.arange(bins) % 2), persistent=False)
        self.encode = nn.Linear(2 * len(centres) + 2 * s.coherent_bins, s.units)
        self.encoder = nn.ModuleList(Gru(s.units, s.recurrent_groups) for _ in range(s.encoder_layers))
        self.decoder = nn.ModuleList(Gru(s.units, s.recurrent_groups) for _ in range(s.decoder_layers))
        self.gains = nn.Linear(s.units, len(centres))
        self.rise = nn.Parameter(torch.zeros(len(centres)))
        self.filters = nn.Linear(s.units, 2 * s.filter_taps * s.filter_bins)
        # The mask starts near identity.
        nn.init.constant_(self.gains.bias, 2.0)
        nn.init.zeros_(self.filters.bias)
        self.filters.weight.data *= 0.1

    def running_level(self, power):
        """Natural log of the running mean power [B, T, 1], and whether each frame was heard [B, T, 1].

        Frames of silence leave the level where it was.
        """
        s = self.settings
        energy = power[..., s.level_first_bin : s.level_last_bin + 1].mean(-1)
        heard = (energy > s.silence).to(power)
        log = torch.log(energy + s.silence)
        t = torch.arange(power.shape[1], device=power.device)
        decay = torch.tril((1 - s.level_smoothing) ** (t[:, None] - t[None]).clamp(min=0).to(power))
        weight = heard @ decay.t()
        return ((heard * log) @ decay.t() / (weight + 1e-20))[..., None], heard[..., None]

    def noise_floor(self, log_power, heard):
        """Slow-up, fast-down mean of each band's log power (an expectile) [B, T, bands]: a rough noise floor.

        It starts as the plain mean of what was heard so far.
        """
        s = self.settings
        if log_power.device.type == "cpu" and fused():
            return fused().noise_floor(log_power.contiguous(), heard.contiguous(), s.floor_up, s.floor_down)
        floor, count = torch.zeros_like(log_power[:, 0]), torch.zeros_like(heard[:, 0])
        out = torch.empty_like(log_power)
        for t in range(log_power.shape[1]):
            count = count + heard[:, t]
            difference = log_power[:, t] - floor
            speed = torch.where(difference < 0, s.floor_down, s.floor_up)
            speed = torch.maximum(speed, 1 / count.clamp(min=1)) * heard[:, t]
            floor = floor + speed * difference
            out[:, t] = floor
        return out

    def features(self, x):
        """Spectrum [B, T, F] -> [B, T, 2 * bands + 2 * coherent_bins], all relative to what was heard before."""
        s = self.settings
        power = x.real**2 + x.imag**2
        level, heard = self.running_level(power)
        inverse = torch.exp(-level)
        log_power = torch.log((power @ self.bands.t()) / self.bands.sum(1) * inverse + 1e-6)
        rise = (log_power + level) - self.noise_floor(log_power + level, heard)
        low = x[..., : s.coherent_bins]
        before = torch.cat([torch.zeros_like(low[:, :1]), low[:, :-1]], 1)
        advance = low * before.conj() * self.flip[: s.coherent_bins]
        size = torch.sqrt(power[..., : s.coherent_bins] * (before.real**2 + before.imag**2)) * inverse
        advance = advance * (inverse / (size + 1e-3))
        return torch.cat([(log_power + 4.0) / 4.0, rise / 4.0, advance.real, advance.imag], -1)

    def mask(self, features):
        """Features -> gains [B, T, bands] and complex filters [B, T, taps, filter_bins]."""
        s = self.settings
        h = torch.relu(self.encode(features.transpose(0, 1).contiguous()))
        for layer in (*self.encoder, *self.decoder):
            h = layer(h)
        h = h.transpose(0, 1)
        f = self.filters(h).unflatten(-1, (2, s.filter_taps, s.filter_bins))
        bands = self.bands.shape[0]
        rise = features[..., bands : 2 * bands]
        return torch.sigmoid(self.gains(h) + self.rise * rise), torch.complex(f[:, :, 0], f[:, :, 1])

    def forward(self, x):
        """Noisy spectrum [B, T, F] -> clean spectrum [B, T, F]."""
        s = self.settings
        gains, filters = self.mask(self.features(x))
        low = x[..., : s.filter_bins]
        filtered = low
        for tap in range(s.filter_taps):
            filtered = filtered + filters[:, :, tap] * low
            # The frame before, turned by the phase that a tone at the middle of its bin advances in one hop.
            low = torch.cat([torch.zeros_like(low[:, :1]), low[:, :-1]], 1) * self.flip[: s.filter_bins]
        y = torch.cat([filtered, x[..., s.filter_bins :]], -1)
        return y * (gains @ self.bands)


def save(path, model, **extra):
    torch.save(dict(settings=asdict(model.settings), weights=model.state_dict(), **extra), path)


def load(path):
    """Model and everything saved with it, from a checkpoint (.pt) or from exported weights (.safetensors)."""
    if str(path).endswith(".safetensors"):
        with safe_open(path, "pt") as f:
            saved = json.loads(f.metadata()["aeden"])
            saved["weights"] = {k: f.get_tensor(k).float() for k in f.keys()}
    else:
        saved = torch.load(path, map_location="cpu", weights_only=False)
    settings = dict(saved["settings"])
    settings["band_steps"] = tuple(tuple(b) for b in settings["band_steps"])
    model = Denoiser(Settings(**settings))
    model.load_state_dict(saved["weights"])
    return model, saved
