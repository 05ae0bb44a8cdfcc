"""ColoredFrame -> MergedFrame: ab is enlarged once and becomes Cb and Cr under the untouched Y, inside the gamut."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from videocolor.color.lab import gray_to_lightness
from videocolor.color.resample import enlarge, guided_coefficients, joint_bilateral
from videocolor.color.yuv import ColorSpace, chroma_of_color, code_range, limit_to_gamut
from videocolor.core.frames import ColoredFrame, Frame, MergedFrame
from videocolor.core.media import Chroma, PixelLayout
from videocolor.merge.luma_grid import luma_at_chroma, luma_extremes
from videocolor.settings import Upsample

_BAND_SAMPLES = 4_000_000
# The joint bilateral disc looks two rows beyond, co-sited luma one more.
_HALO = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeSettings:
    """How chroma planes are made for one film."""

    source: PixelLayout
    chroma: Chroma
    """Sub-sampling of the result."""
    steps: tuple[int, int]
    """Luma rows and columns per chroma sample of the result."""
    bit_depth: int
    """Of the result."""
    siting: str
    """Of the result: the source's own where the sub-sampling stays."""
    upsample: Upsample = "bicubic"
    saturation: float = 1.0


def merge(frames: Iterable[ColoredFrame], settings: MergeSettings) -> Iterator[MergedFrame]:
    """Make the chroma planes of every frame, in order."""
    for colored in frames:
        yield merge_frame(colored, settings)


def merge_frame(colored: ColoredFrame, settings: MergeSettings) -> MergedFrame:
    """Make one frame's chroma planes; its Y plane is not touched, only read."""
    _, _, span = code_range(settings.bit_depth, settings.source.full_range)
    middle, peak = 1 << (settings.bit_depth - 1), (1 << settings.bit_depth) - 1
    dtype = np.uint8 if settings.bit_depth == 8 else np.uint16
    bands, limited = [], 0.0
    for band in chroma_bands(colored, settings):
        # torch has little arithmetic on uint16: int32 on the way.
        codes = (band.chroma * span + middle).round_().clamp_(0, peak).to(torch.int32)
        bands.append(codes.cpu().numpy().astype(dtype))
        limited += float((band.factor < 0.999).sum())
    planes = bands[0] if len(bands) == 1 else np.concatenate(bands, axis=1)
    return MergedFrame(
        frame=colored.frame,
        u=planes[0],
        v=planes[1],
        limited_share=limited / planes[0].size,
        is_inferred=colored.is_inferred,
        steadiness=colored.steadiness,
        state=colored.state,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChromaBand:
    """Rows of the chroma grid, in order."""

    chroma: Tensor
    """(2, rows, w) float32, Cb and Cr in -0.5..0.5 units, limited to the gamut."""
    factor: Tensor
    """(1, rows, w) float32, what the gamut left of the chroma, 0..1."""


def chroma_bands(colored: ColoredFrame, settings: MergeSettings) -> Iterator[ChromaBand]:
    """A frame's chroma in bands of rows: one for film, several for large stills, so that memory stays small."""
    y = colored.frame.y
    grid_height, grid_width = -(-y.shape[0] // settings.steps[0]), -(-y.shape[1] // settings.steps[1])
    height = max(1, _BAND_SAMPLES // grid_width)
    with torch.inference_mode():
        prepared = _prepare(colored, settings)
    for top in range(0, grid_height, height):
        # Not around the loop: inference mode would leak through the yield.
        with torch.inference_mode():
            band = _chroma_of_rows(colored, prepared, settings, top, min(grid_height, top + height))
        yield band


def _prepare(colored: ColoredFrame, settings: MergeSettings) -> Tensor:
    """The small planes that are enlarged: ab, or the guided filter's slopes and offsets."""
    ab = colored.ab[None]
    if settings.upsample != "guided":
        return ab
    guide = colored.lightness[None] / 100
    # The model's output grid may be coarser than the lightness it saw: the linear model is fitted on the latter.
    whole = enlarge(ab, (guide.shape[2], guide.shape[3]), (1, 1), "center")
    return torch.cat(guided_coefficients(whole, guide), dim=1)


def _chroma_of_rows(colored: ColoredFrame, small: Tensor, settings: MergeSettings, top: int, bottom: int) -> ChromaBand:
    y, source = colored.frame.y, settings.source

    first, last = max(0, top - _HALO), min(-(-y.shape[0] // settings.steps[0]), bottom + _HALO)
    rows = y[first * settings.steps[0] : last * settings.steps[0]]
    black, span, _ = code_range(source.bit_depth, source.full_range)

    def to_unit(plane: npt.NDArray[Any]) -> Tensor:
        luma = torch.from_numpy(np.ascontiguousarray(plane, dtype=np.float32)).to(small.device)
        return ((luma - black) / span).clamp_(0, 1)[None, None]

    luma = to_unit(luma_at_chroma(rows, settings.steps, settings.siting))
    ab = enlarge(small, (y.shape[0], y.shape[1]), settings.steps, settings.siting, slice(first, last))
    if settings.upsample == "guided":
        ab = ab[:, :2] * (gray_to_lightness(luma, source.transfer) / 100) + ab[:, 2:]
    if colored.correction is not None:
        # Enlarged for itself, as it has another size, and by the same rule as ab: both have one siting.
        change = colored.correction[None]
        ab = ab + enlarge(change, (y.shape[0], y.shape[1]), settings.steps, settings.siting, slice(first, last))
    if settings.upsample == "joint-bilateral":
        ab = joint_bilateral(ab, gray_to_lightness(luma, source.transfer))
    inner = slice(top - first, bottom - first)
    chroma = chroma_of_color(luma[:, :, inner], ab[:, :, inner] * settings.saturation, ColorSpace.of(source))
    low, high = luma_extremes(rows, settings.steps)
    limited, factor = limit_to_gamut(chroma, to_unit(low[inner]), to_unit(high[inner]), source.matrix)
    return ChromaBand(chroma=limited[0], factor=factor[0])


def has_source_grid(settings: MergeSettings) -> bool:
    """Whether the result's chroma grid is the source's, so that the source's own chroma fits; RGB was made 4:4:4."""
    source = "444" if settings.source.chroma == "rgb" else settings.source.chroma
    return settings.chroma == source


def source_chroma(frame: Frame, settings: MergeSettings) -> MergedFrame | None:
    """The frame with its own chroma, for shots that keep their color; None if source and result grids differ."""
    if frame.u is None or frame.v is None or not has_source_grid(settings):
        return None
    shift = settings.bit_depth - settings.source.bit_depth
    # Copies: the planes are views of the very frame that the encoder will write into.
    u, v = (np.left_shift(plane, shift, dtype=np.uint16) if shift else plane.copy() for plane in (frame.u, frame.v))
    return MergedFrame(frame=frame, u=u, v=v, limited_share=0.0, keeps_color=True)
