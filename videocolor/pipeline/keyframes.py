"""The network sees key frames only; colors travel from them to the frames between.

Which frames are key frames depends on the motion alone, from the shot's first frame on: it is known before the network
runs, and no batch or thread changes it.
"""

from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal

import torch
from torch import Tensor

from videocolor.color.resample import enlarge
from videocolor.core.frames import ColoredFrame, MovingFrame, ShotContext
from videocolor.core.motion import FloatPlane, Motion, Size
from videocolor.core.protocols import Colorizer
from videocolor.pipeline.batches import NetworkInput, color_batch, colorize, small_lightness
from videocolor.temporal.propagation import Route, carry, find_routes

AUTO_SPACING = 16
"""Frames from one key frame to the next at most, where the motion decides."""

WINDOW = 32
"""Frames that wait for a network run at most, besides those of a flash."""

# Share of a frame's pixels that may be in no key frame. A stricter share sends more frames to the network and was no
# better on clips of sport.
_MOST_LOST = 0.05


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Planned:
    """A frame and where its colors come from."""

    moving: MovingFrame
    route: Route | None
    """None: a key frame."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _KeyFrame:
    """A frame that the network saw."""

    colored: ColoredFrame
    colors: FloatPlane
    """(3, h, w) float32 on the shot's grid: a*, b* and the colorizer's confidence."""


def colorize_keyframes(
    frames: Iterable[MovingFrame],
    colorizer: Colorizer,
    context: ShotContext,
    how: NetworkInput,
    *,
    spacing: int | Literal["auto"],
) -> Iterator[ColoredFrame]:
    """Color one shot, or a part of one: key frames by the network, the others along their motion.

    The first frame is a key frame, then every `spacing`-th, and between them those that too little of the key frames'
    picture reaches. All ab of a shot come on one grid, the finer of the network's answer and the motion, so that
    sharpness does not change from frame to frame.

    At most `WINDOW` frames are held back, fewer with small batches, and those of a flash; each with its planes, and
    2.8 MB of motion and chains of motion at 320 x 180.

    Args:
        frames: The frames in order, with their motion.
        colorizer: The model.
        context: The shot's.
        how: Sizes, orientation, batch and device.
        spacing: Frames from one key frame to the next; "auto" goes as far as the motion can be followed; 1 is
            `colorize`.
    """
    if spacing == 1:
        yield from colorize(frames, colorizer, context, how)
        return
    farthest = AUTO_SPACING if spacing == "auto" else spacing
    before: _KeyFrame | None = None
    for group in _grouped(_plan(iter(frames), farthest), farthest, how.batch_size):
        before = yield from _colored(group, before, colorizer, context, how)


def _plan(frames: Iterator[MovingFrame], spacing: int) -> Iterator[list[_Planned]]:
    """The frames in lists that end with a key frame; so the first has one frame, and the last may end otherwise."""
    gap = [_Planned(moving=first, route=None) for first in islice(frames, 1)]
    while gap:
        key = _motion(gap[-1].moving)
        yield gap
        gap = _planned_gap(key, *_read_gap(frames, spacing))


def _read_gap(frames: Iterator[MovingFrame], spacing: int) -> tuple[list[MovingFrame], bool]:
    """The frames behind a key frame, and whether the last of them is one, too."""
    gap = list(islice(frames, spacing))
    is_closed = len(gap) == spacing
    # A network makes little of a flash, so the key frame is the first one behind it.
    while is_closed and _motion(gap[-1]).is_flash:
        behind = list(islice(frames, 1))
        is_closed = bool(behind)
        gap += behind
    return gap, is_closed


def _planned_gap(key: Motion, gap: Sequence[MovingFrame], is_closed: bool) -> list[_Planned]:
    motions = [key, *(_motion(moving) for moving in gap)]
    _, *routes = find_routes(motions, is_closed=is_closed, most_lost=_MOST_LOST)
    return [_Planned(moving=moving, route=route) for moving, route in zip(gap, routes, strict=True)]


def _grouped(gaps: Iterable[list[_Planned]], spacing: int, batch_size: int) -> Iterator[deque[_Planned]]:
    """Join gaps until they fill a network run, or the window has no room for another one."""
    group: deque[_Planned] = deque()
    for gap in gaps:
        group += gap
        # Else they would stay in memory until the next gap is there.
        gap.clear()
        is_full = sum(item.route is None for item in group) >= batch_size
        if is_full or len(group) + spacing > WINDOW:
            yield group
            group = deque()
    if group:
        yield group


def _colored(
    group: deque[_Planned], before: _KeyFrame | None, colorizer: Colorizer, context: ShotContext, how: NetworkInput
) -> Generator[ColoredFrame, None, _KeyFrame | None]:
    """Give a group's frames in order and take them out of it.

    Args:
        group: See `_grouped`.
        before: The last key frame before it; None at a shot's beginning.
        colorizer: The model.
        context: The shot's.
        how: Sizes, orientation, batch and device.

    Returns:
        The group's last key frame.
    """
    seen = _seen([item.moving for item in group if item.route is None], colorizer, context, how)
    between: list[_Planned] = []
    while group:
        item = group.popleft()
        if item.route is not None:
            between.append(item)
            continue
        after = next(seen)
        for waiting in between:
            yield _carried(waiting, before, after)
        yield after.colored
        before, between = after, []
    for waiting in between:
        yield _carried(waiting, before, None)
    return before


def _seen(
    frames: Sequence[MovingFrame], colorizer: Colorizer, context: ShotContext, how: NetworkInput
) -> Iterator[_KeyFrame]:
    """Key frames, as the network colors them."""
    for begin in range(0, len(frames), how.batch_size):
        for colored in color_batch(frames[begin : begin + how.batch_size], colorizer, context, how):
            yield _key_frame(colored)


def _key_frame(colored: ColoredFrame) -> _KeyFrame:
    work = _motion(colored).size
    height, width = (max(sides) for sides in zip(colored.ab.shape[1:], work, strict=True))
    ab = _on_grid(colored.ab, (height, width))
    if colored.confidence is None:
        confidence = torch.ones_like(ab[:1])
    else:
        confidence = _on_grid(colored.confidence, (height, width)).clamp(0, 1)
    return _KeyFrame(colored=replace(colored, ab=ab), colors=torch.cat([ab, confidence]).cpu().numpy())


def _carried(item: _Planned, before: _KeyFrame | None, after: _KeyFrame | None) -> ColoredFrame:
    assert item.route is not None, "it is a key frame"
    assert before is not None, "a shot begins with a key frame"
    frame, motion = item.moving.frame, _motion(item.moving)
    colors = carry(item.route, motion.gray, before.colors, None if after is None else after.colors)
    planes = torch.from_numpy(colors).to(before.colored.ab.device)
    lightness = small_lightness(frame.y, frame.layout, _size(before.colored.lightness), turns=0)
    return ColoredFrame(
        frame=frame,
        lightness=torch.from_numpy(lightness[None]).to(planes.device),
        ab=planes[:2],
        confidence=planes[2:],
        motion=motion,
        is_inferred=False,
    )


def _motion(item: MovingFrame | ColoredFrame) -> Motion:
    assert item.motion is not None, "colors travel along the motion"
    return item.motion


def _size(plane: Tensor) -> Size:
    height, width = plane.shape[1:]
    return height, width


def _on_grid(planes: Tensor, size: Size) -> Tensor:
    return planes if _size(planes) == size else enlarge(planes[None], size, (1, 1), "center")[0]
