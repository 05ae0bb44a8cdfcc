"""Who is examined: any colorizer behind one small contract, so that made ones with known faults can sit, too."""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from videocolor.color.resample import enlarge
from videocolor.core.frames import LumaBatch, ShotContext
from videocolor.core.shots import Shot
from videocolor.device import default_batch_size
from videocolor.examine.views import View
from videocolor.models.adapter import DeviceColorizer
from videocolor.pipeline.batches import network_side, picture_network_size, resize
from videocolor.pipeline.job import shot_seed


class Subject(Protocol):
    """A colorizer under examination."""

    name: str

    def answer(self, views: Sequence[View], side: int | None = None) -> Tensor:
        """Color pictures of one size, each for itself.

        Args:
            views: The pictures; only their lightness may be looked at.
            side: Side in pixels of a square network input of the wanted area; None: the model's default.

        Returns:
            (N, 2, h, w) float32 ab on the CPU at the network's own output size.
        """
        ...

    def seen_size(self, view: View) -> tuple[int, int]:
        """Height and width at which the network gets a picture by default; of two blended models the finer one's."""
        ...

    def largest_ab(self, views: Sequence[View], side: int | None = None) -> float | None:
        """The largest |a*| or |b*| before any clamp; None: the answers are bounded by construction."""
        ...


class ModelSubject:
    """A model of the registry, fed as the pipeline feeds it."""

    def __init__(self, colorizer: DeviceColorizer, *, render_factor: int | None = None, seed: int = 0) -> None:
        """Examine `colorizer` at a render factor; None takes the card's default for stills and for films.

        Raises:
            SettingsError: The factor is below what a network takes.
        """
        for member in colorizer.members:
            network_side(member.card, render_factor, is_still=True)
        self.name = colorizer.card.name
        self._colorizer = colorizer
        self._render_factor = render_factor
        self._seed = seed

    def answer(self, views: Sequence[View], side: int | None = None) -> Tensor:
        sizes = self._sizes(views[0], side)
        count = default_batch_size(self._colorizer.compute.device, max(h * w for h, w in sizes))
        parts = (self._batch(views[start : start + count], sizes) for start in range(0, len(views), count))
        return torch.cat([self._colorizer.predict(part).ab.float().cpu() for part in parts])

    def seen_size(self, view: View) -> tuple[int, int]:
        return max(self._sizes(view, None), key=lambda size: size[0] * size[1])

    def largest_ab(self, views: Sequence[View], side: int | None = None) -> float | None:
        return self._colorizer.largest_ab(self._batch(views, self._sizes(views[0], side)))

    def _sizes(self, view: View, side: int | None) -> list[tuple[int, int]]:
        """Of the lightness for each member."""
        sizes = []
        for member in self._colorizer.members:
            wanted = side or network_side(member.card, self._render_factor, is_still=view.is_still)
            sizes.append(picture_network_size(*view.size, member.card, wanted))
        return sizes

    def _batch(self, views: Sequence[View], sizes: Sequence[tuple[int, int]]) -> LumaBatch:
        lightness, *further = (
            torch.stack([_reduced(view.lightness, size) for view in views]).to(self._colorizer.compute.device)
            for size in sizes
        )
        shot = Shot(index=0, start_pts=0, end_pts=len(views), frame_count=len(views), cause="start")
        context = ShotContext(shot=shot, seed=shot_seed(self._seed, 0))
        return LumaBatch(lightness=lightness, pts=tuple(range(len(views))), context=context, further=tuple(further))


def full_size(ab: Tensor, view: View) -> Tensor:
    """Answers at the size of a view, enlarged as the pipeline does by default.

    Args:
        ab: (N, 2, h, w) float32.
        view: One of the pictures.

    Returns:
        (N, 2, H, W) float32.
    """
    return enlarge(ab, view.size, (1, 1), "center")


def _reduced(lightness: Tensor, size: tuple[int, int]) -> Tensor:
    """(1, H, W) to (1, h, w), as the pipeline reduces frames."""
    return torch.from_numpy(resize(lightness[0].numpy(), size).clip(0, 100))[None]
