"""The Ray job on two workers of this machine, one of which is killed in the middle.

`cargo xtask test` runs it; by hand: AEDEN_PROGRAM=target/debug/aeden .venv/bin/python scale/test_clean.py
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
NOISY = HERE.parent / "tests/fixtures/noisy.wav"
FILES = 20

# Stands where the program does, notes that it ran, and kills the worker that called it, once.
KILLER = """#!/bin/sh
printf '%s\\n' "$(basename "$2")" >> {log}
if [ "$(wc -l < {log})" -ge 6 ] && mkdir {once} 2>/dev/null; then kill -9 $PPID; exit 1; fi
exec {program} "$@"
"""


class Job(unittest.TestCase):
    def setUp(self):
        self.program = os.environ.get("AEDEN_PROGRAM")
        if not self.program:
            self.skipTest("AEDEN_PROGRAM does not name the program aeden; cargo xtask test sets it")
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        for i in range(FILES):
            path = self.folder / f"in/{i % 3}/{i:02}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(NOISY, path)

    def job(self, program):
        command = [sys.executable, HERE / "clean.py", self.folder / "in", self.folder / "out", "--program", program,
                   "--shard-mb", "1", "--report", self.folder / "report.jsonl", "--", "--limit", "30"]
        environment = os.environ | dict(RAY_OVERRIDE_RESOURCES='{"CPU": 2}', RAY_USAGE_STATS_ENABLED="0")
        run = subprocess.run(command, capture_output=True, text=True, env=environment)
        lines = [json.loads(line) for line in (self.folder / "report.jsonl").read_text().splitlines()]
        return run, Counter(line["status"] for line in lines), lines

    def outputs(self):
        return {path.relative_to(self.folder / "out"): path.stat().st_mtime_ns
                for path in (self.folder / "out").rglob("*") if path.is_file()}

    def test_every_file_once_although_a_worker_is_killed(self):
        killer, log, once = (self.folder / name for name in ("aeden", "ran", "once"))
        killer.write_text(KILLER.format(log=log, once=once, program=os.path.abspath(self.program)))
        killer.chmod(0o755)
        run, counts, lines = self.job(killer)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertTrue(once.exists(), "no worker was killed")
        self.assertEqual(sorted(line["file"] for line in lines), sorted(f"{i % 3}/{i:02}.wav" for i in range(FILES)))
        self.assertEqual(counts["failed"], 0)
        ran = Counter(log.read_text().split())
        self.assertEqual(sum(ran.values()), FILES + 1, "only the file that was being cleaned is begun again")
        outputs = self.outputs()
        self.assertEqual(len(outputs), FILES)
        expected = subprocess.run([self.program, "clean", NOISY, "-", "--limit", "30"], capture_output=True, check=True).stdout
        for path in outputs:
            self.assertEqual((self.folder / "out" / path).stat().st_size, len(expected))

        run, counts, _ = self.job(killer)
        self.assertEqual((run.returncode, dict(counts)), (0, dict(there=FILES)), "a second run does nothing")
        self.assertEqual(self.outputs(), outputs)

    def test_a_broken_file_fails_alone(self):
        (self.folder / "in/broken.wav").write_bytes(b"RIFF")
        run, counts, lines = self.job(self.program)
        self.assertEqual((run.returncode, counts["cleaned"], counts["failed"]), (1, FILES, 1))
        (broken,) = [line for line in lines if line["status"] == "failed"]
        self.assertEqual(broken["file"], "broken.wav")
        self.assertNotEqual(broken["problem"], "")


if __name__ == "__main__":
    unittest.main()
