"""How good recordings are after `aeden encode` and `aeden decode`, beside PCA and Opus at the same bit rate.

    python score_encode.py AEDEN CACHE WORK_DIR [RECORDINGS]

CACHE is what `pack.py` wrote. Up to so many recordings (12) of each material, none of which any model was trained on, nor any
setting chosen on:

    speech    one recording of each speaker, up to 6 s, as in `score_repair.py`
    noisy     the same with noise of the held-out ones, at 5 dB
    ambience  music and ambience: the longest held-out recording of each category, up to 6 s

Each is encoded at 8, 16 and 32 kbit/s: by aeden, at the size of aeden's file by the principal component analysis with the same code
size in place of its autoencoder, and at the same size by libopus (ffmpeg, variable rate; the rate that it is asked for is
searched). aeden's sizes are those of whole files, Opus's those of its packets, since Ogg takes 0.9 kbit/s of so short ones. Log-spectral distance in dB, SI-SDR in dB, kbit/s; of
clean speech wideband PESQ.
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
    subprocess.run([str(c) for c in command], check=True, stdout=subprocess.DEVNULL)


def held_out_noises(cache):
    """The longest of each category, at least 2 s, music first."""
    data, longest = np.memmap(cache / "noise.i16", np.int16, "r"), {}
    for e in json.loads((cache / "index.json").read_text())["noise"]:
        if e["validation"] and e["category"] != "synthetic noise" and e["length"] >= 2 * RATE:
            if e["length"] > longest.get(e["category"], e)["length"] or e["category"] not in longest:
                longest[e["category"]] = e
    order = sorted(longest, key=lambda category: (category != "music", category))
    return [np.array(data[e["offset"] : e["offset"] + min(e["length"], 6 * RATE)]) for e in map(longest.get, order)]


def materials(cache, most):
    speech, noises = voices(cache, most), held_out_noises(cache)
    noisy = []
    for number, x in enumerate(speech):
        noise = np.resize(noises[number % len(noises)], len(x)).astype(float)
        level = lambda v: np.sqrt(np.mean(v.astype(float) ** 2)) + 1e-9
        mixed = x + noise * level(x) / level(noise) * 10 ** (-5 / 20)
        noisy.append((mixed * min(1, 32000 / np.abs(mixed).max())).astype(np.int16))
    return dict(speech=speech, noisy=noisy, ambience=noises[:most])


def packets(ogg):
    """Bytes of the packets of sound in an Ogg file, without its pages and headers, whose position is 0."""
    size = at = 0
    while at < len(ogg):
        segments = ogg[at + 26]
        payload = sum(ogg[at + 27 : at + 27 + segments])
        size += payload if any(ogg[at + 6 : at + 14]) else 0
        at += 27 + segments + payload
    return size


class Files:
    """One recording, encoded and decoded in a folder."""

    def __init__(self, aeden, work, x):
        self.aeden, self.seconds = aeden, len(x) / RATE
        self.original, self.small, self.ogg, self.decoded = (work / n for n in ("original.wav", "small.aeden", "opus.ogg", "decoded.wav"))
        sf.write(self.original, x, RATE, "PCM_16")

    def by_aeden(self, kilobits, *model):
        quiet(self.aeden, "encode", self.original, self.small, "-y", "--rate", kilobits, *model)
        quiet(self.aeden, "decode", self.small, self.decoded, "-y", *model)
        return self.small.stat().st_size * 8e-3 / self.seconds

    def by_opus(self, kilobits):
        """As near to the rate as five trials come."""
        ask, best = kilobits, None
        for _ in range(5):
            quiet("ffmpeg", "-y", "-v", "error", "-i", self.original, "-c:a", "libopus", "-b:a", round(ask * 1000), self.ogg)
            got = packets(self.ogg.read_bytes()) * 8e-3 / self.seconds
            if best is None or abs(got - kilobits) < abs(best[0] - kilobits):
                best = got, self.ogg.read_bytes()
            ask = min(256, max(2, ask * kilobits / got))
        self.ogg.write_bytes(best[1])
        quiet("ffmpeg", "-y", "-v", "error", "-i", self.ogg, "-ar", RATE, self.decoded)
        return best[0]


def main(aeden, cache, work, most):
    work.mkdir(parents=True, exist_ok=True)
    for material, clips in materials(cache, most).items():
        for kilobits in (8, 16, 32):
            scores = {}
            for x in clips:
                files = Files(aeden, work, x)
                rate = None
                for name in ("aeden", "pca", "opus"):
                    if name == "opus":
                        got = files.by_opus(rate)
                    elif name == "pca":
                        got = files.by_aeden(max(4, rate), "--model", PCA)
                    else:
                        got = rate = files.by_aeden(kilobits)
                    y, clean = sf.read(files.decoded)[0], x / 32768
                    n = min(len(y), len(x))
                    value = dict(kbit_s=got, lsd=log_spectral_distance(clean[:n], y[:n]), si_sdr=si_sdr(clean[:n], y[:n]))
                    if material == "speech":
                        value["pesq"] = wideband_pesq(clean[:n], y[:n])
                    scores.setdefault(name, []).append(value)
            for name, values in scores.items():
                means = {k: np.mean([v[k] for v in values]) for k in values[0]}
                show(f"{material}: {name}", dict(asked=kilobits, **means, recordings=len(values)))


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]) if len(sys.argv) > 4 else 12)
