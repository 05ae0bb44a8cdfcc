"""From frames to what a network sees, and back: small lightness in batches of one shot, small ab with each frame."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from videocolor.color.lab import gray_to_lightness
from videocolor.color.yuv import code_range
from videocolor.core.cards import ModelCard
from videocolor.core.frames import ColoredFrame, LumaBatch, MovingFrame, Plane, ShotContext
from videocolor.core.media import PixelLayout, VideoInfo
from videocolor.core.motion import Size
from videocolor.core.protocols import Colorizer
from videocolor.errors import SettingsError
from videocolor.models.adapter import DeviceColorizer


def network_sizes(
    video: VideoInfo, colorizer: DeviceColorizer, render_factor: int | None, *, is_still: bool = False
) -> tuple[Size, ...]:
    """`network_size` for every member of a colorizer: one, or two where models are merged.

    Raises:
        SettingsError: The factor is below what a network takes.
    """
    return tuple(network_size(video, part.card, render_factor, is_still=is_still) for part in colorizer.members)


def network_size(video: VideoInfo, card: ModelCard, render_factor: int | None, *, is_still: bool = False) -> Size:
    """Size of the lightness that a model sees of a film, rim not included: the aspect as it is displayed.

    Args:
        video: The film; its sample aspect counts, its rotation too (networks know upright pictures).
        card: The model's.
        render_factor: Side of a square input of the same area, in units of 16 pixels; None: the card's default.
        is_still: A picture, for which some models have another default.

    Returns:
        Height and width in the upright orientation.

    Raises:
        SettingsError: The factor is below what the network takes.
    """
    side = network_side(card, render_factor, is_still=is_still)
    height, width = video.height, max(1, round(video.width * float(video.sample_aspect or 1)))
    if quarter_turns(video) % 2:
        height, width = width, height
    return picture_network_size(height, width, card, side)


def network_side(card: ModelCard, render_factor: int | None, *, is_still: bool) -> int:
    """Side in pixels of a square network input of the wanted area, rim included; see `network_size`.

    Raises:
        SettingsError: The factor is below what the network takes.
    """
    rule = card.size_rule
    side = rule.side(render_factor, is_still=is_still)
    if side < rule.minimum:
        # Enlarged to the minimum in silence it would be another factor than was asked for.
        raise SettingsError(
            f"--render-factor {render_factor} is too small for {card.name}.",
            f"Choose at least {-(-rule.minimum // 16)}.",
        )
    return side


def picture_network_size(height: int, width: int, card: ModelCard, side: int) -> Size:
    """Size of the lightness that a model sees of an upright picture, rim not included.

    Args:
        height: Of the picture, in square pixels.
        width: The same.
        card: The model's.
        side: Side in pixels of a square network input of the wanted area, rim included.
    """
    rule = card.size_rule
    whole = rule.network_size(height, width, side)
    room = (max(1, whole[0] - 2 * rule.rim), max(1, whole[1] - 2 * rule.rim))
    if rule.square:
        return room
    scale = min(room[0] / height, room[1] / width)
    return max(1, min(room[0], round(height * scale))), max(1, min(room[1], round(width * scale)))


def quarter_turns(video: VideoInfo) -> int:
    """Clockwise quarter turns that set the stored picture upright."""
    return video.rotation // 90 % 4


@lru_cache(maxsize=8)
def _lightness_table(layout: PixelLayout) -> npt.NDArray[np.float32]:
    """L* of every code value of a layout: 256 to 65,536 numbers."""
    black, span, _ = code_range(layout.bit_depth, layout.full_range)
    codes = torch.arange(1 << layout.bit_depth, dtype=torch.float64)
    lightness = gray_to_lightness(((codes - black) / span).clamp(0, 1), layout.transfer)
    return np.asarray(lightness.float().numpy())


def small_lightness(y: Plane, layout: PixelLayout, size: Size, turns: int) -> npt.NDArray[np.float32]:
    """Lightness of a luma plane at network size, upright.

    Frames shrink by area averaging (of the codes): point sampling would turn grain into flicker.

    Args:
        y: (H, W) uint8 or uint16 code values.
        layout: How to read them.
        size: Height and width of the result.
        turns: Clockwise quarter turns.

    Returns:
        (h, w) float32, L* in 0..100.
    """
    stored = size if turns % 2 == 0 else (size[1], size[0])
    small = resize(y.astype(np.float32), stored)
    table = _lightness_table(layout)
    # Between codes the curve is taken as straight.
    lightness = np.interp(small, np.arange(len(table), dtype=np.float32), table).astype(np.float32)
    return np.ascontiguousarray(np.rot90(lightness, -turns))


def resize(picture: npt.NDArray[Any], size: Size) -> npt.NDArray[Any]:
    """A picture at the size that a network sees: by area averages where it shrinks both ways, else bicubic.

    Args:
        picture: (H, W) or (H, W, C) of a type that OpenCV resizes.
        size: Height and width of the result.
    """
    shrinks = size[0] <= picture.shape[0] and size[1] <= picture.shape[1]
    return cv2.resize(picture, size[::-1], interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkInput:
    """How frames become what a colorizer sees, the same for a whole film."""

    sizes: tuple[Size, ...]
    """Of the lightness for each member of the colorizer, upright, rim not included."""
    turns: int
    """Clockwise quarter turns that set the picture upright; ab is turned back."""
    batch_size: int
    """Frames a network run at most."""
    device: torch.device
    """Where the lightness is sent."""


def colorize(
    frames: Iterable[MovingFrame], colorizer: Colorizer, context: ShotContext, how: NetworkInput
) -> Iterator[ColoredFrame]:
    """Color every frame of one shot, in batches that follow the shot, never timing.

    Args:
        frames: The shot's frames in order.
        colorizer: The model.
        context: The shot's.
        how: Sizes, orientation, batch and device.
    """
    stream = iter(frames)
    while group := tuple(islice(stream, how.batch_size)):
        yield from color_batch(group, colorizer, context, how)


def color_batch(
    group: Sequence[MovingFrame], colorizer: Colorizer, context: ShotContext, how: NetworkInput
) -> tuple[ColoredFrame, ...]:
    """Color frames of one shot in a single network run."""
    lightness, *further = (_lightness_of(group, size, how.turns).to(how.device) for size in how.sizes)
    pts = tuple(item.frame.pts for item in group)
    chroma = colorizer.predict(LumaBatch(lightness=lightness, pts=pts, context=context, further=tuple(further)))
    # The finest: it guides the enlargement.
    guide = max((lightness, *further), key=lambda x: x.shape[2] * x.shape[3])
    return tuple(
        ColoredFrame(
            frame=item.frame,
            lightness=_turn_back(guide[index], how.turns),
            ab=_turn_back(chroma.ab[index], how.turns),
            confidence=None if chroma.confidence is None else _turn_back(chroma.confidence[index], how.turns),
            motion=item.motion,
        )
        for index, item in enumerate(group)
    )


def _lightness_of(group: Sequence[MovingFrame], size: Size, turns: int) -> Tensor:
    planes = [small_lightness(item.frame.y, item.frame.layout, size, turns) for item in group]
    return torch.from_numpy(np.stack(planes)[:, None])


def _turn_back(x: Tensor, turns: int) -> Tensor:
    return torch.rot90(x, turns, dims=(-2, -1)) if turns else x
