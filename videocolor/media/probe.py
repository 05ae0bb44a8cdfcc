"""What a film is, found out from its header and its first decoded frame. Owns every guess, and notes it."""

import logging
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from videocolor.core.media import ColorTags, MediaInfo, PixelLayout, StreamInfo, StreamKind, VideoInfo
from videocolor.errors import MediaError, SettingsError
from videocolor.files import file_identity
from videocolor.media.ffmpeg_program import chroma_location
from videocolor.media.hdr import read_content_light, read_mastering_display
from videocolor.media.opening import open_input
from videocolor.media.planes import chroma_of, depth_of_luma, has_alpha
from videocolor.media.side_data import display_matrix, noticed_side_data
from videocolor.media.timing import to_fraction

log = logging.getLogger(__name__)

_COVER = av.stream.Disposition.attached_pic
# ITU-T H.273: matrix coefficients, primaries and transfer characteristics by code point.
_MATRICES = {1: "bt709", 4: "bt601", 5: "bt601", 6: "bt601", 7: "bt709", 9: "bt2020", 10: "bt2020"}
_UNSPECIFIED = 2
_PRIMARIES_2020 = 9
_TRANSFER_PQ = 16
_RANGE_FULL = 2
# libavcodec's AVFieldOrder: what is coded first and shown first.
_FIELD_ORDERS = {1: "progressive", 2: "tt", 3: "bb", 4: "tb", 5: "bt"}
_SITINGS = {1: "left", 2: "center", 3: "topleft"}
_MAX_PIXELS = 400_000_000


def probe_film(path: Path, *, video_stream: int | None = None, assume_matrix: str = "auto") -> MediaInfo:
    """Read a film's header and decode its first frame.

    Args:
        path: The film.
        video_stream: Index of the stream to color; None chooses the first that is no cover picture.
        assume_matrix: "auto", or the Y'CbCr matrix to believe in place of the tag.

    Raises:
        MediaError: Not a film, no video stream, or no frame that can be decoded.
        SettingsError: `video_stream` names no video stream.
    """
    with open_input(path) as container:
        stream = _choose_video(container, path, video_stream)
        notes = _notes_on_choice(container, stream)
        decoder = alpha_decoder(stream)
        frame = _first_frame(container, stream, path, decoder)
        location = chroma_location(path, stream.index)
        layout, layout_notes = describe_layout(frame, assume_matrix=assume_matrix, location=location)
        notes += layout_notes
        video = _describe_video(stream, frame, layout, location)
        notes += _notes_on_clock(video, container)
        return MediaInfo(
            path=path,
            container=container.format.name,
            duration_s=container.duration / av.time_base if container.duration else None,
            size_bytes=path.stat().st_size,
            identity=file_identity(path),
            video=video,
            others=tuple(describe_stream(other) for other in container.streams if other.index != stream.index),
            chapter_count=len(container.chapters()),
            metadata=dict(container.metadata),
            notes=tuple(notes),
        )


def alpha_decoder(stream: VideoStream) -> Any:
    """A decoder that sees VP8/VP9 alpha, which Matroska keeps beside the picture and the usual decoders drop."""
    if stream.metadata.get("alpha_mode") == "1" or stream.metadata.get("ALPHA_MODE") == "1":
        name = {"vp8": "libvpx", "vp9": "libvpx-vp9"}.get(stream.codec_context.codec.canonical_name)
        if name and name in av.codecs_available:
            context = av.CodecContext.create(name, "r")
            context.extradata = stream.codec_context.extradata
            return context
    return None


def describe_stream(stream: Any) -> StreamInfo:
    """A stream's data sheet, attachments and streams without a codec included."""
    context = getattr(stream, "codec_context", None)
    kind: StreamKind = stream.type if stream.type in ("video", "audio", "subtitle", "attachment") else "data"
    tag = getattr(context, "codec_tag", "") if context is not None else ""
    # Containers differ in the case of their keys.
    tags = {key.lower(): value for key, value in stream.metadata.items()}
    return StreamInfo(
        index=stream.index,
        kind=kind,
        codec=_codec_name(stream, context),
        tag=tag.strip("\x00 "),
        language=tags.get("language"),
        title=tags.get("title") or tags.get("name") or tags.get("filename"),
        dispositions=tuple(flag.name or "" for flag in av.stream.Disposition if flag in stream.disposition),
        is_cover=kind == "video" and _COVER in stream.disposition,
    )


def _codec_name(stream: Any, context: Any) -> str:
    if context is None:
        return "timecode" if "timecode" in {key.lower() for key in stream.metadata} else ""
    codec = getattr(context, "codec", None)
    return str(getattr(codec, "canonical_name", None) or context.name)


