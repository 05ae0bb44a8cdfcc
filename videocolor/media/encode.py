"""From merged frames to a segment file. The source's Y plane goes to the encoder as it is; only its place may move."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.codec.context import Flags
from av.video.frame import PictureType, VideoFrame

from videocolor.core.frames import MergedFrame, Plane
from videocolor.errors import EncoderError
from videocolor.files import atomic_path, os_error_to_ours, translated_os_errors
from videocolor.media.formats import Encoding
from videocolor.media.planes import SWSCALE_THREADS, is_editable, plane_view

_FIELD_ORDERS = {"progressive": 1, "tt": 2, "bb": 3, "tb": 4, "bt": 5}
_LOCATIONS = {1: "left", 2: "center", 3: "topleft", 4: "top", 5: "bottomleft", 6: "bottom"}


_DEEPEST_REORDERING = 16
"""Frames that a packet may be coded before its turn: the picture buffers of H.264 and H.265 hold 16."""


class LumaDigest:
    """Order-bound digest of Y planes that can be added up over segments.

    The sum, modulo 2^256, of sha256(frame number || Y) over all frames. Numbers count from the film's first frame,
    so segments can be digested anywhere in any order; equal sums mean equal planes in equal order.
    """

    def __init__(self) -> None:
        self.total = 0

    def add(self, number: int, y: Plane) -> None:
        """Count one frame's Y plane, (H, W) uint8 or uint16."""
        digest = hashlib.sha256(number.to_bytes(8, "little"))
        digest.update(memoryview(np.ascontiguousarray(y)))  # type: ignore[arg-type]
        self.add_sum(digest.hexdigest())

    def add_sum(self, hexadecimal: str) -> None:
        """Count frames that were digested elsewhere: another digest's `hex`."""
        self.total = (self.total + int(hexadecimal, 16)) % (1 << 256)

    @property
    def hex(self) -> str:
        return f"{self.total:064x}"


class SegmentEncoder:
    """An open segment file; made by `open_encoder`."""

    def __init__(self, container: Any, encoding: Encoding, origin_pts: int) -> None:
        self._container = container
        self._encoding = encoding
        self._origin_pts = origin_pts
        self._stream = add_video_stream(container, encoding)
        self._pts: list[int] = []
        self._packet_count = 0

    def write(self, merged: MergedFrame) -> None:
        """Encode one frame."""
        frame = to_video_frame(merged, self._encoding)
        frame.pts = (merged.frame.pts - self._origin_pts) * self._encoding.pts_factor
        frame.time_base = self._encoding.time_base
        frame.pict_type = PictureType.NONE
        self._pts.append(frame.pts)
        self._mux(self._stream.encode(frame))

    def finish(self) -> None:
        """Empty the encoder."""
        self._mux(self._stream.encode(None))

    def _mux(self, packets: Iterable[Any]) -> None:
        """Write packets with a dts that every muxer takes; the film's own are made by the mux stage.

        The encoders' are not used: x265 leaves them unset where a segment has fewer frames than it looks ahead.
        """
        for packet in packets:
            late = self._packet_count - _DEEPEST_REORDERING
            packet.dts = self._pts[late] if late >= 0 else late
            self._packet_count += 1
            self._container.mux(packet)


@contextmanager
def open_encoder(path: Path, encoding: Encoding, *, origin_pts: int) -> Iterator[SegmentEncoder]:
    """Open a segment file for writing; it is complete when the block ends without an error.

    Args:
        path: A name that nobody reads yet; the caller renames it.
        encoding: What the encoder is told.
        origin_pts: The film's pts that is 0 in the segment.

    Raises:
        EncoderError: The encoder refuses its settings or a frame.
        TargetError: The file cannot be written.
    """
    # Without the exact timescale 1/25 becomes 1/12800, and 1/600 becomes 1/19200.
    options = {"video_track_timescale": str(encoding.time_base.denominator)}
    try:
        with av.open(f"file:{path}", "w", format=encoding.segment_muxer, container_options=options) as container:
            encoder = SegmentEncoder(container, encoding, origin_pts)
            yield encoder
            encoder.finish()
    except av.FFmpegError as error:
        if isinstance(error, OSError) and not isinstance(error, ValueError) and error.errno in (13, 28, 30, 122):
            raise os_error_to_ours(error, path) from error
        raise EncoderError(
            f"The encoder {encoding.encoder} failed on {encoding.pix_fmt} {encoding.width}x{encoding.height}: "
            f"{error.strerror or error}.",
            "Try another --codec, or --codec ffv1.",
        ) from error


