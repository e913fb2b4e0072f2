"""Cleans a folder, a bucket or a data set on a cluster of machines that run Ray.

    ray job submit -- python scale/clean.py IN OUT [--quality best] [--limit 20] [--report report.jsonl] [-- OPTIONS]

IN and OUT are folders that all machines see, or addresses that fsspec knows (s3://bucket/talks, gs://…). IN may also be a
manifest: JSON lines or lhotse's cuts, whose recordings have such addresses. Every file that has no output yet is cleaned, once: an
output appears whole, under its name, or not at all, so that a run can be stopped, killed and started again at any time, and
machines may come and go.

Each worker is a process that holds the network (an actor of Ray Data). It cleans WAV and FLAC and shards of WebDataset by
itself. Everything else (films, MP3, files with chunks that soundfile would lose) is cleaned by the program `aeden`, where
the machine has it, and so is everything if there are OPTIONS of `aeden clean` after --.

The report has a line of JSON for every file: cleaned, there or failed, with figures and the reason. The exit code is 1 if a file failed.
"""

import argparse
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
import warnings
from pathlib import Path, PurePosixPath

import fsspec
import ray

from aeden import dataset

# What is taken of a folder unless --endings says otherwise; `aeden clean` reads more.
ENDINGS = (".aac", ".aif", ".aiff", ".bwf", ".caf", ".flac", ".m4a", ".mka", ".mkv", ".mov", ".mp3", ".mp4", ".ogg", ".opus",
           ".rf64", ".tar", ".wav", ".wave", ".webm", ".wma", ".wv")
# Where an object appears when it is complete. Elsewhere it is written under another name first.
OBJECT_STORES = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "oss", "r2"}
LEFT = ".part"  # how the names of unfinished outputs end
OLD = 24 * 3600  # seconds after which unfinished outputs of others are taken for lost


def arguments():
    words = sys.argv[1:]
    at = words.index("--") if "--" in words else len(words)
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("source", metavar="IN")
    p.add_argument("target", metavar="OUT")
    p.add_argument("--quality", choices=("best", "high", "light"), default="best", help="[best]")
    p.add_argument("--limit", type=float, help="attenuate by at most so many dB")
    p.add_argument("--report", default="report.jsonl", help="file for a line of JSON per input [report.jsonl]")
    p.add_argument("--manifest", help="where the new manifest goes, if IN is one [OUT/manifest.jsonl]")
    p.add_argument("--root", default="", help="of a manifest: names are kept below this folder or address [whole paths]")
    p.add_argument("--measure", choices=tuple(dataset.MEASURES), action="append", default=[],
                   help="add a figure by another package, each by an option; `python -m aeden.dataset --help` tells them")
    p.add_argument("--keep", type=dataset.keeps, action="append", default=[], metavar="FIGURE>=NUMBER",
                   help="leave the lines of others out of the new manifest, such as snr_db>=10")
    p.add_argument("--workers", type=int, help="at most [one for each core of the cluster]")
    p.add_argument("--shard-mb", type=float, default=256, help="input that a task takes, in MB [256]")
    p.add_argument("--retries", type=int, default=3, help="how often a task starts again after its worker was lost [3]")
    p.add_argument("--program", default="aeden", help="the program, on every machine [aeden]")
    p.add_argument("--endings", nargs="+", default=ENDINGS, help=f"of the files to take of a folder [{' '.join(ENDINGS)}]")
    a = p.parse_args(words[:at])
    a.options = words[at + 1 :]
    a.source, a.target, a.root = whole(a.source), whole(a.target), whole(a.root)
    if a.options and (a.limit is not None or a.quality != "best" or a.measure):
        p.error("--quality, --limit and --measure are options of the network in the worker; after -- give those of aeden clean")
    return a


def whole(address):
    """An address that means the same on every machine."""
    return address if "://" in address or not address else os.path.abspath(address)


def rows_of(address):
    """The rows of a manifest, or None if the address is no manifest."""
    if not address.removesuffix(".gz").endswith((".jsonl", ".json")):
        return None
    with fsspec.open(address, "rb") as file:
        return list(dataset.rows_in(file, address))


