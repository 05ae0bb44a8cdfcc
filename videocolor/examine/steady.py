"""A shot's answers through the default smoothing, in memory: what a film would get without being coded."""

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from videocolor.color.codec import AB_LIMIT
from videocolor.color.lab import lightness_to_gray
from videocolor.core.frames import ColoredFrame, Frame, MovingFrame
from videocolor.core.media import PixelLayout
from videocolor.examine.subject import full_size
from videocolor.examine.views import View
from videocolor.settings import Strength
from videocolor.temporal.filters import load_filter
from videocolor.temporal.motion import with_motion, work_size

_LAYOUT = PixelLayout(
    name="gray",
    bit_depth=8,
    chroma="400",
    full_range=True,
    matrix="bt709",
    primaries="bt709",
    transfer="sdr",
    siting="center",
)


def gray_frame(view: View, pts: int) -> Frame:
    """A view as a decoded frame: luma only."""
    luma = (lightness_to_gray(view.lightness[0]) * 255).round().clamp(0, 255)
    return Frame(pts=pts, duration=1, y=luma.numpy().astype(np.uint8), u=None, v=None, alpha=None, layout=_LAYOUT)


def smoothed(views: Sequence[View], ab: Tensor, *, smoothing: str, strength: Strength = "normal") -> Tensor:
    """Steady the colors of one shot.

    Args:
        views: The shot's frames in order.
        ab: (N, 2, h, w) float32, the subject's answers to them, of any size.
        smoothing: Name of the temporal filter.
        strength: Its strength.

    Returns:
        (N, 2, H, W) float32 at the size of the views, within -110..110.
    """
    keep = load_filter(smoothing, strength)
    frames = [gray_frame(view, number) for number, view in enumerate(views)]
    moving: Iterable[MovingFrame] = (MovingFrame(frame=frame, motion=None) for frame in frames)
    if keep.needs_motion:
        moving = with_motion(frames, work_size(*views[0].size))
    colored = (
        ColoredFrame(frame=item.frame, lightness=view.lightness, ab=answer, motion=item.motion)
        for item, view, answer in zip(moving, views, ab, strict=True)
    )
    return torch.stack([_whole(item, view) for item, view in zip(keep(colored), views, strict=True)])


def _whole(colored: ColoredFrame, view: View) -> Tensor:
    """The colors as `merge` puts them together: each part enlarged for itself."""
    ab = full_size(colored.ab[None], view)[0]
    if colored.correction is not None:
        ab = ab + full_size(colored.correction[None], view)[0]
    return ab.clamp(-AB_LIMIT, AB_LIMIT)
