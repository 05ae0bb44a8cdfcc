"""Clips that colorizers are examined on: some frames of a film's longest shot, with their colors if it has any."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from functools import cached_property
from itertools import takewhile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from videocolor.color.lab import rgb_to_lab
from videocolor.core.frames import Frame
from videocolor.core.media import VideoInfo
from videocolor.errors import MediaError
from videocolor.evaluate.screen import to_rgb
from videocolor.examine.views import Clip, View
from videocolor.files import existing, files_below
from videocolor.media.decode import DecodeCounts, DecodeSettings, open_frames
from videocolor.media.probe import probe_film
from videocolor.media.still_probe import is_still
from videocolor.pipeline.batches import quarter_turns, small_lightness
from videocolor.pipeline.plan import HAS_COLOR, make_plan
from videocolor.pipeline.read_ahead import read_ahead
from videocolor.settings import RunSettings

_SEARCHED_S = 600
"""Of a film only so much is searched for its longest shot, in seconds: the search decodes every frame."""
_STORED_FRAMES = 4
_FIELD_FILTERS = {"interlaced": "deinterlace", "telecine": "detelecine"}


def clip_loaders(paths: Iterable[Path], *, frames: int = 24, width: int = 480) -> tuple["ClipLoader", ...]:
    """Find films, and read no more of them than their headers.

    Args:
        paths: Films, and folders that are searched for films; pictures and texts in folders are ignored.
        frames: At most so many of each film.
        width: Wider films are reduced to this by area averaging.

    Returns:
        A function for each film that gives its clip.

    Raises:
        MediaNotFound: A path that does not exist.
        MediaError: A named file is no film, or a named folder holds none.
    """
    return tuple(ClipLoader(path, frames=frames, width=width) for path in dict.fromkeys(_films(paths)))


class ClipLoader:
    """Some frames in a row from the middle of a film's longest shot.

    They are read at the first call and kept in half precision: 24 frames of 480 x 270 pixels take 19 MB.
    """

    def __init__(self, path: Path, *, frames: int, width: int) -> None:
        """Read the film's header.

        Raises:
            MediaError: It is no film.
        """
        if is_still(path):
            raise MediaError(f"{path} is a picture, not a film.", "Give pictures as PHOTOS, films with --clips.")
        self.name = path.name
        self._info = probe_film(path)
        self._frames = frames
        self._size = clip_size(self._info.video, width)

    def __call__(self) -> Clip:
        """The clip.

        Raises:
            MediaError: Nothing can be decoded.
            DamageError: More damaged packets than allowed.
        """
        lightness, ab = self._planes
        colors: Iterable[Tensor | None] = [None] * len(lightness) if ab is None else ab.float()
        return Clip(
            name=self.name,
            views=tuple(
                View(lightness=plane, ab=color, is_still=False)
                for plane, color in zip(lightness.float(), colors, strict=True)
            ),
        )

    @cached_property
    def _planes(self) -> tuple[Tensor, Tensor | None]:
        """(N, 1, H, W) lightness and (N, 2, H, W) ab, both float16; ab is None where the shot has no color."""
        decode = DecodeSettings(end=Fraction(_SEARCHED_S))
        planned = make_plan(self._info, RunSettings(), decode)
        shot = max(planned.plan.whole_shots, key=lambda item: item.frame_count)
        inside = [pts for pts in planned.plan.pts if shot.start_pts <= pts < shot.end_pts]
        skipped = max(0, len(inside) - self._frames) // 2
        first, last = inside[skipped], inside[skipped : skipped + self._frames][-1]
        # Combs would be examined in place of the picture.
        field_filter = _FIELD_FILTERS.get(planned.interlace.kind)
        decode = replace(decode, threads=planned.plan.decoding_threads, field_filter=field_filter)
        turns = quarter_turns(self._info.video)
        lightness, ab = [], []
        with closing(read_ahead(open_frames(self._info, decode, DecodeCounts()), depth=_STORED_FRAMES)) as stream:
            for frame in takewhile(lambda item: item.pts <= last, stream):
                if frame.pts >= first:
                    plane = small_lightness(frame.y, frame.layout, self._size, turns)
                    lightness.append(torch.from_numpy(plane)[None].half())
                    ab.append(_true_ab(frame, self._size, turns).half())
        return torch.stack(lightness), torch.stack(ab) if shot.source_chroma >= HAS_COLOR else None


def clip_size(video: VideoInfo, widest: int) -> tuple[int, int]:
    """Of a film's frames for an examination.

    Args:
        video: The film.
        widest: Width in pixels that is not exceeded.

    Returns:
        Upright height and width with square pixels, no side longer than that of the stored planes.
    """
    aspect = float(video.sample_aspect or 1)
    height, width = video.height / max(1.0, aspect), video.width * min(1.0, aspect)
    if quarter_turns(video) % 2:
        height, width = width, height
    scale = min(1.0, widest / width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def _true_ab(frame: Frame, size: tuple[int, int], turns: int) -> Tensor:
    """(2, H, W) of the colors as a screen shows them."""
    stored = size if turns % 2 == 0 else (size[1], size[0])
    rgb = np.rot90(to_rgb(frame, stored), -turns)
    return rgb_to_lab(torch.from_numpy(rgb.astype(np.float32) / 255).permute(2, 0, 1)[None])[1][0]


def _films(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if not path.is_dir():
            yield existing(path)
            continue
        films = [file for file in files_below(path) if _is_film(file)]
        if not films:
            raise MediaError(f"{path} holds no films.", "Check the folder.")
        yield from films


def _is_film(path: Path) -> bool:
    if is_still(path):
        return False
    try:
        probe_film(path)
    except MediaError:
        return False
    return True
