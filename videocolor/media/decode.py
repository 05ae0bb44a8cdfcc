"""From a film file to a stream of Frames. Owns damage counting, missing time stamps and the filters before coloring.

A frame keeps its pts; nothing here re-times anything.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from videocolor.core.frames import Frame
from videocolor.core.media import MediaInfo, PixelLayout, VideoInfo
from videocolor.errors import DamageError, MediaError
from videocolor.media.field_filters import FieldFilter, open_field_filter
from videocolor.media.opening import open_input, raise_if_unreachable
from videocolor.media.planes import alpha_plane, chroma_planes, luma_plane, rgb_to_yuv444
from videocolor.media.probe import alpha_decoder

log = logging.getLogger(__name__)


@dataclass(slots=True)
class DecodeCounts:
    """What went wrong so far; the reader of the frames owns it and reads it at the end."""

    damaged_packets: int = 0
    """Packets that the decoder refused."""
    corrupt_frames: int = 0
    """Frames that came out but are flagged as damaged."""
    nudged_frames: int = 0
    """Frames whose pts was not later than the one before and was moved by the least that keeps the order."""
    timed_by_count: int = 0
    """Frames without any pts, placed by their number and the average rate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeSettings:
    """How a film is decoded."""

    threads: int = 0
    """0: as many as libav likes; 1 where the stream is damaged, so that concealment is repeatable."""
    max_damaged: int = 100
    """Damaged packets to skip before `DamageError`."""
    field_filter: str | None = None
    """"deinterlace", "detelecine" or None."""
    start: Fraction | None = None
    """Seconds; frames before are dropped."""
    end: Fraction | None = None
    """Seconds; the first frame at or after it ends the stream."""


def open_frames(
    info: MediaInfo, settings: DecodeSettings, counts: DecodeCounts, *, from_pts: int | None = None
) -> Iterator[Frame]:
    """Decode a film's video stream, frame by frame, in presentation order with strictly rising pts.

    Closing the generator closes the file.

    Args:
        info: The probed film.
        settings: Threads, limits, filters, range.
        counts: Filled while decoding.
        from_pts: Start at the frame of this pts by seeking to the key frame before it; None decodes from the start.

    Raises:
        MediaError: The picture's size or format changes in mid-stream, or the seek does not find `from_pts`.
        DamageError: More damaged packets than allowed.
    """
    video = info.video
    start_pts, end_pts = _range_in_ticks(settings, video)
    if from_pts is not None:
        start_pts = from_pts
    with open_input(info.path) as container:
        stream = container.streams[video.index]
        assert isinstance(stream, VideoStream)
        if from_pts is not None:
            _seek(container, stream, from_pts, info.path)
        decoded = _decode(container, stream, info.path, settings, counts)
        filtered = _filter_fields(decoded, stream, settings.field_filter)
        for frame in _with_rising_pts(filtered, video, counts):
            pts = frame.pts
            assert pts is not None
            if end_pts is not None and pts >= end_pts:
                return
            if start_pts is not None and pts < start_pts:
                continue
            if from_pts is not None and pts != from_pts:
                raise MediaError(f"Seeking in {info.path} misses frame {from_pts}.", "Decode from the beginning.")
            from_pts = None
            yield to_frame(frame, video.layout)


def to_frame(frame: VideoFrame, layout: PixelLayout) -> Frame:
    """Wrap libav's frame: read-only views of its planes, and the frame itself as what the encoder writes into."""
    if layout.chroma == "rgb":
        frame = rgb_to_yuv444(frame, layout.matrix)
    chroma = chroma_planes(frame)
    return Frame(
        pts=frame.pts or 0,
        duration=frame.duration or 0,
        y=luma_plane(frame),
        u=chroma[0] if chroma else None,
        v=chroma[1] if chroma else None,
        alpha=alpha_plane(frame),
        layout=layout,
        keep=frame,
    )


def _range_in_ticks(settings: DecodeSettings, video: VideoInfo) -> tuple[int | None, int | None]:
    """--start and --end count from the film's first frame, as players show it."""
    origin = video.start_pts or 0

    def ticks(seconds: Fraction | None) -> int | None:
        return None if seconds is None else origin + int(seconds / video.time_base)

    return ticks(settings.start), ticks(settings.end)


def _decode(
    container: InputContainer, stream: VideoStream, path: Path, settings: DecodeSettings, counts: DecodeCounts
) -> Iterator[VideoFrame]:
    decoder: Any = alpha_decoder(stream) or stream.codec_context
    decoder.thread_count = settings.threads
    decoder.thread_type = "AUTO" if settings.threads != 1 else "SLICE"
    shape: tuple[int, int, str] | None = None
    for packet in _packets(container, stream, path, counts):
        try:
            frames = decoder.decode(packet if packet.size else None)
        except av.FFmpegError as error:
            if packet.size == 0:
                continue
            counts.damaged_packets += 1
            log.debug("%s: packet at %s refused: %s", path, packet.pts, error)
            if counts.damaged_packets > settings.max_damaged:
                raise DamageError(
                    f"{path} has more than {settings.max_damaged} damaged packets.",
                    "Allow more with --max-damaged N, or repair the file first.",
                ) from error
            continue
        for frame in frames:
            counts.corrupt_frames += bool(frame.is_corrupt)
            found = (frame.height, frame.width, frame.format.name)
            if shape is not None and found != shape:
                raise MediaError(
                    f"{path} changes from {shape[1]}x{shape[0]} {shape[2]} to {found[1]}x{found[0]} {found[2]}"
                    f" at pts {frame.pts}.",
                    "Cut it there with --end and --start, or scale it to one size first.",
                )
            shape = found
            # The last frames come out of the decoder without a packet to take their clock from.
            frame.time_base = stream.time_base
            yield frame


def _seek(container: InputContainer, stream: VideoStream, pts: int, path: Path) -> None:
    try:
        container.seek(pts, stream=stream, backward=True)
    except av.FFmpegError as error:
        # Raw streams without an index, for one.
        raise MediaError(f"{path} cannot be sought.", "Decode from the beginning.") from error


def _packets(container: InputContainer, stream: VideoStream, path: Path, counts: DecodeCounts) -> Iterator[Any]:
    """The stream's packets; a demuxer that finds nothing after a hole ends the film there, and it is counted."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except av.FFmpegError as error:
            raise_if_unreachable(error, path)
            counts.damaged_packets += 1
            log.warning("%s breaks off: %s", path, error.strerror or error)
            # The demuxer ended without its flush packet: the decoder still holds frames.
            yield av.Packet()
            return
        yield packet


def _filter_fields(frames: Iterator[VideoFrame], stream: VideoStream, name: str | None) -> Iterator[VideoFrame]:
    if name is None:
        yield from frames
        return
    field_filter: FieldFilter = open_field_filter(name, stream)
    for frame in frames:
        yield from field_filter.push(frame)
    yield from field_filter.finish()


def _with_rising_pts(frames: Iterator[VideoFrame], video: VideoInfo, counts: DecodeCounts) -> Iterator[VideoFrame]:
    """Give frames without pts a place, and never drop one of two frames that claim the same instant."""
    step = Fraction(1) / (video.average_rate or Fraction(25)) / video.time_base
    last: int | None = None
    for number, frame in enumerate(frames):
        pts = frame.pts
        if pts is None:
            counts.timed_by_count += 1
            pts = round(number * step) if last is None else last + max(1, round(step))
        elif last is not None and pts <= last:
            counts.nudged_frames += 1
            pts = last + 1
        if pts != frame.pts:
            frame.pts = pts
        last = pts
        yield frame
