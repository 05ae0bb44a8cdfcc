"""The trajectory mean: each color becomes the mean of the colors of the same scene point in past and future frames.

Past and future are sums and weights, carried along the motion: without the weights a shot's first frames would count
for too much, and their errors would last for seconds. The future comes from backward passes. There is one at the end
of every block of frames, which reaches back over two blocks; over each block the result is faded from one pass to the
next, since a step between two passes would be seen as a beat.

Each step counts as far as the motion is trusted, and as far as the frame looks like what is carried to it: in a
dissolve neighbors are alike all the way, and only the second tells the scenes apart.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import ClassVar

import cv2
import numpy as np
import torch
from torch import Tensor

from videocolor.core.frames import ColoredFrame, Steadiness
from videocolor.core.motion import Field, FilterState, FloatPlane, GrayPlane, Motion, Size
from videocolor.core.shots import LIMIT_BLOCK
from videocolor.temporal.drift import Anchor
from videocolor.temporal.motion import places_of, sample

BLOCK = 16
"""Frames between two backward passes, counted from the shot's start; `LIMIT_BLOCK` is a multiple of it."""

_FLASH_WEIGHT = 0.05
# A colorizer may answer that it knows nothing at all; a mean needs some weight.
_LEAST_WEIGHT = 1e-3
_FEW_OBSERVATIONS = 2

# Distance of normalized gray from the mean gray of what is carried, of 5 x 5 means over 15 x 15 pixels. Half of it and
# less costs averaging where things move; without it, a fifth of the old scene's color is left after a dissolve.
_MEMORY_DEVIATION = 35.0
_DETAIL_BOX, _MEMORY_BOX = (5, 5), (15, 15)

Sums = FloatPlane
"""(4, h, w) float32 at work size: weighted a*, weighted b*, weight, weighted gray."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrajectoryMean:
    """Mean of ab along the motion, over one shot, past and future; see `core.protocols.TemporalFilter`.

    A frame is given once `2 * BLOCK + look_ahead - 1` frames behind it are there, or the shot's end. `ab` stays as it
    is: the change is in `correction`, at the motion's size. A frame's confidence is its weight, 1 where there is none;
    what a person painted has more.
    """

    decay: float
    """Factor on an observation's weight for every frame that it is away, besides the confidence of the motion."""
    look_ahead: int
    """Least number of future frames that count, where the shot has them."""
    damps_drift: bool = True
    """Whether slow drift is pulled back; see `drift.py`."""

    needs_motion: ClassVar[bool] = True

    def __call__(self, frames: Iterable[ColoredFrame], state: FilterState | None = None) -> Iterator[ColoredFrame]:
        stream = map(_observe, frames)
        held = deque(islice(stream, 2 * BLOCK + self.look_ahead))
        if not held:
            return
        size = held[0].motion.size
        walk = _Walk(size, self.decay)
        past, anchor = _begin(size, state)
        passes = _Passes(size, self.decay, self.look_ahead)
        passes.run_first(held)
        number = 0
        while held:
            for future in passes.run_next(held):
                seen = held.popleft()
                number += 1
                past = walk.step(seen, past, seen.motion.to_previous)
                mean = _mean(seen, past, future)
                correction = mean.ab - seen.ab
                if self.damps_drift:
                    anchor, pull = anchor.follow(mean.ab, float(np.mean(seen.weight)), seen.motion)
                    correction += pull
                can_go_on = number % LIMIT_BLOCK == 0
                yield replace(
                    seen.item,
                    correction=torch.from_numpy(correction).to(seen.item.ab.device),
                    steadiness=_steadiness(mean, correction),
                    state={"past": past.copy(), "anchor": anchor.sums} if can_go_on else None,
                )
            held.extend(islice(stream, BLOCK))


@dataclass(frozen=True, slots=True, eq=False)
class _Observed:
    """A frame and what the filter sees of it."""

    item: ColoredFrame
    motion: Motion
    ab: FloatPlane
    """(2, h, w) float32 at work size."""
    weight: FloatPlane | float
    """(h, w) float32, or one number for the whole frame."""


@dataclass(frozen=True, slots=True, eq=False)
class _Mean:
    ab: FloatPlane
    lonely_share: float


