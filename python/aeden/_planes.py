"""What users may pass as samples."""

import numpy as np


def _planes(samples):
    """Float32 [channels, samples] of what may also be [samples] or float64."""
    samples = np.asarray(samples)
    if not np.issubdtype(samples.dtype, np.floating):
        raise TypeError(f"expected floats of -1 … 1, found {samples.dtype}: divide 16-bit samples by 32768")
    if samples.ndim not in (1, 2):
        raise ValueError(f"expected the shape [samples] or [channels, samples], found {list(samples.shape)}")
    if samples.ndim == 2 and samples.shape[0] > 64:
        raise ValueError(f"{samples.shape[0]} channels, at most 64: is the array [samples, channels]? pass samples.T")
    return np.ascontiguousarray(np.atleast_2d(samples), np.float32)
