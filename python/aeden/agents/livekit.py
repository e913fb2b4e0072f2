"""aeden as a frame processor of LiveKit: the `noise_cancellation` of an agent's audio input, or of an `rtc.AudioStream`."""

from __future__ import annotations

from typing import TYPE_CHECKING

try:
    from livekit import rtc
    from livekit.rtc.frame_processor import FrameProcessor
except ImportError as e:
    raise ImportError("aeden.agents.livekit needs LiveKit: pip install livekit-agents, or livekit for rtc alone") from e

from ._packets import Packets

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .. import Controls


class AedenProcessor(FrameProcessor[rtc.AudioFrame]):
    """Cleans the frames of one track. quality: "high" or "light"; controls: those of `aeden.Denoiser`, such as limit=20.

    Frames keep rate, channels, length and userdata; a track that changes its rate begins anew. `enabled` switches it without a
    jump. Runs where LiveKit calls it, well below a millisecond a frame. One processor for each track.
    """

    def __init__(self, *, quality: str = "high", **controls: Unpack[Controls]) -> None:
        self._packets = Packets(quality=quality, **controls)

    @property
    def latency(self) -> float:
        """Seconds by which sound comes out late; 0 before the first frame."""
        return self._packets.latency

    @property
    def enabled(self) -> bool:
        """Whether frames are cleaned; otherwise they pass untouched, as late."""
        return self._packets.enabled

    @enabled.setter
    def enabled(self, value: bool) -> None:
        self._packets.enabled = value

    def _process(self, frame: rtc.AudioFrame) -> rtc.AudioFrame:
        # A frame's memory may be longer than its sound.
        data = frame.data.cast("B")[: 2 * frame.num_channels * frame.samples_per_channel]
        cleaned = self._packets.clean(data, frame.sample_rate, frame.num_channels)
        return rtc.AudioFrame(
            data=cleaned,
            sample_rate=frame.sample_rate,
            num_channels=frame.num_channels,
            samples_per_channel=frame.samples_per_channel,
            userdata=frame.userdata,
        )

    def _close(self) -> None:
        self._packets.close()
