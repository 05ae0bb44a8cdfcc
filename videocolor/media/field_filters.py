"""Interlaced material: libav's filters that measure it, interpolate it or undo 2:3 pulldown."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from videocolor.errors import SettingsError
from videocolor.media.timing import to_fraction

# bwdif in send_frame mode keeps the frame rate; fieldmatch + decimate restores the film's own frames.
_CHAINS: dict[str, tuple[tuple[str, str], ...]] = {
    "deinterlace": (("bwdif", "mode=send_frame:parity=auto:deint=all"),),
    "detelecine": (("fieldmatch", "mode=pc_n_ub"), ("decimate", "")),
    "idet": (("idet", "half_life=0"),),
}


class FieldFilter:
    """A chain of libav filters: frames in, the same or fewer frames out, in the source's time base."""

    def __init__(self, graph: Any, time_base: Any) -> None:
        self._graph = graph
        self._time_base = time_base

    def push(self, frame: VideoFrame) -> Iterator[VideoFrame]:
        """Feed one frame; gives the frames that are ready."""
        frame.time_base = self._time_base
        self._graph.push(frame)
        yield from self._ready()

    def finish(self) -> Iterator[VideoFrame]:
        """Tell the chain that the film is over; gives the frames it still held."""
        self._graph.push(None)
        yield from self._ready()

    def _ready(self) -> Iterator[VideoFrame]:
        while True:
            try:
                frame = self._graph.pull()
            except (BlockingIOError, av.EOFError):
                return
            if frame.pts is not None and frame.time_base and frame.time_base != self._time_base:
                # decimate re-times to its new constant rate; the film's clock is the source's.
                frame.pts = round(frame.pts * frame.time_base / self._time_base)
                frame.time_base = self._time_base
                # Four frames now last as long as five did: the plan measures it from frame to frame.
                frame.duration = 0
            yield frame


def _source_arguments(stream: VideoStream) -> str:
    """What PyAV's own `add_buffer` leaves out is the frame rate, without which decimate refuses to work."""
    context = stream.codec_context
    aspect = to_fraction(stream.sample_aspect_ratio) or Fraction(1)
    rate = to_fraction(stream.guessed_rate) or to_fraction(stream.average_rate) or Fraction(25)
    return (
        f"video_size={context.width}x{context.height}:pix_fmt={context.pix_fmt}:time_base={stream.time_base}"
        f":frame_rate={rate}:pixel_aspect={aspect}"
    )


def open_field_filter(name: str, stream: VideoStream) -> FieldFilter:
    """A filter chain for a stream: "deinterlace", "detelecine" or "idet" (measures only).

    Raises:
        SettingsError: No such chain.
    """
    if name not in _CHAINS:
        raise SettingsError(f"There is no field filter {name!r}.", f"Choose from {', '.join(_CHAINS)}.")
    graph = av.filter.Graph()
    source = graph.add("buffer", _source_arguments(stream))
    nodes = [source, *(graph.add(filter_name, arguments or None) for filter_name, arguments in _CHAINS[name])]
    nodes.append(graph.add("buffersink"))
    graph.link_nodes(*nodes).configure()
    return FieldFilter(graph, stream.time_base)
