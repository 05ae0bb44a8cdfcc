"""Figures beside the lines: how near a colorizer comes to the truth at equal colorfulness, and what it does wrong."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

import numpy as np
import torch
from torch import Tensor

from videocolor.color.lab import lab_to_rgb
from videocolor.evaluate.batched import colorfulness, psnr
from videocolor.examine.colors import chroma
from videocolor.examine.sitting import Sitting
from videocolor.examine.verdict import finite
from videocolor.examine.views import Photo, indices_by_group

MEAN_COLOR = (1.9, 7.0)
"""Mean a* and b* of the photographs that the shipped model was trained on: what a colorizer knows that sees nothing."""

# Chroma that the eye takes for gray, and for color.
_GRAY_CHROMA, _COLOR_CHROMA = 4.0, 12.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """One way of coloring a set of photographs against the truth."""

    psnr: float
    """Of R'G'B' in dB, mean over photographs: the true lightness with these ab, clipped to sRGB; 100 at most."""
    colorfulness_ratio: float
    """Mean colorfulness (Hasler and Suesstrunk) over that of the truth."""
    ab_error: float
    """Mean distance in the ab plane."""
    false_color: float
    """Share of all pixels with chroma above 12 where the truth is below 4."""
    false_color_of_neutral: float | None
    """The same as a share of the pixels whose truth is below 4; None where there are none."""
    holes: float
    """Share of all pixels with chroma below 4 where the truth is above 12."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A set of photographs, colored in several ways."""

    photos: int
    """How many; below `LEAST_OF_A_GROUP` for information only."""
    matched: Scores | None
    """The answers times one gain for all photographs, by which the colorfulness of all is .70 of the truth's.
    None: too gray for any gain."""
    shipped: Scores
    """The answers as they are."""
    shuffled: Scores | None
    """Answers to another picture's lightness, matched anew: what is left above `mean_color` was not seen but learnt
    as a cast. None with one photograph, or if gray."""
    mean_color: Scores
    """`MEAN_COLOR` everywhere."""
    gray: Scores
    """No color."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoScore:
    """One photograph, so that two results can be compared pair by pair."""

    name: str
    sha256: str
    group: str | None
    source: str | None
    psnr: float | None
    """In dB at the matched gain; None: too gray for any gain."""
    psnr_shipped: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """How near to the truth."""

    gain: float | None
    """The matched gain; None: too gray for any."""
    overall: Standing
    groups: dict[str, Standing]
    """By group of pictures, those that are there."""
    sources: dict[str, Standing]
    """"known" and "unseen" where unseen sources were named; else empty."""
    photos: tuple[PhotoScore, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain data: gain, overall, groups, sources, photos with the fields of the classes above.

        What is no finite number (of answers that are none) is None.
        """
        values: dict[str, Any] = finite(asdict(self))
        return values


def rank(sitting: Sitting, *, unseen: Sequence[str] = ()) -> Ranking:
    """Score the answers to all photographs.

    Args:
        sitting: With one photograph at least.
        unseen: Sources that the colorizer cannot know.
    """
    measured = _measure(sitting)
    photos = sitting.photos
    is_unseen = [photo.source in unseen for photo in photos]
    sources = {
        name: [number for number, flag in enumerate(is_unseen) if flag == wanted]
        for name, wanted in (("known", False), ("unseen", True))
        if unseen and wanted in is_unseen
    }
    matched = measured["matched"]
    return Ranking(
        gain=sitting.matched_gain,
        overall=_standing(measured, range(len(photos))),
        groups={name: _standing(measured, members) for name, members in indices_by_group(photos).items()},
        sources={name: _standing(measured, members) for name, members in sources.items()},
        photos=tuple(
            PhotoScore(
                name=photo.name,
                sha256=photo.sha256,
                group=photo.group,
                source=photo.source,
                psnr=None if matched is None else matched[number].psnr,
                psnr_shipped=shipped.psnr,
            )
            for number, (photo, shipped) in enumerate(zip(photos, measured["shipped"] or (), strict=True))
        ),
    )


