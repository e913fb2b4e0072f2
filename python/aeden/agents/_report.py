"""The row by which builders of voice agents compare: what a denoiser costs, and what it does for a VAD and for turns."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import from_int16, to_int16
from ._packets import Packets

Samples = NDArray[np.float32]

PACKET = 0.02  # s
VAD_RATE, WINDOW = 16_000, 512  # Silero's samples a second, and samples a decision
PADDING = 2.0  # s of noise before and after each recording: the VAD settles, and can end the turn
HANGOVER = 0.2  # s without speech that end a turn, as pipecat has it
SPEECH, PAUSE = -30, -45  # dB below the loud parts of the clean original

COLUMNS = """delay              ms by which sound comes out late, the most of all recordings: rates other than 48 kHz are converted
CPU p50, p90       ms of one core for a packet of 20 ms
speech             dB by which the voice's own samples are louder or quieter in what comes out
noise              dB by which it is quieter where nobody speaks
AUC                area under the ROC curve of Silero VAD, window by window: 0.5 is chance, 1 is perfect
turn               ms from the last word's end to the end of the turn (0.2 s without speech), delay included; median, p90
missed             share of turns whose end was not found within 2 s"""


class Recording(NamedTuple):
    """A noisy recording with its clean original, both with noise alone before and after them."""

    noisy: Samples
    clean: Samples
    rate: int


class Denoised(NamedTuple):
    """What a denoiser made of a recording."""

    samples: Samples  # as long as the recording, in step with it
    delay: float  # s
    costs: list[float]  # s of CPU for each packet, or their mean where the denoiser takes whole recordings only


Denoise = Callable[[Samples, int], Denoised]


def main() -> None:
    """Reads the command line and prints the table."""
    p = argparse.ArgumentParser(
        prog="python -m aeden.agents", epilog=COLUMNS, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    report = p.add_subparsers(required=True, metavar="report").add_parser(
        "report",
        help="measure delay, cost, noise, VAD and turns",
        epilog=COLUMNS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    report.add_argument("files", nargs="+", type=Path, help="noisy recordings of one voice, or folders of them")
    report.add_argument(
        "--clean", type=Path, required=True, help="folder with the clean originals, under the same names and of the same length"
    )
    report.add_argument("--limit", type=float, help="attenuate by at most so many dB")
    report.add_argument("--peers", type=Path, help="folder with peers.py, which runs other denoisers: rnnoise and dfn3")
    report.add_argument("--json", action="store_true", help="one line of JSON a row")
    a = p.parse_args()
    try:
        run(a.files, a.clean, a.limit, a.peers, a.json)
    except (OSError, ValueError, ImportError) as e:
        sys.exit(f"aeden.agents: {e}")


def run(files: list[Path], originals: Path, limit: float | None, peers: Path | None, as_json: bool) -> None:
    """Measures every denoiser on every recording and prints a row of each."""
    vad = Vad()
    recordings = [read(path, originals) for path in found(files)]
    rows: dict[str, Denoise] = {"unprocessed": lambda samples, rate: Denoised(samples, 0.0, [0.0])}
    for quality in ("light", "high"):
        rows[f"aeden {quality}"] = partial(in_packets, quality=quality, limit=limit)
    if peers is not None:
        rows |= {name: peer(peers, name, delay) for name, delay in PEERS.items()}
    if not as_json:
        print(f"{len(recordings)} recordings, Silero VAD\n")
        print("| | delay | CPU p50 | p90 | speech | noise | AUC | turn p50 | p90 | missed |")
        print("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    for name, denoise in rows.items():
        row = measured(recordings, denoise, vad)
        if as_json:
            print(json.dumps({"denoiser": name} | row), flush=True)
        else:
            cells = [
                f"{row['delay_ms']:.0f} ms",
                f"{row['cpu_ms_p50']:.2f} ms",
                f"{row['cpu_ms_p90']:.2f} ms",
                f"{row['speech_db']:+.1f} dB",
                f"{row['noise_db']:+.1f} dB",
                f"{row['vad_auc']:.3f}",
                f"{row['turn_ms_p50']:.0f} ms",
                f"{row['turn_ms_p90']:.0f} ms",
                f"{100 * row['turns_missed']:.0f} %",
            ]
            print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def found(paths: list[Path]) -> list[Path]:
    """The recordings that paths stand for, in the order of names."""
    files: list[Path] = []
    for path in paths:
        files += sorted(f for f in path.rglob("*") if f.suffix.lower() in (".wav", ".flac", ".ogg")) if path.is_dir() else [path]
    if not files:
        raise ValueError(f"{paths[0]}: a folder without recordings")
    return files


def imported(name: str, use: str) -> Any:
    """A package that only the report needs."""
    try:
        return importlib.import_module(name)
    except ImportError as e:
        raise ImportError(f"the report {use} with {name}: pip install {name}") from e


def read(path: Path, originals: Path) -> Recording:
    """A recording with the original of its name, both between two seconds of what noise it has."""
    names = [originals / path.name, *sorted(originals.glob(f"{path.stem}.*"))]
    original = next((name for name in names if name.is_file()), None)
    if original is None:
        raise ValueError(f"{path}: {originals} has no clean original of its name")
    soundfile = imported("soundfile", "reads recordings")
    sounds = []
    for file in (path, original):
        try:
            samples, rate = soundfile.read(file, dtype="float32", always_2d=True)
        except RuntimeError as e:
            raise ValueError(f"{file}: no recording that soundfile reads ({e})") from e
        sounds.append((samples.mean(1), rate))
    (noisy, rate), (clean, other) = sounds
    if rate != other or len(noisy) != len(clean) or not len(noisy):
        raise ValueError(f"{path}: {len(noisy)} samples at {rate} Hz, its original {len(clean)} at {other}")
    if np.abs(clean).max() < 1e-4:
        raise ValueError(f"{original}: silence; nobody speaks")
    noise = np.resize(noisy - clean, round(PADDING * rate))
    silence = np.zeros_like(noise)
    return Recording(np.concatenate([noise, noisy, noise]), np.concatenate([silence, clean, silence]), rate)


def in_packets(samples: Samples, rate: int, quality: str, limit: float | None) -> Denoised:
    """Through `Packets`, as an agent would: bytes in, bytes out."""
    packets = Packets(quality=quality, limit=limit)
    packets.start(rate)
    late = round(packets.latency * rate)
    step = round(PACKET * rate)
    data = to_int16(np.concatenate([samples, np.zeros(late, np.float32)]))
    costs, out = [], []
    for at in range(0, len(data), 2 * step):
        began = time.process_time()
        out.append(packets.clean(data[at : at + 2 * step], rate))
        costs.append(time.process_time() - began)
    heard = from_int16(b"".join(out))[0]
    return Denoised(heard[late:], packets.latency, costs[:-1])


# Delays in s that their authors state, or that peers.py measured: what they give is in step already.
PEERS = {"rnnoise": 0.02, "dfn3": 0.04}


def peer(folder: Path, name: str, delay: float) -> Denoise:
    """A denoiser of peers.py. It takes whole recordings: what a packet costs is their mean."""
    file = folder / "peers.py"
    spec = importlib.util.spec_from_file_location("peers", file)
    if spec is None or spec.loader is None or not file.is_file():
        raise ValueError(f"{file}: no such file; --peers is a folder with peers.py")
    peers = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(peers)
    other = peers.make(name)

    def denoise(samples: Samples, rate: int) -> Denoised:
        began = time.process_time()
        out = peers.enhance(other, samples, rate)
        spent = time.process_time() - began
        return Denoised(out, delay, [spent / (len(samples) / rate) * PACKET])

    return denoise


class Vad:
    """Silero VAD, whose network lies in its package; run by ONNX Runtime, so that torch need not be there."""

    def __init__(self) -> None:
        spec = importlib.util.find_spec("silero_vad")
        places = list(spec.submodule_search_locations or []) if spec else []
        files = [Path(place) / "data/silero_vad.onnx" for place in places]
        if not files or not files[0].is_file():
            raise ImportError("the report needs Silero VAD: pip install --no-deps silero-vad; pip install onnxruntime")
        onnxruntime = imported("onnxruntime", "runs Silero VAD")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(files[0]), options, providers=["CPUExecutionProvider"])

    def __call__(self, samples: Samples, rate: int) -> NDArray[np.float64]:
        """How likely somebody speaks, 0 to 1, [windows of 32 ms]."""
        heard = at_rate(samples, rate, VAD_RATE)
        state, past, likely = np.zeros((2, 1, 128), np.float32), np.zeros(64, np.float32), []
        for at in range(0, len(heard) - WINDOW + 1, WINDOW):
            window = heard[at : at + WINDOW]
            feed = {"input": np.concatenate([past, window])[None], "state": state, "sr": np.array(VAD_RATE)}
            said, state = self.session.run(None, feed)
            likely.append(float(said[0, 0]))
            past = window[-64:]
        return np.array(likely)


def at_rate(samples: Samples, rate: int, wanted: int) -> Samples:
    """Another rate, by the Fourier transform of the whole: exact below both Nyquist frequencies."""
    if rate == wanted:
        return samples
    length = round(len(samples) * wanted / rate)
    spectrum = np.fft.rfft(samples)
    kept = np.zeros(length // 2 + 1, complex)
    shared = min(len(kept), len(spectrum))
    kept[:shared] = spectrum[:shared]
    return (np.fft.irfft(kept, length) * (length / len(samples))).astype(np.float32)


def levels(samples: Samples, window: int) -> NDArray[np.float64]:
    """Power of every window, in dB."""
    whole = samples[: len(samples) // window * window].reshape(-1, window).astype(np.float64)
    return np.asarray(10 * np.log10(np.mean(whole**2, 1) + 1e-12))


def measured(recordings: list[Recording], denoise: Denoise, vad: Vad) -> dict[str, float]:
    """The row of one denoiser."""
    delay = 0.0
    costs: list[float] = []
    speech: list[float] = []
    noise: list[float] = []
    says: list[NDArray[np.float64]] = []
    is_so: list[NDArray[np.bool_]] = []
    turns: list[float] = []
    for recording in recordings:
        made = denoise(recording.noisy, recording.rate)
        delay = max(delay, made.delay)
        costs += made.costs
        window = round(recording.rate * WINDOW / VAD_RATE)
        loud = levels(recording.clean, window)
        loud -= np.quantile(loud[loud > -100], 0.95) if (loud > -100).any() else 0
        talking, quiet = loud > SPEECH, loud < PAUSE
        where = np.repeat(talking, window)
        original = recording.clean[: len(where)][where].astype(np.float64)
        before, after = (s[: len(where)][where].astype(np.float64) for s in (recording.noisy, made.samples))
        # The voice's share of what comes out: its projection on the original, against that of what went in.
        shares = [max(float(sound @ original), 1e-12) for sound in (before, after)]
        speech.append(20 * np.log10(shares[1] / shares[0]))
        pauses = [10 ** (levels(s, window)[quiet] / 10) for s in (recording.noisy, made.samples)]
        noise.append(10 * np.log10((pauses[1].mean() + 1e-12) / (pauses[0].mean() + 1e-12)))
        likely = vad(made.samples, recording.rate)
        count = min(len(likely), len(loud))
        sure = (talking | quiet)[:count]
        says.append(likely[:count][sure])
        is_so.append(talking[:count][sure])
        turns.append(made.delay + turn_ends(likely[:count], talking[:count]))
    found = [turn for turn in turns if np.isfinite(turn)]
    return {
        "delay_ms": 1e3 * delay,
        "cpu_ms_p50": 1e3 * float(np.quantile(costs, 0.5)),
        "cpu_ms_p90": 1e3 * float(np.quantile(costs, 0.9)),
        "speech_db": float(np.mean(speech)),
        "noise_db": float(np.mean(noise)),
        "vad_auc": auc(np.concatenate(says), np.concatenate(is_so)),
        "turn_ms_p50": 1e3 * float(np.quantile(found, 0.5)) if found else float("nan"),
        "turn_ms_p90": 1e3 * float(np.quantile(found, 0.9)) if found else float("nan"),
        "turns_missed": 1 - len(found) / len(turns),
    }


def auc(says: NDArray[np.float64], is_so: NDArray[np.bool_]) -> float:
    """How often a window of speech has a higher value than one without; equal values count half."""
    values, at = np.unique(says, return_inverse=True)
    speech, other = (np.bincount(at[which], minlength=len(values)).astype(float) for which in (is_so, ~is_so))
    below = np.cumsum(other) - other
    return float((speech * (below + other / 2)).sum() / max(speech.sum() * other.sum(), 1))


def turn_ends(likely: NDArray[np.float64], talking: NDArray[np.bool_]) -> float:
    """Seconds from the end of the last word to the end of the turn; infinite if that is not found."""
    window = WINDOW / VAD_RATE
    last = int(np.flatnonzero(talking)[-1]) + 1
    need = int(np.ceil(HANGOVER / window))
    silent = 0
    for at in range(max(0, last - need), len(likely)):
        silent = silent + 1 if likely[at] < 0.5 else 0
        if at >= last and silent >= need:
            return (at + 1 - last) * window
    return float("inf")
