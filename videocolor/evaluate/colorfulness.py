"""CF, colorfulness of a picture (Hasler and Suesstrunk, "Measuring colorfulness in natural images", 2003).

0 is gray, about 15 slightly, 33 moderately, 45 averagely, 59 quite, 82 highly and 109 extremely colorful. A high CF
is no merit in itself: it knows no truth.
"""

from collections.abc import Sequence
from math import hypot
from statistics import fmean

import cv2
import numpy as np
import numpy.typing as npt

from videocolor.evaluate.lab import Rgb, check_rgb


def colorfulness(rgb: Rgb) -> float:
    """CF by the paper: opponent axes R - G and (R + G) / 2 - B with their signs, population deviation.

    Args:
        rgb: (H, W, 3) uint8, sRGB.

    Returns:
        0 (gray) to about 240.

    Raises:
        ValueError: Another shape or dtype.
    """
    return _of_axes(*_opponents(rgb))


def colorfulness_abs(rgb: Rgb) -> float:
    """CF-abs: the same with the axes' absolute values, as the programs behind published tables compute it.

    Only for comparison with such tables (DDColor's and those measured with its program).
    """
    red_green, yellow_blue = _opponents(rgb)
    return _of_axes(np.abs(red_green), np.abs(yellow_blue))


def _opponents(rgb: Rgb) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int16]]:
    """R - G, and R + G - 2 B: twice the second axis, so that integers stay exact."""
    check_rgb(rgb)
    red, green, blue = (np.asarray(channel, np.int16) for channel in cv2.split(rgb))
    return red - green, red + green - 2 * blue


def _of_axes(red_green: npt.NDArray[np.int16], twice_yellow_blue: npt.NDArray[np.int16]) -> float:
    (rg_mean, rg_std), (yb_mean, yb_std) = (
        (float(values.item()) for values in cv2.meanStdDev(axis)) for axis in (red_green, twice_yellow_blue)
    )
    return hypot(rg_std, yb_std / 2) + 0.3 * hypot(rg_mean, yb_mean / 2)


def set_difference(results: Sequence[float], truths: Sequence[float]) -> float:
    """DCF of a set as DDColor's table has it: distance of the mean CF of the results from that of the truths.

    Pictures too colorful and too dull cancel out; see `mean_difference`.
    """
    return abs(fmean(results) - fmean(truths))


def mean_difference(results: Sequence[float], truths: Sequence[float]) -> float:
    """Mean over pictures of the distance of a result's CF from its truth's.

    Raises:
        ValueError: Not as many results as truths.
    """
    return fmean(abs(result - truth) for result, truth in zip(results, truths, strict=True))
