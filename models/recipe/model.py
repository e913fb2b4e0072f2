"""The denoising autoencoder: spectrum -> features -> encoder -> code -> decoder -> mask -> spectrum.

Everything the network sees is relative to a running level, so that the same sound at any loudness gives the same
mask. `aeden::network` in Rust and the ONNX graph of `export.py` compute exactly this; the three are tested against
one another.

`Settings.layers` is the one list of the layers: the network, its tensors' names and the ONNX graph follow from it.

Shapes: B clips, T frames, F = window/2 + 1 bins. Spectra are complex, unnormalised `rfft(window * samples)`.
"""
import functools
import json
import os
import sys
from contextlib import contextmanager
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
    channels: int = 48      # numbers that describe each position
    low_positions: int = 16  # neighbouring bands that are described together: those of the coherent bins,
    high_positions: int = 8  # and those above
    heads: int = 3          # groups of channels that are mixed across positions, each its own way
    encoder_layers: int = 1  # recurrent layers before the code
    decoder_layers: int = 1  # and after it
    coherent_bins: int = 64  # low bins that also see their phase advance
    filter_bins: int = 64    # low bins that get a complex filter over time
    filter_taps: int = 3     # its length in frames, the present one included,
    filter_ahead: int = 0    # and how many of them are still to come
    grids: int = 1           # of frames, beginning hop / grids samples apart: the engine runs each and adds their outputs up
    both_ways: bool = False  # recurrent layers also run from the end to the start: for recordings, not for streams
    level_first_bin: int = 4  # the running level is that of bins first..last
    level_last_bin: int = 80
    level_smoothing: float = 0.01  # per frame
    silence: float = 1e-9    # mean |X|^2 in those bins under which levels and floors stand still
    floor_up: float = 0.008  # how fast a band's noise floor follows its log power upwards, per frame,
    floor_down: float = 0.06  # and downwards
    # Widths in bins between band centres, and how many bands have them: fine where voices have harmonics, wide above.
    band_steps: tuple = ((1, 64), (2, 16), (4, 16), (8, 12), (16, 14))

    def patches(self):
        """The bands of each position, and the inputs that it sees: its own bands and their neighbours.

        Inputs are numbers into the features (see `Denoiser.features`); all positions have equally many.
        """
        bands, share = len(self.centres()), self.coherent_bins // self.low_positions
        own, seen, at = [], [], 0
        for i in range(self.low_positions + self.high_positions):
            low = i < self.low_positions
            rest, high = bands - self.coherent_bins, self.high_positions
            count = share if low else rest // high + (i - self.low_positions < rest % high)
            own.append(range(at, at + count))
            # A low position sees four features of each band, a high one two of twice as many bands.
            width = (2 if low else 4) * share
            start = at - (width - count) // 2
            near = [min(max(b, 0), bands - 1) for b in range(start, start + width)]
            inputs = near + [bands + b for b in near]
            if low:
                for part in (0, 1):
                    inputs += [2 * bands + part * self.coherent_bins + min(b, self.coherent_bins - 1) for b in near]
            seen.append(inputs)
            at += count
        return own, seen

    def layers(self):
        """The layers whose weights all positions share, in order: (name in files, kind). Mixing and GRU layers take turns; the
        result of the encoder's last mixing is the code."""
        recurrent = "two-way GRU" if self.both_ways else "GRU"
        turns = ["mixing"] + [recurrent, "mixing"] * (self.encoder_layers + self.decoder_layers)
        split = 1 + 2 * self.encoder_layers
        return [(f"encoder.{i}" if i < split else f"decoder.{i - split}", kind) for i, kind in enumerate(turns)]

    def centres(self):
        """Bin numbers of the band centres; the last one is the Nyquist bin."""
        out = [0]
        for step, count in self.band_steps:
            out += [out[-1] + step * (i + 1) for i in range(count)]
        last = self.window // 2
        return [c for c in out if c < last] + [last]


