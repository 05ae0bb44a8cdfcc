"""The registry of temporal filters, and the simple ones: none, and an exponential mean."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import torch

from videocolor.core.frames import ColoredFrame
from videocolor.core.motion import FilterState
from videocolor.core.protocols import TemporalFilter
from videocolor.core.shots import LIMIT_BLOCK
from videocolor.errors import SettingsError
from videocolor.settings import Strength
from videocolor.temporal.trajectory import TrajectoryMean


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Leave the colors as the network gave them."""

    needs_motion: ClassVar[bool] = False

    def __call__(self, frames: Iterable[ColoredFrame], state: FilterState | None = None) -> Iterator[ColoredFrame]:
        for number, item in enumerate(frames, start=1):
            yield item if number % LIMIT_BLOCK else replace(item, state={})


@dataclass(frozen=True, slots=True, kw_only=True)
class ExponentialMean:
    """Each result keeps a share of the one before it.

    Without motion compensation: it steadies still pictures and leaves faint ghosts behind fast motion.
    """

    keep: float
    """0 <= keep < 1."""

    needs_motion: ClassVar[bool] = False

    def __call__(self, frames: Iterable[ColoredFrame], state: FilterState | None = None) -> Iterator[ColoredFrame]:
        smooth = None if state is None else torch.from_numpy(state["ema"])
        for number, item in enumerate(frames, start=1):
            smooth = item.ab if smooth is None else torch.lerp(item.ab, smooth.to(item.ab.device), self.keep)
            is_last = number % LIMIT_BLOCK == 0
            yield replace(item, ab=smooth, state={"ema": smooth.cpu().numpy()} if is_last else None)


_FILTERS: dict[str, Callable[[Strength], TemporalFilter]] = {
    "none": lambda strength: Unchanged(),
    "ema": lambda strength: ExponentialMean(keep={"light": 0.4, "normal": 0.6, "strong": 0.8}[strength]),
    "flow": lambda strength: {
        "light": TrajectoryMean(decay=0.8, look_ahead=4),
        "normal": TrajectoryMean(decay=0.95, look_ahead=8),
        "strong": TrajectoryMean(decay=0.98, look_ahead=16),
    }[strength],
}


def filter_names() -> tuple[str, ...]:
    """Names that `load_filter` knows."""
    return tuple(_FILTERS)


def load_filter(name: str, strength: Strength = "normal") -> TemporalFilter:
    """A temporal filter by name.

    Args:
        name: One of `filter_names`.
        strength: How far its memory reaches; of no meaning to "none".

    Raises:
        SettingsError: No such filter.
    """
    if name not in _FILTERS:
        raise SettingsError(f"--smoothing is {name!r}.", f"Choose from {', '.join(_FILTERS)}.")
    return _FILTERS[name](strength)
