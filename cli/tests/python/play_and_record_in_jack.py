"""play_and_record_in_jack.py SOUND.wav HEARD.wav [INPUTS OUTPUTS]

Plays a mono file into the ports whose names fit the expression INPUTS, by default those that `aeden live --system jack`
listens on, and records what the first one that fits OUTPUTS gives.
HEARD.wav has two channels that the server's one clock keeps in step: what was played, and what was heard.
"""
import os
import sys
import threading
import time

import jack
import numpy as np
import soundfile

inputs, outputs = sys.argv[3:] or ("^cpal.*_in:", "^cpal.*_out:")
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
done = threading.Event()


@client.set_process_callback
def process(frames):
    global position
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


def ports(pattern, **kind):
    """Ports with such names, as soon as there are any."""
    for _ in range(600):
        if found := client.get_ports(pattern, is_audio=True, **kind):
            return found
        time.sleep(0.1)
    sys.exit(f"no port {pattern}: does the program run?")


with client:
    for port in ports(inputs, is_input=True):
        client.connect(to_microphone, port)
    client.connect(ports(outputs, is_output=True)[0], from_speaker)
    position = 0
    done.wait()
soundfile.write(sys.argv[2], np.stack([played, heard], axis=1), rate, "FLOAT")
