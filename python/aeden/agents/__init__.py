"""aeden for voice agents: a microphone's packets are cleaned before voice activity detection and speech recognition hear them.

    from aeden.agents.pipecat import AedenFilter         # pipecat: TransportParams(audio_in_filter=AedenFilter())
    from aeden.agents.livekit import AedenProcessor      # LiveKit agents: AudioInputOptions(noise_cancellation=AedenProcessor())

Neither package is needed for the other, or for aeden. `Packets` does the work for both, and for any other frame of packets.
`python -m aeden.agents report FILES` measures it.
"""

from ._packets import Packets

__all__ = ["Packets"]
