"""The scene of a data engineer: what docs/scale.md tells to type, typed as it stands by one who has nothing but that page.

`cargo xtask test` runs it; by hand: AEDEN_PROGRAM=target/debug/aeden .venv/bin/python scale/test_page.py
"""

import json
import os
import re
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

import soundfile

from test_clean import ENVIRONMENT, HERE, NOISY, Job


class DataEngineer(Job):
    def test_the_page_as_it_stands(self):
        page = (HERE.parent / "docs/scale.md").read_text()
        blocks = re.findall(r"^```sh run\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
        self.assertEqual(len(blocks), 2, "the page has another course")
        (self.folder / "bin").mkdir()
        # A link would hide from Python which environment it is of.
        python = self.folder / "bin/python"
        python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        python.chmod(0o755)
        (self.folder / "bin/aeden").symlink_to(os.path.abspath(self.program))
        shutil.copytree(HERE, self.folder / "scale", ignore=shutil.ignore_patterns("test_*", "__pycache__"))
        samples, rate = soundfile.read(NOISY, dtype="int16")
        names = {f"{name}.wav" for name in ("monday", "tuesday", "after lunch/wednesday")}
        for n, name in enumerate(sorted(names)):
            path = self.folder / "recordings" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, samples[n * rate : (n + 3) * rate], rate, subtype="PCM_16")

        environment = ENVIRONMENT | dict(PATH=f"{self.folder}/bin:{os.environ['PATH']}", HOME=str(self.folder))
        for block in blocks:
            run = subprocess.run(["sh", "-euc", block], cwd=self.folder, env=environment, capture_output=True, text=True)
            self.assertEqual(run.returncode, 0, run.stderr)

        outputs = {folder: self.outputs(folder) for folder in ("cleaned", "cleaned-by-ray", "cleaned-of-manifest")}
        manifest = outputs["cleaned-of-manifest"].pop("manifest.jsonl")[1].decode()
        for folder, found in outputs.items():
            self.assertEqual(set(found), names, folder)
            for name in names:
                is_, was = (soundfile.info(self.folder / place / name) for place in (folder, "recordings"))
                self.assertEqual((is_.frames, is_.samplerate, is_.subtype), (was.frames, was.samplerate, was.subtype), name)
        rows = [json.loads(row) for row in manifest.splitlines()]
        self.assertTrue(rows, "--keep left nothing")
        for row in rows:
            self.assertIn(str(Path(row["audio_filepath"]).relative_to(self.folder / "cleaned-of-manifest")), names)
            self.assertGreaterEqual(row["aeden"]["snr_db"], 3)
        self.assertEqual({line["status"] for line in self.report()}, {"cleaned"})


if __name__ == "__main__":
    unittest.main()