@functools.cache
def vorbis_window(n, device):
    """Power-complementary at 50 % overlap (Vorbis I specification, section 4.3.1)."""
    k = torch.arange(n, dtype=torch.float64, device=device)
    return torch.sin(torch.pi / 2 * torch.sin(torch.pi * (k + 0.5) / n) ** 2).float()


def stft(x, settings):
    """Samples [B, N] -> spectrum [B, T, F], T = N / hop - 1."""
    return torch.fft.rfft(x.unfold(-1, settings.window, settings.hop) * vorbis_window(settings.window, x.device), dim=-1)


def istft(spectrum, settings):
    """Spectrum [B, T, F] -> samples [B, (T + 1) * hop]; the first and last hop are not fully overlapped."""
    frames = torch.fft.irfft(spectrum, n=settings.window, dim=-1) * vorbis_window(settings.window, spectrum.device)
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


@functools.cache
def fused_gpu():
    """The same for a GPU: fused_gpu.py."""
    import fused_gpu

    return fused_gpu


@contextmanager
def all_digits():
    """Products in float32 on a GPU, also where the training allows TF32 with its ten bits."""
    allowed = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = False
    yield
    torch.backends.cuda.matmul.allow_tf32 = allowed


def on_cpu(x):
    return x.device.type == "cpu" and x.dtype == torch.float32 and fused() is not None


class Recurrence(torch.autograd.Function):
    """`x + GRU(x)`, walking through time for many sequences at once, with its gradient in `fused.cpp`."""

    @staticmethod
    def forward(ctx, x, w_input, b_input, w_state, b_state):
        x = x.contiguous()
        out, *kept = fused().gru_forward(x, w_input, b_input, w_state, b_state)
        ctx.save_for_backward(x, w_input, w_state, *kept)
        return out

    @staticmethod
    def backward(ctx, grad):
        return tuple(fused().gru_backward(grad.contiguous(), *ctx.saved_tensors))


class Gru(nn.Module):
    """A GRU along time, the same for all positions: [T, B, P, D] -> [T, B, P, D]; the input is added to the output.

    Gate order (r, z, n) and reset after the product as in `torch.nn.GRU`.
    """

    def __init__(self, channels):
        super().__init__()
        self.input = nn.Linear(channels, 3 * channels)
        self.state = nn.Linear(channels, 3 * channels)
        for block in self.state.weight.data.view(3, channels, channels):
            nn.init.orthogonal_(block)
        nn.init.zeros_(self.input.bias)
        nn.init.zeros_(self.state.bias)

    def forward(self, x):
        weights = self.input.weight, self.input.bias, self.state.weight, self.state.bias
        if on_cpu(x):
            if not torch.is_grad_enabled():
                return self.add_states(x, x.clone())
            return Recurrence.apply(x.flatten(1, 2), *weights).view_as(x)
        if x.is_cuda:
            gates = fused_gpu().Linear.apply(x, *weights[:2])
            return x + fused_gpu().Recurrence.apply(gates.flatten(1, 2)[:, :, None], *(w[None] for w in weights[2:])).view_as(x)
        state, out = torch.zeros_like(x[0]), []
        for gates in self.input(x):
            product = self.state(state)
            (r, z, n), (hr, hz, hn) = gates.chunk(3, -1), product.chunk(3, -1)
            r, z = torch.sigmoid(r + hr), torch.sigmoid(z + hz)
            state = torch.lerp(torch.tanh(n + r * hn), state, z)
            out.append(state)
        return x + torch.stack(out)

    def add_states(self, x, out, backward=False):
        """Add the states of a walk over `x`, from the end to the start if `backward`, to `out`: on a CPU, without gradients."""
        weights = self.input.weight, self.input.bias, self.state.weight, self.state.bias
        fused().gru_add(out.flatten(1, 2), x.flatten(1, 2), *weights, backward)
        return out


