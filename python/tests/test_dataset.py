"""Cleaning a data set: manifests in and out, once and whole, whatever is killed."""

import gzip
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import unittest
from pathlib import Path

import numpy as np
import soundfile

import aeden
from aeden.dataset import Clean

REPOSITORY = Path(__file__).resolve().parents[2]
NOISY = REPOSITORY / "tests/fixtures/noisy.wav"


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def recordings(self, count, seconds=0.5):
        samples, rate = soundfile.read(NOISY, dtype="int16")
        for number in range(count):
            path = self.folder / f"in/{number % 2}/{number}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            start = number * 1000
            soundfile.write(path, samples[start : start + int(seconds * rate)], rate, subtype="PCM_16")
            yield path

    def manifest(self, rows, name="manifest.jsonl"):
        path = self.folder / name
        text = "".join(json.dumps(row) + "\n" for row in rows).encode()
        path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
        return path

    def command(self, *arguments):
        return [sys.executable, "-m", "aeden.dataset", *map(str, arguments), "--quality", "light", "--workers", "2"]

    def run_it(self, *arguments):
        return subprocess.run(self.command(*arguments), capture_output=True, text=True, cwd=self.folder)

    def plain(self, *arguments, **how):
        return subprocess.run([sys.executable, *map(str, arguments)], capture_output=True, text=True, cwd=self.folder, **how)

    def outputs(self):
        return {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in (self.folder / "out").rglob("*") if p.is_file()}


