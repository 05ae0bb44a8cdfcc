"""One segment: merged frames become a file, with digests and figures on the way."""

import hashlib
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from videocolor.core.frames import Frame, MergedFrame
from videocolor.core.motion import FilterState
from videocolor.core.shots import Plan, Segment, Shot
from videocolor.errors import MediaError
from videocolor.files import publish
from videocolor.journal.journal import SegmentResult, ShotFigures
from videocolor.journal.state_file import STATE_SUFFIX, write_state
from videocolor.media.encode import LumaDigest, open_encoder
from videocolor.pipeline.job import FilmJob
from videocolor.pipeline.stage_clock import StageClock
from videocolor.pipeline.stages import shot_of_each_frame

log = logging.getLogger(__name__)


def code_segment(
    merged_frames: Iterable[MergedFrame],
    segment: Segment,
    plan: Plan,
    job: FilmJob,
    final: Path,
    *,
    clock: StageClock,
    on_frame: Callable[[Shot], None] = lambda shot: None,
) -> SegmentResult:
    """Encode the next segment of a stream of merged frames.

    Args:
        merged_frames: The segment's frames.
        segment: From the plan.
        plan: Its pts are what the decoder must give.
        job: The film's.
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
    tallies = {shot.index: _Tally() for shot in segment.shots}
    shots = shot_of_each_frame(segment.shots)
    state: FilterState | None = None
    number = 0
    with open_encoder(part, job.encoding, origin_pts=segment.start_pts) as encoder:
        for merged, shot in zip(merged_frames, shots):  # noqa: B905 (an early end is told below)
            if merged.frame.pts != expected[number]:
                raise _unplanned(job.info.path, merged.frame.pts)
            with clock.lap("encode"):
                # Before the encoder: it writes the new chroma into the very buffer that y is a view of.
                digest.add(segment.first_frame + number, merged.frame.y)
                if number + 1 == len(expected):
                    last_luma, state = luma_sha256(merged.frame), merged.state
                coded.update(merged.frame.pts.to_bytes(8, "little", signed=True))
                tallies[shot.index].add(merged)
                encoder.write(merged)
            number += 1
            on_frame(shot)
        if number != len(expected):
            raise _unplanned(job.info.path, None)
    state_file = None
    if state is not None and _ends_inside_shot(segment, plan):
        state_file = final.with_suffix(STATE_SUFFIX)
        write_state(state_file, state)
    publish(part, final)
    return SegmentResult(
        index=segment.index,
        file=final.name,
        size_bytes=final.stat().st_size,
        frame_count=number,
        pts_sha256=coded.hexdigest(),
        luma_sum=digest.hex,
        last_luma_sha256=last_luma,
        state_file=None if state_file is None else state_file.name,
        shots=tuple(tallies[shot.index].figures(shot) for shot in segment.shots),
        wall_s=round(time.perf_counter() - begin, 3),
    )


def luma_sha256(frame: Frame) -> str:
    """sha256 of a frame's Y plane, to recognize it after a seek."""
    return hashlib.sha256(memoryview(np.ascontiguousarray(frame.y))).hexdigest()  # type: ignore[arg-type]


@dataclass(slots=True)
class _Tally:
    """Adds up the figures of one shot's frames."""

    inferred: int = 0
    kept_color: int = 0
    limited: float = 0.0
    lonely: list[float] = field(default_factory=list)
    corrections: list[float] = field(default_factory=list)

    def add(self, merged: MergedFrame) -> None:
        self.inferred += merged.is_inferred and not merged.keeps_color
        self.kept_color += merged.keeps_color
        self.limited += merged.limited_share
        if merged.steadiness is not None:
            self.lonely.append(merged.steadiness.lonely_share)
            self.corrections.append(merged.steadiness.correction)

    def figures(self, shot: Shot) -> ShotFigures:
        return ShotFigures(
            shot=shot.index,
            frame_count=shot.frame_count,
            inferred_frames=self.inferred,
            kept_color_frames=self.kept_color,
            limited_share=round(self.limited / shot.frame_count, 5),
            lonely_share=_mean(self.lonely),
            correction=_mean(self.corrections),
        )


def _mean(values: list[float]) -> float | None:
    return round(sum(values) / len(values), 5) if values else None


def _ends_inside_shot(segment: Segment, plan: Plan) -> bool:
    following = plan.segments[segment.index + 1 : segment.index + 2]
    return bool(following) and following[0].shots[0].cause == "limit"


def _unplanned(path: Path, pts: int | None) -> MediaError:
    where = "ends early" if pts is None else f"gives a frame at pts {pts} that was not planned"
    return MediaError(
        f"{path} {where}: it decodes differently from the planning pass.", "Check the disk, then use --restart."
    )
