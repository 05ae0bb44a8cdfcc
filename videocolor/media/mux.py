"""The last step: colored segments and every other packet of the source become one file.

Owns dts, the order of packets, tags, chapters and attachments. Nothing is decoded or encoded here.
"""

import heapq
import logging
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer, OutputContainer

from videocolor.core.media import MediaInfo
from videocolor.errors import TargetError, VideoColorError
from videocolor.files import os_error_to_ours
from videocolor.media.carry import CarryPlan
from videocolor.media.encode import add_video_stream
from videocolor.media.formats import Encoding, container_format
from videocolor.media.matroska_aspect import plant_room, set_display_aspect
from videocolor.media.opening import libav_name, open_input, raise_if_unreachable
from videocolor.media.timing import rebuild_dts, to_fraction

log = logging.getLogger(__name__)

# Tags that describe the file they were read from, and which a muxer writes anew.
_OWN_TAGS = frozenset(
    {"encoder", "major_brand", "minor_version", "compatible_brands", "duration", "creation_time_of_file"}
)
# Their color tags and siting are read back from the stream itself; their packets must keep the segments' form.
_TAGS_IN_THE_BITSTREAM = frozenset({"h264", "h265", "av1"})
# Their packets do not hold the pixels' shape (SVT-AV1 writes no render size), and PyAV cannot tell it to Matroska.
_NO_ASPECT_IN_THE_BITSTREAM = frozenset({"ffv1", "prores", "av1"})
_LARGEST_TIMESCALE = 100_000_000
_PLAIN_DATE = re.compile(r"^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)$")
# mkvmerge's statistics hold for packets that are copied, not for the colored ones.
_STATISTICS = ("BPS", "NUMBER_OF_", "_STATISTICS", "DURATION")


@dataclass(frozen=True, slots=True, kw_only=True)
class MuxJob:
    """All that the mux stage needs to know."""

    info: MediaInfo
    encoding: Encoding
    carry: CarryPlan
    segments: Sequence[tuple[Path, int]]
    """Segment files in the film's order, each with the film's pts that is its 0."""
    pts: Sequence[int]
    """The film's pts in presentation order, as planned; what comes back from the segments must equal them."""
    durations: Sequence[int]
    offset_pts: int
    """Subtracted from all times: 0, or the first pts of a cut made with --start."""
    end_pts: int | None
    """Packets of other streams from here on are left out; None keeps all."""
    tags: Mapping[str, str]
    """Added to the container's metadata: what was done, and the luma digest."""

    @property
    def is_cut(self) -> bool:
        """Whether only a part of the film is wanted."""
        return self.offset_pts != 0 or self.end_pts is not None


def mux_film(job: MuxJob, part: Path) -> None:
    """Write the whole result to `part`.

    Raises:
        TargetError: The file cannot be written, or a muxer refuses what it accepted before the work.
        DiskFullError: No space is left.
    """
    muxer = container_format(part).muxer
    try:
        with (
            open_input(job.info.path) as source,
            av.open(
                libav_name(part), "w", format=muxer, container_options=_muxer_options(job, source, muxer)
            ) as result,
        ):
            _write(job, source, result)
        if (sample_aspect := _missing_aspect(job, muxer)) is not None:
            set_display_aspect(part, sample_aspect=sample_aspect)
    except VideoColorError:
        raise
    except (av.FFmpegError, ValueError) as error:
        if isinstance(error, OSError) and error.errno in (13, 28, 30, 122):
            raise os_error_to_ours(error, part) from error
        raise TargetError(f"Muxing into {muxer} failed: {error}.", "Name the result .mkv.") from error


def _write(job: MuxJob, source: InputContainer, result: OutputContainer) -> None:
    _check_codec_headers(job)
    video = _add_video(job, source, result)
    copies: dict[int, Any] = {}
    for item in job.carry.carried:
        original = source.streams[item.stream.index]
        if item.action == "copy":
            copies[original.index] = _add_copy(original, result)
        elif item.action == "attach":
            _attach(original, job.info.path, result)
    if job.info.chapter_count:
        result.set_chapters(_moved_chapters(job, source))
    result.metadata.update(_kept_tags(job.info.metadata))
    result.metadata.update(job.tags)
    streams = [_colored_packets(job, video)]
    if copies:
        streams.append(_copied_packets(job, source, copies))
    result.start_encoding()
    for _, _, packet in heapq.merge(*streams, key=lambda item: item[:2]):
        result.mux(packet)