class _Shuffled(Sitting):
    """The same answers, each laid on a photograph far from the one that it was given to."""

    def __init__(self, sitting: Sitting) -> None:
        super().__init__(sitting.subject, sitting.material, sitting.settings)
        self._sitting = sitting
        self.truth_colorfulness = sitting.truth_colorfulness

    def answer(self, index: int) -> Tensor:
        count = len(self.photos)
        return self._sitting.answer((index + count // 2) % count)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measures:
    """Of one photograph in one way of coloring. Shares are of its pixels: all photographs have the same size."""

    psnr: float
    colorfulness: float
    true_colorfulness: float
    ab_error: float
    false_color: float
    neutral: float
    holes: float


_Measured = dict[str, list[_Measures] | None]
"""Per way of coloring (a field of `Standing`) the measures of every photograph."""


def _measure(sitting: Sitting) -> _Measured:
    is_colored = sitting.matched_gain is not None
    shuffled = _Shuffled(sitting) if is_colored and len(sitting.photos) > 1 else None
    ways: dict[str, Callable[[int], Tensor] | None] = {
        "matched": sitting.matched if is_colored else None,
        "shipped": sitting.answer,
        "shuffled": shuffled.matched if shuffled is not None and shuffled.matched_gain is not None else None,
        "mean_color": lambda index: _flat(MEAN_COLOR, sitting.photos[index]),
        "gray": lambda index: _flat((0, 0), sitting.photos[index]),
    }
    measured: _Measured = {name: None if way is None else [] for name, way in ways.items()}
    for index, photo in enumerate(sitting.photos):
        truth = _Truth(photo, float(sitting.truth_colorfulness[index]))
        for name, way in ways.items():
            rows = measured[name]
            if way is not None and rows is not None:
                rows.append(truth.measure(way(index)))
    return measured


class _Truth:
    """A photograph, to which ways of coloring are compared."""

    def __init__(self, photo: Photo, true_colorfulness: float) -> None:
        view = photo.view
        assert view.ab is not None
        self._lightness, self._ab = view.lightness[None], view.ab
        self._rgb = torch.from_numpy(photo.rgb.astype(np.float32) / 255).permute(2, 0, 1)[None]
        self._colorfulness = true_colorfulness
        true_chroma = chroma(view.ab)
        self._is_neutral, self._is_colored = true_chroma < _GRAY_CHROMA, true_chroma > _COLOR_CHROMA

    def measure(self, ab: Tensor) -> _Measures:
        rgb, own_chroma = lab_to_rgb(self._lightness, ab[None]), chroma(ab)
        return _Measures(
            psnr=float(psnr(rgb, self._rgb)),
            colorfulness=float(colorfulness(rgb)),
            true_colorfulness=self._colorfulness,
            ab_error=float(chroma(ab - self._ab).mean()),
            false_color=float(((own_chroma > _COLOR_CHROMA) & self._is_neutral).float().mean()),
            neutral=float(self._is_neutral.float().mean()),
            holes=float(((own_chroma < _GRAY_CHROMA) & self._is_colored).float().mean()),
        )


def _flat(color: tuple[float, float], photo: Photo) -> Tensor:
    side = photo.rgb.shape[:2]
    return torch.tensor(color, dtype=torch.float32)[:, None, None].expand(2, *side)


def _standing(measured: _Measured, members: Sequence[int]) -> Standing:
    scores = {
        name: None if rows is None else _scores([rows[number] for number in members]) for name, rows in measured.items()
    }
    return Standing(photos=len(members), **scores)  # type: ignore[arg-type]


def _scores(rows: Sequence[_Measures]) -> Scores:
    false_color, neutral = fmean(row.false_color for row in rows), fmean(row.neutral for row in rows)
    return Scores(
        psnr=fmean(row.psnr for row in rows),
        colorfulness_ratio=sum(row.colorfulness for row in rows) / sum(row.true_colorfulness for row in rows),
        ab_error=fmean(row.ab_error for row in rows),
        false_color=false_color,
        false_color_of_neutral=false_color / neutral if neutral else None,
        holes=fmean(row.holes for row in rows),
    )
