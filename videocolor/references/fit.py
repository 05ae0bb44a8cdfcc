"""Whether a person's picture shows the frame that its name tells, and how far it is shifted.

Painters change lightness, so what is compared is locally normalized gray at work size, where the frame has detail: on
black, color alone changes the lightness. Measured on five real clips: a frame whose objects were made darker or
lighter, or that was denoised or blurred, stays above .88 (with heavy grain in the film above .76); the next frame of
the shot has .65 to .92 after its best shift, a crop of 3 % at most .31, another film .1. Colored frames of which the
luma was kept have .99, white titles on black .7, film that is dark by six stops .6.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from videocolor.core.motion import FloatPlane, GrayPlane
from videocolor.references.load import Painting

_Mask = npt.NDArray[np.bool_]

LEAST_LIKENESS = 0.5
"""Correlation below which a picture does not show the frame."""

LARGEST_SHIFT = 0.05
"""Share of the width by which a picture may be shifted, either way."""

# Work pixels; less is the estimate's own error.
_LEAST_SHIFT = 0.25
_ECC_STEPS = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 50, 1e-3)
# Another frame is meant when it leaves a third of the difference; below .01 all of them do.
_MEANT_SHARE = 1 / 3
_LEAST_DIFFERENCE = 0.01
# Detail of the frame: its deviation over the neighborhood, in gray levels, and the share of the compared part that has
# it. Plain gradients reach 5, rounded ones and grain of half a code 6.
_LEAST_DEVIATION = 8.0
_LEAST_SHARE = 0.005
# Work pixels; in fewer no shift can be told.
_LEAST_SIDE = 16
# Where a layer covers only a part of the picture: gray levels of the frame, and share of its detail.
_LEAST_CONTRAST = 12.0
_LEAST_DETAIL = 0.3
_WHOLE = 0.99
_NEIGHBORS = (15, 15)
_NOISE_VARIANCE = 16.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """How a picture lies on a frame."""

    shift: tuple[float, float] = (0.0, 0.0)
    """Columns and rows, in work pixels, by which the picture lies to the right and below."""
    likeness: float | None
    """Correlation of locally normalized gray after the shift is undone, -1..1; None where it would tell nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfit:
    """Why a picture does not fit, in words for the user."""

    reason: str
    remedy: str
    meant: int | None = None
    """Index of the frame that the picture shows instead."""


def fit_picture(painting: Painting, frame: GrayPlane) -> Fit:
    """Estimate a shift of the whole picture, of any length; none is reported where it explains nothing.

    Where lightness tells nothing, the picture is taken as it lies: on a frame without detail (leader, black), or as a
    layer of flat paint, or of strokes on a plain part of the frame.
    """
    if not _can_compare(painting, frame):
        return Fit(likeness=None)
    likeness = {
        shift: _likeness(undo_shift(painting, shift), frame) for shift in ((0.0, 0.0), *_guesses(painting, frame))
    }
    best = max(likeness, key=lambda shift: likeness[shift])
    shift = best if max(map(abs, best)) >= _LEAST_SHIFT else (0.0, 0.0)
    return Fit(shift=shift, likeness=likeness[shift])


def judge_fit(painting: Painting, fit: Fit, index: int, grays: Mapping[int, GrayPlane]) -> Misfit | None:
    """Whether a picture may be used.

    Args:
        painting: The picture.
        fit: On the frame that it is named after.
        index: Of that frame.
        grays: That frame's gray and those of frames around it, by index.
    """
    if fit.likeness is None:
        return None
    if (meant := _meant_frame(painting, fit, index, grays)) is not None:
        return Misfit(reason="shows another frame", remedy="Name it after the frame that it shows.", meant=meant)
    if fit.likeness < LEAST_LIKENESS:
        return Misfit(
            reason=f"does not show it: the likeness is {max(0.0, fit.likeness):.2f} of at least {LEAST_LIKENESS}",
            remedy="Check its name; it must show the whole frame, not a crop.",
        )
    columns, rows = (value / painting.gray.shape[1] for value in fit.shift)
    if max(abs(columns), abs(rows)) > LARGEST_SHIFT:
        return Misfit(
            reason=f"lies {columns:+.0%} of the width across and {rows:+.0%} down beside it",
            remedy="Export the frame as it is shown.",
        )
    return None


