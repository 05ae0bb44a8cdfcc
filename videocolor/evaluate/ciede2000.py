"""Color difference CIEDE2000 (CIE 142-2001; Sharma, Wu, Dalal 2005) with kL = kC = kH = 1."""

from math import radians
from typing import Any

import numpy as np
import numpy.typing as npt

_Values = npt.NDArray[np.floating[Any]]

_CHROMA_JOINT = 25.0**7
_TURN = 2 * np.pi


def delta_e(lab: _Values, truth: _Values) -> _Values:
    """Difference of every pixel as the eye sees it; about 1 is just visible.

    Args:
        lab: (..., 3) float32 or float64, L*, a*, b* in natural units.
        truth: The same shape and type.

    Returns:
        (...) of that type, 0 to about 120.
    """
    return delta_e_and_chroma(lab, truth)[0]


def delta_e_and_chroma(lab: _Values, truth: _Values) -> tuple[_Values, _Values]:
    """`delta_e`, and the same with the truth's lightness in both: what remains when only colors may differ."""
    lightness, true_lightness = lab[..., 0], truth[..., 0]
    offset = (lightness + true_lightness) / 2 - 50
    scale = 1 + 0.015 * offset**2 / np.sqrt(20 + offset**2)
    chroma_part = _chroma_part(lab, truth)
    return _root(((lightness - true_lightness) / scale) ** 2 + chroma_part), _root(chroma_part)


def _root(square: _Values) -> _Values:
    # The rotation term makes the sum of equal colors a rounding error below 0.
    return np.asarray(np.sqrt(np.maximum(square, 0)))


def _chroma_part(lab: _Values, truth: _Values) -> _Values:
    """Square of the terms of chroma and hue, which know nothing of lightness."""
    a, b, true_a, true_b = lab[..., 1], lab[..., 2], truth[..., 1], truth[..., 2]
    # Grays are stretched along a*, as far as both colors together are gray.
    stretch = 1.5 - 0.5 * _saturation_share((_norm(a, b) + _norm(true_a, true_b)) / 2)
    a, true_a = a * stretch, true_a * stretch
    chroma, true_chroma = _norm(a, b), _norm(true_a, true_b)
    mean_chroma = (chroma + true_chroma) / 2

    hue, true_hue = np.arctan2(b, a), np.arctan2(true_b, true_a)
    turn = hue - true_hue
    turn -= _TURN * np.round(turn / _TURN)
    # Halfway on the shorter arc; a color without chroma has no hue and leaves the other's.
    mean_hue = np.where(chroma * true_chroma == 0, hue + true_hue, true_hue + turn / 2)
    mean_hue += _TURN * (mean_hue < 0)

    chroma_term = (chroma - true_chroma) / (1 + 0.045 * mean_chroma)
    hue_term = 2 * np.sqrt(chroma * true_chroma) * np.sin(turn / 2) / (1 + 0.015 * mean_chroma * _hue_weight(mean_hue))
    rotation = -2 * _saturation_share(mean_chroma) * np.sin(2 * _blue_angle(mean_hue))
    return np.asarray(chroma_term**2 + hue_term**2 + rotation * chroma_term * hue_term)


# np.hypot and powers of 7 take five and eighty times as long as plain products.
def _norm(a: _Values, b: _Values) -> _Values:
    return np.asarray(np.sqrt(a * a + b * b))


def _saturation_share(chroma: _Values) -> _Values:
    third = chroma * chroma * chroma
    seventh = third * third * chroma
    return np.asarray(np.sqrt(seventh / (seventh + _CHROMA_JOINT)))


def _hue_weight(hue: _Values) -> _Values:
    return np.asarray(
        1
        - 0.17 * np.cos(hue - radians(30))
        + 0.24 * np.cos(2 * hue)
        + 0.32 * np.cos(3 * hue + radians(6))
        - 0.20 * np.cos(4 * hue - radians(63))
    )


def _blue_angle(hue: _Values) -> _Values:
    return np.asarray(radians(30) * np.exp(-(((np.degrees(hue) - 275) / 25) ** 2)))
