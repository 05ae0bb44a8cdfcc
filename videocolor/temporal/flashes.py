"""Flashes and blank frames: found by the motion that breaks there and is whole again across them.

Likeness of pictures alone would not do: a pan changes them as much as a partial flash. The mean confidence of optical
flow, which follows the pan, tells them apart. Measured on real clips, some with added grain and flicker: neighbors
.76 to 1.0, frames six apart .33 to .95, frames of unrelated shots at most .14; partly or strongly lit frames mostly
below .7 against their neighbors, blank ones below .1.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from videocolor.core.frames import Frame
from videocolor.core.motion import Field, GrayPlane

LONGEST_FLASH = 5
"""Frames that a flash can last, and that are looked ahead for its end."""

Links = tuple[Field, Field]
"""On the later frame's grid to the earlier one, and on the earlier's to the later."""

_BROKEN = 0.7
# Three times what frames of unrelated shots reach: across a cut that was missed nothing is ever joined.
_WHOLE = 0.4
_LEAST_GAIN = 0.1
_LEAST_BRIGHTENING = 1.05
_BLANK_DEVIATION = 4.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seen:
    """A frame and its small gray."""

    frame: Frame
    gray: GrayPlane
    mean: float
    """Mean luma in 8-bit codes, before normalizing; the deviation too."""
    deviation: float


def find_flash_end(
    hidden: Seen, links: Links, ahead: Iterable[Seen], link_before: Callable[[GrayPlane], Links]
) -> tuple[int, Links] | None:
    """Whether a flash begins with a frame, and how long it lasts.

    Args:
        hidden: The frame that may be the first of a flash.
        links: From the frame before it.
        ahead: The frames behind it; at most `LONGEST_FLASH` are taken, and none where the motion is whole.
        link_before: Links the frame before `hidden` to another gray.

    Returns:
        Frames of the flash, and the links from the frame before it to the frame after it; None where there is none.
    """
    broken = _trust(links)
    if broken >= _BROKEN:
        return None
    flash = [hidden]
    for after in ahead:
        # Asked first: it costs nothing.
        if all(_hides(frame, after) for frame in flash):
            across = link_before(after.gray)
            if _trust(across) >= max(_WHOLE, broken + _LEAST_GAIN):
                return len(flash), across
        flash.append(after)
        if len(flash) > LONGEST_FLASH:
            break
    return None


def share_out(links: Links, steps: int) -> Links:
    """Links over several frames as those of each single step, by equal parts."""
    later, earlier = (
        Field(vectors=field.vectors / np.float32(steps), confidence=field.confidence ** np.float32(1 / steps))
        for field in links
    )
    return later, earlier


def _trust(links: Links) -> float:
    return float(cv2.mean(links[0].confidence)[0])


def _hides(frame: Seen, after: Seen) -> bool:
    """Brighter than the frame after the flash, or without a picture: an object before the lens is neither."""
    return frame.mean > _LEAST_BRIGHTENING * after.mean or frame.deviation < _BLANK_DEVIATION
