"""All lines in order."""

from collections.abc import Callable
from dataclasses import dataclass

from videocolor.examine.sitting import Sitting
from videocolor.examine.verdict import LineResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the examination."""

    number: int
    title: str
    """The complaint, in a few words."""
    run: Callable[[Sitting], LineResult]
    needs_truth: bool
    """False: it can be tested on a film whose colours nobody knows."""


LINES: tuple[Line, ...] = ()
"""Sorted by number."""
