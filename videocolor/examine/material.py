"""What colorizers are examined on, from files: photographs with group and source, and clips of films."""

import csv
import os
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache, cached_property
from importlib.resources import files
from itertools import takewhile
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import torch
from torch import Tensor

from videocolor.color.lab import rgb_to_lab
from videocolor.core.frames import Frame
from videocolor.core.media import VideoInfo
from videocolor.errors import MediaError, MediaNotFound, SettingsError
from videocolor.evaluate.screen import to_rgb
from videocolor.examine.views import GROUPS, Box, Clip, Photo, Rgb, View
from videocolor.files import file_sha256
from videocolor.media.decode import DecodeCounts, DecodeSettings, open_frames
from videocolor.media.probe import probe_film
from videocolor.media.still_probe import is_still
from videocolor.pipeline.batches import quarter_turns, small_lightness
from videocolor.pipeline.plan import HAS_COLOR, make_plan
from videocolor.pipeline.read_ahead import read_ahead
from videocolor.references.load import read_picture
from videocolor.settings import RunSettings

INDEX_NAME = "index.csv"
"""In a folder of photographs: columns file, kind (or group) and source."""

GROUP_OF_KIND = {
    "portrait": "people",
    "street_people": "people",
    "sports_crowd": "people",
    "architecture": "streets and buildings",
    "house_exterior": "streets and buildings",
    "public_place": "streets and buildings",
    "vehicle": "streets and buildings",
    "interior": "interiors",
    "landscape_sky": "nature",
    "nature_scene": "nature",
    "flower_insect": "nature",
    "animal": "animals",
    "cat_dog": "animals",
    "food": "food and objects",
    "object_scene": "food and objects",
    "textile": "food and objects",
}
"""Group of each kind that an index may name. Kinds of mixed content ("everyday") have none; `groups.toml` has some of
their pictures one by one."""

# Mean distance of the channels from their mean, in codes: less is gray with rounding and compression noise. Such a
# picture has no colours to compare with, and an infinite PSNR as gray.
_GRAYNESS = 1.0
_NAMED = 3

_SEARCHED_S = 600
"""Of a film only so much is searched for its longest shot, in seconds: the search decodes every frame."""
_STORED_FRAMES = 4
_FIELD_FILTERS = {"interlaced": "deinterlace", "telecine": "detelecine"}


