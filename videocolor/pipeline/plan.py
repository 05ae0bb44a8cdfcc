"""The planning pass: one cheap decode that finds cuts, every pts, damage, combing, and color that is there already."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from videocolor.core.frames import Frame, Plane
from videocolor.core.media import MediaInfo
from videocolor.core.shots import Plan, Segment
from videocolor.errors import InterlacedError, MediaError
from videocolor.media.combing import CombingSurvey
from videocolor.media.decode import DecodeCounts, DecodeSettings, open_frames
from videocolor.pipeline.read_ahead import read_ahead
from videocolor.settings import RunSettings
from videocolor.shots.interlace import IdetCounts, InterlaceVerdict, judge_interlace
from videocolor.shots.ncc import GRAY_SIZE
from videocolor.shots.registry import load_detector
from videocolor.shots.segments import build_shots, plan_segments

log = logging.getLogger(__name__)

PLAN_FORMAT = 1
HAS_COLOR = 4.0
"""Chroma, in 8-bit codes, from which a shot counts as colored or tinted; compression noise of gray stays below 2."""

_MAX_SEGMENT_FRAMES = 600
"""Ctrl+C finishes the segment in work: this many frames are about half a minute on two processor cores."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedFilm:
    """A plan, and what the planning pass learnt besides."""

    plan: Plan
    interlace: InterlaceVerdict


def make_plan(
    info: MediaInfo,
    settings: RunSettings,
    decode: DecodeSettings,
    on_frame: Callable[[int], None] = lambda count: None,
) -> PlannedFilm:
    """Decode the whole film once, small, and plan its segments.

    Args:
        info: The probed film.
        settings: Detector and segment length.
        decode: Range and filters; one thread is used, because only then damage is counted reliably.
        on_frame: Told the number of frames so far.

    Raises:
        MediaError: Nothing can be decoded.
        DamageError: More damaged packets than allowed.
    """
    counts = DecodeCounts()
    detector = load_detector(settings.detector)
    survey = CombingSurvey(frame_count_expected=expected_frame_count(info))
    pts: list[int] = []
    durations: list[int] = []
    levels: list[float] = []
    cuts: list[tuple[int, str]] = []
    for frame in read_ahead(open_frames(info, replace(decode, threads=1), counts), depth=8):
        pts.append(frame.pts)
        durations.append(frame.duration)
        levels.append(chroma_level(frame))
        survey.push(frame)
        cuts += detector.push(frame.pts, small_gray(frame))
        on_frame(len(pts))
    cuts += detector.finish()
    if not pts:
        raise MediaError(f"No frame of {info.path} can be decoded.", "Check --start and --end, or the file.")
    time_base = info.video.time_base
    segments = plan_segments(
        build_shots(pts, cuts),
        pts=pts,
        time_base=time_base,
        target_s=settings.segment_s,
        max_frames=_MAX_SEGMENT_FRAMES,
    )
    plan = Plan(
        format=PLAN_FORMAT,
        identity=info.identity,
        time_base=time_base,
        pts=tuple(pts),
        durations=_filled_durations(pts, durations, info),
        segments=_with_source_chroma(segments, levels),
        detector=detector.name,
        damaged_packets=counts.damaged_packets,
        corrupt_frames=counts.corrupt_frames,
        notes=tuple(_notes(info, counts, pts, decode)),
    )
    readings = (IdetCounts.from_metadata(r.metadata, single_votes=r.single_votes) for r in survey.finish())
    verdict = judge_interlace(
        sum(readings, IdetCounts()),
        survey.flagged_share,
        flagged_order=info.video.field_order,
        height=info.video.height,
    )
    return PlannedFilm(plan=plan, interlace=verdict)


def expected_frame_count(info: MediaInfo) -> int | None:
    """Frames by the header, or by length and average rate (Matroska counts none); None where neither is known."""
    if info.video.frame_count_header is not None:
        return info.video.frame_count_header
    rate = info.video.average_rate
    return None if info.duration_s is None or rate is None else max(1, round(info.duration_s * rate))