class Manifests(Case):
    def test_lines_come_out_with_cleaned_recordings_and_figures(self):
        paths = list(self.recordings(3))
        rows = [{"audio_filepath": str(p), "duration": 0.5, "text": f"é {n}"} for n, p in enumerate(paths)]
        rows.append(rows[0] | {"text": "the same recording"})
        run = self.run_it(self.manifest(rows), "out", "--root", self.folder / "in")
        self.assertEqual(run.returncode, 0, run.stderr)
        made = [json.loads(line) for line in (self.folder / "out/manifest.jsonl").read_text().splitlines()]
        self.assertEqual([row["text"] for row in made], [row["text"] for row in rows])
        self.assertEqual([row["audio_filepath"] for row in made], [f"out/{p.parent.name}/{p.name}" for p in (*paths, paths[0])])
        for path, row in zip(paths, made):
            samples, rate = soundfile.read(path, dtype="float32")
            cleaned, _ = soundfile.read(self.folder / row["audio_filepath"], dtype="float32")
            np.testing.assert_allclose(cleaned, aeden.clean(samples, rate, quality="light"), atol=1 / 32768)
            self.assertEqual((row["aeden"]["rate"], row["aeden"]["channels"], row["aeden"]["seconds"]), (rate, 1, 0.5))
            self.assertAlmostEqual(row["aeden"]["level_db"], 10 * np.log10(np.mean(samples.astype(float) ** 2)), places=3)
        before = self.outputs()
        again = self.run_it(self.manifest(rows), "out", "--root", self.folder / "in")
        self.assertEqual(again.returncode, 0, again.stderr)
        after = self.outputs()
        manifest = self.folder / "out/manifest.jsonl"
        self.assertEqual(before.pop(manifest)[1], after.pop(manifest)[1])
        self.assertEqual(before, after, "a second run does nothing")

    def test_cuts_of_lhotse(self):
        (path,) = self.recordings(1)
        recording = {"id": "r", "sources": [{"type": "file", "channels": [0], "source": str(path)}], "sampling_rate": 48000}
        cuts = [{"id": f"c{n}", "start": n / 4, "duration": 0.25, "recording": recording, "type": "MonoCut"} for n in range(2)]
        run = self.run_it(self.manifest(cuts, "cuts.jsonl.gz"), "out", "-o", "new.jsonl.gz")
        self.assertEqual(run.returncode, 0, run.stderr)
        made = [json.loads(line) for line in gzip.open(self.folder / "new.jsonl.gz", "rt")]
        for old, new in zip(cuts, made):
            source = new["recording"]["sources"][0].pop("source")
            self.assertTrue((self.folder / source).is_file())
            # lhotse takes no key that it does not know.
            self.assertEqual(new.pop("custom")["aeden"]["seconds"], 0.5)
            old = json.loads(json.dumps(old))
            del old["recording"]["sources"][0]["source"]
            self.assertEqual(new, old)

    def test_shards_of_webdataset(self):
        with tarfile.open(self.folder / "a.tar", "w") as tar:
            for path in self.recordings(2):
                tar.add(path, f"{path.stem}.wav")
                text = tarfile.TarInfo(f"{path.stem}.txt")
                text.size = 5
                tar.addfile(text, io.BytesIO(b"hello"))
        run = self.run_it("a.tar", "out")
        self.assertEqual(run.returncode, 0, run.stderr)
        with tarfile.open(self.folder / "out/a.tar") as tar:
            self.assertEqual(tar.getnames(), ["0.aeden.json", "0.wav", "0.txt", "1.aeden.json", "1.wav", "1.txt"])
            self.assertEqual(tar.extractfile("1.txt").read(), b"hello")
            samples, _ = soundfile.read(io.BytesIO(tar.extractfile("1.wav").read()), dtype="float32")
            noisy, rate = soundfile.read(self.folder / "in/1/1.wav", dtype="float32")
            np.testing.assert_allclose(samples, aeden.clean(noisy, rate, quality="light"), atol=1 / 32768)
        self.assertEqual(self.run_it("a.tar", "out").returncode, 0)
        (self.folder / "b.tar").write_bytes((self.folder / "a.tar").read_bytes()[:50_000])
        run = self.run_it("a.tar", "b.tar", "out")
        self.assertEqual(run.returncode, 1, run.stderr)
        self.assertIn("b.tar", run.stderr)
        self.assertFalse((self.folder / "out/b.tar").exists())

    def test_filters_leave_lines_out(self):
        rows = [{"path": str(p)} for p in self.recordings(2)]
        for text, count in (("seconds>0.4", 2), ("seconds>0.6", 0), ("bandwidth_hz>=100", 2), ("rate==8000", 0)):
            run = self.run_it(self.manifest(rows), "out", "--keep", text)
            self.assertEqual(run.returncode, 0, run.stderr)
            self.assertEqual(len((self.folder / "out/manifest.jsonl").read_text().splitlines()), count, text)
        for text in ("snr", "snr_db=10", "loudness>3", "snr_db>x"):
            self.assertEqual(self.run_it(self.manifest(rows), "out", "--keep", text).returncode, 2)

    def test_bad_input_fails_alone_and_is_named(self):
        good, = self.recordings(1)
        broken, missing, short = (self.folder / name for name in ("broken.wav", "missing.wav", "short.wav"))
        broken.write_bytes(b"RIFF")
        short.write_bytes(good.read_bytes()[:20_000])
        rows = [{"path": str(p)} for p in (good, broken, missing, short)] + [{"text": "no recording"}]
        rows += [{"id": "u", "recording": {"sources": [{"type": "url", "source": "http://x"}]}}, {"recording": {"sources": [{"type": "file"}]}}]
        run = self.run_it(self.manifest(rows), "out")
        self.assertEqual(run.returncode, 1)
        self.assertEqual(len(run.stderr.splitlines()), 7, run.stderr)
        made = [json.loads(line) for line in (self.folder / "out/manifest.jsonl").read_text().splitlines()]
        told = [(row if "aeden" in row else row.pop("custom")).pop("aeden") for row in made]
        self.assertEqual(["error" in figures for figures in told], [False] + 6 * [True])
        self.assertEqual(made[1:], rows[1:], "the lines are as they were")
        names = {p.name for p in self.outputs() if not p.name.startswith(".")}
        self.assertEqual(names, {"0.wav", "manifest.jsonl"})
        good = json.dumps(rows[0]).encode() + b"\n"
        for text, problem in (
            (b"{", "line 1 is no JSON"),
            (b"[]\n", "no object"),
            (good + b'\n{"path": "\xe9.wav"}\n', "line 3 is no UTF-8"),
            (b"", "nothing to clean"),
            (gzip.compress(good * 99)[:-20], "broken after line"),
            (good, "broken after line 0"),
        ):
            bad = self.folder / ("bad.jsonl.gz" if "broken" in problem else "bad.jsonl")
            bad.write_bytes(text)
            run = self.run_it(bad, "never")
            self.assertEqual((run.returncode, len(run.stderr.splitlines())), (1, 1), run.stderr)
            self.assertIn(f"{bad}: ", run.stderr)
            self.assertIn(problem, run.stderr)
            self.assertFalse((self.folder / "never").exists())
        run = self.run_it(self.manifest(rows[:1]), "in", "--root", self.folder / "in")
        self.assertIn("the recording itself", run.stderr)
        run = self.run_it(self.manifest(rows[:1]), "out", "-o", "manifest.jsonl")
        self.assertIn("the manifest itself", run.stderr)
        run = self.run_it(self.manifest(rows[:1]), "out", "--limit", "-3")
        self.assertIn("limit", run.stderr)

    def test_a_name_may_have_a_line_break(self):
        path, = self.recordings(1)
        strange = path.rename(path.with_name("a\nb.wav"))
        empty = path.with_name("c\nd.wav")
        empty.write_bytes(b"")
        run = self.run_it(self.manifest([{"path": str(strange)}, {"path": str(empty)}]), "out")
        self.assertEqual((run.returncode, len(run.stderr.splitlines())), (1, 2), run.stderr)
        self.assertIn("c d.wav", run.stderr)
        made = [json.loads(line) for line in (self.folder / "out/manifest.jsonl").read_text().splitlines()]
        self.assertTrue((self.folder / made[0]["path"]).samefile(self.folder / f"out/{strange}"))
        self.assertEqual((made[1]["path"], "error" in made[1]["aeden"]), (str(empty), True))

    def test_cuts_beyond_their_recordings_and_ids_that_came_before(self):
        path, = self.recordings(1)
        recording = {"id": "r", "sources": [{"type": "file", "channels": [0], "source": str(path)}]}
        spans = [("whole", 0, 0.5), ("rounded", 0.3, 0.21), ("beyond", 0.3, 0.3), ("whole", 0.1, 0.1), ("before", -0.1, 0.2)]
        cuts = [{"id": name, "start": start, "duration": duration, "recording": recording} for name, start, duration in spans]
        rows = [{"audio_filepath": str(path), "offset": offset, "duration": 0.3} for offset in (0.1, 0.4)]
        run = self.run_it(self.manifest(cuts + rows), "out")
        self.assertEqual(run.returncode, 1, run.stderr)
        problems = ["row 4: the id 'whole' is also that of row 1", "beyond: from 0.3 to 0.6 s of a recording of 0.5 s", "before: from -0.1"]
        for problem in (*problems, "0.wav: from 0.4 to 0.7 s"):
            self.assertIn(problem, run.stderr)
        self.assertEqual(len(run.stderr.splitlines()), 5, run.stderr)
        made = [json.loads(line) for line in (self.folder / "out/manifest.jsonl").read_text().splitlines()]
        self.assertEqual(["error" in (row.get("custom") or row)["aeden"] for row in made], [False, False, True, True, True, False, True])
        for old, new in zip(cuts[2:5] + rows[1:], made[2:5] + made[6:]):
            self.assertEqual({k: v for k, v in new.items() if k not in ("aeden", "custom")}, old, "as it was")
        alone = Clean(str(self.folder / "out"), quality="light")(cuts[2])
        self.assertEqual((alone.pop("aeden")["error"], alone), (problems[1], cuts[2]))

    def test_shards_that_would_hide_one_another_are_refused(self):
        for folder, names in (("a", ("x.wav",)), ("b", ("y.wav",)), ("c", ("x.wav", "x.wav"))):
            path = self.folder / folder / ("0.tar" if folder != "c" else "c.tar")
            path.parent.mkdir()
            with tarfile.open(path, "w") as tar:
                for name, origin in zip(names, self.recordings(2)):
                    tar.add(origin, name)
        run = self.run_it("a/0.tar", "b/0.tar", "out")
        self.assertEqual((run.returncode, run.stderr), (1, "aeden.dataset: b/0.tar and a/0.tar would both become 0.tar\n"))
        run = self.run_it("c/c.tar", "out")
        self.assertEqual(run.returncode, 1)
        self.assertIn("c.tar: two members are called x.wav", run.stderr)
        self.assertFalse((self.folder / "out/c.tar").exists())

    def test_a_place_that_takes_nothing_is_told_before_the_work(self):
        path, = self.recordings(1)
        manifest = self.manifest([{"path": str(path)}])
        (self.folder / "file").write_bytes(b"")
        for where in (("file",), ("file/out",), ("out", "-o", "file/new.jsonl"), ("/proc/nothing",)):
            run = self.run_it(manifest, *where)
            self.assertEqual((run.returncode, len(run.stderr.splitlines())), (1, 1), run.stderr)
            self.assertIn("nothing can be written there", run.stderr)
            self.assertFalse([p for p in self.outputs() if p.suffix == ".wav"], "nothing was cleaned in vain")

    @unittest.skipUnless(hasattr(os, "fork"), "limits of a process")
    def test_a_disk_that_is_full_loses_nothing(self):
        import resource

        first, second = self.recordings(2)
        samples, rate = soundfile.read(second)
        soundfile.write(second, np.tile(samples, 8), rate, subtype="PCM_16")
        manifest = self.manifest([{"path": str(p)} for p in (first, second)])
        # No file may become longer: a write fails in its middle, as on a full disk.
        full = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        run = self.plain(*self.command(manifest, "out")[1:], preexec_fn=full)
        self.assertEqual((run.returncode, len(run.stderr.splitlines())), (1, 2), run.stderr)
        self.assertIn("too large", run.stderr)
        self.assertEqual({p.name for p in self.outputs() if not p.name.startswith(".")}, {"0.wav", "manifest.jsonl"}, "nothing unfinished")
        self.assertFalse([p for p in self.outputs() if p.name.endswith(".part")])
        run = self.run_it(manifest, "out")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(sum(p.suffix == ".wav" for p in self.outputs()), 2)

    def test_what_is_not_kept_is_named(self):
        path, = self.recordings(1)
        data = path.read_bytes()
        body = data[12:] + b"cue \x04\0\0\0\0\0\0\0"
        path.write_bytes(b"RIFF" + (len(body) + 4).to_bytes(4, "little") + b"WAVE" + body)
        row = Clean(str(self.folder / "out"), quality="light")({"path": str(path)})
        self.assertEqual(row["aeden"]["lost"], ["cue"])
        flac = self.folder / "a.flac"
        with soundfile.SoundFile(flac, "w", 16_000, 1, "PCM_24", format="FLAC") as file:
            file.title = "Ä title"
            file.write(np.zeros(16_000))
        row = Clean(str(self.folder / "out"), quality="light")({"path": str(flac)})
        self.assertNotIn("lost", row["aeden"])
        with soundfile.SoundFile(row["path"]) as file:
            self.assertEqual((file.title, file.subtype, file.samplerate, file.frames), ("Ä title", "PCM_24", 16_000, 16_000))


