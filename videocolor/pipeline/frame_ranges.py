"""Parts of a film in one go: decoded in order, what lies between dropped, and long ways sought."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from videocolor.core.frames import Frame
from videocolor.core.media import MediaInfo
from videocolor.core.shots import Plan
from videocolor.errors import MediaError
from videocolor.media.decode import DecodeCounts, DecodeSettings, open_frames

log = logging.getLogger(__name__)

SEEK_FROM_FRAMES = 500
"""A shorter way is decoded and dropped: about two seconds of work, and no risk."""
# The first frames behind a seek may lack those that they are predicted from.
_SETTLING_FRAMES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedFrames:
    """A film whose frames are known, and can be had in parts."""

    info: MediaInfo
    plan: Plan
    """Its pts are what the decoder must give."""
    decode: DecodeSettings
    """As in the planning pass; the number of threads is chosen here."""

    def of(self, ranges: Sequence[range], *, on_dropped: Callable[[], None] = lambda: None) -> Iterator[Frame]:
        """The frames of several ranges, one range after the other.

        Args:
            ranges: Of indices in the plan, rising and apart.
            on_dropped: Called after each frame that is decoded on the way to a range.

        Raises:
            MediaError: The decoder gives other frames than in the planning pass.
        """
        decode = replace(self.decode, threads=self.plan.decoding_threads)
        can_seek = decode.field_filter is None and not self.plan.is_damaged
        frames: Iterator[Frame] | None = None
        position = 0
        try:
            for wanted in ranges:
                if can_seek and wanted.start - position >= SEEK_FROM_FRAMES:
                    _close(frames)
                    frames = _sought(self.info, self.plan, decode, wanted.start)
                    position = 0 if frames is None else wanted.start
                if frames is None:
                    frames = open_frames(self.info, decode, DecodeCounts())
                for index in range(position, wanted.stop):
                    frame = next(frames, None)
                    if frame is None or frame.pts != self.plan.pts[index]:
                        raise MediaError(
                            f"{self.info.path} decodes differently from the planning pass at frame {index}.",
                            "Check the disk, then use --restart.",
                        )
                    if index >= wanted.start:
                        yield frame
                    else:
                        on_dropped()
                position = wanted.stop
        finally:
            _close(frames)

    def count_before(self, *, on_frame: Callable[[], None] = lambda: None) -> int:
        """Frames of the film before the first planned one: none but with --start, which decodes up to there.

        Args:
            on_frame: Called after each decoded frame.
        """
        if self.decode.start is None:
            return 0
        before = replace(self.decode, start=None, end=self.decode.start)
        frames, count = open_frames(self.info, before, DecodeCounts()), 0
        try:
            for _ in frames:
                count += 1
                on_frame()
        finally:
            _close(frames)
        return count


def _sought(info: MediaInfo, plan: Plan, decode: DecodeSettings, index: int) -> Iterator[Frame] | None:
    """A decoder that stands at a frame; None where seeking does not give the frames that were planned.

    Not proved by a hash as for the frames that are coded (`source.py`): of these only the motion is taken.
    """
    first = index - _SETTLING_FRAMES
    frames = open_frames(info, decode, DecodeCounts(), from_pts=plan.pts[first])
    try:
        if all((frame := next(frames, None)) is not None and frame.pts == plan.pts[i] for i in range(first, index)):
            return frames
    except MediaError:
        pass
    _close(frames)
    log.debug("seeking to frame %d does not give the planned frames", index)
    return None


def _close(frames: Iterator[Frame] | None) -> None:
    close = getattr(frames, "close", None)
    if close is not None:
        close()
