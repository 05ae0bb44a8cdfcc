"""Clocks: every frame at its time, every copied packet in sync with the picture, the same length.

Matroska counts milliseconds. It also has no negative times: where sound begins before zero (an encoder's priming),
all streams move together by that much, which is no break as long as they stay in sync.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from videocolor.media.timing import format_time_code
from videocolor.verification.packets import NO_TIME, PacketTrack
from videocolor.verification.report import Finding, Judge

_MATROSKA = "matroska"
# Clocks that are coarser than a sample; the ffmpeg program smooths the times of copied audio within their ticks.
_COARSE = Fraction(1, 8000)
_HEADER_SLACK_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmClock:
    """When a film's frames are shown, and how finely its container can say so."""

    pts: Sequence[int]
    """In presentation order; NO_TIME where a frame has no time stamp."""
    tick: Fraction
    container: str

    @property
    def start(self) -> Fraction:
        """The first frame's time in seconds; 0 where there is none."""
        return next((pts for pts in self.pts if pts != NO_TIME), 0) * self.tick

    @property
    def last(self) -> Fraction | None:
        """The last frame's time in seconds."""
        return self.pts[-1] * self.tick if self.pts and self.pts[-1] != NO_TIME else None

    @property
    def longest_interval(self) -> Fraction:
        """The longest time between two frames that follow each other, at least a tick."""
        return max((b - a for a, b in pairwise(self.pts) if a != NO_TIME), default=1) * self.tick or self.tick


def check_frame_count(decoded: int, result: int, *, by_program: int | None, is_damaged: bool, judge: Judge) -> Finding:
    """As many frames as in the source.

    Args:
        decoded: Frames of the source, as PyAV decodes them.
        result: Frames of the result.
        by_program: Frames of the source as the ffmpeg program counts them, None where it was not asked.
        is_damaged: Decoders may differ on what they make of a damaged source.
        judge: Makes the finding.
    """
    detail = f"{decoded} -> {result}"
    if by_program is not None and by_program != decoded:
        detail += f"; the ffmpeg program sees {by_program} frames in the source"
        if is_damaged:
            return judge.check("frame count", decoded == result, f"{detail}, which is damaged")
        return judge.check("frame count", False, detail)
    return judge.check("frame count", decoded == result, detail)


def check_frame_times(source: FilmClock, result: FilmClock, judge: Judge) -> Finding:
    """Times relative to the first frame: exact where the result's clock allows it, else to its tick."""
    if NO_TIME in source.pts or NO_TIME in result.pts:
        return judge.skip("frame times", "there are frames without time stamps")
    allowed = _rounding(source.tick, result.tick)
    worst, frame = Fraction(0), 0
    start, made_start = source.start, result.start
    for number, (before, after) in enumerate(zip(source.pts, result.pts, strict=False)):
        slip = abs((after * result.tick - made_start) - (before * source.tick - start))
        if slip > worst:
            worst, frame = slip, number
    where = f" at frame {frame} ({format_time_code(float(source.pts[frame] * source.tick))})" if worst else ""
    detail = f"largest difference {_milliseconds(worst)}{where}, allowed {_milliseconds(allowed)}"
    return judge.check("frame times", worst <= allowed, detail)


def check_start(source: FilmClock, result: FilmClock, *, expected: Fraction, shift: Fraction, judge: Judge) -> Finding:
    """The first frame's own time.

    Args:
        source: The source's frames.
        result: The result's frames.
        expected: Where the first frame belongs: its time in the source, or 0 after a cut.
        shift: How far everything lies before zero, which Matroska cannot hold.
        judge: Makes the finding.
    """
    offset = result.start - expected
    detail = f"{float(expected):.6f} s -> {float(result.start):.6f} s"
    if abs(offset) <= _rounding(source.tick, result.tick):
        return judge.check("first frame's time", True, detail)
    together = _MATROSKA in result.container and shift > 0 and abs(offset - shift) <= 2 * result.tick
    if together:
        detail += f": sound begins {_milliseconds(shift)} before zero, so Matroska moves all streams together"
    return judge.check("first frame's time", together, detail)


