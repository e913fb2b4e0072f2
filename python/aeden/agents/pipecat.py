"""aeden as an audio filter of pipecat: `TransportParams(audio_in_enabled=True, audio_in_filter=AedenFilter())`."""

from __future__ import annotations

from typing import TYPE_CHECKING

try:
    from pipecat.audio.filters.base_audio_filter import BaseAudioFilter
    from pipecat.frames.frames import FilterControlFrame, FilterEnableFrame
except ImportError as e:
    raise ImportError("aeden.agents.pipecat needs pipecat: pip install pipecat-ai") from e

from ._packets import Packets

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .. import Controls


class AedenFilter(BaseAudioFilter):
    """Cleans what a transport receives. quality: "high" or "light"; channels: those of the transport; controls: of `aeden.Denoiser`.

    Runs in the event loop, well below a millisecond a packet (`python -m aeden.agents report` measures it). `FilterEnableFrame`
    switches it off and on, without a jump. One filter for each transport.
    """

    def __init__(self, *, quality: str = "high", channels: int = 1, **controls: Unpack[Controls]) -> None:
        self._packets = Packets(quality=quality, **controls)
        self._rate, self._channels = 0, channels

    @property
    def latency(self) -> float:
        """Seconds by which sound comes out late; 0 before the transport has started."""
        return self._packets.latency

    async def start(self, sample_rate: int) -> None:
        """Begins a stream; pipecat calls it."""
        self._rate = sample_rate
        self._packets.start(sample_rate, self._channels)

    async def stop(self) -> None:
        """Ends the stream; pipecat calls it."""
        self._packets.close()

    async def process_frame(self, frame: FilterControlFrame) -> None:
        """Takes `FilterEnableFrame`; pipecat calls it."""
        if isinstance(frame, FilterEnableFrame):
            self._packets.enabled = frame.enable

    async def filter(self, audio: bytes) -> bytes:
        """The next packet, cleaned: as many bytes; pipecat calls it."""
        return self._packets.clean(audio, self._rate, self._channels)
