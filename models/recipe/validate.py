"""Score a model on held-out speakers and noises of the packed audio: what checkpoints are chosen by.

    python validate.py CACHE CHECKPOINT           scores
    python validate.py CACHE CHECKPOINT gap       loss on voices and noises of the training, and on held-out ones
    python validate.py CACHE CHECKPOINT view      how much a network that runs both ways needs to see on either side
    python validate.py CACHE CHECKPOINT kept      how much quieter laughter, crying, singing between words come out

The development pairs are not used here: they are for reporting.
"""
import json
import sys
import warnings

import numpy as np
import soxr
import torch
from pesq import pesq
from pystoi import stoi

import model as M
from losses import LOSS, denoising_loss
from mix import RATE, Clips, Mixer, MixSettings

warnings.filterwarnings("ignore")  # STOI of clips without speech

SECONDS = 5.0
CLIPS = 40  # of each half: full-band and wideband voices


def si_sdr(clean, estimate):
    """Scale-invariant signal-to-distortion ratio in dB (Le Roux et al. 2019)."""
    clean, estimate = clean - clean.mean(), estimate - estimate.mean()
    target = clean * (estimate @ clean) / (clean @ clean + 1e-12)
    return float(10 * np.log10((target @ target + 1e-12) / (((estimate - target) @ (estimate - target)) + 1e-12)))


def after_lead(model, noisy, settings):
    """What `model` makes of spectra [B, T, F] after it has heard them once, as `aeden clean` does with the first seconds
    of a recording: errors of the very start would outweigh everything else."""
    samples = M.istft(noisy, settings)[..., settings.hop : -settings.hop]
    both = model(M.stft(torch.cat([samples, samples], -1), settings))
    frames = samples.shape[-1] // settings.hop - 1
    return torch.cat([noisy[:, :1], both[:, -frames:], noisy[:, -1:]], 1)


def quality(clean, estimate):
    """PESQ, STOI, ESTOI and SI-SDR at 16 kHz."""
    try:
        score = pesq(16_000, clean, estimate, "wb")
    except Exception:  # PESQ finds no utterance in a clip that is nearly silent
        score = np.nan
    return score, stoi(clean, estimate, 16_000), stoi(clean, estimate, 16_000, extended=True), si_sdr(clean, estimate)


class Validation:
    def __init__(self, cache, settings):
        self.settings = settings
        self.pairs = {}
        for half, share in (("fb", 1.0), ("wb", 0.0)):
            mixing = MixSettings(seconds=SECONDS, fullband_share=share, room_share=0.2, two_noises_share=0.3, clean_share=0.0, noise_only_share=0.0,
                                 snr_db=(-5.0, 15.0), level_db=(-16.0, -3.0), band_limit_share=0.0, made_top_share=0.0, narrow_share=0.0,
                                 lead_share=0.3, warp_share=0.0, keep_floors=True)
            source = iter(Clips(cache, mixing, seed=77, validation=True))
            speech, noise, top = zip(*(next(source) for _ in range(CLIPS)))
            mixer = Mixer(mixing, settings, seed=78)
            noisy, clean, *_ = mixer.mix(*mixer.clips(torch.tensor(np.stack(speech)), torch.tensor(np.stack(noise))), torch.tensor(top))
            if half == "wb":  # recorded at 16 kHz, as the development half is
                keep = torch.arange(noisy.shape[-1]) * settings.rate / settings.window < 7900
                noisy, clean = noisy * keep, clean * keep
            self.pairs[half] = (noisy, clean)

    @torch.no_grad()
    def score(self, model):
        """Means over each half, and `merit`, the number by which checkpoints are ranked."""
        out = {}
        for half, (noisy, clean) in self.pairs.items():
            found = []
            down = lambda s: [soxr.resample(x, RATE, 16_000, "HQ") for x in M.istft(s, self.settings).cpu().numpy()]
            device = next(model.parameters()).device
            heard = noisy.to(device)
            cleaned = model(heard) if self.settings.both_ways else after_lead(model, heard, self.settings)
            for c, e in zip(down(clean), down(cleaned)):
                found.append(quality(c, e))
            p, s, es, d = np.nanmean(found, 0)
            out |= {f"{half}_pesq": p, f"{half}_stoi": s, f"{half}_estoi": es, f"{half}_si_sdr": d}
        out = {k: round(float(v), 4) for k, v in out.items()}
        # PESQ of 0.1, STOI of 0.02 and SI-SDR of 1 dB weigh the same.
        out["merit"] = round(sum(out[h + "_pesq"] * 10 + out[h + "_stoi"] * 50 + out[h + "_si_sdr"] for h in ("fb", "wb")), 3)
        return out