@unittest.skipUnless(hasattr(os, "killpg") and Path("/proc").is_dir(), "processes are looked for in /proc")
class Kills(Case):
    def children(self, process):
        return [int(p) for p in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]

    def wait_for_outputs(self, process, count):
        while process.poll() is None and sum(p.suffix == ".wav" for p in (self.folder / "out").rglob("*")) < count:
            time.sleep(0.01)

    def begun(self, manifest):
        return subprocess.Popen(self.command(manifest, "out"), cwd=self.folder, start_new_session=True, stderr=subprocess.PIPE)

    def test_nothing_is_lost_or_done_twice_whoever_is_killed(self):
        manifest = self.manifest([{"path": str(p)} for p in self.recordings(24)])
        # The whole run, twice, in the middle.
        for count in (3, 8):
            process = self.begun(manifest)
            self.wait_for_outputs(process, count)
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            self.assertFalse((self.folder / "out/manifest.jsonl").exists())
        before = {p: made for p, made in self.outputs().items() if p.suffix == ".wav"}
        # One of its two workers: another takes its place.
        process = self.begun(manifest)
        self.wait_for_outputs(process, len(before) + 2)
        workers = self.children(process)
        if workers:
            os.kill(workers[0], signal.SIGKILL)
        _, said = process.communicate(timeout=300)
        self.assertEqual(process.returncode, 0, said)
        after = self.outputs()
        for path, made in before.items():
            self.assertEqual(after[path], made, "what was there is not done again")
        names = sorted(p.name for p in after if p.suffix == ".wav")
        self.assertEqual(names, sorted(f"{n}.wav" for n in range(24)))
        self.assertFalse([p for p in after if p.name.endswith(".part")])
        whole = self.folder / "whole"
        for path in (self.folder / "in").rglob("*.wav"):
            row = Clean(str(whole), quality="light")({"path": str(path)})
            twin = self.folder / "out" / Path(row["path"]).relative_to(whole)
            self.assertEqual(twin.read_bytes(), Path(row["path"]).read_bytes(), "the same bits by any number of workers")


if __name__ == "__main__":
    unittest.main()
