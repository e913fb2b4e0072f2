"""The Ray job on two workers of this machine, one of which is killed in the middle.

`cargo xtask test` runs it; by hand: AEDEN_PROGRAM=target/debug/aeden .venv/bin/python scale/test_clean.py
"""

import gzip
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import unittest
from collections import Counter
from pathlib import Path
from unittest import mock

import numpy as np
import soundfile

import aeden
import clean

HERE = Path(__file__).resolve().parent
NOISY = HERE.parent / "tests/fixtures/noisy.wav"
FILES = 20
ENVIRONMENT = os.environ | dict(RAY_OVERRIDE_RESOURCES='{"CPU": 2}', RAY_USAGE_STATS_ENABLED="0")

# Stands where the program does, notes that it ran, and kills the worker that called it, once.
KILLER = """#!/bin/sh
printf '%s\\n' "$(basename "$2")" >> {log}
if [ "$(wc -l < {log})" -ge 6 ] && mkdir {once} 2>/dev/null; then kill -9 $PPID; exit 1; fi
exec {program} "$@"
"""

# Kills the worker that calls it with one of the files, whenever it does.
POISON = """#!/bin/sh
if [ "$(basename "$2")" = poison.mp3 ]; then kill -9 $PPID; exit 1; fi
cp "$2" "$3"
"""


class Job(unittest.TestCase):
    def setUp(self):
        self.program = os.environ.get("AEDEN_PROGRAM")
        if not self.program:
            self.skipTest("AEDEN_PROGRAM does not name the program aeden; cargo xtask test sets it")
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def recordings(self, count=FILES, seconds=9.0):
        samples, rate = soundfile.read(NOISY, dtype="int16")
        for i in range(count):
            path = self.folder / f"in/{i % 3}/{i:02}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, samples[i * 10 : i * 10 + int(seconds * rate)], rate, subtype="PCM_16")
        return {f"{i % 3}/{i:02}.wav" for i in range(count)}

    def command(self, *arguments, source="in", target="out", program=None):
        return [sys.executable, HERE / "clean.py", self.folder / source, self.folder / target, "--program", program or self.program,
                "--report", self.folder / "report.jsonl", *map(str, arguments)]

    def job(self, *arguments, **where):
        run = subprocess.run(self.command(*arguments, **where), capture_output=True, text=True, env=ENVIRONMENT)
        lines = self.report()
        return run, Counter(line["status"] for line in lines), lines

    def report(self):
        path = self.folder / "report.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def outputs(self, folder="out"):
        return {str(path.relative_to(self.folder / folder)): (path.stat().st_mtime_ns, path.read_bytes())
                for path in (self.folder / folder).rglob("*") if path.is_file() and not path.name.startswith(".")}

    def left(self):
        return [path for path in (self.folder / "out").rglob("*.part")]


class ByTheProgram(Job):
    def test_every_file_once_although_a_worker_is_killed(self):
        names = self.recordings()
        killer, log, once = (self.folder / name for name in ("aeden", "ran", "once"))
        killer.write_text(KILLER.format(log=log, once=once, program=os.path.abspath(self.program)))
        killer.chmod(0o755)
        options = ("--shard-mb", "1", "--", "--quality", "light", "--limit", "30")
        run, counts, lines = self.job(*options, program=killer)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertTrue(once.exists(), "no worker was killed")
        self.assertEqual(sorted(line["file"] for line in lines), sorted(names))
        self.assertEqual(counts, Counter(cleaned=FILES), "also what the lost worker had done before")
        ran = Counter(log.read_text().split())
        self.assertEqual(sum(ran.values()), FILES + 1, "only the file that was being cleaned is begun again")
        outputs = self.outputs()
        self.assertEqual(set(outputs), names)
        expected = self.folder / "expected.wav"
        one = sorted(names)[0]
        subprocess.run([self.program, "clean", self.folder / "in" / one, expected, *options[3:]], capture_output=True, check=True)
        self.assertEqual(outputs[one][1], expected.read_bytes())
        self.assertEqual(self.left(), [])

        run, counts, _ = self.job(*options, program=killer)
        self.assertEqual((run.returncode, dict(counts)), (0, dict(there=FILES)), "a second run does nothing")
        self.assertEqual(self.outputs(), outputs)

    def test_a_file_that_kills_every_worker_fails_alone(self):
        (self.folder / "in").mkdir()
        for name in ("a.mp3", "b.mp3", "poison.mp3", "c.mp3"):
            (self.folder / "in" / name).write_bytes(b"sound")
        poison = self.folder / "aeden"
        poison.write_text(POISON)
        poison.chmod(0o755)
        run, counts, lines = self.job("--retries", "1", program=poison)
        self.assertEqual((run.returncode, dict(counts)), (1, dict(cleaned=3, failed=1)), run.stderr)
        (failed,) = [line for line in lines if line["status"] == "failed"]
        self.assertEqual(failed["file"], "poison.mp3")
        self.assertIn("its worker was lost 4 times", failed["problem"])


