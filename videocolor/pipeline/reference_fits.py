"""Which frames a run's references are, and whether they show them: asked for all pictures before the first is used."""

import logging
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain

from videocolor.core.media import MediaInfo
from videocolor.core.motion import GrayPlane, Size
from videocolor.errors import Interrupted, SettingsError
from videocolor.pipeline.frame_ranges import PlannedFrames
from videocolor.progress import Progress
from videocolor.references.fit import Fit, fit_picture, judge_fit, undo_shift
from videocolor.references.load import Painting, at_work_size, read_picture, stored_views
from videocolor.references.names import FilmClock, FrameNumber, find_frame
from videocolor.references.pictures import Picture, check_one_for_each
from videocolor.temporal.motion import flow_gray

log = logging.getLogger(__name__)

_LOOK_AROUND = 8
"""Frames before and behind, one of which a picture may show by mistake."""
_MOST_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedPicture:
    """A picture, and how it lies on its frame; small, because the pixels are read again when they are used."""

    picture: Picture
    info: MediaInfo
    size: Size
    view: int
    """Which of `stored_views`."""
    shift: tuple[float, float]

    def painting(self) -> Painting:
        """Read the picture and bring it to its place."""
        views = stored_views(read_picture(self.picture.path), self.info.video, str(self.picture.path))
        return undo_shift(at_work_size(views[self.view], self.size), self.shift)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Tells how far a pass over frames is, and ends it when it is asked to."""

    progress: Progress
    should_stop: Callable[[], bool]

    def step(self) -> None:
        """One of the frames that were promised as the phase's total is finished.

        Raises:
            Interrupted: `should_stop` said so.
        """
        self.progress.advance(None)
        self.check()

    def check(self) -> None:
        """A frame is finished that nobody counts.

        Raises:
            Interrupted: `should_stop` said so.
        """
        if self.should_stop():
            raise Interrupted(
                "Stopped while references were compared with their frames.",
                "The same command compares them anew.",
            )


def film_clock(film: PlannedFrames, pictures: Sequence[Picture], watch: Watch) -> FilmClock:
    """The planned frames' times and numbers; with --start the film is decoded up to there if a picture has a number."""
    has_number = any(isinstance(picture.moment, FrameNumber) for picture in pictures)
    first: int | None = None
    if film.decode.start is None or has_number:
        if film.decode.start is not None:
            watch.progress.start("references", total=None)
        first = film.count_before(on_frame=watch.step)
    return FilmClock.of(film.plan, origin_pts=film.info.video.start_pts, first_number=first)


def place_pictures(pictures: Sequence[Picture], clock: FilmClock) -> dict[int, Picture]:
    """Find each picture's frame.

    Returns:
        By index in the plan, rising.

    Raises:
        SettingsError: A picture has no frame in this run, or two have the same.
    """
    placed = [(find_frame(str(picture.path), picture.moment, clock), picture) for picture in pictures]
    check_one_for_each(placed)
    return dict(sorted(placed, key=lambda pair: pair[0]))


def fit_pictures(
    placed: Mapping[int, Picture], film: PlannedFrames, clock: FilmClock, size: Size, watch: Watch
) -> dict[int, FittedPicture]:
    """Compare every picture with its frame.

    Args:
        placed: By index in the plan, rising.
        film: To compare with.
        clock: Names frames in messages.
        size: Work size of the film.
        watch: Told `fitting_steps` times of a frame.

    Raises:
        Interrupted: The watch said so.
        SettingsError: Pictures do not show the frames that they are named after; the first few are told.
        MediaError: A picture cannot be read.
    """
    fitted: dict[int, FittedPicture] = {}
    wrong: list[tuple[str, str]] = []
    with closing(_grays_around(list(placed), film, size, watch)) as windows:
        for index, grays in windows:
            picture = placed[index]
            painting, fit, fitted[index] = _fit(picture, grays[index], film.info, size)
            misfit = judge_fit(painting, fit, index, grays)
            if misfit is None:
                _tell(picture, painting, fit, clock.describe(index))
            elif misfit.meant is None:
                wrong.append((f"{picture.path} {misfit.reason} ({clock.describe(index)})", misfit.remedy))
            else:
                shown = clock.describe(misfit.meant)
                wrong.append((f"{picture.path} shows {shown}, not {clock.describe(index)}", misfit.remedy))
    if wrong:
        more = len(wrong) - _MOST_NAMED
        named = "; ".join(problem for problem, _ in wrong[:_MOST_NAMED])
        raise SettingsError(named + (f"; and {more} more." if more > 0 else "."), wrong[0][1])
    return fitted


