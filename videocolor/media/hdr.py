"""HDR10 side data: read from a frame's libav structures, written again as options of the encoders that can."""

import struct
from fractions import Fraction

from av.video.frame import VideoFrame

from videocolor.core.media import VideoInfo
from videocolor.media.side_data import read_side_data

HDR_SIDE_DATA = frozenset({"MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL"})

HDR_CODECS = frozenset({"h264", "h265", "av1"})
"""Codecs whose encoder takes the HDR10 values as options."""

_PARAMETERS = {"h264": "x264-params", "h265": "x265-params", "av1": "svtav1-params"}


def read_mastering_display(frame: VideoFrame) -> tuple[Fraction, ...] | None:
    """AVMasteringDisplayMetadata as ten numbers (see `VideoInfo.mastering_display`), or None."""
    data = read_side_data(frame).get("MASTERING_DISPLAY_METADATA")
    if data is None:
        return None
    *numbers, has_primaries, has_luminance = struct.unpack_from("=22i", data)
    if not (has_primaries and has_luminance):
        # Half of it written with zeros would be a wrong display.
        return None
    return tuple(Fraction(numbers[i], numbers[i + 1] or 1) for i in range(0, 20, 2))


def read_content_light(frame: VideoFrame) -> tuple[int, int] | None:
    """AVContentLightMetadata as (MaxCLL, MaxFALL), or None."""
    data = read_side_data(frame).get("CONTENT_LIGHT_LEVEL")
    if data is None:
        return None
    brightest, average = struct.unpack_from("=II", data)
    return int(brightest), int(average)


def with_hdr(options: dict[str, str], video: VideoInfo, codec: str) -> dict[str, str]:
    """An encoder's options with the film's mastering display and content light level added.

    Args:
        options: The options so far.
        video: The film's picture stream.
        codec: "h264", "h265", "av1", or another, which gets nothing.
    """
    if codec not in HDR_CODECS or (video.mastering_display is None and video.content_light is None):
        return options
    words = [options[_PARAMETERS[codec]]] if _PARAMETERS[codec] in options else []
    if video.mastering_display is not None:
        words.append(_mastering_display(video.mastering_display, codec))
    if video.content_light is not None:
        name = {"h264": "cll", "h265": "max-cll", "av1": "content-light"}[codec]
        words.append(f"{name}={video.content_light[0]},{video.content_light[1]}")
    if codec == "h265":
        words.append("hdr10=1")
    return {**options, _PARAMETERS[codec]: ":".join(words)}


def _mastering_display(values: tuple[Fraction, ...], codec: str) -> str:
    red, green, blue, white = (values[i : i + 2] for i in range(0, 8, 2))
    low, high = values[8], values[9]
    named = (("G", green), ("B", blue), ("R", red), ("WP", white))
    if codec == "av1":
        points = "".join(f"{name}({float(x):.5f},{float(y):.5f})" for name, (x, y) in named)
        return f"mastering-display={points}L({float(high):.4f},{float(low):.4f})"
    # ITU-T H.265 D.3.28: chromaticities in steps of 0.00002, luminances in steps of 0.0001 cd/m².
    points = "".join(f"{name}({round(x * 50000)},{round(y * 50000)})" for name, (x, y) in named)
    key = "mastering-display" if codec == "h264" else "master-display"
    return f"{key}={points}L({round(high * 10000)},{round(low * 10000)})"
