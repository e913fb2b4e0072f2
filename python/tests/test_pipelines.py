"""The stage in lhotse and in NeMo Curator, and figures by other packages.

The packages come from PyPI: `pip install -r python/tests/requirements-pipelines.txt`. What is not installed is skipped, and said.
"""

import importlib.util
import json
import os
import unittest
from pathlib import Path
from unittest import mock

import numpy as np
import soundfile

import aeden
from aeden.dataset import Clean
from test_dataset import Case


def needs(*packages):
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    return unittest.skipIf(missing, f"no package {', '.join(missing)}")


@needs("lhotse")
class Lhotse(Case):
    def cuts(self):
        from lhotse import CutSet, MonoCut, Recording, SupervisionSegment

        first, second = (Recording.from_file(path) for path in self.recordings(2))
        cuts = [
            MonoCut(f"c{n}", n / 8, 0.25, 0, recording=recording, custom={"mine": n}, supervisions=[SupervisionSegment(f"s{n}", recording.id, 0, 0.25, text="é")])
            for n, recording in enumerate((first, first, second))
        ]
        return CutSet.from_cuts([*cuts, cuts[0].append(cuts[2]).pad(1.0).with_id("mixed")])

    def cleaned(self, recording):
        """The samples that aeden gives of a recording, as they stand in a file of 16 bits."""
        samples, rate = soundfile.read(recording.sources[0].source, dtype="float32")
        return aeden.clean(samples, rate, quality="light")

    def assert_cleaned(self, before, after):
        """The same cuts of the cleaned recordings, with figures."""
        self.assertEqual([cut.id for cut in after], [cut.id for cut in before])
        for old, new in zip(list(before)[:3], after):
            self.assertEqual((new.start, new.duration, new.supervisions), (old.start, old.duration, old.supervisions))
            self.assertEqual(new.custom["mine"], old.custom["mine"])
            self.assertEqual(new.custom["aeden"]["seconds"], 0.5)
            rate = old.sampling_rate
            heard = self.cleaned(old.recording)[int(old.start * rate) :][: int(old.duration * rate)]
            np.testing.assert_allclose(new.load_audio()[0], heard, atol=1 / 32768)
        noisy, mixed = (list(cuts)[3].load_audio() for cuts in (before, after))
        self.assertEqual(mixed.shape, noisy.shape)
        np.testing.assert_allclose(mixed[0, :12_000], list(after)[0].load_audio()[0], atol=1e-4)

    def test_cuts_that_lhotse_wrote_are_cuts_that_it_reads(self):
        from lhotse import CutSet

        for name in ("cuts.jsonl", "cuts.jsonl.gz"):
            before = self.cuts()
            before.to_file(self.folder / name)
            run = self.run_it(name, self.folder / "out", "-o", f"new.{name}")
            self.assertEqual(run.returncode, 0, run.stderr)
            self.assert_cleaned(before, list(CutSet.from_file(self.folder / f"new.{name}")))

    def test_recordings_too(self):
        from lhotse import Recording, RecordingSet

        before = RecordingSet.from_recordings(Recording.from_file(path) for path in self.recordings(2))
        before.to_file(self.folder / "recordings.jsonl.gz")
        run = self.run_it("recordings.jsonl.gz", self.folder / "out", "-o", "new.jsonl.gz")
        self.assertEqual(run.returncode, 0, run.stderr)
        for old, new in zip(before, RecordingSet.from_file(self.folder / "new.jsonl.gz")):
            self.assertEqual(new.id, old.id)
            np.testing.assert_allclose(new.load_audio()[0], self.cleaned(old), atol=1 / 32768)

    def test_the_stage_maps_a_set(self):
        from aeden.pipelines.lhotse import CleanCuts

        before = self.cuts()
        self.assert_cleaned(before, list(before.map(CleanCuts(str(self.folder / "out"), quality="light"))))

    def test_a_cut_that_fails_comes_out_as_it_was(self):
        from lhotse import CutSet

        from aeden.pipelines.lhotse import CleanCuts

        cut = list(self.cuts())[0]
        Path(cut.recording.sources[0].source).write_bytes(b"RIFF")
        (after,) = CutSet.from_cuts([cut]).map(CleanCuts(str(self.folder / "out"), quality="light"))
        self.assertIn("no recording that soundfile reads", after.custom.pop("aeden")["error"])
        self.assertEqual(after, cut)


