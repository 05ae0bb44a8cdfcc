"""Scores of a shot's colors over time, the meter that gathers them frame by frame, and their mean over shots."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from videocolor.evaluate.chroma import chroma_ratio
from videocolor.evaluate.lab import Gray, Rgb, check_rgb, luma
from videocolor.evaluate.stream import StreamMeter, StreamScores
from videocolor.evaluate.warping import PairMotion

# What is counted, not averaged.
_COUNTS = frozenset({"resat_events"})
_TINTS = {"first_tint": 0, "last_tint": -1}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipScores:
    """A shot, or the mean over shots."""

    frame_count: int
    """Frames."""
    pair_count: int
    """Neighboring frames within shots: the weight of a shot in a film's mean."""
    warp_pair_count: int
    """Pairs at which warping was measured, and at least one pixel was visible."""
    result: StreamScores
    """The colored frames."""
    truth: StreamScores | None
    """The same of the true colors: what a perfect result would have."""

    @property
    def chroma_ratio(self) -> float | None:
        """Mean chroma of the result over the truth's: `warp_ab` is valid only where this is near 1."""
        return None if self.truth is None else chroma_ratio(self.result.chroma, self.truth.chroma)

    @property
    def cdc_difference(self) -> float | None:
        """CDC above the truth's, which motion and light have already."""
        if self.truth is None or self.truth.cdc is None or self.result.cdc is None:
            return None
        return self.result.cdc - self.truth.cdc

    @property
    def warp_ab_ratio(self) -> float | None:
        """`warp_ab` over the truth's; None where the truth has none."""
        if self.truth is None or not self.truth.warp_ab or self.result.warp_ab is None:
            return None
        return self.result.warp_ab / self.truth.warp_ab


class TemporalMeter:
    """Gathers `ClipScores` of one shot in one pass; memory does not grow but for a few numbers a frame."""

    def __init__(self, *, has_truth: bool = False, warp_every: int = 1) -> None:
        """Begin a shot.

        Args:
            has_truth: Whether every `push` brings the true colors.
            warp_every: Warping is measured at every n-th pair, from the first on; 0: never. Its flow costs most of
                the time.
        """
        if warp_every < 0:
            raise ValueError(f"warp_every is {warp_every}, expected 0 or more")
        self._result = StreamMeter()
        self._truth = StreamMeter() if has_truth else None
        self._warp_every = warp_every
        self._last_gray: Gray | None = None
        self._size: tuple[int, ...] | None = None

    def push(self, rgb: Rgb, truth: Rgb | None = None, *, gray: Gray | None = None) -> None:
        """Add the next frame.

        Args:
            rgb: (H, W, 3) uint8, the colored frame in sRGB.
            truth: The same size, its true colors.
            gray: (H, W) uint8, the clean gray that motion is estimated on; None: luma of the truth, or of the result
                where there is none.

        Raises:
            ValueError: Sizes differ from each other or from the frame before; a truth is missing or unexpected.
        """
        self._check(rgb, truth, gray)
        motion = None
        if self._warp_every:
            motion = self._motion_to(luma(rgb if truth is None else truth) if gray is None else gray.copy())
        self._result.push(rgb, motion)
        if self._truth is not None and truth is not None:
            self._truth.push(truth, motion)

    def _motion_to(self, gray: Gray) -> PairMotion | None:
        last, self._last_gray = self._last_gray, gray
        if last is None or (self._result.frame_count - 1) % self._warp_every:
            return None
        return PairMotion.of(last, gray)

    def _check(self, rgb: Rgb, truth: Rgb | None, gray: Gray | None) -> None:
        check_rgb(rgb)
        if (truth is None) != (self._truth is None):
            raise ValueError("a truth is missing" if truth is None else "a truth came to a meter without truth")
        if truth is not None:
            check_rgb(truth, rgb)
        if gray is not None and (gray.shape != rgb.shape[:2] or gray.dtype != rgb.dtype):
            raise ValueError(f"gray is {gray.dtype} {gray.shape}, expected uint8 {rgb.shape[:2]}")
        if self._size not in (None, rgb.shape):
            raise ValueError(f"a frame of {rgb.shape[:2]} follows one of {self._size}")
        self._size = rgb.shape

    def finish(self) -> ClipScores:
        """The scores of all frames so far.

        Raises:
            ValueError: There was none.
        """
        count = self._result.frame_count
        if not count:
            raise ValueError("there is no frame to score")
        return ClipScores(
            frame_count=count,
            pair_count=count - 1,
            warp_pair_count=self._result.warp_pair_count,
            result=self._result.finish(),
            truth=None if self._truth is None else self._truth.finish(),
        )


def mean_over_shots(shots: Sequence[ClipScores]) -> ClipScores:
    """A film's scores: the mean over its shots, weighted by their pairs; nothing is compared across a cut.

    Counts are summed. What is None in a shot is left out of that figure's mean. Where no shot has a pair, frames are
    the weights. The tints are the first shot's first and the last shot's last.

    Raises:
        ValueError: No shot, or only some of them have a truth.
    """
    if not shots:
        raise ValueError("there is no shot to score")
    truths = [shot.truth for shot in shots if shot.truth is not None]
    if truths and len(truths) != len(shots):
        raise ValueError(f"{len(truths)} of {len(shots)} shots have a truth")
    pairs = [shot.pair_count for shot in shots]
    weights = pairs if any(pairs) else [shot.frame_count for shot in shots]
    return ClipScores(
        frame_count=sum(shot.frame_count for shot in shots),
        pair_count=sum(pairs),
        warp_pair_count=sum(shot.warp_pair_count for shot in shots),
        result=_mean([shot.result for shot in shots], weights),
        truth=_mean(truths, weights) if truths else None,
    )


def _mean(streams: Sequence[StreamScores], weights: Sequence[int]) -> StreamScores:
    values: dict[str, Any] = {}
    for item in fields(StreamScores):
        column = [getattr(stream, item.name) for stream in streams]
        if item.name in _TINTS:
            values[item.name] = column[_TINTS[item.name]]
        elif item.name in _COUNTS:
            values[item.name] = sum(column)
        else:
            values[item.name] = _weighted_mean(column, weights)
    return StreamScores(**values)


def _weighted_mean(values: Sequence[float | None], weights: Sequence[int]) -> float | None:
    known = [(value, weight) for value, weight in zip(values, weights, strict=True) if value is not None and weight]
    total = sum(weight for _, weight in known)
    return sum(value * weight for value, weight in known) / total if total else None
