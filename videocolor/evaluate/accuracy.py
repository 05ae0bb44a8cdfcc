"""Shares of pixels whose color is right within a tolerance."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from videocolor.color.codec import AB_LIMIT, BIN_COUNT, ab_bins
from videocolor.evaluate.lab import Floats

# One percent of the ranges of L*, a* and b*, as Nazeri et al. count them.
_PERCENT = np.array([1.0, 2.2, 2.2], np.float32)
_THRESHOLDS = 151
_GRID_STEP = 10


def tolerance_accuracy(lab: Floats, truth: Floats, *, percent: float = 2.0) -> float:
    """Share of pixels with L*, a* and b* each within a tolerance (Nazeri, Ng, Ebrahimi 2018).

    Args:
        lab: (..., 3) float32, natural units; rounded to integers (halves to even) before the comparison.
        truth: The same shape.
        percent: Tolerance in percent of the ranges, 100 for L* and 220 for a* and b*; the paper has 2 and 5.

    Returns:
        0..1.
    """
    is_near = np.abs(np.rint(lab) - np.rint(truth)) <= percent * _PERCENT
    return float(is_near.all(axis=-1).mean())


def raw_accuracy(ab: Floats, truth: Floats) -> float:
    """Area under the curve of the share of pixels within 0, 1, ..., 150 ab of the truth (Zhang et al. 2016).

    Nearly blind: gray pictures get almost what the best models get.

    Args:
        ab: (H, W, 2) float32, natural Lab units.
        truth: The same shape.

    Returns:
        0..1, the mean of the 151 shares.
    """
    return float(_passed_share(ab, truth).mean(dtype=np.float64))


class AccuracyMeter:
    """Raw accuracy of a set, all pixels pooled, plain and with all bins of colors weighing the same."""

    def __init__(self) -> None:
        self._passed = np.zeros(BIN_COUNT)
        self._counts = np.zeros(BIN_COUNT, np.int64)

    def push(self, ab: Floats, truth: Floats) -> None:
        """Add a picture, see `raw_accuracy`."""
        bins = color_bins(truth).ravel()
        self._passed += np.bincount(bins, weights=_passed_share(ab, truth).ravel(), minlength=BIN_COUNT)
        self._counts += np.bincount(bins, minlength=BIN_COUNT)

    @property
    def raw(self) -> float:
        """`raw_accuracy` over all pixels."""
        return float(self._passed.sum() / self._counts.sum())

    @property
    def balanced(self) -> float:
        """Each pixel weighs by the inverse share of its bin among the set's true colors, so rare colors count.

        The mean over bins of the accuracy in each; of the 258 bins only those that occur.
        """
        occurs = self._counts > 0
        return float((self._passed[occurs] / self._counts[occurs]).mean())


def color_bins(ab: Floats) -> npt.NDArray[np.int64]:
    """(H, W) int64, the number in `ab_bins` of each color of (H, W, 2) float32: that of its node on the grid of 10.

    Colors at nodes without a bin take the bin nearest to their node.
    """
    nodes = np.rint((np.clip(ab, -AB_LIMIT, AB_LIMIT) + AB_LIMIT) / _GRID_STEP).astype(np.int64)
    return np.asarray(_bin_of_node()[nodes[..., 0], nodes[..., 1]])


@lru_cache(maxsize=1)
def _bin_of_node() -> npt.NDArray[np.int64]:
    axis = np.arange(-AB_LIMIT, AB_LIMIT + 1, _GRID_STEP)
    nodes = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1)
    offsets = nodes[:, :, None] - ab_bins().numpy()
    return np.asarray(np.square(offsets).sum(axis=-1).argmin(axis=-1))


def _passed_share(ab: Floats, truth: Floats) -> Floats:
    """(H, W) share of the thresholds that each pixel's distance passes: those from its next whole number on."""
    offset = ab - truth
    distance = np.sqrt(np.square(offset[..., 0]) + np.square(offset[..., 1]))
    return np.asarray(np.clip(_THRESHOLDS - np.ceil(distance), 0, None) / _THRESHOLDS, np.float32)
