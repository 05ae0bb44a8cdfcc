"""Which frames one run of a temporal filter covers: a shot, or what is left of one after a stop."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from videocolor.core.motion import FilterState
from videocolor.core.shots import Plan, Segment, Shot
from videocolor.journal.journal import Journal
from videocolor.pipeline.job import keeps_color
from videocolor.settings import RunSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Frames that follow each other and belong to one shot."""

    parts: tuple[Shot, ...]
    """The shot, or those parts of a divided one that are not finished."""
    shot_start_pts: int
    """First pts of the whole shot, with finished parts."""
    state: FilterState | None
    """What the filter knew before the first part; None at a shot's beginning."""
    keeps_color: bool

    @property
    def frame_count(self) -> int:
        return sum(part.frame_count for part in self.parts)


def find_stretches(todo: Sequence[Segment], plan: Plan, journal: Journal, settings: RunSettings) -> tuple[Stretch, ...]:
    """Join the parts of divided shots, as far as they follow each other.

    Args:
        todo: Unfinished segments, in order.
        plan: The film's.
        journal: Has the filters' states at the ends of finished segments.
        settings: Say which shots keep their color; a filter does not go on behind such a part.
    """
    starts = _shot_starts(plan)
    found: list[Stretch] = []
    for segment in todo:
        for shot in segment.shots:
            kept = keeps_color(shot, settings)
            is_next = bool(found) and found[-1].parts[-1].index + 1 == shot.index
            if shot.cause == "limit" and is_next and found[-1].keeps_color == kept:
                found[-1] = replace(found[-1], parts=(*found[-1].parts, shot))
                continue
            # A limit lies at a segment's start; the one before is finished, or it would be the last one found.
            goes_on = shot.cause == "limit" and not is_next and not kept
            state = journal.state_after(segment.index - 1) if goes_on else None
            found.append(Stretch(parts=(shot,), shot_start_pts=starts[shot.index], state=state, keeps_color=kept))
    return tuple(found)


def _shot_starts(plan: Plan) -> list[int]:
    """First pts of the whole shot that each part belongs to, by the part's index."""
    starts: list[int] = []
    for shot in plan.shots:
        starts.append(starts[-1] if shot.cause == "limit" else shot.start_pts)
    return starts
