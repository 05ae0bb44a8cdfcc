"""Side data that rides on decoded frames: display matrix, HDR values, captions."""

import logging
import struct
from typing import Any

from av.video.frame import VideoFrame

log = logging.getLogger(__name__)

# Encoders' private notes, and clocks that the container holds as well: no viewer misses them.
_UNNOTICED = frozenset({"SEI_UNREGISTERED", "DISPLAYMATRIX", "GOP_TIMECODE", "PANSCAN"})


def read_side_data(frame: VideoFrame) -> dict[str, bytes]:
    """All side data of a frame by libav's names."""
    items: Any
    try:
        items = frame.side_data
        return {item.type.name: bytes(item) for item in items}
    except ValueError:
        # A type newer than PyAV's list, such as EXIF on JPEG frames: nothing that we need comes with it.
        log.debug("side data that PyAV does not know")
        return {}


def display_matrix(frame: VideoFrame) -> tuple[int, ...] | None:
    """The nine numbers of rotation and mirroring that ride on a frame, or None."""
    data = read_side_data(frame).get("DISPLAYMATRIX")
    return None if data is None else struct.unpack("=9i", data)


def noticed_side_data(frame: VideoFrame) -> tuple[str, ...]:
    """Names of a frame's side data that a viewer can miss."""
    found = read_side_data(frame)
    if not any(found.get("STEREO3D", b"")[:4]):
        # AV_STEREO3D_2D: WebM files say so of plain pictures.
        found.pop("STEREO3D", None)
    return tuple(sorted(set(found) - _UNNOTICED))
