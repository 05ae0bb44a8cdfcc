"""Pictures that are made, with colors known everywhere: a textured disc, flat areas, woven cloth, black bars."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from torch import Tensor

from videocolor.examine.views import View

_ASPECT = 4 / 3
_DISC_RADIUS = 0.3
_DISC_AB = (40.0, 25.0)
_DISC_LIGHTNESS, _GROUND_LIGHTNESS = 45.0, 65.0
_TEXTURE_SD = 5.0
# Rows of the disc's texture: the same look at every height of the picture.
_TEXTURE_ROWS = 90

# Thicknesses in pixels, drawn for each thread: regular cloth would have a period of its own.
_THREADS = (3, 4, 5, 6, 7)
_WARP = (58.0, (18.0, 22.0))
_WEFT = (42.0, (-6.0, 14.0))
_DIP = 14.0
_FLAT_AB = (8.0, 12.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Disc:
    """A colored disc on gray ground."""

    view: View
    depth: Tensor
    """(H, W) float32, distance from the edge in pixels, positive inside."""
    color: Tensor
    """(2,) float32, ab of the disc; that of the ground is 0."""


def textured_disc(height: int, *, seed: int) -> Disc:
    """A frame of a film, 4:3: a disc of one color whose lightness varies, on a ground that varies as much.

    Args:
        height: Lines of the frame.
        seed: Of the texture, which looks the same at every height.
    """
    width = round(height * _ASPECT)
    rows, columns = np.mgrid[0:height, 0:width]
    away = np.hypot(rows - (height - 1) / 2, columns - (width - 1) / 2)
    depth = (_DISC_RADIUS * height - away).astype(np.float32)
    # The edge's pixels hold both, as those of a photograph.
    share = np.clip(depth + 0.5, 0, 1)
    coarse = np.random.default_rng(seed).normal(size=(_TEXTURE_ROWS, round(_TEXTURE_ROWS * _ASPECT)))
    texture = cv2.resize(coarse.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC) * _TEXTURE_SD
    lightness = _GROUND_LIGHTNESS + share * (_DISC_LIGHTNESS - _GROUND_LIGHTNESS) + texture
    color = torch.tensor(_DISC_AB)
    view = View(
        lightness=torch.from_numpy(lightness.clip(0, 100).astype(np.float32))[None],
        ab=torch.from_numpy(share.astype(np.float32)) * color[:, None, None],
        is_still=False,
    )
    return Disc(view=view, depth=torch.from_numpy(depth), color=color)


def flat(size: tuple[int, int], lightness: float) -> View:
    """One lightness and one color everywhere.

    Args:
        size: Height and width.
        lightness: L*.
    """
    ab = torch.tensor(_FLAT_AB)[:, None, None].expand(2, *size).clone()
    return View(lightness=torch.full((1, *size), lightness), ab=ab)


def woven(size: tuple[int, int], *, seed: int) -> View:
    """Cloth of threads of uneven thickness, which cross over and under each other in turn, in two colors.

    It is full of edges and has no period, so that a period in its colors is the colorizer's.

    Args:
        size: Height and width.
        seed: Of the threads' thicknesses.
    """
    generator = np.random.default_rng(seed)
    (row, across), (column, along) = (_threads(length, generator) for length in size)
    is_warp = (row[:, None] + column) % 2 == 0
    # A thread is round: dark at its sides.
    lit = np.where(is_warp, _WARP[0] - _DIP * along, _WEFT[0] - _DIP * across[:, None])
    colors = np.where(is_warp, np.reshape(_WARP[1], (2, 1, 1)), np.reshape(_WEFT[1], (2, 1, 1)))
    return View(
        lightness=torch.from_numpy(lit.astype(np.float32))[None], ab=torch.from_numpy(colors.astype(np.float32))
    )


def with_bars(view: View, share: float) -> View:
    """The same picture with pure black bars above and below.

    Args:
        view: The picture.
        share: Height of each bar over that of the picture.
    """
    rows = bar_rows(view, share)
    lightness = view.lightness.clone()
    lightness[:, :rows] = lightness[:, -rows:] = 0
    ab = None if view.ab is None else view.ab.clone()
    if ab is not None:
        ab[:, :rows] = ab[:, -rows:] = 0
    return replace(view, lightness=lightness, ab=ab)


def bar_rows(view: View, share: float) -> int:
    """Rows of each bar."""
    return max(1, round(share * view.size[0]))


def _threads(length: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """For each pixel the number of its thread, and its squared distance from the thread's middle, 0..1."""
    widths = generator.choice(_THREADS, size=length)
    widths = widths[: np.searchsorted(widths.cumsum(), length) + 1]
    number = np.repeat(np.arange(len(widths)), widths)[:length]
    start = np.repeat(widths.cumsum() - widths, widths)[:length]
    width = np.repeat(widths, widths)[:length]
    place = (np.arange(length) - start + 0.5) / width
    return number, (2 * place - 1) ** 2
