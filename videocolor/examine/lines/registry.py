"""All lines in order: the only place of their numbers and titles."""

from collections.abc import Callable
from dataclasses import dataclass

from videocolor.examine.lines.casts import line_9, line_10, line_17
from videocolor.examine.lines.darkness import line_2
from videocolor.examine.lines.edges import line_8, line_12
from videocolor.examine.lines.flicker import line_1
from videocolor.examine.lines.hues import line_3, line_4
from videocolor.examine.lines.orthochromatic import line_18
from videocolor.examine.lines.patterns import line_11
from videocolor.examine.lines.robustness import line_14, line_16
from videocolor.examine.lines.sizes import line_5, line_6
from videocolor.examine.lines.skin import line_7
from videocolor.examine.lines.stabilizing import line_13, line_15
from videocolor.examine.sitting import Sitting
from videocolor.examine.verdict import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the examination."""

    number: int
    title: str
    """The complaint, in a few words."""
    run: Callable[[Sitting], Outcome]
    needs_truth: bool
    """False: it can be tested on a film whose colors nobody knows."""


LINES: tuple[Line, ...] = (
    Line(number=1, title="flicker", run=line_1, needs_truth=False),
    Line(number=2, title="dark areas blue, next frame red", run=line_2, needs_truth=False),
    Line(number=3, title="blue and purple clothes, everything green", run=line_3, needs_truth=True),
    Line(number=4, title="red and violet blotches", run=line_4, needs_truth=True),
    Line(number=5, title="colors jump with the network size", run=line_5, needs_truth=False),
    Line(number=6, title="colors fade with the network size", run=line_6, needs_truth=False),
    Line(number=7, title="zombie hands, unpainted faces", run=line_7, needs_truth=True),
    Line(number=8, title="bleeding and halos", run=line_8, needs_truth=False),
    Line(number=9, title="brown or orange cast", run=line_9, needs_truth=True),
    Line(number=10, title="no color at all on some pictures", run=line_10, needs_truth=True),
    Line(number=11, title="stripes and grids", run=line_11, needs_truth=False),
    Line(number=12, title="gray rims, tinted bars", run=line_12, needs_truth=False),
    Line(number=13, title="washed out by smoothing", run=line_13, needs_truth=False),
    Line(number=14, title="compression, noise and blur", run=line_14, needs_truth=True),
    Line(number=15, title="a new shot takes the old one's colors", run=line_15, needs_truth=False),
    Line(number=16, title="colors change between takes", run=line_16, needs_truth=False),
    Line(number=17, title="tint on neutral things", run=line_17, needs_truth=True),
    Line(number=18, title="orthochromatic film", run=line_18, needs_truth=True),
)
"""Sorted by number."""