def load_photos(
    paths: Iterable[Path], *, side: int = 256, limit: int | None = None
) -> tuple[tuple[Photo, ...], tuple[str, ...]]:
    """Read photographs, upright, in sRGB, as centre squares.

    Where an `index.csv` lies beside a photograph, its row gives source and group: column `group` if there is one, else
    column `kind`, which is a group's name or a key of `GROUP_OF_KIND`. Known photographs of mixed kinds have a group by
    eye.

    Args:
        paths: Pictures, and folders that are searched for pictures; other files in folders are ignored.
        side: Of the squares in pixels; larger pictures are reduced by area averaging.
        limit: At most so many, evenly spread over all that are found.

    Returns:
        The photographs in the order of their paths, each content once, and notes about what was left out.

    Raises:
        MediaNotFound: A path that does not exist.
        MediaError: A picture that cannot be read, or none at all.
        SettingsError: An index names an unknown group, or has no column `file`.
    """
    found = list(dict.fromkeys(_pictures(paths)))
    if not found:
        raise MediaError("There are no photographs to examine on.", "Name pictures, or folders that hold some.")
    indices: dict[Path, dict[str, _Row]] = {}
    photos: dict[str, Photo] = {}
    gray, twice, small = [], [], []
    for path in _spread(found, limit):
        if path.parent not in indices:
            indices[path.parent] = _read_index(path.parent / INDEX_NAME)
        photo, edge = _read_photo(path, side, indices[path.parent].get(path.name, _Row()))
        if _grayness(photo.rgb) < _GRAYNESS:
            gray.append(path.name)
            continue
        if photo.sha256 in photos:
            twice.append(path.name)
            continue
        if edge < side:
            small.append(path.name)
        photos[photo.sha256] = photo
    if not photos:
        raise MediaError("All photographs are gray.", "Give photographs in colour: their colours are the truth.")
    notes = (
        _note(gray, "has no colour and is left out", "have no colour and are left out"),
        _note(twice, "has the content of another and is left out", "have the content of others and are left out"),
        _note(small, f"is smaller than {side} pixels and enlarged", f"are smaller than {side} pixels and enlarged"),
    )
    return tuple(photos.values()), tuple(note for note in notes if note)


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
        self._size = _clip_size(self._info.video, width)

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
        """(N, 1, H, W) lightness and (N, 2, H, W) ab, both float16; ab is None where the shot has no colour."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """What an index says of a photograph."""

    group: str | None = None
    kind: str | None = None
    source: str | None = None


@cache
def _groups_by_eye() -> dict[str, str]:
    """Groups by sha256, where the kind that a list gives is mixed."""
    return tomllib.loads(files("videocolor.examine").joinpath("groups.toml").read_text(encoding="utf-8"))


def _read_photo(path: Path, side: int, row: _Row) -> tuple[Photo, int]:
    """The photograph, and the length of its short side."""
    whole = read_picture(path).rgb
    height, width = whole.shape[:2]
    edge = min(height, width)
    top, left = (height - edge) // 2, (width - edge) // 2
    square = np.ascontiguousarray(whole[top : top + edge, left : left + edge])
    window: Box = (left / width, top / height, (left + edge) / width, (top + edge) / height)
    interpolation = cv2.INTER_AREA if edge >= side else cv2.INTER_CUBIC
    rgb = cast(Rgb, cv2.resize(square, (side, side), interpolation=interpolation))
    digest = file_sha256(path)
    kind = row.kind or ""
    group = row.group or _groups_by_eye().get(digest) or (kind if kind in GROUPS else GROUP_OF_KIND.get(kind))
    return Photo(name=path.name, sha256=digest, rgb=rgb, group=group, source=row.source, window=window), edge


def _read_index(path: Path) -> dict[str, _Row]:
    """Rows by file name; none where there is no index."""
    if not path.is_file():
        return {}
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise MediaError(f"{path} cannot be read as a table: {error}.", "Write it as UTF-8 with commas.") from error
    if any("file" not in row for row in rows):
        raise SettingsError(f"{path} has no column file.", "Its columns are file, kind or group, source.")
    return {row["file"]: _row_of(row, path) for row in rows}


def _row_of(row: dict[str, str], index: Path) -> _Row:
    group = row.get("group") or None
    if group is not None and group not in GROUPS:
        raise SettingsError(f"{index} names the group {group!r}.", f"Groups are {', '.join(GROUPS)}.")
    return _Row(group=group, kind=row.get("kind") or None, source=row.get("source") or None)


def _grayness(rgb: Rgb) -> float:
    channels = rgb.astype(np.float32)
    return float(np.abs(channels - channels.mean(axis=2, keepdims=True)).mean())


def _clip_size(video: VideoInfo, widest: int) -> tuple[int, int]:
    """Upright height and width with square pixels, no side longer than that of the stored planes."""
    aspect = float(video.sample_aspect or 1)
    height, width = video.height / max(1.0, aspect), video.width * min(1.0, aspect)
    if quarter_turns(video) % 2:
        height, width = width, height
    scale = min(1.0, widest / width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def _true_ab(frame: Frame, size: tuple[int, int], turns: int) -> Tensor:
    """(2, H, W) of the colours as a screen shows them."""
    stored = size if turns % 2 == 0 else (size[1], size[0])
    rgb = np.rot90(to_rgb(frame, stored), -turns)
    return rgb_to_lab(torch.from_numpy(rgb.astype(np.float32) / 255).permute(2, 0, 1)[None])[1][0]


def _pictures(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from (file for file in _files_below(path) if is_still(file))
        else:
            yield _existing(path)


def _films(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if not path.is_dir():
            yield _existing(path)
            continue
        films = [file for file in _files_below(path) if _is_film(file)]
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


def _existing(path: Path) -> Path:
    if not path.exists():
        raise MediaNotFound(f"{path} does not exist.", "Check the name.")
    return path


def _files_below(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(parent, name)
            if not name.startswith(".") and path.is_file():
                yield path


def _spread(paths: Sequence[Path], limit: int | None) -> list[Path]:
    count = len(paths) if limit is None else min(limit, len(paths))
    return [paths[(2 * number + 1) * len(paths) // (2 * count)] for number in range(count)]


def _note(names: list[str], one: str, many: str) -> str:
    listed = ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
    return f"{len(names)} of the photographs {one if len(names) == 1 else many}: {listed}." if names else ""