def check_interlace(verdict: InterlaceVerdict, info: MediaInfo, settings: RunSettings) -> None:
    """Refuse combed film before a network colors its combs.

    Raises:
        InterlacedError: Interlaced or telecined, and the settings name no treatment.
    """
    if verdict.kind == "progressive" or settings.interlaced == "ignore":
        return
    if settings.deinterlace or settings.detelecine:
        return
    if verdict.kind == "telecine":
        raise InterlacedError(
            f"{info.path} is telecined film: {verdict.reason}",
            "Undo the pulldown with --detelecine, or go on with --interlaced ignore.",
        )
    raise InterlacedError(
        f"{info.path} is interlaced: {verdict.reason}", "Use --deinterlace, or go on with --interlaced ignore."
    )


def small_gray(frame: Frame) -> npt.NDArray[np.uint8]:
    """The frame as shot detectors want it: `GRAY_SIZE` uint8 by area averaging, full contrast of 8 bits."""
    height, width = GRAY_SIZE
    shift = frame.layout.bit_depth - 8
    small = cv2.resize(frame.y, (width, height), interpolation=cv2.INTER_AREA)
    return (np.right_shift(small, shift) if shift else small).astype(np.uint8)  # type: ignore[arg-type]


def chroma_level(frame: Frame) -> float:
    """How far the source's own chroma is from neutral, in 8-bit codes: 0 for gray, about 10 for color or a tint."""
    if frame.u is None or frame.v is None:
        return 0.0
    scale = 1 << (frame.layout.bit_depth - 8)
    return float(np.hypot(_distance(frame.u, 128 * scale), _distance(frame.v, 128 * scale))) / scale


def _distance(plane: Plane, neutral: int) -> float:
    """Root mean square distance from neutral; blocks of 8 x 8 average compression noise away."""
    height, width = max(1, plane.shape[0] // 8), max(1, plane.shape[1] // 8)
    blocks = cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
    return float(np.sqrt(np.mean((blocks - neutral) ** 2)))


def _with_source_chroma(segments: tuple[Segment, ...], levels: list[float]) -> tuple[Segment, ...]:
    """Write each shot's median chroma into it."""
    filled = []
    for segment in segments:
        first, shots = segment.first_frame, []
        for shot in segment.shots:
            median = float(np.median(levels[first : first + shot.frame_count]))
            shots.append(replace(shot, source_chroma=round(median, 2)))
            first += shot.frame_count
        filled.append(replace(segment, shots=tuple(shots)))
    return tuple(filled)


def _filled_durations(pts: list[int], durations: list[int], info: MediaInfo) -> tuple[int, ...]:
    """Durations as the source states them; where it does not, the time to the next frame."""
    gaps = [after - before for before, after in pairwise(pts)]
    rate = info.video.average_rate
    last = gaps[-1] if gaps else (round(1 / rate / info.video.time_base) if rate else 1)
    return tuple(stated or gap for stated, gap in zip(durations, [*gaps, max(1, last)], strict=True))


def _notes(info: MediaInfo, counts: DecodeCounts, pts: list[int], decode: DecodeSettings) -> list[str]:
    notes = []
    if counts.damaged_packets:
        notes.append(f"{counts.damaged_packets} damaged packets were skipped.")
    if counts.corrupt_frames:
        notes.append(f"{counts.corrupt_frames} frames are damaged; they are kept as the decoder conceals them.")
    if counts.nudged_frames:
        notes.append(f"{counts.nudged_frames} frames had a time not later than the one before; moved by one tick.")
    if counts.timed_by_count:
        notes.append(f"{counts.timed_by_count} frames had no time stamp; placed by the average rate.")
    promised = info.video.frame_count_header
    whole = decode.start is None and decode.end is None and decode.field_filter is None
    # Edit lists hide a few frames of a sound file; many missing ones mean that the file ends early.
    # The last frame lasts as long as the others on average.
    length_s = float((pts[-1] - pts[0]) * info.video.time_base) * len(pts) / max(1, len(pts) - 1)
    if whole and promised and len(pts) < promised * 0.9:
        notes.append(f"The header promises {promised} frames, {len(pts)} could be decoded: the file ends early.")
    elif whole and not promised and 0 < length_s < (info.duration_s or 0.0) * 0.9:
        # Matroska counts no frames; where sound goes on after the picture this is no damage.
        notes.append(f"The header promises {info.duration_s:.1f} s, the picture ends early, after {length_s:.1f} s.")
    return notes
