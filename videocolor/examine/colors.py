"""What the lines on the colors of photographs share: chroma and hue, the demand for chroma, worst pictures."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from heapq import nlargest
from math import inf, isnan

import torch
from torch import Tensor

from videocolor.color.lab import lab_to_rgb
from videocolor.evaluate.batched import colorfulness
from videocolor.examine.sitting import MATCHED_RATIO, Sitting
from videocolor.examine.verdict import Example, Figure
from videocolor.examine.views import Photo

LEAST_MEAN_CHROMA = 8.0
"""Below this an answer counts as gray: what has no color cannot have wrong ones, and must not pass by that."""
_MOST_EXAMPLES = 6
_ROUNDING = 1e-3
"""Of a badness: what is not above this is right."""
_LEAST_PHOTOS = 10
"""Fewer say nothing on whether colors follow the truth."""
_LEAST_SPREAD = 0.05
"""Deviation in ab under which mean colors count as one: rounding makes some."""


def chroma(ab: Tensor) -> Tensor:
    """Distance from gray.

    Args:
        ab: (..., 2, H, W) float32, natural Lab units.

    Returns:
        (..., H, W).
    """
    return torch.hypot(ab[..., 0, :, :], ab[..., 1, :, :])


def hue(ab: Tensor) -> Tensor:
    """CIE Lab hue angle: of sRGB's primaries red is at 40, green at 136, blue at 306.

    Args:
        ab: (..., 2, H, W) float32.

    Returns:
        (..., H, W), degrees in 0..360; of no meaning where there is no chroma.
    """
    return torch.rad2deg(torch.atan2(ab[..., 1, :, :], ab[..., 0, :, :])).remainder(360)


def has_hue(ab: Tensor, hues: tuple[float, float], *, least_chroma: float) -> Tensor:
    """Where a picture shows certain colors.

    Args:
        ab: (..., 2, H, W) float32.
        hues: First and last hue in degrees; the first may be the larger: from there on through 0.
        least_chroma: The chroma must be above this.

    Returns:
        (..., H, W) bool.
    """
    first, last = hues
    return (chroma(ab) > least_chroma) & ((hue(ab) - first).remainder(360) <= (last - first) % 360)


def mean_chroma(pictures: Iterable[Tensor]) -> float | None:
    """Mean chroma over the pixels of all pictures, (2, H, W) float32 each; None without pictures."""
    total, pixels = 0.0, 0
    for ab in pictures:
        total += float(chroma(ab).sum())
        pixels += ab[0].numel()
    return total / pixels if pixels else None


def matched_chroma(sitting: Sitting, indices: Sequence[int]) -> Figure:
    """The demand for chroma of a line that looks at matched answers.

    Args:
        sitting: Whose photographs were answered.
        indices: Which of them the line looks at.

    Returns:
        The figure. Its value is None, and no other of the line has a meaning, where no gain brings the answers there
        (failed), and where the true colors, matched themselves, would not suffice (not tested).
    """
    name = f"mean chroma, matched to a CF ratio of {MATCHED_RATIO:.2f}"
    truth = mean_chroma(true_ab(sitting.photos[index]) for index in indices)
    if truth is None or truth * MATCHED_RATIO < LEAST_MEAN_CHROMA:
        return Figure(name=name, value=None, why_not_tested="the photographs have too little color themselves")
    if sitting.matched_gain is None:
        return Figure(name=name, value=None, low=LEAST_MEAN_CHROMA)
    return Figure(name=name, value=mean_chroma(map(sitting.matched, indices)), low=LEAST_MEAN_CHROMA)


def plain_chroma(sitting: Sitting, indices: Sequence[int]) -> Figure:
    """The mean chroma of the answers as they are, for information: it says why there is no `matched_chroma`."""
    return Figure(name="mean chroma as it is", value=mean_chroma(map(sitting.answer, indices)))


def worst_photos(
    photos: Sequence[Photo], badness: Sequence[float], answer: Callable[[int], Tensor]
) -> tuple[Example, ...]:
    """Examples of the photographs that went worst, worst first.

    Args:
        photos: All photographs.
        badness: Of each; those that are not above 0, rounding aside, are no examples. NaN is worse than any number.
        answer: (2, H, W) float32 by the photograph's number, as the line judged it.
    """
    ranks = [nan_as_worst(value) for value in badness]
    order = sorted((index for index in range(len(photos)) if ranks[index] > _ROUNDING), key=lambda index: -ranks[index])
    return tuple(photo_example(photos[index], ranks[index], answer(index)) for index in order[:_MOST_EXAMPLES])


def nan_as_worst(badness: float) -> float:
    """A number to sort by: infinity in place of NaN, which compares false with everything."""
    return inf if isnan(badness) else badness


def worst_examples(examples: Iterable[Example], most: int) -> tuple[Example, ...]:
    """The worst of some examples, worst first; NaN is worse than any number."""
    return tuple(nlargest(most, examples, key=lambda example: nan_as_worst(example.badness)))


def photo_example(photo: Photo, badness: float, ab: Tensor) -> Example:
    """A photograph as an example, under its own lightness.

    Args:
        photo: Which.
        badness: Higher is worse.
        ab: (2, H, W) float32, the answer as the line judged it.
    """
    view = photo.view
    return Example(name=photo.name, badness=badness, lightness=view.lightness, ab=ab, truth=view.ab)


def true_ab(photo: Photo) -> Tensor:
    """(2, H, W) float32, the colors of a photograph."""
    ab = photo.view.ab
    assert ab is not None
    return ab


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeanColors:
    """The mean color and the colorfulness of each photograph, answered and true."""

    answered: Tensor
    """(N, 2) float64, mean ab."""
    true: Tensor
    """(N, 2) float64."""
    answered_cf: Tensor
    """(N,) float64, colorfulness under the photograph's own lightness."""
    true_cf: Tensor
    """(N,) float64."""

    @classmethod
    def of(cls, sitting: Sitting, answers: Iterable[Tensor]) -> "MeanColors":
        """Measure answers.

        Args:
            sitting: Whose photographs were answered; there is at least one.
            answers: (2, H, W) float32 each, one for each of `sitting.photos` in order.
        """
        answered, true, answered_cf = [], [], []
        for photo, ab in zip(sitting.photos, answers, strict=True):
            view = photo.view
            assert view.ab is not None
            answered.append(ab.double().mean(dim=(1, 2)))
            true.append(view.ab.double().mean(dim=(1, 2)))
            answered_cf.append(colorfulness(lab_to_rgb(view.lightness[None], ab[None])))
        return cls(
            answered=torch.stack(answered),
            true=torch.stack(true),
            answered_cf=torch.cat(answered_cf).double(),
            true_cf=sitting.truth_colorfulness.double(),
        )

    def only(self, indices: list[int]) -> "MeanColors":
        """Those of some photographs."""
        return MeanColors(
            answered=self.answered[indices],
            true=self.true[indices],
            answered_cf=self.answered_cf[indices],
            true_cf=self.true_cf[indices],
        )

    @property
    def why_not_tested(self) -> str:
        """What the photographs lack for `r2` and `cast`; empty where they lack nothing."""
        if len(self.true) < _LEAST_PHOTOS:
            return f"needs at least {_LEAST_PHOTOS} photographs"
        return "" if _spread(self.true) >= _LEAST_SPREAD else "the photographs have all the same mean color"

    @property
    def r2(self) -> float | None:
        """Squared correlation of the answered and true means, a and b in one; None where one of them does not vary.

        It grants any gain: half the true colors follow the truth fully. Opposite ones do not at all: 0.
        """
        if min(_spread(self.answered), _spread(self.true)) < _LEAST_SPREAD:
            return None
        answered, true = self.answered - self.answered.mean(dim=0), self.true - self.true.mean(dim=0)
        correlation = (answered * true).sum() / (answered.norm() * true.norm())
        return max(0.0, float(correlation)) ** 2

    @property
    def gain(self) -> float:
        """How strong the colors are: the mean colorfulness over the truth's."""
        return float(self.answered_cf.mean() / self.true_cf.mean())

    @property
    def offsets(self) -> Tensor:
        """(N, 2) float64, how far each answered mean is from `gain` times the true one."""
        # The slope of answered on true means, as a gain, would count it as a cast that an unsure colorizer keeps to
        # the mean color of photographs (a 1.9, b 7.0), which is right on the mean: at an r2 of .3 by 5 ab.
        return self.answered - self.gain * self.true

    @property
    def cast(self) -> float:
        """Length of the mean offset, in ab."""
        return float(self.offsets.mean(dim=0).norm())


def _spread(means: Tensor) -> float:
    """Standard deviation of (N, 2) mean colors from their mean."""
    return float((means - means.mean(dim=0)).square().sum(dim=1).mean().sqrt())
