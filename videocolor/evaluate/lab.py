"""8-bit RGB pictures as metrics take them, and their L*a*b*, which nothing rounds."""

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt
import torch

from videocolor.color.lab import lab_to_rgb, rgb_to_xyz_matrix
from videocolor.color.transfer import srgb_to_linear

Rgb = npt.NDArray[np.uint8]
"""(H, W, 3) sRGB, 0..255."""
Gray = npt.NDArray[np.uint8]
"""(H, W) luma, 0..255."""
Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

# CIE 15: the cube root's straight part below (6/29)^3 is its tangent there.
_JOINT = 6 / 29
_TANGENT_START = _JOINT**3
_TANGENT_SLOPE = 1 / (3 * _JOINT**2)
# Differences are taken before anything is multiplied, so that X = Y = Z and a* = b* = 0 are exact for grays: histograms
# of ab have an edge at 0.
_ABOUT_GREEN = np.array([[1, -1, 0], [0, 1, 0], [0, -1, 1]], np.float64)
_ABOUT_Y = np.array([[0, 1, 0], [1, -1, 0], [0, 1, -1]], np.float64)
_LAB_SCALES = np.array([[116, 0, 0, -16], [0, 500, 0, 0], [0, 0, 200, 0]], np.float64)


@lru_cache(maxsize=1)
def _linear_of_code() -> Floats:
    codes = torch.arange(256, dtype=torch.float64) / 255
    return np.asarray(srgb_to_linear(codes).numpy()[:, None], np.float32)


@lru_cache(maxsize=1)
def _xyz_about_green() -> npt.NDArray[np.float64]:
    """(3, 3) from (R - G, G, B - G), linear, to X, Y, Z: the rows of the plain matrix sum to 1."""
    matrix = rgb_to_xyz_matrix("bt709").numpy().copy()
    matrix[:, 1] = 1
    return np.asarray(matrix)


def check_rgb(rgb: Rgb, like: Rgb | None = None) -> None:
    """Refuse what is no 8-bit RGB picture: scaled to 0..1, metrics would give plausible wrong numbers.

    Args:
        rgb: The picture.
        like: Another one that must have the same size.

    Raises:
        ValueError: Another shape or dtype.
    """
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or not rgb.size:
        raise ValueError(f"a picture is {rgb.dtype} {rgb.shape}, expected uint8 (H, W, 3)")
    if like is not None and rgb.shape != like.shape:
        raise ValueError(f"pictures of {rgb.shape[:2]} and {like.shape[:2]} cannot be compared")


def rgb_to_lab(rgb: Rgb) -> Floats:
    """Convert to CIE L*a*b* (D65, 2 degree observer), within 1e-4 of float64; grays have a* = b* = 0 exactly.

    OpenCV's own conversion interpolates a table: it errs by up to .4, and gives grays a chroma of up to .1.

    Args:
        rgb: (H, W, 3) uint8.

    Returns:
        (H, W, 3) float32, L* in 0..100, a* and b* in natural units, about -86..98 and -108..95.

    Raises:
        ValueError: Another shape or dtype.
    """
    check_rgb(rgb)
    linear = cv2.transform(cv2.LUT(rgb, _linear_of_code()), _ABOUT_GREEN)
    xyz = cv2.transform(linear, _xyz_about_green())
    # One channel of three times the width: OpenCV applies a lone number to the first channel only.
    flat = xyz.reshape(len(xyz), -1)
    _, low = cv2.threshold(flat, _TANGENT_START, 0, cv2.THRESH_TRUNC)
    roots = cv2.pow(np.maximum(flat, _TANGENT_START), 1 / 3)
    roots = cv2.addWeighted(roots, 1, low, _TANGENT_SLOPE, -_TANGENT_SLOPE * _TANGENT_START).reshape(xyz.shape)
    return np.asarray(cv2.transform(cv2.transform(roots, _ABOUT_Y), _LAB_SCALES), np.float32)


def luma(rgb: Rgb) -> Gray:
    """(H, W) uint8, BT.601 luma of (H, W, 3) uint8: the gray of a picture that motion is estimated on."""
    check_rgb(rgb)
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)


def with_ab(rgb: Rgb, ab: tuple[float, float]) -> Rgb:
    """The picture's lightness in one constant color: (0, 0) is what a colorizer gives that does nothing.

    Args:
        rgb: (H, W, 3) uint8.
        ab: a* and b*.

    Returns:
        (H, W, 3) uint8, colors outside sRGB clipped.
    """
    # In double precision, or the channels of a gray would round to different codes here and there.
    lightness = torch.from_numpy(rgb_to_lab(rgb)[..., 0].astype(np.float64))[None, None]
    flat = torch.tensor(ab, dtype=torch.float64)[None, :, None, None].expand(1, 2, *lightness.shape[2:])
    codes = (lab_to_rgb(lightness, flat) * 255).round().to(torch.uint8)
    return np.ascontiguousarray(codes[0].permute(1, 2, 0).numpy())