def _movie_timescale(source: InputContainer) -> int:
    """A clock in which the start of every track is a whole number of ticks, as far as 32 bits go."""
    scale = 1000
    for stream in source.streams:
        for clock in (getattr(stream.time_base, "denominator", 1), getattr(stream, "sample_rate", None) or 1):
            common = math.lcm(scale, clock)
            scale = common if common <= _LARGEST_TIMESCALE else scale
    return scale


def _check_codec_headers(job: MuxJob) -> None:
    """All segments must share one codec header, or players decode the joined stream wrongly."""
    headers = set()
    for path, _ in job.segments:
        with av.open(libav_name(path)) as segment:
            headers.add(segment.streams.video[0].codec_context.extradata)
    if len(headers) > 1:
        raise TargetError("The segments were coded with different headers.", "Run again with --restart.")


def _missing_aspect(job: MuxJob, muxer: str) -> Fraction | None:
    """The pixels' shape, if the finished file must be told it."""
    aspect = job.encoding.sample_aspect
    lacks = muxer in ("matroska", "webm") and job.encoding.codec in _NO_ASPECT_IN_THE_BITSTREAM
    return aspect if lacks and aspect != 1 else None


def _muxer_options(job: MuxJob, source: InputContainer, muxer: str) -> dict[str, str]:
    if muxer not in ("mp4", "mov"):
        return {}
    # Without use_metadata_tags all tags but a dozen are lost; without the scales, ticks and edit lists are rounded.
    options = {"movflags": "use_metadata_tags"}
    options["movie_timescale"] = str(_movie_timescale(source))
    copied_video = any(item.action == "copy" and item.stream.kind == "video" for item in job.carry.carried)
    if not copied_video:
        # The option holds for every video track: with two of them their clocks differ.
        options["video_track_timescale"] = str(job.encoding.time_base.denominator)
    return options


def _add_video(job: MuxJob, source: InputContainer, result: OutputContainer) -> Any:
    original: Any = source.streams[job.info.video.index]
    if job.encoding.codec in _TAGS_IN_THE_BITSTREAM:
        with av.open(libav_name(job.segments[0][0])) as first:
            stream: Any = result.add_stream_from_template(first.streams.video[0], opaque=True)
        stream.time_base = job.encoding.time_base
        # The muxer makes a time code track only for a stream that has a rate.
        stream.codec_context.framerate = job.encoding.rate
        if job.encoding.sample_aspect is not None:
            # SVT-AV1 writes none into its stream, so the segment's header has none either.
            stream.codec_context.sample_aspect_ratio = job.encoding.sample_aspect
    else:
        # An encoder that encodes nothing: the segments' container does not hold color tags and siting of these.
        stream = add_video_stream(result, job.encoding)
    stream.disposition = original.disposition
    kept = {
        key: value
        for key, value in _kept_tags(original.metadata).items()
        if not key.upper().startswith(_STATISTICS)
        # VP8 and VP9 keep alpha beside the picture; no result here does.
        and key.lower() != "alpha_mode"
    }
    if _missing_aspect(job, result.format.name) is not None:
        title = next((key for key in kept if key.lower() == "title"), "title")
        kept[title] = plant_room(kept.get(title))
    stream.metadata.update(kept)
    if job.info.video.display_matrix is not None:
        stream.set_display_matrix(list(job.info.video.display_matrix))
    return stream


def _add_copy(original: Any, result: OutputContainer) -> Any:
    stream: Any = result.add_stream_from_template(original, opaque=True)
    stream.time_base = original.time_base
    stream.disposition = original.disposition
    stream.metadata.update(_kept_tags(original.metadata))
    return stream


def _kept_tags(metadata: Mapping[str, str]) -> dict[str, str]:
    """A file's or stream's tags without those that its muxer wrote about itself, dates in ISO 8601.

    FLV and old AVI files write `2016-05-31 17:01:35`, which Matroska's muxer drops without a word.
    """
    return {
        key: _PLAIN_DATE.sub(r"\1T\2Z", value) if key.lower() == "creation_time" else value
        for key, value in metadata.items()
        if key.lower() not in _OWN_TAGS
    }