def below(address, root):
    """The name of an output: below `root` as its input is, or the whole path without a root."""
    path = fsspec.core.url_to_fs(address)[1]
    if root:
        top = fsspec.core.url_to_fs(root)[1].rstrip("/") + "/"
        if not path.startswith(top):
            raise dataset.Refused(f"{address}: not below {root}")
        path = path[len(top) :]
    return str(PurePosixPath(*(part for part in PurePosixPath(path).parts if part not in ("/", ".."))))


def found(source, endings):
    """(name below the source, address, bytes) of every file to take."""
    fs, root = fsspec.core.url_to_fs(source)
    root = root.rstrip("/")
    for path, info in fs.find(root, detail=True).items():
        if path.lower().endswith(tuple(endings)) and not os.path.basename(path).startswith("."):
            yield path[len(root) + 1 :], fs.unstrip_protocol(path), info["size"]


def named(rows, root):
    """(name, address, 0) of every recording that rows name, each once."""
    taken = {}
    for row, places in dataset.checked(rows):
        try:
            for holder, key in places:
                holder[key] = whole(holder[key])
                name = below(holder[key], root)
                if taken.setdefault(name, holder[key]) != holder[key]:
                    raise dataset.Refused(f"{holder[key]} and {taken[name]} would both become {name}")
        except ValueError as e:
            row["aeden"] = {"error": str(e)}
    for name, address in taken.items():
        yield name, address, 0


def shards(files, most):
    """Lists of (name, address), of at most `most` bytes together, or of one; the largest first: the last tasks are then short ones."""
    shard, size = [], 0
    for name, address, length in sorted(files, key=lambda f: (-f[2], f[0])):
        if shard and (size + length > most or len(shard) >= 1000):
            yield shard
            shard, size = [], 0
        shard.append((name, address))
        size += length
    if shard:
        yield shard


class Worker:
    """Cleans files with a network that is loaded once. Called with {"files": [[name, address], …]}, it gives a line for each."""

    def __init__(self, target, quality, limit, measures, program, options, run):
        self.fs, root = fsspec.core.url_to_fs(target)
        self.root, self.run = root.rstrip("/"), run
        self.asked, self.program = program, shutil.which(program)
        self.options = options or ["--quality", quality, *([] if limit is None else [f"--limit={limit}"])]
        self.stage = None if options else dataset.Clean("", quality=quality, measures=measures, limit=limit)

    def __call__(self, shard):
        return [{"line": json.dumps(self.guarded(*file))} for file in shard["files"]]

    def guarded(self, name, address):
        begun = time.perf_counter()
        try:
            line = self.file(name, address)
        except Exception as e:  # one file, or the way to it, must not stop the others
            known = isinstance(e, (dataset.Refused, Failed))
            line = dict(status="failed", problem=" ".join((str(e) if known else f"{type(e).__name__}: {e}").split()))
        return dict(file=name, **line, took=round(time.perf_counter() - begun, 4))

    def file(self, name, address):
        """Cleans one file, unless its output is there."""
        fs, origin = fsspec.core.url_to_fs(address)
        output = f"{self.root}/{name}"
        folder, _, base = output.rpartition("/")
        if type(fs) is type(self.fs) and os.path.realpath(origin) == os.path.realpath(output):
            raise Failed("its output is the recording itself; choose another OUT")
        figures = f"{folder}/.{base}.json"
        if self.fs.exists(output):
            told = json.loads(self.fs.cat_file(figures)) if self.fs.exists(figures) else {}
            if self.stage and told.get("by") == "worker" and "seconds" in told["aeden"] and self.stage.measures.missing(told["aeden"]):
                told["aeden"] = self.stage.measured_again(told["aeden"], fs.cat_file(origin), self.fs.cat_file(output), base)
                self.put(figures, json.dumps(told).encode())
            # By a worker of this run that was lost before it could say so.
            return told | dict(status="cleaned" if told.pop("run", None) == self.run else "there")
        data, told = self.cleaned(fs.cat_file(origin), base)
        self.fs.makedirs(folder, exist_ok=True)
        # The figures first: where there is an output, its figures are there too.
        self.put(figures, json.dumps(told | dict(run=self.run)).encode())
        self.put(output, data)
        return told | dict(status="cleaned")

    def cleaned(self, data, name):
        """The cleaned bytes of a file, and its figures."""
        told = {}
        if self.stage:
            if name.lower().endswith(".tar"):
                data, count = dataset.archive(self.stage, data, name)
                return data, dict(aeden=dict(cleaned=count), by="worker")
            try:
                own, of_file = self.stage.data(data, name)
                if "lost" not in of_file or not self.program:
                    return own, dict(aeden=of_file, by="worker")
                told = dict(aeden={k: v for k, v in of_file.items() if k != "lost"})
            except dataset.Refused as e:
                if not self.program:
                    raise dataset.Refused(f"{e}; this machine has no program {self.asked!r} (--program)") from None
        return self.by_program(data, name), told | dict(by="program")

    def by_program(self, data, name):
        if not self.program:
            raise Failed(f"this machine has no program {self.asked!r} (--program)")
        with tempfile.TemporaryDirectory() as folder:
            noisy, cleaned = (os.path.join(folder, part, name) for part in ("in", "out"))
            for path in (noisy, cleaned):
                os.mkdir(os.path.dirname(path))
            with open(noisy, "wb") as file:
                file.write(data)
            run = subprocess.run([self.program, "clean", noisy, cleaned, "--quiet", *self.options], capture_output=True, text=True)
            if run.returncode:
                problem = (run.stderr.strip().splitlines() or [f"{self.program} ended with {run.returncode}"])[-1]
                raise Failed(problem.replace(folder, ""))
            with open(cleaned, "rb") as file:
                return file.read()

    def put(self, path, data):
        """Writes a file that appears under its name when it is complete."""
        protocols = {self.fs.protocol} if isinstance(self.fs.protocol, str) else set(self.fs.protocol)
        if protocols & OBJECT_STORES:
            self.fs.pipe_file(path, data)
            return
        folder, _, base = path.rpartition("/")
        part = f"{folder}/.{base}.{self.run}.{uuid.uuid4().hex}{LEFT}"
        try:
            self.fs.pipe_file(part, data)
            self.fs.mv(part, path)
        finally:
            if self.fs.exists(part):
                self.fs.rm(part)


