"""The default shot detector: normalized correlation of neighboring gray frames, made for damaged black-and-white film.

Correlation of normalized frames ignores brightness flicker; a motion-compensated second look forgives pans; a look at
the frames around forgives flashes. Dissolves are left out on purpose: a linear mix model finds about half of them and
invents others, and a missed dissolve is harmless, because the temporal filter compares what it carries with each gray.
"""

from collections import deque
from dataclasses import dataclass
from statistics import median
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

GRAY_SIZE = (54, 96)
"""Height and width of the frames that `NccDetector.push` takes; reduce by area averaging, aspect ignored."""

_FloatPlane = npt.NDArray[np.float32]
_GrayPlane = npt.NDArray[np.uint8]

# Measured on 250 joins of real shots, clean and damaged (scripts/bench_shots.py, seeds 0..5): cuts changed by 0.33 or
# more and by at least 8 times the median around them; what was no cut reached 0.39, but then only 2.9 times the median.
# Two cuts inside a clip, under a title that stays, changed by 0.14 and 0.22.
_CUT_CHANGE = 0.22
_CUT_RATIO = 3.0
# Shots of pure grain or violent motion change by a third from frame to frame, so that no cut could be three times that.
_STRONG_CHANGE = 0.5
_STRONG_RATIO = 2.0
_SECOND_LOOK_CHANGE = 0.15
_FLASH_LIKENESS = 0.75
_FLASH_CHANGE = 0.18
_SHORTEST_SHOT = 4

# The flash test looks at frames up to five later and six earlier; the median needs three on each side.
_LOOK_BACK = 6
_LOOK_AHEAD = 5
_MEDIAN_REACH = 3
_LONGEST_FLASH = 5

_DARK_MEAN = 20.0
_DARK_DEVIATION = 10.0
# More dark frames than this are a dark shot of its own and no pause between two shots.
_LONGEST_FADE = 32
# Just before and after a dark run little but grain is left, so correlation says nothing.
_FADE_MARGIN = 2
# Dirt or a scratch can light up a dark frame and break one fade into two runs.
_FADE_DISTANCE = 24

# Below this deviation (8-bit levels) a frame is noise or flat; dividing by less would blow the noise up.
_FLAT_DEVIATION = 2.0
_FLAT_STEP = 20.0


class NccDetector:
    """Finds hard cuts and fades through black; see `ShotDetector`. Results lag by five frames, or by a whole fade."""

    name = "ncc 1"

    def __init__(self) -> None:
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._start_afresh()

    def push(self, pts: int, gray: npt.NDArray[np.uint8]) -> list[tuple[int, str]]:
        """Take the next frame.

        Args:
            pts: Of this frame; handed back when a shot begins here.
            gray: (54, 96) uint8, luma reduced by area averaging. It is not kept.

        Returns:
            Cuts that are final by now, in order.
        """
        if gray.shape != GRAY_SIZE or gray.dtype != np.uint8:
            raise ValueError(f"gray is {gray.shape} {gray.dtype}, expected {GRAY_SIZE} uint8")
        frame = _measure(pts, gray)
        if self._frames:
            frame.change = _change(self._frames[-1], frame, self._flow)
        if len(self._frames) == _LOOK_BACK + 1 + _LOOK_AHEAD:
            self._frames.popleft()
        self._frames.append(frame)
        self._waiting += 1
        return self._judge_oldest() if self._waiting > _LOOK_AHEAD else []

    def finish(self) -> list[tuple[int, str]]:
        """Give the cuts of the last frames; the detector can then take another film."""
        found: list[tuple[int, str]] = []
        while self._waiting:
            found += self._judge_oldest()
        self._start_afresh()
        return found

    def _start_afresh(self) -> None:
        self._frames: deque[_Frame] = deque()
        self._waiting = 0
        self._boundaries = _Boundaries()

    def _judge_oldest(self) -> list[tuple[int, str]]:
        index = len(self._frames) - self._waiting
        self._waiting -= 1
        return self._boundaries.push(_judge(list(self._frames), index, self._flow))


