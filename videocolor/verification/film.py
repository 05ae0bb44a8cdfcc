"""Verification of a film: both files are read, then one promise after the other is judged."""

import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path

from videocolor.core.media import MediaInfo
from videocolor.media.decode import DecodeCounts, DecodeSettings, open_frames
from videocolor.media.probe import probe_film
from videocolor.media.timing import parse_time_code
from videocolor.paths import report_path
from videocolor.verification import description, luma, timing
from videocolor.verification.decoding import UNLIMITED_DAMAGE, ResultReading, frames_by_program, open_result
from videocolor.verification.description import FilmDescription, read_description
from videocolor.verification.packets import CutRange, PacketReading, align_cut, check_packets, read_packets
from videocolor.verification.report import Finding, Judge, VerifyReport
from videocolor.verification.streams import StreamMap, StreamPair, check_labels, check_presence, data_tags, pair_streams
from videocolor.verification.timing import FilmClock

# Written by `pipeline/report.py`, which needs torch; a test compares the names.
DIGEST_TAG = "VIDEOCOLOR_LUMA"
"""Container tag with the luma digest that the run computed."""
FIELDS_TAG = "VIDEOCOLOR_FIELDS"
"""Container tag of results whose frames were made from fields: their luma and times are new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Films:
    """All that was read from both files."""

    source: FilmDescription
    result: FilmDescription
    source_packets: PacketReading
    result_packets: PacketReading
    streams: StreamMap
    measure: luma.LumaMeasure
    reading: ResultReading
    source_damage: bool
    clocks: tuple[FilmClock, FilmClock]
    cut: CutRange | None
    shift: Fraction
    """How far the kept part of the source begins before zero."""


def verify_film(
    source: Path,
    result: Path,
    *,
    start: str | None = None,
    end: str | None = None,
    allow_loss: frozenset[str] = frozenset(),
    video_stream: int | None = None,
) -> VerifyReport:
    """Check every promise about a colored film against its source.

    Args:
        source: The black-and-white film.
        result: What `colorize` made of it.
        start: The `--start` that the film was made with.
        end: The `--end` that the film was made with.
        allow_loss: Names of LOSSES that the user gave up; such losses are reported as "not tested".
        video_stream: The `--video-stream` that the film was made with.

    Raises:
        MediaNotFound: One of the files does not exist.
        MediaError: One of the files cannot be read as a film.
        SettingsError: A wrong time code or stream number.
    """
    judge = Judge(allow_loss)
    first = None if start is None else parse_time_code(start, "--start")
    last = None if end is None else parse_time_code(end, "--end")
    films = _read(probe_film(source, video_stream=video_stream), probe_film(result), first, last)
    fields = films.result.tag(FIELDS_TAG)
    findings = chain(
        _picture_findings(films, fields, judge),
        _clock_findings(films, fields, judge),
        _description_findings(films, fields, judge),
        check_presence(films.streams, judge),
        *(_stream_findings(pair, films, judge) for pair in films.streams.pairs),
    )
    return VerifyReport(str(source), str(result), tuple(findings))


def _read(source: MediaInfo, result: MediaInfo, start: Fraction | None, end: Fraction | None) -> _Films:
    source_packets = read_packets(source.path, _indexes(source))
    result_packets = read_packets(result.path, _indexes(result))
    counts = DecodeCounts()
    settings = DecodeSettings(threads=1, max_damaged=UNLIMITED_DAMAGE, start=start, end=end)
    reading = ResultReading()
    with_alpha = source.video.layout.has_alpha and result.video.layout.has_alpha
    with (
        closing(open_frames(source, settings, counts)) as frames,  # type: ignore[type-var]
        open_result(result, reading, with_alpha=with_alpha) as planes,
    ):
        measure = luma.measure_luma(
            frames, planes, source_depth=source.video.layout.bit_depth, result_depth=result.video.layout.bit_depth
        )
    base = source.video.time_base
    clocks = (
        FilmClock(pts=measure.source_pts, tick=base, container=source.container),
        FilmClock(pts=reading.pts, tick=reading.tick, container=result.container),
    )
    cut = None
    if start is not None or end is not None:
        zero = (source.video.start_pts or 0) * base
        cut = CutRange(
            start=clocks[0].start,
            end=None if end is None else zero + end,
            slack=clocks[0].longest_interval,
        )
    streams = pair_streams(
        source, result, source_packets.tracks, result_packets.tracks, (data_tags(source.path), data_tags(result.path))
    )
    kept = [source_packets.tracks[pair.source.index] for pair in streams.pairs if pair.result is not None]
    return _Films(
        source=read_description(source),
        result=read_description(result),
        source_packets=source_packets,
        result_packets=result_packets,
        streams=streams,
        measure=measure,
        reading=reading,
        source_damage=counts.damaged_packets > 0 or counts.corrupt_frames > 0,
        clocks=clocks,
        cut=cut,
        shift=Fraction(0) if cut is not None else timing.priming(kept, clocks[0].start),
    )


def _indexes(info: MediaInfo) -> list[int]:
    """The streams that have packets worth comparing; covers are compared as attachments."""
    others = [item.index for item in info.others if item.kind != "attachment" and not item.is_cover]
    return sorted([info.video.index, *others])


def _picture_findings(films: _Films, fields: str | None, judge: Judge) -> Iterator[Finding]:
    measure, source, result = films.measure, films.source.info, films.result.info
    complaints = films.reading.complaints
    detail = f"{len(complaints)} complaints, first: {complaints[0]}" if complaints else "the decoder found no damage"
    yield judge.check("result decodes", not complaints, detail)
    yield luma.check_frame_size(source, result, judge)
    yield luma.check_bit_depth(source, result, judge)
    if fields is not None:
        yield judge.skip("luma", f"the frames were made from fields ({fields}): their luma is new")
        return
    yield luma.check_luma(measure, source, result, films.reading.reader, judge)
    yield from luma.check_alpha(measure, source, result, judge)
    yield from luma.check_digest(
        measure, tagged=films.result.tag(DIGEST_TAG), reported=_reported_digest(result.path), judge=judge
    )


def _clock_findings(films: _Films, fields: str | None, judge: Judge) -> Iterator[Finding]:
    before, after = films.clocks
    measure = films.measure
    if fields is not None:
        yield judge.skip("frame count", f"the frames were made from fields ({fields})")
        yield judge.skip("frame times", f"the frames were made from fields ({fields})")
    else:
        yield timing.check_frame_count(
            measure.source_count,
            measure.result_count,
            by_program=_count_by_program(films),
            is_damaged=films.source_damage,
            judge=judge,
        )
        yield timing.check_frame_times(before, after, judge)
    expected = before.start if films.cut is None else Fraction(0)
    yield timing.check_start(before, after, expected=expected, shift=films.shift, judge=judge)
    # The length that a source states holds for the whole of it.
    stated = films.source.info.duration_s if films.cut is None else None
    yield from timing.check_duration(
        _ends(films, of_source=True),
        _ends(films, of_source=False),
        films.clocks,
        headers_s=(stated, films.result.info.duration_s),
        judge=judge,
    )


def _description_findings(films: _Films, fields: str | None, judge: Judge) -> Iterator[Finding]:
    source, result = films.source, films.result
    yield from description.check_geometry(source, result, judge)
    if fields is None:
        yield description.check_field_order(source, result, judge)
    yield from description.check_color_tags(source, result, judge)
    yield from description.check_hdr(source, result, judge)
    yield from description.check_tags(source, result, judge)
    yield description.check_chapters(source, result, films.cut, films.shift, judge)
    yield description.check_attachments(source, result, judge)


def _stream_findings(pair: StreamPair, films: _Films, judge: Judge) -> Iterator[Finding]:
    if pair.fate == "chapters":
        yield judge.skip(f"{pair.name} packets", "the muxer writes this track from the chapters, which are compared")
        return
    if pair.result is None:
        return
    before = films.source_packets.tracks[pair.source.index]
    after = films.result_packets.tracks[pair.result.index]
    readers = {films.source_packets.reader, films.result_packets.reader}
    note = " (read by PyAV, as ffmpeg refuses one of the files)" if "PyAV" in readers else ""
    if pair.fate == "time code":
        # The muxer writes it from the tag: one packet, the same bytes, whatever the cut.
        yield check_packets(pair.name, before, after, None, judge, note=note)
        return
    yield check_packets(pair.name, before, after, films.cut, judge, note=note)
    pairs = None if films.cut is None else align_cut(before, after, films.cut)
    yield timing.check_sync(pair.name, before, after, films.clocks, judge, pairs=pairs)
    tags = films.source.stream_tags[pair.source.index], films.result.stream_tags[pair.result.index]
    yield from check_labels(pair, tags, films.result.info.container, judge)


def _count_by_program(films: _Films) -> int | None:
    """A second opinion on the source's frames: its packets if they agree, else a decoding pass of ffmpeg."""
    clock = films.clocks[0]
    track = films.source_packets.tracks[films.source.info.video.index]
    if track.time_base == clock.tick and _within(sorted(track.pts), clock.tick, films.cut) == list(clock.pts):
        return len(clock.pts)
    found = frames_by_program(films.source.info)
    return None if found is None else len(_within(*found, films.cut))


