"""What may be passed as samples: 16-bit bytes, arrays, tensors; and that the types say so."""

import importlib.util
import subprocess
import sys
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
    """[samples] of 16 bits at some rate."""
    return soundfile.read(NOISY, dtype="int16")


class Int16(unittest.TestCase):
    def test_packets_of_bytes_give_what_floats_give(self):
        samples, rate = recording()
        stereo = np.stack([samples, samples[::-1]], 1)
        whole = aeden.Denoiser(rate, 2).process(stereo.T.astype(np.float32) / 32768)
        denoiser, data, out = aeden.Denoiser(rate, 2), stereo.astype("<i2").tobytes(), []
        step = 4 * (rate // 50)
        for number, at in enumerate(range(0, len(data), step)):
            kind = (bytes, bytearray, memoryview)[number % 3]
            out.append(denoiser.process_int16(kind(data[at : at + step])))
            self.assertEqual(len(out[-1]), len(data[at : at + step]))
        self.assertEqual(b"".join(out), aeden.to_int16(whole))

    def test_there_and_back_changes_nothing(self):
        every = np.arange(-32768, 32768, dtype=np.int16)
        floats = aeden.from_int16(every)
        self.assertEqual((floats.dtype, floats.min(), floats.max()), (np.float32, -1, 32767 / 32768))
        self.assertEqual(aeden.to_int16(floats), every.astype("<i2").tobytes())
        planes = aeden.from_int16(every.astype("<i2").tobytes(), channels=2)
        self.assertEqual(planes.shape, (2, 32768))
        np.testing.assert_array_equal(planes[0], floats[::2])
        self.assertEqual(aeden.to_int16(planes), every.astype("<i2").tobytes())
        self.assertEqual(aeden.to_int16(np.array([2.0, -2.0])), b"\xff\x7f\x00\x80")
        self.assertEqual(aeden.Denoiser(48_000).process_int16(b""), b"")

    def test_what_is_no_whole_sample_is_named(self):
        with self.assertRaisesRegex(ValueError, "3 bytes .* 1 channels"):
            aeden.Denoiser(48_000).process_int16(b"abc")
        with self.assertRaisesRegex(ValueError, "6 bytes .* 2 channels"):
            aeden.Denoiser(48_000, 2).process_int16(b"abcdef")
        with self.assertRaisesRegex(ValueError, "finite"):
            aeden.to_int16(np.array([0, np.nan]))
        with self.assertRaisesRegex(TypeError, "int32"):
            aeden.from_int16(np.zeros(5, np.int32))
        with self.assertRaisesRegex(ValueError, "0 channels"):
            aeden.from_int16(b"ab", 0)


@unittest.skipUnless(importlib.util.find_spec("torch"), "torch is not installed, and takes gigabytes")
class Tensors(unittest.TestCase):
    def test_tensors_come_back_as_tensors(self):
        import torch

        samples, rate = recording()
        floats = samples.astype(np.float32) / 32768
        tensor = torch.from_numpy(floats)
        expected = aeden.clean(floats, rate, quality="light")
        for given in (tensor, tensor.double(), tensor.clone().requires_grad_()):
            out = aeden.clean(given, rate, quality="light")
            self.assertIsInstance(out, torch.Tensor)
            self.assertEqual((out.dtype, out.requires_grad), (torch.float32, False))
            np.testing.assert_array_equal(out.numpy(), expected)
        stereo = torch.stack([tensor, tensor])
        self.assertEqual(aeden.Denoiser(rate, 2).process(stereo).shape, stereo.shape)
        self.assertEqual(aeden.roomtone(stereo, rate, 1, everything=True).shape, (2, rate))
        self.assertTrue(torch.is_tensor(aeden.from_int16(torch.from_numpy(samples))))
        self.assertGreater(aeden.describe(tensor, rate).similarity(aeden.describe(floats, rate)), 0.999)
        self.assertEqual(aeden.clean(tensor.bfloat16(), rate, quality="light").dtype, torch.float32)
        with self.assertRaisesRegex(TypeError, "from_int16"):
            aeden.clean(torch.from_numpy(samples), rate)

    def test_float32_is_read_where_it_is(self):
        import torch

        from aeden._planes import _planes

        tensor = torch.zeros(2, 100)
        self.assertEqual(_planes(tensor).ctypes.data, tensor.data_ptr())


class Memory(unittest.TestCase):
    def test_float32_is_read_where_it_is(self):
        from aeden._planes import _planes

        samples = np.zeros((2, 100), np.float32)
        self.assertTrue(np.shares_memory(_planes(samples), samples))
        self.assertTrue(np.shares_memory(_planes(samples[0]), samples))

    def test_other_threads_of_python_go_on_meanwhile(self):
        samples, rate = recording()
        long = np.tile(samples.astype(np.float32) / 32768, 4)
        begun = threading.Event()

        def work():
            begun.set()
            aeden.clean(long, rate)

        thread = threading.Thread(target=work)
        thread.start()
        begun.wait()
        turns = 0
        while thread.is_alive():
            turns += 1
            thread.join(0.001)
        self.assertGreater(turns, 3)


USE = '''
import numpy as np
import numpy.typing as npt
import aeden

samples: npt.NDArray[np.float32] = aeden.clean(np.zeros(100, np.float32), 48_000, limit=20, quality="high")
denoiser = aeden.Denoiser(48_000, 2, model=aeden.Model(quality="light"), mix=0.5)
packet: bytes = denoiser.process_int16(b"")
block: npt.NDArray[np.float32] = denoiser.process(samples)
floats: npt.NDArray[np.float32] = aeden.from_int16(b"", channels=2)
back: bytes = aeden.to_int16(floats)
event: aeden.Event = aeden.detect(samples, 48_000).events[0]
start: float = event.start
mended: npt.NDArray[np.float32] = aeden.repair(samples, 48_000, find=["clicks"]).samples
code: bytes = aeden.encode(samples, 48_000, kbit_s=16)

from aeden.agents import Packets
packets = Packets(quality="light", limit=12.0)
packet = packets.clean(packet, 16_000)
'''
MISUSE = '''
import aeden
aeden.clean([0.0], 48_000, quality="good")
aeden.clean([0.0], 48_000, limits=20)
aeden.Denoiser("48000")
'''


def settings(folder):
    """What mypy is to know of packages that are not installed."""
    file = Path(folder) / "mypy.ini"
    text = "[mypy]\n"
    for package in ("pipecat", "livekit"):
        if importlib.util.find_spec(package) is None:
            text += f"[mypy-{package}.*]\nignore_missing_imports = True\n"
            text += f"[mypy-aeden.agents.{package}]\ndisallow_subclassing_any = False\n"
    for package in ("lhotse", "nemo_curator"):
        # Not read where they are installed either: all of torch stands behind them.
        text += f"[mypy-{package}.*]\nignore_missing_imports = True\nfollow_imports = skip\n"
        text += f"[mypy-aeden.pipelines.{package}]\ndisallow_subclassing_any = False\n"
    file.write_text(text)
    return file


@unittest.skipUnless(importlib.util.find_spec("mypy"), "mypy is not installed")
class Types(unittest.TestCase):
    def check(self, program, *options):
        with tempfile.TemporaryDirectory() as folder:
            if program is not None:
                (Path(folder) / "use.py").write_text(program)
                options = (*options, "use.py")
            command = [sys.executable, "-m", "mypy", "--strict", "--config-file", settings(folder), "--cache-dir", folder, *options]
            return subprocess.run(command, capture_output=True, text=True, cwd=folder)

    def test_use_passes_strictly(self):
        run = self.check(USE)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)

    def test_misuse_is_found(self):
        run = self.check(MISUSE)
        for line in (3, 4, 5):
            self.assertRegex(run.stdout, rf"use.py:{line}: error")

    def test_the_modules_without_stubs_pass_strictly_too(self):
        run = self.check(None, "-p", "aeden.agents", "-p", "aeden.pipelines", "-m", "aeden.dataset")
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)

    def test_the_stubs_are_what_the_module_is(self):
        with tempfile.TemporaryDirectory() as folder:
            allowed = Path(folder) / "allowed"
            # Private; and what has its types in its own lines, and needs packages that may be missing.
            allowed.write_text("aeden\\._native.*\naeden\\._T\naeden\\._Tensor.*\naeden\\.Controls.*\naeden\\.(agents|dataset|pipelines)\\..*\n")
            command = [sys.executable, "-m", "mypy.stubtest", "aeden", "--allowlist", allowed, "--ignore-unused-allowlist"]
            command += ["--mypy-config-file", settings(folder)]
            run = subprocess.run(command, capture_output=True, text=True, cwd=folder)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)


if __name__ == "__main__":
    unittest.main()
