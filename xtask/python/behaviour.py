"""behaviour.py EVAL_FOLDER WORK_FOLDER

What comes out for input that a denoiser should leave alone, or remove. WORK_FOLDER has the folders clean, noise,
loud and quiet of input, and clean-out, noise-out, loud-out and quiet-out of output. Prints JSON: file -> value.
"""
import json
import sys
from pathlib import Path

import numpy as np
import soundfile as sf

sys.path.insert(0, sys.argv[1])
import score  # the SI-SDR that everything else is scored with

work = Path(sys.argv[2])


def pairs(name):
    for path in sorted((work / name).glob("*.wav")):
        (x, rate), (y, out_rate) = sf.read(path), sf.read(work / f"{name}-out" / path.name)
        if rate != out_rate or x.shape != y.shape:
            sys.exit(f"{name}/{path.name}: {x.shape} at {rate} Hz became {y.shape} at {out_rate} Hz")
        yield path.stem, x, y, rate


def gain(x, y):
    """dB from input to output; at least -200."""
    return float(10 * np.log10(max(np.mean(y**2), 1e-20 * np.mean(x**2)) / np.mean(x**2)))


def si_sdr(x, y, rate):
    x, y = (score.rs(v.astype(np.float32), rate, 16_000) for v in (x, y))
    return float(score.sisdr(x, y))


loud = {stem: gain(x, y) for stem, x, y, _ in pairs("loud")}
print(json.dumps({
    "clean_si_sdr": {stem: si_sdr(x, y, rate) for stem, x, y, rate in pairs("clean")},
    "noise_attenuation": {stem: -gain(x, y) for stem, x, y, _ in pairs("noise")},
    "quiet_loss": {stem: loud[stem] - gain(x, y) for stem, x, y, _ in pairs("quiet")},
}))
