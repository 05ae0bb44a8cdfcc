"""Line 2: dark areas that turn blue, and red in the next frame."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import isnan, nan

import torch
from torch import Tensor

from videocolor.color.lab import lab_to_rgb_unclipped, rgb_to_lab
from videocolor.color.transfer import from_linear, to_linear
from videocolor.examine.colors import chroma, has_hue, worst_examples
from videocolor.examine.lines.frames import generator_of, grainy, resized, shot_answers, stills, temporal_deviation
from videocolor.examine.scenes import Scene
from videocolor.examine.sitting import Sitting
from videocolor.examine.verdict import Example, Figure, Outcome, not_tested
from videocolor.examine.views import View, indices_by_group

_STOPS = 2
_DARK = 15.0
_BLUE = (240.0, 320.0)
# Up to this chroma a pixel counts as neutral, and its hue says nothing.
_COLORED = 4.0
_MOST_CHROMA, _MORE_BLUE, _MOST_DEVIATION = 1.5, 0.05, 1.0
# Of the true colors of 200 photographs that were darkened in this way it is 0.195.
_USUAL_BLUE = 0.2
# Frames of one shot are alike.
_CLIP_STEP = 8
_EXAMPLES = 6
_CHROMA_RATIO = "chroma in the dark over the truth's"
_BLUE_SHARE = "share of blue among the colors in the dark"
_TRUE_BLUE_SHARE = "the truth's share of blue there"


def line_2(sitting: Sitting) -> Outcome:
    """Colors of what is dark once a picture is exposed two stops down, and how they move under grain."""
    with_truth, without = list[_Dark](), list[_Dark]()
    examples: tuple[Example, ...] = ()
    for scene in _pictures(sitting):
        answer = sitting.colors([scene.view])[0]
        (without if scene.view.ab is None else with_truth).append(_Dark.of(scene, answer))
        examples = worst_examples([*examples, _example(scene, answer)], _EXAMPLES)
    known, unknown = _Dark.pooled(with_truth), _Dark.pooled(without)
    alone, smooth = _deviations(sitting)
    if alone is None and not known.answer.pixels and not unknown.answer.pixels:
        return not_tested("no pictures, or nothing dark in them")
    return Outcome(
        figures=(
            *_figures_with_truth(known),
            _figure_without_truth(unknown),
            _deviation_figure("temporal deviation of ab in the dark, alone", alone),
            _deviation_figure("temporal deviation of ab in the dark, smoothed", smooth),
        ),
        groups={
            group: _row(_Dark.pooled(with_truth[n] for n in members))
            for group, members in indices_by_group(with_truth).items()
        },
        examples=examples,
    )


def exposed(view: View) -> View:
    """The picture two stops down in linear light, as a frame of a film; a gray one stays gray."""
    ab = torch.zeros_like(view.lightness).repeat(2, 1, 1) if view.ab is None else view.ab
    linear = to_linear(lab_to_rgb_unclipped(view.lightness[None], ab[None]), "sdr")
    lightness, darker = rgb_to_lab(from_linear(linear / 2**_STOPS, "sdr"))
    return View(lightness=lightness[0].clamp(0, 100), ab=None if view.ab is None else darker[0], is_still=False)


@dataclass(frozen=True, slots=True)
class _Tally:
    """Colors of dark pixels, added up."""

    pixels: int = 0
    chroma_sum: float = 0.0
    colored: int = 0
    blue: int = 0

    @classmethod
    def of(cls, ab: Tensor, is_dark: Tensor) -> "_Tally":
        """Of (2, H, W) colors and a (H, W) mask."""
        dark = chroma(ab)[is_dark].double()
        is_blue = has_hue(ab, _BLUE, least_chroma=_COLORED)[is_dark]
        return cls(len(dark), dark.sum().item(), int((dark > _COLORED).sum()), int(is_blue.sum()))

    def __add__(self, other: "_Tally") -> "_Tally":
        return _Tally(
            self.pixels + other.pixels,
            self.chroma_sum + other.chroma_sum,
            self.colored + other.colored,
            self.blue + other.blue,
        )

    @property
    def blue_share(self) -> float | None:
        """Of the colored pixels; None where there is none, NaN where a color is."""
        if isnan(self.chroma_sum):
            # Compared with anything it counts as neither colored nor blue.
            return nan
        return self.blue / self.colored if self.colored else None


@dataclass(frozen=True, slots=True)
class _Dark:
    """The dark pixels of a picture, or of several together: the answers' and, where it is known, the truth's."""

    answer: _Tally = _Tally()
    truth: _Tally = _Tally()
    group: str | None = None

    @classmethod
    def of(cls, scene: Scene, answer: Tensor) -> "_Dark":
        is_dark = scene.view.lightness[0] < _DARK
        truth = _Tally() if scene.view.ab is None else _Tally.of(scene.view.ab, is_dark)
        return cls(_Tally.of(answer, is_dark), truth, scene.group)

    @classmethod
    def pooled(cls, parts: Iterable["_Dark"]) -> "_Dark":
        parts = tuple(parts)
        return cls(sum((part.answer for part in parts), _Tally()), sum((part.truth for part in parts), _Tally()))


def _pictures(sitting: Sitting) -> Iterator[Scene]:
    """What is darkened: photographs, and frames of clips whose colors nobody knows or that have to stand in."""
    for photo in sitting.photos:
        name = f"{photo.name}, two stops darker"
        yield Scene(name=name, key=photo.sha256, view=exposed(photo.view), group=photo.group)
    for clip in sitting.clips():
        if sitting.photos and clip.has_truth:
            continue
        for number in range(0, len(clip.views), _CLIP_STEP):
            name = f"{clip.name}, frame {number}, two stops darker"
            yield Scene(name=name, key=clip.name, view=exposed(clip.views[number]))


def _figures_with_truth(known: _Dark) -> tuple[Figure, ...]:
    truth = known.truth
    if truth.blue_share is None:
        dark = "what is dark in the pictures has no color"
        why = dark if truth.pixels else "no pictures in color, or nothing dark in them"
        return tuple(Figure(name=name, value=None, why_not_tested=why) for name in (_CHROMA_RATIO, _BLUE_SHARE))
    return (
        Figure(name=_CHROMA_RATIO, value=known.answer.chroma_sum / truth.chroma_sum, high=_MOST_CHROMA),
        Figure(name=_BLUE_SHARE, value=known.answer.blue_share, high=truth.blue_share + _MORE_BLUE),
        Figure(name=_TRUE_BLUE_SHARE, value=truth.blue_share),
    )


def _figure_without_truth(unknown: _Dark) -> Figure:
    return Figure(
        name=f"{_BLUE_SHARE}, clips without truth",
        value=unknown.answer.blue_share,
        high=_USUAL_BLUE + _MORE_BLUE,
        why_not_tested="" if unknown.answer.pixels else "no clips without truth, or nothing dark in them",
    )


def _deviation_figure(name: str, value: float | None) -> Figure:
    why = "nothing dark in the pictures that are held still" if value is None else ""
    return Figure(name=name, value=value, high=_MOST_DEVIATION, why_not_tested=why)


def _row(known: _Dark) -> dict[str, float | None]:
    answer, truth = known.answer, known.truth
    return {
        _CHROMA_RATIO: answer.chroma_sum / truth.chroma_sum if truth.chroma_sum else None,
        _BLUE_SHARE: answer.blue_share,
        _TRUE_BLUE_SHARE: truth.blue_share,
    }


def _deviations(sitting: Sitting) -> tuple[float | None, float | None]:
    """Mean over all dark pixels of the temporal deviation of ab under grain, alone and smoothed."""
    pixels, alone, smooth = 0, 0.0, 0.0
    for scene in stills(sitting):
        dark = exposed(scene.view)
        is_dark = resized(dark, sitting.subject.seen_size(dark)).lightness[0] < _DARK
        if not is_dark.any():
            continue
        answers = shot_answers(grainy(dark, sitting.subject, generator_of(sitting, scene.key)), sitting)
        pixels += int(is_dark.sum())
        alone += temporal_deviation(answers.alone)[is_dark].sum().item()
        smooth += temporal_deviation(answers.smoothed)[is_dark].sum().item()
    return (alone / pixels, smooth / pixels) if pixels else (None, None)


def _example(scene: Scene, answer: Tensor) -> Example:
    """Bad is in the dark: chroma beyond what is allowed, and blue where the truth has none."""
    view, strength = scene.view, chroma(answer)
    wrong = strength * has_hue(answer, _BLUE, least_chroma=_COLORED)
    if view.ab is not None:
        wrong = wrong * ~has_hue(view.ab, _BLUE, least_chroma=_COLORED)
        wrong = torch.maximum(wrong, strength - _MOST_CHROMA * chroma(view.ab))
    badness = (wrong.clamp_min(0) * (view.lightness[0] < _DARK)).mean().item()
    return Example(name=scene.name, badness=badness, lightness=view.lightness, ab=answer, truth=view.ab)
