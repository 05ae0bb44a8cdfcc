"""Optical flow between the frames of a shot, and how far each vector can be trusted.

Everything happens on small gray pictures whose brightness is normalized, so that the flicker of old film counts for
nothing. Where a flash or a blank frame hides the scene, the motion of the frames around it is used (`flashes.py`).
"""

from collections import deque
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice
from typing import Any

import cv2
import numpy as np

from videocolor.core.frames import Frame, MovingFrame, Plane
from videocolor.core.motion import Field, FloatPlane, GrayPlane, Motion, Size
from videocolor.temporal.flashes import Links, Seen, find_flash_end, share_out

_WORK_WIDTH = 320
_SMALLEST_SIDE = 16
# Below it the estimator's pyramid is empty: on wide pictures it reads beyond its memory (OpenCV 5.0).
_SMALLEST_FLOW_SIDE = 32

_BLUR_SIGMA = 1.0
_GRAY_MEAN = 128.0
_GRAY_DEVIATION = 55.0
# Less (8-bit codes) is a blank frame: dividing by it would blow grain up to a picture.
_LEAST_DEVIATION = 4.0

# Forward-backward check: half trusted at an error of 5% of the squared lengths plus one squared pixel.
_ERROR_SHARE = 0.05
_ERROR_FLOOR = 1.0
_ERROR_REACH = 1.5
# Differences of normalized gray over 5 x 5 pixels: signed, where the vector passed the check; absolute, where it did
# not, as on snow or sky, which any vector maps onto itself.
_LIKE_DEVIATION = 25.0
_SAME_DEVIATION = 10.0
_SAME_TRUST = 0.6
_BOX = (5, 5)


def work_size(height: int, width: int) -> Size:
    """Size at which motion is estimated and color is filtered: at most 320 pixels wide, aspect kept.

    Args:
        height: Of the film's luma.
        width: The same.

    Returns:
        Height and width, at least 16 pixels each where the picture has them.
    """
    small_width = min(_WORK_WIDTH, width)
    small_height = round(height * small_width / width)
    return max(small_height, min(_SMALLEST_SIDE, height)), max(small_width, min(_SMALLEST_SIDE, width))


def flow_gray(y: Plane, size: Size, *, bit_depth: int = 8) -> GrayPlane:
    """Make a luma plane comparable over time: area-averaged, blurred, of fixed mean and deviation.

    Args:
        y: (H, W) uint8 or uint16 code values.
        size: Height and width of the result, no larger than the plane; see `work_size`.
        bit_depth: Of the code values; it matters for nearly blank frames only.

    Returns:
        (h, w) uint8, mean 128, deviation 55, less for nearly blank frames.
    """
    gray, _, _ = _normalize(y, size, bit_depth)
    return gray


def make_estimator() -> cv2.DISOpticalFlow:
    """A flow estimator for `link`. It keeps buffers: one per thread and size."""
    return cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)


def link(earlier: GrayPlane, later: GrayPlane, estimator: cv2.DISOpticalFlow) -> tuple[Field, Field]:
    """Estimate the motion between two frames, both ways.

    A vector is trusted where the opposite field leads back and the gray at both ends is alike; or, a little less,
    where the gray is the same whatever the opposite field says.

    Args:
        earlier: (h, w) uint8 of `flow_gray`.
        later: The same size.
        estimator: See `make_estimator`.

    Returns:
        On the grid of `later`, pointing to `earlier`; and on the grid of `earlier`, pointing to `later`.
    """
    to_later, to_earlier = _flow(earlier, later, estimator), _flow(later, earlier, estimator)
    height, width = earlier.shape
    scratch = np.empty((12, height, width), np.float32)
    before, behind = _End(to_later, earlier, scratch[6:9]), _End(to_earlier, later, scratch[9:12])
    return (
        Field(vectors=to_earlier, confidence=_confidence(behind, before, scratch[:6])),
        Field(vectors=to_later, confidence=_confidence(before, behind, scratch[:6])),
    )


def with_motion(frames: Iterable[Frame], size: Size, *, previous: GrayPlane | None = None) -> Iterator[MovingFrame]:
    """Give every frame of a shot its motion against the frame before.

    Up to six frames are held back where a flash or blank frames hide the scene. The fields of such frames are equal
    shares of the motion across them, their gray is that of the frame before them.

    Args:
        frames: A shot, or a part of one; nothing behind it is looked at.
        size: Height and width of the motion; see `work_size`.
        previous: `Motion.gray` of the frame before the first, where these frames continue a shot.
    """
    estimator = make_estimator()
    ahead = _LookAhead(_see(frame, size) for frame in frames)
    for seen in ahead:
        if previous is None:
            previous = seen.gray
            yield _moving(seen, seen.gray, None)
            continue
        yield from _link_next(previous, seen, ahead, estimator)
        previous = ahead.last.gray