@needs("nemo_curator")
class NemoCurator(Case):
    def test_a_pipeline_from_manifest_to_manifest(self):
        from nemo_curator.backends.ray_data import RayDataExecutor
        from nemo_curator.pipeline import Pipeline
        from nemo_curator.stages.audio.common import ManifestReader, ManifestWriterStage

        from aeden.pipelines.nemo_curator import CleanStage

        # Each of its four stages waits for a core of its own, which a small machine does not have.
        cores = mock.patch.dict(os.environ, RAY_OVERRIDE_RESOURCES='{"CPU": 8}', RAY_USAGE_STATS_ENABLED="0")
        cores.start()
        self.addCleanup(cores.stop)
        paths = list(self.recordings(3))
        rows = [{"audio_filepath": str(path), "text": f"é {n}"} for n, path in enumerate([*paths, self.folder / "gone.wav"])]
        soundfile.write(paths[2], np.zeros(16_000), 16_000)
        stage = CleanStage(str(self.folder / "out"), str(self.folder / "in"), quality="light", keep=["snr_db>=1"])
        stages = [ManifestReader(str(self.manifest(rows))), stage, ManifestWriterStage(str(self.folder / "new.jsonl"))]
        Pipeline(name="clean", stages=stages).run(RayDataExecutor())
        made = {row["text"]: row for row in map(json.loads, (self.folder / "new.jsonl").read_text().splitlines())}
        self.assertEqual(set(made), {"é 0", "é 1", "é 3"}, "silence is left out by the filter")
        for n in (0, 1):
            samples, rate = soundfile.read(paths[n], dtype="float32")
            cleaned, _ = soundfile.read(made[f"é {n}"]["audio_filepath"], dtype="float32")
            np.testing.assert_allclose(cleaned, aeden.clean(samples, rate, quality="light"), atol=1 / 32768)
        self.assertEqual(made["é 3"]["audio_filepath"], rows[3]["audio_filepath"])
        self.assertIn("gone.wav", made["é 3"]["aeden"]["error"])


class Measures(Case):
    def row(self, *measures):
        return Clean(str(self.folder / "out"), quality="light", measures=measures)({"path": str(self.folder / "a.wav")})["aeden"]

    @needs("pyloudnorm")
    def test_loudness_is_that_of_the_standard(self):
        # ITU-R BS.1770: 997 Hz of full scale in one channel is -3.01 LUFS.
        time = np.arange(5 * 48_000) / 48_000
        soundfile.write(self.folder / "a.wav", 0.1 * np.sin(2 * np.pi * 997 * time), 48_000)
        self.assertAlmostEqual(self.row("lufs")["lufs"], -23.01, delta=0.05)
        (self.folder / "a.wav").unlink()
        for samples in (np.zeros(48_000), np.ones(4_800) / 10):
            soundfile.write(self.folder / "a.wav", samples, 48_000)
            self.folder = self.folder / "next"
            self.folder.mkdir()
            soundfile.write(self.folder / "a.wav", samples, 48_000)
            self.assertEqual((self.row("lufs")["lufs"], self.row("lufs")["lufs_after"]), (None, None))

    @needs("pyloudnorm", "speechmos", "distillmos", "soxr")
    def test_quality_rises_and_is_told_without_cleaning_again(self):
        samples, rate = soundfile.read(Path(__file__).parents[2] / "tests/fixtures/noisy.wav", dtype="float32")
        soundfile.write(self.folder / "a.wav", samples[: 9 * rate], rate)
        before = self.row()
        self.assertNotIn("ovrl", before)
        made = (self.folder / "out").rglob("a.wav")
        stamps = {path: path.stat().st_mtime_ns for path in made}
        told = self.row("lufs", "ovrl", "distill_mos")
        self.assertEqual(before, {name: told[name] for name in before}, "what was told stays")
        self.assertEqual(stamps, {path: path.stat().st_mtime_ns for path in stamps}, "measured without cleaning again")
        for name in ("ovrl", "distill_mos"):
            self.assertGreater(told[f"{name}_after"], told[name], name)
            self.assertTrue(1 <= told[name] <= 5, told)

    @needs("pyloudnorm")
    def test_filters_see_what_was_asked_for(self):
        paths = list(self.recordings(2))
        samples, rate = soundfile.read(paths[1])
        soundfile.write(paths[1], samples / 100, rate, subtype="FLOAT")
        run = self.run_it(self.manifest([{"path": str(path)} for path in paths]), "out", "--measure", "lufs", "--keep", "lufs<-60")
        self.assertEqual(run.returncode, 0, run.stderr)
        (kept,) = [json.loads(line) for line in (self.folder / "out/manifest.jsonl").read_text().splitlines()]
        self.assertTrue(kept["path"].endswith("1.wav"))

    def test_what_is_absent_or_was_not_asked_for_is_told(self):
        next(self.recordings(1))
        manifest = self.manifest([{"path": str(self.folder / "in/0/0.wav")}])
        run = self.run_it(manifest, "out", "--keep", "ovrl>=3")
        self.assertEqual((run.returncode, run.stderr), (1, "aeden.dataset: --keep by ovrl needs --measure ovrl\n"))
        for measure, package in (("lufs", "pyloudnorm"), ("ovrl", "speechmos"), ("distill_mos", "distillmos")):
            # Absent, wherever the tests run.
            command = self.command(manifest, "out", "--measure", measure)
            code = f"import sys; sys.modules[{package!r}] = None; sys.argv = {command[2:]!r}; from aeden.dataset import main; main()"
            run = self.plain("-c", code)
            self.assertEqual((run.returncode, len(run.stderr.splitlines())), (1, 1), run.stderr)
            self.assertIn(f"--measure {measure} needs the package", run.stderr)
            self.assertIn("pip install", run.stderr)
        self.assertFalse((self.folder / "out").exists())


if __name__ == "__main__":
    unittest.main()
