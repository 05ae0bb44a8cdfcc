"""How a frame of a shot moves against its neighbor: small gray, two vector fields and how far they can be trusted."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

FloatPlane = npt.NDArray[np.float32]
GrayPlane = npt.NDArray[np.uint8]

Size = tuple[int, int]
"""Height and width in pixels."""

FilterState = dict[str, npt.NDArray[Any]]
"""What a temporal filter knows after a frame: named arrays, so that it can be written to a file and taken up again."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Field:
    """A dense vector field from the grid of one frame to another frame."""

    vectors: FloatPlane
    """(h, w, 2) float32, columns then rows, in pixels of the work size: x + vectors[x] is the same scene point."""
    confidence: FloatPlane
    """(h, w) float32 in 0..1; 0 where the point leaves the frame."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Motion:
    """A frame's place in the motion of its shot, at work size, in the orientation of the stored planes."""

    gray: GrayPlane
    """(h, w) uint8, luma as optical flow sees it: mean 128, deviation 55."""
    to_previous: Field | None
    """On this frame's grid, pointing to the frame before; None for a shot's first frame."""
    from_previous: Field | None
    """On the grid of the frame before, pointing to this one; None for a shot's first frame."""
    is_flash: bool = False
    """A frame of a flash, whose own color counts for nothing; its fields are those of the frames around it."""

    @property
    def size(self) -> Size:
        """Height and width of the work size."""
        height, width = self.gray.shape
        return height, width

    def __repr__(self) -> str:
        return f"Motion({self.gray.shape[0]}x{self.gray.shape[1]}{', flash' if self.is_flash else ''})"
