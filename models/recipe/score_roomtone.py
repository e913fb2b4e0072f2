"""How much like its source the sound of `aeden roomtone` is, beside a loop and filtered noise.

    python score_roomtone.py AEDEN CACHE WORK_DIR [RECORDINGS] [NAME=MODEL.safetensors ...]

CACHE is what `pack.py` wrote; the recordings are the ambiences of 14 s and more of the sources that no model was trained on,
the same as in `score_family.py detect`. From the first 10 s of each, a minute is made:

    loop          the 10 s again and again, cross-faded over 0.5 s with equal power
    noise         random phases with the long-term spectrum of the 10 s (windows of 85 ms)
    steady        `aeden roomtone --all --steady`: also with tones apart, but without the network
    linear        `--all --model` with the principal component analysis of the same code size: the same chain
    aeden         `aeden roomtone --all`
    the rest      what comes after the 10 s, as far as there is more than 4 s: how much nature differs from itself

Distances to the 10 s, means over all recordings (McDermott & Simoncelli 2011 for the statistics):

    spectrum      long-term spectrum in sixths of octaves, mean absolute difference in dB
    modulation    power of the band envelopes, compressed by 0.3, in octaves of modulation frequency from 0.5 to 64 Hz,
                  relative to their means: mean absolute difference in dB. 24 bands, equally spaced in ERB
    deviation     of the energies of the bands in 20 ms, in dB: mean absolute difference; skewness: the same
    correlation   between the envelopes of bands: mean absolute difference
    repeats       largest normalised autocorrelation beyond 1 s: of the wave, and of the envelope of the whole; that of a loop
                  is 1. `own`: that of the 10 s themselves

Then voices over the ambience: of the parts that aeden learns from, the share in which nobody speaks, and how far the
spectrum of the tone is from that of the ambience alone, in dB. Then `--towards`: how far the first and last twentieth are from
the spectra of both recordings, and how even the way is: the largest step between twentieths over the mean
step, and for each statistic how steadily its tenths go from the first to the last (`order`). At the end, memory and CPU
time of a minute and of an hour of tone.
"""
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import scipy.signal as ss
import scipy.stats as ss_stats
import soundfile as sf

from score_family import sounds
from score_repair import RATE, show, voices

PCA = Path(__file__).resolve().parent.parent / "family" / "roomtone-pca.safetensors"
STEADY = ("rain", "wind", "sea waves", "insects/night", "train/metro", "thunder/storm", "birds", "other SFX",
          "stream/waterfall/water", "fire")
SECONDS, MADE = 10, 60


def ambiences(cache, most):
    chosen = [x for e, x in sounds(cache) if len(x) >= 14 * RATE and e["category"] in STEADY]
    return [x[: 40 * RATE] for x in chosen[:most]]


def density(x, window=4096):
    return ss.welch(x, RATE, "hann", window, detrend="constant")


def spectrum(x):
    hz, power = density(x, 8192)
    edges = 40 * 2 ** (np.arange(0, 54) / 6)
    return 10 * np.log10(np.array([power[(hz >= a) & (hz < b)].mean() for a, b in zip(edges, edges[1:])
                                   if ((hz >= a) & (hz < b)).any()]) + 1e-16)


def spectral_distance(x, y):
    a, b = spectrum(x), spectrum(y)
    heard = a > a.max() - 80
    return np.abs(a - b)[heard].mean()


