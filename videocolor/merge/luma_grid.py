"""Luma at the chroma grid: its mean where a chroma sample lies, and its extremes under it. Integers in, no torch."""

from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from videocolor.core.frames import Plane

Floats = npt.NDArray[np.float32]


def luma_at_chroma(y: Plane, steps: tuple[int, int], siting: str) -> Floats:
    """Mean luma at every chroma sample.

    Args:
        y: (H, W) uint8 or uint16 code values.
        steps: Luma rows and columns per chroma sample.
        siting: "left", "topleft" or "center"; a co-sited sample takes the triangle [1 2 1] of its neighbors.

    Returns:
        (ceil(H / rows), ceil(W / columns)) float32, code values.
    """
    rows, columns = steps
    luma = y.astype(np.float32)
    if columns > 1:
        luma = _reduce(luma, columns, cosited=siting != "center")
    if rows > 1:
        luma = _reduce(np.ascontiguousarray(luma.T), rows, cosited=siting == "topleft").T
    return np.ascontiguousarray(luma)


def _reduce(luma: Floats, step: int, *, cosited: bool) -> Floats:
    """Reduce the width by `step`: the box of a sample's own pixels, or a triangle around its first one."""
    if cosited:
        # Triangle of half-width `step`: [1 2 1] / 4 for a step of 2.
        kernel = np.concatenate([np.arange(1, step + 1), np.arange(step - 1, 0, -1)]).astype(np.float32)
        taps = (kernel / kernel.sum())[None]
        blurred = cv2.filter2D(luma, -1, taps, borderType=cv2.BORDER_REPLICATE)
        return np.asarray(blurred[:, ::step], dtype=np.float32)
    missing = -luma.shape[1] % step
    if missing:
        luma = np.pad(luma, ((0, 0), (0, missing)), mode="edge")
    shares = [luma[:, offset::step] for offset in range(step)]
    return np.asarray(sum(shares[1:], shares[0]) / np.float32(step), dtype=np.float32)


def luma_extremes(y: Plane, steps: tuple[int, int]) -> tuple[Plane, Plane]:
    """Smallest and largest luma code among the pixels that share each chroma sample.

    Returns:
        Two planes of the chroma grid's size, in y's type.
    """
    rows, columns = steps
    if rows == columns == 1:
        return y, y
    kernel = np.ones((rows, columns), np.uint8)
    low = cv2.erode(y, kernel, anchor=(0, 0))[::rows, ::columns]
    high = cv2.dilate(y, kernel, anchor=(0, 0))[::rows, ::columns]
    return cast(Plane, low), cast(Plane, high)
