"""Cleans the recordings of a speech data set, with a manifest in and a manifest out.

    python -m aeden.dataset cuts.jsonl.gz cleaned -o cuts.cleaned.jsonl.gz --workers 8 --keep 'snr_db>=10'

Manifests: JSON lines with `audio_filepath` (NeMo), `path` or `file`; lhotse's cuts and recordings (`.jsonl`, `.jsonl.gz`); shards
of WebDataset (`.tar`, cleaned one by one into the folder). Every line comes out as it was, with the path of the cleaned recording
and a key `aeden` of figures (see `FIGURES`). Each recording is cleaned once, however many lines name it; an output appears whole
under its name or not at all, and what is there is not done again: a run may be stopped or killed, and started again.

`Clean` is the stage itself, for pipelines of others: rows in, rows out.
    ray.data.read_json("manifest.jsonl").map(Clean, fn_constructor_args=["cleaned"], concurrency=8)
Recordings are WAV and FLAC, read and written by soundfile; their tags are kept, and what is not is named in `lost`. Other files,
and all that is in them, are the business of the program `aeden clean`.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import gzip
import importlib
import io
import json
import operator
import os
import re
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path, PurePath
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from . import Model, clean

FIGURES = """seconds, rate, channels
level_db       dBFS of the recording; 0 is the power of ±1 throughout
peak_db        dBFS of its highest sample
clipped        share of samples that stand at the highest value, two or more in a row
floor_db       dBFS that a tenth of all blocks of 50 ms stay below
snr_db         of the blocks that a twentieth exceeds to the floor, before cleaning; snr_after_db after it
bandwidth_hz   below which 99.9 % of the power lies
removed_db     power of what was taken out, against the recording's"""

# Where a line names its recording; for lhotse see `sources`.
KEYS = ("audio_filepath", "path", "file")
SUBTYPES_KEPT = ("PCM_16", "PCM_24", "PCM_32", "PCM_U8", "PCM_S8", "FLOAT", "DOUBLE")

Row = dict[str, Any]


class Refused(ValueError):
    """Something that cannot be done, in one line."""


class Clean:
    """A stage: takes a row with the path of a recording, gives the row with that of the cleaned one and the key `aeden`.

    target: folder of the outputs. root: folder below which their names are kept, "" for whole paths. quality: "best", "high" or
    "light". controls: those of `aeden.clean`, such as limit=12. The network is loaded once.

    A recording that cannot be cleaned gives the row unchanged, with `aeden` = {"error": why}: nothing is left out.
    """

    def __init__(self, target: str, root: str = "", quality: str = "best", **controls: Any) -> None:
        self.target, self.root = Path(target), root
        try:
            self.soundfile: Any = importlib.import_module("soundfile")
        except ImportError as e:
            raise Refused("recordings are read with soundfile: pip install soundfile") from e
        self.model, self.controls = Model(quality=quality), controls  # type: ignore[arg-type]
        # So that a wrong setting is known before any work is done.
        clean(np.zeros(1, np.float32), 48_000, model=self.model, **controls)

    def __call__(self, row: Row) -> Row:
        row = copy.deepcopy(row)
        try:
            for holder, key in sources(row):
                origin = Path(holder[key])
                output = self.target / name_below(origin, self.root)
                row["aeden"] = self.file(origin, output)
                holder[key] = str(output)
        except (OSError, ValueError) as e:
            row["aeden"] = {"error": " ".join(str(e).split())}
        return row

    def file(self, origin: Path, output: Path) -> Row:
        """Cleans a file, unless its output and the figures beside it are there, and gives the figures."""
        if output.exists() and output.samefile(origin):
            raise Refused(f"{origin}: its output is the recording itself; choose another folder")
        figures = output.with_name(f".{output.name}.json")
        if output.exists() and figures.exists():
            return dict(json.loads(figures.read_text(encoding="utf-8")))
        data, found = self.data(origin.read_bytes(), str(origin))
        output.parent.mkdir(parents=True, exist_ok=True)
        # The figures first: where there is an output, its figures are there too.
        write_whole(figures, json.dumps(found).encode())
        write_whole(output, data)
        return found

    def data(self, data: bytes, name: str) -> tuple[bytes, Row]:
        """The cleaned bytes of a WAV or FLAC file, and its figures."""
        soundfile = self.soundfile
        try:
            with soundfile.SoundFile(io.BytesIO(data)) as file:
                kind, subtype, rate, tags = file.format, file.subtype, file.samplerate, file.copy_metadata()
                promised = file.frames
                samples = file.read(dtype="float32", always_2d=True).T
        except RuntimeError as e:
            raise Refused(f"{name}: no recording that soundfile reads ({e})") from e
        if kind not in ("WAV", "WAVEX", "RF64", "FLAC") or subtype not in SUBTYPES_KEPT:
            raise Refused(f"{name}: {kind} {subtype}; WAV and FLAC are cleaned here, all else by the program aeden clean")
        if samples.shape[1] != promised or not promised:
            raise Refused(f"{name}: {samples.shape[1]} of {promised} samples; the file is empty or ends early")
        had = parts(data, name)
        cleaned = clean(samples, rate, model=self.model, **self.controls)
        out = io.BytesIO()
        with soundfile.SoundFile(out, "w", rate, len(samples), subtype, format=kind) as file:
            for tag, text in tags.items():
                setattr(file, tag, text)
            file.write(cleaned.T if subtype in ("FLOAT", "DOUBLE") else np.clip(cleaned.T, -1, 1))
        found = measured(samples, cleaned, rate)
        lost = sorted(had - parts(out.getvalue(), name))
        return out.getvalue(), found | ({"lost": lost} if lost else {})


