"""The jobs beside cleaning, through what users call."""

import inspect
import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

import numpy as np
import soundfile

import aeden

REPOSITORY = Path(__file__).resolve().parents[2]
NOISY = REPOSITORY / "tests/fixtures/noisy.wav"
CLEAN = REPOSITORY / "tests/fixtures/clean.wav"
PROGRAM = os.environ.get("AEDEN_PROGRAM")

needs_program = unittest.skipUnless(
    PROGRAM, "AEDEN_PROGRAM does not name the program aeden; cargo xtask test sets it"
)


def noise(seconds, rate=48_000, seed=1):
    return np.random.default_rng(seed).normal(0, 0.05, int(seconds * rate)).astype(np.float32)


def note(hz, seconds=1.0, rate=48_000):
    return (0.2 * np.sin(2 * np.pi * hz / rate * np.arange(int(seconds * rate)))).astype(np.float32)


def aeden_says(*arguments):
    """What the program prints with --json, line by line."""
    done = subprocess.run([PROGRAM, *arguments, "--json"], check=True, capture_output=True, text=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


class Finding(unittest.TestCase):
    def test_what_sounds_alike_is_found(self):
        sounds = {f"note{hz}.wav": aeden.describe(note(hz), 48_000) for hz in (300, 330)}
        sounds |= {f"hiss{k}.wav": aeden.describe(noise(1, seed=k), 48_000) for k in (1, 2)}
        self.assertEqual(sounds["hiss1.wav"].descriptor.dtype, np.int8)
        self.assertEqual(sounds["hiss1.wav"].seconds, 1.0)
        with tempfile.TemporaryDirectory() as folder:
            index = aeden.Index(Path(folder) / "i")
            index.add(sounds)
            self.assertEqual(len(index), 4)
            self.assertIn("hiss1.wav", index)
            query = aeden.describe(noise(0.7, seed=3), 48_000)
            found = index.search(query, top=2)
            self.assertEqual({match.path for match in found}, {"hiss1.wav", "hiss2.wav"})
            self.assertGreater(found[0].similarity, 0.85)
            self.assertGreater(found[1].similarity, index.search(query, top=3)[2].similarity + 0.3)
            self.assertNotIn("hiss1.wav", [m.path for m in index.search(query, itself="hiss1.wav")])
            with self.assertRaises(OSError):
                aeden.Index(Path(folder) / "i")
            index.remove("hiss1.wav", "never-there.wav")
            self.assertEqual(len(index), 3)

    def test_sounds_are_placed_where_they_belong(self):
        sounds = [aeden.describe(note(hz), 48_000) for hz in (300, 310, 320, 330)]
        sounds += [aeden.describe(noise(1, seed=k), 48_000) for k in range(4)]
        points, clusters = aeden.place(sounds, 2)
        self.assertEqual((points.shape, clusters.shape), ((8, 2), (8,)))
        self.assertEqual(len(set(clusters[:4])), 1)
        self.assertEqual(len(set(clusters[4:])), 1)
        self.assertNotEqual(clusters[0], clusters[4])

    def test_what_is_no_index_is_an_error(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "i"
            file.write_bytes(b"something else entirely")
            with self.assertRaisesRegex(ValueError, "no index"):
                aeden.Index(file)
            self.assertEqual(file.read_bytes(), b"something else entirely")


class Detecting(unittest.TestCase):
    def test_an_event_is_found_with_and_without_normal_material(self):
        samples = noise(10)
        samples[5 * 48_000 : 5 * 48_000 + 24_000] += note(1200, 0.5)
        for normal in ((), [(noise(8, seed=5), 48_000)]):
            found = aeden.detect(samples, 48_000, normal=normal)
            self.assertTrue(any(abs(e.start - 5) < 0.2 and e.change == "louder" for e in found.events))
            self.assertEqual(found.scores.shape, found.times.shape)
            self.assertAlmostEqual(found.times[0], 0.01)

    @needs_program
    def test_equals_what_the_program_says(self):
        samples, rate = soundfile.read(NOISY, dtype="float32")
        found = aeden.detect(samples, rate)
        *events, whole = aeden_says("detect", NOISY)
        self.assertEqual(len(found.events), len(events))
        self.assertEqual(whole["events"], len(events))
        for ours, theirs in zip(found.events, events):
            self.assertAlmostEqual(ours.start, theirs["start"], places=3)
            self.assertAlmostEqual(ours.score, theirs["score"], delta=5e-4)


class Encoding(unittest.TestCase):
    def test_comes_back_in_its_shape(self):
        samples = np.stack([note(300), note(440)])
        data = aeden.encode(samples, 44_100, kbit_s="high")
        decoded, rate = aeden.decode(data)
        self.assertEqual((decoded.shape, rate, decoded.dtype), (samples.shape, 44_100, np.float32))
        error = np.mean((decoded - samples) ** 2) / np.mean(samples**2)
        self.assertLess(10 * np.log10(error), -20)

    def test_a_rate_is_kept(self):
        samples, rate = soundfile.read(CLEAN, dtype="float32")
        data = aeden.encode(samples, rate, kbit_s=12)
        self.assertLessEqual(len(data) * 8 / (len(samples) / rate), 12_000)

    def test_damage_is_an_error(self):
        data = bytearray(aeden.encode(note(300), 48_000))
        data[len(data) // 2] ^= 1
        for damaged in (data, data[:50], b"", b"something else"):
            with self.assertRaises(ValueError):
                aeden.decode(damaged)

    @needs_program
    def test_equals_what_the_program_writes(self):
        samples, rate = soundfile.read(NOISY, dtype="float32")
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "out.aeden"
            aeden_says("encode", NOISY, out)
            self.assertEqual(aeden.encode(samples, rate), out.read_bytes())


class Repairing(unittest.TestCase):
    def test_a_drop_out_is_filled_and_nothing_else_is_touched(self):
        clean = np.stack([note(300, 2), note(440, 2)])
        damaged = clean.copy()
        damaged[1, 40_000:40_960] = 0
        mended = aeden.repair(damaged, 48_000)
        self.assertEqual(mended.samples.shape, clean.shape)
        [damage] = mended.mended
        self.assertEqual((damage.kind, damage.channel), ("drop-out", 1))
        self.assertLess(np.abs(mended.samples - clean).max(), 0.05)
        untouched = np.ones(clean.shape, bool)
        untouched[1, damage.start : damage.end] = False
        np.testing.assert_array_equal(mended.samples[untouched], damaged[untouched])

    def test_regions_are_filled(self):
        clean = note(300, 2)
        damaged = clean + np.where(np.arange(96_000) // 480 == 100, 0.1, 0).astype(np.float32)
        mended = aeden.repair(damaged, 48_000, find=(), regions=[(1.0, 1.01)], prediction_only=True)
        self.assertEqual([damage.kind for damage in mended.mended], ["region"])
        self.assertLess(np.abs(mended.samples - clean).max(), 0.02)

    @needs_program
    def test_equals_what_the_program_writes(self):
        samples, rate = soundfile.read(CLEAN, dtype="float32")
        samples[30_000:30_960] = 0
        with tempfile.TemporaryDirectory() as folder:
            damaged, out = Path(folder) / "in.wav", Path(folder) / "out.wav"
            soundfile.write(damaged, samples, rate, subtype="FLOAT")
            aeden_says("repair", damaged, out)
            theirs, _ = soundfile.read(out, dtype="float32")
        np.testing.assert_array_equal(aeden.repair(samples, rate).samples, theirs)


class RoomTone(unittest.TestCase):
    def test_is_as_long_and_as_loud_as_asked_for(self):
        room = noise(4, 16_000)
        tone = aeden.roomtone(room, 16_000, 6.5)
        self.assertEqual((tone.shape, tone.dtype), ((104_000,), np.float32))
        self.assertAlmostEqual(20 * np.log10(tone.std() / room.std()), 0, delta=0.7)
        np.testing.assert_array_equal(tone, aeden.roomtone(room, 16_000, 6.5, seed=1))
        self.assertFalse(np.array_equal(tone, aeden.roomtone(room, 16_000, 6.5, seed=2)))

    def test_goes_to_another_room_at_another_rate(self):
        room = np.stack([noise(3, 16_000, 1), noise(3, 16_000, 2)])
        other = 0.1 * noise(3, 22_050, 3)
        way = aeden.roomtone(room, 16_000, 10, towards=(other, 22_050))
        self.assertEqual(way.shape, (2, 160_000))
        self.assertLess(way[:, -16_000:].std(), 0.5 * way[:, :16_000].std())

    def test_too_little_is_an_error(self):
        for samples in (noise(0.5), np.zeros(96_000, np.float32)):
            with self.assertRaises(ValueError):
                aeden.roomtone(samples, 48_000, 5)

    @needs_program
    def test_equals_what_the_program_writes(self):
        room = noise(3, 16_000)
        with tempfile.TemporaryDirectory() as folder:
            source, out = Path(folder) / "in.wav", Path(folder) / "out.wav"
            soundfile.write(source, room, 16_000, subtype="FLOAT")
            aeden_says("roomtone", source, out, "--seconds", "4")
            theirs, _ = soundfile.read(out, dtype="float32")
        np.testing.assert_array_equal(aeden.roomtone(room, 16_000, 4), theirs)


class Everything(unittest.TestCase):
    JOBS = (
        lambda samples, rate: aeden.describe(samples, rate),
        lambda samples, rate: aeden.detect(samples, rate),
        lambda samples, rate: aeden.encode(samples, rate),
        lambda samples, rate: aeden.repair(samples, rate),
        lambda samples, rate: aeden.roomtone(samples, rate, 1),
    )

    def test_samples_that_nobody_can_work_with_are_refused_by_their_place(self):
        for value in (np.nan, np.inf, 3e38, -1e36):
            samples = noise(2)
            samples[24_000] = value
            for job in self.JOBS:
                with self.assertRaisesRegex(ValueError, "0.500000 s in channel 1"):
                    job(samples, 48_000)

    def test_other_shapes_types_and_rates_are_refused(self):
        for job in self.JOBS:
            with self.assertRaises(ValueError):
                job(noise(2), 100)
            with self.assertRaises(ValueError):
                job(np.zeros((1, 2, 3), np.float32), 48_000)
            with self.assertRaises(TypeError):
                job(np.zeros(48_000, np.int16), 48_000)

    def test_another_network_is_used_or_refused(self):
        family = REPOSITORY / "models/family"
        sparse = aeden.Autoencoder(family / "sparse.safetensors")
        self.assertEqual((sparse.kind, sparse.code), ("sparse-kl", 128))
        one = aeden.describe(noise(1), 48_000, model=sparse)
        np.testing.assert_array_equal(one.descriptor, aeden.describe(noise(1), 48_000).descriptor)
        with self.assertRaisesRegex(ValueError, "denoising"):
            aeden.repair(noise(1), 48_000, model=sparse)
        with self.assertRaises(ValueError):
            aeden.Autoencoder(NOISY)

    def test_every_public_name_is_documented_and_typed(self):
        stubs = (Path(aeden.__file__).parent / "__init__.pyi").read_text()
        for name in aeden.__all__:
            thing = getattr(aeden, name)
            if inspect.isclass(thing) or inspect.isfunction(thing):
                self.assertTrue(inspect.getdoc(thing), name)
                self.assertRegex(stubs, rf"(class|def) {name}\b")


if __name__ == "__main__":
    unittest.main()
