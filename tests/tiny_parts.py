"""Small exact parts for tests: layouts, films that exist only as data, frames, shots, and a network that copies."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import torch

from videocolor.core.cards import ModelCard, SizeRule
from videocolor.core.frames import ChromaBatch, ColoredFrame, Frame, LumaBatch, ShotContext
from videocolor.core.media import ColorTags, PixelLayout, VideoInfo
from videocolor.core.motion import Field, Motion
from videocolor.core.shots import Shot
from videocolor.device import Compute

FLOAT32 = Compute(device=torch.device("cpu"), dtype=torch.float32)


def make_layout(**changes):
    """An 8-bit 4:2:0 film in studio range, BT.709."""
    values = {
        "name": "yuv420p",
        "bit_depth": 8,
        "chroma": "420",
        "full_range": False,
        "matrix": "bt709",
        "primaries": "bt709",
        "transfer": "sdr",
        "siting": "left",
    }
    return PixelLayout(**{**values, **changes})


def make_video(*, layout=None, **changes):
    """A PAL-sized picture stream without any tags."""
    values = {
        "index": 0,
        "codec": "h264",
        "height": 576,
        "width": 768,
        "layout": layout or make_layout(),
        "tags": ColorTags(),
        "sample_aspect": None,
        "time_base": Fraction(1, 25),
        "average_rate": Fraction(25),
        "start_pts": 0,
        "frame_count_header": None,
        "display_matrix": None,
        "rotation": 0,
        "field_order": "progressive",
    }
    return VideoInfo(**{**values, **changes})


def make_shot(**changes):
    return Shot(**{"index": 0, "start_pts": 0, "end_pts": 1000, "frame_count": 25, "cause": "start", **changes})


def make_context(*, seed=0):
    return ShotContext(shot=make_shot(), seed=seed)


def make_frame(y, *, layout=None, pts=0, u=None, v=None):
    """A frame of a luma plane, read-only as the decoder gives it."""
    for plane in (y, u, v):
        if plane is not None:
            plane.flags.writeable = False
    return Frame(pts=pts, duration=1, y=y, u=u, v=v, alpha=None, layout=layout or make_layout())


def make_colored(y, ab, *, layout=None, lightness=None, pts=0):
    """A frame with the ab that a network would have given."""
    lightness = torch.full((1, *ab.shape[1:]), 50.0) if lightness is None else lightness
    return ColoredFrame(frame=make_frame(y, layout=layout, pts=pts), lightness=lightness, ab=ab)


def tinted_frames(count, *, step=40):
    """Colored 4 x 4 frames whose ab is their number, and in which nothing moves."""
    return [
        replace(
            make_colored(np.full((4, 4), 128, np.uint8), torch.full((2, 2, 2), float(number)), pts=number * step),
            motion=_still_motion(is_first=number == 0),
        )
        for number in range(count)
    ]


def _still_motion(*, is_first):
    field = Field(vectors=np.zeros((4, 4, 2), np.float32), confidence=np.ones((4, 4), np.float32))
    to_previous, from_previous = (None, None) if is_first else (field, field)
    return Motion(gray=np.full((4, 4), 128, np.uint8), to_previous=to_previous, from_previous=from_previous)


def make_batch(lightness, *, seed=0):
    return LumaBatch(lightness=lightness, pts=tuple(range(len(lightness))), context=make_context(seed=seed))


def make_card(**changes):
    """A card with the compact family's size rule at a quarter of its size."""
    rule = SizeRule(multiple_of=8, minimum=16, square=False, default_side=64, rim=4)
    values = {
        "name": "tiny",
        "family": "compact",
        "summary": "",
        "weights_file": None,
        "sha256": None,
        "licence": "MIT",
        "size_rule": rule,
    }
    return ModelCard(**{**values, **changes})


class CopyNetwork(torch.nn.Module):
    """a* is the lightness it sees, b* the negative, averaged over `stride` x `stride` pixels."""

    def __init__(self, stride=1):
        super().__init__()
        self.stride = stride

    def to_input(self, lightness):
        return lightness

    def forward(self, x):
        return torch.nn.functional.avg_pool2d(x, self.stride)

    def to_ab(self, output, lightness):
        return ChromaBatch(ab=torch.cat([output, -output], dim=1), confidence=output / 100)