def warp(plane: FloatPlane, vectors: FloatPlane) -> FloatPlane:
    """Fetch a plane from where vectors point to, bilinear; beyond the border its nearest pixel counts.

    Args:
        plane: (h, w) or (h, w, C) float32, C up to 4.
        vectors: (h, w, 2) float32, columns then rows, in pixels.

    Returns:
        The plane's shape: plane at x + vectors[x].
    """
    places = places_of(vectors)
    if plane.ndim == 3 and plane.shape[2] == 2:
        # OpenCV rounds the places of pairs to 1/32 of a pixel, and of nothing else.
        return np.dstack([sample(np.ascontiguousarray(part), places) for part in np.moveaxis(plane, 2, 0)])
    return sample(plane, places).reshape(plane.shape)


def places_of(vectors: FloatPlane, room: FloatPlane | None = None) -> FloatPlane:
    """Where vectors point to.

    Args:
        vectors: (h, w, 2) float32, columns then rows, in pixels.
        room: (2, h, w) float32 to write into.

    Returns:
        (2, h, w) float32: column and row of each pixel's target, for `sample`.
    """
    height, width = vectors.shape[:2]
    if room is None:
        room = np.empty((2, height, width), np.float32)
    cv2.split(vectors, [room[0], room[1]])
    room += _pixel_places(height, width)
    return room


def sample(plane: FloatPlane, places: FloatPlane, room: FloatPlane | None = None) -> FloatPlane:
    """A plane at given places; see `warp`, which is the same for those who do not use places twice.

    Args:
        plane: (h, w) float32, or (h, w, 3 or 4).
        places: (2, h, w) float32 of `places_of`.
        room: Of the plane's shape, to write into.
    """
    columns, rows = places
    found: Any = cv2.remap(plane, columns, rows, cv2.INTER_LINEAR, dst=room, borderMode=cv2.BORDER_REPLICATE)
    sampled: FloatPlane = found
    return sampled


def compose(step: FloatPlane, onward: FloatPlane) -> FloatPlane:
    """Chain vectors: v(x) = step(x) + onward(x + step(x)).

    Args:
        step: (h, w, 2) float32, from a first grid to a second.
        onward: The same, from the second grid.

    Returns:
        (h, w, 2) float32, from the first grid to where `onward` points.
    """
    return step + warp(onward, step)


def likeness(difference: FloatPlane, deviation: float, room: FloatPlane | None = None) -> FloatPlane:
    """How alike two grays are around each pixel: exp(-(d / deviation)^2) of the 5 x 5 mean d of their difference.

    Args:
        difference: (h, w) float32. Signed, grain averages out; absolute, it counts.
        deviation: Mean difference at which the likeness is 1/e.
        room: (h, w) float32 to write into.

    Returns:
        (h, w) float32 in 0..1.
    """
    mean: Any = cv2.blur(difference, _BOX, dst=room)
    cv2.multiply(mean, mean, dst=mean, scale=-1 / deviation**2)
    cv2.exp(mean, dst=mean)
    alike: FloatPlane = mean
    return alike


class _LookAhead:
    """A stream whose next items can be seen before they are taken."""

    last: Seen
    """What was taken last."""

    def __init__(self, stream: Iterable[Seen]) -> None:
        self._stream = iter(stream)
        self._waiting: deque[Seen] = deque()

    def __iter__(self) -> Iterator[Seen]:
        while (item := self._waiting.popleft() if self._waiting else next(self._stream, None)) is not None:
            self.last = item
            yield item

    def peek(self) -> Iterator[Seen]:
        """The items to come, without taking them."""
        yield from tuple(self._waiting)
        for item in self._stream:
            self._waiting.append(item)
            yield item


def _link_next(
    previous: GrayPlane, seen: Seen, ahead: _LookAhead, estimator: cv2.DISOpticalFlow
) -> Iterator[MovingFrame]:
    """The next frame with its motion; or all of a flash, and the frame after it."""

    def link_before(gray: GrayPlane) -> Links:
        return link(previous, gray, estimator)

    links = link_before(seen.gray)
    flash = find_flash_end(seen, links, ahead.peek(), link_before)
    if flash is None:
        yield _moving(seen, seen.gray, links)
        return
    length, across = flash
    shares = share_out(across, length + 1)
    for hidden in (seen, *islice(ahead, length - 1)):
        yield _moving(hidden, previous, shares, is_flash=True)
    for after in islice(ahead, 1):
        yield _moving(after, after.gray, shares)


