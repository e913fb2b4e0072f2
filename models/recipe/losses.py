"""What the denoiser is trained for.

All terms look at spectra: resynthesis only projects the error, so a small one here is a small one there.
"""
import functools
import math

import torch

from model import fused, fused_gpu, on_cpu
from mos import dissatisfaction

LOSS = dict(magnitude=1.0, complex=0.5, log=0.0, snr=0.02, stoi=0.5, pesq=0.0, mos=0.0, lost=1.5)  # weights; see `denoising_loss`
POWER = 0.3  # compression of magnitudes, as loudness is
JUDGED = 1 / 3  # of the clips: listening to one costs more than cleaning it
FLOOR = 3e-6  # of powers in the logarithmic error, relative to the mean power of a bin while somebody speaks: -55 dB


def compress(x, floor):
    """|x|^2, |x|^0.3 and the complex value of that magnitude."""
    power = x.real**2 + x.imag**2 + floor
    magnitude = torch.exp(torch.log(power) * (POWER / 2))
    return power, magnitude, x * (magnitude * torch.rsqrt(power))


@functools.cache
def third_octaves(bins, hz_per_bin, device):
    """The 15 bands of STOI (Taal et al. 2011): third octaves from 150 Hz, [15, bins]."""
    f = torch.arange(bins, device=device) * hz_per_bin
    centre = 150.0 * 2 ** (torch.arange(15, device=device) / 3)
    return ((f >= centre[:, None] * 2 ** (-1 / 6)) & (f < centre[:, None] * 2 ** (1 / 6))).float()


def intelligibility(power, power_clean, hz_per_bin, frames, step):
    """1 - short-time correlation of third-octave envelopes over so many frames, which should last 0.38 s, where there is speech: a smooth STOI.

    Powers [B, T, F] -> [B]. The mean of STOI's correlation along time and ESTOI's along frequency.
    """
    bands = third_octaves(power.shape[-1], hz_per_bin, power.device)
    segments = lambda p: torch.sqrt(p @ bands.t() + 1e-9).unfold(1, frames, step)  # [B, S, 15, frames]
    x, y = segments(power_clean), segments(power)
    energy = (x**2).sum((-1, -2))
    speech = (energy > 1e-4 * energy.amax(1, keepdim=True)).float()

    def correlation(x, y, dim):
        x, y = x - x.mean(dim, keepdim=True), y - y.mean(dim, keepdim=True)
        return (x * y).sum(dim) / torch.sqrt((x**2).sum(dim) * (y**2).sum(dim) + 1e-12)

    along_time = correlation(x, y, -1).mean(-1)
    level = lambda v: v / torch.sqrt((v**2).sum(-1, keepdim=True) + 1e-9)
    along_bands = correlation(level(x), level(y), -2).mean(-1)
    return 1 - (0.5 * (along_time + along_bands) * speech).sum(1) / speech.sum(1).clamp(min=1)


@functools.cache
def bark_bands(bins, hz_per_bin, device, step=0.5):
    """Bands of half a Bark up to 21.5 Bark (8 kHz): triangles [bands, bins], centres in Bark [bands], and the threshold of
    hearing there as a power (Traunmueller 1990; Terhardt 1979)."""
    f = (torch.arange(bins, device=device) * hz_per_bin).clamp(min=20.0)
    bark = 26.81 * f / (1960 + f) - 0.53
    centres = torch.arange(1.0, 21.5, step, device=device)
    matrix = (1 - (bark - centres[:, None]).abs() / step).clamp(min=0)
    khz = (1960 * (centres + 0.53) / (26.28 - centres)) / 1000
    threshold = 3.64 * khz**-0.8 - 6.5 * torch.exp(-0.6 * (khz - 3.3) ** 2) + 1e-3 * khz**4
    return matrix, centres, 10 ** (threshold.clamp(min=0) / 10)