def add_video_stream(container: Any, encoding: Encoding) -> Any:
    """Add a stream whose encoder is told everything; the mux stage uses the same, so that headers agree."""
    if encoding.codec == "av1":
        # SVT-AV1 prints its configuration on stderr, for every segment; this is its only switch.
        os.environ.setdefault("SVT_LOG", "1")
    stream = container.add_stream(encoding.encoder, rate=encoding.rate)
    context = stream.codec_context
    context.width, context.height, context.pix_fmt = encoding.width, encoding.height, encoding.pix_fmt
    # Before the first frame, or a variable rate is silently flattened to 1 / average rate.
    stream.time_base = context.time_base = encoding.time_base
    if encoding.sample_aspect is not None:
        context.sample_aspect_ratio = encoding.sample_aspect
    context.color_primaries, context.color_trc = encoding.tags.primaries, encoding.tags.transfer
    context.colorspace, context.color_range = encoding.tags.matrix, encoding.tags.color_range
    if encoding.field_order in _FIELD_ORDERS:
        context.field_order = _FIELD_ORDERS[encoding.field_order]
    if encoding.codec_tag:
        context.codec_tag = encoding.codec_tag
    context.thread_count = encoding.threads
    context.flags |= Flags.frame_duration
    options = dict(encoding.options)
    if encoding.tags.chroma_location:
        options["chroma_sample_location"] = _LOCATIONS[encoding.tags.chroma_location]
    if encoding.field_order[:1] in ("t", "b") and encoding.codec == "h264":
        options["flags"] = "+ildct+ilme"
    context.options = options
    return stream


def to_video_frame(merged: MergedFrame, encoding: Encoding) -> VideoFrame:
    """The frame for the encoder: the decoder's own with new chroma, or a new one with Y copied into it."""
    source: VideoFrame = merged.frame.keep
    if is_editable(source.format.name, encoding.pix_fmt):
        # Editing in place keeps field flags, SAR, captions and HDR data, which a new frame would lose.
        source.make_writable()
        _set_plane(source, 1, merged.u)
        _set_plane(source, 2, merged.v)
        return source
    frame = VideoFrame(encoding.width, encoding.height, encoding.pix_fmt)
    shift = encoding.bit_depth - merged.frame.layout.bit_depth
    _set_plane(frame, 0, _shifted(merged.frame.y, shift))
    _set_plane(frame, 1, merged.u)
    _set_plane(frame, 2, merged.v)
    if encoding.pix_fmt.startswith("yuva"):
        alpha = merged.frame.alpha
        opaque = np.full(merged.frame.y.shape, (1 << encoding.bit_depth) - 1, np.uint16)
        _set_plane(frame, 3, opaque if alpha is None else _shifted(alpha, shift))
    if source.duration:
        frame.duration = source.duration * encoding.pts_factor
    frame.colorspace, frame.color_range = encoding.tags.matrix, encoding.tags.color_range
    # ProRes writes these two from the frame, not from the codec's settings.
    frame.color_primaries, frame.color_trc = encoding.tags.primaries, encoding.tags.transfer
    return frame


def write_picture(path: Path, merged: MergedFrame, encoding: Encoding) -> None:
    """Write a merged frame as an 8-bit RGB picture to look at; not a way out for results.

    Raises:
        TargetError: The file cannot be written.
    """
    frame = to_video_frame(merged, encoding)
    rgb = frame.reformat(
        format="bgr24",
        src_colorspace=frame.colorspace,
        src_color_range=2 if encoding.full_range else 1,
        dst_color_range=2,
        threads=SWSCALE_THREADS,
    ).to_ndarray(format="bgr24")
    done, data = cv2.imencode(path.suffix, rgb)
    assert done, f"OpenCV cannot write {path.suffix}"
    with translated_os_errors(path), atomic_path(path) as part:
        part.write_bytes(data.tobytes())


def _shifted(plane: Plane, shift: int) -> Plane:
    """Exact scaling into a deeper format: 8 bits into ProRes are Y << 2."""
    return plane if shift == 0 else np.left_shift(plane, shift, dtype=np.uint16)


def _set_plane(frame: VideoFrame, index: int, values: Plane) -> None:
    view = plane_view(frame, index)
    view[...] = values
