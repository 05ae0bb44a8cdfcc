"""Which way a source goes: picture or film, one file or a folder of both."""

import logging
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from videocolor.core.media import MediaInfo
from videocolor.errors import Interrupted, MediaError, MediaNotFound, SettingsError, VideoColorError
from videocolor.files import translated_os_errors
from videocolor.media.formats import CONTAINERS
from videocolor.media.probe import probe_film
from videocolor.media.still_probe import is_still, probe_still, still_frame_count
from videocolor.media.still_write import STILL_SUFFIXES
from videocolor.models.adapter import DeviceColorizer
from videocolor.pipeline.faithful import check_faithful, colorize_still_faithfully
from videocolor.pipeline.film import CheckResult, RunOptions, check_paths, colorize_film
from videocolor.pipeline.model import load_model
from videocolor.pipeline.report import RunReport, StillReport
from videocolor.pipeline.still import colorize_still
from videocolor.progress import Progress
from videocolor.settings import RunSettings

log = logging.getLogger(__name__)

_FALLBACK_SUFFIX = ".mkv"
_STILL_FALLBACK_SUFFIX = ".png"
# Files that lie in film folders and are neither film nor picture; named here so that they are not "failures".
_COMPANIONS = frozenset(
    {".txt", ".json", ".csv", ".md", ".srt", ".ass", ".vtt", ".sub", ".idx", ".nfo", ".xml", ".edl"}
)
# Animations that libav reads; as a single picture they would lose all frames but the first.
_ANIMATIONS = frozenset({".gif", ".png", ".apng"})
_NUMBERED = re.compile(r"^(?P<head>.*?)(?P<number>\d+)$")
_SEQUENCE_LENGTH = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderItem:
    """One file of a folder and what became of it."""

    source: Path
    target: Path
    report: RunReport | StillReport | None
    """None where it failed, or where the result was there already."""
    error: VideoColorError | None


def probe(path: Path, *, video_stream: int | None = None, assume_matrix: str = "auto") -> MediaInfo:
    """What a film or picture is, by its content.

    Raises:
        MediaNotFound: There is no such file.
        MediaError: Neither film nor picture.
    """
    if not path.exists():
        raise MediaNotFound(f"{path} does not exist.", "Check the name.")
    if path.is_file() and is_still(path) and not goes_as_film(path, None):
        return probe_still(path)
    return probe_film(path, video_stream=video_stream, assume_matrix=assume_matrix)


def goes_as_film(path: Path, target: Path | None) -> bool:
    """Whether a picture file is an animation that its target wants as a film: GIF or APNG into a film container."""
    if target is None or target.suffix.lower() not in CONTAINERS:
        return False
    return still_frame_count(path) > 1


def colorize_file(
    source: Path,
    target: Path,
    settings: RunSettings,
    options: RunOptions,
    *,
    progress: Progress,
    check_result: CheckResult,
    colorizer: DeviceColorizer | None = None,
) -> RunReport | StillReport:
    """Color one film or picture; its content decides which it is, not its name.

    Raises:
        VideoColorError: See `errors.py`.
    """
    if source.is_file() and is_still(source) and not goes_as_film(source, target):
        if target.suffix.lower() in CONTAINERS:
            raise SettingsError(
                f"{source} is a single picture, {target} a film.",
                f"Name the result {target.stem}{_STILL_FALLBACK_SUFFIX}.",
            )
        check_paths(source, target, options)
        if settings.references:
            raise SettingsError(
                f"--reference gives frames of a film, {source} is a single picture.", "Leave it out, or name the film."
            )
        color = colorize_still_faithfully if settings.faithful else colorize_still
        report = color(source, target, settings, colorizer=colorizer)
        for note in report.notes:
            log.info("%s: %s", source.name, note)
        return report
    if source.is_file() and target.suffix.lower() in STILL_SUFFIXES:
        # Says "not a film" first where the source is neither.
        probe_film(source)
        raise SettingsError(f"{source} is a film, {target} a picture.", f"Name the result {target.stem}.mkv.")
    return colorize_film(
        source,
        target,
        settings,
        options,
        progress=progress,
        check_result=check_result,
        colorizer=colorizer,
    )