class Identity(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.none = torch.nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return x


@torch.no_grad()
def gap(cache, model, batches=60, size=8):
    """Mean loss and its parts, drawn as in training (but for clipping) from what is trained on and from what is held out.

    Alike: the model has not learnt its data by heart, and more weights or hours help. Far apart: more data do.
    """
    mixing, found = MixSettings(clip_share=0.0), {}
    for name, validation in (("trained on", False), ("held out", True)):
        clips, mixer = iter(Clips(cache, mixing, seed=77, validation=validation)), Mixer(mixing, model.settings, seed=1)
        sums = {}
        for _ in range(batches):
            speech, noise, top = (torch.tensor(np.stack(v)) for v in zip(*(next(clips) for _ in range(size))))
            noisy, clean, valid, speech_only = mixer.mix(*mixer.clips(speech, noise), top)
            loss, parts = denoising_loss(model(noisy), clean, noisy, valid, model.settings, LOSS, speech_only)
            for k, v in dict(parts, loss=loss).items():
                sums[k] = sums.get(k, 0.0) + float(v) / batches
        found[name] = {k: round(v, 4) for k, v in sums.items()}
    return found


@torch.no_grad()
def view(cache, model, clips=20, seconds=20, middle=(8, 12)):
    """PESQ, STOI, ESTOI and SI-SDR of the middle of clips, with so many seconds in view on either side of it."""
    global SECONDS, CLIPS
    SECONDS, CLIPS, s = seconds, clips, model.settings
    first, last = (int(t * s.rate / s.hop) for t in middle)
    found = {}
    for half, (noisy, clean) in Validation(cache, s).pairs.items():
        for around in (1, 2, 4, 8):
            scores = []
            for heard, wanted in zip(noisy, clean):
                start, stop = first - int(around * s.rate / s.hop), last + int(around * s.rate / s.hop)
                features, of_all = model.features(heard[None]), model.features
                model.features = lambda _: features[:, max(start, 0) : stop]  # levels and floors know what came before
                out = model(heard[None, max(start, 0) : stop])[:, first - max(start, 0) :][:, : last - first]
                model.features = of_all
                at_16k = lambda x: soxr.resample(M.istft(x, s)[0, s.hop : -s.hop].numpy(), RATE, 16_000, "HQ")
                scores.append(quality(at_16k(wanted[None, first:last]), at_16k(out)))
            found[f"{half}, {around} s"] = [round(float(v), 4) for v in np.nanmean(scores, 0)]
    return found


@torch.no_grad()
def kept(cache, model, seconds=4):
    """Level of held-out sounds that are to be kept, in dB of what they were: each two seconds after a voice began, at the
    voice's level, in quiet and under noise 10 dB below both; under noise, by the gain of every time and frequency."""
    s, at, rate = model.settings, 2 * RATE, RATE
    clips = Clips(cache, MixSettings(lead_share=0.0, room_share=0.0, fullband_share=1.0, two_noises_share=0.0, late_share=0.0, speed=(0, 0)),
                  seed=79, validation=True)
    clips.rng = np.random.default_rng(79)
    clips.open()
    rms = lambda x: np.sqrt(np.mean(x**2) + 1e-12)
    found = {}
    for kind, group in clips.kept:
        for entry in group:
            sound = clips.read(kind, entry, 0, seconds * rate)
            voice = clips.speech(2 * at + len(sound))[0][0]
            voice = voice / rms(voice) * 0.03
            voice[at : at + len(sound)] = 0
            alone = np.zeros_like(voice)
            alone[at : at + len(sound)] = sound / rms(sound) * 0.03
            noise = clips.one_noise(len(voice))
            noise = noise / rms(noise) * 0.03 * 10**-0.5
            spectra = [M.stft(torch.tensor(x, dtype=torch.float32)[None], s) for x in (voice, alone, noise)]
            power = lambda x: float((x.real**2 + x.imag**2).sum())
            for name, noisy in (("quiet", spectra[0] + spectra[1]), ("noise", sum(spectra))):
                out = model(noisy) if s.both_ways else after_lead(model, noisy, s)
                gain = (out.abs() / (noisy.abs() + 1e-9)).clamp(max=1)
                found.setdefault(f"{entry['category']}, {name}", []).append(10 * np.log10(power(spectra[1] * gain) / power(spectra[1])))
    return {name: dict(mean=round(float(np.mean(v)), 1), median=round(float(np.median(v)), 1), worst=round(float(np.min(v)), 1), sounds=len(v))
            for name, v in found.items()}


if __name__ == "__main__":
    torch.set_num_threads(1)
    model = Identity() if sys.argv[2] == "identity" else M.load(sys.argv[2])[0].eval()
    settings = M.Settings() if sys.argv[2] == "identity" else model.settings
    more = {"gap": gap, "view": view, "kept": kept}.get("".join(sys.argv[3:]))
    scores = more(sys.argv[1], model) if more else Validation(sys.argv[1], settings).score(model)
    print(json.dumps(dict(file=sys.argv[2], **scores)))
