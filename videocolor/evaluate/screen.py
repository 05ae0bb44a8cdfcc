"""A decoded frame as a screen shows it: 8-bit sRGB of any source, small where asked; and what its gamut cut off."""

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt
import torch

from videocolor.color.lab import rgb_to_xyz_matrix, xyz_to_rgb_matrix
from videocolor.color.transfer import linear_to_srgb, to_linear
from videocolor.color.yuv import code_range, luma_weights
from videocolor.core.frames import Frame, Plane
from videocolor.core.media import PixelLayout
from videocolor.evaluate.lab import Rgb
from videocolor.media.planes import chroma_steps

_Floats = npt.NDArray[np.float32]

# Luma where a color has no room for chroma anyway, in Y'.
_NEAR_BLACK, _NEAR_WHITE = 0.05, 0.95
# Cb or Cr from which a sample counts as colored, and the rounding of 8-bit chroma as seen in R'G'B'.
_COLORED, _ROUNDING = 2 / 255, 1.5 / 255
_SURVEYED_COLUMNS = 240


def bounded_size(height: int, width: int, widest: int) -> tuple[int, int]:
    """Height and width of a picture that is made at most `widest` pixels wide, its proportions kept."""
    if width <= widest:
        return height, width
    return max(1, round(height * widest / width)), widest


def to_rgb(frame: Frame, size: tuple[int, int] | None = None) -> Rgb:
    """The frame in 8-bit sRGB.

    Reduced by area averages of Y', Cb and Cr, which is the average of R'G'B' itself. At full size chroma is
    interpolated bilinearly from where its samples lie. PQ is shown with 203 nits as white, BT.2020 is cut to sRGB.

    Args:
        frame: Any decoded frame.
        size: Height and width, no larger than the frame; None: the frame's.

    Returns:
        (H, W, 3) uint8.
    """
    layout = frame.layout
    height, width = size or frame.y.shape
    y = frame.y if (height, width) == frame.y.shape else _reduced(frame.y, (height, width))
    if frame.u is None or frame.v is None:
        neutral = np.full((height, width), 1 << (layout.bit_depth - 1), y.dtype)
        planes = [y, neutral, neutral]
    else:
        planes = [y, *(_on_luma_grid(plane, frame, (height, width)) for plane in (frame.u, frame.v))]
    codes = cv2.merge([np.asarray(plane, np.float32) for plane in planes])
    coded = np.asarray(cv2.transform(codes, _to_rgb_matrix(layout)), np.float32)
    if layout.transfer != "sdr" or layout.primaries != "bt709":
        coded = _as_srgb(coded, layout)
    return np.rint(np.clip(coded, 0, 255)).astype(np.uint8)


def limited_share(frame: Frame) -> float:
    """Share of chroma samples whose color lies at the border of R'G'B' or beyond it: more of it could not be shown.

    A sample counts by the darkest and the brightest luma that share it. Near black and white no color has room, so
    samples with luma there, and neutral ones, do not count. Large frames are surveyed on a grid.

    Returns:
        0..1; 0 for gray formats, and for films of one row or column, where no chroma sample has all of its luma.
    """
    if frame.u is None or frame.v is None:
        return 0.0
    layout = frame.layout
    rows, columns = chroma_steps(layout.chroma)
    every = -(-frame.u.shape[1] // _SURVEYED_COLUMNS)
    shares = [
        frame.y[row :: every * rows, column :: every * columns] for row in range(rows) for column in range(columns)
    ]
    # The last row and column of an odd picture have chroma for luma that is not there.
    height, width = (min(share.shape[axis] for share in shares) for axis in (0, 1))
    if not height * width:
        return 0.0
    black, span, chroma_span = code_range(layout.bit_depth, layout.full_range)
    stack = np.stack([share[:height, :width] for share in shares]).astype(np.float32)
    low, high = ((edge - black) / span for edge in (stack.min(axis=0), stack.max(axis=0)))
    middle = 1 << (layout.bit_depth - 1)
    cb, cr = (
        (plane[::every, ::every][:height, :width].astype(np.float32) - middle) / chroma_span
        for plane in (frame.u, frame.v)
    )
    kr, kg, kb = luma_weights(layout.matrix)
    red, blue = 2 * (1 - kr) * cr, 2 * (1 - kb) * cb
    offsets = np.stack([red, -(kr * red + kb * blue) / kg, blue])
    room = np.minimum(1 - high - offsets.max(axis=0), low + offsets.min(axis=0))
    is_colored = np.maximum(np.abs(cb), np.abs(cr)) >= _COLORED
    is_limited = is_colored & (low > _NEAR_BLACK) & (high < _NEAR_WHITE) & (room <= _ROUNDING)
    return float(is_limited.mean())


def _reduced(plane: Plane, size: tuple[int, int]) -> Plane:
    return cv2.resize(plane, size[::-1], interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def _on_luma_grid(plane: Plane, frame: Frame, size: tuple[int, int]) -> Plane:
    """A chroma plane at the size of the luma."""
    if size != frame.y.shape:
        return _reduced(plane, size)
    if plane.shape == size:
        return plane
    rows, columns = chroma_steps(frame.layout.chroma)
    siting = frame.layout.siting
    # Where luma pixel 0 lies among the chroma samples: on the first one, or before it where they lie in between.
    across = 0.0 if siting != "center" else 0.5 / columns - 0.5
    down = 0.0 if siting == "topleft" else 0.5 / rows - 0.5
    grid = np.array([[1 / columns, 0, across], [0, 1 / rows, down]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    source = np.asarray(plane, np.float32)
    return cv2.warpAffine(source, grid, size[::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[return-value]


@lru_cache(maxsize=8)
def _to_rgb_matrix(layout: PixelLayout) -> npt.NDArray[np.float32]:
    """(3, 4): from code values of Y', Cb, Cr and 1 to R'G'B' in 0..255."""
    black, span, chroma_span = code_range(layout.bit_depth, layout.full_range)
    middle = 1 << (layout.bit_depth - 1)
    kr, kg, kb = luma_weights(layout.matrix)
    red, blue = 2 * (1 - kr), 2 * (1 - kb)
    mix = np.array([[1, 0, red], [1, -kb * blue / kg, -kr * red / kg], [1, blue, 0]])
    scaled = mix / [span, chroma_span, chroma_span]
    offset = -scaled @ [black, middle, middle]
    return (255 * np.column_stack([scaled, offset])).astype(np.float32)


def _as_srgb(coded: _Floats, layout: PixelLayout) -> _Floats:
    """From the film's own transfer and primaries to sRGB, both (H, W, 3) in 0..255."""
    with torch.inference_mode():
        linear = to_linear(torch.from_numpy(coded).double() / 255, layout.transfer)
        if layout.primaries != "bt709":
            linear = linear @ (xyz_to_rgb_matrix("bt709") @ rgb_to_xyz_matrix(layout.primaries)).T
        return (linear_to_srgb(linear) * 255).float().numpy()