def plan_folder(folder: Path, target: Path) -> list[tuple[Path, Path]]:
    """Every film and picture below a folder with the name of its result.

    A suffix that can be written is kept, else the result is .mkv or .png.

    Raises:
        MediaError: No media below the folder.
        SettingsError: Two sources would get one name, or the target lies inside the source.
    """
    if target.resolve().is_relative_to(folder.resolve()):
        raise SettingsError(f"{target} lies inside {folder}.", "Choose a folder outside: results would be read again.")
    pairs = [(path, target / _result_name(path, folder)) for path in _files_below(folder)]
    if not pairs:
        raise MediaError(f"{folder} holds no films or pictures.", "Check the folder.")
    seen: dict[Path, Path] = {}
    for source, result in pairs:
        if result in seen:
            raise SettingsError(
                f"{seen[result]} and {source} would both become {result}.", "Rename one, or color them one by one."
            )
        seen[result] = source
    _warn_of_sequences([source for source, _ in pairs])
    return pairs


def colorize_folder(
    folder: Path,
    target: Path,
    settings: RunSettings,
    options: RunOptions,
    *,
    progress: Progress,
    check_result: CheckResult,
    on_item: Callable[[FolderItem], None] = lambda item: None,
) -> list[FolderItem]:
    """Color every film and picture below a folder, under the same relative names; failures do not stop the rest.

    Results that are there already are kept, so that the same command goes on after a stop.

    Returns:
        One item per file, in order of their names.

    Raises:
        MediaError: No media below the folder.
        SettingsError: Names collide.
        Interrupted: Ctrl+C.
    """
    pairs = plan_folder(folder, target)
    if settings.references:
        raise SettingsError("--reference gives frames of one film.", f"Color the films of {folder} one by one.")
    if settings.faithful:
        check_faithful(settings)
    colorizer = load_model(settings)
    items: list[FolderItem] = []
    for source, result in pairs:
        if options.should_stop():
            raise Interrupted(
                f"Stopped after {len(items)} of {len(pairs)} files.", "The same command goes on from there."
            )
        report, failure = None, None
        if result.exists() and not options.overwrite:
            # Results get their names only when they are whole: this is how a stopped folder goes on.
            log.warning("%s is left as it is (--overwrite makes it again).", result)
            items.append(FolderItem(source=source, target=result, report=None, error=None))
            on_item(items[-1])
            continue
        try:
            with translated_os_errors(result.parent):
                result.parent.mkdir(parents=True, exist_ok=True)
            report = colorize_file(
                source,
                result,
                settings,
                options,
                progress=progress,
                check_result=check_result,
                colorizer=colorizer,
            )
        except Interrupted:
            raise
        except VideoColorError as error:
            failure = error
            log.error("%s", error)
        items.append(FolderItem(source=source, target=result, report=report, error=failure))
        on_item(items[-1])
    return items


def _files_below(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and not name.endswith(".work"))
        for name in sorted(names):
            if not name.startswith(".") and Path(name).suffix.lower() not in _COMPANIONS:
                yield Path(parent, name)


def _result_name(path: Path, folder: Path) -> Path:
    relative = path.relative_to(folder)
    suffix = relative.suffix.lower()
    if suffix in _ANIMATIONS and _is_animated(path):
        return relative.with_suffix(_FALLBACK_SUFFIX)
    if suffix in CONTAINERS or suffix in STILL_SUFFIXES:
        try:
            still = is_still(path)
        except VideoColorError:
            return relative
        if still == (suffix in STILL_SUFFIXES):
            return relative
    try:
        fallback = _STILL_FALLBACK_SUFFIX if is_still(path) else _FALLBACK_SUFFIX
    except VideoColorError:
        fallback = _FALLBACK_SUFFIX
    return relative.with_suffix(fallback) if relative.suffix else Path(f"{relative}{fallback}")


def _is_animated(path: Path) -> bool:
    try:
        return is_still(path) and still_frame_count(path) > 1
    except VideoColorError:
        return False


def _warn_of_sequences(paths: list[Path]) -> None:
    """A run of numbered stills is probably a film: colored one by one it would flicker and lose its sound."""
    groups: dict[tuple[Path, str, str], int] = {}
    for path in paths:
        match = _NUMBERED.match(path.stem)
        if match and path.suffix.lower() in STILL_SUFFIXES:
            key = (path.parent, match["head"], path.suffix.lower())
            groups[key] = groups.get(key, 0) + 1
    for (parent, head, suffix), count in groups.items():
        if count >= _SEQUENCE_LENGTH:
            log.warning(
                "%s holds %d numbered pictures %s*%s, which look like a film: each is colored for itself.",
                parent,
                count,
                head,
                suffix,
            )
