"""Cleans the recordings of a speech data set, with a manifest in and a manifest out.

    python -m aeden.dataset cuts.jsonl.gz cleaned -o cuts.cleaned.jsonl.gz --workers 8 --keep 'snr_db>=10'

Manifests: JSON lines with `audio_filepath` (NeMo), `path` or `file`; lhotse's cuts and recordings (`.jsonl`, `.jsonl.gz`); shards
of WebDataset (`.tar`, cleaned one by one into the folder). Every line comes out as it was, with the path of the cleaned recording
and a key `aeden` of figures (`--help`). Each recording is cleaned once, however many lines name it; an output appears whole
under its name or not at all, and what is there is not done again: a run may be stopped or killed, and started again. lhotse reads what it
knows: its cuts have the figures in `custom`, its recordings nowhere.

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
import multiprocessing
import os
import sys
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path, PurePath
from typing import IO, Any

import numpy as np

from . import Model, clean
from ._figures import FIGURES, MEASURES, Keep, Measures, Refused, Row, check, keeps, measured

# Where a line names its recording; for lhotse see `sources`.
KEYS = ("audio_filepath", "path", "file")
SUBTYPES_KEPT = ("PCM_16", "PCM_24", "PCM_32", "PCM_U8", "PCM_S8", "FLOAT", "DOUBLE")


class Clean:
    """A stage: takes a row with the path of a recording, gives the row with that of the cleaned one and the key `aeden`.

    target: folder of the outputs. root: folder below which their names are kept, "" for whole paths. quality: "best", "high" or
    "light". measures: figures by other packages, "lufs", "ovrl" or "distill_mos". controls: those of `aeden.clean`, such as limit=12.
    The network is loaded once.

    A recording that cannot be cleaned gives the row unchanged, with `aeden` = {"error": why}: nothing is left out.
    """

    def __init__(self, target: str, root: str = "", quality: str = "best", measures: Sequence[str] = (), **controls: Any) -> None:
        self.target, self.root = Path(target), root
        try:
            self.soundfile: Any = importlib.import_module("soundfile")
        except ImportError as e:
            raise Refused("recordings are read with soundfile: pip install soundfile") from e
        self.model, self.controls = Model(quality=quality), controls  # type: ignore[arg-type]
        self.measures = Measures(measures)
        # So that a wrong setting is known before any work is done.
        clean(np.zeros(1, np.float32), 48_000, model=self.model, **controls)

    def __call__(self, row: Row) -> Row:
        done = copy.deepcopy(row)
        try:
            for holder, key in sources(done):
                origin = Path(holder[key])
                output = self.target / name_below(origin, self.root)
                done["aeden"] = self.file(origin, output)
                holder[key] = str(output)
            within(row, done["aeden"])
        except (OSError, ValueError) as e:
            return copy.deepcopy(row) | {"aeden": {"error": one_line(e)}}
        return done

    def file(self, origin: Path, output: Path) -> Row:
        """Cleans a file, unless its output and the figures beside it are there, and gives the figures."""
        if output.exists() and output.samefile(origin):
            raise Refused(f"{origin}: its output is the recording itself; choose another folder")
        figures = output.with_name(f".{output.name}.json")
        if output.exists() and figures.exists():
            found = dict(json.loads(figures.read_text(encoding="utf-8")))
            if not self.measures.missing(found):
                return found
            found = self.measured_again(found, origin.read_bytes(), output.read_bytes(), str(origin))
            write_whole(figures, json.dumps(found).encode())
            return found
        data, found = self.data(origin.read_bytes(), str(origin))
        output.parent.mkdir(parents=True, exist_ok=True)
        # The figures first: where there is an output, its figures are there too.
        write_whole(figures, json.dumps(found).encode())
        write_whole(output, data)
        return found

    def measured_again(self, found: Row, noisy: bytes, cleaned: bytes, name: str) -> Row:
        """The figures of a recording that was cleaned by a run that asked for fewer."""
        (samples, rate), (after, _) = (self.samples(data, name) for data in (noisy, cleaned))
        return found | self.measures(samples, after, rate)

    def samples(self, data: bytes, name: str) -> tuple[Any, int]:
        """The samples [channels, samples] of a file, and their rate."""
        try:
            samples, rate = self.soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
        except RuntimeError as e:
            raise Refused(f"{name}: no recording that soundfile reads ({e})") from e
        return samples.T, rate

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
        cleaned = cleaned if subtype in ("FLOAT", "DOUBLE") else np.clip(cleaned, -1, 1)
        try:
            with soundfile.SoundFile(out, "w", rate, len(samples), subtype, format=kind) as file:
                for tag, text in tags.items():
                    setattr(file, tag, text)
                file.write(cleaned.T)
        except RuntimeError as e:
            raise Refused(f"{name}: soundfile does not write it ({e})") from e
        found = measured(samples, cleaned, rate) | self.measures(samples, cleaned, rate)
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
    found = list(of_lhotse(row)) or [(row, key) for key in KEYS if isinstance(row.get(key), str)][:1]
    if not found:
        raise Refused(f"the line names no recording: it has none of {', '.join(KEYS)}, recording")
    yield from found


def of_lhotse(row: Row) -> Iterator[tuple[Row, str]]:
    """Where a cut or a recording of lhotse names its files. A mixed cut has a cut in each of its tracks."""
    for track in row["tracks"] if isinstance(row.get("tracks"), list) else ():
        if isinstance(track, dict) and isinstance(track.get("cut"), dict):
            yield from of_lhotse(track["cut"])
    for recording in (row, row.get("recording")):
        if isinstance(recording, dict) and isinstance(recording.get("sources"), list):
            for source in recording["sources"]:
                if not isinstance(source, dict) or source.get("type") != "file" or not isinstance(source.get("source"), str):
                    kind = source.get("type") if isinstance(source, dict) else source
                    raise Refused(f"a source of the type {kind!r}; only files that are named are cleaned")
                yield source, "source"
            return


def is_of_lhotse(row: Row) -> bool:
    return any(key in row for key in ("sources", "tracks")) or isinstance(row.get("recording"), dict)


def checked(rows: list[Row]) -> Iterator[tuple[Row, list[tuple[Row, str]]]]:
    """(row, where it names its recordings). A row that cannot be cleaned names none, and its `aeden` says why."""
    ids: dict[Any, int] = {}
    for number, row in enumerate(rows, 1):
        try:
            places = list(sources(row))
            first = ids.setdefault(json.dumps(row.get("id")), number)
            if is_of_lhotse(row) and "id" in row and first != number:
                raise Refused(f"the id {row['id']!r} is also that of row {first}")
        except Refused as e:
            row["aeden"], places = {"error": f"row {number}: {one_line(e)}"}, []
        yield row, places


def within(row: Row, figures: Row) -> None:
    """Refuses a cut that ends after its recording, or begins before it."""
    spans: list[Any] = [row.get("start", row.get("offset", 0)), row.get("duration"), figures.get("seconds")]
    if not all(isinstance(value, (int, float)) for value in spans):
        return
    start, duration, seconds = spans
    # As much as lhotse tolerates, which rounds.
    if start < 0 or start + duration > seconds + 0.025:
        called = row.get("id") or next((holder[key] for holder, key in sources(row)), "")
        raise Refused(f"{called}: from {start:g} to {start + duration:g} s of a recording of {seconds:g} s")


def for_readers(row: Row) -> Row:
    """A row with its figures where those who read it allow them. lhotse refuses keys that it does not know: of a cut they stand in `custom`, and its recordings have no place."""
    told = row["aeden"]
    row = copy.deepcopy({key: value for key, value in row.items() if key != "aeden"})
    if not is_of_lhotse(row):
        row["aeden"] = told
    elif "sources" not in row:
        tracks = [track["cut"] for track in row.get("tracks", ()) if isinstance(track, dict) and "recording" in track.get("cut", ())]
        cut = tracks[0] if tracks else row
        cut["custom"] = (cut.get("custom") or {}) | {"aeden": told}
    return row


def written(rows: list[Row], name: str) -> bytes:
    """A manifest, compressed if its name ends with .gz: the same bytes of the same rows."""
    text = "".join(json.dumps(for_readers(row), ensure_ascii=False) + "\n" for row in rows).encode()
    return gzip.compress(text, mtime=0) if name.endswith(".gz") else text


def one_line(e: object) -> str:
    return " ".join(str(e).split())


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


def lines(path: Path) -> Iterator[Row]:
    """The rows of a manifest, without what an earlier run told of them."""
    with open(path, "rb") as file:
        yield from rows_in(file, str(path))


def rows_in(file: Any, name: str) -> Iterator[Row]:
    """The rows of an open manifest, compressed if its name ends with .gz."""
    number = 0
    try:
        for number, line in enumerate(gzip.open(file, "rb") if name.endswith(".gz") else file, 1):
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            if text.strip():
                row = json.loads(text)
                if not isinstance(row, dict):
                    raise Refused(f"{name}: line {number} is no object")
                row.pop("aeden", None)
                yield row
    except UnicodeDecodeError as e:
        raise Refused(f"{name}: line {number} is no UTF-8 ({e.reason})") from e
    except json.JSONDecodeError as e:
        raise Refused(f"{name}: line {number} is no JSON ({e})") from e
    except (EOFError, zlib.error, gzip.BadGzipFile) as e:
        raise Refused(f"{name}: broken after line {number} ({e})") from e


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
        return row | {"aeden": {"error": one_line(e)}}
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
            names = set()
            for member in source:
                if member.name in names:
                    raise Refused(f"{name}: two members are called {member.name}")
                names.add(member.name)
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
    # New interpreters: a copy of this one waits for ever for the threads of torch or ONNX Runtime, which a fork leaves behind.
    context = multiprocessing.get_context("spawn")
    while waiting:
        with ProcessPoolExecutor(min(workers, len(waiting)), context, _begin, (made,)) as pool:
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
    p.add_argument("--measure", choices=tuple(MEASURES), action="append", default=[], help="add a figure by another package, each by an option")
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
    check(a.keep, a.measure)
    target, output = Path(a.target), a.output or Path(a.target) / "manifest.jsonl"
    if output.exists() and any(output.samefile(path) for path in a.manifests if path.exists()):
        raise Refused(f"{output}: the manifest itself; choose another name")
    made = partial(Clean, a.target, a.root, a.quality, a.measure, limit=a.limit)
    made()  # a wrong setting is known before any work is done
    rows, tasks = work_of(a.manifests, all(are_shards))
    for folder in (target, output.parent):
        writable(folder)
    sweep(target)
    for task, done in results(made, [task for task, _ in tasks], a.workers):
        for row in tasks[task][1]:
            settle(row, done)
    errors = dict.fromkeys(row["aeden"]["error"] for row in rows if "error" in row["aeden"])
    for error in errors:
        print(f"aeden.dataset: {error}", file=sys.stderr)
    kept = [row for row in rows if "error" in row["aeden"] or all(keep(row["aeden"]) for keep in a.keep)]
    write_whole(output, written(kept, output.name))
    failed = sum("error" in row["aeden"] for row in rows)
    print(f"{len(rows) - failed} lines done, {failed} failed; {len(kept)} of {len(rows)} lines in {output}", file=sys.stderr)
    return 1 if failed else 0


def work_of(manifests: list[Path], are_shards: bool) -> tuple[list[Row], list[tuple[Row | Path, list[Row]]]]:
    """The rows, and what there is to do: a shard or a row, with all rows that are done by it."""
    if are_shards:
        names: dict[str, Path] = {}
        for path in manifests:
            if names.setdefault(path.name, path) != path:
                raise Refused(f"{path} and {names[path.name]} would both become {path.name}")
        rows: list[Row] = [{"shard": str(path)} for path in names.values()]
        return rows, [(path, [row]) for path, row in zip(names.values(), rows)]
    rows = list(lines(manifests[0]))
    if not rows:
        raise Refused(f"{manifests[0]}: nothing to clean; it has no lines")
    groups: dict[str, list[Row]] = {}
    for row, places in checked(rows):
        if places:
            groups.setdefault(json.dumps([holder[key] for holder, key in places]), []).append(row)
    # A recording is cleaned once, however many lines name it; each line's own cut is looked at after that.
    whole = {"start", "offset", "duration", "id"}
    return rows, [({k: v for k, v in of[0].items() if k not in whole}, of) for of in groups.values()]


def settle(row: Row, done: Row) -> None:
    """Puts what became of a task into one of its rows."""
    if "error" not in done["aeden"]:
        try:
            within(row, done["aeden"])
        except Refused as e:
            row["aeden"] = {"error": str(e)}
            return
        if "shard" in row:
            row["shard"] = done["shard"]
        else:
            # Another line may name the same recording by another key.
            for (holder, key), (new, its) in zip(list(sources(row)), list(sources(done))):
                holder[key] = new[its]
    row["aeden"] = done["aeden"]


def writable(folder: Path) -> None:
    """Makes a folder, and refuses it where nothing can be written: before the work, and not once for each recording."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as e:
        raise Refused(f"{folder}: nothing can be written there ({e.strerror})") from e


if __name__ == "__main__":
    main()