class TwoWayGru(nn.Module):
    """A forward and a backward `Gru`; the hidden states of both are added to the input."""

    def __init__(self, channels):
        super().__init__()
        self.before, self.after = Gru(channels), Gru(channels)

    def forward(self, x):
        if on_cpu(x) and not torch.is_grad_enabled():
            return self.after.add_states(x, self.before.add_states(x, x.clone()), backward=True)
        if not x.is_cuda:
            return self.before(x) + self.after(x.flip(0)).flip(0) - x
        both = lambda part, kind: torch.stack([getattr(getattr(way, part), kind) for way in (self.before, self.after)])
        gates = fused_gpu().Linear.apply(x, both("input", "weight").flatten(0, 1), both("input", "bias").flatten())
        states = fused_gpu().Recurrence.apply(gates.flatten(1, 2).unflatten(-1, (2, -1)), both("state", "weight"), both("state", "bias"))
        return x + states.sum(2).view_as(x)


class MixingFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, h, w, b, across, bias):
        h = h.contiguous()
        out, inner = fused().mixing_forward(h, w, b, across, bias.contiguous())
        ctx.save_for_backward(h, inner, w, across)
        return out

    @staticmethod
    def backward(ctx, grad):
        return tuple(fused().mixing_backward(grad.contiguous(), *ctx.saved_tensors))


class Mixing(nn.Module):
    """Exchange among the positions of a frame: h + bias + across . relu(channels(h)), [..., P, D].

    Every head of channels has its own matrix across positions; it is what attention would be if it did not depend on
    the input (compare MLP-Mixer, Tolstikhin et al. 2021).
    """

    def __init__(self, positions, channels, heads):
        super().__init__()
        self.channels = nn.Linear(channels, channels)
        self.across = nn.Parameter(torch.randn(heads, positions, positions) * (0.5 / positions**0.5))
        self.bias = nn.Parameter(torch.zeros(positions, channels))
        nn.init.kaiming_normal_(self.channels.weight)
        nn.init.zeros_(self.channels.bias)

    def forward(self, h):
        if on_cpu(h):
            flat = MixingFunction.apply(h.flatten(0, -3), self.channels.weight, self.channels.bias, self.across, self.bias)
            return flat.view_as(h)
        if h.is_cuda:
            u = torch.relu(fused_gpu().Linear.apply(h, self.channels.weight, self.channels.bias))
            return h + self.bias + fused_gpu().Across.apply(u, self.across)
        u = torch.relu(self.channels(h)).unflatten(-1, (self.across.shape[0], -1))
        return h + self.bias + torch.einsum("kpq,...qkc->...pkc", self.across, u).flatten(-2)


class EncodeFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, features, seen, weight, bias):
        out = fused().encode_forward(features, seen, weight, bias)
        ctx.save_for_backward(out, features, seen)
        return out

    @staticmethod
    def backward(ctx, grad):
        return None, None, *fused().encode_backward(grad.contiguous(), *ctx.saved_tensors)


class DecodeFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, h, weight, bias):
        ctx.save_for_backward(h, weight)
        return fused().decode_forward(h, weight, bias)

    @staticmethod
    def backward(ctx, grad):
        return tuple(fused().decode_backward(grad.contiguous(), *ctx.saved_tensors))


class Patches(nn.Module):
    """A linear layer for each position: [N, P, inputs] -> [N, P, outputs]; positions beyond its own are left out."""

    def __init__(self, positions, inputs, outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(positions, outputs, inputs) * (1 / inputs) ** 0.5)
        self.bias = nn.Parameter(torch.zeros(positions, outputs))

    def forward(self, x):
        positions, outputs, _ = self.weight.shape
        if on_cpu(x) and outputs % 8 == 0:
            return DecodeFunction.apply(x.contiguous(), self.weight, self.bias)
        return torch.baddbmm(self.bias[:, None], x[:, :positions].transpose(0, 1), self.weight.mT).transpose(0, 1)


