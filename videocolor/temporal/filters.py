"""The simple filters: none, and an exponential mean."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import torch

from videocolor.core.frames import ColoredFrame
from videocolor.core.protocols import TemporalFilter
from videocolor.errors import SettingsError

_EMA_KEEP = 0.6


def none(frames: Iterable[ColoredFrame]) -> Iterator[ColoredFrame]:
    """Leave the colours as the network gave them."""
    yield from frames


def ema(frames: Iterable[ColoredFrame], *, keep: float = _EMA_KEEP) -> Iterator[ColoredFrame]:
    """Smooth ab over one shot; each result keeps `keep` (0 <= keep < 1) of the one before it.

    Without motion compensation: it steadies still pictures and leaves faint ghosts behind fast motion.
    """
    smooth = None
    for item in frames:
        smooth = item.ab if smooth is None else torch.lerp(item.ab, smooth, keep)
        yield replace(item, ab=smooth)


_FILTERS: dict[str, TemporalFilter] = {"none": none, "ema": ema}


def filter_names() -> tuple[str, ...]:
    """Names that `load_filter` knows."""
    return tuple(_FILTERS)


def load_filter(name: str) -> TemporalFilter:
    """A temporal filter by name.

    Raises:
        SettingsError: No such filter.
    """
    if name not in _FILTERS:
        raise SettingsError(f"--smoothing is {name!r}.", f"Choose from {', '.join(_FILTERS)}.")
    return _FILTERS[name]
