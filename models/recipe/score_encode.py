"""How good recordings are after `aeden encode` and `aeden decode`, beside PCA and Opus at the same bit rate.

    python score_encode.py AEDEN CACHE WORK_DIR [VOICES]

CACHE is what `pack.py` wrote; the voices are those that no model was trained on, one recording of each speaker, up to 6 s, as
in `score_repair.py`. Each is encoded at 8 to 64 kbit/s: by aeden, by aeden with the principal component analysis of the same
code size in place of its autoencoder, and by libopus (ffmpeg, variable rate) at the rate that aeden's file has. Wideband
PESQ, log-spectral distance in dB, SI-SDR in dB, kbit/s with all headers.
"""
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile as sf

from score_repair import RATE, log_spectral_distance, show, si_sdr, voices, wideband_pesq

PCA = Path(__file__).resolve().parent.parent / "family" / "encode-pca.safetensors"


def quiet(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def main(aeden, cache, work, most):
    work.mkdir(parents=True, exist_ok=True)
    clips = voices(cache, most)
    original, small, ogg, decoded = work / "original.wav", work / "small.aeden", work / "opus.ogg", work / "decoded.wav"
    for kilobits in (8, 12, 16, 24, 32, 64):
        scores = {}
        for x in clips:
            sf.write(original, x, RATE, "PCM_16")
            rate = None
            for name in ("aeden", "pca", "opus"):
                if name == "opus":
                    quiet("ffmpeg", "-y", "-v", "error", "-i", original, "-c:a", "libopus", "-b:a", str(round(rate * 1000)), ogg)
                    quiet("ffmpeg", "-y", "-v", "error", "-i", ogg, "-ar", str(RATE), decoded)
                    size = ogg.stat().st_size
                else:
                    model = ["--model", PCA] if name == "pca" else []
                    quiet(aeden, "encode", original, small, "-y", "--rate", str(kilobits), *model)
                    quiet(aeden, "decode", small, decoded, "-y", *model)
                    size = small.stat().st_size
                got = size * 8 / 1000 / (len(x) / RATE)
                rate = rate or got
                y, clean = sf.read(decoded)[0], x / 32768
                n = min(len(y), len(x))
                values = (got, wideband_pesq(clean[:n], y[:n]), log_spectral_distance(clean[:n], y[:n]), si_sdr(clean[:n], y[:n]))
                scores.setdefault(name, []).append(values)
        for name, values in scores.items():
            got, quality, distance, ratio = np.mean(values, 0)
            show(name, dict(asked=kilobits, kbit_s=got, pesq=quality, lsd=distance, si_sdr=ratio, recordings=len(values)))


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]) if len(sys.argv) > 4 else 24)