def _within(pts: Sequence[int], tick: Fraction, cut: CutRange | None) -> list[int]:
    """The frames of the part that was colored; frames without a time are counted where nothing was cut."""
    if cut is None:
        return list(pts)
    return [item for item in pts if item * tick >= cut.start and (cut.end is None or item * tick < cut.end)]


def _ends(films: _Films, *, of_source: bool) -> list[Fraction]:
    """Where the picture and every kept stream end; of a cut source, where they are cut off."""
    side = films.source_packets if of_source else films.result_packets
    clock = films.clocks[0 if of_source else 1]
    # Packets at a damaged end may hold no frame, so the picture's end is that of its frames.
    ends = [] if clock.last is None else [clock.last]
    for pair in films.streams.pairs:
        if pair.result is None or pair.fate != "copied":
            continue
        track = side.tracks[pair.source.index if of_source else pair.result.index]
        if of_source and films.cut is not None:
            kept = align_cut(track, films.result_packets.tracks[pair.result.index], films.cut)
            track = track.part([number for number, _ in kept])
        end = track.end_time
        ends += [] if end is None else [end]
    return ends


def _reported_digest(result: Path) -> str | None:
    """The digest in the report beside the result, None where there is none."""
    try:
        values = json.loads(report_path(result).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    digest = values.get("luma_digest") if isinstance(values, dict) else None
    return str(digest) if digest is not None else None