class Denoiser(nn.Module):
    def __init__(self, settings=Settings()):
        super().__init__()
        s = self.settings = settings
        centres = s.centres()
        bins = s.window // 2 + 1
        self.register_buffer("bands", band_matrix(centres, bins), persistent=False)
        self.register_buffer("flip", 1.0 - 2.0 * (torch.arange(bins) % 2), persistent=False)
        own, seen = s.patches()
        positions, self.own = len(own), own
        self.register_buffer("seen", torch.tensor(seen), persistent=False)
        d = s.channels
        self.encode = Patches(positions, len(seen[0]), d)
        self.encoder, self.decoder = nn.ModuleList(), nn.ModuleList()
        make = {"GRU": lambda: Gru(d), "two-way GRU": lambda: TwoWayGru(d), "mixing": lambda: Mixing(positions, d, s.heads)}
        for name, kind in s.layers():
            getattr(self, name.split(".")[0]).append(make[kind]())
        width = max(len(o) for o in own)
        self.gains = Patches(positions, d, width)
        self.register_buffer("pick", torch.tensor([i * width + k for i, o in enumerate(own) for k in range(len(o))]), persistent=False)
        self.rise = nn.Parameter(torch.zeros(len(centres)))
        self.filters = Patches(s.low_positions, d, 2 * s.filter_taps * (s.filter_bins // s.low_positions))
        # The mask starts near identity.
        nn.init.constant_(self.gains.bias, 2.0)
        self.filters.weight.data *= 0.1

    def layers(self):
        """The layers of `Settings.layers`, in order."""
        return [self.get_submodule(name) for name, _ in self.settings.layers()]

    def shared_matrices(self):
        """Names of the matrices that all positions share."""
        return {f"{name}.weight" for name, part in self.named_modules() if isinstance(part, nn.Linear)}

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
        if log_power.is_cuda:
            return fused_gpu().noise_floor(log_power, heard, s.floor_up, s.floor_down)
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
        with all_digits():  # that logarithms show
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
        B, T, _ = features.shape
        x = features.transpose(0, 1).flatten(0, 1)
        if on_cpu(x):
            h = EncodeFunction.apply(x.contiguous(), self.seen, self.encode.weight, self.encode.bias)
        else:
            h = torch.relu(self.encode(x[:, self.seen]))
        h = h.unflatten(0, (T, B))
        for layer in self.layers():
            h = layer(h)
        h = h.flatten(0, 1)
        gains = self.gains(h).flatten(1).index_select(1, self.pick).unflatten(0, (T, B)).transpose(0, 1)
        f = self.filters(h).unflatten(-1, (2, s.filter_taps, -1)).permute(0, 2, 3, 1, 4).flatten(-2)
        f = f.unflatten(0, (T, B)).transpose(0, 1)
        bands = self.bands.shape[0]
        rise = features[..., bands : 2 * bands]
        return torch.sigmoid(gains + self.rise * rise), torch.complex(f[:, :, 0], f[:, :, 1])

    def earlier(self, low, frames):
        """The spectra so many frames before (or after, if negative), turned by the phase that a tone at the middle of its
        bin advances in between: half a turn a hop in every odd bin."""
        if frames == 0:
            return low
        nothing = torch.zeros_like(low[:, : abs(frames)])
        moved = torch.cat([nothing, low[:, :-frames]] if frames > 0 else [low[:, -frames:], nothing], 1)
        return moved * self.flip[: low.shape[-1]] if frames % 2 else moved

    def forward(self, x):
        """Noisy spectrum [B, T, F] -> clean spectrum [B, T, F]."""
        s = self.settings
        gains, filters = self.mask(self.features(x))
        low = x[..., : s.filter_bins]
        filtered = low
        for tap in range(s.filter_taps):
            filtered = filtered + filters[:, :, tap] * self.earlier(low, tap - s.filter_ahead)
        y = torch.cat([filtered, x[..., s.filter_bins :]], -1)
        return y * (gains @ self.bands)


def save(path, model, **extra):
    torch.save(dict(settings=asdict(model.settings), weights=model.state_dict(), **extra), path)


def load(path):
    """Model and everything saved with it, from a checkpoint (.pt) or from exported weights (.safetensors)."""
    if str(path).endswith(".safetensors"):
        with safe_open(path, "pt") as f:
            saved = json.loads(f.metadata()["aeden"])
            weights = {k: f.get_tensor(k).float() for k in f.keys()}
        scales = {k: weights.pop(k) for k in list(weights) if k.endswith(".weight.scale")}  # of whole numbers
        for k, scale in scales.items():
            weights[k.removesuffix(".scale")] *= scale[:, None]
        saved["weights"] = weights
    else:
        saved = torch.load(path, map_location="cpu", weights_only=False)
    settings = dict(saved["settings"])
    settings["band_steps"] = tuple(tuple(b) for b in settings["band_steps"])
    model = Denoiser(Settings(**settings))
    model.load_state_dict(saved["weights"])
    return model, saved


def graft(net, start):
    """Give `net` the weights of `start`, which may have fewer layers, run both ways, or filter other frames.

    Layers that `start` lacks begin by changing nothing, taps that it lacks at zero. Of layers that run both ways, one that runs
    forwards takes the forward half.
    """
    for layer in net.layers():
        for part in layer.modules():
            if isinstance(part, Gru):  # a new state of zero
                n = slice(2 * part.state.in_features, None)
                for linear in (part.input, part.state):
                    linear.weight.data[n] = 0
                    linear.bias.data[n] = 0
            elif isinstance(part, Mixing):
                part.across.data.zero_()
    weights, new, old = start.state_dict(), net.settings, start.settings
    if old.both_ways and not new.both_ways:
        weights = {name.replace(".before.", "."): w for name, w in weights.items() if ".after." not in name}
    if (old.filter_taps, old.filter_ahead) != (new.filter_taps, new.filter_ahead):
        for name in ("filters.weight", "filters.bias"):
            taps = lambda w, s: w.unflatten(1, (2, s.filter_taps, -1))
            theirs, ours = taps(weights[name], old), taps(torch.zeros_like(net.state_dict()[name]), new)
            for tap in range(new.filter_taps):
                at = tap - new.filter_ahead + old.filter_ahead
                if 0 <= at < old.filter_taps:
                    ours[:, :, tap] = theirs[:, :, at]
            weights[name] = ours.flatten(1, 3)
    missing, unexpected = net.load_state_dict(weights, strict=False)
    if unexpected or not all(name.startswith(("encoder.", "decoder.")) for name in missing):
        raise ValueError(f"the start does not fit: {missing[:3]} {unexpected[:3]}")


def check_fused():
    """fused.cpp gives what plain PyTorch gives, and the same gradients: `python model.py`."""
    torch.manual_seed(1)
    net = Denoiser(Settings(both_ways=True))
    x = torch.randn(2, 7, net.settings.window // 2 + 1, dtype=torch.complex64)
    results = []
    global on_cpu
    for fast in (lambda _: True, lambda _: False):
        on_cpu = fast
        net.zero_grad()
        y = net(x)
        (y.abs() ** 2).sum().backward()
        results.append([y.detach()] + [p.grad.clone() for p in net.parameters()])
        with torch.no_grad():
            results[-1].append(net(x))
    names = ["output"] + [n for n, _ in net.named_parameters()] + ["output without gradients"]
    for name, a, b in zip(names, *results):
        worst = float((a - b).abs().max() / b.abs().max())
        print(f"{name}: {worst:.1e}")
        assert worst < (1e-2 if name == names[-1] else 1e-3), name  # that is in 8 bits, where the processor is made for it


if __name__ == "__main__":
    check_fused()