def _attach(original: Any, path: Path, result: OutputContainer) -> None:
    metadata = dict(original.metadata)
    if original.type == "attachment":
        name, mime, data = original.name, original.mimetype, original.data
    else:
        # libav shows a Matroska cover as a video stream of one picture; naively copied it would become a track.
        name = metadata.get("filename") or "cover.jpg"
        mime = metadata.get("mimetype") or "image/jpeg"
        data = _cover_bytes(path, original.index)
    attached: Any = result.add_attachment(name or "attachment", mime or "application/octet-stream", data)
    attached.metadata.update({k: v for k, v in metadata.items() if k not in ("filename", "mimetype")})


def _cover_bytes(path: Path, index: int) -> bytes:
    with open_input(path) as source:
        for packet in source.demux(source.streams[index]):
            if packet.size:
                return bytes(packet)
    return b""


def _moved_chapters(job: MuxJob, source: InputContainer) -> list[Any]:
    shift = job.offset_pts * job.info.video.time_base
    chapters = []
    for chapter in source.chapters():
        base = to_fraction(chapter["time_base"]) or Fraction(1, 1000)
        start, end = chapter["start"] - round(shift / base), chapter["end"] - round(shift / base)
        is_over = job.end_pts is not None and start >= (job.end_pts - job.offset_pts) * job.info.video.time_base / base
        if (end > 0 and not is_over) or not job.is_cut:
            chapters.append({**chapter, "start": max(0, start) if job.is_cut else start, "end": end})
    return chapters


_Timed = tuple[Fraction, int, Any]


def _colored_packets(job: MuxJob, stream: Any) -> Iterator[_Timed]:
    """Packets of all segments with their final times, in decoding order.

    Every dts is rebuilt from the pts of all packets: the encoder's own are missing or clash at the joints.
    """
    factor, base = job.encoding.pts_factor, job.encoding.time_base
    decode_order = [pts for path, origin in job.segments for pts in _segment_pts(path, origin * factor)]
    planned = [pts * factor for pts in job.pts]
    if sorted(decode_order) != planned:
        raise TargetError("The colored segments do not hold the frames that were planned.", "Run again with --restart.")
    durations = dict(zip(planned, job.durations, strict=True))
    offset = job.offset_pts * factor
    times = iter(rebuild_dts(decode_order))
    for path, origin in job.segments:
        with av.open(libav_name(path)) as segment:
            for packet in segment.demux(segment.streams.video[0]):
                if packet.size == 0:
                    continue
                assert packet.pts is not None, "our own encoder stamps every packet"
                pts = packet.pts + origin * factor
                packet.stream = stream
                packet.time_base = base
                packet.pts, packet.dts = pts - offset, next(times) - offset
                packet.duration = durations[pts] * factor
                yield packet.dts * base, 0, packet


def _segment_pts(path: Path, origin: int) -> list[int]:
    with av.open(libav_name(path)) as segment:
        packets = segment.demux(segment.streams.video[0])
        return [packet.pts + origin for packet in packets if packet.pts is not None and packet.size]


def _copied_packets(job: MuxJob, source: InputContainer, copies: dict[int, Any]) -> Iterator[_Timed]:
    """Packets of the streams that are copied, bytes untouched, in the source's own order."""
    video_base = job.info.video.time_base
    start = job.offset_pts * video_base
    end = None if job.end_pts is None else job.end_pts * video_base
    latest = Fraction(-(10**9))
    packets = source.demux([source.streams[index] for index in copies])
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except av.FFmpegError as error:
            raise_if_unreachable(error, job.info.path)
            log.warning("%s breaks off: %s; packets before that are kept.", job.info.path, error.strerror or error)
            return
        if packet.size == 0:
            continue
        base = packet.time_base
        stamp = packet.dts if packet.dts is not None else packet.pts
        if stamp is not None and job.is_cut:
            time = (packet.pts if packet.pts is not None else stamp) * base
            if time < start or (end is not None and time >= end):
                continue
            shift = round(start / base)
            packet.pts = None if packet.pts is None else packet.pts - shift
            packet.dts = None if packet.dts is None else packet.dts - shift
            stamp -= shift
        # A source's own order is kept where its stamps step back (transport streams, missing dts).
        latest = max(latest, stamp * base) if stamp is not None else latest
        packet.stream = copies[packet.stream.index]
        yield latest, 1, packet
