"""Lines 5 and 6: what the size of the network does to the colors. Both look at one sweep."""

from itertools import pairwise

import torch
from torch import Tensor

from videocolor.color.lab import lab_to_rgb
from videocolor.evaluate.batched import colorfulness
from videocolor.examine.colors import LEAST_MEAN_CHROMA, chroma, mean_chroma
from videocolor.examine.lines.frames import mean_true_chroma, too_gray
from videocolor.examine.scenes import view_groups
from videocolor.examine.sitting import Sitting
from videocolor.examine.sweep import Sweep
from videocolor.examine.verdict import Example, Figure, Outcome, not_tested
from videocolor.examine.views import indices_by_group

_CHANGE = "mean change of ab between neighboring sizes, largest"
_RATIO = "colorfulness, smallest over largest of all sizes"
_NO_PICTURES = "needs photographs or clips"
_TOO_GRAY = "the pictures have too little color themselves"
_SHOWN = 3
"""Pictures that are examples, each at two sizes."""
_GRAY = 1.0
"""Colorfulness below which nothing is compared: rounding alone gives some."""


def line_5(sitting: Sitting) -> Outcome:
    """The largest ab before any clamp, and the mean change of ab from each size to the next."""
    sweep = sitting.sweep
    if not sweep.scenes:
        return not_tested(_NO_PICTURES)
    pairs = list(pairwise(sweep.answers))
    # Who knows one size only cannot change with it.
    table = torch.stack([_changes(sweep, *pair) for pair in pairs]) if pairs else torch.zeros(1, len(sweep.scenes))
    means = table.mean(dim=1)
    figures = (
        _strength(sweep, why_not_tested=_TOO_GRAY if _is_too_gray(sweep) else ""),
        _peak(sitting),
        # Each pair has to hold: whoever changes the size goes from one to one other.
        Figure(name=_CHANGE, value=float(means.max()), high=4),
        Figure(name="the same, mean of all neighbors", value=float(means.mean())),
    )
    groups: dict[str, dict[str, float | None]] = {
        group: {_CHANGE: float(table[:, members].mean(dim=1).max())}
        for group, members in indices_by_group(sweep.scenes).items()
    }
    return Outcome(figures=figures, groups=groups, examples=_jumps(sweep, table, pairs))


def line_6(sitting: Sitting) -> Outcome:
    """The least colorfulness of a size over the largest, each the mean of all pictures."""
    sweep = sitting.sweep
    if not sweep.scenes:
        return not_tested(_NO_PICTURES)
    if _is_too_gray(sweep):
        return not_tested(_TOO_GRAY)
    table = torch.stack([_colorfulness(sweep, side) for side in sweep.answers])
    figures = (
        _strength(sweep),
        Figure(name=_RATIO, value=_ratio(table), low=0.75),
        *(
            Figure(name=f"colorfulness at {side} pixels", value=mean)
            for side, mean in zip(sweep.answers, table.mean(dim=1).tolist(), strict=True)
        ),
    )
    groups = {group: {_RATIO: _ratio(table[:, members])} for group, members in indices_by_group(sweep.scenes).items()}
    return Outcome(figures=figures, groups=groups, examples=_palest(sweep, table))


def _is_too_gray(sweep: Sweep) -> bool:
    return too_gray([mean_true_chroma([scene.view]) for scene in sweep.scenes])


def _strength(sweep: Sweep, *, why_not_tested: str = "") -> Figure:
    """The demand for chroma: gray neither jumps nor fades."""
    strength = None if why_not_tested else mean_chroma(ab.float() for found in sweep.answers.values() for ab in found)
    return Figure(
        name="mean chroma over all sizes", value=strength, low=LEAST_MEAN_CHROMA, why_not_tested=why_not_tested
    )


def _peak(sitting: Sitting) -> Figure:
    sweep, name = sitting.sweep, "largest ab before any clamp"
    peaks = []
    for side in sweep.answers:
        for group in view_groups(scene.view for scene in sweep.scenes):
            peak = sitting.subject.largest_ab(group, side)
            if peak is None:
                return Figure(name=name, value=None, why_not_tested="the model's answers are bounded")
            peaks.append(peak)
    # In torch, where NaN is larger than any number.
    return Figure(name=name, value=float(torch.tensor(peaks).amax()), high=110)


def _changes(sweep: Sweep, smaller: int, larger: int) -> Tensor:
    """(scenes,) mean distance between the colors at two sizes."""
    pairs = zip(sweep.answers[smaller], sweep.answers[larger], strict=True)
    return torch.stack([chroma(one.float() - other.float()).mean() for one, other in pairs])


def _colorfulness(sweep: Sweep, side: int) -> Tensor:
    """(scenes,) at one size."""
    shown = zip(sweep.scenes, sweep.answers[side], strict=True)
    return torch.cat([colorfulness(lab_to_rgb(scene.view.lightness[None], ab.float()[None])) for scene, ab in shown])


def _ratio(table: Tensor) -> float | None:
    """Of colorfulness (sizes, scenes)."""
    means = table.mean(dim=1)
    return float(means.min() / means.max()) if means.max() >= _GRAY else None


def _jumps(sweep: Sweep, table: Tensor, pairs: list[tuple[int, int]]) -> tuple[Example, ...]:
    """The pictures that change most from one size to the next, at both."""
    if not pairs:
        return ()
    worst, places = table.max(dim=0)
    order = worst.argsort(descending=True).tolist()[:_SHOWN]
    return tuple(_example(sweep, n, side, float(worst[n])) for n in order for side in pairs[int(places[n])])


def _palest(sweep: Sweep, table: Tensor) -> tuple[Example, ...]:
    """The pictures whose colorfulness changes most, at the sizes of the least and of the largest."""
    ratios = table.amin(dim=0) / table.amax(dim=0).clamp_min(_GRAY)
    sides = list(sweep.answers)
    return tuple(
        _example(sweep, n, sides[int(place)], 1 - float(ratios[n]))
        for n in ratios.argsort().tolist()[:_SHOWN]
        for place in (table[:, n].argmin(), table[:, n].argmax())
    )


def _example(sweep: Sweep, number: int, side: int, badness: float) -> Example:
    scene = sweep.scenes[number]
    return Example(
        name=f"{scene.name}, network size {side}",
        badness=badness,
        lightness=scene.view.lightness,
        ab=sweep.answers[side][number].float(),
        truth=scene.view.ab,
    )
