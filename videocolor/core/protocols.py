"""The exchangeable parts' contracts. One contract test runs over every registered part."""

from collections.abc import Iterable, Iterator
from typing import Protocol

import numpy as np
import numpy.typing as npt

from videocolor.core.cards import ModelCard
from videocolor.core.frames import ChromaBatch, ColoredFrame, LumaBatch
from videocolor.core.motion import FilterState


class Colorizer(Protocol):
    """Turns lightness into color.

    MUST keep order and count; MUST give the same ab for a frame whatever else is in the batch (within the
    precision's rounding); CAN use `batch.context.seed` for sampling and no other randomness.
    """

    card: ModelCard

    def predict(self, batch: LumaBatch) -> ChromaBatch: ...


class TemporalFilter(Protocol):
    """Steadies color over one shot.

    Called once per shot. MUST give every frame back once, in order; CAN hold frames back, but only a bounded
    number; keeps its state in local variables, so nothing leaks into the next shot.

    Very long shots are coded in several segments, and a run can go on at each of them: the filter hands out its state
    with every `LIMIT_BLOCK`-th frame (`core/shots.py`), and MUST give the same colors when it is called with that
    state and the frames behind it as it would have given without a stop.
    """

    @property
    def needs_motion(self) -> bool:
        """Whether `ColoredFrame.motion` must be there."""
        ...

    def __call__(self, frames: Iterable[ColoredFrame], state: FilterState | None = None) -> Iterator[ColoredFrame]: ...


class ShotDetector(Protocol):
    """Finds where shots begin, from a stream of small gray frames.

    `push` takes frames in order and gives the cuts that are final by now, `finish` the rest. A cut is reported as
    the pts of a shot's first frame together with its cause ("cut" or "fade").
    """

    name: str
    """Name and version; stands in the plan."""

    def push(self, pts: int, gray: npt.NDArray[np.uint8]) -> list[tuple[int, str]]: ...

    def finish(self) -> list[tuple[int, str]]: ...
