"""The Python bindings, through what users call: `python -m unittest discover python/tests` with the wheel installed."""

import os
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

import numpy as np
import soundfile

import aeden

REPOSITORY = Path(__file__).resolve().parents[2]
NOISY = REPOSITORY / "tests/fixtures/noisy.wav"


def recording():
    """[samples] at some rate."""
    samples, rate = soundfile.read(NOISY, dtype="float32")
    return samples, rate


class Recordings(unittest.TestCase):
    def test_equals_what_the_program_writes(self):
        program = os.environ.get("AEDEN_PROGRAM")
        if not program:
            self.skipTest("AEDEN_PROGRAM does not name the program aeden; cargo xtask test sets it")
        samples, rate = recording()
        for quality, streaming in (("light", True), ("high", False), ("best", False)):
            with tempfile.TemporaryDirectory() as folder:
                out = Path(folder) / "out.wav"
                options = ["--bits", "32f", "--limit", "20", "--quiet", "--quality", quality] + ["--streaming"] * streaming
                subprocess.run([program, "clean", NOISY, out, *options], check=True)
                theirs, _ = soundfile.read(out, dtype="float32")
            np.testing.assert_array_equal(aeden.clean(samples, rate, limit=20, quality=quality, streaming=streaming), theirs)

    def test_a_purpose_is_that_of_the_program(self):
        samples, rate = recording()
        for_it = aeden.clean(samples, rate, purpose="transcription")
        self.assertFalse(np.array_equal(for_it, aeden.clean(samples, rate)))
        np.testing.assert_array_equal(aeden.clean(samples, rate, purpose="transcription", limit=0), samples)
        with self.assertRaisesRegex(ValueError, "transcription"):
            aeden.clean(samples, rate, purpose="cinema")
        program = os.environ.get("AEDEN_PROGRAM")
        if not program:
            self.skipTest("AEDEN_PROGRAM does not name the program aeden; cargo xtask test sets it")
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "out.wav"
            subprocess.run([program, "clean", NOISY, out, "--for", "transcription", "--bits", "32f", "--quiet"], check=True)
            theirs, _ = soundfile.read(out, dtype="float32")
        np.testing.assert_array_equal(for_it, theirs)

    def test_keeps_shape_and_input(self):
        samples, rate = recording()
        stereo = np.stack([samples, samples[::-1]])
        before = stereo.copy()
        out = aeden.clean(stereo.astype(np.float64), rate)
        self.assertEqual((out.shape, out.dtype), (stereo.shape, np.float32))
        np.testing.assert_array_equal(stereo, before)
        self.assertEqual(aeden.clean(np.zeros((2, 0), np.float32), rate).shape, (2, 0))

    def test_views_that_are_not_contiguous(self):
        samples, rate = recording()
        interleaved = np.stack([samples, samples], 1)
        np.testing.assert_array_equal(aeden.clean(interleaved.T, rate)[0], aeden.clean(interleaved.T.copy(), rate)[0])
        backwards, repeated = samples[::-1], np.broadcast_to(samples, (2, len(samples)))
        for view in (backwards, repeated):
            np.testing.assert_array_equal(aeden.clean(view, rate), aeden.clean(view.copy(), rate))

    def test_cleaned_and_removed_add_up(self):
        samples, rate = recording()
        both = aeden.clean(samples, rate) + aeden.clean(samples, rate, removed=True)
        np.testing.assert_allclose(both, samples, atol=1e-6)

    def test_noise_goes_and_speech_stays(self):
        samples, rate = recording()
        out = aeden.clean(samples, rate)
        level = np.sqrt(np.convolve(samples**2, np.ones(480) / 480, "same"))
        quiet, loud = level < np.quantile(level, 0.1), level > np.quantile(level, 0.9)
        gain = lambda where: 10 * np.log10(np.mean(out[where] ** 2) / np.mean(samples[where] ** 2))
        self.assertLess(gain(quiet), -10)
        self.assertGreater(gain(loud), -3)


