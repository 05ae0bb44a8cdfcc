"""The stream of frames for the segments that are left: from the start, or by a seek that is proved right."""

import logging
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from videocolor.core.frames import Frame
from videocolor.core.media import MediaInfo
from videocolor.core.shots import Plan, Segment
from videocolor.errors import MediaError
from videocolor.journal.journal import Journal
from videocolor.media.decode import DecodeCounts, DecodeSettings, open_frames
from videocolor.pipeline.frame_ranges import SEEK_FROM_FRAMES
from videocolor.pipeline.read_ahead import read_ahead
from videocolor.pipeline.segment import luma_sha256
from videocolor.pipeline.stage_clock import StageClock

log = logging.getLogger(__name__)

DECODED_AHEAD = 8
"""Decoded frames in store before the network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentSource:
    """Serves segments in order from one decoder, dropping the frames of those that are finished."""

    info: MediaInfo
    plan: Plan
    decode: DecodeSettings
    journal: Journal
    clock: StageClock

    @property
    def todo(self) -> tuple[Segment, ...]:
        """Segments that must be made, in order.

        Where a part of a divided shot is not finished (its file was lost), the finished parts behind it are made
        again: filters look ahead, and would find the shot's end in its middle.
        """
        todo: list[Segment] = []
        for segment in self.plan.segments:
            goes_on = segment.shots[0].cause == "limit" and bool(todo) and todo[-1].index + 1 == segment.index
            if goes_on or self.journal.find(segment.index) is None:
                todo.append(segment)
        return tuple(todo)

    def frames(self) -> Generator[Frame, None, None]:
        """The frames of every unfinished segment, in order."""
        todo = self.todo
        if not todo:
            return
        frames, position = self._open_at(todo[0])
        ahead = read_ahead(self.clock.timed("decode", frames), DECODED_AHEAD)
        try:
            for segment in todo:
                for _ in range(segment.first_frame - position):
                    next(ahead, None)
                yield from islice(ahead, segment.frame_count)
                position = segment.first_frame + segment.frame_count
        finally:
            # Closes the decoder in its own thread.
            ahead.close()

    def _open_at(self, segment: Segment) -> tuple[Iterator[Frame], int]:
        """A decoder at the segment's first frame (or at 0), and the number of the frame it stands at."""
        seekable = self.decode.field_filter is None and not self.plan.is_damaged
        if segment.first_frame >= SEEK_FROM_FRAMES and seekable:
            found = self._seek(segment)
            if found is not None:
                return found, segment.first_frame
            log.warning("Seeking does not give the same frames: the film is decoded from its start.")
        return open_frames(self.info, self._settings(), DecodeCounts()), 0

    def _settings(self) -> DecodeSettings:
        """Damaged streams with one thread, as in the planning pass: their concealment is repeatable only so."""
        return replace(self.decode, threads=self.plan.decoding_threads)

    def _seek(self, segment: Segment) -> Iterator[Frame] | None:
        """Seek to the last frame before the segment; its luma must be the one that was coded before the stop."""
        before = self.journal.find(segment.index - 1)
        if before is None:
            return None
        frames = open_frames(
            self.info, self._settings(), DecodeCounts(), from_pts=self.plan.pts[segment.first_frame - 1]
        )
        try:
            first = next(frames, None)
        except MediaError:
            return None
        if first is None or luma_sha256(first) != before.last_luma_sha256:
            frames.close()  # type: ignore[attr-defined]
            return None
        return frames
