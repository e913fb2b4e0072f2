"""Takes noise out of sound held in numpy arrays, and does other jobs with autoencoders on spectrograms.

    import aeden
    cleaned = aeden.clean(samples, 48_000)      # [samples] or [channels, samples], floats of -1 … 1; numpy or torch
    mended = aeden.repair(samples, 48_000)      # describe, Index, detect, place, encode, decode, repair, roomtone

Streams go through `Denoiser`, block by block, as floats or as bytes of 16-bit samples. Voice agents: `aeden.agents`. Files are
the business of the program `aeden` (`aeden clean`).
"""

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
from ._planes import _like, _planes, from_int16, to_int16

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
    "from_int16",
    "place",
    "repair",
    "roomtone",
    "to_int16",
]


class Denoiser(_native.Denoiser):
    """Cleans a stream, from any thread; the interpreter's lock is free while it works. Output comes `latency` samples late; how the stream is cut into blocks changes no bit of it.

    rate: samples per second, 8000 to 192000. channels: 1 to 64. model: a `Model`; None for that of the
    quality "high", `Model(quality="light")` for weak machines.
    limit: the most that anything is attenuated, in dB; None for no limit. mix: 0 (the input) to 1 (cleaned).
    bands: the same along frequency, up to six nodes of (Hz, dB) with rising frequencies; where `limit` is smaller, that counts.
    gain: of the output, in dB. linked: one mask for all channels, which keeps the stereo image.
    removed: give what is taken away instead.

    Raises ValueError for a setting outside its range.
    """

    def process(self, samples):
        """The next block, [samples] (one channel) or [channels, samples], floats of -1 … 1: new float32 of the same shape.

        Of a tensor, a tensor. Float32 that is contiguous is read where it is.
        """
        return _like(samples, super().process(_planes(samples)))

    def process_int16(self, data):
        """The next block as 16-bit samples, little-endian, one of each channel in turn: bytes of the same length.

        data: bytes, bytearray or memoryview, of any length that is whole samples of all channels; ValueError otherwise.
        """
        return to_int16(super().process(from_int16(data, self.channels)))

    def process_recording(self, samples):
        """A whole recording, in step: without delay, and of the same length. Forgets what was heard before and after."""
        return _like(samples, super().process_recording(_planes(samples)))


def clean(samples, rate, *, quality=None, streaming=False, purpose=None, **controls):
    """Cleans a whole recording, [samples] or [channels, samples], without delay: new float32 of its shape; of a tensor, a tensor.

    quality: "best" sees what comes later, "high" is what a `Denoiser` runs, "light" a small network for weak machines; None
    for "best", or what fits `model`. streaming: do not hear the first four seconds beforehand: what a `Denoiser`
    gives. purpose: "transcription" for controls by which a speech recogniser makes the fewest errors; `controls` beside it win.
    `controls` are those of `Denoiser`.

    The same samples as `aeden clean --quality …` writes to a float WAV file.
    """
    if purpose is not None:
        controls = _native.purpose(purpose) | controls
    return _like(samples, _native.clean(_planes(samples), rate, quality, streaming, **controls))
