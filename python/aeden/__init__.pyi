from os import PathLike
from typing import Literal, TypedDict, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

__version__: str

class Controls(TypedDict, total=False):
    model: Model | None
    limit: float | None
    mix: float
    gain: float
    linked: bool
    removed: bool

class Model:
    def __init__(self, file: str | PathLike[str] | None = None) -> None: ...
    @property
    def name(self) -> str: ...
    @property
    def parameters(self) -> int: ...
    @property
    def rate(self) -> int: ...

class Denoiser:
    def __init__(self, rate: int, channels: int = 1, **controls: Unpack[Controls]) -> None: ...
    @property
    def rate(self) -> int: ...
    @property
    def channels(self) -> int: ...
    @property
    def latency(self) -> int: ...
    def process(self, samples: ArrayLike) -> NDArray[np.float32]: ...
    def process_recording(self, samples: ArrayLike) -> NDArray[np.float32]: ...
    def reset(self) -> None: ...

def clean(
    samples: ArrayLike,
    rate: int,
    *,
    quality: Literal["real-time", "standard", "best"] = "standard",
    **controls: Unpack[Controls],
) -> NDArray[np.float32]: ...
