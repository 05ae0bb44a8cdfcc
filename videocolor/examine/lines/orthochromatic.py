"""Line 18: the grays of film that does not see red. Skin and casts again, beside the same answers to plain grays."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from videocolor.color.lab import gray_to_lightness
from videocolor.color.transfer import from_linear, to_linear
from videocolor.examine.colors import MeanColors, worst_photos
from videocolor.examine.lines.casts import MOST_CAST
from videocolor.examine.lines.skin import SkinMeter, SkinShares
from videocolor.examine.scenes import color_all
from videocolor.examine.sitting import Sitting
from videocolor.examine.verdict import Figure, Outcome, not_tested
from videocolor.examine.views import Photo, View, indices_by_group

_WEIGHTS = (0.0, 0.4, 0.6)
"""Of red, green and blue in linear light, where L* weighs with .21, .72 and .07: film answers to light, not to code
values."""
_KEPT = 0.8
"""Least share of a figure on L* that must be left."""


def line_18(sitting: Sitting) -> Outcome:
    """What is left of lines 7 and 9 where red is dark. The answers stand under the photographs' own lightness."""
    photos = sitting.photos
    if not photos:
        return not_tested("needs photographs in color")
    before, skin_before = _measured(sitting, map(sitting.answer, range(len(photos))))
    after, skin_after = _measured(sitting, color_all(sitting.colors, map(orthochromatic, photos)))
    lost = (torch.hypot(*after.offsets.T) - torch.hypot(*before.offsets.T)).tolist()
    groups: dict[str, dict[str, float | None]] = {}
    for group, members in indices_by_group(photos).items():
        part = after.only(members)
        groups[group] = {"pictures": float(len(members)), "r2": part.r2, "cast, ab": part.cast}
    return Outcome(
        figures=(
            *_skin_figures(skin_before, skin_after),
            *_cast_figures(before, after),
        ),
        groups=groups,
        examples=tuple(
            replace(example, name=f"{example.name}, orthochromatic")
            # Colored again: the answers to all photographs would take gigabytes.
            for example in worst_photos(photos, lost, lambda index: sitting.colors([orthochromatic(photos[index])])[0])
        ),
    )


def orthochromatic(photo: Photo) -> View:
    """A photograph as orthochromatic film shows it: red is dark, blue is light, what is neutral stays as it is."""
    rgb = torch.from_numpy(photo.rgb.astype(np.float32) / 255)
    exposure = to_linear(rgb, "sdr") @ torch.tensor(_WEIGHTS)
    return View(lightness=gray_to_lightness(from_linear(exposure, "sdr"))[None], ab=photo.view.ab)


def _measured(sitting: Sitting, answers: Iterable[Tensor]) -> tuple[MeanColors, SkinShares | None]:
    """What lines 9 and 7 look at, of one answer to each photograph; each is let go of before the next."""
    skin = SkinMeter()

    def passing() -> Iterator[Tensor]:
        for photo, ab in zip(sitting.photos, answers, strict=True):
            skin.push(photo, ab)
            yield ab

    colors = MeanColors.of(sitting, passing())
    return colors, skin.shares


def _skin_figures(before: SkinShares | None, after: SkinShares | None) -> Sequence[Figure]:
    """Line 7's share, which is better the larger it is."""
    name = "skin boxes of skin's hue and chroma"
    if before is None or after is None:
        return [
            Figure(name=f"{name}, share of those on L*", value=None, why_not_tested="no photograph with known skin")
        ]
    return [
        Figure(name=f"{name}, share of those on L*", value=_kept(before.right, after.right), low=_KEPT),
        Figure(name=f"{name}, share of all", value=after.right),
    ]


def _cast_figures(before: MeanColors, after: MeanColors) -> Sequence[Figure]:
    """Line 9's r2, which is better the larger, and its cast, which is better the smaller."""
    if why := before.why_not_tested:
        return [Figure(name="mean colors of the pictures", value=None, why_not_tested=why)]
    # Where less is better, four fifths as good is five fourths as large. But a cast that line 9 does not mind is no
    # fault here: from .4 ab to .6 a colorizer loses nothing that anybody sees.
    most = max(MOST_CAST, before.cast / _KEPT)
    return [
        Figure(
            name="r2 of the pictures' mean colors, share of that on L*", value=_kept(before.r2, after.r2), low=_KEPT
        ),
        Figure(name="r2", value=after.r2),
        Figure(name="cast: mean offset over all pictures, ab", value=after.cast, high=most),
        Figure(name="cast on L*, ab", value=before.cast),
    ]


def _kept(before: float | None, after: float | None) -> float | None:
    """The share of a figure that is left; None where there was nothing."""
    return after / before if before and after is not None else None
