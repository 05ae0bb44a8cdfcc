"""Shots, segments and the plan of a run. Ranges are half open: start_pts <= pts < end_pts."""

from dataclasses import dataclass, replace
from fractions import Fraction

LIMIT_BLOCK = 32
"""Very long shots are divided at multiples of this many frames; temporal filters can go on there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """Frames between two cuts."""

    index: int
    start_pts: int
    end_pts: int
    """Exclusive: the next shot's first pts, or the last frame's pts + 1."""
    frame_count: int
    cause: str = "cut"
    """Why it begins: "start", "cut", "fade" or "limit" (a very long shot was divided)."""
    source_chroma: float = 0.0
    """Distance of the source's own Cb and Cr from neutral, in 8-bit codes: 0 for gray, above 4 for color or a tint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One or more whole shots: the unit of work, of resume and of distribution."""

    index: int
    shots: tuple[Shot, ...]
    start_pts: int
    end_pts: int
    frame_count: int
    first_frame: int
    """Frames of the film before this segment, in presentation order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the planning pass found out: enough to run any segment on its own."""

    format: int
    identity: str
    """`MediaInfo.identity` of the source."""
    time_base: Fraction
    pts: tuple[int, ...]
    """Presentation time of every frame, rising."""
    durations: tuple[int, ...]
    """Duration of every frame in ticks; 0 where unknown."""
    segments: tuple[Segment, ...]
    detector: str
    """Name and version of the shot detector."""
    damaged_packets: int
    """Packets the decoder refused in this pass."""
    corrupt_frames: int
    """Frames that the decoder delivered but flagged as damaged."""
    notes: tuple[str, ...] = ()

    @property
    def shots(self) -> tuple[Shot, ...]:
        return tuple(shot for segment in self.segments for shot in segment.shots)

    @property
    def whole_shots(self) -> tuple[Shot, ...]:
        """The shots with those put together that only a frame limit divides; they keep the first part's number."""
        whole: list[Shot] = []
        for shot in self.shots:
            if shot.cause == "limit" and whole:
                count = whole[-1].frame_count + shot.frame_count
                whole[-1] = replace(whole[-1], end_pts=shot.end_pts, frame_count=count)
            else:
                whole.append(shot)
        return tuple(whole)

    @property
    def frame_count(self) -> int:
        return len(self.pts)

    @property
    def is_damaged(self) -> bool:
        """Damaged streams are decoded with one thread: with several, concealment differs from run to run."""
        return self.damaged_packets > 0 or self.corrupt_frames > 0

    @property
    def decoding_threads(self) -> int:
        """How many a decoder may use to give the planned frames again; 0 is as many as there are processors."""
        return 1 if self.is_damaged else 0
