"""Lines 14 and 16: a picture in a worse state, or in another take of the scene, keeps its colors."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from torch import Tensor

from videocolor.color.lab import gray_to_lightness, lab_to_rgb, lightness_to_gray
from videocolor.evaluate.batched import colorfulness, psnr
from videocolor.examine.colors import LEAST_MEAN_CHROMA, chroma, mean_chroma, worst_examples
from videocolor.examine.lines.frames import generator_of, mean_true_chroma, too_gray
from videocolor.examine.scenes import Scene, color_all, scenes_of
from videocolor.examine.sitting import Sitting
from videocolor.examine.verdict import Example, Figure, Outcome, not_tested
from videocolor.examine.views import View, indices_by_group

_TOO_GRAY = "the pictures have too little color themselves"
_MOST_EXAMPLES = 6

_JPEG_QUALITY = 30
_GRAIN_SD = 8.0
_BLUR_SIGMA = 1.5
_GRAY = 1.0
"""Colorfulness below which nothing is compared: rounding alone gives some."""

_LEAST_CHROMA = 8.0
"""Of pixels whose hue counts."""
_CROP = 0.05
_GAMMA = 0.9
_NO_HUE = 0.5
"""Chroma below which there is no hue: such a pixel has lost its color, which is as bad as the opposite one."""
_LEAST_SHARE = 0.05
"""Of a picture's pixels that must have a hue, or it is no example."""

