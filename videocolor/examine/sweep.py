"""A few pictures at many sizes of the network: found once for the lines that ask what the size does."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from videocolor.examine.scenes import Scene, color_all
from videocolor.examine.views import View

SWEPT_SIDES = tuple(range(128, 512 + 1, 32))
"""Sides in pixels of a square network input."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sweep:
    """Answers at every size that the network can tell from the others."""

    scenes: tuple[Scene, ...]
    answers: dict[int, tuple[Tensor, ...]]
    """For each side in ascending order one (2, H, W) float16 for each scene, at the scene's size. Half precision keeps
    24 pictures of 256 pixels at 13 sizes in 80 MB."""


def sweep_sizes(color: Callable[[Sequence[View], int | None], Tensor], scenes: tuple[Scene, ...]) -> Sweep:
    """Color all scenes at `SWEPT_SIDES`.

    A size below a network's smallest, or one that its multiples round to the size before, gives the colors of the
    size before; it counts once.

    Args:
        color: Views of one size, and the side, to (N, 2, H, W).
        scenes: The pictures.
    """
    views = [scene.view for scene in scenes]
    answers: dict[int, tuple[Tensor, ...]] = {}
    last: tuple[Tensor, ...] | None = None
    for side in SWEPT_SIDES:
        found = tuple(ab.half() for ab in color_all(color, views, side))
        if last is None or not all(map(torch.equal, found, last)):
            answers[side] = last = found
    return Sweep(scenes=scenes, answers=answers)
