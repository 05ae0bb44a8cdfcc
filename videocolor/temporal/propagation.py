"""Colors of key frames, carried to the frames between them along the motion.

The motion of neighboring frames is chained: fields are composed, and a key frame's colors are sampled once, however
far it is; sampling from frame to frame would blur them more with every step. Trust is multiplied along the chain.
Before any color exists, it tells which frames the chains do not reach.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from videocolor.core.motion import Field, FloatPlane, GrayPlane, Motion, Size
from videocolor.temporal.guided import guided_filter
from videocolor.temporal.motion import compose, likeness, places_of, warp

# Pixels below it are in no key frame. Thresholds of .05 to .3 choose alike at limits that ask for equally many frames.
_LOST_CONFIDENCE = 0.1

# Where nothing is trusted, the nearer key frame still counts more.
_LEAST_WEIGHT = 1e-3

# Mean difference of normalized gray over 5 x 5 pixels between both ends of a chain; 20 to 30 are equally good.
_LIKE_DEVIATION = 25.0

# Below this trust the neighbors' colors begin to count.
_FILL_CONFIDENCE = 0.3
_FILL_SIDE = 13
_FILL_GRAY_VARIANCE = 25.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chain:
    """Motion from a frame to a key frame, over all frames between them."""

    field: Field
    """On the frame's grid, pointing to the key frame; the confidence is the product along the chain, and less where the
    gray of both ends differs."""
    length: int
    """Frames from one to the other."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Route:
    """Where the colors of a frame between key frames come from."""

    before: Chain
    after: Chain | None
    """None behind a shot's last key frame."""

    @property
    def confidence(self) -> FloatPlane:
        """(h, w) float32 in 0..1, of the chain that is trusted more at each pixel."""
        if self.after is None:
            return self.before.field.confidence
        return np.maximum(self.before.field.confidence, self.after.field.confidence)

    @property
    def lost_share(self) -> float:
        """Share of pixels, 0..1, whose scene point is in neither key frame as far as the motion tells."""
        return float(np.count_nonzero(self.confidence < _LOST_CONFIDENCE) / self.confidence.size)


def find_routes(motions: Sequence[Motion], *, is_closed: bool, most_lost: float) -> list[Route | None]:
    """Decide which of the frames behind a key frame take their colors from key frames.

    A frame of which too much is in no key frame becomes one itself, the worst first, until the chains reach everything.
    Frames of a flash never do: a network makes little of them.

    Args:
        motions: Of the key frame and the frames behind it, in order.
        is_closed: The last of them is a key frame, too; if False, the shot ends there.
        most_lost: Share of pixels, 0..1, that a frame may have in no key frame.

    Returns:
        For each frame its route, or None: it is a key frame.
    """
    routes = _routes(motions, is_closed=is_closed)
    lost = {
        index: route.lost_share
        for index, route in enumerate(routes)
        if route is not None and not motions[index].is_flash
    }
    if not lost or max(lost.values()) <= most_lost:
        return routes
    # Behind the last key frame chains come from one side only, and a key frame at the end brings the other.
    middle = max(lost, key=lambda index: lost[index]) if is_closed else max(lost)
    left = find_routes(motions[: middle + 1], is_closed=True, most_lost=most_lost)
    right = find_routes(motions[middle:], is_closed=is_closed, most_lost=most_lost)
    return [*left, *right[1:]]


def carry(route: Route, gray: GrayPlane, before: FloatPlane, after: FloatPlane | None) -> FloatPlane:
    """Colors of a frame from those of the key frames beside it.

    Near key frames count more, as far as their chains can be trusted; so colors change steadily from one key frame to
    the next. What neither of them shows is filled from trusted pixels of like luma around it.

    Args:
        route: The frame's.
        gray: (h, w) uint8, the frame's `Motion.gray`.
        before: (3, h', w') float32, a*, b* and the colorizer's confidence of the key frame before.
        after: The same of the key frame after; None where the route has none.

    Returns:
        (3, h', w') float32: a*, b* and the confidence, which is the colorizer's times that of the motion.
    """
    sides = [(route.before, before)]
    if route.after is not None:
        assert after is not None, "the route leads to a key frame after"
        sides.append((route.after, after))
    size = before.shape[1], before.shape[2]
    total, weights, trust = np.zeros_like(before), np.zeros(size, np.float32), np.zeros(size, np.float32)
    for chain, colors in sides:
        vectors, confidence = _on_grid(chain.field, size)
        a, b, q = _sample(colors, vectors)
        weight = (confidence + _LEAST_WEIGHT) / np.float32(chain.length)
        for plane, part in zip(total, (a, b, q * confidence), strict=True):
            plane += part * weight
        weights += weight
        np.maximum(trust, confidence, out=trust)
    total /= weights
    np.clip(total[2], 0, 1, out=total[2])
    if float(trust.min()) < _FILL_CONFIDENCE:
        _fill(total[:2], trust, _resized(gray, size))
    return total


