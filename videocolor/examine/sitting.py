"""One examination in progress: who sits, on what, and the answers that several lines need."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from videocolor.color.codec import AB_LIMIT
from videocolor.color.lab import lab_to_rgb
from videocolor.evaluate.batched import colorfulness
from videocolor.examine.scenes import scenes_of, view_groups
from videocolor.examine.subject import Subject, full_size
from videocolor.examine.sweep import Sweep, sweep_sizes
from videocolor.examine.views import Clip, Material, Photo, View, evenly_spread
from videocolor.progress import NoProgress, Progress
from videocolor.settings import Strength

MATCHED_RATIO = 0.7
"""Colorfulness over the truth's at which models are compared: a plain gain on ab buys any amount of it."""
CLIP_MEMORY = 256 << 20
"""Bytes of answers to clips that are kept: 24 frames of a network that answers 256 x 144 pixels take 3.5 MB."""
_HIGHEST_GAIN = 8.0
_MOST_ROUNDS = 30
_CLOSE = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class ExamSettings:
    """How thoroughly is examined."""

    few: int = 24
    """Photographs, evenly spread, for the lines that need many network runs for each."""
    smoothing: str = "flow"
    """The temporal filter that the smoothed figures are made with."""
    smoothing_strength: Strength = "normal"
    seed: int = 0
    """Of grain and of everything else that is drawn."""


class Sitting:
    """What lines work with.

    Answers are kept in half precision: 200 photographs of 256 pixels take 50 MB, and their lightness as much.
    """

    def __init__(
        self,
        subject: Subject,
        material: Material,
        settings: ExamSettings | None = None,
        progress: Progress | None = None,
        *,
        clip_memory: int = CLIP_MEMORY,
    ) -> None:
        """Begin; nothing is colored before it is asked for.

        Args:
            subject: Who is examined.
            material: On what.
            settings: How thoroughly.
            progress: Told about every photograph.
            clip_memory: See `CLIP_MEMORY`.
        """
        self.subject = subject
        self.material = material
        self.settings = settings or ExamSettings()
        self.progress: Progress = progress or NoProgress()
        self._clip_memory = clip_memory
        self._clip_answers: dict[int, Tensor] = {}

    @property
    def photos(self) -> tuple[Photo, ...]:
        """The photographs."""
        return self.material.photos

    @cached_property
    def few(self) -> tuple[Photo, ...]:
        """Some photographs, evenly spread, for costly lines."""
        return tuple(evenly_spread(self.photos, self.settings.few))

    def clips(self) -> Iterator[Clip]:
        """The clips, one at a time: their frames are let go of before the next."""
        for load in self.material.clips:
            yield load()

    def clip_answers(self) -> Iterator[tuple[Clip, Tensor]]:
        """The clips, one at a time, with the subject's answers: (N, 2, h, w) float32 at its own size.

        They are rounded to half precision, and found once as long as `clip_memory` lasts.
        """
        for number, load in enumerate(self.material.clips):
            clip = load()
            answers = self._clip_answers.get(number)
            if answers is None:
                answers = self.small_answers(clip.views).half()
                if answers.nbytes + sum(kept.nbytes for kept in self._clip_answers.values()) <= self._clip_memory:
                    self._clip_answers[number] = answers
            yield clip, answers.float()

    def small_answers(self, views: Sequence[View]) -> Tensor:
        """The subject's answers to the frames of one shot at its own size, (N, 2, h, w) float32."""
        return torch.cat([self.subject.answer(group) for group in view_groups(views)])

    def colors(self, views: Sequence[View], side: int | None = None) -> Tensor:
        """The subject's answers at the size of the views, within -110..110.

        Args:
            views: Pictures of one size.
            side: See `Subject.answer`.

        Returns:
            (N, 2, H, W) float32.
        """
        small = self.subject.answer(views, side)
        return full_size(small, views[0]).clamp_(-AB_LIMIT, AB_LIMIT)

    def answer(self, index: int) -> Tensor:
        """(2, H, W) float32, the answer to photograph number `index` as it is; found once."""
        return self._answers[index].float()

    def matched(self, index: int) -> Tensor:
        """(2, H, W) float32, the same times the gain that brings the colorfulness of all to `MATCHED_RATIO`."""
        return (self.answer(index) * (self.matched_gain or 1.0)).clamp(-AB_LIMIT, AB_LIMIT)

    @cached_property
    def sweep(self) -> Sweep:
        """The answers to a few pictures at many sizes of the network; found once."""
        return sweep_sizes(self.colors, scenes_of(self.few, self.clips()))

    @cached_property
    def _answers(self) -> tuple[Tensor, ...]:
        answers = []
        for photo in self.photos:
            answers.append(self.colors([photo.view])[0].half())
            self.progress.advance(None)
        return tuple(answers)

    @cached_property
    def truth_colorfulness(self) -> Tensor:
        """(photos,) colorfulness of the truth."""
        return torch.cat([colorfulness(_rgb_of(photo.view)) for photo in self.photos])

    @cached_property
    def matched_gain(self) -> float | None:
        """The factor on ab at which the mean colorfulness is `MATCHED_RATIO` of the truth's; None where none is."""
        if not self.photos:
            return None
        wanted = MATCHED_RATIO * float(self.truth_colorfulness.mean())
        # Colorfulness does not fall with the gain and is nearly straight in it: false position, kept lively by halving
        # the end that stays (Illinois), needs a handful of rounds over the photographs.
        low, high = 0.0, _HIGHEST_GAIN
        below, above = -wanted, self._colorfulness_at(high) - wanted
        # The other way round an answer of NaN would be searched to the last round.
        if not above >= 0:
            return None
        gain, last = high, 0
        for _ in range(_MOST_ROUNDS):
            gain = (low * above - high * below) / (above - below)
            miss = self._colorfulness_at(gain) - wanted
            if abs(miss) < _CLOSE * wanted:
                break
            side = 1 if miss > 0 else -1
            if miss > 0:
                high, above = gain, miss
                below = below / 2 if side == last else below
            else:
                low, below = gain, miss
                above = above / 2 if side == last else above
            last = side
        return gain

    @cached_property
    def _lightnesses(self) -> tuple[Tensor, ...]:
        return tuple(photo.view.lightness for photo in self.photos)

    def _colorfulness_at(self, gain: float) -> float:
        total = 0.0
        for index, lightness in enumerate(self._lightnesses):
            ab = (self.answer(index) * gain).clamp(-AB_LIMIT, AB_LIMIT)
            total += float(colorfulness(lab_to_rgb(lightness[None], ab[None])))
        return total / len(self.photos)


def _rgb_of(view: View) -> Tensor:
    assert view.ab is not None
    return lab_to_rgb(view.lightness[None], view.ab[None])
