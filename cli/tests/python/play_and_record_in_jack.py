"""play_and_record_in_jack.py SOUND.wav HEARD.wav [INPUTS COUNT OUTPUTS]

Plays a mono file into the COUNT ports whose names fit the expression INPUTS, by default the one that
`aeden live --system jack` listens on, and records what the first one that fits OUTPUTS gives.
HEARD.wav has two channels that the server's one clock keeps in step: what was played, and what was heard.
"""
import os
import sys
import threading
import time

import jack
import numpy as np
import soundfile

inputs, count, outputs = sys.argv[3:] or ("^cpal.*_in:", 1, "^cpal.*_out:")
sound, rate = soundfile.read(sys.argv[1], dtype="float32")
client = jack.Client("bench", no_start_server=True)
assert client.samplerate == rate, f"JACK runs at {client.samplerate} Hz, the file at {rate}"
to_microphone = client.outports.register("to_microphone")
from_speaker = client.inports.register("from_speaker")
# A second more, for what is still on its way, and whole blocks.
length = -(-(len(sound) + rate) // client.blocksize) * client.blocksize
played = np.zeros(length, np.float32)
played[: len(sound)] = sound
heard = np.zeros(length, np.float32)
position = None  # before the ports are connected
cycles = 0
done = threading.Event()


@client.set_process_callback
def process(frames):
    global position, cycles
    cycles += 1
    block = to_microphone.get_array()
    block[:] = 0
    if position is not None and position < length:
        block[:] = played[position : position + frames]
        heard[position : position + frames] = from_speaker.get_array()
        position += frames
        if position >= length:
            done.set()


@client.set_shutdown_callback
def shutdown(status, reason):
    print(f"JACK has ended: {reason}", file=sys.stderr)
    os._exit(1)


def patiently(what, attempt):
    """What the attempt gives, as soon as it gives something."""
    for _ in range(1200):
        if found := attempt():
            return found
        time.sleep(0.1)
    sys.exit(f"{what}: does the program run?")


def ports(pattern, count, **kind):
    """As many ports with such names: a program registers them one after the other."""

    def found():
        found = client.get_ports(pattern, is_audio=True, **kind)
        return found if len(found) >= count else None

    return patiently(f"no {count} ports {pattern}", found)


def connect(source, target):
    """A program has ports before it is active, and cannot be connected then."""

    def connected():
        try:
            client.connect(source, target)
            return True
        except jack.JackError:
            return False

    patiently(f"{source} cannot be connected to {target}", connected)


with client:
    for port in ports(inputs, int(count), is_input=True):
        connect(to_microphone, port)
    connect(ports(outputs, 1, is_output=True)[0], from_speaker)
    # A cycle that runs now may not know the connections yet.
    connected = cycles
    patiently("the server stands still", lambda: cycles > connected + 2)
    position = 0
    done.wait()
soundfile.write(sys.argv[2], np.stack([played, heard], axis=1), rate, "FLOAT")
