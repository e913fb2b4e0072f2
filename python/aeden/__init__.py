"""Takes noise out of sound held in numpy arrays, and does other jobs with autoencoders on spectrograms.

    import aeden
    cleaned = aeden.clean(samples, 48_000)      # [samples] or [channels, samples], floats of -1 … 1
    mended = aeden.repair(samples, 48_000)      # describe, Index, detect, place, encode, decode, repair, roomtone

Streams go through `Denoiser`, block by block. Files are the business of the program `aeden` (`aeden clean`).
"""

import numpy as np

from . import _native
from ._jobs import (
    Autoencoder,
    Detection,
    Event,
    Index,
    Match,
    Mended,
    Repaired,
    Sound,
    decode,
    describe,
    detect,
    encode,
    place,
    repair,
    roomtone,
)
from ._native import Model, __version__
from ._planes import _planes

__all__ = [
    "Autoencoder",
    "Denoiser",
    "Detection",
    "Event",
    "Index",
    "Match",
    "Mended",
    "Model",
    "Repaired",
    "Sound",
    "__version__",
    "clean",
    "decode",
    "describe",
    "detect",
    "encode",
    "place",
    "repair",
    "roomtone",
]


class Denoiser(_native.Denoiser):
    """Cleans a stream. Output comes `latency` samples late; how the stream is cut into blocks changes no bit of it.

    rate: samples per second, 8000 to 192000. channels: 1 to 64. model: a `Model`; None for the built-in one.
    limit: the most that anything is attenuated, in dB; None for no limit. mix: 0 (the input) to 1 (cleaned).
    gain: of the output, in dB. linked: one mask for all channels, which keeps the stereo image.
    removed: give what is taken away instead.

    Raises ValueError for a setting outside its range.
    """

    def process(self, samples):
        """The next block, [samples] (one channel) or [channels, samples]; a new float32 array of the same shape."""
        return super().process(_planes(samples)).reshape(np.shape(samples))

    def process_recording(self, samples):
        """A whole recording, in step: without delay, and of the same length. Forgets what was heard before and after."""
        return super().process_recording(_planes(samples)).reshape(np.shape(samples))


def clean(samples, rate, *, quality="standard", **controls):
    """Cleans a whole recording, [samples] or [channels, samples], without delay; a new float32 array of its shape.

    quality: "standard" hears the first four seconds before it begins; "best" has a larger network that
    also knows what comes later, in twenty times the time; "real-time" is what a `Denoiser` gives. `controls` are those of
    `Denoiser`; for "best", `model` is one that runs both ways over recordings.

    The same samples as `aeden clean --quality …` writes to a float WAV file.
    """
    return _native.clean(_planes(samples), rate, quality, **controls).reshape(np.shape(samples))
