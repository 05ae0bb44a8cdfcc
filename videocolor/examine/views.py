"""What an examination shows to a colorizer, and what it knows of the true colors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from videocolor.color.lab import rgb_to_lab

T = TypeVar("T")
Rgb = npt.NDArray[np.uint8]
"""(H, W, 3) sRGB, 0..255."""
Box = tuple[float, float, float, float]
"""Left, top, right and bottom as shares of a picture's width and height."""

GROUPS = ("people", "streets and buildings", "interiors", "nature", "animals", "food and objects")
"""Groups of pictures whose figures are told apart."""
LEAST_OF_A_GROUP = 30
"""With fewer pictures a group's figures are for information only."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class View:
    """One gray picture as a colorizer sees it. Lines change it (crop, expose, add grain) and its truth with it."""

    lightness: Tensor
    """(1, H, W) float32, L* in 0..100."""
    ab: Tensor | None
    """(2, H, W) float32, the true colors in natural Lab units; None where nobody knows them. Colorizers under
    examination never see this; the oracle of the tests answers it."""
    is_still: bool = True
    """A photograph; False: a frame of a clip. Some models have a size for each."""

    @classmethod
    def of_rgb(cls, rgb: Rgb) -> "View":
        """A photograph: L* is what a colorizer gets, its ab the truth."""
        unit = torch.from_numpy(rgb.astype(np.float32) / 255).permute(2, 0, 1)[None]
        lightness, ab = rgb_to_lab(unit)
        return cls(lightness=lightness[0], ab=ab[0])

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.lightness.shape[1], self.lightness.shape[2]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Photo:
    """A color photograph with what is known about it."""

    name: str
    """Of the file."""
    sha256: str
    """Of the file: marks such as skin boxes are found by it."""
    rgb: Rgb
    """The center square of the picture, reduced by area averaging to `Material.side` pixels."""
    group: str | None = None
    """One of `GROUPS`, or None where nobody said."""
    source: str | None = None
    """Where it comes from, to tell pictures of known sources from others."""
    window: Box = (0.0, 0.0, 1.0, 1.0)
    """Which part of the file's picture `rgb` shows."""

    @property
    def view(self) -> View:
        """As a colorizer sees it."""
        return View.of_rgb(self.rgb)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Clip:
    """Some frames of one shot."""

    name: str
    views: tuple[View, ...]
    """At most `Material.clip_frames` of them in a row, L* of the luma, at most `Material.clip_width` wide."""

    @property
    def has_truth(self) -> bool:
        """Whether the film is in color."""
        return all(view.ab is not None for view in self.views)


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """All that a colorizer is examined on. Clips come from a function, because their frames need much memory."""

    photos: tuple[Photo, ...] = ()
    clips: tuple[Callable[[], Clip], ...] = field(default=())
    side: int = 256
    """Of the photographs, in pixels."""


class Grouped(Protocol):
    """A photograph, or what was found out about one."""

    @property
    def group(self) -> str | None:
        """See `Photo.group`."""
        ...


def indices_by_group(pictures: Sequence[Grouped]) -> dict[str, list[int]]:
    """Numbers of the pictures of each group that occurs, in the order of `GROUPS`."""
    members = {name: [index for index, item in enumerate(pictures) if item.group == name] for name in GROUPS}
    return {name: indices for name, indices in members.items() if indices}


def evenly_spread(items: Sequence[T], most: int) -> list[T]:
    """At most so many of some items, in order, each from the middle of an equal share of all."""
    count = min(most, len(items))
    return [items[(2 * number + 1) * len(items) // (2 * count)] for number in range(count)]