class Failed(Exception):
    """What is wrong with one file, in words that stand for themselves."""


def lines(shards_, worker, a, at_once):
    """A line for every file whose worker lived to tell it, as they come."""
    if not shards_:
        return
    rows = ray.data.from_items([dict(files=[list(file) for file in shard]) for shard in shards_], override_num_blocks=len(shards_))
    pool = ray.data.ActorPoolStrategy(min_size=1, max_size=at_once, max_tasks_in_flight_per_actor=2)
    actor = dict(max_restarts=-1, max_task_retries=a.retries)
    done = rows.flat_map(Worker, fn_constructor_args=worker, compute=pool, num_cpus=1, ray_remote_args_fn=lambda: actor)
    for row in done.iter_rows():
        yield json.loads(row["line"])


def started(longest=600):
    """Starts Ray on this machine, or joins its cluster. Ray gives its own start 30 s, which a busy machine does not keep: it is tried again until it stands."""
    begun = time.monotonic()
    while True:
        try:
            ray.init(log_to_driver=False, logging_level="error")
            return
        except Exception as e:  # Ray has no type for this one
            ray.shutdown()
            if "timed out during startup" not in str(e) or time.monotonic() - begun > longest:
                raise


def writable(target):
    """Refuses a target where nothing can be written: before the work, and not once for each file."""
    fs, root = fsspec.core.url_to_fs(target)
    probe = f"{root.rstrip('/')}/.{uuid.uuid4().hex}{LEFT}"
    try:
        fs.makedirs(root, exist_ok=True)
        fs.pipe_file(probe, b"")
        fs.rm(probe)
    except Exception as e:  # every store has errors of its own
        raise dataset.Refused(f"{target}: nothing can be written there ({' '.join(str(e).split())})") from e


def sweep(target, run):
    """Removes what workers that were lost in the middle of a copy have left: those of this run, and old ones."""
    fs, root = fsspec.core.url_to_fs(target)
    for path, info in fs.find(root, detail=True).items() if fs.exists(root) else []:
        name = os.path.basename(path)
        if name.startswith(".") and name.endswith(LEFT) and (f".{run}." in name or time.time() - info.get("mtime", time.time()) > OLD):
            fs.rm(path)


