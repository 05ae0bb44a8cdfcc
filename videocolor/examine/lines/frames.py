"""Frames in a row, for the lines that look at time: a still picture under fresh grain, and the answers to a shot."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np
import torch
from torch import Tensor

from videocolor.color.codec import AB_LIMIT
from videocolor.examine.colors import LEAST_MEAN_CHROMA, mean_chroma
from videocolor.examine.scenes import Scene, scenes_of
from videocolor.examine.sitting import Sitting
from videocolor.examine.steady import smoothed
from videocolor.examine.subject import Subject, full_size
from videocolor.examine.views import Clip, View, evenly_spread
from videocolor.pipeline.batches import resize

GRAIN = 2.0
"""Standard deviation of made grain in L*, in what the network gets."""
GRAIN_FRAMES = 24
LEAST_STILLS = 8
"""Photographs that are held still even where the network sees large pictures; each takes `GRAIN_FRAMES` runs."""
_STILL_PIXELS = 24 << 16


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ShotAnswers:
    """The colors of a shot's frames at the size of its views, within -110..110."""

    alone: Tensor
    """(N, 2, H, W) float32."""
    smoothed: Tensor
    """The same through the sitting's smoothing."""


def stills(sitting: Sitting) -> list[Scene]:
    """Pictures to hold still, shown as frames of a film: some photographs, or without any the clips' middle frames.

    Pictures differ much in how unsteady they are: of 24, the means over eight of them reached from .9 to 1.7. So there
    are as many as costly lines take, unless the network sees large pictures.
    """
    if not sitting.photos:
        return list(scenes_of((), sitting.clips()))
    few = [replace(scene, view=replace(scene.view, is_still=False)) for scene in scenes_of(sitting.few, ())]
    height, width = sitting.subject.seen_size(few[0].view)
    count = max(LEAST_STILLS, _STILL_PIXELS // (height * width))
    return evenly_spread(few, count)


def grainy(view: View, subject: Subject, generator: torch.Generator) -> list[View]:
    """A still picture at the size that the network gets, each frame with grain of its own.

    At the picture's own size grain would be averaged away before the network sees it, more for one model than for
    another.

    Args:
        view: The picture.
        subject: Who will see it.
        generator: Draws the grain.

    Returns:
        `GRAIN_FRAMES` views with the truth of the picture.
    """
    small = resized(view, subject.seen_size(view))
    noise = torch.randn(GRAIN_FRAMES, *small.lightness.shape, generator=generator) * GRAIN
    return [replace(small, lightness=lightness) for lightness in (small.lightness + noise).clamp(0, 100)]


def resized(view: View, size: tuple[int, int]) -> View:
    """A view at another size, by area averages where it shrinks, as the pipeline feeds networks."""
    if size == view.size:
        return view
    planes = view.lightness if view.ab is None else torch.cat([view.lightness, view.ab])
    source = np.ascontiguousarray(planes.permute(1, 2, 0).numpy())
    target = resize(source, size).reshape(*size, -1)
    made = torch.from_numpy(np.ascontiguousarray(target, np.float32)).permute(2, 0, 1)
    return replace(view, lightness=made[:1].clamp(0, 100), ab=None if view.ab is None else made[1:])


def shot_answers(views: Sequence[View], sitting: Sitting) -> ShotAnswers:
    """Color the frames of one shot, alone and steadied."""
    return _steadied(views, sitting.small_answers(views), sitting)


def clip_answers(sitting: Sitting) -> Iterator[tuple[Clip, ShotAnswers]]:
    """The same for every clip, one at a time; a subject that is slow has to answer only once."""
    for clip, small in sitting.clip_answers():
        yield clip, _steadied(clip.views, small, sitting)


def _steadied(views: Sequence[View], small: Tensor, sitting: Sitting) -> ShotAnswers:
    settings = sitting.settings
    return ShotAnswers(
        alone=full_size(small, views[0]).clamp_(-AB_LIMIT, AB_LIMIT),
        smoothed=smoothed(views, small, smoothing=settings.smoothing, strength=settings.smoothing_strength),
    )


def temporal_deviation(ab: Tensor) -> Tensor:
    """(N, 2, H, W) colors of a picture that stands still to (H, W): the root of var a + var b over the frames."""
    return ab.var(dim=0).sum(dim=0).sqrt()


def mean_true_chroma(views: Sequence[View]) -> float | None:
    """Of all pixels; None where the colors are not known."""
    known = [view.ab for view in views if view.ab is not None]
    return mean_chroma(known) if len(known) == len(views) else None


def too_gray(true_chroma: Sequence[float | None]) -> bool:
    """Whether even the truth would fail a demand for chroma: all its pictures' means are known, and theirs too low."""
    known = [value for value in true_chroma if value is not None]
    return len(known) == len(true_chroma) > 0 and fmean(known) < LEAST_MEAN_CHROMA


def generator_of(sitting: Sitting, key: str) -> torch.Generator:
    """A fresh one for one picture, so that what is drawn depends neither on other pictures nor on their order.

    Args:
        sitting: Whose seed counts.
        key: See `Scene.key`.
    """
    digest = hashlib.sha256(f"{sitting.settings.seed}:{key}".encode("utf-8", "surrogateescape")).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)