def undo_shift(painting: Painting, shift: tuple[float, float]) -> Painting:
    """Move a picture back; what comes in from outside counts for nothing."""
    if shift == (0.0, 0.0):
        return painting
    height, width = painting.gray.shape
    move = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float32)
    weighted = np.dstack([painting.ab * painting.weight[..., None], painting.weight])
    moved = cv2.warpAffine(weighted, move, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    weight = np.asarray(moved[..., 2], np.float32).copy()
    gray = cv2.warpAffine(
        painting.gray,
        move,
        (width, height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    ab = moved[..., :2] / np.maximum(weight, 1e-6)[..., None]
    return replace(painting, gray=np.asarray(gray, np.float32), ab=np.asarray(ab, np.float32), weight=weight)


def _can_compare(painting: Painting, frame: GrayPlane) -> bool:
    mask = _inner(painting)
    _, detailed = _structure(frame, mask)
    if not _is_enough(detailed, mask):
        return False
    if float(painting.weight.mean()) >= _WHOLE:
        return True
    inner = mask.astype(np.uint8)
    _, deviation = cv2.meanStdDev(frame, mask=inner)
    own, frames = _detail(painting.gray, inner), _detail(frame, inner)
    return float(deviation[0, 0]) >= _LEAST_CONTRAST and own >= _LEAST_DETAIL * frames


def _meant_frame(painting: Painting, fit: Fit, index: int, grays: Mapping[int, GrayPlane]) -> int | None:
    """A frame around that explains the picture far better than the one it is named after."""
    around = {
        other: max(_likeness(painting, gray), _likeness(undo_shift(painting, fit.shift), gray))
        for other, gray in grays.items()
        if other != index
    }
    best = max(around, key=lambda other: around[other], default=index)
    if best == index or around[best] < LEAST_LIKENESS:
        return None
    assert fit.likeness is not None
    left, difference = 1 - around[best], 1 - fit.likeness
    is_meant = difference > _LEAST_DIFFERENCE and left < _MEANT_SHARE * difference
    return best if is_meant or fit.likeness < LEAST_LIKENESS else None


def _likeness(painting: Painting, frame: GrayPlane) -> float:
    """Correlation of locally normalized gray over the part that the picture covers, where the frame has detail."""
    mask = _inner(painting)
    structure, detailed = _structure(frame, mask)
    if not _is_enough(detailed, mask):
        return 0.0
    own, other = _structure(painting.gray, mask)[0][detailed], structure[detailed]
    norm = float(np.sqrt(np.sum(own * own) * np.sum(other * other)))
    return float(np.sum(own * other)) / norm if norm > 0 else 0.0


def _inner(painting: Painting) -> _Mask:
    """Where the picture is opaque, two pixels off the edges of what is not: gray is blurred across them."""
    opaque = (painting.weight > 0.99).astype(np.uint8)
    inner: _Mask = cv2.erode(opaque, np.ones((5, 5), np.uint8)).astype(bool)
    return inner


def _is_enough(detailed: _Mask, mask: _Mask) -> bool:
    return int(detailed.sum()) > _LEAST_SHARE * int(mask.sum())


def _structure(gray: FloatPlane | GrayPlane, mask: _Mask) -> tuple[FloatPlane, _Mask]:
    """Gray less its local mean in units of its local deviation: what repainting an object lighter leaves.

    Returns:
        It, and where within the mask the gray has detail.
    """
    weight = mask.astype(np.float32)
    share = np.maximum(cv2.blur(weight, _NEIGHBORS), 1e-3)
    value = gray.astype(np.float32) * weight
    mean = cv2.blur(value, _NEIGHBORS) / share
    variance = np.maximum(cv2.blur(value * gray, _NEIGHBORS) / share - mean * mean, 0)
    structure = np.asarray((gray - mean) * weight / np.sqrt(variance + _NOISE_VARIANCE), np.float32)
    return structure, mask & (variance >= _LEAST_DEVIATION**2)


def _guesses(painting: Painting, frame: GrayPlane) -> list[tuple[float, float]]:
    """Shifts by phase correlation, and that refined by the enhanced correlation coefficient (Evangelidis 2008)."""
    mask = painting.weight > 0.5
    if min(frame.shape) < _LEAST_SIDE or not mask.any():
        return []
    own, other = (np.where(mask, gray - gray[mask].mean(), 0).astype(np.float32) for gray in (painting.gray, frame))
    window = cv2.createHanningWindow((frame.shape[1], frame.shape[0]), cv2.CV_32F)
    (columns, rows), _ = cv2.phaseCorrelate(other, own, window)
    start = np.array([[1, 0, columns], [0, 1, rows]], np.float32)
    try:
        _, found = cv2.findTransformECC(
            frame.astype(np.float32), painting.gray, start, cv2.MOTION_TRANSLATION, _ECC_STEPS, mask.astype(np.uint8), 5
        )
    except cv2.error:
        # It does not converge where the two pictures have nothing in common.
        return [(columns, rows)]
    return [(columns, rows), (float(found[0, 2]), float(found[1, 2]))]


def _detail(gray: FloatPlane | GrayPlane, mask: GrayPlane) -> float:
    """Mean absolute difference from the mean of 5 x 5 pixels."""
    return float(cv2.mean(cv2.absdiff(gray, cv2.blur(gray, (5, 5))), mask=mask)[0])
