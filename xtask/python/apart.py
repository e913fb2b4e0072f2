"""What a denoiser takes from the voice, and what it leaves of the noise, each apart.

    python apart.py CLEAN_DIR NOISY_DIR PAIRS_TSV OUTPUT_DIR ...     a Markdown row for each output folder, of each half
    cargo xtask eval --apart                                         the same of what the program makes

PAIRS_TSV has the columns `name` and `snr_db`; where it does not exist, SNRs are measured. The halves are wb-… and fb-…, names of other
recordings have none.

The gain of an output in every bin of the spectrogram, |output| / |noisy| (40 ms frames every 10 ms), is applied to the clean
speech and to the noise (noisy - clean) by themselves; what is left of each, in dB:

- voice at -5 and 0 dB: speech from 0.5 to 2 kHz and from 2 to 4 kHz, while somebody speaks;
- bins lost: share of the speech's bins below 500 Hz, within 30 dB of the loudest there, that are lowered by more than 10 dB;
- noise in pauses, and noise under speech, at 5 dB and more.

Means over files. Aligned by cross-correlation up to 60 ms, at the rate of the clean file.
"""
import csv
import sys
from pathlib import Path

import numpy as np
import soundfile as sf
import soxr

LAG = 0.060  # s
HALVES = ("wb", "fb")  # of the development recordings
PAUSE, SPEECH = -40.0, -25.0  # dB beside the loud tenth of the clean speech's frames


def read(folder, name, rate=None):
    file = next(f for f in (folder / f"{name}.wav", folder / f"{name}.flac") if f.exists())
    x, r = sf.read(file, dtype="float32", always_2d=True)
    return (x[:, 0], r) if rate in (None, r) else (soxr.resample(x[:, 0], r, rate, "VHQ"), rate)


def aligned(x, reference, rate):
    """`x` moved by the lag of at most LAG at which it correlates best with `reference`, and as long."""
    n, most = len(reference), int(LAG * rate)
    x = np.pad(x, (0, max(0, n - len(x))))[:n]
    size = 1 << (2 * n - 1).bit_length()
    r = np.fft.irfft(np.conj(np.fft.rfft(reference, size)) * np.fft.rfft(x, size), size)
    lag = int(np.argmax(np.r_[r[-most:], r[: most + 1]])) - most
    return np.pad(x, (max(0, -lag), max(0, lag)))[max(0, lag) :][:n]


def power(x, rate):
    window, hop = int(0.04 * rate), int(0.01 * rate)
    frames = np.lib.stride_tricks.sliding_window_view(x, window)[::hop] * np.hanning(window).astype(np.float32)
    return np.abs(np.fft.rfft(frames)) ** 2, np.arange(window // 2 + 1) * rate / window


def measures(clean, noisy, output, rate):
    speech, hz = power(clean, rate)
    heard, given, noise = power(noisy, rate)[0], power(output, rate)[0], power(noisy - clean, rate)[0]
    gain = np.minimum(given / (heard + 1e-12 * heard.max()), 4.0)
    frame = speech.sum(1)
    level = 10 * np.log10(frame / np.quantile(frame, 0.9) + 1e-12)
    active, pause = level > SPEECH, level < PAUSE
    left = lambda of, rows, low=0.0, high=1e9: 10 * np.log10(
        ((of * gain)[rows][:, (hz >= low) & (hz < high)].sum() + 1e-20) / (of[rows][:, (hz >= low) & (hz < high)].sum() + 1e-20)
    )
    low = speech[active][:, hz < 500]
    counted = low > low.max() * 1e-3
    return dict(
        mid=left(speech, active, 500, 2000),
        high=left(speech, active, 2000, 4000),
        lost=100 * float((gain[active][:, hz < 500][counted] < 0.1).mean()),
        pauses=left(noise, pause) if pause.sum() >= 5 else np.nan,
        under=left(noise, active),
    )


def listed(clean_dir, noisy_dir, pairs):
    """Name, SNR in dB and half of each recording."""
    if pairs.exists():
        with open(pairs, encoding="utf-8") as f:
            for pair in csv.DictReader(f, delimiter="\t"):
                half = pair["name"].split("-")[0]
                yield pair["name"], float(pair["snr_db"]), half if half in HALVES else ""
        return
    for file in sorted(f for f in noisy_dir.iterdir() if f.suffix in (".wav", ".flac")):
        clean, rate = read(clean_dir, file.stem)
        noisy, _ = read(noisy_dir, file.stem, rate)
        n = min(len(clean), len(noisy))
        noise = noisy[:n] - clean[:n]
        yield file.stem, 10 * np.log10((clean[:n] @ clean[:n] + 1e-20) / (noise @ noise + 1e-20)), ""


def main(clean_dir, noisy_dir, pairs, *outputs):
    clean_dir, noisy_dir = Path(clean_dir), Path(noisy_dir)
    recordings = list(listed(clean_dir, noisy_dir, Path(pairs)))
    print("| | voice .5–2 kHz | 2–4 kHz | bins lost, % | noise in pauses | under speech |\n|---|---:|---:|---:|---:|---:|")
    for folder in map(Path, outputs):
        found = {}
        for name, snr, half in recordings:
            if not any((folder / f"{name}{e}").exists() for e in (".wav", ".flac")):
                continue
            clean, rate = read(clean_dir, name)
            noisy, _ = read(noisy_dir, name, rate)
            n = min(len(clean), len(noisy))
            output = aligned(read(folder, name, rate)[0], noisy[:n], rate)
            found.setdefault(half, []).append((snr, measures(clean[:n], noisy[:n], output, rate)))
        for half, rows in found.items():
            mean = lambda key, keep: np.nanmean([m[key] for snr, m in rows if keep(snr)] or [np.nan])
            hard, easy = (lambda snr: snr <= 0), (lambda snr: snr >= 5)
            label = folder.name if folder.name.endswith(half) else f"{folder.name} {half}"
            values = [f"{mean(key, keep):.{digits}f}" for key, keep, digits in (
                ("mid", hard, 1), ("high", hard, 1), ("lost", hard, 0), ("pauses", easy, 1), ("under", easy, 1))]
            print(f"| {label} | " + " | ".join(values).replace("nan", "–") + " |", flush=True)


if __name__ == "__main__":
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
