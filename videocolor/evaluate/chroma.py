"""How much color there is at all: chroma is the distance from neutral in the ab plane."""

import numpy as np

from videocolor.evaluate.lab import Floats

NEAR_GRAY = 4.0
"""Chroma that the eye takes for gray."""
# Below, a reference has no color to compare with, but the rounding of its codes.
_LEAST_REFERENCE = 0.1


def chroma_of(ab: Floats) -> Floats:
    """(H, W) float32 chroma of (H, W, 2) float32 ab."""
    a, b = ab[..., 0], ab[..., 1]
    # cv2.magnitude rounds by how the memory lies: equal pictures would differ in the tenth digit.
    return np.asarray(np.sqrt(a * a + b * b), np.float32)


def near_gray_share(chroma: Floats) -> float:
    """Share of pixels with chroma below `NEAR_GRAY`, 0..1, of (H, W) float32 chroma."""
    return float(np.count_nonzero(chroma < NEAR_GRAY)) / chroma.size


def chroma_ratio(chroma: float, reference: float) -> float | None:
    """Mean chroma of a result over that of the truth, or of the colorizer's answer before smoothing.

    A filter that fades colors gains in every measure of flicker: 0.9 to 1.1 is well, beyond it they say nothing.

    Returns:
        None where the reference is gray.
    """
    return chroma / reference if reference >= _LEAST_REFERENCE else None
