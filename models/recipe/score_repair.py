"""How well `aeden repair` fills gaps, beside silence, repetition and prediction from one side.

    python score_repair.py AEDEN CACHE WORK_DIR [VOICES]

CACHE is what `pack.py` wrote; the voices are those that no model was trained on, one recording of each speaker, up to 6 s.
Every 0.25 to 0.45 s a gap is cut into the speech, and its place is given to each method:

    silence       zeros
    repetition    the last pitch period again and again, fading after 10 ms (after ITU-T G.711 Appendix I)
    one side      linear prediction of order 500 from the 100 ms before (Burg)
    prediction    `aeden repair --prediction-only`: both sides
    aeden         `aeden repair`

SI-SDR of the samples in a gap (mean and median), log-spectral distance of the gap and 20 ms around, in dB; wideband PESQ of
the whole recording. Then damage that aeden finds by itself: the share of drop-outs, clicks and clipped stretches that it
finds, what it finds in recordings without damage, and SI-SDR of the whole recording before and after.
"""
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import scipy.signal as ss
import soundfile as sf
import soxr
from pesq import pesq

RATE = 48_000


def voices(cache, most):
    index = json.loads((cache / "index.json").read_text())["speech"]
    data = np.memmap(cache / "speech.i16", np.int16, "r")
    rng, by = np.random.default_rng(0), {}
    for e in index:
        if e["validation"] and e["length"] >= 3 * RATE:
            by.setdefault((e["source"], e["speaker"]), []).append(e)
    chosen = [by[k][rng.integers(len(by[k]))] for k in sorted(by)]
    rng.shuffle(chosen)
    return [np.array(data[e["offset"] : e["offset"] + min(e["length"], 6 * RATE)]) for e in chosen[:most]]