_Damage = Callable[[Tensor, torch.Generator], Tensor]
"""From lightness (1, H, W) to what is left of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Take:
    """How another take differs from the first."""

    frame: Callable[[Tensor], Tensor]
    """(C, H, W) of the first take to the same places in the other."""
    tone: Callable[[Tensor], Tensor]
    """Lightness to that of the other."""


def line_14(sitting: Sitting) -> Outcome:
    """Colors found on damaged lightness, put on the clean one: loss of PSNR, and the colorfulness that is left.

    On all photographs: pictures differ so much that 24 of the validation set gave a loss of .70 dB under grain where
    all 200 gave .11.
    """
    if not sitting.photos:
        return not_tested("needs photographs in color")
    if too_gray([mean_true_chroma([photo.view]) for photo in sitting.photos]):
        return not_tested(_TOO_GRAY)
    clean = torch.stack([_scores(photo.view, sitting.answer(n)) for n, photo in enumerate(sitting.photos)])
    figures, losses = [_chroma(map(sitting.answer, range(len(sitting.photos))))], {}
    examples: tuple[Example, ...] = ()
    for name, damage in _DAMAGES.items():
        scores, worst = _under_damage(sitting, name, damage, clean[:, 0])
        losses[f"{name}: loss of PSNR in dB"] = clean[:, 0] - scores[:, 0]
        before, after = clean[:, 1].mean(), scores[:, 1].mean()
        left = float(after / before) if before >= _GRAY else None
        figures.append(Figure(name=f"{name}: colorfulness over that from the clean picture", value=left, low=0.8))
        examples = worst_examples([*examples, *worst], _MOST_EXAMPLES)
    figures += [Figure(name=name, value=float(loss.mean()), high=0.5) for name, loss in losses.items()]
    groups: dict[str, dict[str, float | None]] = {
        group: {name: float(loss[members].mean()) for name, loss in losses.items()}
        for group, members in indices_by_group(sitting.photos).items()
    }
    return Outcome(figures=tuple(figures), groups=groups, examples=examples)


def line_16(sitting: Sitting) -> Outcome:
    """Median change of hue between a picture and its crop, its mirror image and a brighter one, at the same places."""
    scenes = scenes_of(sitting.few, sitting.clips())
    if not scenes:
        return not_tested("needs photographs or clips")
    if too_gray([mean_true_chroma([scene.view]) for scene in scenes]):
        return not_tested(_TOO_GRAY)
    first = _first_takes(sitting, scenes)
    figures, turns = [_chroma(first)], {}
    examples: tuple[Example, ...] = ()
    for name, take in _OTHER_TAKES.items():
        turns[name], worst = _turns_of_hue(sitting, scenes, first, name, take)
        figures.append(Figure(name=f"{name}: median change of hue in degrees", value=_median(turns[name]), high=10))
        examples = worst_examples([*examples, *worst], _MOST_EXAMPLES)
    groups = {
        group: {name: _median([changes[n] for n in members]) for name, changes in turns.items()}
        for group, members in indices_by_group(scenes).items()
    }
    return Outcome(figures=tuple(figures), groups=groups, examples=examples)


def _under_damage(sitting: Sitting, name: str, damage: _Damage, clean: Tensor) -> tuple[Tensor, tuple[Example, ...]]:
    """`_scores` of the photographs (photos, 2), and those that lose most against the PSNR of the clean ones (photos,).

    Nothing but the worst is kept: the colors of all photographs would take hundreds of megabytes.
    """
    damaged = (
        replace(photo.view, lightness=damage(photo.view.lightness, generator_of(sitting, photo.sha256)))
        for photo in sitting.photos
    )
    rows: list[Tensor] = []
    examples: tuple[Example, ...] = ()
    for photo, ab, before in zip(sitting.photos, color_all(sitting.colors, damaged), clean, strict=True):
        # In half precision, as the clean answers were kept.
        rows.append(_scores(photo.view, ab.half().float()))
        shown = _example(photo.name, photo.view, f"colors found under {name}", ab, float(before - rows[-1][0]))
        examples = worst_examples([*examples, shown], _MOST_EXAMPLES)
    return torch.stack(rows), examples


def _scores(view: View, ab: Tensor) -> Tensor:
    """(2,) PSNR in dB and colorfulness of an answer on the clean lightness."""
    assert view.ab is not None
    rgb, truth = (lab_to_rgb(view.lightness[None], planes[None]) for planes in (ab, view.ab))
    return torch.cat([psnr(rgb, truth), colorfulness(rgb)])


def _first_takes(sitting: Sitting, scenes: Sequence[Scene]) -> list[Tensor]:
    if sitting.photos:
        return [sitting.answer(sitting.photos.index(photo)) for photo in sitting.few]
    return list(color_all(sitting.colors, (scene.view for scene in scenes)))


def _turns_of_hue(
    sitting: Sitting, scenes: Sequence[Scene], first: Sequence[Tensor], name: str, take: _Take
) -> tuple[list[Tensor], tuple[Example, ...]]:
    """`_hue_changes` of each scene, and the scenes that change most, in the colors of both takes."""
    views = [_retaken(scene.view, take) for scene in scenes]
    changes: list[Tensor] = []
    examples: tuple[Example, ...] = ()
    for scene, view, ab, after in zip(scenes, views, first, color_all(sitting.colors, views), strict=True):
        before = take.frame(ab)
        changes.append(_hue_changes(before, after))
        if len(changes[-1]) >= _LEAST_SHARE * before[0].numel():
            badness = float(changes[-1].median())
            shown = (("colors of the first take", before), ("its own colors", after))
            pair = [_example(scene.name, view, f"{name}: {what}", colors, badness) for what, colors in shown]
            examples = worst_examples([*examples, *pair], _MOST_EXAMPLES)
    return changes, examples


def _compressed(lightness: Tensor, generator: torch.Generator) -> Tensor:
    gray = (lightness_to_gray(lightness[0]) * 255).round().clamp(0, 255).numpy().astype(np.uint8)
    _, coded = cv2.imencode(".jpg", gray, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    decoded = cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE)
    return gray_to_lightness(torch.from_numpy(np.asarray(decoded, np.float32) / 255))[None]


def _grainy(lightness: Tensor, generator: torch.Generator) -> Tensor:
    return (lightness + torch.randn(lightness.shape, generator=generator) * _GRAIN_SD).clamp(0, 100)


def _blurred(lightness: Tensor, generator: torch.Generator) -> Tensor:
    return torch.from_numpy(cv2.GaussianBlur(lightness[0].numpy(), (0, 0), _BLUR_SIGMA))[None]


_DAMAGES: dict[str, _Damage] = {
    f"JPEG {_JPEG_QUALITY}": _compressed,
    f"grain of {_GRAIN_SD:g} L*": _grainy,
    f"blur of {_BLUR_SIGMA} pixels": _blurred,
}


def _same(planes: Tensor) -> Tensor:
    return planes


def _cropped(planes: Tensor) -> Tensor:
    rows, columns = (round(_CROP * side) for side in planes.shape[1:])
    return planes[:, rows : planes.shape[1] - rows, columns : planes.shape[2] - columns].contiguous()


def _mirrored(planes: Tensor) -> Tensor:
    return planes.flip(2)


def _brightened(lightness: Tensor) -> Tensor:
    return gray_to_lightness(lightness_to_gray(lightness).clamp(0, 1) ** _GAMMA)


_OTHER_TAKES = {
    f"cropped by {_CROP:.0%}": _Take(frame=_cropped, tone=_same),
    "mirrored": _Take(frame=_mirrored, tone=_same),
    f"gamma {_GAMMA}": _Take(frame=_same, tone=_brightened),
}


def _retaken(view: View, take: _Take) -> View:
    ab = None if view.ab is None else take.frame(view.ab)
    return replace(view, lightness=take.tone(take.frame(view.lightness)), ab=ab)


def _hue_changes(before: Tensor, after: Tensor) -> Tensor:
    """Degrees, 0..180, at the pixels that had a hue before."""
    counts = chroma(before) >= _LEAST_CHROMA
    (a, b), (a_after, b_after) = before[:, counts], after[:, counts]
    turn = torch.atan2(a * b_after - b * a_after, a * a_after + b * b_after).abs().rad2deg()
    return torch.where(torch.hypot(a_after, b_after) < _NO_HUE, 180.0, turn)


def _median(changes: Sequence[Tensor]) -> float | None:
    """Over all pixels of all pictures; None where none had a hue."""
    pooled = torch.cat(list(changes))
    return float(pooled.median()) if len(pooled) else None


def _chroma(answers: Iterable[Tensor]) -> Figure:
    return Figure(name="mean chroma", value=mean_chroma(answers), low=LEAST_MEAN_CHROMA)


def _example(name: str, view: View, what: str, ab: Tensor, badness: float) -> Example:
    return Example(name=f"{name}, {what}", badness=badness, lightness=view.lightness, ab=ab, truth=view.ab)
