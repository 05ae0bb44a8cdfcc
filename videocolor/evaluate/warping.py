"""Warping error: how far a point's color changes from frame to frame along its motion (Lai et al. 2018).

A flow is a (H, W, 2) float32 field of vectors (columns, rows) in pixels: on the grid of one frame, x + f(x) is the
same scene point in the other. All masks lie on the grid of the earlier frame.
"""

from dataclasses import dataclass
from math import sqrt

import cv2
import numpy as np

from videocolor.evaluate.lab import Floats, Gray, Mask

# Lai et al., utils.py: both compare squared magnitudes in pixels.
_OCCLUSION = (0.01, 0.5)
_BOUNDARY = (0.01, 0.002)

# Of windows of 7 to 21 px, 15 finds the most pixels visible, with grain too, where small ones follow the noise.
_PYRAMID_SCALE, _LEVELS, _WINDOW, _ITERATIONS = 0.5, 5, 15, 3
_POLYNOMIAL_SIDE, _POLYNOMIAL_SIGMA = 7, 1.5


def farneback_flow(gray: Gray, other: Gray) -> Floats:
    """The measure's own optical flow (Farneback 2003, five levels).

    Not the one that smoothing uses: a filter that is judged by its own flow gets a flattering number.

    Args:
        gray: (H, W) uint8, the frame on whose grid the vectors lie.
        other: The same size, the frame they point to.

    Returns:
        (H, W, 2) float32.
    """
    flow = np.zeros((*gray.shape, 2), np.float32)
    if np.array_equal(gray, other):
        # OpenCV would find some motion at the borders.
        return flow
    flow = cv2.calcOpticalFlowFarneback(
        gray,
        other,
        flow,
        _PYRAMID_SCALE,
        _LEVELS,
        _WINDOW,
        _ITERATIONS,
        _POLYNOMIAL_SIDE,
        _POLYNOMIAL_SIGMA,
        0,
    )
    return np.asarray(flow, np.float32)


def occlusions(flow: Floats, returned: Floats) -> Mask:
    """Where a point is hidden in the other frame: it does not come back to where it started.

    Args:
        flow: (H, W, 2).
        returned: The opposite flow, sampled where `flow` points to, see `warp`.

    Returns:
        (H, W): |f + g|^2 > 0.01 (|f|^2 + |g|^2) + 0.5.
    """
    share, floor = _OCCLUSION
    limit = share * (_squared(flow) + _squared(returned)) + floor
    return np.asarray(_squared(flow + returned) > limit)


def motion_boundaries(flow: Floats) -> Mask:
    """Where objects that move differently meet, and flow is a guess.

    Returns:
        (H, W): the sum of the squared forward differences of both components along both axes, 0 beyond the last
        column and row, is above 0.01 |f|^2 + 0.002.
    """
    share, floor = _BOUNDARY
    change = np.zeros(flow.shape[:2], np.float32)
    change[:, :-1] += _squared(flow[:, :-1] - flow[:, 1:])
    change[:-1] += _squared(flow[:-1] - flow[1:])
    return np.asarray(change > share * _squared(flow) + floor)


def leaves_frame(flow: Floats) -> Mask:
    """(H, W), where a vector ends outside the other frame, which the published script does not test."""
    height, width = flow.shape[:2]
    columns, rows = _places(flow)
    return np.asarray((columns < 0) | (columns > width - 1) | (rows < 0) | (rows > height - 1))


def visible(forward: Floats, backward: Floats) -> Mask:
    """(H, W), pixels whose motion can be trusted: neither occluded, nor at a boundary, nor leaving the frame.

    Args:
        forward: (H, W, 2), from the earlier frame to the later one.
        backward: (H, W, 2), from the later frame to the earlier one.
    """
    hidden = occlusions(forward, warp(backward, forward))
    return np.asarray(~(hidden | motion_boundaries(forward) | leaves_frame(forward)))


def warp(picture: Floats, flow: Floats) -> Floats:
    """The other frame as it looks on this grid: `picture` at x + f(x), bilinear, its border replicated.

    Args:
        picture: (H, W, C) float32, C up to 4.
        flow: (H, W, 2).

    Returns:
        (H, W, C) float32.
    """
    columns, rows = _places(flow)
    warped = cv2.remap(np.ascontiguousarray(picture), columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, np.float32).reshape(*flow.shape[:2], -1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PairMotion:
    """How the later of two frames lies on the grid of the earlier one."""

    forward: Floats
    """(H, W, 2)."""
    visible: Mask
    """(H, W)."""

    @classmethod
    def of(cls, gray: Gray, later: Gray) -> "PairMotion":
        """By `farneback_flow` in both directions."""
        forward, backward = farneback_flow(gray, later), farneback_flow(later, gray)
        return cls(forward=forward, visible=visible(forward, backward))


def mean_square(picture: Floats, later: Floats, motion: PairMotion) -> float | None:
    """Mean over visible pixels and channels of the squared difference between the warped later frame and this one.

    Args:
        picture: (H, W, C) float32: R'G'B' in 0..1 for the error E, natural ab for `warp_ab`.
        later: The next frame, the same shape.
        motion: Between the two.

    Returns:
        In squared units of the pictures; None where no pixel is visible: such pairs are to be left out.
    """
    count = int(np.count_nonzero(motion.visible))
    if not count:
        return None
    mask = motion.visible.view(np.uint8)
    total: float = cv2.norm(warp(later, motion.forward), np.ascontiguousarray(picture), cv2.NORM_L2SQR, mask)
    channels: int = picture.shape[2]
    return total / (count * channels)


class WarpMeter:
    """Mean over the pairs of a shot, in one pass."""

    def __init__(self) -> None:
        self.count = 0
        """Pairs so far."""
        self._total = 0.0

    def push(self, square: float | None) -> None:
        """Add a pair's `mean_square`; None counts for nothing."""
        if square is not None:
            self._total += square
            self.count += 1

    @property
    def mean(self) -> float | None:
        """Of R'G'B' in 0..1 this is the warping error E of the shot; None without pairs."""
        return self._total / self.count if self.count else None

    @property
    def root(self) -> float | None:
        """Of ab this is `warp_ab`, in Lab units.

        Truth is not 0, gray is, and half the saturation halves it: it is valid beside the truth's own value and a
        chroma ratio near 1 only.
        """
        return None if self.mean is None else sqrt(self.mean)


def _squared(vectors: Floats) -> Floats:
    columns, rows = vectors[..., 0], vectors[..., 1]
    return np.asarray(columns * columns + rows * rows, np.float32)


def _places(flow: Floats) -> tuple[Floats, Floats]:
    """(H, W) columns and (H, W) rows that the vectors point to."""
    height, width = flow.shape[:2]
    columns = np.asarray(flow[..., 0] + np.arange(width, dtype=np.float32), np.float32)
    rows = np.asarray(flow[..., 1] + np.arange(height, dtype=np.float32)[:, None], np.float32)
    return columns, rows
