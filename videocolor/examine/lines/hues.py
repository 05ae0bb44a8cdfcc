"""Lines 3 and 4: colors that are not there. Both look at matched answers, so that dullness is no defence."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from videocolor.examine.colors import (
    chroma,
    has_hue,
    matched_chroma,
    plain_chroma,
    true_ab,
    worst_photos,
)
from videocolor.examine.sitting import Sitting
from videocolor.examine.verdict import Figure, Outcome, not_tested
from videocolor.examine.views import indices_by_group

_HUES = {"blue and purple": (240.0, 320.0), "green": (130.0, 180.0)}
_LEAST_CHROMA = 10.0
_MOST_TIMES = 1.5

_BLOTCH_CHROMA = 35.0
_DULL_CHROMA = 15.0
_BLOTCH_AREA = 0.003
"""Share of the picture that a blotch must exceed."""
_MOST_BLOTCHES = 0.05
_RED_TO_VIOLET = (300.0, 45.0)
"""Hues of blotches that users name; the bar counts all."""


def line_3(sitting: Sitting) -> Outcome:
    """Shares of blue to purple and of green pixels in pictures with people, against the truth's shares."""
    photos = sitting.photos
    groups = indices_by_group(photos)
    people = groups.get("people")
    if people is None:
        return not_tested("no photograph is known to show people")
    demand = matched_chroma(sitting, people)
    if demand.value is None:
        return Outcome(figures=(demand, plain_chroma(sitting, people)))
    shares = _hue_shares(sitting)
    figures = [demand]
    for name, answered, true in _pooled(shares, people):
        figures += [
            Figure(name=f"{name} where people are, times the truth's", value=_times(answered, true), high=_MOST_TIMES),
            Figure(name=f"{name}, % of the pixels", value=100 * answered),
            Figure(name=f"{name} in the truth, % of the pixels", value=100 * true),
        ]
    excess = (shares[:, :, 0] - _MOST_TIMES * shares[:, :, 1]).amax(dim=1)
    badness = [float(value) if index in people else 0.0 for index, value in enumerate(excess)]
    rows: dict[str, dict[str, float | None]] = {}
    for group, members in groups.items():
        times = {f"{name}, times the truth's": _times(*pair) for name, *pair in _pooled(shares, members)}
        rows[group] = {"pictures": float(len(members)), **times}
    return Outcome(
        figures=tuple(figures),
        groups=rows,
        examples=worst_photos(photos, badness, sitting.matched),
    )


def _hue_shares(sitting: Sitting) -> Tensor:
    """(photos, hues, 2) shares of the pixels of `_HUES`, in the matched answers and in the truth."""
    rows = []
    for index, photo in enumerate(sitting.photos):
        pair = torch.stack([sitting.matched(index), true_ab(photo)])
        shares = [has_hue(pair, hues, least_chroma=_LEAST_CHROMA).double().mean(dim=(1, 2)) for hues in _HUES.values()]
        rows.append(torch.stack(shares))
    return torch.stack(rows)


def _pooled(shares: Tensor, indices: list[int]) -> list[tuple[str, float, float]]:
    """Name, answered and true share of each of `_HUES` over the pixels of some photographs."""
    # Photographs are of one size: the mean of their shares is that over all pixels.
    means = shares[indices].mean(dim=0).tolist()
    return [(name, answered, true) for name, (answered, true) in zip(_HUES, means, strict=True)]


def _times(answered: float, true: float) -> float | None:
    # Nothing where the truth has nothing is right; something there is undefined, and with that failed.
    if answered == true:
        return 1.0
    return answered / true if true else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Blotches:
    """Of one picture."""

    count: int
    red_to_violet: int
    area: float
    """Share of the picture that they cover together."""


def line_4(sitting: Sitting) -> Outcome:
    """Regions of strong color where the truth has hardly any."""
    photos = sitting.photos
    if not photos:
        return not_tested("needs photographs in color")
    everything = range(len(photos))
    demand = matched_chroma(sitting, everything)
    if demand.value is None:
        return Outcome(figures=(demand, plain_chroma(sitting, everything)))
    found = [_blotches(sitting.matched(index), true_ab(photo)) for index, photo in enumerate(photos)]
    counts = torch.tensor([item.count for item in found], dtype=torch.float64)
    reds = sum(item.red_to_violet for item in found) / len(found)
    figures = (
        demand,
        Figure(name="blotches in a picture, on average", value=float(counts.mean()), high=_MOST_BLOTCHES),
        Figure(name="red to violet ones, on average", value=reds),
        Figure(name="pictures with blotches, %", value=100 * float((counts > 0).double().mean())),
    )
    return Outcome(
        figures=figures,
        groups={
            group: {"pictures": float(len(members)), "blotches in a picture": float(counts[members].mean())}
            for group, members in indices_by_group(photos).items()
        },
        examples=worst_photos(photos, [item.area for item in found], sitting.matched),
    )


def _blotches(answer: Tensor, truth: Tensor) -> _Blotches:
    """Regions whose pixels touch by a side or a corner."""
    wrong = (chroma(answer) > _BLOTCH_CHROMA) & (chroma(truth) < _DULL_CHROMA)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(wrong.numpy().astype(np.uint8), connectivity=8)
    areas = stats[:, cv2.CC_STAT_AREA] / wrong.numel()
    large = [number for number in range(1, count) if areas[number] > _BLOTCH_AREA]
    reds = sum(_is_red_to_violet(answer[:, torch.from_numpy(labels == number)]) for number in large)
    return _Blotches(count=len(large), red_to_violet=reds, area=float(sum(areas[number] for number in large)))


def _is_red_to_violet(colors: Tensor) -> bool:
    """Whether the mean of some colors, (2, pixels), is."""
    return bool(has_hue(colors.mean(dim=1)[:, None, None], _RED_TO_VIOLET, least_chroma=0))
