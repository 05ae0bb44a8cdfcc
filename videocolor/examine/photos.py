"""Photographs that colorizers are examined on, from files, with group and source."""

import csv
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np

from videocolor.errors import MediaError, SettingsError
from videocolor.examine.views import GROUPS, Box, Photo, Rgb, evenly_spread
from videocolor.files import existing, file_sha256, files_below
from videocolor.media.still_probe import is_still
from videocolor.pipeline.batches import resize
from videocolor.references.load import read_picture

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
# picture has no colors to compare with, and an infinite PSNR as gray.
_GRAYNESS = 1.0
_NAMED = 3


def load_photos(
    paths: Iterable[Path], *, side: int = 256, limit: int | None = None
) -> tuple[tuple[Photo, ...], tuple[str, ...]]:
    """Read photographs, upright, in sRGB, as center squares.

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
    for path in found if limit is None else evenly_spread(found, limit):
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
        raise MediaError("All photographs are gray.", "Give photographs in color: their colors are the truth.")
    notes = (
        _note(gray, "has no color and is left out", "have no color and are left out"),
        _note(twice, "has the content of another and is left out", "have the content of others and are left out"),
        _note(small, f"is smaller than {side} pixels and enlarged", f"are smaller than {side} pixels and enlarged"),
    )
    return tuple(photos.values()), tuple(note for note in notes if note)


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
    rgb = resize(square, (side, side))
    digest = file_sha256(path)
    kind = row.kind or ""
    group = row.group or _groups_by_eye().get(digest) or (kind if kind in GROUPS else GROUP_OF_KIND.get(kind))
    return Photo(name=path.name, sha256=digest, rgb=rgb, group=group, source=row.source, window=window), edge


def _read_index(path: Path) -> dict[str, _Row]:
    """Rows by file name; none where there is no index."""
    if not path.is_file():
        return {}
    try:
        # Spreadsheets begin UTF-8 with a byte order mark.
        with path.open(encoding="utf-8-sig", newline="") as lines:
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


def _pictures(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from (file for file in files_below(path) if is_still(file))
        else:
            yield existing(path)


def _note(names: list[str], one: str, many: str) -> str:
    listed = ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
    return f"{len(names)} of the photographs {one if len(names) == 1 else many}: {listed}." if names else ""