def describe_layout(frame: VideoFrame, *, assume_matrix: str, location: int) -> tuple[PixelLayout, list[str]]:
    """How to read a decoded frame's numbers; the color tags come from the frame, which beats the container.

    Args:
        frame: Any decoded frame.
        assume_matrix: "auto", or the matrix to believe.
        location: The stream's chroma siting as AVChromaLocation, 0 if untagged.

    Returns:
        The layout, and what was assumed, as sentences.
    """
    name = frame.format.name
    notes: list[str] = []
    chroma = chroma_of(name)
    if frame.width * frame.height > _MAX_PIXELS:
        raise MediaError(f"The picture has {frame.width} x {frame.height} pixels, over the limit.", "Scale it down.")
    untagged_full = chroma in ("400", "rgb") and frame.color_range == 0
    full_range = frame.color_range == _RANGE_FULL or name.startswith("yuvj") or untagged_full
    matrix = _MATRICES.get(int(frame.colorspace))
    if assume_matrix != "auto":
        if matrix not in (None, assume_matrix):
            notes.append(f"The matrix is tagged {matrix}; {assume_matrix} is used as you asked.")
        matrix = assume_matrix
    elif matrix is None:
        matrix = "bt601" if frame.height <= 576 and frame.width < 1280 else "bt709"
        if chroma not in ("400", "rgb"):
            notes.append(f"The Y'CbCr matrix is not tagged; {matrix} is assumed by the picture's size.")
    if chroma == "rgb":
        notes.append(f"The source is {name}, which has no luma: it is converted to Y'CbCr 4:4:4 once.")
    depth = depth_of_luma(name)
    layout = PixelLayout(
        name=name,
        bit_depth=depth,
        chroma=chroma,
        full_range=full_range,
        matrix=matrix,  # type: ignore[arg-type]
        primaries="bt2020" if int(frame.color_primaries) == _PRIMARIES_2020 else "bt709",
        transfer="pq" if int(frame.color_trc) == _TRANSFER_PQ else "sdr",
        siting=_SITINGS.get(location, "left"),  # type: ignore[arg-type]
        has_alpha=has_alpha(name),
    )
    return layout, notes


def _choose_video(container: InputContainer, path: Path, wanted: int | None) -> VideoStream:
    films = [stream for stream in container.streams.video if _COVER not in stream.disposition]
    if wanted is not None:
        for stream in films:
            if stream.index == wanted:
                return stream
        numbers = ", ".join(str(stream.index) for stream in films) or "none"
        raise SettingsError(f"{path} has no video stream #{wanted}.", f"Video streams: {numbers}.")
    if not films:
        what = "only cover pictures" if container.streams.video else "no video stream"
        raise MediaError(f"{path} has {what}.", "Give a film or a picture.")
    return films[0]


def _notes_on_choice(container: InputContainer, stream: VideoStream) -> list[str]:
    films = [other for other in container.streams.video if _COVER not in other.disposition]
    if len(films) < 2:
        return []
    rest = ", ".join(f"#{other.index}" for other in films if other.index != stream.index)
    return [f"Video stream #{stream.index} is colored, {rest} copied as it is (--video-stream chooses another)."]


def _first_frame(container: InputContainer, stream: VideoStream, path: Path, decoder: Any) -> VideoFrame:
    """The first frame that decodes, with one thread: a header alone may promise what is not there."""
    stream.codec_context.thread_count = 1
    try:
        for packet in container.demux(stream):
            try:
                frames = decoder.decode(packet) if decoder is not None else packet.decode()
            except av.FFmpegError:
                continue
            if frames:
                return frames[0]
    except (av.FFmpegError, ValueError) as error:
        log.debug("%s: %s", path, error)
    raise MediaError(
        f"No frame of {path} can be decoded ({stream.codec_context.name}).",
        "It may be encrypted, empty, or damaged from its beginning.",
    )


def _describe_video(stream: VideoStream, frame: VideoFrame, layout: PixelLayout, location: int) -> VideoInfo:
    context = stream.codec_context
    matrix = display_matrix(frame)
    aspect = to_fraction(stream.sample_aspect_ratio) or to_fraction(context.sample_aspect_ratio)
    return VideoInfo(
        index=stream.index,
        codec=context.codec.canonical_name,
        height=frame.height,
        width=frame.width,
        layout=layout,
        tags=ColorTags(
            # The frame beats the container; a decoder that leaves a tag open does not erase the container's.
            primaries=_tag(frame.color_primaries, context.color_primaries),
            transfer=_tag(frame.color_trc, context.color_trc),
            matrix=_tag(frame.colorspace, context.colorspace),
            color_range=int(frame.color_range) or int(context.color_range or 0),
            chroma_location=location,
        ),
        sample_aspect=aspect if aspect and aspect > 0 else None,
        time_base=to_fraction(stream.time_base) or Fraction(1, 1000),
        average_rate=to_fraction(stream.average_rate) or to_fraction(stream.guessed_rate),
        start_pts=frame.pts,
        frame_count_header=stream.frames or None,
        display_matrix=matrix,
        rotation=rotation_degrees(matrix),
        field_order=_FIELD_ORDERS.get(int(context.field_order), "unknown"),
        frame_side_data=noticed_side_data(frame),
        mastering_display=read_mastering_display(frame),
        content_light=read_content_light(frame),
    )


def _tag(of_frame: int, of_stream: int | None) -> int:
    return int(of_frame) if int(of_frame) != _UNSPECIFIED else int(of_stream or _UNSPECIFIED)


def rotation_degrees(matrix: tuple[int, ...] | None) -> int:
    """Clockwise degrees, to the nearest quarter turn, by which a player turns the picture."""
    if matrix is None:
        return 0
    angle = math.degrees(math.atan2(matrix[1], matrix[0]))
    return round(angle / 90) * 90 % 360


def _notes_on_clock(video: VideoInfo, container: InputContainer) -> list[str]:
    notes = []
    if video.start_pts is None:
        notes.append("The film has no time stamps: frames are placed by their number and the average rate.")
    if container.duration is None:
        notes.append("The film does not state its length: progress is shown without an end.")
    return notes