class _Walk:
    """Carries sums from frame to frame. Fresh memory for every step would cost as much as the step."""

    def __init__(self, size: Size, decay: float) -> None:
        self._decay = np.float32(decay)
        self._rooms = deque(np.empty((4, *size), np.float32) for _ in range(2))
        self._pixels, self._sampled = (np.empty((*size, 4), np.float32) for _ in range(2))
        self._places = np.empty((2, *size), np.float32)
        self._factor = np.empty(size, np.float32)
        self._own = np.empty((3, *size), np.float32)

    def step(self, seen: _Observed, sums: Sums | None, field: Field | None) -> Sums:
        """Sums with this frame: its own observation, and those of its neighbor on one side.

        Args:
            seen: The frame.
            sums: Of the neighbor; None where there is none.
            field: From this frame to the neighbor.

        Returns:
            Valid until the step after the next.
        """
        room = self._rooms[0]
        self._rooms.rotate()
        if sums is None or field is None:
            room.fill(0)
        else:
            places = places_of(field.vectors, self._places)
            # OpenCV samples pixels of four values three times as fast as four planes.
            cv2.merge(list(sums), self._pixels)
            cv2.split(sample(self._pixels, places, self._sampled), list(room))
            factor = np.multiply(field.confidence, self._decay, out=self._factor)
            if not seen.motion.is_flash:
                factor *= self._likeness(room, seen.motion.gray)
            room *= factor
        room[2] += seen.weight
        room[:2] += np.multiply(seen.ab, seen.weight, out=self._own[:2])
        room[3] += np.multiply(seen.motion.gray, seen.weight, out=self._own[2])
        return room

    def _likeness(self, carried: Sums, gray: GrayPlane) -> FloatPlane:
        """How much what is carried looks like the frame where it arrives, (h, w) float32 in 0..1."""
        difference: FloatPlane = self._own[0]
        energy = self._own[1]
        np.divide(carried[3], carried[2], out=difference)
        difference -= gray
        cv2.blur(difference, _DETAIL_BOX, dst=energy)
        energy *= energy
        cv2.blur(energy, _MEMORY_BOX, dst=difference)
        difference *= -1 / _MEMORY_DEVIATION**2
        cv2.exp(difference, dst=difference)
        return difference


class _Passes:
    """Future sums of one block after the other, each faded from the nearer pass to the one that ends a block later."""

    def __init__(self, size: Size, decay: float, look_ahead: int) -> None:
        self._walk = _Walk(size, decay)
        self._look_ahead = look_ahead
        self._fading, self._coming = (np.empty((BLOCK, 3, *size), np.float32) for _ in range(2))
        self._room = np.empty((3, *size), np.float32)

    def run_first(self, held: Sequence[_Observed]) -> None:
        """The pass that ends nearest to the first block; only a shot's beginning, or a new start, needs it."""
        for index, sums in self._backward(held, BLOCK + self._look_ahead):
            if index < BLOCK:
                np.multiply(sums[:3], 1 - _share(index), out=self._coming[index])

    def run_next(self, held: Sequence[_Observed]) -> Sequence[Sums]:
        """The pass that ends a block later.

        Args:
            held: From the block's first frame on, two blocks and what is looked ahead, or up to the shot's end.

        Returns:
            For each frame of the block its own and all future observations, valid until the next call.
        """
        self._fading, self._coming = self._coming, self._fading
        for index, sums in self._backward(held, 2 * BLOCK + self._look_ahead):
            if index < BLOCK:
                self._fading[index] += np.multiply(sums[:3], _share(index), out=self._room)
            elif index < 2 * BLOCK:
                np.multiply(sums[:3], 1 - _share(index - BLOCK), out=self._coming[index - BLOCK])
        return list(self._fading[: len(held)])

    def _backward(self, held: Sequence[_Observed], end: int) -> Iterator[tuple[int, Sums]]:
        sums, field = None, None
        for index in range(min(end, len(held)) - 1, -1, -1):
            sums = self._walk.step(held[index], sums, field)
            field = held[index].motion.from_previous
            yield index, sums


def _share(index: int) -> np.float32:
    """How much of a frame's future comes from the later pass."""
    return np.float32(index / BLOCK)


def _begin(size: Size, state: FilterState | None) -> tuple[Sums | None, Anchor]:
    if state is None:
        return None, Anchor.empty(size)
    return state["past"], Anchor(state["anchor"])


def _observe(item: ColoredFrame) -> _Observed:
    motion = item.motion
    if motion is None:
        raise ValueError(f"{item.frame} has no motion")
    weight: FloatPlane | float = 1.0
    if item.confidence is not None:
        weight = np.maximum(_at_size(item.confidence, motion.size)[0], _LEAST_WEIGHT)
    if motion.is_flash:
        weight = weight * _FLASH_WEIGHT
    return _Observed(item, motion, _at_size(item.ab, motion.size), weight)


def _at_size(planes: Tensor, size: Size) -> FloatPlane:
    """(C, H, W) of any size as (C, h, w) float32 at work size: shrunk by area, grown linearly, each side for itself."""
    source = planes.detach().float().cpu().numpy()
    height, width = size
    lesser = min(height, source.shape[1]), min(width, source.shape[2])
    result = np.empty((len(source), *size), np.float32)
    for plane, target in zip(source, result, strict=True):
        shrunk = cv2.resize(plane, lesser[::-1], interpolation=cv2.INTER_AREA)
        cv2.resize(shrunk, (width, height), dst=target, interpolation=cv2.INTER_LINEAR)
    return result


def _mean(seen: _Observed, past: Sums, future: Sums) -> _Mean:
    """Of all observations; the frame's own is in both sums."""
    total = past[:3] + future
    total[:2] -= seen.ab * seen.weight
    total[2] -= seen.weight
    # Fewer than a second one like its own; what a person painted is certain by itself.
    lonely = np.count_nonzero(total[2] < _FEW_OBSERVATIONS * np.minimum(seen.weight, 1))
    return _Mean(total[:2] / total[2], lonely / total[2].size)


def _steadiness(mean: _Mean, correction: FloatPlane) -> Steadiness:
    # Not cv2.magnitude: its last bit depends on where the array lies in memory.
    distance = np.sqrt(correction[0] ** 2 + correction[1] ** 2)
    return Steadiness(lonely_share=mean.lonely_share, correction=float(distance.mean()))
