"""Colored films with a color chosen for every frame: lossless, small, one moving texture a shot."""

from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
from made_films import picture, plane_values

Tint = tuple[float, float]
"""Cb and Cr as codes away from neutral."""


def colored_film(
    path: Path, shots: Sequence[Sequence[Tint]], *, height: int = 72, width: int = 96, rate: int = 25
) -> Path:
    """Write a film of 4:2:0 in FFV1: each shot has a texture of its own, each frame one color all over."""
    with av.open(f"file:{path}", "w", format="matroska") as film:
        stream = film.add_stream("ffv1", rate=rate)
        stream.codec_context.width, stream.codec_context.height = width, height
        stream.codec_context.pix_fmt = "yuv420p"
        number = 0
        for shot, tints in enumerate(shots):
            for place, (cb, cr) in enumerate(tints):
                frame = av.VideoFrame(width, height, "yuv420p")
                # Room for every tint that the tests use: at black and white there is none.
                plane_values(frame, 0)[...] = 70 + picture(place, shot, height, width, 100)
                plane_values(frame, 1)[...] = np.rint(128 + cb)
                plane_values(frame, 2)[...] = np.rint(128 + cr)
                frame.pts = number
                film.mux(stream.encode(frame))
                number += 1
        film.mux(stream.encode(None))
    return path


def steady(frame_count: int, tint: Tint = (-12, 16)) -> list[Tint]:
    return [tint] * frame_count


def flickering(frame_count: int, tint: Tint = (-12, 16), by: float = 8) -> list[Tint]:
    """The tint, and another beside it in every second frame."""
    return [(tint[0] + by * (number % 2), tint[1] - by * (number % 2)) for number in range(frame_count)]


def drifting(frame_count: int, first: Tint = (-6, 14), last: Tint = (-6, 40)) -> list[Tint]:
    """From one tint to another at a steady pace."""
    share = np.linspace(0, 1, frame_count)
    return [(first[0] + (last[0] - first[0]) * x, first[1] + (last[1] - first[1]) * x) for x in share]
