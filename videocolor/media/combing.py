"""Measuring interlace while a film is decoded: libav's idet on three places. Judging is `shots/interlace`'s work."""

import logging
from dataclasses import dataclass, field
from typing import Any

import av
from av.video.frame import VideoFrame

from videocolor.core.frames import Frame

log = logging.getLogger(__name__)

_WINDOW = 300
_PLACES = 3


@dataclass(frozen=True, slots=True)
class IdetReading:
    """What idet said of one place of the film."""

    metadata: dict[str, str]
    """Cumulative counters, `lavfi.idet.*`, off the place's last frame."""
    single_votes: tuple[str, ...]
    """`lavfi.idet.single.current_frame` of every frame."""


@dataclass(slots=True)
class CombingSurvey:
    """Feeds idet with 300 frames each from the beginning and two later places, and counts the flags of all frames."""

    frame_count_expected: int | None
    """From the header; None measures the first 900 frames."""
    flagged: int = 0
    seen: int = 0
    readings: list[IdetReading] = field(default_factory=list)
    _graph: Any = None
    _last: dict[str, str] = field(default_factory=dict)
    _votes: list[str] = field(default_factory=list)

    def push(self, frame: Frame) -> None:
        """Look at one decoded frame."""
        carrier = frame.keep
        if not isinstance(carrier, VideoFrame):
            return
        self.flagged += bool(carrier.interlaced_frame)
        if self._is_wanted(self.seen):
            self._measure(carrier)
        elif self._graph is not None:
            self._close_place()
        self.seen += 1

    def finish(self) -> list[IdetReading]:
        """The readings of all places."""
        self._close_place()
        return self.readings

    @property
    def flagged_share(self) -> float:
        return self.flagged / self.seen if self.seen else 0.0

    def _is_wanted(self, number: int) -> bool:
        stride = max(_WINDOW, (self.frame_count_expected or 0) // _PLACES)
        return number < stride * _PLACES and number % stride < _WINDOW

    def _measure(self, carrier: VideoFrame) -> None:
        try:
            if self._graph is None:
                self._graph = _idet_graph(carrier)
            self._graph.push(carrier)
            self._pull()
        except (av.FFmpegError, ValueError) as error:
            # A pixel format that idet does not take: the flags decide.
            log.debug("idet: %s", error)

    def _pull(self) -> None:
        while True:
            try:
                frame = self._graph.pull()
            except (BlockingIOError, av.EOFError):
                return
            self._last = dict(frame.metadata)
            self._votes.append(self._last.get("lavfi.idet.single.current_frame", ""))

    def _close_place(self) -> None:
        if self._graph is None:
            return
        self._graph.push(None)
        self._pull()
        self.readings.append(IdetReading(self._last, tuple(self._votes)))
        self._graph, self._last, self._votes = None, {}, []


def _idet_graph(frame: VideoFrame) -> Any:
    graph = av.filter.Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base)
    graph.link_nodes(source, graph.add("idet"), graph.add("buffersink")).configure()
    return graph
