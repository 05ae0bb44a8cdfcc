"""Batches as a pure function of (store, split, seed, step): resuming needs no random state of a loader."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from training.data.pictures import PictureStore
from training.engine.parallel import Worker


@dataclass(frozen=True, slots=True, kw_only=True)
class CropRule:
    """Which part of a picture becomes a training crop."""

    side: int
    """Side of the square crop in pixels, after resizing."""
    area: tuple[float, float]
    """Smallest and largest share of the picture's area."""
    aspect: tuple[float, float]
    """Smallest and largest width / height, before it is stretched to a square."""


@dataclass(frozen=True, slots=True, eq=False)
class PictureBatch:
    """Crops of photographs."""

    rgb: Tensor
    """(N, 3, side, side) float32, R'G'B' in 0..1."""
    lightness: Tensor
    """(N, 1, side, side) float32, L* in 0..100."""
    ab: Tensor
    """(N, 2, side, side) float32, natural Lab units."""


def batch_indices(members: list[int], *, seed: int, step: int, size: int) -> list[int]:
    """Which pictures step number `step` sees: every epoch in a new order, the last partial batch dropped."""
    if len(members) < size:
        raise ValueError(f"{len(members)} pictures make no batch of {size}")
    per_epoch = len(members) // size
    epoch, place = divmod(step, per_epoch)
    order = np.random.default_rng([seed, epoch]).permutation(len(members))
    return [members[int(n)] for n in order[place * size : (place + 1) * size]]


def random_crop(picture: npt.NDArray[np.uint8], rule: CropRule, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """A random part of `picture`, area-averaged to (side, side, 3), mirrored half the time."""
    height, width = picture.shape[:2]
    area = height * width * rng.uniform(*rule.area)
    aspect = float(np.exp(rng.uniform(*np.log(rule.aspect))))
    crop_height = min(height, max(1, round((area / aspect) ** 0.5)))
    crop_width = min(width, max(1, round((area * aspect) ** 0.5)))
    top = int(rng.integers(height - crop_height + 1))
    left = int(rng.integers(width - crop_width + 1))
    part = picture[top : top + crop_height, left : left + crop_width]
    crop = _resize(part, rule.side)
    return crop[:, ::-1] if rng.random() < 0.5 else crop


def center_square(picture: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.uint8]:
    """The largest square in the middle, area-averaged to (side, side, 3)."""
    height, width = picture.shape[:2]
    edge = min(height, width)
    top, left = (height - edge) // 2, (width - edge) // 2
    return _resize(picture[top : top + edge, left : left + edge], side)


def to_batch(crops: list[npt.NDArray[np.uint8]]) -> PictureBatch:
    """Stack (side, side, 3) uint8 RGB crops and convert them to Lab."""
    rgb = np.stack(crops).astype(np.float32) / 255
    # OpenCV's float Lab wants RGB in 0..1; it is several times faster than torch's powers.
    lab = np.stack([cv2.cvtColor(crop, cv2.COLOR_RGB2Lab) for crop in rgb])
    planes = torch.from_numpy(lab).permute(0, 3, 1, 2)
    return PictureBatch(
        rgb=torch.from_numpy(rgb).permute(0, 3, 1, 2).contiguous(),
        lightness=planes[:, :1].contiguous(),
        ab=planes[:, 1:].contiguous(),
    )


def resized(batch: PictureBatch, side: int) -> PictureBatch:
    """The same crops at another side, each plane apart, as films are resized: averaged if smaller, else bilinear."""
    if side == batch.rgb.shape[-1]:
        return batch
    planes = (batch.rgb, batch.lightness, batch.ab)
    if side < batch.rgb.shape[-1]:
        rgb, lightness, ab = (F.interpolate(plane, (side, side), mode="area") for plane in planes)
    else:
        rgb, lightness, ab = (F.interpolate(plane, (side, side), mode="bilinear") for plane in planes)
    return PictureBatch(rgb=rgb, lightness=lightness, ab=ab)


def center_batches(store: PictureStore, members: list[int], *, side: int, size: int) -> Iterator[PictureBatch]:
    """Center squares of pictures, `size` at a time, in their order; the last batch may be smaller."""
    for start in range(0, len(members), size):
        yield to_batch([center_square(store.picture(index), side) for index in members[start : start + size]])


def training_batch(
    store: PictureStore,
    members: list[int],
    rule: CropRule,
    *,
    seed: int,
    step: int,
    size: int,
    worker: Worker = Worker(),  # noqa: B008 (frozen)
) -> PictureBatch:
    """The undegraded crops of one training step, or one process's share of them.

    Raises:
        SettingsError: The processes cannot share `size` evenly.
    """
    rng = np.random.default_rng([seed, step, 1, worker.rank] if worker.rank else [seed, step, 1])
    indices = batch_indices(members, seed=seed, step=step, size=size)[worker.share_of(size)]
    return to_batch([random_crop(store.picture(index), rule, rng) for index in indices])


def _resize(part: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.uint8]:
    # Area averaging is for shrinking only; enlarging with it gives blocks.
    shrinks = min(part.shape[:2]) >= side
    resized = cv2.resize(part, (side, side), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return np.asarray(resized, dtype=np.uint8)
