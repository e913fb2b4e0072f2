"""aeden in voice agents: packets, pipecat's pipeline, LiveKit's frames, and the report.

The packages come from PyPI: `pip install -r python/tests/requirements-agents.txt` (700 MB on the disk with all that they need). What is not
there is skipped.
"""

import asyncio
import importlib.util
import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np
import soundfile

import aeden
from aeden.agents import Packets

REPOSITORY = Path(__file__).resolve().parents[2]
NOISY = REPOSITORY / "tests/fixtures/noisy.wav"
CLEAN = REPOSITORY / "tests/fixtures/clean.wav"


def packets(seconds=0.02):
    """A recording as bytes of packets, and its rate."""
    samples, rate = soundfile.read(NOISY, dtype="int16")
    step = round(seconds * rate)
    whole = samples[: len(samples) // step * step]
    return [whole[at : at + step].astype("<i2").tobytes() for at in range(0, len(whole), step)], rate


def expected(data, rate, **controls):
    return aeden.Denoiser(rate, **controls).process_int16(b"".join(data))


def installed(name):
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # of the package that it is in
        return False


class OfAMicrophone(unittest.TestCase):
    def test_they_are_what_a_denoiser_gives(self):
        data, rate = packets()
        stream = Packets(quality="light", limit=20)
        out = b"".join(stream.clean(packet, rate) for packet in data)
        self.assertEqual(out, expected(data, rate, limit=20, model=aeden.Model(quality="light")))
        self.assertEqual(stream.latency, aeden.Denoiser(rate, model=aeden.Model(quality="light")).latency / rate)

    def test_switched_off_they_pass_as_late_and_switched_on_again_they_are_in_step(self):
        data, rate = packets()
        stream, out = Packets(quality="light"), []
        half, late = len(data) // 2, 2 * aeden.Denoiser(rate, model=aeden.Model(quality="light")).latency
        for number, packet in enumerate(data):
            stream.enabled = not half // 2 <= number < half
            out.append(stream.clean(packet, rate))
        size, whole = len(data[0]), b"".join(data)
        passed = b"".join(out)[half // 2 * size : half * size]
        self.assertEqual(passed, whole[half // 2 * size - late : half * size - late])
        # What is heard after that is the rest of the recording, cleaned by a denoiser that begins there.
        begins = half * size - late
        fresh = aeden.Denoiser(rate, model=aeden.Model(quality="light")).process_int16(whole[begins:])
        self.assertEqual(b"".join(out)[half * size :], fresh[late:])

    def test_another_rate_or_number_of_channels_begins_anew(self):
        stream = Packets(quality="light")
        for rate, channels in ((48_000, 1), (16_000, 1), (16_000, 2), (8_000, 1)):
            self.assertEqual(len(stream.clean(bytes(4 * rate // 50), rate, channels)), 4 * rate // 50)
        stream.close()
        self.assertEqual(stream.latency, 0)
        self.assertEqual(len(stream.clean(bytearray(640), 16_000)), 640)

    def test_mistakes_are_known_before_the_call(self):
        for problem, call in {
            "'high' and 'light'": lambda: Packets(quality="best"),
            "limit": lambda: Packets(limit=-1),
            "3 bytes": lambda: Packets().clean(b"abc", 16_000),
            "8000": lambda: Packets().clean(b"ab", 100),
        }.items():
            with self.subTest(problem), self.assertRaisesRegex(ValueError, problem):
                call()

    def test_what_is_not_installed_is_named_with_what_installs_it(self):
        for adapter, package in {"pipecat": "pipecat-ai", "livekit": "livekit-agents"}.items():
            program = f"import sys; sys.modules['{adapter}'] = None; import aeden.agents.{adapter}"
            run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
            self.assertIn(f"pip install {package}", run.stderr.splitlines()[-1])


@unittest.skipUnless(installed("pipecat"), "pipecat-ai is not installed")
class InPipecat(unittest.TestCase):
    def through(self, audio_filter, data, rate, controls=()):
        """What comes out of a pipeline whose transport has the filter; controls: (number of a packet, frame before it)."""
        from pipecat.frames.frames import EndFrame, InputAudioRawFrame
        from pipecat.pipeline.pipeline import Pipeline
        from pipecat.pipeline.worker import PipelineParams, PipelineWorker
        from pipecat.processors.frame_processor import FrameProcessor
        from pipecat.transports.base_input import BaseInputTransport
        from pipecat.transports.base_transport import TransportParams
        from pipecat.workers.runner import WorkerRunner

        class Microphone(BaseInputTransport):
            async def start(self, frame):
                await super().start(frame)
                await self.set_transport_ready(frame)

        class Agent(FrameProcessor):
            heard = []

            async def process_frame(self, frame, direction):
                await super().process_frame(frame, direction)
                if isinstance(frame, InputAudioRawFrame):
                    self.heard.append(frame.audio)
                await self.push_frame(frame, direction)

        async def call():
            agent = Agent()
            agent.heard = []
            microphone = Microphone(TransportParams(audio_in_enabled=True, audio_in_sample_rate=rate, audio_in_filter=audio_filter))
            worker = PipelineWorker(
                Pipeline([microphone, agent]), params=PipelineParams(audio_in_sample_rate=rate), cancel_on_idle_timeout=False
            )
            begun = asyncio.Event()

            @worker.event_handler("on_pipeline_started")
            async def started(worker, frame):
                begun.set()

            async def until(count):
                while len(agent.heard) < count:
                    await asyncio.sleep(0.005)

            async def speak():
                await begun.wait()
                for number, packet in enumerate(data):
                    for at, frame in controls:
                        if at == number:
                            await until(number)
                            await worker.queue_frame(frame)
                            await asyncio.sleep(0.2)
                    await worker.queue_frame(InputAudioRawFrame(audio=packet, sample_rate=rate, num_channels=1))
                await until(len(data))
                await worker.queue_frame(EndFrame())

            runner = WorkerRunner()
            await runner.add_workers(worker)
            await asyncio.wait_for(asyncio.gather(runner.run(), speak()), 120)
            return agent.heard

        return asyncio.run(call())

    def test_the_agent_hears_the_cleaned_recording(self):
        from aeden.agents.pipecat import AedenFilter

        data, rate = packets()
        cleaner = AedenFilter(limit=30)
        heard = self.through(cleaner, data, rate)
        self.assertEqual(b"".join(heard), expected(data, rate, limit=30))
        self.assertEqual({len(packet) for packet in heard}, {len(data[0])})
        self.assertEqual(cleaner.latency, 0, "stopped with the transport")

    def test_frames_switch_it(self):
        from pipecat.frames.frames import FilterEnableFrame

        from aeden.agents.pipecat import AedenFilter

        data, rate = packets()
        heard = self.through(AedenFilter(quality="light"), data, rate, [(0, FilterEnableFrame(enable=False))])
        late = 2 * aeden.Denoiser(rate, model=aeden.Model(quality="light")).latency
        self.assertEqual(b"".join(heard), bytes(late) + b"".join(data)[:-late])


@unittest.skipUnless(installed("livekit") and installed("livekit.rtc"), "livekit is not installed")
class InLiveKit(unittest.TestCase):
    def frames(self):
        from livekit import rtc

        data, rate = packets(0.01)
        frame = lambda packet: rtc.AudioFrame(packet, rate, 1, len(packet) // 2, userdata={"packet": 1})
        return data, rate, [frame(packet) for packet in data]

    def test_frames_come_out_cleaned(self):
        from livekit import rtc

        from aeden.agents.livekit import AedenProcessor

        data, rate, frames = self.frames()
        processor = AedenProcessor(limit=30)
        self.assertIsInstance(processor, rtc.FrameProcessor)
        self.assertTrue(processor.enabled)
        out = [processor._process(frame) for frame in frames]
        self.assertEqual(b"".join(bytes(frame.data.cast("B")) for frame in out), expected(data, rate, limit=30))
        for before, after in zip(frames, out):
            self.assertEqual(
                (before.sample_rate, before.num_channels, before.samples_per_channel, before.userdata),
                (after.sample_rate, after.num_channels, after.samples_per_channel, after.userdata),
            )
        processor.enabled = False
        self.assertEqual(len(processor._process(frames[0]).data), len(frames[0].data))
        processor._close()
        self.assertEqual(processor.latency, 0)

    def test_a_track_is_heard_cleaned(self):
        from livekit import rtc

        from aeden.agents.livekit import AedenProcessor

        class Noted(AedenProcessor):
            def __init__(self):
                super().__init__(limit=30)
                self.given = []

            def _process(self, frame):
                self.given.append(bytes(frame.data.cast("B")))
                return super()._process(frame)

        async def call():
            data, rate, frames = self.frames()
            source = rtc.AudioSource(rate, 1, queue_size_ms=0)
            track = rtc.LocalAudioTrack.create_audio_track("microphone", source)
            processor, heard = Noted(), []
            stream = rtc.AudioStream.from_track(track=track, sample_rate=rate, num_channels=1, noise_cancellation=processor)

            async def listen():
                async for event in stream:
                    heard.append(bytes(event.frame.data.cast("B")))

            listening = asyncio.create_task(listen())
            for frame in frames[:200]:
                await source.capture_frame(frame)
                await asyncio.sleep(0)
            while len(heard) < 150:
                await asyncio.sleep(0.05)
            # WebRTC may put silence in between where nobody sends in time: what counts is what the processor was given.
            given, out = b"".join(processor.given), b"".join(heard)
            await stream.aclose()
            listening.cancel()
            return data, rate, given, out

        data, rate, given, out = asyncio.run(asyncio.wait_for(call(), 60))
        self.assertIn(data[100], given)
        self.assertEqual(out, expected([given], rate, limit=30)[: len(out)])

    @unittest.skipUnless(installed("livekit.agents"), "livekit-agents is not installed")
    def test_the_options_of_an_agent_take_it(self):
        from livekit.agents.voice import room_io

        from aeden.agents.livekit import AedenProcessor

        processor = AedenProcessor(quality="light")
        options = room_io.RoomOptions(audio_input=room_io.AudioInputOptions(noise_cancellation=processor))
        self.assertIs(options.audio_input.noise_cancellation, processor)


@unittest.skipUnless(installed("silero_vad") and installed("onnxruntime"), "silero-vad or onnxruntime is not installed")
class Report(unittest.TestCase):
    def test_a_row_for_each_denoiser(self):
        with tempfile.TemporaryDirectory() as folder:
            noisy, clean = Path(folder) / "noisy", Path(folder) / "clean"
            samples, rate = soundfile.read(NOISY, dtype="float32")
            original, _ = soundfile.read(CLEAN, dtype="float32")
            for path, sound in ((noisy, samples), (clean, original)):
                path.mkdir()
                soundfile.write(path / "a.wav", sound, rate, subtype="FLOAT")
            command = [sys.executable, "-m", "aeden.agents", "report", noisy, "--clean", clean, "--json"]
            run = subprocess.run(command, capture_output=True, text=True)
        self.assertEqual(run.returncode, 0, run.stderr)
        rows = {row["denoiser"]: row for row in map(json.loads, run.stdout.splitlines())}
        self.assertEqual(list(rows), ["unprocessed", "aeden light", "aeden high"])
        self.assertEqual(rows["unprocessed"]["noise_db"], 0)
        for quality in ("light", "high"):
            row = rows[f"aeden {quality}"]
            denoiser = aeden.Denoiser(rate, model=aeden.Model(quality=quality))
            self.assertAlmostEqual(row["delay_ms"], 1000 * denoiser.latency / rate)
            self.assertLess(row["noise_db"], -6)
            self.assertGreater(row["speech_db"], -6)
            self.assertGreater(row["vad_auc"], 0.8)
            self.assertGreater(row["cpu_ms_p90"], 0)

    def test_what_cannot_be_measured_is_one_line(self):
        with tempfile.TemporaryDirectory() as folder:
            broken = Path(folder) / "broken.wav"
            broken.write_bytes(b"RIFF")
            for problem, arguments in {
                "no clean original": [NOISY, "--clean", folder],
                "no recording": [broken, "--clean", folder],
                "without recordings": [tempfile.mkdtemp(dir=folder), "--clean", folder],
                "peers.py": [NOISY, "--clean", NOISY.parent, "--peers", folder],
            }.items():
                command = [sys.executable, "-m", "aeden.agents", "report", *arguments]
                run = subprocess.run(command, capture_output=True, text=True)
                with self.subTest(problem):
                    self.assertEqual(run.returncode, 1, run.stderr)
                    self.assertEqual(len(run.stderr.splitlines()), 1, run.stderr)
                    self.assertIn(problem, run.stderr)

    def test_the_area_under_the_curve(self):
        from aeden.agents._report import auc, turn_ends

        self.assertEqual(auc(np.array([0.1, 0.2, 0.8, 0.9]), np.array([False, False, True, True])), 1)
        self.assertEqual(auc(np.array([0.5, 0.5, 0.5]), np.array([False, True, True])), 0.5)
        self.assertEqual(auc(np.array([0.9, 0.1]), np.array([False, True])), 0)
        # Speech ends with window 10; the VAD hears it for 5 more, then needs 0.2 s (7 windows of 32 ms).
        likely, talking = np.r_[np.ones(15), np.zeros(20)], np.r_[np.ones(10), np.zeros(25)] > 0
        self.assertAlmostEqual(turn_ends(likely, talking), 12 * 0.032)
        self.assertEqual(turn_ends(np.ones(35), talking), float("inf"))


if __name__ == "__main__":
    unittest.main()
