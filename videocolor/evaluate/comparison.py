"""What a comparison with true colors gives: scores of the result and of two results that do nothing, part by part."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from statistics import fmean
from typing import Any

from videocolor.evaluate.clips import ClipScores
from videocolor.evaluate.colorfulness import set_difference
from videocolor.evaluate.fidelity import PEAK
from videocolor.evaluate.pictures import PictureScores

COMPARISON_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ShotScores:
    """One shot of a film."""

    shot: int
    start: str
    """Time code from the film's first frame."""
    end: str
    start_s: float
    end_s: float
    frames: int
    scores: PictureScores
    clip: ClipScores


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedScores:
    """One picture of a set."""

    name: str
    height: int
    width: int
    scores: PictureScores


@dataclass(frozen=True, slots=True, kw_only=True)
class Baselines:
    """The truth's lightness with no color, and with the one mean color of all of it: some metrics reward both."""

    gray: PictureScores
    mean_color: PictureScores
    mean_ab: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A result beside the truth."""

    truth: str
    result: str
    kind: str
    """"film" or "pictures"."""
    frame_count: int
    """Frames of the film, or pictures of the set."""
    size: tuple[int, int] | None
    """Height and width; None where pictures differ in it."""
    scores: PictureScores
    baselines: Baselines
    clip: ClipScores | None
    """None for pictures."""
    shots: tuple[ShotScores, ...] = ()
    pictures: tuple[NamedScores, ...] = ()
    notes: tuple[str, ...] = ()
    peak: float = PEAK
    """Of every PSNR."""
    format: int = COMPARISON_FORMAT

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON; what follows from two figures is written out beside them."""
        values = asdict(self)
        if self.clip is not None:
            values["clip"] |= derived(self.clip)
        for row, shot in zip(values["shots"], self.shots, strict=True):
            row["clip"] |= derived(shot.clip)
        return values


def derived(clip: ClipScores) -> dict[str, float | None]:
    """What a clip's scores say beside the truth's."""
    return {
        "chroma_ratio": clip.chroma_ratio,
        "cdc_difference": clip.cdc_difference,
        "warp_ab_ratio": clip.warp_ab_ratio,
    }


def mean_of_parts(parts: Sequence[PictureScores]) -> PictureScores:
    """A film's scores: the mean over its shots, weighted by their frames.

    dCF of the set is that of the mean CF. What is None in a shot is left out of that figure's mean.

    Raises:
        ValueError: No part.
    """
    if not parts:
        raise ValueError("there is no shot to take a mean of")
    values: dict[str, Any] = {"pictures": sum(part.pictures for part in parts)}
    for name in (item.name for item in fields(PictureScores) if item.name != "pictures"):
        known = [(getattr(part, name), part.pictures) for part in parts if getattr(part, name) is not None]
        values[name] = fmean([value for value, _ in known], [weight for _, weight in known]) if known else None
    mean = PictureScores(**values)
    difference = set_difference([mean.colorfulness], [mean.truth_colorfulness])
    return replace(mean, colorfulness_difference=difference)
