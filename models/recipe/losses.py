"""What the denoiser is trained for.

All terms look at spectra: resynthesis only projects the error, so a small one here is a small one there.
"""
import torch

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


def intelligibility(estimate, clean, hz_per_bin, frames=38, step=6):
    """1 - short-time correlation of third-octave envelopes over 0.38 s, where there is speech: a smooth STOI.

    Powers [B, T, F] -> [B]. The mean of STOI's correlation along time and ESTOI's along frequency.
    """
    bands = third_octaves(clean.shape[-1], hz_per_bin)
    segments = lambda p: torch.sqrt(p @ bands.t() + 1e-9).unfold(1, frames, step)  # [B, S, 15, frames]
    x, y = segments(clean), segments(estimate)
    energy = (x**2).sum((-1, -2))
    speech = (energy > 1e-4 * energy.amax(1, keepdim=True)).float()

    def correlation(x, y, dim):
        x, y = x - x.mean(dim, keepdim=True), y - y.mean(dim, keepdim=True)
        return (x * y).sum(dim) / torch.sqrt((x**2).sum(dim) * (y**2).sum(dim) + 1e-12)

    along_time = correlation(x, y, -1).mean(-1)
    level = lambda v: v / torch.sqrt((v**2).sum(-1, keepdim=True) + 1e-9)
    along_bands = correlation(level(x), level(y), -2).mean(-1)
    return 1 - (0.5 * (along_time + along_bands) * speech).sum(1) / speech.sum(1).clamp(min=1)


def denoising_loss(estimate, clean, noisy, valid, settings, weights):
    """Scalar and its parts. Spectra [B, T, F]; `valid` [B, 1, F] is 0 where the clean recording says nothing.

    Above 8 kHz every fourth bin is looked at: that part of the mask is wide bands.
    """
    hz = settings.rate / settings.window
    split = int(8000 / hz)
    thin = lambda v: torch.cat([v[..., :split], v[..., split::4]], -1)
    estimate, clean, noisy, valid = (thin(v) for v in (estimate, clean, noisy, valid))
    f = thin(torch.arange(settings.window // 2 + 1) * hz).to(valid)

    # Levels are the mixer's whim: bring the active speech (or lone noise) to one, so that every clip counts alike.
    frame = (clean.real**2 + clean.imag**2).sum(-1)
    speech = frame.amax(1) > 0
    frame = torch.where(speech[:, None], frame, (noisy.real**2 + noisy.imag**2).sum(-1))
    active = frame > frame.amax(1, keepdim=True) * 1e-3
    scale = torch.rsqrt((frame * active).sum(1) / active.sum(1).clamp(min=1) / clean.shape[-1] + 1e-12)[:, None, None]
    estimate, clean = estimate * (valid * scale), clean * (valid * scale)

    power, magnitude, compressed = compress(estimate, 1e-7)
    power_clean, magnitude_clean, compressed_clean = compress(clean, 1e-7)
    # Hearing cares less about the upper two octaves than their number of bins says.
    weight = valid * torch.where(f < 4000, 1.0, 0.6)
    weight = weight / weight.sum(-1, keepdim=True)
    difference = magnitude - magnitude_clean
    # What is lost of the speech hurts more than what is left of the noise.
    asymmetric = difference**2 * torch.where(difference < 0, weights["lost"], 1.0)
    error = compressed - compressed_clean

    linear = estimate - clean
    s2 = power_clean.sum((1, 2))
    e2 = (linear.real**2 + linear.imag**2).sum((1, 2))
    snr = -10 * torch.log10((s2 + 1e-6) / (e2 + 10**-3.5 * s2 + 1e-6))  # nothing to gain beyond 35 dB
    stoi = intelligibility(power[..., :split], power_clean[..., :split], hz)
    parts = dict(
        magnitude=(asymmetric * weight).sum(-1).mean(),
        complex=((error.real**2 + error.imag**2) * weight).sum(-1).mean(),
        snr=torch.where(speech, snr, 0.0).mean(),
        stoi=torch.where(speech, stoi, 0.0).mean(),
    )
    return sum(weights[k] * v for k, v in parts.items()), {k: float(v.detach()) for k, v in parts.items()}
