"""The family of autoencoders on patches of sound: what they see, how they are built, what each kind is trained for.

A patch is 16 frames of 10 ms by 64 bands, 1024 numbers, frame after frame:

    samples, mono, 48 kHz      -> spectrum X [T, 481]      window 960 (Vorbis), hop 480
    power                         P [T, 64]                weighted mean of |X|^2 in triangular bands
    relative to the recording     x [T, 64]                ln(P / mean P + 1e-7), each band less its mean, over its deviation
    patch                         x [t : t + 16] flattened

`mean P` is that over all frames and bands of the recording, so that loudness changes nothing; means and deviations of
the bands are those of the training material and part of the model. `src/patches.rs` is the same in Rust.

The network: encoder 1024 -> nodes ... -> code, decoder the same backwards, ReLU between; any number of layers. With D
numbers in x, reconstruction y and code h, the kinds minimise, besides the mean squared error E = |x - y|^2 / D:

    undercomplete   E; the narrow code is all there is.
    sparse-l1       E + weight * mean |h|, h = ReLU; the decoder's columns for the code have length 1 at most, or it would
                    shrink the code and undo that (Olshausen & Field 1997; Ng 2011 for the penalty as such).
    sparse-kl       E + weight * mean_j KL(r || r_j), h = sigmoid, r_j the mean activity of unit j over the batch,
                    KL(r || q) = r ln(r / q) + (1 - r) ln((1 - r) / (1 - q)), r the target activity (Ng 2011, "Sparse
                    autoencoder", CS294A; the penalty is that of Hinton 2010, "A practical guide to training RBMs"). The
                    columns have length 4 at most, or all units would always be a little active, which has the same mean.
    contractive     E + weight * |J|_F^2 / code, h = sigmoid, J = dh/dx (Rifai et al. 2011, "Contractive auto-encoders").
                    With several layers the norm is estimated by random projections, E |v^T J|^2 = |J|_F^2 for normal v
                    (Hutchinson 1990), which needs one more backward pass; the scores have the exact norm.
    denoising-l1/2  mean |x - y| or E, where the encoder sees x with noise, and with frames and bands masked (Vincent et
                    al. 2008).
    variational     the evidence lower bound: D / 2 * E + weight * KL(N(m, s^2) || N(0, 1)),
                    KL = 1/2 sum_j (m_j^2 + s_j^2 - ln s_j^2 - 1), y decoded from h = m + s * e, e normal (Kingma & Welling
                    2014, likelihood of variance 1); the weight is the beta of Higgins et al. 2017, 1 is the bound itself.
"""
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from model import band_matrix, stft

KINDS = ("undercomplete", "sparse-l1", "sparse-kl", "contractive", "denoising-l1", "denoising-l2", "variational")
FLOOR = 1e-7
# The decoder's columns for the code of sparse kinds are no longer than this.
LONGEST = {"sparse-l1": 1.0, "sparse-kl": 4.0}
# Sounds of these sources are never trained on: with them retrieval is measured.
HELD_OUT = ("cdda_cc", "openclonk", "antum_modsounds")


