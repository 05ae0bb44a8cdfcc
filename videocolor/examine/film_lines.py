"""The lines that need no true colors, on frames of one film: its own luma, from the shots that need a look first."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain, groupby, islice
from pathlib import Path

import torch

from videocolor.core.frames import Frame
from videocolor.core.media import VideoInfo
from videocolor.evaluate.shot_report import FilmReport, ShotReport
from videocolor.evaluate.shot_walk import decoded
from videocolor.examine.clips import clip_size
from videocolor.examine.exam import ExamResult, examine
from videocolor.examine.lines.registry import LINES, Line
from videocolor.examine.subject import Subject
from videocolor.examine.views import Clip, Material, View
from videocolor.media.probe import probe_film
from videocolor.pipeline.batches import quarter_turns, small_lightness
from videocolor.progress import Progress

SHOTS, FRAMES = 6, 12
"""At most so many shots, and frames of each: they stay in memory, 37 MB of 480 x 270 pixels."""
# Shorter shots say little about what happens over time.
_LEAST_FRAMES = 6
_HASH_DIGITS = 12


def truth_free_lines(lines: Sequence[Line] = LINES) -> tuple[Line, ...]:
    """Those that a film can be examined on whose colors nobody knows."""
    return tuple(line for line in lines if not line.needs_truth)


def examine_on_film(
    subject: Subject,
    report: FilmReport,
    *,
    lines: Sequence[Line] = LINES,
    sha256: str | None = None,
    compute: str | None = None,
    progress: Progress,
) -> ExamResult:
    """Examine a colorizer on a film's luma; the film's own colors play no role but for which shots are taken.

    Args:
        subject: Who is examined.
        report: Of the film.
        lines: Of these the ones that need no truth.
        sha256: Of its weights, for the result.
        compute: On what it runs, for the result.
        progress: Told about the frames that are read, and about every line.

    Returns:
        The result. Its settings have `compute`, if given, and `size`, height and width at which the network sees the
        film in pixels.

    Raises:
        MediaError: The film can be read no more.
        OutOfMemoryError: One frame alone does not fit.
    """
    shots = chosen_shots(report)
    clips = read_clips(report, shots, progress)
    names = ", ".join(str(shot.shot) for shot in shots)
    material = Material(clips=tuple(_Held(clip.name, clip) for clip in clips))
    run_as = {"size": list(subject.seen_size(clips[0].views[0])), **({} if compute is None else {"compute": compute})}
    result = examine(subject, material, lines=truth_free_lines(lines), sha256=sha256, run_as=run_as, progress=progress)
    notes = (
        f"The lines were examined on up to {FRAMES} frames of each of these shots: {names}.",
        f"{result.model} was examined at default size and smoothing: {how_examined(result)}.",
    )
    return replace(result, notes=notes)


def how_examined(result: ExamResult) -> str:
    """Weights, device, size and smoothing of a result of `examine_on_film` in words."""
    settings = result.settings
    height, width = settings["size"]
    words = [
        None if result.sha256 is None else f"weights {_short_hash(result.sha256)}",
        settings.get("compute"),
        f"{width} x {height} pixels",
        f"smoothing {settings['smoothing']} ({settings['smoothing_strength']})",
    ]
    return ", ".join(word for word in words if word)


def _short_hash(sha256: str) -> str:
    """Of two blended models both."""
    return "+".join(part[:_HASH_DIGITS] for part in sha256.split("+"))


def chosen_shots(report: FilmReport) -> tuple[ShotReport, ...]:
    """The worst shots that are long enough, worst first; of a film that has none of these, the worst of all."""
    long = [shot for shot in report.worst_first if shot.figures.frames >= _LEAST_FRAMES]
    return tuple((long or report.worst_first)[:SHOTS])


def read_clips(report: FilmReport, shots: Sequence[ShotReport], progress: Progress) -> tuple[Clip, ...]:
    """The middle frames of some shots, upright, with square pixels, without colors.

    Args:
        report: Of the film.
        shots: Some of its shots.
        progress: Told about every frame up to the last that is wanted.

    Returns:
        A clip for each shot, in the order of `shots`.

    Raises:
        MediaError: The film can be read no more.
    """
    info = probe_film(Path(report.film))
    size, turns = clip_size(info.video, report.settings.width), quarter_turns(info.video)
    last = max(shot.shot for shot in shots)
    wanted = {shot.shot: max(0, shot.figures.frames - FRAMES) // 2 for shot in shots}
    found: dict[int, tuple[View, ...]] = {}
    progress.start("measure", total=sum(shot.figures.frames for shot in report.shots if shot.shot <= last))
    with closing(decoded(info, is_damaged=False)) as frames:
        for number, part in _by_shot(_told(frames, progress), info.video, report.shots):
            if number in wanted:
                middle = islice(part, wanted[number], wanted[number] + FRAMES)
                found[number] = tuple(_view(frame, size, turns) for frame in middle)
            if number == last:
                break
    progress.finish()
    return tuple(Clip(name=f"shot {shot.shot}", views=found[shot.shot]) for shot in shots)


def _told(frames: Iterable[Frame], progress: Progress) -> Iterator[Frame]:
    for frame in frames:
        progress.advance(None)
        yield frame


def _by_shot(
    frames: Iterator[Frame], video: VideoInfo, shots: Sequence[ShotReport]
) -> Iterator[tuple[int, Iterator[Frame]]]:
    """The frames of each shot with its number."""
    starts = [shot.start_s for shot in shots]
    first = next(frames)

    def number_of(frame: Frame) -> int:
        # Rounded as the report's times are.
        second = round(float((frame.pts - first.pts) * video.time_base), 6)
        return shots[bisect_right(starts, second) - 1].shot

    return groupby(chain([first], frames), key=number_of)


def _view(frame: Frame, size: tuple[int, int], turns: int) -> View:
    lightness = small_lightness(frame.y, frame.layout, size, turns)
    return View(lightness=torch.from_numpy(lightness)[None], ab=None, is_still=False)


@dataclass(frozen=True, slots=True)
class _Held:
    """A clip that is in memory already, as the material wants it."""

    name: str
    clip: Clip

    def __call__(self) -> Clip:
        return self.clip