def band_powers(x, window=480, bands=24):
    """[band, frame], a frame every 5 ms."""
    hz, _, s = ss.stft(x, RATE, "hann", window, window // 2, boundary=None, padded=False)
    erb = lambda f: 21.4 * np.log10(1 + 0.00437 * f)
    edges = np.linspace(erb(100), erb(16_000), bands + 2)
    place = erb(hz)
    rise = (place[None] - edges[:-2, None]) / np.diff(edges)[:-1, None]
    fall = (edges[2:, None] - place[None]) / np.diff(edges)[1:, None]
    weights = np.clip(np.minimum(rise, fall), 0, None)
    weights[weights.sum(1) == 0, :1] = 1e-9
    return weights @ np.abs(s) ** 2


def statistics(x):
    power = band_powers(x) + 1e-12
    envelope = power**0.3
    rate = RATE / 240
    hz, modulation = ss.welch(envelope / envelope.mean(1, keepdims=True), rate, "hann", min(int(4 * rate), power.shape[1]), axis=1)
    octaves = [(hz >= c / 2**0.5) & (hz < c * 2**0.5) for c in (0.5, 1, 2, 4, 8, 16, 32, 64)]
    modulation = np.array([modulation[:, o].mean(1) for o in octaves])
    n = power.shape[1] // 4
    energy = 10 * np.log10(power[:, : 4 * n].reshape(len(power), n, 4).mean(2))
    centred = energy - energy.mean(1, keepdims=True)
    deviation = centred.std(1)
    return dict(modulation=10 * np.log10(modulation + 1e-9), deviation=deviation,
                skewness=(centred**3).mean(1) / (deviation**3 + 1e-9), correlation=np.corrcoef(envelope))


def largest_repeat(x, least):
    """Largest autocorrelation beyond so many samples, normalised by the energies of the parts that meet."""
    x = x - x.mean()
    n, most = len(x), len(x) * 2 // 3
    f = np.fft.rfft(x, 1 << (2 * n - 1).bit_length())
    r = np.fft.irfft(np.abs(f) ** 2)[:most]
    energy = np.concatenate([[0], np.cumsum(x**2)])
    lag = np.arange(most)
    norm = np.sqrt(energy[n - lag] * (energy[n] - energy[lag])) + 1e-12
    return (r / norm)[least:].max()


def repeats(x):
    envelope = (x[: len(x) // 240 * 240].reshape(-1, 240) ** 2).mean(1) ** 0.3
    return largest_repeat(x, RATE), largest_repeat(envelope, RATE // 240)


def loop(x, fade=RATE // 2):
    turn = np.sin(np.linspace(0, np.pi / 2, fade))
    body = x[:-fade].copy()
    body[:fade] = x[:fade] * turn + x[-fade:] * turn[::-1]
    return np.concatenate([x[:-fade], np.tile(body, MADE * RATE // len(body) + 1)])[: MADE * RATE]


def noise(x):
    hz, power = density(x)
    n = MADE * RATE
    level = np.sqrt(np.interp(np.arange(n // 2 + 1) * RATE / n, hz, power) / 2 * RATE * n)
    rng = np.random.default_rng(1)
    return np.fft.irfft(level * np.exp(2j * np.pi * rng.random(n // 2 + 1)) , n)


def run(aeden, source, out, *options, seconds=MADE):
    command = [aeden, "roomtone", source, out, "--seconds", str(seconds), "-y", "--json", *options]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return sf.read(out, dtype="float64")[0], dict(json.loads(done.stdout), cpu=spent)


def alike(aeden, work, clips, models):
    scores, speeds = {}, []
    source, out = work / "source.wav", work / "tone.wav"
    for x in clips:
        head, rest = x[: SECONDS * RATE] / 32768, x[SECONDS * RATE :] / 32768
        sf.write(source, x[: SECONDS * RATE], RATE, "PCM_16")
        made = {"loop": loop(head), "noise": noise(head), "steady": run(aeden, source, out, "--all", "--steady")[0]}
        for name, model in models:
            made[name], about = run(aeden, source, out, "--all", *(["--model", model] if model else []))
            if not model:
                speeds.append(MADE / about["cpu"])
        if len(rest) > 4 * RATE:
            made["the rest"] = rest
        own, own_repeats = statistics(head), repeats(head)
        for name, y in made.items():
            got, (wave, envelope) = statistics(y), repeats(y)
            values = dict(spectrum=spectral_distance(head, y), **{k: np.abs(got[k] - own[k]).mean() for k in own},
                          wave_repeats=wave, envelope_repeats=envelope, own_wave=own_repeats[0], own_envelope=own_repeats[1])
            scores.setdefault(name, []).append(list(values.values()))
    for name, values in scores.items():
        show(name, dict(zip(values_of(own), np.mean(values, 0)), recordings=len(values)))
    show("speed of a minute, learning included, CPU time", dict(times=np.median(speeds)))


def values_of(own):
    return ["spectrum", *own, "wave_repeats", "envelope_repeats", "own_wave", "own_envelope"]


def spoken_over(aeden, work, cache, clips):
    source, out = work / "scene.wav", work / "tone.wav"
    shares, tone, scene, failed = [], [], [], 0
    for x, voice in zip(clips, voices(cache, len(clips))):
        ambience = x[: SECONDS * RATE] / 32768
        loud = np.sqrt(np.mean(ambience**2))
        voice = voice / 32768
        voice = voice * loud * 10 ** (15 / 20) / np.sqrt(np.mean(voice**2))
        # Three quarters of a voice, half a second of nobody, and so on.
        mixed, spoken, at = ambience.copy(), np.zeros(len(ambience), bool), RATE // 2
        while at < len(mixed) - RATE:
            part = voice[: min(len(voice), 2 * RATE, len(mixed) - at)]
            mixed[at : at + len(part)] += part
            spoken[at : at + len(part)] = ss.lfilter(np.ones(960) / 960, 1, part**2) > loud**2
            at += len(part) + RATE
        peak = max(1, np.abs(mixed).max())
        mixed, ambience = mixed / peak, ambience / peak
        sf.write(source, mixed, RATE, "PCM_24")
        try:
            y, about = run(aeden, source, out, seconds=20)
        except RuntimeError:
            failed += 1
            continue
        learned = np.zeros(len(spoken), bool)
        for a, b in about["learned_from"]:
            learned[int(a * RATE) : int(b * RATE)] = True
        shares.append(1 - spoken[learned].mean())
        tone.append(spectral_distance(ambience, y))
        scene.append(spectral_distance(ambience, mixed))
    show("voices over it", dict(unspoken=np.mean(shares), tone_db=np.mean(tone), scene_db=np.mean(scene),
                                too_little=failed, recordings=len(shares) + failed))


def cost(aeden, work, clips):
    """Largest memory and CPU time of a minute and of an hour."""
    source, out = work / "source.wav", work / "tone.wav"
    sf.write(source, clips[0][: SECONDS * RATE], RATE, "PCM_16")
    for seconds in (60, 3600):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        child = subprocess.Popen([aeden, "roomtone", source, out, "--seconds", str(seconds), "-y", "-q"])
        most = 0
        while child.poll() is None:
            # What the kernel counts for a child includes what Python had before it became aeden.
            about = Path(f"/proc/{child.pid}/status").read_text()
            if "Name:\taeden" in about and "VmHWM:" in about:
                most = max(most, int(about.split("VmHWM:")[1].split()[0]))
            time.sleep(0.02)
        assert child.returncode == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        show("cost", dict(seconds=seconds, megabytes=most / 1000, times_real_time=seconds / spent))
    out.unlink()


def order(parts):
    """How steadily statistics of parts of a tone go from those of the first to those of the last: rank correlation (Spearman) of
    where a part lies between them, along the line from the one to the other, with its number. 1: never a step back."""
    parts = np.array(parts).reshape(len(parts), -1)
    line = parts[-1] - parts[0]
    return ss_stats.spearmanr(parts @ line, np.arange(len(parts))).statistic


def towards(aeden, work, clips, name="towards", *options):
    source, other, out = work / "source.wav", work / "other.wav", work / "tone.wav"
    ends, evenness, apart, orders = [], [], [], {}
    for x, y in zip(clips, clips[1:] + clips[:1]):
        x, y = x[: SECONDS * RATE] / 32768, y[: SECONDS * RATE] / 32768
        sf.write(source, x, RATE, "PCM_16")
        sf.write(other, y, RATE, "PCM_16")
        made, _ = run(aeden, source, out, "--all", "--towards", other, *options)
        tenths = [statistics(part) | {"spectrum": spectrum(part)} for part in np.array_split(made, 10)]
        for key in ("spectrum", "modulation", "deviation", "skewness", "correlation"):
            orders.setdefault("order_" + key, []).append(order([tenth[key] for tenth in tenths]))
        n = len(made) // 20
        ends.append((spectral_distance(x, made[: n]), spectral_distance(y, made[-n:])))
        apart.append(spectral_distance(x, y))
        spectra = np.array([spectrum(made[i * n : (i + 1) * n]) for i in range(20)])
        steps = np.abs(np.diff(spectra[:, spectra.max(0) > spectra.max() - 80], axis=0)).mean(1)
        evenness.append(steps.max() / steps.mean())
    show(name, dict(first=np.mean(ends, 0)[0], last=np.mean(ends, 0)[1], apart=np.mean(apart),
                         largest_step=np.mean(evenness), pairs=len(ends),
                    **{key: np.mean(values) for key, values in orders.items()}))


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    aeden, cache, work, *more = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), *sys.argv[4:]
    work.mkdir(parents=True, exist_ok=True)
    counts = [int(m) for m in more if m.isdigit()]
    clips = ambiences(cache, counts[0] if counts else 32)
    models = [("linear", str(PCA)), ("aeden", ""), *(tuple(m.split("=", 1)) for m in more if "=" in m)]
    alike(aeden, work, clips, models)
    spoken_over(aeden, work, cache, clips)
    towards(aeden, work, clips)
    towards(aeden, work, clips, "towards, linear", "--model", PCA)
    cost(aeden, work, clips)
