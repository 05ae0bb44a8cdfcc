"""From cuts to shots and from shots to segments. Pure: lists of numbers in, plan parts out."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

from videocolor.core.shots import LIMIT_BLOCK, Segment, Shot


def build_shots(pts: Sequence[int], cuts: Sequence[tuple[int, str]]) -> tuple[Shot, ...]:
    """Divide a film at its cuts.

    Args:
        pts: Of every frame, strictly rising.
        cuts: First pts of each new shot and its cause, strictly rising; one at the film's first frame says nothing
            new and is passed over.

    Returns:
        Shots that hold every frame once, in order; none for a film without frames.

    Raises:
        ValueError: pts or cuts do not rise, or a cut lies on no frame.
    """
    _check_rising(pts, "pts")
    _check_rising([cut for cut, _ in cuts], "cuts")
    if not pts:
        if cuts:
            raise ValueError("there are cuts but no frames")
        return ()
    number_of = {value: number for number, value in enumerate(pts)}
    starts = [(0, "start")]
    for cut, cause in cuts:
        if cut not in number_of:
            raise ValueError(f"a cut at pts {cut} lies on no frame")
        if number_of[cut] > 0:
            starts.append((number_of[cut], cause))
    ends = [*(number for number, _ in starts[1:]), len(pts)]
    return tuple(
        Shot(
            index=index,
            start_pts=pts[first],
            end_pts=_end_pts(pts, end),
            frame_count=end - first,
            cause=cause,
        )
        for index, ((first, cause), end) in enumerate(zip(starts, ends, strict=True))
    )


def split_long_shots(shots: Sequence[Shot], *, pts: Sequence[int], max_frames: int) -> tuple[Shot, ...]:
    """Divide shots of more than `max_frames` into parts of about equal length.

    Parts begin at multiples of `LIMIT_BLOCK` frames counted from the shot's start, so a limit below one block counts
    as one block. Each part but the first is a shot of its own with the cause "limit", across which temporal filters
    go on.

    Raises:
        ValueError: The shots are no partition of `pts`, or `max_frames` is not positive.
    """
    if max_frames < 1:
        raise ValueError(f"max_frames is {max_frames}, expected a positive number")
    _check_partition(shots, pts)
    largest = max(1, max_frames // LIMIT_BLOCK)
    parts: list[Shot] = []
    first = 0
    for shot in shots:
        blocks = -(-shot.frame_count // LIMIT_BLOCK)
        is_long = shot.frame_count > max(max_frames, LIMIT_BLOCK)
        part_count = -(-blocks // largest) if is_long else 1
        step = -(-blocks // part_count) * LIMIT_BLOCK if is_long else shot.frame_count
        end = first + shot.frame_count
        for start in range(first, end, step):
            stop = min(start + step, end)
            parts.append(
                replace(
                    shot,
                    index=len(parts),
                    start_pts=pts[start],
                    end_pts=_end_pts(pts, stop),
                    frame_count=stop - start,
                    cause=shot.cause if start == first else "limit",
                )
            )
        first = end
    return tuple(parts)


def plan_segments(
    shots: Sequence[Shot], *, pts: Sequence[int], time_base: Fraction, target_s: float, max_frames: int
) -> tuple[Segment, ...]:
    """Join whole shots into segments of about `target_s` seconds, with the shots numbered anew.

    A segment takes the next shot when that brings it closer to the target and does not exceed `max_frames`. Only
    shots of more than `max_frames` are divided (see `split_long_shots`); a shot longer than the target stays whole.

    Args:
        shots: A partition of `pts`, as `build_shots` makes it.
        pts: Of every frame, strictly rising.
        time_base: Seconds per tick.
        target_s: Wanted length of a segment.
        max_frames: The most frames of a segment, or one block of 32 if that is more; what a user has to wait for
            after Ctrl+C.

    Raises:
        ValueError: The shots are no partition of `pts`, or a limit is not positive.
    """
    if target_s <= 0 or time_base <= 0:
        raise ValueError(f"target_s is {target_s}, time_base {time_base}; both must be positive")
    target = Fraction(target_s) / time_base
    groups: list[list[Shot]] = []
    frame_count = 0
    for shot in split_long_shots(shots, pts=pts, max_frames=max_frames):
        if groups and frame_count + shot.frame_count <= max_frames and _comes_closer(groups[-1], shot, target):
            groups[-1].append(shot)
            frame_count += shot.frame_count
        else:
            groups.append([shot])
            frame_count = shot.frame_count
    segments: list[Segment] = []
    first_frame = 0
    for index, group in enumerate(groups):
        count = sum(shot.frame_count for shot in group)
        segments.append(
            Segment(
                index=index,
                shots=tuple(group),
                start_pts=group[0].start_pts,
                end_pts=group[-1].end_pts,
                frame_count=count,
                first_frame=first_frame,
            )
        )
        first_frame += count
    return tuple(segments)


def _comes_closer(group: Sequence[Shot], shot: Shot, target: Fraction) -> bool:
    without = shot.start_pts - group[0].start_pts
    joined = shot.end_pts - group[0].start_pts
    return abs(joined - target) <= abs(target - without)


def _end_pts(pts: Sequence[int], end: int) -> int:
    """The exclusive end of a shot whose last frame has the number `end - 1`."""
    return pts[end] if end < len(pts) else pts[-1] + 1


def _check_rising(values: Sequence[int], name: str) -> None:
    for number, (before, after) in enumerate(pairwise(values), start=1):
        if after <= before:
            raise ValueError(f"{name} must rise strictly, but number {number} is {after} after {before}")


def _check_partition(shots: Sequence[Shot], pts: Sequence[int]) -> None:
    _check_rising(pts, "pts")
    first = 0
    for shot in shots:
        end = first + shot.frame_count
        if shot.frame_count < 1 or end > len(pts):
            raise ValueError(f"shot {shot.index} has {shot.frame_count} frames, {len(pts) - first} are left")
        if (shot.start_pts, shot.end_pts) != (pts[first], _end_pts(pts, end)):
            raise ValueError(f"shot {shot.index} is {shot.start_pts}..{shot.end_pts}, which are not its frames' pts")
        first = end
    if first != len(pts):
        raise ValueError(f"the shots hold {first} of {len(pts)} frames")
