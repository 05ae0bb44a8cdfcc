"""One segment, from frames to a file: the whole way of the data in one place."""

import hashlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from videocolor.core.frames import Frame, MergedFrame, ShotContext
from videocolor.core.media import MediaInfo
from videocolor.core.protocols import Colorizer
from videocolor.core.shots import Plan, Segment, Shot
from videocolor.errors import MediaError, SettingsError
from videocolor.files import publish
from videocolor.journal.journal import SegmentResult
from videocolor.media.encode import LumaDigest, open_encoder
from videocolor.media.formats import Encoding
from videocolor.merge.merge import MergeSettings, has_source_grid, merge, source_chroma
from videocolor.pipeline.batches import Size, colorize
from videocolor.pipeline.plan import HAS_COLOR
from videocolor.pipeline.read_ahead import read_ahead
from videocolor.pipeline.stage_clock import WAIT, StageClock
from videocolor.settings import RunSettings
from videocolor.temporal.filters import load_filter

log = logging.getLogger(__name__)

MERGED_AHEAD = 8
"""Finished frames in store before the encoder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmJob:
    """What is the same for every segment of a film."""

    info: MediaInfo
    settings: RunSettings
    encoding: Encoding
    merge: MergeSettings
    network_sizes: tuple[Size, ...]
    """Of the lightness for each member of the colorizer, upright, rim not included."""
    turns: int
    """Clockwise quarter turns that set the picture upright."""
    batch_size: int
    device: torch.device


def color_segment(
    source: Iterator[Frame],
    segment: Segment,
    plan: Plan,
    job: FilmJob,
    colorizer: Colorizer,
    final: Path,
    *,
    clock: StageClock,
    on_frame: Callable[[Shot], None] = lambda shot: None,
) -> SegmentResult:
    """Colour and encode the next segment of a stream of frames.

    Args:
        source: The film's frames, standing at the segment's first.
        segment: From the plan.
        plan: Its pts are what the decoder must give.
        job: The film's.
        colorizer: The model.
        final: The segment's file; it appears by rename when it is whole.
        clock: Counts the stages' busy time.
        on_frame: Called after each encoded frame.

    Raises:
        MediaError: The decoder gives other frames than in the planning pass.
        EncoderError: The encoder fails.
        DiskFullError: No space left.
    """
    begin = time.perf_counter()
    part = final.with_name(f".{final.name}.part")
    expected = plan.pts[segment.first_frame : segment.first_frame + segment.frame_count]
    digest, coded, last_luma = LumaDigest(), hashlib.sha256(), ""
    limited = kept = 0.0
    number = 0
    merged_frames = read_ahead(merged_stream(source, segment, job, colorizer, clock), MERGED_AHEAD)
    shots = _shot_of_each_frame(segment)
    with (
        open_encoder(part, job.encoding, origin_pts=segment.start_pts) as encoder,
        closing(clock.timed(WAIT, merged_frames)) as arriving,
    ):
        for merged in arriving:
            if number >= len(expected) or merged.frame.pts != expected[number]:
                raise _unplanned(job.info.path, merged.frame.pts)
            with clock.lap("encode"):
                # Before the encoder: it writes the new chroma into the very buffer that y is a view of.
                digest.add(segment.first_frame + number, merged.frame.y)
                if number + 1 == len(expected):
                    last_luma = luma_sha256(merged.frame)
                coded.update(merged.frame.pts.to_bytes(8, "little", signed=True))
                limited += merged.limited_share
                kept += merged.keeps_color
                encoder.write(merged)
            number += 1
            on_frame(next(shots))
        if number != len(expected):
            raise _unplanned(job.info.path, None)
    publish(part, final)
    return SegmentResult(
        index=segment.index,
        file=final.name,
        size_bytes=final.stat().st_size,
        frame_count=number,
        pts_sha256=coded.hexdigest(),
        luma_sum=digest.hex,
        last_luma_sha256=last_luma,
        limited_share=limited / number,
        kept_color_frames=int(kept),
        wall_s=round(time.perf_counter() - begin, 3),
    )


def merged_stream(
    source: Iterator[Frame], segment: Segment, job: FilmJob, colorizer: Colorizer, clock: StageClock
) -> Iterator[MergedFrame]:
    """Frames of a segment on their way from the decoder to the encoder, shot by shot.

    A shot is exactly its planned number of frames: no peeking at the next shot's first frame, and filters keep
    their state in local variables that end with the shot.
    """
    smooth = load_filter(job.settings.smoothing)
    for shot in segment.shots:
        frames = clock.timed(WAIT, islice(source, shot.frame_count))
        if keeps_color(shot, job.settings):
            yield from clock.timed("merge", _with_source_chroma(frames, job.merge))
            continue
        context = ShotContext(shot=shot, seed=shot_seed(job.settings.seed, shot))
        colored = colorize(
            frames,
            colorizer,
            context,
            sizes=job.network_sizes,
            turns=job.turns,
            batch_size=job.batch_size,
            device=job.device,
        )
        smoothed = clock.timed("temporal", smooth(clock.timed("network", colored)))
        yield from clock.timed("merge", merge(smoothed, job.merge))


def keeps_color(shot: Shot, settings: RunSettings) -> bool:
    """Whether a shot goes through with the source's own chroma."""
    return settings.keep_color and shot.source_chroma >= HAS_COLOR


def check_kept_color(plan: Plan, job: FilmJob) -> None:
    """Find out before the first segment whether --keep-color can keep the colour of the shots that have some.

    Raises:
        SettingsError: The result's chroma grid is not the source's.
    """
    if any(keeps_color(shot, job.settings) for shot in plan.shots) and not has_source_grid(job.merge):
        raise SettingsError(
            f"--keep-color: {job.info.video.layout.name} and {job.encoding.pix_fmt} have different chroma grids.",
            "Choose a --codec or --pix-fmt with the source's sub-sampling, such as --codec ffv1 with a .mkv target.",
        )


def shot_seed(run_seed: int, shot: Shot) -> int:
    """Seed of a shot: a function of the run's seed and the shot's first pts, never of batch, thread or worker."""
    digest = hashlib.sha256(f"{run_seed}:{shot.start_pts}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def luma_sha256(frame: Frame) -> str:
    """sha256 of a frame's Y plane, to recognise it after a seek."""
    return hashlib.sha256(memoryview(np.ascontiguousarray(frame.y))).hexdigest()  # type: ignore[arg-type]


def _with_source_chroma(frames: Iterable[Frame], settings: MergeSettings) -> Iterator[MergedFrame]:
    for frame in frames:
        merged = source_chroma(frame, settings)
        assert merged is not None, "check_kept_color was asked before"
        yield merged


def _shot_of_each_frame(segment: Segment) -> Iterator[Shot]:
    for shot in segment.shots:
        for _ in range(shot.frame_count):
            yield shot


def _unplanned(path: Path, pts: int | None) -> MediaError:
    where = "ends early" if pts is None else f"gives a frame at pts {pts} that was not planned"
    return MediaError(
        f"{path} {where}: it decodes differently from the planning pass.", "Check the disk, then use --restart."
    )
