"""Distance of a result from the true colors, pixel by pixel: PSNR and root mean square error.

Differences are never taken in 8 bits: they would wrap, and published tables that start at 30 dB for weak methods are
on that scale.
"""

from math import inf, log10, sqrt

import cv2

from videocolor.evaluate.lab import Floats, Rgb, check_rgb

PEAK = 255.0
"""For a* and b*, too: there is no standard, and 8-bit Lab has steps of 1."""
PSNR_CAP = 100.0
"""In dB: what equal pictures count as in a mean."""


def psnr(rgb: Rgb, truth: Rgb) -> float:
    """Peak signal-to-noise ratio of R'G'B' over all pixels and channels, peak 255.

    Args:
        rgb: (H, W, 3) uint8.
        truth: The same size.

    Returns:
        In dB; infinite for equal pictures. Over a set the mean of these is meant, not that of the squared errors.

    Raises:
        ValueError: Another shape or dtype.
    """
    check_rgb(rgb)
    check_rgb(truth, rgb)
    # Sums uint8 differences exactly, in wider integers.
    return _decibels(cv2.norm(rgb, truth, cv2.NORM_L2SQR) / rgb.size)


def psnr_ab(ab: Floats, truth: Floats) -> float:
    """The same of a* and b*, mean over pixels and both channels, peak 255.

    Args:
        ab: (H, W, 2) float32, natural Lab units.
        truth: The same size.

    Returns:
        In dB; infinite for equal colors.
    """
    return _decibels(_mean_square(ab, truth))


def rmse_ab(ab: Floats, truth: Floats) -> float:
    """Root of the mean squared distance in the ab plane: sqrt(mean(da^2 + db^2)), in Lab units."""
    return sqrt(2 * _mean_square(ab, truth))


def _mean_square(values: Floats, truth: Floats) -> float:
    if values.shape != truth.shape:
        raise ValueError(f"colors of {values.shape} and {truth.shape} cannot be compared")
    return float(cv2.norm(values, truth, cv2.NORM_L2SQR)) / values.size


def _decibels(mean_square: float) -> float:
    return 10 * log10(PEAK**2 / mean_square) if mean_square else inf
