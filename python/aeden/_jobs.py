"""The jobs beside cleaning. Samples are [samples] or [channels, samples], floats of -1 … 1, at 8000 to 192000 a second.

Every job raises ValueError for samples that are no finite numbers or beyond ±1e12, and names the first one.
"""

import os
from typing import NamedTuple

import numpy as np

from . import _native
from ._native import Autoencoder, Sound
from ._planes import _like, _planes


def describe(samples, rate, *, model=None):
    """Describes a whole sound: a `Sound` with `descriptor` [2 × code], int8, and `seconds`.

    Sounds with like descriptors sound alike, whatever their loudness and length: `a.similarity(b)` is the cosine of the
    angle between them, -1 … 1. About 2500 × real time. model: an `Autoencoder`; None for the built-in sparse one.
    """
    return _native.describe(_planes(samples), rate, model)


class Match(NamedTuple):
    """A sound that was found in an index."""

    path: str
    similarity: float  # -1 … 1
    seconds: float


class Index:
    """A file with the descriptors of many sounds, opened or made; nobody else can open it meanwhile.

    The same as that of `aeden find`. model: the `Autoencoder` that describes the sounds; None for the built-in one.
    Raises ValueError for a file that is no index, is damaged, or was made with another model; OSError if it is in use.
    """

    def __init__(self, file, *, model=None):
        self._index = _native.Index(os.fspath(file), model)

    def add(self, sounds):
        """Adds or replaces sounds, {path: `Sound`}. They are on the disk when this returns."""
        self._index.add([(os.fspath(path), sound) for path, sound in sounds.items()])

    def remove(self, *paths):
        """Removes sounds; what is not there is left out."""
        self._index.remove([os.fspath(path) for path in paths])

    def search(self, sound, top=10, *, itself=None):
        """The `top` most similar sounds as `Match`es, the most similar first; the path `itself` is left out."""
        itself = None if itself is None else os.fspath(itself)
        return [Match(os.fspath(path), *rest) for path, *rest in self._index.search(sound, top, itself)]

    def __contains__(self, path):
        return self._index.contains(os.fspath(path))

    def __len__(self):
        return self._index.count()


class Event(NamedTuple):
    """Something that does not fit."""

    start: float  # s
    end: float  # s
    score: float  # the highest in it
    frequency: float  # Hz, of the band that differs most
    change: str  # "louder" or "quieter", in that band


class Detection(NamedTuple):
    """What was found in a recording."""

    scores: np.ndarray  # [frames], float32; usual moments stay below 1
    times: np.ndarray  # [frames], float64: the middle of every frame in s, every 10 ms
    events: list  # of Event, in the order of time


def detect(samples, rate, *, normal=(), threshold=1.0, model=None):
    """Finds what does not sound like the rest of a recording, or like normal ones: a `Detection`.

    normal: pairs (samples, rate) of recordings in which all is normal; without any, most of the recording is taken to be.
    threshold: scores above it are events. About 1000 × real time. model: an `Autoencoder`; None for the built-in one.
    """
    if not threshold > 0:
        raise ValueError(f"the threshold must be positive, not {threshold}")
    others = [(_planes(samples), rate) for samples, rate in normal]
    scores, first, step, events = _native.detect(_planes(samples), rate, others, threshold, model)
    times = first + step * np.arange(len(scores))
    return Detection(scores, times, [Event(*event) for event in events])


def place(sounds, clusters):
    """Places sounds on a plane, so that what sounds alike lies together, and puts them into so many clusters.

    sounds: up to 50,000 `Sound`s. Returns points [sounds, 2], float64, from 0 to 1, and cluster numbers [sounds], int64.
    """
    return _native.place(list(sounds), clusters)


def encode(samples, rate, *, kbit_s="mid", bits=16, model=None):
    """Encodes a recording: bytes, what `aeden encode` writes to a file.

    kbit_s: "low", "mid" or "high" (about 8, 16, 34 kbit/s of clean speech in one channel), or the most that the whole
    may take, 4 … 1000, which is searched for by encoding eleven times. bits: what decoders to a file give, 8, 16, 24, or 32
    (floating point). About 500 × real time. model: an `Autoencoder`, which decoding needs too; None for the built-in one.
    """
    kbit_s = kbit_s if isinstance(kbit_s, str) else float(kbit_s)
    return _native.encode(_planes(samples), rate, kbit_s, bits, model)


def decode(data, *, model=None):
    """Decodes what `encode` gave: samples [channels, samples], float32, and their rate. Raises ValueError if it is damaged."""
    return _native.decode(bytes(data), model)


class Mended(NamedTuple):
    """Damage that has been mended."""

    kind: str  # "drop-out", "click", "peak" or "region"
    channel: int
    start: int  # the first new sample
    end: int  # the one after the last


class Repaired(NamedTuple):
    """A repaired recording."""

    samples: np.ndarray  # float32, of the shape that was given
    mended: list  # of Mended


def repair(
    samples,
    rate,
    *,
    find=("drop-outs", "clicks", "peaks"),
    regions=(),
    step=0.0,
    prediction_only=False,
    model=None,
):
    """Fills what is missing from what stands on both sides of it: `Repaired`. Every other sample stays as it is.

    find: the kinds of damage to look for. regions: pairs (start, end) in seconds to fill in all channels, up to 0.25 s each.
    step: between stored integers, such as 2**-15 for samples that came from 16 bits; 0 for floating point.
    prediction_only: do without the network. About 180 × real time. model: a denoising `Autoencoder`; None for the built-in
    one.
    """
    mended, damages = _native.repair(
        _planes(samples), rate, list(find), list(regions), step, prediction_only, model
    )
    return Repaired(mended.reshape(np.shape(samples)), [Mended(*damage) for damage in damages])


def roomtone(
    samples,
    rate,
    seconds,
    *,
    towards=None,
    seed=1,
    everything=False,
    steady=False,
    model=None,
):
    """Makes new sound that is like the quiet parts of a recording: float32 [samples] or [channels, samples], as given.

    Nothing is repeated. seconds: how long, 0.01 … 86400. towards: (samples, rate) of a recording whose tone it is to end
    with. seed: another makes another tone of the same kind. everything: learn from loud moments too. steady: noise and
    tones whose bands do not rise and fall. model: an `Autoencoder` with a linear code; None for the built-in one.
    Raises ValueError if there is less than 1 s to learn from.
    """
    other = None if towards is None else (_planes(towards[0]), towards[1])
    made = _native.roomtone(_planes(samples), rate, seconds, other, seed, everything, steady, model)
    return _like(samples, made, made.shape[1:] if np.ndim(samples) == 1 else made.shape)