def disturbance(power, power_clean, hz_per_bin, bins_in_scale, frames):
    """How far PESQ's raw score would fall below 4.5 [B], after the model of hearing of ITU-T P.862: Bark spectra, equalised in
    the mean and in level, to loudness; differences beyond what is masked; what was added counts more than what is lost.

    Powers [B, T, F] whose mean over `bins_in_scale` bins is 1 while somebody speaks. Without time alignment, and with the
    frames of the network instead of 32 ms, so it tells better from worse but is not PESQ.
    """
    bands, centres, threshold = bark_bands(power.shape[-1], hz_per_bin, power.device)
    loud = 2e8 / bins_in_scale  # speech is heard at 83 dB SPL
    x, y = (power_clean * loud) @ bands.t(), (power * loud) @ bands.t()  # clean, estimate
    width = 0.5
    audible = lambda v, over: torch.where(v > threshold * over, v, 0.0).sum(-1, keepdim=True)
    with torch.no_grad():  # allowances: for the long-term response, and for the level of each moment
        active = (audible(x, 100.0) > 1e7).to(x)
        mean = lambda v: (torch.where(v > threshold * 100, v, 0.0) * active).sum(1, keepdim=True) / active.sum(1, keepdim=True).clamp(min=1)
        response = ((mean(y) + 1000) / (mean(x) + 1000)).clamp(0.01, 100)
        gain = ((audible(x * response, 1.0) + 5e3) / (audible(y, 1.0) + 5e3)).clamp(3e-4, 5.0)
        gain = 0.8 * gain + 0.2 * torch.cat([gain[:, :1], gain[:, :-1]], 1)
    x, y = x * response, y * gain
    exponent = 0.23 * (6 / (centres + 2)).clamp(1.0, 2.0) ** 0.15
    loudness = lambda v: torch.where(
        v > threshold, 0.1866 * (threshold / 0.5) ** exponent * ((0.5 + 0.5 * v.clamp(min=1e-3) / threshold) ** exponent - 1), 0.0)
    lx, ly = loudness(x), loudness(y)
    difference = ly - lx
    difference = torch.sign(difference) * (difference.abs() - 0.25 * torch.minimum(lx, ly)).clamp(min=0)
    total = width * len(centres)
    symmetric = torch.sqrt(((difference * width) ** 2).sum(-1) / total + 1e-8) * total
    added = ((y + 50) / (x + 50)) ** 1.2
    added = torch.where(added < 3, 0.0, added.clamp(max=12.0)).detach()
    asymmetric = (difference.abs() * added * width).sum(-1)
    weight = ((audible(x, 1.0)[..., 0] + 1e5) / 1e7) ** -0.04

    def over_time(v):  # the worst moments of a third of a second, which is so many frames, count most
        v = (v * weight).clamp(max=45.0)
        if v.shape[1] > frames:
            v = v.unfold(1, frames, frames // 2)
        else:
            v = v[:, None]
        return torch.sqrt(((v**6).mean(-1) + 1e-6).pow(1 / 3).mean(1))

    return 0.1 * over_time(symmetric) + 0.0309 * over_time(asymmetric)


def errors(estimate, clean, bins, weights, scale, magnitude, complex, lost, log, floor, low):
    """Weighted errors [B] of compressed spectra, |estimate - clean|^2 [B], |clean|^2 [B], and the powers of both in the
    first `low` bins [B, T, low], after scaling.

    The error is `magnitude` times that of the compressed magnitudes, squared, where what is lost of the speech counts
    `lost` times, plus `complex` times that of the complex values, plus `log` times the distance of the powers' logarithms,
    both raised by `floor`. Spectra [B, T, F], `bins` [J] of them, weights [B, J].
    """
    estimate, clean = (v[..., bins] * ((weights > 0)[:, None] * scale[:, None, None]) for v in (estimate, clean))
    power, size, compressed = compress(estimate, 1e-7)
    power_clean, size_clean, compressed_clean = compress(clean, 1e-7)
    difference = size - size_clean
    wrong = compressed - compressed_clean
    error = magnitude * difference**2 * torch.where(difference < 0, lost, 1.0) + complex * (wrong.real**2 + wrong.imag**2)
    error = error + log * torch.log((power - 1e-7 + floor) / (power_clean - 1e-7 + floor)).abs()
    linear = estimate - clean
    square, square_clean = ((v.real**2 + v.imag**2).sum((1, 2)) for v in (linear, clean))
    return (error * weights[:, None]).sum((1, 2)), square, square_clean, power[..., :low], power_clean[..., :low]


class FusedErrors(torch.autograd.Function):
    """`errors` in one walk, with its gradient."""

    @staticmethod
    def forward(ctx, estimate, clean, bins, weights, scale, *settings):
        e, c = torch.view_as_real(estimate.contiguous()), torch.view_as_real(clean.contiguous())
        sums, power, power_clean, grad = fused().errors_forward(e, c, bins, weights, scale, *settings)
        ctx.save_for_backward(e, c, bins, weights, scale, grad)
        error, square, square_clean = sums[:, 0].clone(), sums[:, 1].clone(), sums[:, 2].clone()
        ctx.mark_non_differentiable(square_clean, power_clean)
        return error, square, square_clean, power, power_clean

    @staticmethod
    def backward(ctx, of_error, of_square, _, of_power, __):
        grad = fused().errors_backward(of_error.contiguous(), of_square.contiguous(), of_power.contiguous(), *ctx.saved_tensors)
        return torch.view_as_complex(grad), *[None] * 10


def denoising_loss(estimate, clean, noisy, valid, settings, weights, speech_only):
    """Scalar and its parts. Spectra [B, T, F]; `valid` [B, 1, F] is 0 where the clean recording says nothing; `speech_only` [B]
    is false where laughter or singing is to be kept, which DNSMOS would rate down.

    Above 8 kHz every fourth bin is looked at: that part of the mask is wide bands.
    """
    hz = settings.rate / settings.window
    split = int(8000 / hz)
    at = dict(device=estimate.device)
    bins = torch.cat([torch.arange(split, **at), torch.arange(split, estimate.shape[-1], 4, **at)])
    f = bins * hz

    # Levels are the mixer's whim: bring the active speech (or lone noise) to one, so that every clip counts alike.
    square = lambda v: v.real**2 + v.imag**2
    energy = lambda v: square(v[..., :split]).sum(-1) + square(v[..., split::4]).sum(-1)
    frame = energy(clean)
    speech = frame.amax(1) > 0
    frame = torch.where(speech[:, None], frame, energy(noisy))
    active = frame > frame.amax(1, keepdim=True) * 1e-3
    scale = torch.rsqrt((frame * active).sum(1) / active.sum(1).clamp(min=1) / len(bins) + 1e-12)
    # Hearing cares less about the upper two octaves than their number of bins says.
    share = valid[:, 0, bins] * torch.where(f < 4000, 1.0, 0.6)
    share = share / share.sum(-1, keepdim=True) / clean.shape[1]

    compute = FusedErrors.apply if on_cpu(estimate.real) else fused_gpu().Errors.apply if estimate.is_cuda else errors
    settings_of_errors = *(weights[k] for k in ("magnitude", "complex", "lost", "log")), FLOOR
    error, e2, s2, power, power_clean = compute(estimate, clean, bins, share, scale, *settings_of_errors, split)
    snr = -10 * torch.log10((s2 + 1e-6) / (e2 + 10**-3.5 * s2 + 1e-6))  # nothing to gain beyond 35 dB
    frames = lambda seconds: round(seconds * settings.rate / settings.hop)
    stoi = intelligibility(power, power_clean, hz, frames(0.38), frames(0.06))
    of_speech = lambda v: torch.where(speech, v, 0.0).mean()
    parts = dict(spectrum=error.mean(), snr=of_speech(snr), stoi=of_speech(stoi))
    if weights["pesq"]:
        parts["pesq"] = of_speech(disturbance(power, power_clean, hz, len(bins), frames(0.32)))
    if weights["mos"]:
        n = math.ceil(len(clean) * JUDGED)
        # What is clean already is to pass, not to be improved.
        judged = speech[:n] & speech_only[:n] & (energy(noisy[:n] - clean[:n]).sum(1) > 10**-3.4 * frame[:n].sum(1))
        parts["mos"] = torch.where(judged, dissatisfaction(estimate[:n], clean[:n], settings), 0.0).mean()
    loss = parts["spectrum"] + sum(weights[k] * v for k, v in parts.items() if k != "spectrum")
    return loss, {k: v.detach() for k, v in parts.items()}


def check_fused():
    """fused.cpp gives what plain PyTorch gives, and the same gradient: `python losses.py`."""
    torch.manual_seed(1)
    results = []
    clean, estimate = (torch.randn(3, 5, 40, dtype=torch.complex64) for _ in range(2))
    weights = torch.rand(3, 20)
    weights[1, 10:] = 0
    for compute in (FusedErrors.apply, errors):
        x = estimate.clone().requires_grad_()
        out = compute(x, clean, torch.arange(0, 40, 2), weights, torch.tensor([0.5, 1.0, 2.0]), 0.7, 0.4, 1.5, 0.2, 1e-3, 12)
        (out[0].sum() + (out[1] * torch.tensor([1.0, 2.0, 3.0])).sum() + (out[3] * out[4]).sum()).backward()
        results.append([*(v.detach() for v in out), x.grad])
    for a, b in zip(*results):
        assert torch.allclose(a, b, rtol=1e-4, atol=1e-5), float((a - b).abs().max())
    print("the fused errors agree")


if __name__ == "__main__":
    check_fused()