class InTheWorker(Job):
    def test_every_file_once_although_workers_are_killed(self):
        names = self.recordings(24, seconds=4)
        running = subprocess.Popen(self.command("--quality", "light", "--shard-mb", "0.8"), stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
        killed = 0
        for done in (3, 9):
            while len(self.outputs()) < done and running.poll() is None:
                time.sleep(0.05)
            killed += kill_a_worker(running.pid)
        _, said = running.communicate()
        self.assertEqual(running.returncode, 0, said)
        self.assertEqual(killed, 2, "the workers were not found")
        lines = self.report()
        self.assertEqual(Counter(line["status"] for line in lines), Counter(cleaned=24))
        self.assertEqual({line["file"] for line in lines}, names)
        self.assertEqual({line["by"] for line in lines}, {"worker"})
        outputs = self.outputs()
        self.assertEqual((set(outputs), self.left()), (names, []))
        one = sorted(names)[5]
        samples, rate = soundfile.read(self.folder / "in" / one, dtype="float32")
        cleaned, _ = soundfile.read(io.BytesIO(outputs[one][1]), dtype="float32")
        np.testing.assert_allclose(cleaned, aeden.clean(samples, rate, quality="light"), atol=1 / 32768)
        figures = {line["file"]: line["aeden"] for line in lines}[one]
        self.assertEqual((figures["rate"], figures["seconds"]), (rate, 4.0))

        run, counts, again = self.job("--quality", "light", "--workers", "1")
        self.assertEqual((run.returncode, dict(counts)), (0, dict(there=24)), run.stderr)
        self.assertEqual(self.outputs(), outputs, "a second run does nothing")
        self.assertEqual({line["file"]: line["aeden"] for line in again}[one], figures, "and knows the figures")
        shutil.rmtree(self.folder / "out")
        self.job("--quality", "light", "--workers", "1")
        contents = lambda found: {name: data for name, (_, data) in found.items()}
        self.assertEqual(contents(self.outputs()), contents(outputs), "the same bits by one worker")

    def test_what_the_worker_cannot_keep_goes_through_the_program(self):
        self.recordings(1, seconds=1)
        samples, rate = soundfile.read(NOISY, dtype="int16")
        soundfile.write(self.folder / "in/song.ogg", samples, rate)
        plain = (self.folder / "in/0/00.wav").read_bytes()
        chunk = b"bext" + (602).to_bytes(4, "little") + b"a wall".ljust(602, b"\0")
        riff = plain[:12] + chunk + plain[12:]
        (self.folder / "in/field.wav").write_bytes(riff[:4] + (len(riff) - 8).to_bytes(4, "little") + riff[8:])
        (self.folder / "in/broken.wav").write_bytes(b"RIFF")
        run, counts, lines = self.job("--quality", "light")
        self.assertEqual((run.returncode, dict(counts)), (1, dict(cleaned=3, failed=1)), run.stderr)
        by = {line["file"]: line.get("by") for line in lines}
        self.assertEqual(by, {"0/00.wav": "worker", "song.ogg": "program", "field.wav": "program", "broken.wav": None})
        self.assertIn(b"a wall", self.outputs()["field.wav"][1])

        shutil.rmtree(self.folder / "out")
        run, counts, lines = self.job("--quality", "light", program="no-such-program")
        self.assertEqual((run.returncode, dict(counts)), (1, dict(cleaned=2, failed=2)))
        told = {line["file"]: line for line in lines}
        self.assertIn("no program 'no-such-program'", told["song.ogg"]["problem"])
        self.assertEqual(told["field.wav"]["aeden"]["lost"], ["bext"], "named where nothing can keep it")

    def test_a_manifest_comes_out_with_the_cleaned_recordings(self):
        names = sorted(self.recordings(3, seconds=2))
        shutil.copy(self.folder / "in" / names[0], self.folder / "in/hush.wav")
        soundfile.write(self.folder / "in/hush.wav", np.zeros(16_000), 16_000)
        rows = [dict(audio_filepath=str(self.folder / "in" / name), text=f"é {name}") for name in (*names, names[0], "hush.wav", "gone.wav")]
        rows.append(dict(audio_filepath=rows[0]["audio_filepath"], offset=1.5, duration=1, text="beyond the end"))
        rows.append(dict(text="names nothing"))
        (self.folder / "m.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        run, counts, _ = self.job("--quality", "light", "--root", self.folder / "in", "--keep", "snr_db>=6", source="m.jsonl")
        self.assertEqual((run.returncode, dict(counts)), (1, dict(cleaned=4, failed=1)), run.stderr)
        made = [json.loads(line) for line in (self.folder / "out/manifest.jsonl").read_text().splitlines()]
        self.assertEqual([row["text"] for row in made], [row["text"] for row in rows if "hush" not in row["text"]])
        self.assertEqual([row.get("audio_filepath") for row in made],
                         [*(str(self.folder / "out" / name) for name in (*names, names[0])), str(self.folder / "in/gone.wav"), rows[0]["audio_filepath"], None])
        self.assertEqual(["error" in row["aeden"] for row in made], [False] * 4 + [True] * 3)
        self.assertIn("from 1.5 to 2.5 s of a recording of 2 s", made[5]["aeden"]["error"])
        self.assertIn("2 lines of the manifest failed by themselves", run.stderr)

    def test_shards_of_a_data_set(self):
        names = sorted(self.recordings(4, seconds=1))
        (self.folder / "in/shards").mkdir()
        with tarfile.open(self.folder / "in/shards/000.tar", "w") as shard:
            for name in names:
                shard.add(self.folder / "in" / name, arcname=Path(name).name)
        shutil.move(self.folder / "in/shards", self.folder / "shards")
        run, counts, lines = self.job("--quality", "light", source="shards")
        self.assertEqual((run.returncode, dict(counts)), (0, dict(cleaned=1)), run.stderr)
        self.assertEqual(lines[0]["aeden"], dict(cleaned=4))
        with tarfile.open(self.folder / "out/000.tar") as shard:
            self.assertEqual(len(shard.getnames()), 8)

    def test_what_cannot_be_done_is_told_in_a_line(self):
        self.recordings(1, seconds=1)
        (self.folder / "latin.jsonl").write_bytes(b'{"path": "a.wav"}\n{"path": "\xe9.wav"}\n')
        (self.folder / "torn.jsonl.gz").write_bytes(gzip.compress(b'{"path": "a.wav"}\n' * 99)[:-20])
        (self.folder / "none.jsonl").write_bytes(b"")
        for arguments, where, words in (
            ((), dict(source="nothing"), "nothing to clean"),
            (("--endings", ".mp3"), {}, "--endings says what is taken"),
            (("--limit", "12", "--", "--mix", "0.5"), {}, "after -- give those of aeden clean"),
            (("--measure", "lufs", "--", "--mix", "0.5"), {}, "after -- give those of aeden clean"),
            (("--keep", "lufs>-30"), {}, "needs --measure lufs"),
            ((), dict(source="latin.jsonl"), "latin.jsonl: line 2 is no UTF-8"),
            ((), dict(source="torn.jsonl.gz"), "torn.jsonl.gz: broken after line"),
            ((), dict(source="none.jsonl"), "nothing to clean"),
            ((), dict(target="latin.jsonl"), "nothing can be written there"),
        ):
            run, _, _ = self.job(*arguments, **where)
            self.assertNotEqual(run.returncode, 0)
            self.assertIn(words, run.stderr)
            self.assertNotIn("Traceback", run.stderr)
            self.assertFalse((self.folder / "out").exists(), "told before any work")
        shutil.move(self.folder / "in", self.folder / "out")
        run, counts, lines = self.job("--quality", "light", source="out")
        self.assertEqual((run.returncode, dict(counts)), (1, dict(failed=1)))
        self.assertIn("the recording itself", lines[0]["problem"])


class Start(unittest.TestCase):
    LATE = Exception("The current node timed out during startup. This could happen because some of the raylet failed to startup")

    def test_a_busy_machine_may_take_its_time(self):
        with mock.patch("ray.init", side_effect=[self.LATE, self.LATE, None]) as init:
            clean.started()
        self.assertEqual(init.call_count, 3)

    def test_but_not_for_ever_and_other_faults_are_told(self):
        with mock.patch("ray.init", side_effect=self.LATE), self.assertRaisesRegex(Exception, "timed out"):
            clean.started(longest=-1)
        with mock.patch("ray.init", side_effect=[ConnectionError("no cluster"), None]), self.assertRaises(ConnectionError):
            clean.started()


def kill_a_worker(job):
    """Kills one of the processes of a job that hold a network, as a machine that vanishes does."""
    parent, workers = {}, []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                words = (process / "cmdline").read_bytes()
                parent[int(process.name)] = int((process / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
            if words.startswith(b"ray::") and b"MapWorker" in words:
                workers.append(int(process.name))
    for worker in workers:
        above = worker
        while above in parent and above != job:
            above = parent[above]
        if above == job:
            os.kill(worker, signal.SIGKILL)
            return True
    return False


if __name__ == "__main__":
    unittest.main()