def check_sync(
    name: str,
    source: PacketTrack,
    result: PacketTrack,
    clocks: tuple[FilmClock, FilmClock],
    judge: Judge,
    *,
    pairs: Iterable[tuple[int, int]] | None = None,
) -> Finding:
    """Every packet at its time relative to the picture.

    Args:
        name: How the stream is called in the report.
        source: The source's packets.
        result: The result's packets.
        clocks: The frames' clocks of source and result.
        judge: Makes the finding.
        pairs: Packets that belong together; None pairs them by order.
    """
    promise = f"{name} sync"
    before, after = clocks
    chosen = list(zip(range(source.packet_count), range(result.packet_count), strict=False)) if pairs is None else pairs
    offset = after.start - before.start
    worst, packet, count = Fraction(0), 0, 0
    for number, other in chosen:
        time, made = source.time(number), result.time(other)
        if time is None or made is None:
            continue
        slip = made - time - offset
        count += 1
        if abs(slip) > abs(worst):
            worst, packet = slip, number
    if not count:
        return judge.skip(promise, "no packets with time stamps")
    allowed = max(_rounding(before.tick, after.tick), _stream_rounding(source.time_base, result.time_base))
    if pairs is not None:
        # A cut moves each stream by whole ticks of its own clock.
        allowed += max(source.time_base, result.time_base)
    where = f" at packet {packet}" if worst else ""
    detail = f"largest slip {_milliseconds(worst)}{where} over {count} packets, allowed {_milliseconds(allowed)}"
    return judge.check(promise, abs(worst) <= allowed, detail)


def check_duration(
    source_ends: Sequence[Fraction],
    result_ends: Sequence[Fraction],
    clocks: tuple[FilmClock, FilmClock],
    *,
    headers_s: tuple[float | None, float | None],
    judge: Judge,
) -> Iterator[Finding]:
    """The film ends when the source ends, and its header says so.

    Args:
        source_ends: Where the picture and each stream that was kept ends, in seconds.
        result_ends: The same of the result.
        clocks: The frames' clocks of source and result.
        headers_s: The lengths that the headers of source and result state.
        judge: Makes the finding.
    """
    before, after = clocks
    if not source_ends or not result_ends:
        yield judge.skip("duration", "no time stamps")
        return
    length, made = max(source_ends) - before.start, max(result_ends) - after.start
    # The last frame's duration is a guess in many sources.
    allowed = max(before.longest_interval, after.longest_interval) + max(before.tick, after.tick)
    detail = f"{format_time_code(float(length))} -> {format_time_code(float(made))} from the first frame"
    yield judge.check("duration", abs(made - length) <= allowed, detail)
    stated, header = headers_s
    if header is None:
        yield judge.check("duration in header", False, "the result's header states no length")
        return
    # Containers differ: they count from zero or from the first packet, with the last subtitle's duration or without.
    shortest = min(float((after.last or after.start) - after.start), stated or math.inf)
    slack = float(allowed) + _HEADER_SLACK_S
    is_near = shortest - slack <= header <= float(max(made, *result_ends)) + slack
    detail = f"{header:.3f} s stated, {float(max(result_ends)):.3f} s by its packets"
    yield judge.check("duration in header", is_near, detail)


def priming(tracks: Iterable[PacketTrack], first_frame: Fraction) -> Fraction:
    """How far the earliest packet lies before zero, 0 if none does."""
    starts = [time for time in (track.first_time for track in tracks) if time is not None]
    return max([-time for time in (*starts, first_frame) if time < 0], default=Fraction(0))


def _rounding(before: Fraction, after: Fraction) -> Fraction:
    """How far differences of times may move between two clocks: not at all where each old tick is whole new ticks."""
    return Fraction(0) if (before / after).denominator == 1 else after


def _stream_rounding(before: Fraction, after: Fraction) -> Fraction:
    """The same for copied packets, whose times the ffmpeg program may have smoothed on one side."""
    if before == after or before < _COARSE:
        return _rounding(before, after)
    return before + after


def _milliseconds(seconds: Fraction) -> str:
    return f"{float(seconds) * 1000:.3f} ms"
