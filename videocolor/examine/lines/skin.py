"""Line 7: hands and faces without the color of skin. Line 18 asks the same of other gray pictures."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from videocolor.examine.colors import chroma, hue, true_ab, worst_photos
from videocolor.examine.sitting import Sitting
from videocolor.examine.skin_boxes import SkinBoxes, shipped_boxes, skin_regions
from videocolor.examine.verdict import Figure, Outcome, not_tested
from videocolor.examine.views import Photo, indices_by_group

_HUES = (20.0, 75.0)
_CHROMAS = (8.0, 35.0)
_GRAY_CHROMA = 5.0
_LEAST_RIGHT = 0.85
_MOST_GRAY = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class SkinShares:
    """How skin came out, as shares of the boxes on which the truth itself has the color of skin."""

    right: float
    """Median hue within 20-75 degrees and median chroma within 8-35."""
    gray: float
    """Median chroma below 5."""
    boxes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """One box of an answer."""

    is_right: bool
    is_gray: bool
    distance: float
    """Of the median ab from the truth's."""


_ByPhoto = dict[int, list[_Judged]]
"""The boxes of each photograph that has some, by its number."""


def line_7(sitting: Sitting) -> Outcome:
    """Whether skin has the color of skin in the plain answers: users see those. The matched ones are told beside."""
    judged = _judge(sitting, sitting.answer)
    if not judged:
        return not_tested("no photograph with known skin")
    shares = _shares(judged.values())
    matched = None if sitting.matched_gain is None else _shares(_judge(sitting, sitting.matched).values())
    return Outcome(
        figures=(
            Figure(name="skin boxes of skin's hue and chroma, share", value=shares.right, low=_LEAST_RIGHT),
            Figure(name="skin boxes with chroma < 5, share", value=shares.gray, high=_MOST_GRAY),
            Figure(name="of skin's hue and chroma, matched, share", value=None if matched is None else matched.right),
            Figure(name="with chroma < 5, matched, share", value=None if matched is None else matched.gray),
            Figure(name="skin boxes", value=float(shares.boxes)),
        ),
        groups=_groups(sitting.photos, judged),
        examples=worst_photos(sitting.photos, _badness(sitting.photos, judged), sitting.answer),
    )


class SkinMeter:
    """How skin came out in answers that are shown one after the other, so that nobody has to keep them."""

    def __init__(self) -> None:
        self._known = shipped_boxes()
        self._judged: list[_Judged] = []

    def push(self, photo: Photo, ab: Tensor) -> None:
        """Judge one answer.

        Args:
            photo: The photograph.
            ab: (2, H, W) float32 of its size.
        """
        self._judged += _judge_photo(photo, self._known, lambda: ab)

    @property
    def shares(self) -> SkinShares | None:
        """Over all that was shown; None where no photograph has a usable box."""
        return _shares([self._judged]) if self._judged else None


def _judge(sitting: Sitting, answer: Callable[[int], Tensor]) -> _ByPhoto:
    """All boxes on which the truth has the color of skin."""
    boxes = shipped_boxes()
    judged = {}
    for index, photo in enumerate(sitting.photos):
        if found := _judge_photo(photo, boxes, partial(answer, index)):
            judged[index] = found
    return judged


def _judge_photo(photo: Photo, boxes: SkinBoxes, answer: Callable[[], Tensor]) -> list[_Judged]:
    """Those of one photograph; the answer is asked for only where there are some."""
    regions = skin_regions(photo, boxes)
    if not regions:
        return []
    truth = true_ab(photo)
    kept = [region for region in regions if _is_skin(truth[:, *region])]
    if not kept:
        return []
    ab = answer()
    return [_judge_box(ab[:, *region], truth[:, *region]) for region in kept]


def _judge_box(ab: Tensor, truth: Tensor) -> _Judged:
    apart = _median(ab.flatten(1)) - _median(truth.flatten(1))
    return _Judged(
        is_right=_is_skin(ab),
        is_gray=float(_median(chroma(ab).flatten())) < _GRAY_CHROMA,
        distance=float(torch.linalg.norm(apart)),
    )


def _is_skin(ab: Tensor) -> bool:
    # A median needs an order: the circle of hues is cut open opposite to skin's.
    opposite = sum(_HUES) / 2 - 180
    median_hue = float(_median((hue(ab) - opposite).remainder(360).flatten())) + opposite
    median_chroma = float(_median(chroma(ab).flatten()))
    return _HUES[0] <= median_hue <= _HUES[1] and _CHROMAS[0] <= median_chroma <= _CHROMAS[1]


def _median(values: Tensor) -> Tensor:
    """Over the last dimension; of an even count the mean of the middle two, which `torch.median` does not give."""
    return values.quantile(0.5, dim=-1)


def _shares(photos: Iterable[list[_Judged]]) -> SkinShares:
    boxes = [box for of_photo in photos for box in of_photo]
    return SkinShares(
        right=sum(box.is_right for box in boxes) / len(boxes),
        gray=sum(box.is_gray for box in boxes) / len(boxes),
        boxes=len(boxes),
    )


def _groups(photos: Sequence[Photo], judged: _ByPhoto) -> dict[str, dict[str, float | None]]:
    groups: dict[str, dict[str, float | None]] = {}
    for group, indices in indices_by_group(photos).items():
        if members := [judged[index] for index in indices if index in judged]:
            shares = _shares(members)
            groups[group] = {
                "pictures": float(len(members)),
                "skin boxes": float(shares.boxes),
                "of skin's hue and chroma, share": shares.right,
                "with chroma < 5, share": shares.gray,
            }
    return groups


def _badness(photos: Sequence[Photo], judged: _ByPhoto) -> list[float]:
    """Of each photograph: how far its wrong boxes are from the truth, all together."""
    return [sum(box.distance for box in judged.get(index, ()) if not box.is_right) for index in range(len(photos))]
