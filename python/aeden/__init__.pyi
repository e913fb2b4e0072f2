from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from typing import Any, Literal, NamedTuple, Protocol, TypedDict, TypeVar, final, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray
from typing_extensions import Self, Unpack

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

__version__: str

class _Tensor(Protocol):
    """A torch.Tensor: torch need not be there."""

    @property
    def requires_grad(self) -> Any: ...
    @property
    def device(self) -> Any: ...

_T = TypeVar("_T", bound=_Tensor)

class Controls(TypedDict, total=False):
    model: Model | None
    limit: float | None
    bands: Sequence[tuple[float, float]] | None
    mix: float
    gain: float
    linked: bool
    removed: bool

@final
class Model:
    def __new__(
        cls, file: str | PathLike[str] | None = None, *, quality: Literal["best", "high", "light"] = "high"
    ) -> Self: ...
    @property
    def name(self) -> str: ...
    @property
    def parameters(self) -> int: ...
    @property
    def rate(self) -> int: ...

class Denoiser:
    def __new__(cls, rate: int, channels: int = 1, **controls: Unpack[Controls]) -> Self: ...
    @property
    def rate(self) -> int: ...
    @property
    def channels(self) -> int: ...
    @property
    def latency(self) -> int: ...
    @overload
    def process(self, samples: _T) -> _T: ...
    @overload
    def process(self, samples: ArrayLike) -> NDArray[np.float32]: ...
    def process_int16(self, data: bytes | bytearray | memoryview) -> bytes: ...
    @overload
    def process_recording(self, samples: _T) -> _T: ...
    @overload
    def process_recording(self, samples: ArrayLike) -> NDArray[np.float32]: ...
    def reset(self) -> None: ...

@overload
def clean(
    samples: _T,
    rate: int,
    *,
    quality: Literal["best", "high", "light"] | None = None,
    streaming: bool = False,
    purpose: Literal["transcription"] | None = None,
    **controls: Unpack[Controls],
) -> _T: ...
@overload
def clean(
    samples: ArrayLike,
    rate: int,
    *,
    quality: Literal["best", "high", "light"] | None = None,
    streaming: bool = False,
    purpose: Literal["transcription"] | None = None,
    **controls: Unpack[Controls],
) -> NDArray[np.float32]: ...
@overload
def from_int16(data: bytes | bytearray | memoryview, channels: int = 1) -> NDArray[np.float32]: ...
@overload
def from_int16(data: NDArray[np.int16]) -> NDArray[np.float32]: ...
@overload
def from_int16(data: _T) -> _T: ...
def to_int16(samples: ArrayLike | _Tensor) -> bytes: ...

@final
class Autoencoder:
    def __new__(cls, file: str | PathLike[str]) -> Self: ...
    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def parameters(self) -> int: ...
    @property
    def code(self) -> int: ...

@final
class Sound:
    @property
    def descriptor(self) -> NDArray[np.int8]: ...
    @property
    def seconds(self) -> float: ...
    def similarity(self, other: Sound) -> float: ...

def describe(samples: ArrayLike | _Tensor, rate: int, *, model: Autoencoder | None = None) -> Sound: ...

class Match(NamedTuple):
    path: str
    similarity: float
    seconds: float

class Index:
    def __init__(self, file: str | PathLike[str], *, model: Autoencoder | None = None) -> None: ...
    def add(self, sounds: Mapping[str, Sound] | Mapping[PathLike[str], Sound]) -> None: ...
    def remove(self, *paths: str | PathLike[str]) -> None: ...
    def search(
        self, sound: Sound, top: int = 10, *, itself: str | PathLike[str] | None = None
    ) -> list[Match]: ...
    def __contains__(self, path: str | PathLike[str]) -> bool: ...
    def __len__(self) -> int: ...

class Event(NamedTuple):
    start: float
    end: float
    score: float
    frequency: float
    change: Literal["louder", "quieter"]

class Detection(NamedTuple):
    scores: NDArray[np.float32]
    times: NDArray[np.float64]
    events: list[Event]

def detect(
    samples: ArrayLike | _Tensor,
    rate: int,
    *,
    normal: Iterable[tuple[ArrayLike | _Tensor, int]] = (),
    threshold: float = 1.0,
    model: Autoencoder | None = None,
) -> Detection: ...
def place(sounds: Iterable[Sound], clusters: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]: ...
def encode(
    samples: ArrayLike | _Tensor,
    rate: int,
    *,
    kbit_s: Literal["low", "mid", "high"] | float = "mid",
    bits: Literal[8, 16, 24, 32] = 16,
    model: Autoencoder | None = None,
) -> bytes: ...
def decode(
    data: bytes | bytearray | memoryview, *, model: Autoencoder | None = None
) -> tuple[NDArray[np.float32], int]: ...

class Mended(NamedTuple):
    kind: Literal["drop-out", "click", "peak", "region"]
    channel: int
    start: int
    end: int

class Repaired(NamedTuple):
    samples: NDArray[np.float32]
    mended: list[Mended]

def repair(
    samples: ArrayLike | _Tensor,
    rate: int,
    *,
    find: Sequence[Literal["drop-outs", "clicks", "peaks"]] = ("drop-outs", "clicks", "peaks"),
    regions: Iterable[tuple[float, float]] = (),
    step: float = 0.0,
    prediction_only: bool = False,
    model: Autoencoder | None = None,
) -> Repaired: ...
@overload
def roomtone(
    samples: _T,
    rate: int,
    seconds: float,
    *,
    towards: tuple[ArrayLike | _Tensor, int] | None = None,
    seed: int = 1,
    everything: bool = False,
    steady: bool = False,
    model: Autoencoder | None = None,
) -> _T: ...
@overload
def roomtone(
    samples: ArrayLike,
    rate: int,
    seconds: float,
    *,
    towards: tuple[ArrayLike | _Tensor, int] | None = None,
    seed: int = 1,
    everything: bool = False,
    steady: bool = False,
    model: Autoencoder | None = None,
) -> NDArray[np.float32]: ...
