"""Line 1: flicker, on still pictures under fresh grain, and along the motion of clips for comparison."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

import numpy as np
from torch import Tensor

from videocolor.evaluate.warping import PairMotion, WarpMeter, mean_square
from videocolor.examine.colors import LEAST_MEAN_CHROMA, chroma, worst_examples
from videocolor.examine.lines.frames import (
    ShotAnswers,
    clip_answers,
    generator_of,
    grainy,
    mean_true_chroma,
    shot_answers,
    stills,
    temporal_deviation,
    too_gray,
)
from videocolor.examine.scenes import Scene
from videocolor.examine.sitting import Sitting
from videocolor.examine.steady import gray_frame
from videocolor.examine.verdict import Example, Figure, Outcome, not_tested
from videocolor.examine.views import View, indices_by_group

_MOST_ALONE, _MOST_SMOOTHED = 1.0, 0.4
_EXAMPLES = 6
_ALONE, _SMOOTHED = "temporal deviation of ab, alone", "temporal deviation of ab, smoothed"


def line_1(sitting: Sitting) -> Outcome:
    """How far the colors of a picture that stands still move when only the grain changes."""
    pictures = stills(sitting)
    if not pictures:
        return not_tested("neither photographs nor clips")
    if too_gray([mean_true_chroma([still.view]) for still in pictures]):
        return not_tested("the pictures have too little color themselves")
    measured = [_measure(still, sitting) for still in pictures]
    return Outcome(
        figures=(
            Figure(name=_ALONE, value=fmean(item.alone for item in measured), high=_MOST_ALONE),
            Figure(name=_SMOOTHED, value=fmean(item.smoothed for item in measured), high=_MOST_SMOOTHED),
            Figure(name="mean chroma, alone", value=fmean(item.chroma for item in measured), low=LEAST_MEAN_CHROMA),
            Figure(name="pictures held still", value=len(measured)),
            *_clip_figures(sitting),
        ),
        groups={group: _row([measured[n] for n in members]) for group, members in indices_by_group(measured).items()},
        examples=worst_examples((item.example for item in measured), _EXAMPLES),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measured:
    """One still picture."""

    alone: float
    smoothed: float
    chroma: float
    group: str | None
    example: Example


def _measure(still: Scene, sitting: Sitting) -> _Measured:
    views = grainy(still.view, sitting.subject, generator_of(sitting, still.key))
    answers = shot_answers(views, sitting)
    alone = temporal_deviation(answers.alone).mean().item()
    # The frame farthest from the mean of all shows the flicker best.
    distance = chroma(answers.alone - answers.alone.mean(dim=0)).square().mean(dim=(1, 2))
    worst = int(distance.argmax())
    return _Measured(
        alone=alone,
        smoothed=temporal_deviation(answers.smoothed).mean().item(),
        chroma=chroma(answers.alone).mean().item(),
        group=still.group,
        example=Example(
            name=f"{still.name}, with grain",
            badness=alone,
            lightness=views[worst].lightness,
            ab=answers.alone[worst],
            truth=views[worst].ab,
        ),
    )


def _row(measured: Sequence[_Measured]) -> dict[str, float | None]:
    return {
        "pictures": len(measured),
        _ALONE: fmean(item.alone for item in measured),
        _SMOOTHED: fmean(item.smoothed for item in measured),
    }


def _clip_figures(sitting: Sitting) -> tuple[Figure, ...]:
    """Flicker along the motion; for information, because a gray answer has none and true colors have some."""
    names = ("warp_ab on clips, alone", "warp_ab on clips, smoothed", "warp_ab on clips, truth")
    rows = [_warp_row(clip.views, answers) for clip, answers in clip_answers(sitting)]
    # Of the same clips, or they could not be compared.
    known = [row for row in rows if row[2] is not None] or rows
    return tuple(
        Figure(name=name, value=mean, why_not_tested="" if mean is not None else why)
        for name, mean, why in zip(
            names,
            [_mean([row[column] for row in known]) for column in range(3)],
            ("no clips", "no clips", "no clips in color"),
            strict=True,
        )
    )


def _warp_row(views: Sequence[View], answers: ShotAnswers) -> tuple[float | None, float | None, float | None]:
    """`warp_ab` of the answers, of the smoothed ones and of the truth; the motion is found once."""
    grays = [gray_frame(view, number).y.astype(np.uint8) for number, view in enumerate(views)]
    motions = [PairMotion.of(gray, later) for gray, later in pairwise(grays)]
    truth = None if any(view.ab is None for view in views) else [view.ab for view in views]
    return (
        _warp_ab(answers.alone, motions),
        _warp_ab(answers.smoothed, motions),
        None if truth is None else _warp_ab(truth, motions),
    )


def _warp_ab(ab: Iterable[Tensor | None], motions: Sequence[PairMotion]) -> float | None:
    pictures = [np.ascontiguousarray(x.permute(1, 2, 0).numpy()) for x in ab if x is not None]
    meter = WarpMeter()
    for (picture, later), motion in zip(pairwise(pictures), motions, strict=True):
        meter.push(mean_square(picture, later, motion))
    return meter.root


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None