@dataclass(frozen=True)
class Settings:
    kind: str = "undercomplete"
    code: int = 32
    nodes: tuple = (192, 96)
    frames: int = 16
    rate: int = 48_000
    window: int = 960
    hop: int = 480
    band_steps: tuple = ((1, 15), (2, 12), (4, 10), (8, 10), (16, 8), (24, 7))
    loudness: float = 0.0  # what a patch of a sound counts for: its power to this exponent

    def centres(self):
        centres = [0]
        for step, count in self.band_steps:
            centres += [centres[-1] + step * (i + 1) for i in range(count)]
        return [c for c in centres if c < self.window // 2] + [self.window // 2]


def code_function(kind):
    """What the last layer of the encoder ends with."""
    return {"sparse-l1": "relu", "sparse-kl": "sigmoid", "contractive": "sigmoid"}.get(kind, "none")


def log_powers(samples, settings):
    """Samples [N] -> [T, bands], T at least one patch, before means and deviations."""
    least = (settings.frames + 1) * settings.hop
    x = F.pad(samples, (0, max(0, least - len(samples))))
    bands = band_matrix(settings.centres(), settings.window // 2 + 1)
    bands = (bands / bands.sum(1, keepdim=True)).T
    power = torch.cat([(s := stft(part[None], settings)[0]).real.square().add(s.imag.square()) @ bands
                       for part in pieces(x, settings)])
    return torch.log(power / power.mean().clamp(min=1e-12) + FLOOR)


def level(powers):
    """Logarithm of the power of the middle frame, of log powers [T, bands]."""
    return powers.double().exp().mean(1).log().median()


def at_level_of(powers, other):
    """Makes the middle frame as loud as that of the other recording, the floor staying where it is."""
    change = (level(other) - level(powers)).exp()
    return torch.log((powers.double().exp() - FLOOR).clamp(min=0) * change + FLOOR).float()


def pieces(x, settings, frames=4096):
    """A recording in pieces of so many frames that overlap as frames do."""
    step = frames * settings.hop
    for start in range(0, len(x) - settings.window + 1, step):
        yield x[start : start + step + settings.window - settings.hop]


def patches(powers, frames, every=1):
    """[T, bands] -> [patches, frames * bands]"""
    return powers.unfold(0, frames, every).transpose(1, 2).flatten(1)


class Autoencoder(nn.Module):
    def __init__(self, settings):
        super().__init__()
        self.settings = settings
        bands = len(settings.centres())
        ends = settings.code * (2 if settings.kind == "variational" else 1)
        sizes = [settings.frames * bands, *settings.nodes]
        chain = lambda sizes: nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))
        self.encoder = chain(sizes + [ends])
        self.decoder = chain([settings.code] + sizes[::-1])
        self.register_buffer("mean", torch.zeros(bands))
        self.register_buffer("deviation", torch.ones(bands))
        # Of what describes whole sounds, see `sound_vector`.
        self.register_buffer("sound_mean", torch.zeros(2 * settings.code))
        self.register_buffer("sound_deviation", torch.ones(2 * settings.code))
        for layer in (*self.encoder, *self.decoder):
            nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
        nn.init.xavier_uniform_(self.encoder[-1].weight)
        nn.init.xavier_uniform_(self.decoder[-1].weight)

    def standard(self, powers):
        return (powers - self.mean) / self.deviation

    def encode(self, x):
        """The code; of a variational one, the means, then the logarithms of the variances."""
        for layer in self.encoder[:-1]:
            x = F.relu(layer(x))
        h = self.encoder[-1](x)
        return {"relu": F.relu, "sigmoid": torch.sigmoid, "none": lambda v: v}[code_function(self.settings.kind)](h)

    def decode(self, h):
        for layer in self.decoder[:-1]:
            h = F.relu(layer(h))
        return self.decoder[-1](h)

    def forward(self, x):
        return self.decode(self.encode(x)[..., : self.settings.code])


def loss(net, x, weight, target=0.05):
    """What is minimised, and its parts: reconstruction error and penalty."""
    kind, n = net.settings.kind, net.settings.code
    seen = corrupt(x, net.settings) if kind.startswith("denoising") else x
    if kind == "contractive":
        seen = seen.requires_grad_()
    h = net.encode(seen)
    if kind == "variational":
        m, log_variance = h[:, :n], h[:, n:].clamp(-12, 4)
        y = net.decode(m + torch.exp(log_variance / 2) * torch.randn_like(m))
        error = F.mse_loss(y, x)
        penalty = 0.5 * (m.square() + log_variance.exp() - log_variance - 1).sum(1).mean()
        return 0.5 * x.shape[1] * error + weight * penalty, error, penalty
    y = net.decode(h)
    error = F.l1_loss(y, x) if kind == "denoising-l1" else F.mse_loss(y, x)
    penalty = torch.zeros(())
    if kind == "sparse-l1":
        penalty = h.abs().mean()
    elif kind == "sparse-kl":
        active = h.mean(0).clamp(1e-6, 1 - 1e-6)
        penalty = (target * torch.log(target / active) + (1 - target) * torch.log((1 - target) / (1 - active))).mean()
    elif kind == "contractive":
        (projected,) = torch.autograd.grad((h * torch.randn_like(h)).sum(), seen, create_graph=True)
        penalty = projected.square().sum(1).mean() / n
    return error + weight * penalty, error, penalty