def main():
    a = arguments()
    try:
        sys.exit(run(a))
    except (OSError, ValueError) as e:
        sys.exit(f"clean.py: {' '.join(str(e).split())}")


def run(a):
    dataset.check(a.keep, a.measure)
    dataset.Measures(a.measure)  # a package that is absent is told here; the workers need them too
    rows = rows_of(a.source)
    files = list(named(rows, a.root) if rows is not None else found(a.source, a.endings))
    if not files and not rows:
        raise dataset.Refused(f"nothing to clean in {a.source}" + ("" if rows is not None else "; --endings says what is taken"))
    manifest = a.manifest or f"{a.target.rstrip('/')}/manifest.jsonl"
    if rows is not None and fsspec.core.url_to_fs(manifest)[1] == fsspec.core.url_to_fs(a.source)[1]:
        raise dataset.Refused(f"{manifest}: the manifest itself; --manifest names another")
    writable(a.target)
    with open(a.report, "a", encoding="utf-8"):  # known to be writable before the work
        pass
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    started()
    logging.disable(logging.ERROR)  # what matters is in the report
    warnings.filterwarnings("ignore", "`ray_remote_args_fn` is deprecated")  # nothing else says how often a task is tried again
    context = ray.data.DataContext.get_current()
    context.max_errored_blocks = -1  # a task whose worker was lost too often ends alone
    context.enable_progress_bars = False
    number = uuid.uuid4().hex
    worker = (a.target, a.quality, a.limit, a.measure, a.program, a.options, number)
    at_once = a.workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
    counts, told = dict(cleaned=0, there=0, failed=0), {}
    with open(a.report, "w", encoding="utf-8") as report:

        def tell(line):
            counts[line["status"]] += 1
            told[line["file"]] = line if rows is not None else True
            report.write(json.dumps(line) + "\n")
            report.flush()
            print(f"\r{sum(counts.values())} of {len(files)}", end="", file=sys.stderr, flush=True)

        for line in lines(list(shards(files, a.shard_mb * 1e6)), worker, a, at_once):
            tell(line)
        # Where a worker was lost again and again, one file is to blame: each by itself then.
        for line in lines([[file[:2]] for file in files if file[0] not in told], worker, a, at_once):
            tell(line)
        for name in [file[0] for file in files if file[0] not in told]:
            tell(dict(file=name, status="failed", problem=f"its worker was lost {2 * (a.retries + 1)} times; is there memory for it?"))
    sweep(a.target, number)
    alone = write_manifest(manifest, rows, told, a) if rows is not None else 0
    print(f"\r{counts['cleaned']} cleaned, {counts['there']} there already, {counts['failed']} failed; see {a.report}", file=sys.stderr)
    if alone:
        print(f"{alone} lines of the manifest failed by themselves; see {manifest}", file=sys.stderr)
    return 1 if counts["failed"] or alone else 0


def write_manifest(address, rows, told, a):
    """Writes the rows with the addresses of the cleaned recordings, and figures as `aeden`; what failed stands as it was.

    Gives how many failed though no recording of theirs did: those that name none, or a cut that it does not have.
    """
    alone = 0
    for row in rows:
        if "error" in row.get("aeden", {}):
            alone += 1
            continue
        of_row = [(holder, key, told[below(holder[key], a.root)]) for holder, key in dataset.sources(row)]
        failed = [line["problem"] for *_, line in of_row if line["status"] == "failed"]
        if failed:
            row["aeden"] = {"error": failed[0]}
            continue
        row["aeden"] = of_row[-1][2].get("aeden", {})
        try:
            dataset.within(row, row["aeden"])
        except dataset.Refused as e:
            row["aeden"], alone = {"error": str(e)}, alone + 1
            continue
        for holder, key, line in of_row:
            holder[key] = f"{a.target.rstrip('/')}/{line['file']}"
    kept = [row for row in rows if "error" in row["aeden"] or all(keep(row["aeden"]) for keep in a.keep)]
    with fsspec.open(address, "wb") as file:
        file.write(dataset.written(kept, address))
    return alone


if __name__ == "__main__":
    main()
