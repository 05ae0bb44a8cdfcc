"""All painted frames of one shot, carried forward and then backward until every frame has what reaches it."""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice, pairwise

import numpy as np

from videocolor.core.frames import MovingFrame
from videocolor.core.motion import Field, Motion, Size
from videocolor.references.carry import Colors, blended, carry, painted_over
from videocolor.references.load import Painting
from videocolor.references.store import BackwardFile, ColorFile


def carry_through_shot(
    moving: Iterator[MovingFrame],
    frame_count: int,
    paintings: Mapping[int, Callable[[], Painting]],
    target: ColorFile,
    scratch: BackwardFile,
    *,
    on_step: Callable[[], None],
) -> None:
    """Carry a shot's paintings to all its frames.

    A painting's transparent parts show what was carried to its frame from other paintings. Memory is a few frames.

    Args:
        moving: The shot's frames with their motion, from its first.
        frame_count: Of the shot.
        paintings: By the frame's place in the shot; called when needed, so that few are in memory.
        target: Filled with the colors of every frame.
        scratch: For the way back; filled here.
        on_step: Called for every frame of the way forward and of the way back, `step_count` times.
    """
    painted = sorted(paintings)
    kept = _keep(moving, scratch, painted[-1], on_step)
    _forward(kept, frame_count, painted, paintings, target, scratch)
    _backward(painted, paintings, target, scratch, on_step)


def step_count(frame_count: int, last_painted: int) -> int:
    """How often `carry_through_shot` calls `on_step`."""
    return frame_count + last_painted


def _keep(
    moving: Iterator[MovingFrame], scratch: BackwardFile, last: int, on_step: Callable[[], None]
) -> Iterator[Motion]:
    """The frames' motion; up to the last painted frame it is kept for the way back."""
    for index, item in enumerate(moving):
        assert item.motion is not None
        if index <= last:
            scratch.write_frame(index, item.motion.gray, item.motion.from_previous)
        on_step()
        yield item.motion


def _forward(
    motions: Iterator[Motion],
    frame_count: int,
    painted: list[int],
    paintings: Mapping[int, Callable[[], Painting]],
    target: ColorFile,
    scratch: BackwardFile,
) -> None:
    for index, motion in enumerate(islice(motions, painted[0] + 1)):
        target.write_colors(index, _nothing(motion.size))
    below: Colors | None = None
    for start, end in pairwise((*painted, frame_count)):
        source = _painted(paintings[start], below)
        target.write_colors(start, source)
        steps = ((motion.gray, _known(motion.to_previous)) for motion in islice(motions, end - start))
        for index, colors in enumerate(carry(source, scratch.gray(start), steps), start=start + 1):
            if index == end:
                below = colors
            else:
                target.write_colors(index, colors)


def _backward(
    painted: list[int],
    paintings: Mapping[int, Callable[[], Painting]],
    target: ColorFile,
    scratch: BackwardFile,
    on_step: Callable[[], None],
) -> None:
    below: Colors | None = None
    for start, end in pairwise((*reversed(painted), -1)):
        source = _painted(paintings[start], below)
        target.write_colors(start, blended(target.read_colors(start), source))
        back = range(start - 1, max(end, 0) - 1, -1)
        steps = ((scratch.gray(index), scratch.from_previous(index + 1)) for index in back)
        for index, colors in zip(back, carry(source, scratch.gray(start), steps), strict=True):
            on_step()
            if index == end:
                below = colors
            else:
                target.write_colors(index, blended(target.read_colors(index), colors))


def _painted(painting: Callable[[], Painting], below: Colors | None) -> Colors:
    picture = painting()
    return painted_over(picture.ab, picture.weight, below)


def _nothing(size: Size) -> Colors:
    return Colors(
        ab=np.zeros((*size, 2), np.float32), weight=np.zeros(size, np.float32), age=np.zeros(size, np.float32)
    )


def _known(field: Field | None) -> Field:
    assert field is not None, "only a shot's first frame has no motion, and it is before every chain"
    return field
