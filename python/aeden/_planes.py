"""What users may pass as samples, and what they get back."""

import sys

import numpy as np


def _is_tensor(samples):
    """Whether this is a tensor of torch, which nobody has who has not imported it."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(samples, torch.Tensor)


def _array(samples):
    """The same numbers as an array, in the same memory where that is possible."""
    if not _is_tensor(samples):
        return np.asarray(samples)
    samples = samples.detach().cpu()
    # numpy has no bfloat16.
    return (samples.float() if samples.is_floating_point() else samples).numpy()


def _planes(samples):
    """Float32 [channels, samples] of what may also be [samples], float16, float64 or a tensor; no copy of what is that already."""
    samples = _array(samples)
    if not np.issubdtype(samples.dtype, np.floating):
        raise TypeError(
            f"expected floats of -1 … 1, found {samples.dtype}: aeden.from_int16 divides 16-bit samples by 32768"
        )
    if samples.ndim not in (1, 2):
        raise ValueError(f"expected the shape [samples] or [channels, samples], found {list(samples.shape)}")
    if samples.ndim == 2 and samples.shape[0] > 64:
        raise ValueError(f"{samples.shape[0]} channels, at most 64: is the array [samples, channels]? pass samples.T")
    return np.ascontiguousarray(np.atleast_2d(samples), np.float32)


def _like(samples, planes, shape=None):
    """`planes` in the shape of `samples` or another; a tensor on its device if that is one. No copy on the CPU."""
    planes = planes.reshape(np.shape(samples) if shape is None else shape)
    return sys.modules["torch"].from_numpy(planes).to(samples.device) if _is_tensor(samples) else planes


def from_int16(data, channels=1):
    """Float32 of -1 … 1, [channels, samples], of 16-bit samples.

    data: bytes (also bytearray and memoryview) of little-endian samples, one of each channel in turn, as sound devices, WAV and
    voice agents have them; or an int16 array or tensor [samples] or [channels, samples], of which the shape is kept.

    Raises ValueError for bytes that are no whole samples of all channels, TypeError for other numbers.
    """
    if isinstance(data, (bytes, bytearray, memoryview)):
        data, frame = memoryview(data).cast("B"), 2 * channels
        if channels < 1 or len(data) % frame:
            raise ValueError(f"{len(data)} bytes are no whole 16-bit samples of {channels} channels")
        return np.divide(np.frombuffer(data, "<i2").reshape(-1, channels).T, 32768, dtype=np.float32, order="C")
    array = _array(data)
    if array.dtype != np.int16:
        raise TypeError(f"expected bytes or int16, found {array.dtype}")
    if array.ndim not in (1, 2):
        raise ValueError(f"expected the shape [samples] or [channels, samples], found {list(array.shape)}")
    return _like(data, np.divide(array, 32768, dtype=np.float32, order="C"))


def to_int16(samples):
    """Bytes of 16-bit samples, little-endian, one of each channel in turn, of floats [samples] or [channels, samples].

    Rounds to the nearest, without dither; what is beyond -1 … 1 is clipped. Raises ValueError for what is no finite number.
    """
    planes = _planes(samples)
    if not np.isfinite(planes).all():
        raise ValueError("some samples are no finite numbers")
    return np.clip(np.rint(planes.T * np.float32(32768)), -32768, 32767).astype("<i2").tobytes()
