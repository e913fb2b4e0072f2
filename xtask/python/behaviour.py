"""What a denoiser should leave alone, what it should remove, and what comes out.

    behaviour.py prepare SHARED WORK    inputs: WORK/in/NAME/*.wav, a folder for each case
    behaviour.py measure SHARED WORK    reads WORK/out/NAME/*.wav beside them, prints rows of a table as JSON

A row: what is measured, the half of the development set, file -> value, what is wanted, and which end is the worst.
"""
import json
import sys
from pathlib import Path

import numpy as np
import scipy.signal
import soundfile as sf

shared, work = Path(sys.argv[2]), Path(sys.argv[3])
dev = shared / "data/dev"
sys.path.insert(0, str(shared / "eval"))
import score  # resampling, SI-SDR and levels as everything else is scored with

LEVELS = (-7, -27, -47, -67)  # dBFS of speech
FRAME = 0.01  # s
PAUSE = 0.15  # s of quiet before a word counts as beginning
ONSET = 0.05  # s at the beginning of a word
BEFORE = 4  # s before a noise that begins late
LATER = 1  # s after which it should be down


def power(x):
    return float(np.mean(np.square(x, dtype=np.float64)))


def scaled(x, level):
    """x with the power of `level` dBFS, where 0 dBFS is 1 throughout."""
    return x * 10 ** (level / 20) / np.sqrt(power(x) + 1e-20)


