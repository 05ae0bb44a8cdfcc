"""Getting weight files: from their addresses, or from a file that the user has. Nothing wrong gets the final name."""

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from videocolor.errors import DiskFullError, VideoColorError, WeightsError
from videocolor.files import atomic_path, file_sha256, os_error_to_ours, translated_os_errors
from videocolor.models.store.manifest import WeightFile
from videocolor.models.store.recorded import RECORD_NAME, Expected, expected_of, record_first_use
from videocolor.models.store.resumable import ResumableDownloader, discard_parts, why_failed
from videocolor.paths import weights_cache

log = logging.getLogger(__name__)


def fetch_weights(
    file: WeightFile,
    *,
    folder: Path | None = None,
    show_bar: bool = False,
    timeout_s: tuple[float, float] = (15.0, 60.0),
) -> Path:
    """Get a file from the first of its addresses that gives the right bytes; go on with a part that is here.

    A file that is here already and has the right hash is left as it is. One without a known hash is recorded when it
    is first seen, and compared with that record from then on.

    Args:
        file: What to fetch.
        folder: Where to put it; None: the cache of weights.
        show_bar: Draw a bar if stderr is a terminal.
        timeout_s: For the connection, and for each wait for bytes.

    Returns:
        The file.

    Raises:
        WeightsError: No address gave it; the text names every one and why.
        DiskFullError: No space is left; what has arrived is kept.
        TargetError: The folder cannot be written.
    """
    folder = folder or weights_cache()
    final = folder / file.name
    with _disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with _held(folder, file.name):
            expected = expected_of(file, folder)
            if final.is_file():
                if expected is None:
                    _trust_first(final, source=str(final))
                    return final
                if file_sha256(final) == expected.sha256:
                    log.info("%s is here already: %s", file.name, final)
                    return final
                log.warning("%s is not the file that it should be; fetching it anew", final)
            source = _download(file, final, expected, show_bar=show_bar, timeout_s=timeout_s)
            discard_parts(final)
            if expected is None:
                _trust_first(final, source=source)
    return final


def bring_weights(file: WeightFile, source: Path, *, folder: Path | None = None) -> Path:
    """Copy a file that the user has into the cache, after the same checks as for a fetched one. Needs no network.

    Args:
        file: What it claims to be.
        source: The user's file; it stays as it is.
        folder: Where to put it; None: the cache of weights.

    Returns:
        The copy.

    Raises:
        WeightsError: `source` cannot be read, or is another file.
        DiskFullError, TargetError: The copy cannot be written.
    """
    folder = folder or weights_cache()
    final = folder / file.name
    try:
        size = source.stat().st_size
        source.open("rb").close()
    except OSError as error:
        raise WeightsError(f"{source} cannot be read: {error.strerror}.", "Check --from.") from error
    with _disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with _held(folder, file.name):
            expected = expected_of(file, folder)
            if expected is not None and expected.size_bytes not in (None, size):
                raise _wrong_file(source, final, expected, f"{size} bytes, not {expected.size_bytes}")
            with translated_os_errors(final), atomic_path(final) as part:
                shutil.copyfile(source, part)
                digest = file_sha256(part)
                if expected is not None and digest != expected.sha256:
                    raise _wrong_file(source, final, expected, f"sha256 {digest}, not {expected.sha256}")
            if expected is None:
                _trust_first(final, source=str(source.absolute()))
    return final


def _download(
    file: WeightFile, final: Path, expected: Expected | None, *, show_bar: bool, timeout_s: tuple[float, float]
) -> str:
    """Try the addresses in order; the one that gave the file."""
    import pooch
    import requests

    downloader = ResumableDownloader(
        final=final,
        size_bytes=expected.size_bytes if expected is not None else file.size_bytes,
        is_hash_known=expected is not None,
        show_bar=show_bar,
        timeout_s=timeout_s,
    )
    known_hash = None if expected is None else f"sha256:{expected.sha256}"
    failures = []
    for source in file.sources:
        log.info("%s from %s", file.name, source)
        try:
            with _quiet(pooch.get_logger()):
                pooch.retrieve(source, known_hash, fname=final.name, path=final.parent, downloader=downloader)
            return source
        except (requests.RequestException, ValueError) as error:
            # ValueError is also pooch's word for a wrong hash; the download is then removed.
            reason = why_failed(error, timeout_s)
            log.warning("%s: %s", source, reason)
            failures.append(f"{source} ({reason})")
    replaced = _if_replaced(final.parent) if expected is not None and expected.is_recorded else ""
    raise WeightsError(
        f"{file.name} could not be fetched. Tried: {'; '.join(failures)}.",
        "Run the same command again later, or get the file another way and run: "
        f"videocolor models fetch {file.name} --from FILE{replaced}",
    )


def _trust_first(final: Path, *, source: str) -> None:
    """Record a file of which nothing is known but that it came."""
    digest, size = file_sha256(final), final.stat().st_size
    with FileLock(final.with_name(f".{RECORD_NAME}.lock")):
        record_first_use(final.parent, final.name, sha256=digest, size_bytes=size, source=source)
    log.warning(
        "%s: no published hash is known: recorded sha256 %s and %d bytes on first use", final.name, digest, size
    )


def _wrong_file(source: Path, final: Path, expected: Expected, difference: str) -> WeightsError:
    if expected.is_recorded:
        return WeightsError(
            f"{source} is not the {final.name} that was recorded on first use: {difference}.",
            f"Take the file that it was{_if_replaced(final.parent)}.",
        )
    return WeightsError(
        f"{source} is not {final.name}: {difference}.", "Get it again; it may be cut or another version."
    )


def _if_replaced(folder: Path) -> str:
    return f" (if its publisher has replaced it: take its entry out of {folder / RECORD_NAME})"


@contextmanager
def _held(folder: Path, name: str) -> Iterator[None]:
    """Keep other processes away from a file; wait for one that is at it."""
    lock = FileLock(folder / f".{name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        log.info("another process is fetching %s; waiting for it", name)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """Pooch tells its own logger, whose handler is always there, what we say in our words."""
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


@contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    """Our errors for the system's; a full disk in words that fit a download."""
    try:
        yield
    except OSError as error:
        ours = error if isinstance(error, VideoColorError) else os_error_to_ours(error, folder)
        if isinstance(ours, DiskFullError):
            ours = DiskFullError(
                ours.problem,
                "Make room, or choose another folder by VIDEOCOLOR_WEIGHTS, and run the same command again: "
                "what has arrived is kept.",
            )
        raise ours from error
