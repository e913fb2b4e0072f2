"""Measures `aeden live` on headless sound servers: `.venv/bin/python xtask/python/live.py PART --aeden PROGRAM`, from the
repository's root; `--help` lists the parts.

A stereo null sink `bench` is the one clock: what is played into its left channel is what the microphone `mic` hears, and
what `out` is given comes out of its right channel. A recording of its monitor holds both, so that the delay between them is
exact to the sample, whatever the machine is doing. On JACK, a client of its own is both.
"""

import argparse
import contextlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
import soundfile

RATE = 48_000
MODULES = [
    "module-null-sink sink_name=bench format=float32le rate=48000 channels=2 channel_map=front-left,front-right",
    "module-remap-source source_name=mic master=bench.monitor channels=1 channel_map=mono"
    " master_channel_map=front-left remix=no",
    "module-remap-sink sink_name=out master=bench channels=1 channel_map=mono master_channel_map=front-right remix=no",
]
RAW = ["--format=float32le", f"--rate={RATE}", "--latency-msec=20"]


class Programs:
    """Programs that run in a folder and with an environment of their own, until the measurement ends."""

    def __init__(self, stack):
        self.folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        self.stack = stack
        self.environment = os.environ

    def start(self, *command, **options):
        """Runs a program until the measurement ends."""
        options = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL} | options
        process = subprocess.Popen(list(map(str, command)), env=self.environment, **options)
        self.stack.callback(lambda: (process.terminate(), process.wait()))
        return process

    def run(self, *command, check=True, **options):
        return subprocess.run(list(map(str, command)), env=self.environment, check=check, **options)

    def live(self, *command):
        """Starts a live program that prints a line of JSON a second; returns it when sound flows."""
        program = self.start(*command, stdout=subprocess.PIPE, stderr=None, text=True)
        for line in program.stdout:
            if json.loads(line)["running"]:
                return program
        sys.exit(f"{command[0]} has ended; run it by hand to see why")


class Jack(Programs):
    """JACK without hardware, in blocks of 10 ms, which waits for its clients in every block."""

    system = "jack"

    def __init__(self, stack):
        super().__init__(stack)
        name = f"aeden-{os.getpid()}"
        self.environment = os.environ | {"JACK_DEFAULT_SERVER": name, "JACK_NO_START_SERVER": "1"}
        self.start("jackd", "--name", name, "--no-realtime", "--sync", "-d", "dummy", "--rate", RATE, "--period", 480,
                   "--capture", 1, "--playback", 1)
        while self.run("jack_lsp", check=False, capture_output=True).returncode:
            time.sleep(0.1)

    def play_and_record(self, sound):
        """What was played into the microphone and what came out, in step: [sample][2]."""
        source, target = self.folder / "sound.wav", self.folder / "heard.wav"
        soundfile.write(source, sound, RATE, "FLOAT")
        self.run(sys.executable, "cli/tests/python/play_and_record_in_jack.py", source, target)
        return soundfile.read(target, dtype="float32")[0]


