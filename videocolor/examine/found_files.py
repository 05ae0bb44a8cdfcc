"""The files that paths from the command line lead to."""

import os
from collections.abc import Iterator
from pathlib import Path

from videocolor.errors import MediaNotFound


def existing(path: Path) -> Path:
    """The path itself.

    Raises:
        MediaNotFound: Nothing is there.
    """
    if not path.exists():
        raise MediaNotFound(f"{path} does not exist.", "Check the name.")
    return path


def files_below(folder: Path) -> Iterator[Path]:
    """All files in a folder and its folders, sorted, but for hidden ones."""
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(parent, name)
            if not name.startswith(".") and path.is_file():
                yield path