def corrupt(x, settings):
    """Noise on everything; one stretch of frames and one of bands set to the mean."""
    bands = len(settings.centres())
    x = (x + 0.3 * torch.randn_like(x)).view(len(x), settings.frames, bands)
    for axis, size, most in ((1, settings.frames, settings.frames // 2), (2, bands, bands // 4)):
        length = torch.randint(0, most + 1, (len(x), 1))
        start = (torch.rand(len(x), 1) * (size - length + 1)).long()
        at = torch.arange(size)
        gone = (at >= start) & (at < start + length)
        x = x.masked_fill(gone[:, :, None] if axis == 1 else gone[:, None], 0.0)
    return x.flatten(1)


def squared_jacobian(net, x):
    """|dh/dx|_F^2 / code, exactly."""
    code = lambda v: net.encode(v[None])[0, : net.settings.code]
    return torch.func.vmap(torch.func.jacrev(code))(x).square().sum((1, 2)).mean().item() / net.settings.code


def patch_weights(powers, settings, every):
    """What each patch of log powers [..., T, bands] counts for, [..., patches], in all 1: noise beside a sound, and silence after
    it, change loud patches least."""
    power = powers.exp().mean(-1).unfold(-1, settings.frames, every).mean(-1)
    weights = (power + FLOOR) ** settings.loudness
    return weights / weights.sum(-1, keepdim=True)


@torch.no_grad()
def sound_statistics(net, powers):
    """Mean and deviation of every unit over the patches of a sound; their roots where units are never negative, so that
    rare units count beside frequent ones."""
    h = net.encode(patches(net.standard(powers), net.settings.frames, 8))[:, : net.settings.code]
    weights = patch_weights(powers, net.settings, 8)[:, None]
    mean = (weights * h).sum(0)
    found = torch.cat([mean, (weights * (h - mean).square()).sum(0).sqrt()])
    return found if code_function(net.settings.kind) == "none" else found.sqrt()


def sound_vector(net, powers):
    """What `aeden find` compares: the statistics, standardised over the sounds of the training material."""
    return (sound_statistics(net, powers) - net.sound_mean) / net.sound_deviation


class Sounds:
    """Log powers of all packed noises, and of some voices, computed once per cache."""

    def __init__(self, cache, settings, speech_every=40):
        cache = Path(cache)
        index = json.loads((cache / "index.json").read_text())
        self.entries = [dict(e, kind="noise") for e in index["noise"]]
        self.entries += [dict(e, kind="speech", category="speech") for e in index["speech"][::speech_every]]
        stored = cache / "family.f16"
        data = {k: np.memmap(cache / f"{k}.i16", np.int16, "r") for k in ("noise", "speech")}
        frames = lambda e: max(settings.frames, e["length"] // settings.hop - 1)
        ends = np.cumsum([frames(e) for e in self.entries])
        self.spans = list(zip(ends - [frames(e) for e in self.entries], ends))
        bands = len(settings.centres())
        if not stored.exists() or stored.stat().st_size != 2 * bands * ends[-1]:
            with open(stored.with_suffix(".tmp"), "wb") as out:
                for e, (start, end) in zip(self.entries, self.spans):
                    x = data[e["kind"]][e["offset"] : e["offset"] + e["length"]].astype(np.float32) / 32768
                    powers = log_powers(torch.from_numpy(x), settings)
                    assert len(powers) == end - start, (e, len(powers))
                    out.write(powers.numpy().astype(np.float16).tobytes())
            stored.with_suffix(".tmp").rename(stored)
        self.powers = torch.from_numpy(np.fromfile(stored, np.float16).reshape(-1, bands))
        self.frames = settings.frames

    def of(self, i):
        start, end = self.spans[i]
        return self.powers[start:end].float()

    def part(self, keep):
        """Where patches may begin, in the sounds that `keep(entry)` names."""
        return torch.cat([torch.arange(a, b - self.frames + 1) for e, (a, b) in zip(self.entries, self.spans) if keep(e)])

    def batch(self, starts, net):
        rows = starts[:, None] + torch.arange(self.frames)
        return net.standard(self.powers[rows].float()).flatten(1)


def trained_on(entry):
    return not entry["validation"] and entry["source"] not in HELD_OUT


def validated_on(entry):
    """Files and voices held out by `pack.py`, of the sources that are trained on."""
    return entry["validation"] and entry["source"] not in HELD_OUT


def load(path):
    saved = torch.load(path, map_location="cpu", weights_only=False)
    net = Autoencoder(Settings(**saved["settings"]))
    net.load_state_dict(saved["weights"])
    return net.eval(), saved


def save(path, net, **extra):
    torch.save(dict(settings=asdict(net.settings), weights=net.state_dict(), **extra), path)
