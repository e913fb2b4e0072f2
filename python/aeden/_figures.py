"""What is told of a recording before and after cleaning: figures, those that other packages give, and filters by them."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import operator
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Row = dict[str, Any]
Measure = Callable[[NDArray[np.float32], int], "float | None"]

FIGURES = """seconds, rate, channels
level_db       dBFS of the recording; 0 is the power of ±1 throughout
peak_db        dBFS of its highest sample
clipped        share of samples that stand at the highest value, two or more in a row
floor_db       dBFS that a tenth of all blocks of 50 ms stay below
snr_db         of the blocks that a twentieth exceeds to the floor, before cleaning; snr_after_db after it
bandwidth_hz   below which 99.9 % of the power lies
removed_db     power of what was taken out, against the recording's
With --measure, of the recording, and with _after of the cleaned one; null where there is nothing to tell:
lufs           loudness of the whole, by EBU R 128, by the package pyloudnorm; null below 0.4 s and for silence
ovrl           overall quality, 1 … 5, by DNSMOS P.835, by the package speechmos
distill_mos    overall quality, 1 … 5, by the package distillmos"""

NAMES = ("seconds", "rate", "channels", "level_db", "peak_db", "clipped", "floor_db", "snr_db", "snr_after_db", "bandwidth_hz", "removed_db")


class Refused(ValueError):
    """Something that cannot be done, in one line."""


def decibels(power: Any) -> float:
    return float(10 * np.log10(np.maximum(power, 1e-12)))


def blocks(samples: NDArray[np.float32], rate: int) -> NDArray[np.float64]:
    """Powers of blocks of 50 ms, over all channels."""
    power = np.mean(samples.astype(np.float64) ** 2, 0)
    length = max(1, min(rate // 20, len(power)))
    return np.asarray(power[: len(power) // length * length].reshape(-1, length).mean(1))


def above_floor(powers: NDArray[np.float64]) -> float:
    """dB from the floor of blocks to what a twentieth of them exceeds."""
    return decibels(np.quantile(powers, 0.95)) - decibels(np.quantile(powers, 0.1))


def measured(samples: NDArray[np.float32], cleaned: NDArray[np.float32], rate: int) -> Row:
    """The figures of a recording [channels, samples]."""
    peak = float(np.abs(samples).max())
    top = np.abs(samples) >= max(peak, 1e-9)
    flat = top[:, 1:] & top[:, :-1]
    before, after = blocks(samples, rate), blocks(cleaned, rate)
    spectrum = np.abs(np.fft.rfft(samples.mean(0), axis=0)) ** 2
    below = np.cumsum(spectrum)
    edge = int(np.searchsorted(below, 0.999 * below[-1]))
    figures = {
        "seconds": samples.shape[1] / rate,
        "rate": rate,
        "channels": len(samples),
        "level_db": decibels(np.mean(samples.astype(np.float64) ** 2)),
        "peak_db": decibels(peak**2),
        "clipped": float(flat.sum() / flat.size) if peak > 0.5 and flat.size else 0.0,
        "floor_db": decibels(np.quantile(before, 0.1)),
        "snr_db": above_floor(before),
        "snr_after_db": above_floor(after),
        "bandwidth_hz": edge * rate / samples.shape[1],
        "removed_db": decibels(np.mean((samples - cleaned).astype(np.float64) ** 2)) - decibels(np.mean(samples.astype(np.float64) ** 2)),
    }
    return {name: round(value, 6) if isinstance(value, float) else value for name, value in figures.items()}


def package(name: str, measure: str) -> Any:
    """A package that a measure needs."""
    try:
        return importlib.import_module(name)
    except ImportError as e:
        raise Refused(f"--measure {measure} needs the package {name}: pip install {' '.join(MEASURES[measure].packages)} ({e})") from e


def at_16_khz(samples: NDArray[np.float32], rate: int, measure: str) -> NDArray[np.float32]:
    """One channel, as the networks that judge were trained on."""
    mono = samples.mean(0)
    mono = mono if rate == 16_000 else package("soxr", measure).resample(mono, rate, 16_000)
    return np.ascontiguousarray(np.clip(mono, -1, 1), np.float32)


def lufs() -> Measure:
    pyloudnorm = package("pyloudnorm", "lufs")

    def measure(samples: NDArray[np.float32], rate: int) -> float | None:
        if samples.shape[1] < 0.4 * rate or not samples.any():
            return None
        # Channels beyond five have no weight in the standard.
        return float(pyloudnorm.Meter(rate).integrated_loudness(samples[:5].T.astype(np.float64)))

    return measure


def ovrl() -> Measure:
    package("soxr", "ovrl")
    dnsmos = package("speechmos.dnsmos", "ovrl")

    def measure(samples: NDArray[np.float32], rate: int) -> float | None:
        mono = at_16_khz(samples, rate, "ovrl")
        return float(dnsmos.run(mono, 16_000, return_df=False)["ovrl_mos"]) if mono.size else None

    return measure


def distill_mos() -> Measure:
    package("soxr", "distill_mos")
    torch, distillmos = package("torch", "distill_mos"), package("distillmos", "distill_mos")
    with contextlib.redirect_stdout(None):  # it tells that it was loaded
        model = distillmos.ConvTransformerSQAModel()
    model.eval()

    def measure(samples: NDArray[np.float32], rate: int) -> float | None:
        mono = at_16_khz(samples, rate, "distill_mos")
        if mono.size < 16_000:  # shorter than its spectra allow: heard again and again
            mono = np.resize(mono, 16_000)
        with torch.no_grad():
            return float(model(torch.from_numpy(mono)[None]).item())

    return measure


class Asked(NamedTuple):
    """A measure by other packages, which is made once."""

    packages: tuple[str, ...]
    make: Callable[[], Measure]


MEASURES = {
    "lufs": Asked(("pyloudnorm",), lufs),
    "ovrl": Asked(("speechmos", "soxr"), ovrl),
    "distill_mos": Asked(("distillmos", "soxr"), distill_mos),
}


class Measures:
    """The measures that were asked for. Raises Refused where a package is absent."""

    def __init__(self, names: Sequence[str]) -> None:
        unknown = set(names) - set(MEASURES)
        if unknown:
            raise Refused(f"no measure {', '.join(sorted(unknown))}; there are {', '.join(MEASURES)}")
        self.made = {name: MEASURES[name].make() for name in names}

    def missing(self, figures: Row) -> bool:
        """Whether figures lack what is asked for: those of a run that asked for less."""
        return any(f"{name}_after" not in figures for name in self.made)

    def __call__(self, samples: NDArray[np.float32], cleaned: NDArray[np.float32], rate: int) -> Row:
        """The figures of a recording [channels, samples] before and after."""
        told: Row = {}
        for name, measure in self.made.items():
            for figure, heard in ((name, samples), (f"{name}_after", cleaned)):
                value = measure(heard, rate)
                # JSON has no infinity.
                told[figure] = None if value is None or not np.isfinite(value) else round(value, 3)
        return told


OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
}


class Keep(NamedTuple):
    """A filter by a figure: a row without the figure is left out."""

    figure: str
    compare: str
    limit: float

    def __call__(self, figures: Row) -> bool:
        value = figures.get(self.figure)
        return value is not None and OPERATORS[self.compare](value, self.limit)


def keeps(text: str) -> Keep:
    """A filter such as `snr_db>=10`."""
    match = re.fullmatch(r"\s*(\w+)\s*(>=|<=|==|>|<)\s*([-+.\w]+)\s*", text)
    names = {*NAMES, *MEASURES, *(f"{name}_after" for name in MEASURES)}
    try:
        if match is None or match[1] not in names:
            raise ValueError
        return Keep(match[1], match[2], float(match[3]))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: a figure, an operator and a number, such as snr_db>=10") from None


def check(keep: Sequence[Keep], asked: Sequence[str]) -> None:
    """Refuses a filter by what nobody measures: it would leave out every line."""
    for name in (k.figure.removesuffix("_after") for k in keep):
        if name in MEASURES and name not in asked:
            raise Refused(f"--keep by {name} needs --measure {name}")
