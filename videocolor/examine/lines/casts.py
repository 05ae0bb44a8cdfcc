"""Lines 9, 10 and 17: a tint over all, pictures without color, and color on what has none."""

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from videocolor.color.codec import AB_LIMIT
from videocolor.examine.colors import (
    MeanColors,
    chroma,
    matched_chroma,
    mean_chroma,
    plain_chroma,
    true_ab,
    worst_examples,
    worst_photos,
)
from videocolor.examine.sitting import Sitting
from videocolor.examine.verdict import Example, Figure, Outcome, not_tested
from videocolor.examine.views import View, indices_by_group

_NO_PHOTOS = "needs photographs in color"

_LEAST_R2 = 0.3
MOST_CAST = 3.0
"""Of the mean over all pictures, in ab."""

GRAY_RATIO = 0.25
COLORFUL = 20.0
_MOST_GRAY = 0.05

_TRUE_NEUTRAL = 4.0
_MOST_TINT = 6.0
_LEAST_NEUTRAL = 0.05
"""Share of neutral pixels that makes a photograph an example."""
_MADE_OF_EACH = 16
"""Pictures: with four, the mean depends more on the seed than on the colorizer."""

_Plane = npt.NDArray[np.float32]


def line_9(sitting: Sitting) -> Outcome:
    """Whether the mean colors of pictures follow the true ones, and their mean offset. The answers as they are."""
    photos = sitting.photos
    if not photos:
        return not_tested(_NO_PHOTOS)
    colors = MeanColors.of(sitting, map(sitting.answer, range(len(photos))))
    if why := colors.why_not_tested:
        return not_tested(why)
    offset = colors.offsets.mean(dim=0)
    groups: dict[str, dict[str, float | None]] = {}
    for group, members in indices_by_group(photos).items():
        part = colors.only(members)
        groups[group] = {"pictures": float(len(members)), "r2": part.r2, "cast, ab": part.cast}
    return Outcome(
        figures=(
            Figure(name="r2 of the pictures' mean colors, answered and true", value=colors.r2, low=_LEAST_R2),
            Figure(name="cast: mean offset over all pictures, ab", value=colors.cast, high=MOST_CAST),
            Figure(name="its part in a* (+ red, - green)", value=float(offset[0])),
            Figure(name="its part in b* (+ yellow, - blue)", value=float(offset[1])),
            Figure(name="gain granted: mean CF over the truth's", value=colors.gain),
        ),
        groups=groups,
        examples=worst_photos(photos, _along_the_cast(colors), sitting.answer),
    )


def _along_the_cast(colors: MeanColors) -> list[float]:
    """How far each picture is off in the direction of the cast: others miss strong colors, which is no cast."""
    offset = colors.offsets.mean(dim=0)
    distances = (colors.offsets @ offset / offset.norm()).nan_to_num()
    # One picture that is no number leaves none to the mean: it alone is to blame.
    return torch.where(colors.answered.isnan().any(dim=1), torch.nan, distances).tolist()


def line_10(sitting: Sitting) -> Outcome:
    """Pictures that come out next to gray. The answers as they are, because nobody scales them for a user."""
    photos = sitting.photos
    if not photos:
        return not_tested(_NO_PHOTOS)
    colors = MeanColors.of(sitting, map(sitting.answer, range(len(photos))))
    counts = colors.true_cf > COLORFUL
    if not counts.any():
        return not_tested(f"no photograph has a CF above {COLORFUL:.0f}")
    ratios = colors.answered_cf / colors.true_cf.clamp_min(COLORFUL)
    # The other way round NaN would count as colorful.
    is_gray = counts & ~(ratios >= GRAY_RATIO)
    return Outcome(
        figures=(
            Figure(
                name="pictures with less than a quarter of their CF, share",
                value=_ratio(is_gray.sum(), counts.sum()),
                high=_MOST_GRAY,
            ),
            Figure(name="colorful photographs", value=float(counts.sum())),
        ),
        groups={
            group: {
                "colorful pictures": float(counts[members].sum()),
                "gray ones, share": _ratio(is_gray[members].sum(), counts[members].sum()),
            }
            for group, members in indices_by_group(photos).items()
        },
        examples=worst_photos(photos, torch.where(counts, 1 - ratios, 0.0).tolist(), sitting.answer),
    )


def line_17(sitting: Sitting) -> Outcome:
    """Chroma where the truth has none: on photographs, and on made paper and fog. Matched answers."""
    photos = sitting.photos
    if not photos:
        return not_tested(_NO_PHOTOS)
    everything = range(len(photos))
    demand = matched_chroma(sitting, everything)
    if demand.value is None:
        return Outcome(figures=(demand, plain_chroma(sitting, everything)))
    sums, pixels, shares = torch.tensor([_on_neutral(sitting, index) for index in everything]).unbind(dim=1)
    examples = worst_photos(
        photos, torch.where(shares >= _LEAST_NEUTRAL, sums / pixels.clamp_min(1), 0.0).tolist(), sitting.matched
    )
    made_figures, made_examples = _on_made(sitting)
    return Outcome(
        figures=(
            demand,
            Figure(
                name="mean chroma on neutral parts of photographs",
                value=_ratio(sums.sum(), pixels.sum()),
                high=_MOST_TINT,
                why_not_tested="" if pixels.any() else "nothing in the photographs is neutral",
            ),
            *made_figures,
        ),
        groups={
            group: {
                "pictures": float(len(members)),
                "mean chroma on neutral parts": _ratio(sums[members].sum(), pixels[members].sum()),
            }
            for group, members in indices_by_group(photos).items()
        },
        # Of the made pictures, which are many of a kind, the worst of each kind stands for it.
        examples=worst_examples((*examples[:4], *made_examples), 4 + len(made_examples)),
    )