def _routes(motions: Sequence[Motion], *, is_closed: bool) -> list[Route | None]:
    """Routes of all frames between two key frames, or behind a shot's last one."""
    between = motions[1:-1] if is_closed else motions[1:]
    back = _chains(motions[0], between, [motion.to_previous for motion in between])
    if not is_closed:
        return [None, *(Route(before=before, after=None) for before in back)]
    steps = [motion.from_previous for motion in motions[2:]]
    ahead = _chains(motions[-1], between[::-1], steps[::-1])[::-1]
    return [None, *(Route(before=before, after=after) for before, after in zip(back, ahead, strict=True)), None]


def _chains(key: Motion, frames: Sequence[Motion], steps: Sequence[Field | None]) -> list[Chain]:
    """Chains from frames to a key frame, the nearest first; every step is the field to the frame that is one nearer."""
    chains: list[Chain] = []
    onward: Field | None = None
    for frame, step in zip(frames, steps, strict=True):
        assert step is not None, "only a shot's first frame has no motion"
        onward = step if onward is None else _follow(step, onward)
        # Every step of a chain may look right, and its ends differ.
        difference = np.abs(warp(key.gray.astype(np.float32), onward.vectors) - frame.gray)
        confidence = onward.confidence * likeness(difference, _LIKE_DEVIATION)
        field = Field(vectors=onward.vectors, confidence=confidence)
        chains.append(Chain(field=field, length=len(chains) + 1))
    return chains


def _follow(step: Field, onward: Field) -> Field:
    return Field(
        vectors=compose(step.vectors, onward.vectors),
        confidence=step.confidence * warp(onward.confidence, step.vectors),
    )


def _on_grid(field: Field, size: Size) -> tuple[FloatPlane, FloatPlane]:
    """Vectors and confidence of a field, enlarged to another grid and measured in its pixels."""
    height, width = field.confidence.shape
    if size == (height, width):
        return field.vectors, field.confidence
    vectors, confidence = _resized(field.vectors, size), _resized(field.confidence, size)
    return vectors * np.array([size[1] / width, size[0] / height], np.float32), confidence


def _resized(plane: FloatPlane | GrayPlane, size: Size) -> FloatPlane:
    return cv2.resize(plane.astype(np.float32), size[::-1], interpolation=cv2.INTER_LINEAR)  # type: ignore[return-value]


def _sample(planes: FloatPlane, vectors: FloatPlane) -> list[FloatPlane]:
    """Planes at x + vectors[x]; bicubic, as bilinear samples would be visibly softer than the key frames."""
    columns, rows = places_of(vectors)
    sampled: list[Any] = [
        cv2.remap(plane, columns, rows, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE) for plane in planes
    ]
    return sampled


def _fill(ab: FloatPlane, trust: FloatPlane, gray: FloatPlane) -> None:
    """Replace in place what is not trusted by a local linear model of luma, fitted to what is."""
    keep = np.minimum(trust / np.float32(_FILL_CONFIDENCE), 1)
    # Far from all that is trusted, what was carried there is still better than gray.
    weight = trust + np.float32(_LEAST_WEIGHT)
    models = guided_filter(ab, gray, weight, side=_FILL_SIDE, variance=_FILL_GRAY_VARIANCE, weighs_models=True)
    for plane, model in zip(ab, models, strict=True):
        plane += (model - plane) * (1 - keep)
