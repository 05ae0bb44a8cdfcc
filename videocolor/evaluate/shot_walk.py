"""Going through a film shot by shot with bounded memory: which shots there are, and the frames of each."""

from bisect import bisect_right
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TypeVar

from videocolor.core.frames import Frame
from videocolor.core.media import MediaInfo
from videocolor.core.shots import Plan, Shot
from videocolor.errors import MediaError
from videocolor.media.decode import DecodeCounts, DecodeSettings, open_frames
from videocolor.media.probe import probe_film
from videocolor.media.still_probe import is_still
from videocolor.media.timing import format_time_code
from videocolor.pipeline.plan import expected_frame_count, make_plan
from videocolor.pipeline.read_ahead import read_ahead
from videocolor.progress import Progress
from videocolor.settings import RunSettings

T = TypeVar("T")

_STORED_FRAMES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedShots:
    """A film and its shots, as pictures see them: a very long shot that a run divides is one."""

    info: MediaInfo
    plan: Plan
    shots: tuple[Shot, ...]

    def seconds(self, pts: int) -> float:
        """From the film's first frame, as players count."""
        return float((pts - self.plan.pts[0]) * self.plan.time_base)

    def time_code(self, pts: int) -> str:
        """`HH:MM:SS.mmm` from the film's first frame."""
        return format_time_code(self.seconds(pts))


def plan_shots(path: Path, *, detector: str, progress: Progress) -> PlannedShots:
    """Find a film's shots in a pass of its own over small luma.

    Raises:
        MediaNotFound: There is no such file.
        MediaError: A picture, not a film, or nothing that can be decoded.
    """
    if path.is_file() and is_still(path):
        raise MediaError(f"{path} is a picture, not a film.", "Give a film; `videocolor evaluate` takes pictures, too.")
    info = probe_film(path)
    progress.start("plan", total=expected_frame_count(info))
    settings = RunSettings(detector=detector)
    plan = make_plan(info, settings, DecodeSettings(), on_frame=lambda count: progress.advance(None)).plan
    progress.finish()
    return PlannedShots(info=info, plan=plan, shots=plan.whole_shots)


def decoded(info: MediaInfo, *, is_damaged: bool) -> Generator[Frame, None, None]:
    """All frames of a film, a few of them decoded ahead."""
    settings = DecodeSettings(threads=1 if is_damaged else 0)
    return read_ahead(open_frames(info, settings, DecodeCounts()), depth=_STORED_FRAMES)


def by_shot(items: Iterator[T], film: PlannedShots, pts_of: Callable[[T], int]) -> Iterator[tuple[Shot, Iterator[T]]]:
    """Divide a stream of frames, or of things that have a frame, at the cuts; each part is read before the next."""
    starts = [shot.start_pts for shot in film.shots]
    for number, part in groupby(items, key=lambda item: bisect_right(starts, pts_of(item)) - 1):
        yield film.shots[max(0, number)], part
