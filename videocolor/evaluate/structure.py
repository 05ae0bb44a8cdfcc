"""SSIM, structural similarity (Wang, Bovik, Sheikh, Simoncelli 2004). Hardly sees color: luma is copied."""

from statistics import fmean
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from videocolor.evaluate.lab import Rgb, check_rgb

WINDOW = 11
"""Side of the Gaussian window; a picture must not be smaller."""
_SIGMA = 1.5
_C1 = (0.01 * 255) ** 2
_C2 = (0.03 * 255) ** 2

_Doubles = npt.NDArray[np.float64]


def ssim(rgb: Rgb, truth: Rgb) -> float:
    """Mean SSIM of the three channels.

    Gaussian window of 11 x 11 with sigma 1.5, population covariance, only where the window lies in the picture. Some
    published scripts use scikit-image's default, a uniform window of 7 x 7 with sample covariance: another metric.

    Args:
        rgb: (H, W, 3) uint8, H and W at least 11.
        truth: The same size.

    Returns:
        -1..1; 1 for equal pictures.

    Raises:
        ValueError: Another shape or dtype, or smaller than the window.
    """
    check_rgb(rgb)
    check_rgb(truth, rgb)
    if min(rgb.shape[:2]) < WINDOW:
        raise ValueError(f"a picture of {rgb.shape[:2]} is smaller than the window of SSIM, {WINDOW}")
    return fmean(_of_channel(*channels) for channels in zip(cv2.split(rgb), cv2.split(truth), strict=True))


def _of_channel(code: npt.NDArray[Any], true_code: npt.NDArray[Any]) -> float:
    # Variances are small differences of large squares, float32 would lose them.
    x, y = code.astype(np.float64), true_code.astype(np.float64)
    mean_x, mean_y = _windowed(x), _windowed(y)
    product, squares = mean_x * mean_y, mean_x * mean_x + mean_y * mean_y
    covariance = _windowed(x * y) - product
    variances = _windowed(x * x + y * y) - squares
    similarity = (2 * product + _C1) * (2 * covariance + _C2) / ((squares + _C1) * (variances + _C2))
    return float(similarity.mean())


def _windowed(values: _Doubles) -> _Doubles:
    rim = WINDOW // 2
    means = cv2.GaussianBlur(values, (WINDOW, WINDOW), _SIGMA)
    return np.asarray(means, np.float64)[rim:-rim, rim:-rim]
