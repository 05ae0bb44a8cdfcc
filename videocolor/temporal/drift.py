"""Slow drift of color within a shot, damped: a second, long memory along the motion, half as fine.

The trajectory mean follows whatever changes over more than its reach. Its distance from the mean over all of the shot
so far is drift where it is smooth, lasting and not too large, and a part of that is taken back. Where something new
comes into view the long memory is as short as the other, and nothing happens.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from videocolor.core.motion import Field, FloatPlane, GrayPlane, Motion, Size
from videocolor.temporal.motion import places_of, sample

# All measured on made drift, a still and moving clips of 240 frames. A stronger pull takes back more of a drift, but
# keeps a shot's wrong beginning for longer.
_PULL = 0.7
# Observations at which half of the pull is reached: twice what the trajectory mean remembers.
_REACH = 40.0
# A vector's confidence says how well it averages noise; a long memory has to bear many little doubts.
_DOUBT = 0.25
# From this distance in ab on, a lasting difference is a change (or the memory began wrong), and is forgotten soon.
_CHANGE = 15.0
_FORGETTING = 0.1

_COARSENESS = 2
_BLUR_SIGMA = 4.0
# Hundreds of warps blur the memory: beside edges of color (deviation in ab over 9 x 9) it tells little.
_EDGE_DEVIATION = 3.0
_EDGE_BOX = (9, 9)
# As for the trajectory mean a dissolve shows in the gray; this memory is longer, and bears more of a difference.
_GRAY_DEVIATION = 45.0
_GRAY_BOX = (7, 7)
_LEAST_WEIGHT = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Anchor:
    """Where the colors of a shot have been so far."""

    sums: FloatPlane
    """(4, h, w) float32 at half the work size: weighted a*, weighted b*, weight, weighted gray."""

    @classmethod
    def empty(cls, size: Size) -> "Anchor":
        """For a shot's beginning.

        Args:
            size: Height and width of the motion.
        """
        return cls(np.zeros((4, -(-size[0] // _COARSENESS), -(-size[1] // _COARSENESS)), np.float32))

    def follow(self, ab: FloatPlane, weight: float, motion: Motion) -> tuple["Anchor", FloatPlane]:
        """Take in the next frame.

        Args:
            ab: (2, h, w) float32 at work size, smoothed already.
            weight: Of this frame, 1 as a rule.
            motion: Of this frame.

        Returns:
            The anchor after this frame, and what to add to `ab`, (2, h, w) float32.
        """
        small = self.sums.shape[1:]
        now = np.stack([_resize(plane, small) for plane in ab])
        gray = _resize(motion.gray, small).astype(np.float32)
        sums = self._carried(motion.to_previous, gray)
        sums += np.stack([*now, np.ones_like(gray), gray]) * np.float32(weight)
        trust = sums[2] / (sums[2] + np.float32(_REACH))
        drift = sums[:2] / np.maximum(sums[2], np.float32(_LEAST_WEIGHT)) - now
        drift = _smooth(drift, trust * _evenness(now))
        distance = (drift[0] ** 2 + drift[1] ** 2) / np.float32(_CHANGE**2)
        sums *= 1 - np.float32(_FORGETTING) * distance**2 / (1 + distance**2)
        drift *= trust * np.float32(_PULL)
        return Anchor(sums), np.stack([_resize(plane, ab.shape[1:]) for plane in drift])

    def _carried(self, field: Field | None, gray: FloatPlane) -> FloatPlane:
        if field is None:
            return np.zeros_like(self.sums)
        height, width = field.confidence.shape
        columns, rows = (_resize(plane, gray.shape) for plane in np.moveaxis(field.vectors, 2, 0))
        vectors = np.dstack([columns * (gray.shape[1] / width), rows * (gray.shape[0] / height)])
        places = places_of(vectors)
        carried = np.stack([sample(plane, places) for plane in self.sums])
        trust = _resize(field.confidence, gray.shape) * _likeness(carried, gray)
        carried *= trust ** np.float32(_DOUBT)
        return carried


def _likeness(carried: FloatPlane, gray: FloatPlane) -> FloatPlane:
    """(h, w) float32 in 0..1: how much what is carried looks like the frame where it arrives."""
    difference = carried[3] / np.maximum(carried[2], np.float32(_LEAST_WEIGHT)) - gray
    energy = cv2.blur(difference * difference, _GRAY_BOX) / np.float32(_GRAY_DEVIATION**2)
    like: FloatPlane = np.exp(-(energy**2))
    return like


def _evenness(ab: FloatPlane) -> FloatPlane:
    """(h, w) float32 in 0..1: 1 where the color is the same all around."""
    square = sum(cv2.blur(plane * plane, _EDGE_BOX) - cv2.blur(plane, _EDGE_BOX) ** 2 for plane in ab)
    even: FloatPlane = 1 / (1 + np.maximum(square, 0) / np.float32(_EDGE_DEVIATION**2)) ** 2
    return even


def _smooth(planes: FloatPlane, weight: FloatPlane) -> FloatPlane:
    """Blur in which every pixel counts by its weight."""
    *blurred, total = (cv2.GaussianBlur(plane, (0, 0), _BLUR_SIGMA) for plane in (*(planes * weight), weight))
    smooth: FloatPlane = np.stack(blurred) / np.maximum(total, np.float32(_LEAST_WEIGHT))
    return smooth


def _resize(plane: FloatPlane | GrayPlane, size: tuple[int, ...]) -> FloatPlane:
    height, width = size
    interpolation = cv2.INTER_AREA if height <= plane.shape[0] else cv2.INTER_LINEAR
    resized: Any = cv2.resize(np.ascontiguousarray(plane), (width, height), interpolation=interpolation)
    result: FloatPlane = resized
    return result
