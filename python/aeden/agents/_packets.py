"""The packets of one microphone."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from .. import Denoiser, Model

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .. import Controls


@lru_cache
def _model(quality: str) -> Model:
    """The weights, once for all the sessions of a process."""
    if quality not in ("high", "light"):
        raise ValueError(f"no quality {quality!r} for packets; there are 'high' and 'light'")
    return Model(quality=quality)  # type: ignore[arg-type]


class Packets:
    """Cleans the packets of one microphone: 16-bit samples, little-endian, one of each channel in turn.

    quality: "high", or "light" for a fifth of its cost. controls: those of `aeden.Denoiser`, such as limit=20 (dB).

    Output comes `latency` seconds late, and so it does while `enabled` is False, when packets pass untouched: nothing jumps when
    that is switched. A packet with another rate or number of channels than the one before it begins a new stream.
    """

    def __init__(self, *, quality: str = "high", **controls: Unpack[Controls]) -> None:
        if "model" not in controls:
            controls["model"] = _model(quality)
        self._controls = controls
        self._denoiser: Denoiser | None = None
        self._late = b""
        self._is_stale = False
        self.enabled = True
        # So that a wrong setting is known at once, not in the middle of a call.
        Denoiser(48_000, 1, **controls)

    @property
    def latency(self) -> float:
        """Seconds by which packets come out late; 0 before the first one."""
        return self._denoiser.latency / self._denoiser.rate if self._denoiser else 0.0

    def start(self, rate: int, channels: int = 1) -> None:
        """Begins a new stream, at 8000 to 192000 samples a second: allocates, so that no packet has to wait for that."""
        self._denoiser = Denoiser(rate, channels, **self._controls)
        self._late = bytes(2 * channels * self._denoiser.latency)
        self._is_stale = False

    def clean(self, data: bytes | bytearray | memoryview, rate: int, channels: int = 1) -> bytes:
        """The next packet, cleaned: as many bytes. Raises ValueError for bytes that are no whole samples of all channels."""
        data = bytes(data)
        if len(data) % (2 * channels):
            raise ValueError(f"{len(data)} bytes are no whole 16-bit samples of {channels} channels")
        if self._denoiser is None or (self._denoiser.rate, self._denoiser.channels) != (rate, channels):
            self.start(rate, channels)
        denoiser, heard = self._denoiser, self._late + data
        assert denoiser is not None
        late, self._late = self._late, heard[len(data) :]
        if not self.enabled:
            self._is_stale = True
            return heard[: len(data)]
        if self._is_stale:
            # It has missed what passed untouched: begin anew with what is still on its way.
            denoiser.reset()
            denoiser.process_int16(late)
            self._is_stale = False
        return denoiser.process_int16(data)

    def close(self) -> None:
        """Ends the stream: frees its memory. The next packet begins another one."""
        self._denoiser, self._late = None, b""
