"""The pictures that a run is given: found in files and folders, known by the frames in their names and by a hash."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from videocolor.errors import MediaError, MediaNotFound, SettingsError
from videocolor.files import file_sha256
from videocolor.media.still_open import open_picture, picture_format
from videocolor.references.names import Moment, parse_name

log = logging.getLogger(__name__)

# Layers of an editor, which lie beside what was exported from them; those of other editors do not look like pictures.
_LAYER_FILES = ("PSD",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture of a frame."""

    path: Path
    moment: Moment
    sha256: str
    """Of the file."""


def find_pictures(references: Sequence[str]) -> tuple[Picture, ...]:
    """Find the pictures of a run.

    Args:
        references: Picture files, and folders of them; a picture that is named twice counts once.

    Raises:
        MediaNotFound: A file or folder does not exist.
        MediaError: A file is no picture that can be read, or a folder has none.
        SettingsError: A name tells no frame, or two pictures have one frame.
    """
    paths: dict[Path, Path] = {}
    for name in references:
        path = Path(name)
        for found in _in_folder(path) if path.is_dir() else (path,):
            paths.setdefault(found.resolve(), found)
    pictures = tuple(_known(path) for path in paths.values())
    check_one_for_each((picture.moment, picture) for picture in pictures)
    return pictures


def check_one_for_each(placed: Iterable[tuple[object, Picture]]) -> None:
    """Refuse two pictures for one frame.

    Args:
        placed: The frame, by whatever tells frames apart, and its picture.

    Raises:
        SettingsError: There are two.
    """
    seen: dict[object, Picture] = {}
    for frame, picture in placed:
        if frame in seen:
            raise SettingsError(
                f"{seen[frame].path} and {picture.path} are pictures of one frame, {picture.moment}.",
                "Keep one of them.",
            )
        seen[frame] = picture


def picture_hashes(pictures: Iterable[Picture]) -> dict[str, str]:
    """What two runs must have in common, for the fingerprint: "frame 123" and the picture's hash."""
    # Twelve digits tell pictures apart and leave the message readable.
    return {str(picture.moment): picture.sha256[:12] for picture in pictures}


def _in_folder(folder: Path) -> Iterator[Path]:
    is_empty = True
    for path in sorted(folder.iterdir()):
        kind = picture_format(path) if path.is_file() else None
        if kind is None or kind in _LAYER_FILES:
            log.info("%s is passed over: it is no picture that can be read.", path)
            continue
        is_empty = False
        yield path
    if is_empty:
        raise MediaError(f"The folder {folder} has no picture.", "Choose the folder of the colored frames.")


def _known(path: Path) -> Picture:
    if not path.exists():
        raise MediaNotFound(f"{path} does not exist.", "Check --reference and --references.")
    # Its head only: what it holds is looked at when the film's frame is there to compare.
    with open_picture(path):
        pass
    return Picture(path=path, moment=parse_name(path.name), sha256=file_sha256(path))
