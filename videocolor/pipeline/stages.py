"""The way of the data from decoded to merged frames, for all unfinished segments in one go.

Each stage is a generator that knows the stretches and takes exactly the planned number of frames of each part: no
peeking at the next shot's first frame, and filters keep their state in local variables that end with the shot.
"""

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import islice

from videocolor.core.frames import ColoredFrame, Frame, MergedFrame, MovingFrame, ShotContext
from videocolor.core.motion import FilterState
from videocolor.core.protocols import Colorizer
from videocolor.core.shots import Shot
from videocolor.merge.merge import MergeSettings, merge, source_chroma
from videocolor.pipeline.batches import colorize
from videocolor.pipeline.job import FilmJob, shot_seed
from videocolor.pipeline.keyframes import colorize_keyframes
from videocolor.pipeline.read_ahead import read_ahead
from videocolor.pipeline.references import CarriedColors
from videocolor.pipeline.stage_clock import WAIT, StageClock
from videocolor.pipeline.stretches import Stretch
from videocolor.temporal.motion import with_motion

MOVING_AHEAD, COLORED_AHEAD, MERGED_AHEAD = 4, 4, 4
"""Frames in store behind each stage that has a thread of its own."""

_GRAY = "motion gray"


def merged_stream(
    source: Iterable[Frame],
    stretches: Sequence[Stretch],
    job: FilmJob,
    colorizer: Colorizer,
    clock: StageClock,
    *,
    carried: CarriedColors | None = None,
) -> Generator[MergedFrame, None, None]:
    """Frames on their way from the decoder to the encoder: motion, network and filter each in a thread of its own.

    Args:
        source: The frames of the stretches, in order.
        stretches: What one run of the filter covers, in order.
        job: The film's.
        colorizer: The model.
        clock: Counts the stages' busy time.
        carried: Colors of frames that a person painted.
    """
    moving: Iterator[MovingFrame] = _moving(clock.timed(WAIT, source), stretches, job, clock)
    if job.motion_size is not None:
        moving = read_ahead(moving, MOVING_AHEAD)
    colored = read_ahead(_colored(clock.timed(WAIT, moving), stretches, job, colorizer, clock, carried), COLORED_AHEAD)
    return read_ahead(_merged(clock.timed(WAIT, colored), stretches, job, clock), MERGED_AHEAD)


def _moving(
    source: Generator[Frame, None, None], stretches: Sequence[Stretch], job: FilmJob, clock: StageClock
) -> Iterator[MovingFrame]:
    # Closed here and in the stages below, not by the collector: each closes the thread before it.
    with closing(source):
        for stretch in stretches:
            previous = None if stretch.state is None else stretch.state.get(_GRAY)
            for part in stretch.parts:
                frames = islice(source, part.frame_count)
                if job.motion_size is None or stretch.keeps_color:
                    yield from (MovingFrame(frame=frame, motion=None) for frame in frames)
                    continue
                for moving in clock.timed("motion", with_motion(frames, job.motion_size, previous=previous)):
                    assert moving.motion is not None
                    previous = moving.motion.gray
                    yield moving


def _colored(
    source: Generator[MovingFrame, None, None],
    stretches: Sequence[Stretch],
    job: FilmJob,
    colorizer: Colorizer,
    clock: StageClock,
    carried: CarriedColors | None,
) -> Iterator[ColoredFrame | MovingFrame]:
    """Colors by the network, and a person's; frames of shots that keep their color pass as they are."""
    with closing(source):
        for stretch in stretches:
            seed = shot_seed(job.settings.seed, stretch.shot_start_pts)
            for part in stretch.parts:
                frames = islice(source, part.frame_count)
                if stretch.keeps_color:
                    yield from frames
                    continue
                colored = _seen_by_network(frames, ShotContext(shot=part, seed=seed), job, colorizer)
                if carried is not None:
                    colored = carried.guided(colored)
                yield from clock.timed("network", colored)


def _seen_by_network(
    frames: Iterable[MovingFrame], context: ShotContext, job: FilmJob, colorizer: Colorizer
) -> Iterator[ColoredFrame]:
    spacing = job.settings.keyframes
    if spacing is None:
        return colorize(frames, colorizer, context, job.network)
    return colorize_keyframes(frames, colorizer, context, job.network, spacing=spacing)


def _merged(
    source: Generator[ColoredFrame | MovingFrame, None, None],
    stretches: Sequence[Stretch],
    job: FilmJob,
    clock: StageClock,
) -> Iterator[MergedFrame]:
    with closing(source):
        for stretch in stretches:
            frames = islice(source, stretch.frame_count)
            if stretch.keeps_color:
                yield from clock.timed("merge", _with_source_chroma(frames, job.merge))
                continue
            smoothed = clock.timed("temporal", _smoothed(frames, stretch.state, job))  # type: ignore[arg-type]
            yield from clock.timed("merge", merge(smoothed, job.merge))


def _smoothed(frames: Iterable[ColoredFrame], state: FilterState | None, job: FilmJob) -> Iterator[ColoredFrame]:
    """The filter's frames; where a run could go on from here, the state has the gray of this frame, too."""
    for colored in job.smooth(frames, state):
        if colored.state is not None and colored.motion is not None:
            yield replace(colored, state={**colored.state, _GRAY: colored.motion.gray})
        else:
            yield colored


def _with_source_chroma(frames: Iterable[ColoredFrame | MovingFrame], settings: MergeSettings) -> Iterator[MergedFrame]:
    for item in frames:
        merged = source_chroma(item.frame, settings)
        assert merged is not None, "check_kept_color was asked before"
        yield merged


def shot_of_each_frame(shots: Iterable[Shot]) -> Iterator[Shot]:
    """Every shot as often as it has frames."""
    for shot in shots:
        for _ in range(shot.frame_count):
            yield shot