def neutral_pictures(side: int, *, seed: int) -> dict[str, tuple[View, ...]]:
    """Made pictures of things without color, each kind under its name.

    Args:
        side: Of the squares, in pixels.
        seed: Of all that is drawn.
    """
    return {
        "textured paper": tuple(
            _neutral(_paper(side, np.random.default_rng([seed, 0, n]))) for n in range(_MADE_OF_EACH)
        ),
        "fog": tuple(_neutral(_fog(side, np.random.default_rng([seed, 1, n]))) for n in range(_MADE_OF_EACH)),
    }


def _ratio(part: Tensor, whole: Tensor) -> float | None:
    return float(part) / float(whole) if whole else None


def _on_neutral(sitting: Sitting, index: int) -> tuple[float, float, float]:
    """Sum of the answered chroma over a photograph's neutral pixels, their number, and their share."""
    is_neutral = chroma(true_ab(sitting.photos[index])) < _TRUE_NEUTRAL
    tint = chroma(sitting.matched(index))[is_neutral]
    return float(tint.sum()), float(tint.numel()), tint.numel() / is_neutral.numel()


def _on_made(sitting: Sitting) -> tuple[list[Figure], list[Example]]:
    """A figure and the worst example for each kind of made pictures."""
    figures, examples = [], []
    for name, views in neutral_pictures(sitting.material.side, seed=sitting.settings.seed).items():
        answers = (sitting.colors(views) * (sitting.matched_gain or 1.0)).clamp(-AB_LIMIT, AB_LIMIT)
        figures.append(Figure(name=f"mean chroma on made {name}", value=mean_chroma(answers), high=_MOST_TINT))
        tint, worst = chroma(answers).mean(dim=(1, 2)).max(dim=0)
        view = views[int(worst)]
        examples.append(
            Example(
                name=f"made {name}", badness=float(tint), lightness=view.lightness, ab=answers[worst], truth=view.ab
            )
        )
    return figures, examples


def _neutral(lightness: _Plane) -> View:
    plane = torch.from_numpy(lightness.clip(0, 100).astype(np.float32))[None]
    return View(lightness=plane, ab=torch.zeros(2, *lightness.shape))


def _paper(side: int, generator: np.random.Generator) -> _Plane:
    """A blank sheet: fibres, uneven thickness and light that falls off to one side."""
    fibres = np.zeros((side, side), np.float32)
    for _ in range(side * side // 100):
        (x, y), angle, length = generator.uniform(0, side, 2), generator.uniform(0, np.pi), generator.uniform(4, 20)
        end = (round(x + length * np.cos(angle)), round(y + length * np.sin(angle)))
        cv2.line(fibres, (round(x), round(y)), end, float(generator.uniform(-1, 1)), 1)
    fibres = cv2.GaussianBlur(fibres, (0, 0), 0.7).astype(np.float32)
    middle, slope = generator.uniform(82, 93), generator.uniform(-6, 6, 2)
    light = middle + slope[0] * np.linspace(-1, 1, side)[:, None] + slope[1] * np.linspace(-1, 1, side)
    grain = generator.normal(0, 0.7, (side, side))
    return np.asarray(light + 6 * fibres + _cloudy(side, 10, generator) + grain, np.float32)


def _fog(side: int, generator: np.random.Generator) -> _Plane:
    """Trunks of a wood, the farther the paler: fog so near cannot be taken for blue distance."""
    bright, dark = generator.uniform(68, 84), generator.uniform(15, 30)
    rows, columns = np.arange(side)[:, None], np.arange(side)
    horizon = 0.6 * side
    fog = bright + np.linspace(3, -3, side)[:, None]
    lightness = fog - 10 * (np.maximum(rows - horizon, 0) / (side - horizon)) ** 2 + np.zeros((side, side))
    for near in np.sort(generator.uniform(0.1, 1, 16)):
        width = side * 0.04 * near + 1
        middle = generator.uniform(0, side) + 0.15 * width * _outline(side, side / 6, generator)[:, None]
        is_trunk = (np.abs(columns - middle) < width / 2) & (rows < horizon + 0.3 * side * near)
        lightness = np.where(is_trunk, fog + 0.5 * near**1.5 * (dark - fog), lightness)
    soft = np.asarray(cv2.GaussianBlur(lightness, (0, 0), 0.8), np.float32)
    grain = generator.normal(0, 0.8, (side, side))
    return np.asarray(soft + 2 * _cloudy(side, 6, generator) + grain, np.float32)


def _cloudy(side: int, patches: int, generator: np.random.Generator) -> _Plane:
    """Smooth noise with so many patches across, of deviation 1."""
    return _standard(cv2.GaussianBlur(generator.normal(size=(side, side)), (0, 0), side / patches / 2))


def _outline(side: int, width: float, generator: np.random.Generator) -> _Plane:
    """(side,) smooth noise of deviation 1 whose bumps are about so many pixels wide."""
    return _standard(cv2.GaussianBlur(generator.normal(size=(1, side)), (0, 0), width)[0])


def _standard(noise: npt.ArrayLike) -> _Plane:
    plane = np.asarray(noise, np.float32)
    return np.asarray((plane - plane.mean()) / plane.std(), np.float32)
