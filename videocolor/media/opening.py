"""Opening containers: always through the file protocol, with libav's complaints translated."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
from av.container import InputContainer

from videocolor.errors import MediaError, MediaNotFound

_MOOV_REMEDY = "The recording was cut off before its index was written; repair it with a tool such as untrunc."


def libav_name(path: Path) -> str:
    """How libav must be told a path: `colon:name.mp4` alone would be taken for a protocol, `%03d` for a pattern."""
    return f"file:{path}"


@contextmanager
def open_input(path: Path) -> Iterator[InputContainer]:
    """Open a film for reading; the container is closed when the block is left.

    Raises:
        MediaNotFound: There is no such file.
        MediaError: Empty, not media, or damaged beyond its index.
    """
    if not path.exists():
        raise MediaNotFound(f"{path} does not exist.", "Check the name.")
    if path.is_dir():
        raise MediaError(f"{path} is a folder.", "Give a file, or a folder to `colorize` only.")
    if path.stat().st_size == 0:
        raise MediaError(f"{path} is empty.", "Copy it again from its source.")
    try:
        # Numbered-pattern and playlist demuxers are never wanted for one file of a user.
        container = av.open(libav_name(path), options={"pattern_type": "none"}, metadata_errors="replace")
    except (av.FFmpegError, OSError, ValueError) as error:
        raise unreadable(path, error) from error
    with container:
        yield container


_UNREACHABLE = frozenset({errno.EIO, errno.ESTALE, errno.ENXIO, errno.ENODEV, errno.ETIMEDOUT})


def raise_if_unreachable(error: Exception, path: Path) -> None:
    """A disk or network share that is gone is no end of a film: stop, so that the run can go on later.

    Raises:
        MediaError: The error says that the file cannot be reached any more.
    """
    if isinstance(error, OSError) and error.errno in _UNREACHABLE:
        raise MediaError(
            f"{path} cannot be read any more: {error.strerror}.", "Check its disk, then run again."
        ) from error


def unreadable(path: Path, error: Exception) -> MediaError:
    """The error that says why libav cannot open a file."""
    if isinstance(error, PermissionError):
        return MediaError(f"{path} cannot be read: permission denied.", "Check its permissions.")
    if _looks_like_mp4_without_index(path):
        return MediaError(f"{path} is an incomplete MP4 file: its index (moov) is missing.", _MOOV_REMEDY)
    return MediaError(f"{path} is not a video or picture that can be read.", "Check that the file is whole.")


def _looks_like_mp4_without_index(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(1 << 16)
    return head[4:8] == b"ftyp" and b"moov" not in head
