"""Frames and batches on their way from `decode` to `encode`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from videocolor.core.media import PixelLayout
from videocolor.core.motion import FilterState, Motion

if TYPE_CHECKING:
    from torch import Tensor

    from videocolor.core.shots import Shot

Plane = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frame:
    """One decoded frame. The planes are read-only views; Y reaches the encoder as these very bytes."""

    pts: int
    """In ticks of the video stream's time base."""
    duration: int
    """In the same ticks; 0 where the source does not say."""
    y: Plane
    """(H, W) uint8, or uint16 for more than 8 bits, in the layout's range."""
    u: Plane | None
    """Source Cb, (h, w), or None for gray."""
    v: Plane | None
    alpha: Plane | None
    """(H, W) of the source's depth, or None."""
    layout: PixelLayout
    keep: Any = None
    """The carrier that the encoder writes into (libav's frame with its side data); opaque outside `media/`."""

    def __repr__(self) -> str:
        return f"Frame(pts={self.pts}, {self.layout.name}, {self.y.shape[0]}x{self.y.shape[1]})"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ShotContext:
    """What a colorizer may know besides the frame itself; the same for every frame of a shot."""

    shot: "Shot"
    seed: int
    """A function of the run's seed and the shot's first pts; the only randomness a colorizer may use."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LumaBatch:
    """What a colorizer sees: lightness of N frames of one shot, at network size without padding."""

    lightness: "Tensor"
    """(N, 1, h, w) float32, L* in 0..100, on the device."""
    pts: tuple[int, ...]
    context: ShotContext
    further: "tuple[Tensor, ...]" = ()
    """The same frames at the sizes of further models, where several are merged; each (N, 1, h', w')."""

    def __post_init__(self) -> None:
        for lightness in (self.lightness, *self.further):
            if lightness.ndim != 4 or lightness.shape[:2] != (len(self.pts), 1):
                raise ValueError(f"lightness is {tuple(lightness.shape)}, expected ({len(self.pts)}, 1, h, w)")

    def __repr__(self) -> str:
        return f"LumaBatch({tuple(self.lightness.shape)}, pts {self.pts[0]}..{self.pts[-1]})"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChromaBatch:
    """What a colorizer answers, at the network's own output size."""

    ab: "Tensor"
    """(N, 2, h', w') float32, natural Lab units; covers the same picture area as the lightness."""
    confidence: "Tensor | None" = None
    """(N, 1, h', w') float32 in 0..1, or None where a model cannot tell."""

    def __post_init__(self) -> None:
        if self.ab.ndim != 4 or self.ab.shape[1] != 2:
            raise ValueError(f"ab is {tuple(self.ab.shape)}, expected (N, 2, h, w)")
        if self.confidence is not None and self.confidence.shape[0] != self.ab.shape[0]:
            raise ValueError("confidence and ab differ in their number of frames")

    def __repr__(self) -> str:
        return f"ChromaBatch({tuple(self.ab.shape)})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Steadiness:
    """What a temporal filter found out about one frame."""

    lonely_share: float
    """Share of pixels with nothing to average with (fewer than two observations), 0..1: color may flicker there."""
    correction: float
    """Mean distance in ab between what came in and what went out: how unsteady the colorizer was."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MovingFrame:
    """A frame and its motion, before it has color."""

    frame: Frame
    motion: Motion | None
    """None where nothing asks for it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ColoredFrame:
    """A frame and its color, which stays small until `merge` enlarges it once."""

    frame: Frame
    lightness: "Tensor"
    """(1, h, w) float32 L*, what the network saw."""
    ab: "Tensor"
    """(2, h', w') float32."""
    confidence: "Tensor | None" = None
    """(1, h'', w'') float32 in 0..1; above 1 where a person gave the color."""
    motion: Motion | None = None
    is_inferred: bool = True
    """False: the colors came from key frames along the motion, the network did not see this frame."""
    correction: "Tensor | None" = None
    """(2, h'', w'') float32, added to ab by `merge`: what a temporal filter changes, at its own size."""
    steadiness: Steadiness | None = None
    state: FilterState | None = None
    """The filter's state after this frame, where a run could go on from here."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MergedFrame:
    """A frame with its new chroma planes, ready for the encoder."""

    frame: Frame
    u: Plane
    """Cb, in the target's depth and sub-sampling."""
    v: Plane
    limited_share: float
    """Share of chroma samples that were pulled into the gamut, 0..1."""
    keeps_color: bool = False
    """True: the chroma is the source's own (--keep-color)."""
    is_inferred: bool = True
    """See `ColoredFrame`; also the next two."""
    steadiness: Steadiness | None = None
    state: FilterState | None = None