def _moving(seen: Seen, gray: GrayPlane, links: Links | None, *, is_flash: bool = False) -> MovingFrame:
    to_previous, from_previous = links or (None, None)
    motion = Motion(gray=gray, to_previous=to_previous, from_previous=from_previous, is_flash=is_flash)
    return MovingFrame(frame=seen.frame, motion=motion)


def _see(frame: Frame, size: Size) -> Seen:
    gray, mean, deviation = _normalize(frame.y, size, frame.layout.bit_depth)
    return Seen(frame=frame, gray=gray, mean=mean, deviation=deviation)


def _normalize(y: Plane, size: Size, bit_depth: int) -> tuple[GrayPlane, float, float]:
    """`flow_gray`, and the mean and deviation of the luma in 8-bit codes."""
    small = cv2.resize(y, (size[1], size[0]), interpolation=cv2.INTER_AREA).astype(np.float32)
    if bit_depth > 8:
        small *= 2.0 ** (8 - bit_depth)
    blurred = cv2.GaussianBlur(small, (0, 0), _BLUR_SIGMA)
    mean, deviation = (float(value[0, 0]) for value in cv2.meanStdDev(blurred))
    gain = _GRAY_DEVIATION / max(_LEAST_DEVIATION, deviation)
    gray: Any = cv2.addWeighted(blurred, gain, blurred, 0, _GRAY_MEAN - gain * mean, dtype=cv2.CV_8U)
    return gray, mean, deviation


@lru_cache(maxsize=4)
def _pixel_places(height: int, width: int) -> FloatPlane:
    """(2, h, w) float32: every pixel's own column and row."""
    rows, columns = np.indices((height, width), dtype=np.float32)
    grid = np.stack([columns, rows])
    grid.flags.writeable = False
    return grid


def _flow(source: GrayPlane, target: GrayPlane, estimator: cv2.DISOpticalFlow) -> FloatPlane:
    """(h, w, 2) float32 on the grid of `source`; pictures too small for the estimator are grown by their border."""
    height, width = source.shape
    below, right = max(0, _SMALLEST_FLOW_SIDE - height), max(0, _SMALLEST_FLOW_SIDE - width)
    pair: list[Any] = [source, target]
    if below or right:
        pair = [cv2.copyMakeBorder(gray, 0, below, 0, right, cv2.BORDER_REPLICATE) for gray in pair]
    # A field in place of None would be the estimator's first guess.
    vectors: Any = estimator.calc(pair[0], pair[1], None)  # type: ignore[call-overload]
    return np.ascontiguousarray(vectors[:height, :width])


class _End:
    """One end of a link: its field and gray as planes, which OpenCV samples faster and finer than pairs."""

    def __init__(self, vectors: FloatPlane, gray: GrayPlane, room: FloatPlane) -> None:
        self.vectors = vectors
        self.x, self.y, self.gray = room
        cv2.split(vectors, [self.x, self.y])
        self.gray[:] = gray


def _confidence(here: _End, there: _End, scratch: FloatPlane) -> FloatPlane:
    """(h, w) float32 in 0..1 of the field of `here`, which points to `there`.

    In place throughout: fresh memory for temporaries would cost more than the flow itself.
    """
    x, y, limit, part = scratch[2:]
    height, width = here.gray.shape
    places = places_of(here.vectors, scratch[:2])
    sample(there.x, places, x)
    sample(there.y, places, y)
    cv2.multiply(here.x, here.x, dst=limit)
    for component in (here.y, x, y):
        cv2.accumulateSquare(component, limit)
    limit *= _ERROR_SHARE
    limit += _ERROR_FLOOR
    x += here.x
    y += here.y
    cv2.multiply(x, x, dst=x)
    cv2.accumulateSquare(y, x)
    trusted = cv2.divide(x, limit, dst=x)
    np.subtract(_ERROR_REACH, trusted, out=trusted)
    np.minimum(trusted, 1, out=trusted)
    sample(there.gray, places, part)
    difference = cv2.subtract(here.gray, part, dst=part)
    trusted *= likeness(difference, _LIKE_DEVIATION, y)
    same = likeness(np.abs(difference, out=difference), _SAME_DEVIATION, y)
    same *= _SAME_TRUST
    confidence: FloatPlane = np.maximum(trusted, same)
    # Pixels reach half a pixel beyond their centers.
    for place, extent in zip(places, (width, height), strict=True):
        place -= (extent - 1) / 2
        confidence *= np.abs(place, out=place) <= extent / 2
    return confidence