def gaps_in(x, ms, rng):
    """Places of gaps where somebody speaks."""
    n, power = ms * RATE // 1000, ss.lfilter(np.ones(960) / 960, 1, (x / 32768.0) ** 2)
    active = power > np.percentile(power, 95) * 0.01
    gaps, t = [], int(0.3 * RATE)
    while t + n < len(x) - int(0.3 * RATE):
        if active[min(len(x) - 1, t + n // 2 + 480)]:
            gaps.append((t, t + n))
        t += n + int(rng.uniform(0.25, 0.45) * RATE)
    return gaps


def burg(x, order):
    f, b, a = x[1:].copy(), x[:-1].copy(), np.ones(1)
    for _ in range(order):
        k = -2 * (f @ b) / (f @ f + b @ b + 1e-20)
        a = np.append(a, 0) + k * np.append(a, 0)[::-1]
        f, b = (f + k * b)[1:], (b + k * f)[:-1]
    return a


def one_side(x, a, b):
    past = x[max(0, a - 4800) : a]
    coefficients = burg(past, min(500, len(past) // 3))
    state = ss.lfiltic([1.0], coefficients, past[::-1][: len(coefficients) - 1])
    return ss.lfilter([1.0], coefficients, np.zeros(b - a), zi=state)[0]


def repetition(x, a, b):
    n, last = b - a, x[a - 960 : a]
    likeness = lambda lag: (last @ (u := x[a - 960 - lag : a - lag])) / np.sqrt((u @ u) * (last @ last) + 1e-9)
    lag = max(range(RATE // 400, RATE // 66), key=likeness)
    fade = np.clip(1 - 0.02 * np.maximum(np.arange(n) / RATE * 1000 - 10, 0), 0, 1)
    return np.tile(x[a - lag : a], n // lag + 1)[:n] * fade


def log_spectral_distance(x, y):
    level = lambda v: np.log10(np.abs(ss.stft(v, RATE, nperseg=960, noverlap=720)[2]) ** 2 + 1e-8)
    return 10 * np.sqrt(((level(x) - level(y)) ** 2).mean(0)).mean()


def si_sdr(x, y):
    scale = (x @ y) / (x @ x + 1e-12)
    e = y - scale * x
    return 10 * np.log10((scale * scale * (x @ x) + 1e-12) / (e @ e + 1e-12))


def wideband_pesq(x, y):
    down = lambda v: soxr.resample(v, RATE, 16_000)
    return pesq(16_000, down(x), down(y), "wb")


def run(aeden, work, x, *options):
    sf.write(work / "damaged.wav", x, RATE, "PCM_16")
    command = [aeden, "repair", work / "damaged.wav", work / "repaired.wav", "-y", "--json", *options]
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    y = sf.read(work / "repaired.wav", dtype="float64")[0]
    return y, [json.loads(line) for line in out.splitlines()][:-1]


def show(name, values):
    print(json.dumps(dict(name=name, **{k: round(float(v), 3) for k, v in values.items()})), flush=True)


def given(aeden, work, clips):
    for ms in (10, 20, 40, 80):
        scores = {}
        for number, x in enumerate(clips):
            gaps = gaps_in(x, ms, np.random.default_rng(number))
            if not gaps:
                continue
            damaged = x.copy()
            for a, b in gaps:
                damaged[a:b] = 0
            clean, zeros = x / 32768.0, damaged / 32768.0
            regions = [f"--region={a / RATE:.7f}-{b / RATE:.7f}" for a, b in gaps]
            filled = {"silence": zeros}
            for name, method in (("repetition", repetition), ("one side", one_side)):
                filled[name] = zeros.copy()
                for a, b in gaps:
                    filled[name][a:b] = method(zeros, a, b)
            filled["prediction"] = run(aeden, work, damaged, *regions, "--prediction-only")[0]
            filled["aeden"] = run(aeden, work, damaged, *regions)[0]
            touched = np.zeros(len(x), bool)
            for a, b in gaps:
                touched[a:b] = True
            assert np.array_equal(np.round(filled["aeden"] * 32768)[~touched], x[~touched]), "something else was changed"
            for name, y in filled.items():
                s = scores.setdefault(name, dict(sdr=[], lsd=[], pesq=[]))
                s["sdr"] += [si_sdr(clean[a:b], y[a:b]) for a, b in gaps]
                s["lsd"] += [log_spectral_distance(clean[a - 960 : b + 960], y[a - 960 : b + 960]) for a, b in gaps]
                s["pesq"].append(wideband_pesq(clean, y))
        for name, s in scores.items():
            show(name, dict(ms=ms, gaps=len(s["sdr"]), pesq=np.mean(s["pesq"]), lsd=np.mean(s["lsd"]),
                            si_sdr=np.mean(s["sdr"]), si_sdr_median=np.median(s["sdr"])))


def found(aeden, work, clips):
    meets = lambda d, a, b: d["start"] * RATE < b and d["end"] * RATE > a
    minutes = sum(len(x) for x in clips) / RATE / 60
    alarms = {}
    for x in clips:
        for d in run(aeden, work, x)[1]:
            alarms[d["kind"]] = alarms.get(d["kind"], 0) + 1
    show("found a minute without damage", {k: v / minutes for k, v in alarms.items()} or {"all": 0})
    for kind in ("drop-out", "click", "peak"):
        hits, all_, before, after = 0, 0, [], []
        for number, x in enumerate(clips):
            rng = np.random.default_rng(number)
            damaged = x.copy()
            if kind == "peak":
                level = int(0.5 * np.abs(x.astype(int)).max())
                damaged = np.clip(x, -level, level)
                starts = np.flatnonzero((np.abs(damaged) == level) & (np.abs(np.roll(damaged, 1)) < level))
                places = [(t, t + 1) for t in starts if np.all(np.abs(damaged[t : t + 3]) == level)]
            else:
                places = gaps_in(x, 30 if kind == "drop-out" else 1, rng)
                loud = np.sqrt(np.mean(x.astype(float) ** 2))
                for a, b in places:
                    if kind == "drop-out":
                        damaged[a:b] = 0
                    else:
                        n = rng.integers(1, 6)
                        click = damaged[a : a + n] + loud * rng.uniform(2, 6, n) * rng.choice([-1, 1], n)
                        damaged[a : a + n] = np.clip(click, -32768, 32767)
            y, events = run(aeden, work, damaged)
            events = [e for e in events if e["kind"] == kind]
            hits += sum(any(meets(e, a, b) for e in events) for a, b in places)
            all_ += len(places)
            before.append(si_sdr(x / 32768.0, damaged / 32768.0))
            after.append(si_sdr(x / 32768.0, y))
        show(kind, dict(found=hits / all_, of=all_, si_sdr_before=np.mean(before), si_sdr_after=np.mean(after)))


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    aeden, cache, work = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    work.mkdir(parents=True, exist_ok=True)
    clips = voices(cache, int(sys.argv[4]) if len(sys.argv) > 4 else 24)
    found(aeden, work, clips)
    given(aeden, work, clips)
