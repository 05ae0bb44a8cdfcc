"""CDC, color distribution consistency of a shot (Liu et al., TCVC; NTIRE 2023), and its form without brightness.

It is blind to space, contains changes of brightness, and rewards dull output: a constant sepia tint may score better
than the truth. It says something beside the truth's own CDC, and beside colorfulness.
"""

from collections import deque
from collections.abc import Callable, Iterable

import cv2
import numpy as np
import numpy.typing as npt

from videocolor.evaluate.lab import Floats, Rgb, check_rgb, rgb_to_lab

Histograms = npt.NDArray[np.float64]
"""(channels, bins), each row sums to 1."""

DISTANCES = (1, 2, 4)
"""In frames; the means over pairs at these distances weigh the same."""
AB_BINS = 64
_AB_RANGE = (-128.0, 128.0)


def js_divergence(p: Histograms, q: Histograms) -> npt.NDArray[np.float64]:
    """Jensen-Shannon divergence, natural logarithm; not its root, the "distance" of some libraries.

    Args:
        p: (..., bins) float64, rows that sum to 1.
        q: The same shape.

    Returns:
        (...) float64, 0..ln 2.
    """
    middle = (p + q) / 2
    divergence = (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2
    # Rounding may leave equal rows a hair below 0.
    return np.asarray(np.maximum(divergence, 0.0))


def _relative_entropy(p: Histograms, q: Histograms) -> npt.NDArray[np.float64]:
    """Where p is 0 its term is 0; q is 0 only where p is."""
    ratio = np.divide(p, q, out=np.ones_like(p), where=p > 0)
    return np.asarray((p * np.log(ratio)).sum(axis=-1))


def rgb_histograms(rgb: Rgb) -> Histograms:
    """(3, 256) shares of the 8-bit codes of (H, W, 3) uint8."""
    check_rgb(rgb)
    return _histograms(rgb, 256, (0.0, 256.0))


def ab_histograms(ab: Floats) -> Histograms:
    """(2, 64) shares of bins over [-128, 128) of (H, W, 2) float32 ab."""
    return _histograms(ab, AB_BINS, _AB_RANGE)


def _histograms(picture: Rgb | Floats, bins: int, limits: tuple[float, float]) -> Histograms:
    # Whether the counts come as a row or as a column depends on OpenCV's version.
    rows = [np.ravel(cv2.calcHist([channel], [0], None, [bins], limits)) for channel in cv2.split(picture)]
    height, width = picture.shape[:2]
    return np.asarray(np.stack(rows) / np.float64(height * width))


class DistributionMeter:
    """CDC of one shot in one pass, from the histograms of its frames; the last four are kept."""

    def __init__(self) -> None:
        self._last: deque[Histograms] = deque(maxlen=max(DISTANCES))
        self._sums = dict.fromkeys(DISTANCES, 0.0)
        self._counts = dict.fromkeys(DISTANCES, 0)

    def push(self, histograms: Histograms) -> None:
        """Add the next frame's."""
        for distance in DISTANCES:
            if len(self._last) >= distance:
                self._sums[distance] += float(js_divergence(self._last[-distance], histograms).mean())
                self._counts[distance] += 1
        self._last.append(histograms)

    @property
    def value(self) -> float | None:
        """Mean over channels and distances, 0..ln 2; lower is steadier.

        Shots of fewer than five frames have only the distances that exist, a single frame has none: None.
        """
        means = [self._sums[distance] / count for distance, count in self._counts.items() if count]
        return sum(means) / len(means) if means else None


def cdc(frames: Iterable[Rgb]) -> float | None:
    """CDC of a shot: histograms of R, G and B with 256 bins, pairs of frames 1, 2 and 4 apart.

    Args:
        frames: (H, W, 3) uint8 each, in order.

    Returns:
        See `DistributionMeter.value`.
    """
    return _of_shot(frames, rgb_histograms)


def cdc_ab(frames: Iterable[Rgb]) -> float | None:
    """The same of a* and b* with 64 bins over [-128, 128), which leaves changes of brightness out."""
    return _of_shot(frames, lambda rgb: ab_histograms(rgb_to_lab(rgb)[..., 1:]))


def _of_shot(frames: Iterable[Rgb], histograms: Callable[[Rgb], Histograms]) -> float | None:
    meter = DistributionMeter()
    for rgb in frames:
        meter.push(histograms(rgb))
    return meter.value