def write_whole(path: Path, data: bytes) -> None:
    """Writes a file that appears under its name when it is complete."""
    number, part = tempfile.mkstemp(dir=path.parent, prefix=".aeden-", suffix=".part")
    try:
        with os.fdopen(number, "wb") as file:
            locked(file)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            os.chmod(part, 0o644)
            os.replace(part, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(part)
        raise


def locked(file: IO[bytes]) -> bool:
    """Locks an unfinished file, as `aeden clean` does: what nobody has locked was left by a run that was killed."""
    try:
        import fcntl
    except ImportError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def sweep(folder: Path) -> None:
    """Removes what runs that were killed have left."""
    for part in folder.rglob(".aeden-*.part"):
        with contextlib.suppress(OSError), open(part, "rb") as file:
            if locked(file):
                part.unlink()


def name_below(origin: Path, root: str) -> PurePath:
    """The name of an output: below `root` as the origin is, or its whole path without a root."""
    whole = PurePath(os.path.abspath(origin))
    try:
        return whole.relative_to(os.path.abspath(root)) if root else PurePath(*whole.parts[1:])
    except ValueError:
        raise Refused(f"{origin}: not below the folder {root}") from None


def sources(row: Row) -> Iterator[tuple[Row, str]]:
    """Where a row names its recordings: (dictionary, key)."""
    for recording in (row, row.get("recording")):
        if isinstance(recording, dict) and isinstance(recording.get("sources"), list):
            for source in recording["sources"]:
                if source.get("type") != "file":
                    raise Refused(f"a source of the type {source.get('type')!r}; only files are cleaned")
                yield source, "source"
            return
    for key in KEYS:
        if isinstance(row.get(key), str):
            yield row, key
            return
    raise Refused(f"the line names no recording: it has none of {', '.join(KEYS)}, recording")


def parts(data: bytes, name: str) -> set[str]:
    """The chunks of a WAV file, or the blocks of a FLAC file, that hold something beside samples. Refuses a file that ends early."""
    found, at = set(), 12
    if data[:4] == b"fLaC":
        names, at = {3: "SEEKTABLE", 2: "APPLICATION", 5: "CUESHEET", 6: "PICTURE"}, 4
        while at + 4 <= len(data):
            kind, size = data[at], int.from_bytes(data[at + 1 : at + 4], "big")
            found.add(names.get(kind & 127, ""))
            at += 4 + size
            if kind & 128:
                break
        return found - {"", "SEEKTABLE"}
    while at + 8 <= len(data):
        chunk, size = data[at : at + 4].decode("latin-1"), int.from_bytes(data[at + 4 : at + 8], "little")
        found.add(chunk.strip())
        if size == 0xFFFFFFFF:  # of RF64: soundfile knows where it ends, and hardly anything follows
            break
        if at + 8 + size > len(data):
            raise Refused(f"{name}: {len(data) - at - 8} of the {size} bytes of {chunk!r}; the file ends early")
        at += 8 + size + size % 2
    return found - {"fmt", "data", "fact", "PEAK", "PAD", "JUNK", "FLLR", "ds64"}


def decibels(power: Any) -> float:
    return float(10 * np.log10(np.maximum(power, 1e-12)))


def blocks(samples: NDArray[np.float32], rate: int) -> NDArray[np.float64]:
    """Powers of blocks of 50 ms, over all channels."""
    power = np.mean(samples.astype(np.float64) ** 2, 0)
    length = max(1, min(rate // 20, len(power)))
    return np.asarray(power[: len(power) // length * length].reshape(-1, length).mean(1))


def above_floor(powers: NDArray[np.float64]) -> float:
    """dB from the floor of blocks to what a twentieth of them exceeds."""
    return decibels(np.quantile(powers, 0.95)) - decibels(np.quantile(powers, 0.1))


def measured(samples: NDArray[np.float32], cleaned: NDArray[np.float32], rate: int) -> Row:
    """The figures of a recording [channels, samples]."""
    peak = float(np.abs(samples).max())
    top = np.abs(samples) >= max(peak, 1e-9)
    flat = top[:, 1:] & top[:, :-1]
    before, after = blocks(samples, rate), blocks(cleaned, rate)
    spectrum = np.abs(np.fft.rfft(samples.mean(0), axis=0)) ** 2
    below = np.cumsum(spectrum)
    edge = int(np.searchsorted(below, 0.999 * below[-1]))
    figures = {
        "seconds": samples.shape[1] / rate,
        "rate": rate,
        "channels": len(samples),
        "level_db": decibels(np.mean(samples.astype(np.float64) ** 2)),
        "peak_db": decibels(peak**2),
        "clipped": float(flat.sum() / flat.size) if peak > 0.5 and flat.size else 0.0,
        "floor_db": decibels(np.quantile(before, 0.1)),
        "snr_db": above_floor(before),
        "snr_after_db": above_floor(after),
        "bandwidth_hz": edge * rate / samples.shape[1],
        "removed_db": decibels(np.mean((samples - cleaned).astype(np.float64) ** 2)) - decibels(np.mean(samples.astype(np.float64) ** 2)),
    }
    return {name: round(value, 6) if isinstance(value, float) else value for name, value in figures.items()}


OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
}


def keeps(text: str) -> Callable[[Row], bool]:
    """A filter such as `snr_db>=10`, of the figures of a row."""
    match = re.fullmatch(r"\s*(\w+)\s*(>=|<=|==|>|<)\s*([-+.\w]+)\s*", text)
    names = {word for line in FIGURES.splitlines() for word in re.findall(r"[a-z_]+", line.split("  ")[0])} | {"snr_after_db"}
    try:
        if match is None or match[1] not in names:
            raise ValueError
        limit = float(match[3])
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: a figure, an operator and a number, such as snr_db>=10") from None
    name, compare = match[1], OPERATORS[match[2]]
    return lambda row: compare(row["aeden"].get(name, float("nan")), limit)


def lines(path: Path) -> Iterator[Row]:
    """The rows of a manifest."""
    opened = gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else open(path, encoding="utf-8")
    with opened as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                try:
                    row = json.loads(line)
                except ValueError as e:
                    raise Refused(f"{path}: line {number} is no JSON ({e})") from e
                if not isinstance(row, dict):
                    raise Refused(f"{path}: line {number} is no object")
                yield row


def shard(stage: Clean, path: Path) -> Row:
    """Cleans a shard of WebDataset into the folder, every member that is no recording untouched; a row of what it held."""
    output = stage.target / path.name
    row: Row = {"shard": str(output)}
    if output.exists():
        if output.samefile(path):
            return row | {"aeden": {"error": f"{path}: its output is the shard itself; choose another folder"}}
        return row | {"aeden": {"there": True}}
    try:
        data, cleaned = archive(stage, path.read_bytes(), str(path))
    except (OSError, ValueError) as e:
        return row | {"aeden": {"error": str(e)}}
    stage.target.mkdir(parents=True, exist_ok=True)
    write_whole(output, data)
    return row | {"aeden": {"cleaned": cleaned}}


def archive(stage: Clean, held: bytes, name: str) -> tuple[bytes, int]:
    """The cleaned bytes of a shard of WebDataset, and how many recordings are in it. Refuses it whole if one of them is broken."""
    out, cleaned, failed = io.BytesIO(), 0, []
    try:
        if held[-1024:] != bytes(1024):
            # tarfile takes an archive that ends between two members for a whole one.
            raise tarfile.ReadError("no end of the archive; it ends early")
        with tarfile.open(fileobj=io.BytesIO(held), mode="r:") as source, tarfile.open(fileobj=out, mode="w") as target:
            for member in source:
                file = source.extractfile(member)
                data = file.read() if file else b""
                if member.isfile() and member.name.lower().endswith((".wav", ".flac")):
                    try:
                        data, figures = stage.data(data, member.name)
                        cleaned += 1
                        beside = copy.copy(member)
                        beside.name = f"{member.name.rsplit('.', 1)[0]}.aeden.json"
                        text = json.dumps(figures).encode()
                        beside.size = len(text)
                        target.addfile(beside, io.BytesIO(text))
                    except (OSError, ValueError) as e:
                        failed.append(" ".join(str(e).split()))
                        continue
                member.size = len(data) if member.isfile() else member.size
                target.addfile(member, io.BytesIO(data) if member.isfile() else None)
    except tarfile.TarError as e:
        raise Refused(f"{name}: {e}") from e
    if failed:
        raise Refused(f"{name}: {failed[0]} ({len(failed)} of {len(failed) + cleaned} recordings); not written")
    return out.getvalue(), cleaned


_stage: Clean | None = None


def _begin(made: Callable[[], Clean]) -> None:
    global _stage
    _stage = made()


def _do(task: Row | Path) -> Row:
    assert _stage is not None
    return shard(_stage, task) if isinstance(task, Path) else _stage(task)


def results(made: Callable[[], Clean], tasks: list[Row | Path], workers: int) -> Iterator[tuple[int, Row]]:
    """(number, row) of every task, in the order in which they are done; a worker that is lost is replaced, its tasks done again."""
    waiting, lost = dict(enumerate(tasks)), 0
    while waiting:
        with ProcessPoolExecutor(workers, initializer=_begin, initargs=(made,)) as pool:
            running = {pool.submit(_do, task): number for number, task in waiting.items()}
            try:
                for done in as_completed(running):
                    yield running[done], done.result()
                    del waiting[running[done]]
            except BrokenProcessPool:
                lost += 1
                if lost > 10:
                    raise Refused("workers were lost eleven times; is there memory for so many?") from None


def main() -> None:
    """Reads the command line and cleans the data set."""
    p = argparse.ArgumentParser(
        prog="python -m aeden.dataset",
        description=__doc__,
        epilog=f"figures:\n{FIGURES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("manifests", nargs="+", type=Path, metavar="MANIFEST", help="a manifest, or any number of shards (.tar)")
    p.add_argument("target", metavar="FOLDER", help="of the cleaned recordings or shards")
    p.add_argument("-o", "--output", type=Path, help="the new manifest [FOLDER/manifest.jsonl]")
    p.add_argument("--root", default="", help="keep names below this folder [whole paths]")
    p.add_argument("--quality", choices=("best", "high", "light"), default="best")
    p.add_argument("--limit", type=float, help="attenuate by at most so many dB")
    p.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes [one for each core]")
    p.add_argument("--keep", type=keeps, action="append", default=[], metavar="FIGURE>=NUMBER", help="leave out the lines of others")
    a = p.parse_args()
    try:
        sys.exit(run(a))
    except (OSError, ValueError) as e:
        sys.exit(f"aeden.dataset: {e}")
    except KeyboardInterrupt:
        sys.exit(130)


def run(a: argparse.Namespace) -> int:
    """Cleans what the arguments name and writes the new manifest; 1 if something failed."""
    are_shards = [path.suffix == ".tar" for path in a.manifests]
    if a.workers < 1 or (not all(are_shards) and len(a.manifests) > 1):
        raise Refused("one manifest, or any number of shards (.tar); at least one worker")
    made = partial(Clean, a.target, a.root, a.quality, limit=a.limit)
    sweep(Path(a.target))
    made()  # a wrong setting is known before any work is done
    output = a.output or Path(a.target) / "manifest.jsonl"
    if output.exists() and any(output.samefile(path) for path in a.manifests if path.exists()):
        raise Refused(f"{output}: the manifest itself; choose another name")
    if all(are_shards):
        rows: list[Row] = [{"shard": str(path)} for path in a.manifests]
        groups = {str(path): [number] for number, path in enumerate(a.manifests)}
        tasks: list[Row | Path] = list(a.manifests)
    else:
        rows = list(lines(a.manifests[0]))
        groups = {}
        for number, row in enumerate(rows):
            try:
                key = json.dumps([holder[key] for holder, key in sources(row)])
            except Refused:
                key = f"line {number}"
            groups.setdefault(key, []).append(number)
        tasks = [rows[numbers[0]] for numbers in groups.values()]
    members = list(groups.values())
    failed = 0
    for task, done in results(made, tasks, a.workers):
        for number in members[task]:
            row = rows[number]
            if "error" not in done["aeden"] and not all(are_shards):
                for (holder, key), (new, _) in zip(sources(row), list(sources(done))):
                    holder[key] = new[key]
            elif all(are_shards):
                row["shard"] = done["shard"]
            row["aeden"] = done["aeden"]
        if "error" in done["aeden"]:
            failed += 1
            print(f"aeden.dataset: {done['aeden']['error']}", file=sys.stderr)
    kept = [row for row in rows if "error" in row["aeden"] or all(keep(row) for keep in a.keep)]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in kept).encode()
    output.parent.mkdir(parents=True, exist_ok=True)
    write_whole(output, gzip.compress(text, mtime=0) if output.suffix == ".gz" else text)
    print(f"{len(tasks) - failed} done, {failed} failed; {len(kept)} of {len(rows)} lines in {output}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    main()
