"""What came out: figures with bars, lines that are held or failed, and the pictures that show it best."""

from dataclasses import asdict, dataclass, field
from math import isfinite
from typing import Any, Literal

from torch import Tensor

Verdict = Literal["held", "failed", "not tested"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A measured number and what it must be."""

    name: str
    """For people, with its unit."""
    value: float | None
    """None where it is undefined (no hue because there is no chroma): that counts as failed."""
    low: float | None = None
    """The value must not be below this."""
    high: float | None = None
    """Nor above this. A figure without both is for information."""
    why_not_tested: str = ""
    """Not empty: the material or the model has nothing to measure this on; `value` is None."""

    @property
    def verdict(self) -> Verdict | None:
        """None for information."""
        if self.why_not_tested:
            return "not tested"
        if self.low is None and self.high is None:
            return None
        if self.value is None or not isfinite(self.value):
            return "failed"
        holds = (self.low is None or self.value >= self.low) and (self.high is None or self.value <= self.high)
        return "held" if holds else "failed"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Example:
    """A picture that shows how a line went; the worst ones stand on the page."""

    name: str
    """Of the photograph or clip, with what was done to it."""
    badness: float
    """Higher is worse; of meaning within its line only."""
    lightness: Tensor
    """(1, H, W) float32."""
    ab: Tensor
    """(2, H, W) float32, the answer as the line judged it."""
    truth: Tensor | None = None
    """(2, H, W) float32."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a line found out about a colorizer; its number and title stand in the registry."""

    figures: tuple[Figure, ...]
    groups: dict[str, dict[str, float | None]] = field(default_factory=dict)
    """Figures by group of pictures where they can be told apart; for information."""
    examples: tuple[Example, ...] = ()
    """The worst few, worst first."""

    @property
    def verdict(self) -> Verdict:
        """Failed if one figure is; held if at least one is and the others were not tested."""
        verdicts = {figure.verdict for figure in self.figures} - {None}
        if "failed" in verdicts:
            return "failed"
        return "held" if "held" in verdicts else "not tested"


@dataclass(frozen=True, slots=True, kw_only=True)
class LineResult(Outcome):
    """How a colorizer did on one line."""

    number: int
    title: str
    """The complaint, in a few words."""

    def to_json(self) -> dict[str, Any]:
        """Plain data, without pictures; None for what is no finite number."""
        figures = [asdict(figure) | {"verdict": figure.verdict} for figure in self.figures]
        values = {
            "number": self.number,
            "title": self.title,
            "verdict": self.verdict,
            "figures": figures,
            "groups": self.groups,
            "examples": [{"name": item.name, "badness": item.badness} for item in self.examples],
        }
        return {key: finite(value) for key, value in values.items()}


def finite(values: Any) -> Any:
    """Plain data with None in place of every number that is not finite, which JSON does not know.

    Args:
        values: Numbers, texts and None, in any nesting of dictionaries, lists and tuples.
    """
    if isinstance(values, dict):
        return {key: finite(value) for key, value in values.items()}
    if isinstance(values, list | tuple):
        return [finite(value) for value in values]
    return None if isinstance(values, float) and not isfinite(values) else values


def not_tested(why: str) -> Outcome:
    """Of a line for which the material has nothing."""
    return Outcome(figures=(Figure(name="all", value=None, why_not_tested=why),))
