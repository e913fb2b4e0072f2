"""Cleans a folder or a bucket on a cluster of machines that run Ray.

    ray job submit -- python scale/clean.py IN OUT [--report report.jsonl] [--shard-mb 256] [-- --limit 20 ...]

IN and OUT are folders that all machines see, or addresses that fsspec knows (s3://bucket/talks, gs://…). Every file that
`aeden clean` reads and that has no output yet is cleaned by the program `aeden`, once: an output appears whole, under its
name, or not at all, so that a run can be stopped, killed and started again at any time, and machines may come and go.
Options after -- go to `aeden clean`. The report has a line of JSON for every file; the exit code is 1 if a file failed.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import uuid

import fsspec
import ray

# What is taken of a folder unless --endings says otherwise; `aeden clean` reads more.
AUDIO = (".aac", ".aif", ".aiff", ".bwf", ".caf", ".flac", ".m4a", ".mka", ".mkv", ".mov", ".mp3", ".mp4", ".ogg", ".opus",
         ".rf64", ".wav", ".wave", ".webm", ".wma", ".wv")


def arguments():
    own, _, rest = [list(part) for part in split(sys.argv[1:])]
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("source", metavar="IN")
    p.add_argument("target", metavar="OUT")
    p.add_argument("--report", default="report.jsonl", help="file for a line of JSON per input [report.jsonl]")
    p.add_argument("--shard-mb", type=float, default=256, help="input that a task takes, in MB [256]")
    p.add_argument("--retries", type=int, default=3, help="how often a task starts again after its machine was lost [3]")
    p.add_argument("--program", default="aeden", help="the program, on every machine [aeden]")
    p.add_argument("--endings", nargs="+", default=AUDIO, help=f"of the files to take [{' '.join(AUDIO)}]")
    a = p.parse_args(own)
    a.options = rest
    return a


def split(words):
    at = words.index("--") if "--" in words else len(words)
    return words[:at], words[at : at + 1], words[at + 1 :]


def inputs(source, endings):
    """(name below the source, bytes) of every file to take, largest first: the last tasks are then short ones."""
    fs, root = fsspec.core.url_to_fs(source)
    root = root.rstrip("/")
    found = fs.find(root, detail=True)
    names = ((path[len(root) + 1 :], info["size"]) for path, info in found.items())
    return sorted((f for f in names if f[0].lower().endswith(tuple(endings))), key=lambda f: (-f[1], f[0]))


def shards(files, most):
    """Lists of names of at most `most` bytes together, or of one."""
    shard, size = [], 0
    for name, length in files:
        if shard and size + length > most:
            yield shard
            shard, size = [], 0
        shard.append(name)
        size += length
    if shard:
        yield shard


def clean(name, source, target, program, options):
    """Cleans one file, unless its output is there, and gives its line of the report."""
    there, to = fsspec.core.url_to_fs(target)
    output = f"{to.rstrip('/')}/{name}"
    if there.exists(output):
        return dict(file=name, status="there")
    here, origin = fsspec.core.url_to_fs(source)
    with tempfile.TemporaryDirectory() as folder:
        noisy, cleaned = (os.path.join(folder, part, os.path.basename(name)) for part in ("in", "out"))
        for path in (noisy, cleaned):
            os.mkdir(os.path.dirname(path))
        here.get_file(f"{origin.rstrip('/')}/{name}", noisy)
        run = subprocess.run([program, "clean", noisy, cleaned, "--quiet", *options], capture_output=True, text=True)
        if run.returncode:
            problem = (run.stderr.strip().splitlines() or [f"{program} ended with {run.returncode}"])[-1]
            return dict(file=name, status="failed", exit=run.returncode, problem=problem.replace(folder, ""))
        there.makedirs(os.path.dirname(output), exist_ok=True)
        # Under another name first: what is killed while it copies leaves no half output behind.
        part = f"{os.path.dirname(output)}/.{os.path.basename(name)}.{uuid.uuid4().hex}.part"
        try:
            there.put_file(cleaned, part)
            there.mv(part, output)
        finally:
            if there.exists(part):
                there.rm(part)
        return dict(file=name, status="cleaned", bytes=os.path.getsize(cleaned), node=os.uname().nodename)


def guarded(name, *where):
    try:
        return clean(name, *where)
    except Exception as e:  # one file, or the way to it, must not stop the others
        return dict(file=name, status="failed", problem=f"{type(e).__name__}: {e}")


@ray.remote(num_cpus=1)
def work(shard, *where):
    return [guarded(name, *where) for name in shard]


def sweep(target):
    """Removes what machines that were lost in the middle of a copy have left."""
    fs, root = fsspec.core.url_to_fs(target)
    for path in fs.find(root) if fs.exists(root) else []:
        name = os.path.basename(path)
        if name.startswith(".") and name.endswith(".part"):
            fs.rm(path)


def main():
    a = arguments()
    files = inputs(a.source, a.endings)
    if not files:
        sys.exit(f"nothing to clean in {a.source}; --endings says what is taken")
    ray.init(log_to_driver=False, logging_level="error")
    task = work.options(max_retries=a.retries)
    where = (a.source, a.target, a.program, a.options)
    waiting = {task.remote(shard, *where): shard for shard in shards(files, a.shard_mb * 1e6)}
    counts = dict(cleaned=0, there=0, failed=0)
    with open(a.report, "w", encoding="utf-8") as report:
        while waiting:
            (ready,), _ = ray.wait(list(waiting), num_returns=1)
            shard = waiting.pop(ready)
            try:
                lines = ray.get(ready)
            except ray.exceptions.RayError as e:  # lost more often than --retries
                lines = [dict(file=name, status="failed", problem=f"{type(e).__name__}: its machine was lost") for name in shard]
            for line in lines:
                counts[line["status"]] += 1
                report.write(json.dumps(line) + "\n")
            report.flush()
            print(f"\r{sum(counts.values())} of {len(files)}", end="", file=sys.stderr, flush=True)
    sweep(a.target)
    print(f"\r{counts['cleaned']} cleaned, {counts['there']} there already, {counts['failed']} failed; see {a.report}", file=sys.stderr)
    sys.exit(1 if counts["failed"] else 0)


if __name__ == "__main__":
    main()