@dataclass(slots=True, kw_only=True)
class _Frame:
    pts: int
    normal: _FloatPlane
    """(54, 96) float32, mean 0, deviation 1 (less for frames that are nearly flat)."""
    mean: float
    is_flat: bool
    is_dark: bool
    change: float | None = None
    """Against the frame before; None for the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """What is known about a frame once its neighbors were seen."""

    pts: int
    is_cut: bool
    is_dark: bool
    darkens: bool
    """The film goes dark within the next frames."""
    comes_back: bool
    """Frames around this one are alike across it: no cut, but a flash or a black gap."""


class _Boundaries:
    """Picks boundaries from judged frames: keeps cuts apart and turns a dark run into one boundary."""

    def __init__(self) -> None:
        self._index = -1
        self._last = 0
        self._last_fade = -_FADE_DISTANCE
        self._quiet_until = -1
        self._run: list[_Judged] = []
        self._run_length = 0

    def push(self, frame: _Judged) -> list[tuple[int, str]]:
        self._index += 1
        if frame.is_dark:
            return self._darken(frame)
        found = self._end_run(frame) if self._run_length else []
        if frame.is_cut and not frame.darkens and self._index > self._quiet_until:
            found += self._begin_shot(self._index, frame.pts, "cut")
        return found

    def _darken(self, frame: _Judged) -> list[tuple[int, str]]:
        self._run_length += 1
        if self._run_length <= _LONGEST_FADE:
            self._run.append(frame)
            return []
        if not self._run:
            return self._begin_shot(self._index, frame.pts, "cut") if frame.is_cut else []
        run, self._run = self._run, []
        start = self._index - len(run)
        found = self._begin_shot(start, run[0].pts, "cut" if run[0].is_cut else "fade") if start else []
        for offset, held in enumerate([*run[1:], frame], start=1):
            if held.is_cut:
                found += self._begin_shot(start + offset, held.pts, "cut")
        return found

    def _end_run(self, frame: _Judged) -> list[tuple[int, str]]:
        run, length = self._run, self._run_length
        self._run, self._run_length = [], 0
        self._quiet_until = self._index + _FADE_MARGIN
        if not run:
            return self._begin_shot(self._index, frame.pts, "cut" if frame.is_cut else "fade")
        begins_film = length == self._index
        if begins_film or (length <= _LONGEST_FLASH and run[0].comes_back):
            return []
        middle = self._index - length + length // 2
        if middle - self._last_fade < _FADE_DISTANCE:
            return []
        return self._begin_shot(middle, run[length // 2].pts, "fade")

    def _begin_shot(self, index: int, pts: int, cause: str) -> list[tuple[int, str]]:
        if index - self._last < _SHORTEST_SHOT:
            return []
        self._last = index
        if cause == "fade":
            self._last_fade = index
        return [(pts, cause)]


def _measure(pts: int, gray: _GrayPlane) -> _Frame:
    smooth = cv2.GaussianBlur(gray.astype(np.float32), (0, 0), 1.0)
    mean, deviation = float(smooth.mean()), float(smooth.std())
    return _Frame(
        pts=pts,
        normal=_normalize(smooth, floor=_FLAT_DEVIATION),
        mean=mean,
        is_flat=deviation < _FLAT_DEVIATION,
        is_dark=mean < _DARK_MEAN and deviation < _DARK_DEVIATION,
    )


def _judge(frames: list[_Frame], index: int, flow: cv2.DISOpticalFlow) -> _Judged:
    """Decide about `frames[index]` with the frames around it, fewer at the film's ends."""
    frame = frames[index]
    is_peak = _stands_out(frames, index) and len(frames) - index >= _SHORTEST_SHOT
    comes_back = (is_peak or frame.is_dark) and _is_alike_across(frames, index, flow)
    following = frames[index + 1 : index + 1 + _FADE_MARGIN]
    return _Judged(
        pts=frame.pts,
        is_cut=is_peak and not comes_back,
        is_dark=frame.is_dark,
        darkens=any(later.is_dark for later in following),
        comes_back=comes_back,
    )


def _stands_out(frames: list[_Frame], index: int) -> bool:
    """Whether a frame differs from the one before it, and by more than frames around here usually do."""
    change = frames[index].change
    if change is None or change < _CUT_CHANGE:
        return False
    around = frames[max(0, index - _MEDIAN_REACH) : index] + frames[index + 1 : index + 1 + _MEDIAN_REACH]
    changes = [frame.change for frame in around if frame.change is not None]
    ratio = _STRONG_RATIO if change >= _STRONG_CHANGE else _CUT_RATIO
    return not changes or change >= ratio * median(changes)


def _is_alike_across(frames: list[_Frame], index: int, flow: cv2.DISOpticalFlow) -> bool:
    """Whether a frame from before `frames[index]` looks like a later one, at most a flash's length away."""
    for before in range(max(0, index - _LOOK_BACK), index):
        for after in range(index, min(len(frames), before + _LONGEST_FLASH + 2)):
            first, second = frames[before], frames[after]
            if after - before == 1 or first.is_dark or second.is_dark:
                continue
            if _likeness(first.normal, second.normal) > _FLASH_LIKENESS:
                return True
            if _change(first, second, flow) < _FLASH_CHANGE:
                return True
    return False


def _change(previous: _Frame, current: _Frame, flow: cv2.DISOpticalFlow) -> float:
    """1 - correlation of two frames, after motion compensation where that helps; 0..2."""
    if previous.is_flat and current.is_flat:
        return 1.0 if abs(previous.mean - current.mean) > _FLAT_STEP else 0.0
    change = 1.0 - _likeness(previous.normal, current.normal)
    if change <= _SECOND_LOOK_CHANGE:
        return change
    vectors = flow.calc(_flow_gray(current.normal), _flow_gray(previous.normal), np.zeros((*GRAY_SIZE, 2), np.float32))
    across, down = _COLUMNS + vectors[..., 0], _ROWS + vectors[..., 1]
    warped = cv2.remap(previous.normal, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return min(change, 1.0 - _likeness(_normalize(warped, floor=1e-3), current.normal))


def _likeness(first: _FloatPlane, second: _FloatPlane) -> float:
    """Correlation of two normalized frames, -1..1."""
    return float(np.vdot(first, second)) / first.size


def _normalize(plane: npt.NDArray[Any], *, floor: float) -> _FloatPlane:
    """Mean 0 and deviation 1; a deviation below `floor` counts as `floor`."""
    mean, deviation = float(plane.mean()), float(plane.std())
    normal: _FloatPlane = (plane - np.float32(mean)) / np.float32(max(floor, deviation))
    return normal


def _flow_gray(normal: _FloatPlane) -> _GrayPlane:
    """Optical flow takes 8 bits: mean 128, deviation 55."""
    gray: _GrayPlane = np.clip(normal * 55.0 + 128.0, 0.0, 255.0).astype(np.uint8)
    return gray


_ROWS, _COLUMNS = np.mgrid[: GRAY_SIZE[0], : GRAY_SIZE[1]].astype(np.float32)