def fitting_steps(placed: Mapping[int, Picture], frame_count: int) -> int:
    """How many frames `fit_pictures` looks at, of a film of some frames."""
    return sum(map(len, _joined(list(_around(list(placed), frame_count).values()))))


def _fit(picture: Picture, gray: GrayPlane, info: MediaInfo, size: Size) -> tuple[Painting, Fit, FittedPicture]:
    """The best of the ways in which a picture can lie on its frame."""
    views = stored_views(read_picture(picture.path), info.video, str(picture.path))
    tried = []
    for number, view in enumerate(views):
        painting = at_work_size(view, size)
        tried.append((painting, fit_picture(painting, gray), number))
    painting, fit, view_number = max(tried, key=lambda item: -1.0 if item[1].likeness is None else item[1].likeness)
    return painting, fit, FittedPicture(picture=picture, info=info, size=size, view=view_number, shift=fit.shift)


def _tell(picture: Picture, painting: Painting, fit: Fit, frame: str) -> None:
    """What the user may want to know of a picture that is used."""
    if not painting.has_color:
        log.warning("%s (%s) has no color: what it covers becomes gray.", picture.path, frame)
    if fit.likeness is None:
        log.warning("%s (%s) has no detail to compare with the film: it is taken as it lies.", picture.path, frame)
    if fit.shift != (0.0, 0.0):
        columns, rows = (value / painting.gray.shape[1] for value in fit.shift)
        log.info(
            "%s (%s) lies %+.1f %% of the width across, %+.1f %% down: undone.",
            picture.path,
            frame,
            *(100 * columns, 100 * rows),
        )
    log.debug("%s is %s, likeness %s", picture.path, frame, fit.likeness)


def _grays_around(
    wanted: Sequence[int], film: PlannedFrames, size: Size, watch: Watch
) -> Generator[tuple[int, dict[int, GrayPlane]], None, None]:
    """Grays of each wanted frame and of those around it; a few frames are held at a time.

    Args:
        wanted: Indices in the plan, rising.
        film: Where they are.
        size: Of the grays.
        watch: Told of every frame.
    """
    count = film.plan.frame_count
    around = _around(wanted, count)
    ranges = _joined(list(around.values()))
    waiting = deque(wanted)
    held: dict[int, GrayPlane] = {}
    with closing(film.of(ranges, on_dropped=watch.check)) as frames:  # type: ignore[type-var]
        for index, frame in zip(chain.from_iterable(ranges), frames, strict=True):
            held[index] = flow_gray(frame.y, size, bit_depth=frame.layout.bit_depth)
            watch.step()
            while waiting and index == around[waiting[0]].stop - 1:
                done = waiting.popleft()
                yield done, {other: held[other] for other in around[done]}
            oldest = around[waiting[0]].start if waiting else count
            held = {other: gray for other, gray in held.items() if other >= oldest}


def _around(wanted: Sequence[int], count: int) -> dict[int, range]:
    """The frames to look at for each wanted one."""
    return {index: range(max(0, index - _LOOK_AROUND), min(count, index + _LOOK_AROUND + 1)) for index in wanted}


def _joined(ranges: Sequence[range]) -> list[range]:
    """Ranges that overlap or touch become one."""
    found: list[range] = []
    for item in ranges:
        if found and item.start <= found[-1].stop:
            found[-1] = range(found[-1].start, max(found[-1].stop, item.stop))
        else:
            found.append(item)
    return found
