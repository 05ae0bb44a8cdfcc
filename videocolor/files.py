"""Files that appear whole or not at all: finding, identity, atomic writing, fsync. Knows nothing about media."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from videocolor.errors import DiskFullError, MediaError, MediaNotFound, TargetError, VideoColorError

_MIB = 1 << 20


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


def file_identity(path: Path) -> str:
    """Hash of a file's size, first and last MiB: cheap for any length, and changes when the file does.

    Args:
        path: An existing file.

    Returns:
        64 hexadecimal digits (sha256).

    Raises:
        MediaNotFound: There is no such file.
        MediaError: It cannot be read.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            digest = hashlib.sha256(f"{size}:".encode())
            digest.update(file.read(_MIB))
            file.seek(max(0, size - _MIB))
            digest.update(file.read(_MIB))
    except FileNotFoundError as error:
        raise MediaNotFound(f"{path} does not exist.", "Check the name.") from error
    except OSError as error:
        raise MediaError(f"{path} cannot be read: {error.strerror}.", "Check its permissions.") from error
    return digest.hexdigest()


def file_sha256(path: Path) -> str:
    """sha256 of a whole file, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync_file(path: Path) -> None:
    """Force a finished file's bytes to the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Force a folder's entries (new names, renames) to the disk, where the system can."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def publish(part: Path, final: Path) -> None:
    """Give a finished neighbor file its final name: fsync, rename, fsync of the folder.

    A crash leaves either the old file or the whole new one under the final name.
    """
    with translated_os_errors(final):
        sync_file(part)
        part.replace(final)
        sync_folder(final.parent)


@contextmanager
def atomic_path(final: Path) -> Iterator[Path]:
    """Write to a neighbor name; it becomes `final` only if the body ends without an error.

    The neighbor keeps the suffix, because libraries choose the format by it.

    Yields:
        A path in the same folder that does not exist yet.
    """
    # A name near the file system's limit of 255 bytes leaves no room for a longer neighbor name.
    stem = os.fsencode(final.stem)[:120].decode(errors="ignore")
    handle, name = tempfile.mkstemp(prefix=f".{stem}.", suffix=f".part{final.suffix}", dir=final.parent)
    os.close(handle)
    part = Path(name)
    part.unlink()
    try:
        yield part
        publish(part, final)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def translated_os_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's complaints about writing `path` into ours.

    Raises:
        DiskFullError: No space left.
        TargetError: Any other OSError.
    """
    try:
        yield
    except VideoColorError:
        raise
    except OSError as error:
        raise os_error_to_ours(error, path) from error


def os_error_to_ours(error: OSError, path: Path) -> TargetError:
    """The error of our family that says what the system said about writing `path`."""
    import errno

    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFullError(
            f"The disk that holds {path} is full.",
            "Make room and run the same command again: finished segments are kept.",
        )
    reason = error.strerror or str(error)
    return TargetError(
        f"{path} cannot be written: {reason}.", "Check the folder and its permissions, or choose another."
    )


def write_text_atomically(path: Path, text: str) -> None:
    """Write a small text file so that a crash leaves the old or the new one, never half."""
    with translated_os_errors(path), atomic_path(path) as part:
        part.write_text(text, encoding="utf-8")


def check_writable_folder(folder: Path) -> None:
    """Find out before hours of work whether files can be made in a folder.

    Raises:
        TargetError: The folder is missing or refuses new files.
    """
    if not folder.is_dir():
        raise TargetError(f"The folder {folder} does not exist.", "Create it first.")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise os_error_to_ours(error, folder) from error
