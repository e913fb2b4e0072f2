"""How close cleaned recordings come to the clean ones of the same name.

    python score.py CLEAN_DIR CLEANED_DIR --json FILE

Writes {"mean": {metric: value}, "files": {file: {metric: value}}}. The first channel counts. At 16 kHz: PESQ (wideband, ITU-T P.862.2),
STOI, ESTOI (Taal et al. 2011, Jensen & Taal 2016), SI-SDR in dB (Le Roux et al. 2019), and SIG, BAK, OVRL of DNSMOS P.835 (Reddy et al. 2022),
for which the clean recording is not needed. At the rate of the clean file: log-spectral distance in dB. A metric that a recording has no
value in, such as PESQ without speech, is left out of it, and said.
"""
import json
import sys
import warnings
from pathlib import Path

import numpy as np
import soundfile as sf
import soxr

from apart import aligned

RATE = 16_000
WINDOW, HOP = 2048, 512  # of the log-spectral distance
FLOOR = 1e-8  # power beside the loudest of the clean recording: what is 80 dB below counts as silence
MANY = ("sig", "bak", "ovrl", "p808")


def first_channel(file):
    x, rate = sf.read(file, dtype="float32", always_2d=True)
    return x[:, 0], rate


def at(x, rate, wanted):
    return x if rate == wanted else soxr.resample(x, rate, wanted, "VHQ").astype(np.float32)


def si_sdr(clean, given):
    clean, given = (x.astype(np.float64) - x.mean() for x in (clean, given))
    target = clean * (given @ clean) / (clean @ clean + 1e-12)
    error = given - target
    return 10 * np.log10((target @ target + 1e-12) / (error @ error + 1e-12))


def log_spectral_distance(clean, given):
    frames = lambda x: np.lib.stride_tricks.sliding_window_view(np.pad(x, (0, max(0, WINDOW - len(x)))), WINDOW)[::HOP]
    clean, given = (np.abs(np.fft.rfft(frames(x) * np.hanning(WINDOW))) ** 2 for x in (clean, given))
    floor = FLOOR * clean.max() + 1e-30
    difference = 10 * np.log10(np.maximum(clean, floor) / np.maximum(given, floor))
    return np.sqrt((difference**2).mean(1)).mean()


def scores(clean_file, file):
    from pesq import pesq
    from pystoi import stoi
    from speechmos import dnsmos
    clean, rate = first_channel(clean_file)
    given = at(*first_channel(file), rate)
    if min(len(clean), len(given)) < rate // 4:
        return {}, ["shorter than a quarter of a second"]
    n = min(len(clean), len(given))
    clean, given = clean[:n], aligned(given, clean[:n], rate)
    clean_16k, given_16k = at(clean, rate, RATE), at(given, rate, RATE)
    listeners = lambda: dnsmos.run(np.clip(given_16k, -1, 1), RATE)
    ways = {
        "pesq_wb": lambda: pesq(RATE, clean_16k, given_16k, "wb"),
        "stoi": lambda: stoi(clean_16k, given_16k, RATE),
        "estoi": lambda: stoi(clean_16k, given_16k, RATE, extended=True),
        "si_sdr": lambda: si_sdr(clean_16k, given_16k),
        "lsd": lambda: log_spectral_distance(clean, given),
        MANY: lambda: [listeners_said[f"{name}_mos"] for listeners_said in [listeners()] for name in MANY],
    }
    found, missing = {}, []
    for names, way in ways.items():
        try:
            names, values = (names, way()) if names is MANY else ((names,), (way(),))
            if not np.isfinite(values).all():
                raise ValueError("no number")
            found.update(zip(names, map(float, values)))
        except Exception as e:  # each library has its own
            missing.append(f"{names if isinstance(names, str) else names[0]}: {e or type(e).__name__}")
    return found, missing


def main(clean_dir, cleaned_dir, _json, report):
    warnings.filterwarnings("ignore")
    files = {}
    for file in sorted(f for f in Path(cleaned_dir).iterdir() if f.suffix in (".wav", ".flac")):
        clean_file = next(f for e in (".wav", ".flac") if (f := Path(clean_dir) / f"{file.stem}{e}").exists())
        files[file.name], missing = scores(clean_file, file)
        for why in missing:
            print(f"{file}: {why}", file=sys.stderr)
    metrics = dict.fromkeys(metric for scores in files.values() for metric in scores)
    mean = {m: float(np.mean([scores[m] for scores in files.values() if m in scores])) for m in metrics}
    Path(report).write_text(json.dumps({"mean": mean, "files": files}, indent=1))


if __name__ == "__main__":
    if len(sys.argv) != 5 or sys.argv[3] != "--json":
        sys.exit(__doc__)
    main(*sys.argv[1:])
