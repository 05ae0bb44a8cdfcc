"""Contact sheets: gray, result and truth. The photographs are not free, so sheets stay out of the repository."""

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from training.data.batches import center_square, to_batch
from training.data.pictures import PictureStore
from training.evaluate import RIM
from training.networks import predict_ab
from videocolor.color.lab import lab_to_rgb
from videocolor.models.compact import CompactNetwork


def write_sheet(
    path: Path, network: CompactNetwork, store: PictureStore, members: list[int], *, side: int, columns: int
) -> None:
    """Write a PNG with `columns` triples (gray | result | truth) in each row.

    Args:
        path: The PNG.
        network: In evaluation mode.
        store: The photographs.
        members: Their numbers, in the order of the sheet.
        side: Side of each square in pixels.
        columns: Triples per row.
    """
    tiles = [_triple(network, store.picture(index), side) for index in members]
    while len(tiles) % columns:
        tiles.append(np.zeros_like(tiles[0]))
    rows = [np.concatenate(tiles[start : start + columns], axis=1) for start in range(0, len(tiles), columns)]
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), cv2.cvtColor(np.concatenate(rows), cv2.COLOR_RGB2BGR))


def _triple(network: CompactNetwork, picture: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.uint8]:
    batch = to_batch([center_square(picture, side)])
    with torch.inference_mode():
        ab = predict_ab(network, batch.lightness, rim=RIM)
        result = lab_to_rgb(batch.lightness, ab)
        gray = lab_to_rgb(batch.lightness, torch.zeros_like(ab))
    triple = np.concatenate([_to_bytes(image) for image in (gray, result, batch.rgb)], axis=1)
    triple[:, -2:] = 255
    return triple


def _to_bytes(rgb: Tensor) -> npt.NDArray[np.uint8]:
    return (rgb[0].permute(1, 2, 0) * 255).round().byte().numpy()
