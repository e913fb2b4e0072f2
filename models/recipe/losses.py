"""What the denoiser is trained for.

All terms look at spectra: resynthesis only projects the error, so a small one here is a small one there.
"""
import torch

from model import fused, on_cpu

LOSS = dict(magnitude=1.0, complex=0.5, snr=0.02, stoi=0.5, lost=1.5)  # weights of the terms; see `denoising_loss`
POWER = 0.3  # compression of magnitudes, as loudness is


def compress(x, floor):
    """|x|^2, |x|^0.3 and the complex value of that magnitude."""
    power = x.real**2 + x.imag**2 + floor
    magnitude = torch.exp(torch.log(power) * (POWER / 2))
    return power, magnitude, x * (magnitude * torch.rsqrt(power))


def third_octaves(bins, hz_per_bin):
    """The 15 bands of STOI (Taal et al. 2011): third octaves from 150 Hz, [15, bins]."""
    f = torch.arange(bins) * hz_per_bin
    centre = 150.0 * 2 ** (torch.arange(15) / 3)
    return ((f >= centre[:, None] * 2 ** (-1 / 6)) & (f < centre[:, None] * 2 ** (1 / 6))).float()


def intelligibility(power, power_clean, hz_per_bin, frames=38, step=6):
    """1 - short-time correlation of third-octave envelopes over 0.38 s, where there is speech: a smooth STOI.

    Powers [B, T, F] -> [B]. The mean of STOI's correlation along time and ESTOI's along frequency.
    """
    bands = third_octaves(power.shape[-1], hz_per_bin).to(power)
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


def errors(estimate, clean, bins, weights, scale, magnitude, complex, lost, low):
    """Weighted errors [B] of compressed spectra, |estimate - clean|^2 [B], |clean|^2 [B], and the powers of both in the
    first `low` bins [B, T, low], after scaling.

    The error is `magnitude` times that of the compressed magnitudes, squared, where what is lost of the speech counts
    `lost` times, plus `complex` times that of the complex values. Spectra [B, T, F], `bins` [J] of them, weights [B, J].
    """
    estimate, clean = (v[..., bins] * ((weights > 0)[:, None] * scale[:, None, None]) for v in (estimate, clean))
    power, size, compressed = compress(estimate, 1e-7)
    power_clean, size_clean, compressed_clean = compress(clean, 1e-7)
    difference = size - size_clean
    wrong = compressed - compressed_clean
    error = magnitude * difference**2 * torch.where(difference < 0, lost, 1.0) + complex * (wrong.real**2 + wrong.imag**2)
    linear = estimate - clean
    square, square_clean = ((v.real**2 + v.imag**2).sum((1, 2)) for v in (linear, clean))
    return (error * weights[:, None]).sum((1, 2)), square, square_clean, power[..., :low], power_clean[..., :low]


class FusedErrors(torch.autograd.Function):
    """`errors` in one walk, with its gradient."""

    @staticmethod
    def forward(ctx, estimate, clean, bins, weights, scale, magnitude, complex, lost, low):
        e, c = torch.view_as_real(estimate.contiguous()), torch.view_as_real(clean.contiguous())
        sums, power, power_clean, grad = fused().errors_forward(e, c, bins, weights, scale, magnitude, complex, lost, low)
        ctx.save_for_backward(e, c, bins, weights, scale, grad)
        error, square, square_clean = sums[:, 0] * magnitude + sums[:, 1] * complex, sums[:, 2], sums[:, 3]
        ctx.mark_non_differentiable(square_clean, power_clean)
        return error, square.clone(), square_clean, power, power_clean

    @staticmethod
    def backward(ctx, of_error, of_square, _, of_power, __):
        grad = fused().errors_backward(of_error.contiguous(), of_square.contiguous(), of_power.contiguous(), *ctx.saved_tensors)
        return torch.view_as_complex(grad), *[None] * 8


def denoising_loss(estimate, clean, noisy, valid, settings, weights):
    """Scalar and its parts. Spectra [B, T, F]; `valid` [B, 1, F] is 0 where the clean recording says nothing.

    Above 8 kHz every fourth bin is looked at: that part of the mask is wide bands.
    """
    hz = settings.rate / settings.window
    split = int(8000 / hz)
    bins = torch.cat([torch.arange(split), torch.arange(split, estimate.shape[-1], 4)]).to(estimate.device)
    f = bins * hz

    # Levels are the mixer's whim: bring the active speech (or lone noise) to one, so that every clip counts alike.
    energy = lambda v: (v.real**2 + v.imag**2)[..., bins].sum(-1)
    frame = energy(clean)
    speech = frame.amax(1) > 0
    frame = torch.where(speech[:, None], frame, energy(noisy))
    active = frame > frame.amax(1, keepdim=True) * 1e-3
    scale = torch.rsqrt((frame * active).sum(1) / active.sum(1).clamp(min=1) / len(bins) + 1e-12)
    # Hearing cares less about the upper two octaves than their number of bins says.
    share = valid[:, 0, bins] * torch.where(f < 4000, 1.0, 0.6)
    share = share / share.sum(-1, keepdim=True) / clean.shape[1]

    compute = FusedErrors.apply if on_cpu(estimate.real) else errors
    error, e2, s2, power, power_clean = compute(
        estimate, clean, bins, share, scale, weights["magnitude"], weights["complex"], weights["lost"], split)
    snr = -10 * torch.log10((s2 + 1e-6) / (e2 + 10**-3.5 * s2 + 1e-6))  # nothing to gain beyond 35 dB
    stoi = intelligibility(power, power_clean, hz)
    parts = dict(spectrum=error.mean(), snr=torch.where(speech, snr, 0.0).mean(), stoi=torch.where(speech, stoi, 0.0).mean())
    loss = parts["spectrum"] + weights["snr"] * parts["snr"] + weights["stoi"] * parts["stoi"]
    return loss, {k: float(v.detach()) for k, v in parts.items()}


def check_fused():
    """fused.cpp gives what plain PyTorch gives, and the same gradient: `python losses.py`."""
    torch.manual_seed(1)
    results = []
    clean, estimate = (torch.randn(3, 5, 40, dtype=torch.complex64) for _ in range(2))
    weights = torch.rand(3, 20)
    weights[1, 10:] = 0
    for compute in (FusedErrors.apply, errors):
        x = estimate.clone().requires_grad_()
        out = compute(x, clean, torch.arange(0, 40, 2), weights, torch.tensor([0.5, 1.0, 2.0]), 0.7, 0.4, 1.5, 12)
        (out[0].sum() + (out[1] * torch.tensor([1.0, 2.0, 3.0])).sum() + (out[3] * out[4]).sum()).backward()
        results.append([*(v.detach() for v in out), x.grad])
    for a, b in zip(*results):
        assert torch.allclose(a, b, rtol=1e-4, atol=1e-5), float((a - b).abs().max())
    print("the fused errors agree")


if __name__ == "__main__":
    check_fused()