def frames(x, rate):
    """Power of each frame of 10 ms in dB."""
    n = int(rate * FRAME)
    return 10 * np.log10((x[: len(x) // n * n].reshape(-1, n) ** 2).mean(1) + 1e-20)


def words(x, rate):
    """Samples at which a word begins after a pause: 25 dB below the loudest frame is passed upwards."""
    loud = frames(x, rate)
    speech = loud > loud.max() - 25
    pause = int(PAUSE / FRAME)
    starts = [i for i in range(pause, len(speech) - int(ONSET / FRAME)) if speech[i] and not speech[i - pause : i].any()]
    return [int(i * FRAME * rate) for i in starts]


def clean_files():
    for path in sorted((dev / "clean").glob("*.flac")):
        x, rate = sf.read(path)
        yield path.stem, x, rate


def noises(category):
    """Noises of the development set of one category, end to end in a loop, by file."""
    rows = [line.split("\t") for line in (dev / "noise/noise.tsv").read_text().splitlines()[1:]]
    for row in rows:
        if row[2] == category:
            yield Path(row[0]).stem, *sf.read(dev / "noise" / row[0])


def keyboard(speech, rate):
    """Keys struck all through the speech, 10 dB below it."""
    keys = [score.rs(x.astype(np.float32), r, rate) for _, x, r in noises("keyboard")]
    rng = np.random.default_rng(1)
    out = np.zeros(len(speech))
    at = 0
    while at < len(out):
        key = keys[rng.integers(len(keys))][: len(out) - at]
        out[at : at + len(key)] += key
        at += int(rate * rng.uniform(0.1, 0.35))
    return out * np.sqrt(power(speech) / (power(out) + 1e-20)) * 10 ** (-10 / 20)


def room(seed):
    """A measured room response that begins with the direct sound."""
    files = sorted((shared / "data/train/rir").rglob("*.flac"))
    h, rate = sf.read(files[seed * 7 % len(files)])
    h = h if h.ndim == 1 else h[:, 0]
    return h[int(np.abs(h).argmax()) :], rate


def prepare():
    def write(case, stem, x, rate):
        folder = work / "in" / case
        folder.mkdir(parents=True, exist_ok=True)
        sf.write(folder / f"{stem}.wav", x, rate, subtype="FLOAT")

    for number, (stem, x, rate) in enumerate(clean_files()):
        write("clean", stem, x, rate)
        for level in LEVELS:
            write(f"level{level}", stem, scaled(x, level), rate)
        typed = keyboard(x, rate)
        write("typed", stem, x + typed, rate)
        h, room_rate = room(number)
        h = score.rs(h.astype(np.float32), room_rate, rate)
        wet = scipy.signal.fftconvolve(x, h)[: len(x)]
        write("room", stem, wet * np.sqrt(power(x) / power(wet)), rate)
        noisy, _ = sf.read(dev / "noisy" / f"{stem}.flac")
        write("noisy", stem, noisy, rate)
        write("telephone", stem, score.rs(noisy.astype(np.float32), rate, 8000), 8000)
    for path in sorted((dev / "noise").glob("*.flac")):
        x, rate = sf.read(path)
        write("noise", path.stem, x, rate)
        if len(x) > (LATER + 1) * rate:
            quiet = np.resize(x, int(BEFORE * rate))
            write("after-silence", path.stem, np.concatenate([0 * quiet, x]), rate)
            write("after-quiet", path.stem, np.concatenate([quiet * 10 ** (-40 / 20), x]), rate)
    for stem, x, rate in noises("human non-speech"):
        write("human", stem, x, rate)


def read(place, case, stem):
    return sf.read(work / place / case / f"{stem}.wav")


def case(name):
    for path in sorted((work / "in" / name).glob("*.wav")):
        (x, rate), (y, out_rate) = sf.read(path), read("out", name, path.stem)
        if rate != out_rate or x.shape != y.shape:
            sys.exit(f"{name}/{path.name}: {x.shape} at {rate} Hz became {y.shape} at {out_rate} Hz")
        yield path.stem, x, y, rate


def gain(x, y):
    """dB from input to output; at least -200."""
    return float(10 * np.log10(max(power(y), 1e-20 * power(x)) / power(x)))


def si_sdr(x, y, rate):
    x, y = (score.rs(v.astype(np.float32), rate, 16_000) for v in (x, y))
    return float(score.sisdr(x, y))


def pesq(x, y, rate, mode="wb", at=16_000):
    from pesq import pesq

    x, y = (score.rs(v.astype(np.float32), rate, at) for v in (x, y))
    return float(pesq(at, x, y, mode))


def onsets(x, y, rate):
    """Mean change of level in the first 50 ms of each word, dB; None without a word after a pause."""
    n = int(ONSET * rate)
    changes = [gain(x[at : at + n], y[at : at + n]) for at in words(x, rate)]
    return float(np.mean(changes)) if changes else None


def audible(v, rate):
    """Without what lies below voices: in the pauses of some clean recordings rumble is loud, and would pass for words."""
    return scipy.signal.sosfiltfilt(scipy.signal.butter(4, 100, "high", fs=rate, output="sos"), v)


def pauses(stem, y, rate):
    """dB by which the keys come out quieter where nobody speaks."""
    speech, _ = read("in", "clean", stem)
    both, _ = read("in", "typed", stem)
    quiet = np.repeat(frames(speech, rate) < frames(speech, rate).max() - 45, int(rate * FRAME))
    before, after = both[: len(quiet)][quiet], y[: len(quiet)][quiet]
    return -gain(before, after) if quiet.mean() > 0.03 and power(before) > 0 else None


def high_share(x, rate):
    """dB of what is above 2 kHz against all."""
    spectrum = np.abs(np.fft.rfft(x)) ** 2
    return 10 * np.log10(spectrum[int(2000 * len(x) / rate) :].sum() / spectrum.sum())


def heard():
    """Words that PocketSphinx makes of the wideband files: against those of the clean ones, word error rates in per
    cent before and after cleaning. The recogniser's own errors are in none of them."""
    from pocketsphinx import Decoder

    def say(x, rate):
        decoder = Decoder(samprate=16_000, loglevel="FATAL")
        decoder.start_utt()
        x = score.rs(x.astype(np.float32), rate, 16_000)
        decoder.process_raw((np.clip(x, -1, 1) * 32767).astype("<i2").tobytes(), full_utt=True)
        decoder.end_utt()
        return decoder.hyp().hypstr.split() if decoder.hyp() else []

    def distance(a, b):
        row = list(range(len(b) + 1))
        for i, word in enumerate(a, 1):
            last, row[0] = row[0], i
            for j, other in enumerate(b, 1):
                last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (word != other))
        return row[-1]

    before, after = {}, {}
    for stem, x, y, rate in case("noisy"):
        if stem.startswith("wb"):
            right = say(*read("in", "clean", stem))
            before[stem], after[stem] = (100 * distance(right, say(v, rate)) / max(len(right), 1) for v in (x, y))
    return before, after


def measure():
    rows = []

    def row(what, values, wanted, worst, halves=("wb", "fb")):
        for half in halves:
            of_half = {k: v for k, v in values.items() if k.startswith(half) and v is not None}
            rows.append(dict(what=what, half=half, values=of_half, wanted=wanted, worst=worst))

    clean = list(case("clean"))
    row("clean speech in: SI-SDR of what comes out, dB", {s: si_sdr(x, y, r) for s, x, y, r in clean}, "≥ 25, later 30", "lowest")
    row("clean speech in: PESQ", {s: pesq(x, y, r) for s, x, y, r in clean}, "≥ 4.2", "lowest")
    row("clean speech in: the first 50 ms of words, dB", {s: onsets(x, y, r) for s, x, y, r in clean}, "within 1.5", "lowest")
    row("the same above 100 Hz, dB", {s: onsets(audible(x, r), audible(y, r), r) for s, x, y, r in clean}, "within 1.5", "lowest")
    row("noise in: dB down", {s: -gain(x, y) for s, x, y, _ in case("noise")}, "≥ 20, later 35", "lowest", [""])
    for before, name in (("digital silence", "after-silence"), ("quiet, 40 dB lower", "after-quiet")):
        later = lambda v, r: v[int((BEFORE + LATER) * r) :]
        row(f"noise after {BEFORE} s of {before}: dB down from its second second on",
            {s: -gain(later(x, r), later(y, r)) for s, x, y, r in case(name)}, "≥ 20, later 35", "lowest", [""])
    levels = {level: {s: gain(x, y) for s, x, y, _ in case(f"level{level}")} for level in LEVELS}
    row("speech at −67 dBFS: dB lost against −27", {s: v - levels[-67][s] for s, v in levels[-27].items()}, "≤ 1", "highest")
    spread = {s: max(levels[k][s] for k in LEVELS) - min(levels[k][s] for k in LEVELS) for s in levels[-27]}
    row("speech at −7 … −67 dBFS: spread of its change of level, dB", spread, "≤ 0.5", "highest")
    row("keys under speech, in its pauses: dB down", {s: pauses(s, y, r) for s, _, y, r in case("typed")}, "≥ 15", "lowest")
    row("sneezes alone: change of level, dB", {s: gain(x, y) for s, x, y, _ in case("human")}, "within 3", "lowest", [""])
    row("speech in rooms: SI-SDR of what comes out, dB", {s: si_sdr(x, y, r) for s, x, y, r in case("room")}, "", "lowest")
    row("speech in rooms: share above 2 kHz, change in dB", {s: high_share(y, r) - high_share(x, r) for s, x, y, r in case("room")},
        "", "lowest")
    speech = {s: (score.rs(x.astype(np.float32), r, 8000), r) for s, x, _, r in clean}
    narrow = lambda pick: {s: pesq(speech[s][0][: len(x)], pick(x, y)[: len(speech[s][0])], 8000, "nb", 8000) for s, x, y, _ in case("telephone")}
    row("8 kHz, noisy: narrow-band PESQ before", narrow(lambda x, y: x), "", "lowest")
    row("8 kHz, noisy: narrow-band PESQ after", narrow(lambda x, y: y), "higher", "lowest")
    before, after = heard()
    row("PocketSphinx on noisy speech: word errors in %, before", before, "", "highest", ["wb"])
    row("PocketSphinx on noisy speech: word errors in %, after", after, "not higher", "highest", ["wb"])
    print(json.dumps(rows))


{"prepare": prepare, "measure": measure}[sys.argv[1]]()
