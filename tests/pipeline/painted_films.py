"""Films whose luma is given, and pictures of their frames as a person would paint them."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import torch
from av.video.frame import VideoFrame
from made_films import plane_values
from PIL import Image

from videocolor.color.lab import gray_to_lightness, lab_to_rgb


def write_luma(path: Path, frames: Iterable[np.ndarray], *, rate: int = 25, first_pts: int = 0) -> Path:
    """A lossless film in full range without color; (H, W) uint8 planes."""
    with av.open(str(path), "w") as film:
        stream = None
        for number, luma in enumerate(frames):
            if stream is None:
                stream = film.add_stream("ffv1", rate=rate)
                stream.width, stream.height, stream.pix_fmt = luma.shape[1], luma.shape[0], "yuv420p"
                stream.codec_context.color_range = 2
                stream.codec_context.time_base = Fraction(1, rate)
            frame = VideoFrame(luma.shape[1], luma.shape[0], "yuv420p")
            for index in range(3):
                plane_values(frame, index)[...] = luma if index == 0 else 128
            frame.pts, frame.time_base = first_pts + number, Fraction(1, rate)
            film.mux(stream.encode(frame))
        film.mux(stream.encode(None))
    return path


def paint(path: Path, luma: np.ndarray, ab: np.ndarray | Sequence[float], alpha: np.ndarray | None = None) -> Path:
    """Write a picture of a frame in given colors; ab is (H, W, 2), or one color for all."""
    lightness = gray_to_lightness(torch.from_numpy(luma / 255).float())[None, None]
    planes = torch.from_numpy(np.broadcast_to(np.float32(ab), (*luma.shape, 2)).copy()).permute(2, 0, 1)[None]
    rgb = (lab_to_rgb(lightness, planes)[0].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(rgb if alpha is None else np.dstack([rgb, alpha.astype(np.uint8) * 255])).save(path)
    return path
