"""The noise floor that a recording of speech has itself: rooms, preamplifiers, codecs.

A denoiser trained on such recordings as they are learns to keep it. It is what stays when nobody speaks, so the quietest
moments of each bin show it (minimum statistics: Martin 2001), and a Wiener gain takes it away.

    python floors.py CACHE    write `floor.i16` beside the `speech.i16` of pack.py, sample for sample
"""
import json
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from scipy.ndimage import uniform_filter, uniform_filter1d

WINDOW, HOP = 2048, 512  # 43 and 11 ms at 48 kHz: harmonics apart
DEPTH = 10 ** (-12 / 20)  # the most that is taken away: a factor; with -20 dB and more the voices are rated lower again
TAPER = np.sqrt(np.hanning(WINDOW + 1)[:-1] * 2 * HOP / WINDOW).astype(np.float32)


def noise_floor(x):
    """Speech [N] -> the part [N] of it that is its noise floor."""
    padded = np.pad(np.asarray(x, np.float32), WINDOW)
    spectra = np.fft.rfft(np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP] * TAPER)
    power = spectra.real**2 + spectra.imag**2
    frame = power.sum(1)
    live = power[frame > frame.max() * 1e-9]  # not digital silence
    if len(live) < 20:
        return np.zeros(len(x), np.float32)
    # The mean of smoothed noise is 1.5 times its first decile.
    floor = 1.5 * np.quantile(uniform_filter(live, (7, 3), mode="nearest"), 0.1, axis=0)
    floor = np.exp(uniform_filter1d(np.log(floor + 1e-20), 9, mode="nearest"))
    # Where it is not far below the speech, there were no pauses, and it is speech.
    floor = np.minimum(floor, 10**-1.2 * uniform_filter1d(live.mean(0), 9, mode="nearest"))
    above = np.maximum(uniform_filter(power, (3, 3), mode="nearest") / (2 * floor + 1e-20) - 1, 0)
    gain = np.maximum(uniform_filter(above / (1 + above), (3, 3), mode="nearest"), DEPTH)
    pieces = np.fft.irfft(spectra * (1 - gain)) * TAPER
    y = np.zeros(HOP * len(pieces) + WINDOW, np.float32)
    for k in range(0, WINDOW, HOP):
        y[k : k + HOP * len(pieces)] += pieces[:, k : k + HOP].ravel()
    return y[WINDOW : WINDOW + len(x)]


def floor_of(speech, entry):
    x = np.memmap(speech, np.int16, "r")[entry["offset"] : entry["offset"] + entry["length"]]
    return np.round(noise_floor(x)).astype(np.int16)


def pack(cache):
    entries = json.loads((cache / "index.json").read_text())["speech"]
    with open(cache / "floor.i16", "wb") as out, ProcessPoolExecutor() as pool:
        for floor in pool.map(partial(floor_of, cache / "speech.i16"), entries, chunksize=16):
            out.write(floor.tobytes())


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    pack(Path(sys.argv[1]))
