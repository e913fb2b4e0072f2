"""Decode folders of audio once, so that training reads plain memory.

    python pack.py SPEECH_DIR NOISE_DIR RIR_DIR CACHE_DIR [--kept KEPT_DIR] [--hold-out SOURCE ...]

Every file libsndfile can read is mixed to mono, resampled to 48 kHz and appended to one int16 file per kind
(speech, noise, rir, kept); `index.json` keeps offset, length, source, split, the highest frequency that the recording says
anything about, and its share of energy below 200 Hz, by which deep voices are found. A folder may hold `speech.tsv` / `noise.tsv` with the columns path, source, speaker, category;
without one every file is its own source and its bandwidth is measured. KEPT_DIR holds sounds that are to pass as speech does:
laughter, coughs, singing. Of every source a tenth is kept for validation, and all of the sources named by --hold-out, so that
validation also hears collections that nothing is trained on. At last `floors.py` writes the noise floors that the
recordings of speech have themselves.
"""
import argparse
import csv
import json
import zlib
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import soundfile as sf
import soxr

import floors

RATE = 48_000
AUDIO = {".wav", ".flac", ".opus", ".ogg", ".mp3", ".aiff", ".aif"}
# A tenth of the speakers and of the noise files is kept for validation, chosen by a hash, so it never moves.
VALIDATION_SHARE = 10


def decode(path):
    x, rate = sf.read(path, dtype="float32", always_2d=True)
    x = x.mean(1)
    if rate != RATE:
        x = soxr.resample(x, rate, RATE, "HQ")
    peak = float(np.abs(x).max()) if len(x) else 0.0
    if len(x) < RATE // 10 or peak < 1e-4:
        return None
    x = x * (0.9 / peak)
    return (x * 32767).astype(np.int16), *spectrum(x)


def spectrum(x):
    """Highest frequency (Hz) at which the long-term spectrum stands 75 dB or less below its peak, and the share of its
    energy below 200 Hz."""
    n = 2048
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(x, (0, n)), n)[:: n // 2]
    power = (np.abs(np.fft.rfft(frames * np.hanning(n), axis=1)) ** 2).mean(0)
    loud = np.nonzero(power > power.max() * 10**-7.5)[0]
    return float(loud[-1]) * RATE / n, float(power[: 200 * n // RATE + 1].sum() / power.sum())


def rows(folder, kind):
    """(path, source, speaker, category) of every usable file below `folder`."""
    folder = Path(folder)
    table = next(folder.glob("*.tsv"), None)
    if table is None:
        files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in AUDIO)
        return [(p, p.parent.name, p.stem, p.parent.name) for p in files]
    out = []
    for r in csv.DictReader(open(table, encoding="utf-8"), delimiter="\t"):
        if kind == "noise" and r.get("speech_by_name") == "True":
            continue
        out.append((folder / r["path"], r["source"], r.get("speaker") or r["path"], r.get("category", "")))
    return out


def held_out(key):
    return zlib.crc32(key.encode()) % VALIDATION_SHARE == 0


def main(speech, noise, rir, cache, kept=None, hold_out=()):
    cache = Path(cache)
    cache.mkdir(parents=True, exist_ok=True)
    index = {}
    for kind, folder in (("speech", speech), ("noise", noise), ("rir", rir), ("kept", kept)):
        entries, names, offset = [], [], 0
        items = rows(folder, kind) if folder else []
        with open(cache / f"{kind}.i16", "wb") as out, ProcessPoolExecutor() as pool:
            for (path, source, speaker, category), got in zip(items, pool.map(decode, [i[0] for i in items], chunksize=16)):
                if got is None:
                    continue
                data, top, low = got
                # Of a source with one voice, files are held out; of the others, speakers.
                name = path.name if kind in ("noise", "kept") or source.startswith("rhasspy") else f"{source}/{speaker}"
                entries.append(dict(offset=offset, length=len(data), source=source, speaker=speaker, category=category,
                                    top_hz=round(top), low=round(low, 3),
                                    validation=source in hold_out or (kind != "rir" and held_out(name))))
                out.write(data.tobytes())
                names.append(name)
                offset += len(data)
        # Of few files the hash may choose none, and without any nothing could be validated.
        if kind in ("speech", "noise") and len(set(names)) > 1 and not any(e["validation"] for e in entries):
            chosen = min(names, key=lambda name: zlib.crc32(name.encode()))
            for entry, name in zip(entries, names):
                entry["validation"] = name == chosen
        index[kind] = entries
        print(f"{kind}: {len(entries)} files, {offset / RATE / 3600:.2f} h", flush=True)
    (cache / "index.json").write_text(json.dumps(index))
    floors.pack(cache)


if __name__ == "__main__":
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("speech", "noise", "rir", "cache"):
        p.add_argument(name)
    p.add_argument("--kept", metavar="DIR", help="sounds that are to pass as speech does")
    p.add_argument("--hold-out", nargs="*", default=[], metavar="SOURCE", help="collections for validation alone")
    a = p.parse_args()
    main(a.speech, a.noise, a.rir, a.cache, a.kept, a.hold_out)