class Server(Programs):
    """PulseAudio, or PipeWire with its pulse server."""

    system = "pulseaudio"

    def __init__(self, kind, stack):
        super().__init__(stack)
        (self.folder / "pulse").mkdir()
        socket = self.folder / "pulse/native"
        self.environment = os.environ | {
            "PULSE_SERVER": f"unix:{socket}",
            "HOME": str(self.folder),
            "XDG_RUNTIME_DIR": str(self.folder),
            "XDG_CONFIG_HOME": str(self.folder / "config"),
            "XDG_STATE_HOME": str(self.folder / "state"),
            "DBUS_SESSION_BUS_ADDRESS": f"unix:path={self.folder}/bus",
        }
        if kind == "pulseaudio":
            script = self.folder / "ci.pa"
            script.write_text(f"load-module module-native-protocol-unix auth-anonymous=1 socket={socket}\n")
            options = "--daemonize=no --exit-idle-time=-1 --use-pid-file=no --disable-shm=yes"
            self.start("pulseaudio", "-n", "-F", script, *options.split())
        else:
            self.start("dbus-daemon", "--session", "--nofork", "--nopidfile", f"--address=unix:path={self.folder}/bus")
            time.sleep(1)
            for program in ["pipewire", "wireplumber", "pipewire-pulse"]:
                self.start(program)
                time.sleep(1)
        while self.run("pactl", "info", check=False, capture_output=True).returncode:
            time.sleep(0.1)
        for module in MODULES:
            self.run("pactl", "load-module", *module.split(), capture_output=True)
        self.run("pactl", "set-default-source", "mic")
        self.run("pactl", "set-default-sink", "out")

    def play(self, samples):
        """Plays into the microphone, and returns when it has been played."""
        file = self.folder / "play.raw"
        samples.astype("<f4").tofile(file)
        with file.open("rb") as sound:
            self.run("pacat", "--playback", "--device=bench", *RAW, "--channels=1", "--channel-map=front-left",
                     "--no-remix", stdin=sound)

    @contextlib.contextmanager
    def recording(self, device, channels):
        """Records a source; yields a function that gives what has been recorded."""
        file = self.folder / f"{device}.raw"
        with file.open("wb") as sink:
            recorder = self.start("parec", f"--device={device}", *RAW, f"--channels={channels}", stdout=sink)
            while file.stat().st_size < RATE:
                time.sleep(0.1)
            yield lambda: np.fromfile(file, "<f4")[: file.stat().st_size // 4 // channels * channels].reshape(-1, channels)
            recorder.terminate()

    def play_and_record(self, sound):
        """As in `Jack`."""
        with self.recording("bench.monitor", 2) as recorded:
            self.play(sound)
            return recorded()


def lag(first, second):
    """Samples by which `second` is later than `first`."""
    size = 1 << (len(first) + len(second)).bit_length()
    spectrum = np.fft.rfft(second, size) * np.conj(np.fft.rfft(first, size))
    return int(np.argmax(np.fft.irfft(spectrum)[: len(second)]))


def latency(kind, aeden, through, noisy):
    """Delay from input to output, with the denoiser and without."""
    found = {}
    for name in ["without", "aeden"]:
        with contextlib.ExitStack() as stack:
            server = Jack(stack) if kind == "jack" else Server(kind, stack)
            command = [aeden, "live", "--json", "--system"] if name == "aeden" else [through]
            program = server.live(*command, server.system)
            # The margin needs some windows of half a minute to settle.
            sound = server.play_and_record(np.tile(noisy, 9))
            program.terminate()
            status = json.loads(program.stdout.read().splitlines()[-1])
        window = 2 * RATE
        delays = []
        for start in range(len(sound) // 2, len(sound) - window, window):
            part = sound[start : start + window]
            if np.std(part[:, 0]) > 1e-3:
                delays.append(lag(part[:, 0], part[:, 1]) / RATE * 1e3)
        found[name] = float(np.median(delays))
        print(f"{kind:10} {name:8} {np.median(delays):6.2f} ms  ({min(delays):.2f} to {max(delays):.2f}, {len(delays)} windows;"
              f" says {status['latency_ms']:.1f}, buffers {status['buffer_ms']:.1f}; underruns {status['underruns']},"
              f" skips {status['skips']}, of the server {status['device_underruns']})")
    print(f"{kind:10} adds     {found['aeden'] - found['without']:6.2f} ms")


def quality(kind, aeden, pairs, output):
    """A recording that another program makes of the virtual microphone, cut into the files that were played, beside what
    `aeden clean` makes of the same sound from the microphone."""
    folders = {name: output / f"{kind}-{name}" for name in ("clean", "offline", "live")}
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        server = Server(kind, stack)

        def at_rate(file):
            """A recording as the microphone hears it."""
            converted = server.folder / "converted.wav"
            server.run("ffmpeg", "-v", "error", "-y", "-i", file, "-ar", RATE, "-c:a", "pcm_f32le", converted)
            return soundfile.read(converted, dtype="float32")[0]

        noisy = [at_rate(file) for file, _ in pairs]
        pause = np.zeros(RATE, np.float32)
        program = server.live(aeden, "live", "--json", "--virtual-mic", "--record", server.folder / "talk.wav")
        with server.recording("aeden_microphone", 1) as recorded:
            server.play(np.concatenate([part for sound in noisy for part in (sound, pause)]))
            # A busy machine writes the end of it late.
            time.sleep(10)
            heard = recorded()[:, 0]
        program.terminate()
        status = json.loads(program.stdout.read().splitlines()[-1])
        raw_file, offline_file = server.folder / "talk.raw.wav", server.folder / "offline.wav"
        server.run(aeden, "clean", "-q", "-y", "--quality", "high", "--streaming", "--bits", "32f", raw_file, offline_file)
        raw, offline = (soundfile.read(file, dtype="float32")[0] for file in (raw_file, offline_file))
        for (noisy_file, clean_file), sound in zip(pairs, noisy):
            start = lag(sound, raw)
            part = offline[start : start + len(sound)]
            later = lag(part, heard)
            for name, samples in [("offline", part), ("live", heard[later : later + len(sound)]),
                                  ("clean", at_rate(clean_file))]:
                soundfile.write(folders[name] / f"{noisy_file.stem}.wav", samples, RATE, "FLOAT")
    print(json.dumps({name: status[name] for name in ("underruns", "lacked_ms", "skips", "skipped_ms", "lost_ms",
                                                       "drift_ppm", "latency_ms")}))
    worst = 0
    for pair in sorted(folders["clean"].glob("*.wav")):
        scores = [pesq(folders["clean"] / pair.name, folders[name] / pair.name) for name in ("offline", "live")]
        worst = max(worst, abs(scores[1] - scores[0]))
        print(f"{pair.stem:10} PESQ offline {scores[0]:.3f}, live {scores[1]:.3f} ({scores[1] - scores[0]:+.3f})")
    print(f"largest difference {worst:.3f}")


def pesq(clean, other):
    """The score that ../shared/eval gives."""
    sys.path.insert(0, str(pathlib.Path(os.environ.get("AEDEN_SHARED", "../shared")) / "eval"))
    import score

    return score.score(clean, other, dn=False)["pesq_wb"]


def soak(kind, aeden, minutes, noisy, file):
    """Hours with the statistics file; sound is played all the time."""
    with contextlib.ExitStack() as stack:
        server = Server(kind, stack)
        with open(file, "w") as lines:
            server.start(aeden, "live", "--json", "--virtual-mic", stdout=lines)
            while '"running":true' not in pathlib.Path(file).read_text():
                time.sleep(0.1)
            with server.recording("aeden_microphone", 1):
                end = time.monotonic() + 60 * minutes
                while time.monotonic() < end:
                    server.play(noisy)
    statuses = [json.loads(line) for line in open(file)]
    summary = {name: statuses[-1][name] for name in ("seconds", "underruns", "lacked_ms", "skips", "skipped_ms", "lost_ms",
                                                      "device_underruns", "restarts")}
    for name in ("latency_ms", "buffer_ms", "load", "drift_ppm"):
        values = [s[name] for s in statuses[30:] if s[name] is not None]
        summary[name] = [round(float(v), 4) for v in np.percentile(values, [0, 50, 100])]
    print(kind, json.dumps(summary))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=["latency", "quality", "soak"])
    parser.add_argument("--aeden", required=True, type=pathlib.Path)
    parser.add_argument("--through", type=pathlib.Path, help="the example of that name, for latency")
    parser.add_argument("--server", default="pulseaudio", choices=["pulseaudio", "pipewire", "jack"],
                        help="jack only for latency")
    parser.add_argument("--dev", type=pathlib.Path, help="folder with noisy/ and clean/, for quality")
    parser.add_argument("--files", type=int, default=6)
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("target/live"))
    parser.add_argument("--minutes", type=float, default=60)
    arguments = parser.parse_args()
    noisy, _ = soundfile.read("tests/fixtures/noisy.wav", dtype="float32")
    arguments.output.mkdir(parents=True, exist_ok=True)
    if arguments.part == "latency":
        latency(arguments.server, arguments.aeden, arguments.through, noisy)
    elif arguments.part == "quality":
        files = sorted((arguments.dev / "noisy").glob("*.flac"))[: arguments.files]
        pairs = [(file, arguments.dev / "clean" / file.name) for file in files]
        quality(arguments.server, arguments.aeden, pairs, arguments.output)
    else:
        soak(arguments.server, arguments.aeden, arguments.minutes, noisy, arguments.output / "soak.jsonl")


if __name__ == "__main__":
    main()