class Streams(unittest.TestCase):
    def test_blocks_change_no_bit(self):
        samples, rate = recording()
        whole = aeden.Denoiser(rate).process(samples)
        denoiser, out, at = aeden.Denoiser(rate), [], 0
        for length in np.random.default_rng(1).integers(0, 3000, 1000):
            out.append(denoiser.process(samples[at : at + length]))
            at += length
        np.testing.assert_array_equal(np.concatenate(out), whole)

    def test_latency_is_exact(self):
        samples, rate = recording()
        denoiser = aeden.Denoiser(rate)
        late = denoiser.process(np.concatenate([samples, np.zeros(denoiser.latency, np.float32)]))
        np.testing.assert_array_equal(late[denoiser.latency :], aeden.clean(samples, rate, streaming=True))

    def test_reset_forgets(self):
        samples, rate = recording()
        denoiser = aeden.Denoiser(rate)
        first = denoiser.process(samples)
        denoiser.reset()
        np.testing.assert_array_equal(denoiser.process(samples), first)

    def test_threads_do_not_disturb_one_another(self):
        samples, rate = recording()
        expected, results = aeden.clean(samples, rate), [None] * 4

        def work(i):
            results[i] = aeden.clean(samples, rate)

        threads = [threading.Thread(target=work, args=(i,)) for i in range(len(results))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for result in results:
            np.testing.assert_array_equal(result, expected)

    def test_what_is_not_a_number_leaves_no_trace(self):
        samples, rate = recording()
        broken = samples.copy()
        broken[1000:1010], broken[2000] = np.nan, np.inf
        self.assertTrue(np.isfinite(aeden.clean(broken, rate)).all())


class Models(unittest.TestCase):
    def test_a_file_is_the_model_in_it(self):
        samples, rate = recording()
        model = aeden.Model(REPOSITORY / "models/light/light.safetensors")
        self.assertEqual((model.name, model.rate), (aeden.Model(quality="light").name, 48_000))
        self.assertGreater(model.parameters, 10_000)
        np.testing.assert_array_equal(aeden.clean(samples, rate, model=model), aeden.clean(samples, rate, quality="light"))

    def test_quality_best_takes_models_for_recordings_only(self):
        samples, rate = recording()
        model = aeden.Model(REPOSITORY / "models/best/best.safetensors")
        self.assertEqual(model.rate, 48_000)
        self.assertGreater(model.parameters, aeden.Model().parameters)
        own = aeden.clean(samples, rate, quality="best", model=model)
        np.testing.assert_array_equal(own, aeden.clean(samples, rate, quality="best"))
        np.testing.assert_array_equal(own, aeden.clean(samples, rate, model=model))
        for problem, call in {
            "quality='best'": lambda: aeden.clean(samples, rate, quality="high", model=model),
            "'high' or 'light'": lambda: aeden.clean(samples, rate, streaming=True, model=model),
            "a stream": lambda: aeden.Denoiser(rate, model=model),
        }.items():
            with self.assertRaisesRegex(ValueError, problem):
                call()

    def test_other_files_are_refused(self):
        for path in (NOISY, REPOSITORY / "no such file"):
            with self.assertRaises(ValueError):
                aeden.Model(path)


class Bands(unittest.TestCase):
    def test_equal_nodes_are_a_limit_and_nodes_at_0_db_leave_every_sample(self):
        noise = np.random.default_rng(1).uniform(-0.2, 0.2, (2, 20_000)).astype(np.float32)
        for quality in ("best", "high"):
            limited = aeden.clean(noise, 48_000, quality=quality, limit=12)
            equal = aeden.clean(noise, 48_000, quality=quality, bands=[(100, 12), (3000, 12)])
            np.testing.assert_allclose(equal, limited, atol=2e-5)
            np.testing.assert_array_equal(aeden.clean(noise, 48_000, quality=quality, bands=[(0, 0)]), noise)
        stream = aeden.Denoiser(48_000, 2, bands=[(0, 0)])
        np.testing.assert_array_equal(stream.process(noise)[:, stream.latency :], noise[:, : -stream.latency])


class Mistakes(unittest.TestCase):
    def test_each_is_named(self):
        ok = np.zeros(100, np.float32)
        for problem, call in {
            "'best'": lambda: aeden.clean(ok, 48_000, quality="good"),
            "over streams": lambda: aeden.clean(ok, 48_000, quality="best", model=aeden.Model()),
            "8000": lambda: aeden.clean(ok, 4000),
            "limit": lambda: aeden.clean(ok, 48_000, limit=-3.0),
            "must rise": lambda: aeden.clean(ok, 48_000, bands=[(200, 3), (100, 3)]),
            "samples.T": lambda: aeden.clean(np.zeros((1000, 2), np.float32), 48_000),
            "channels": lambda: aeden.Denoiser(48_000, 2).process(ok),
            "shape": lambda: aeden.clean(np.zeros((1, 2, 3), np.float32), 48_000),
        }.items():
            with self.subTest(problem), self.assertRaisesRegex(ValueError, problem):
                call()
        with self.assertRaisesRegex(TypeError, "32768"):
            aeden.clean(np.zeros(100, np.int16), 48_000)


if __name__ == "__main__":
    unittest.main()
