"""Whether a film is combed, from the counters of libav's `idet` filter. Pure: the filter itself runs in `media/`.

The measurement beats the flags: discs flag film as interlaced, and combed rips are flagged progressive.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

FieldOrder = Literal["tff", "bff"]
InterlaceKind = Literal["progressive", "interlaced", "telecine"]

PULLDOWN_CYCLE = 5
"""Frames after which 2:3 pulldown repeats itself."""

# Measured on ten real clips, each progressive, woven and with pulldown, grain 0..16: 0 % against 90..100 %.
_COMBED_SHARE = 0.5
_FEWEST_DECIDED = 10

# 240 lines are one field of the smallest interlaced system; idet's only false alarms (30 of 30 and 58 of 60 frames)
# came from test patterns of 180 and 200 lines.
_ONE_FIELD_LINES = 240

# Pulldown leaves one frame in five whole. Its single-frame votes for combs were 0 where the other four phases had all
# of theirs; woven video has the same number in each phase.
_WEAK_PHASE = 0.15
_FEWEST_PHASED = 20

# Repeated fields: 40 % in clean pulldown, half of them top and half bottom, 0 in grain. A source that repeats only
# one parity (interlaced-bff-mpeg2-fields.ts: 15 of 31) or leaves no frame whole (film shifted by one field: 63 %
# repeated, no whole frame) has no pulldown.
_REPEATED_SHARE = 0.15
_REPEATED_SHARE_EACH = 0.05
_WHOLE_SHARE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class IdetCounts:
    """What idet counted over `frame_count` frames; counts of several places of a film can be added."""

    frame_count: int = 0
    tff: int = 0
    """Multi-frame votes: combed with the top field first."""
    bff: int = 0
    progressive: int = 0
    undetermined: int = 0
    single_tff: int = 0
    """Single-frame votes: useless for grainy film, but they show which frames of a pulldown are whole."""
    single_bff: int = 0
    single_progressive: int = 0
    single_undetermined: int = 0
    repeated_neither: int = 0
    repeated_top: int = 0
    repeated_bottom: int = 0
    combed_by_phase: tuple[int, ...] = (0,) * PULLDOWN_CYCLE
    """Single-frame votes for combs, by the frame's number modulo five."""

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str], *, single_votes: Sequence[str] = ()) -> "IdetCounts":
        """Read the counters off the metadata of the last frame that left idet.

        Args:
            metadata: `lavfi.idet.*`, cumulative ("200.00"); empty when no frame came out.
            single_votes: `lavfi.idet.single.current_frame` of every frame, in order. Without them pulldown is found
                in clean film only.
        """

        def count(key: str) -> int:
            return round(float(metadata.get(f"lavfi.idet.{key}", "0")))

        phases = [0] * PULLDOWN_CYCLE
        for number, vote in enumerate(single_votes):
            phases[number % PULLDOWN_CYCLE] += vote in {"tff", "bff"}
        repeated = [count(f"repeated.{which}") for which in ("neither", "top", "bottom")]
        return cls(
            frame_count=sum(repeated),
            tff=count("multiple.tff"),
            bff=count("multiple.bff"),
            progressive=count("multiple.progressive"),
            undetermined=count("multiple.undetermined"),
            single_tff=count("single.tff"),
            single_bff=count("single.bff"),
            single_progressive=count("single.progressive"),
            single_undetermined=count("single.undetermined"),
            repeated_neither=repeated[0],
            repeated_top=repeated[1],
            repeated_bottom=repeated[2],
            combed_by_phase=tuple(phases),
        )

    def __add__(self, other: "IdetCounts") -> "IdetCounts":
        return IdetCounts(
            frame_count=self.frame_count + other.frame_count,
            tff=self.tff + other.tff,
            bff=self.bff + other.bff,
            progressive=self.progressive + other.progressive,
            undetermined=self.undetermined + other.undetermined,
            single_tff=self.single_tff + other.single_tff,
            single_bff=self.single_bff + other.single_bff,
            single_progressive=self.single_progressive + other.single_progressive,
            single_undetermined=self.single_undetermined + other.single_undetermined,
            repeated_neither=self.repeated_neither + other.repeated_neither,
            repeated_top=self.repeated_top + other.repeated_top,
            repeated_bottom=self.repeated_bottom + other.repeated_bottom,
            combed_by_phase=tuple(
                one + two for one, two in zip(_weakest_first(self), _weakest_first(other), strict=True)
            ),
        )

    @property
    def decided(self) -> int:
        """Frames with a multi-frame vote."""
        return self.tff + self.bff + self.progressive


@dataclass(frozen=True, slots=True, kw_only=True)
class InterlaceVerdict:
    """How a film's frames were made, and why we think so."""

    kind: InterlaceKind
    field_order: FieldOrder | None
    """Which field comes first; None for progressive film and where nothing tells."""
    is_measured: bool
    """False when too few frames could be judged, so that the flags decided."""
    reason: str
    """One sentence with the numbers, for the user."""


def judge_interlace(
    counts: IdetCounts, flagged_share: float, *, flagged_order: str = "unknown", height: int | None = None
) -> InterlaceVerdict:
    """Decide whether a film is progressive, interlaced, or film with 2:3 pulldown.

    Args:
        counts: Of 500 to 1000 frames from three places of the film; fewer where the film is short.
        flagged_share: Share of the decoded frames that are flagged interlaced, 0..1.
        flagged_order: `VideoInfo.field_order`; used only when the measurement cannot tell. "tb" and "bt" count as
            unknown, because muxers disagree about their meaning.
        height: Luma rows; unflagged film of one field's height cannot be interlaced.
    """
    if counts.decided < _FEWEST_DECIDED:
        return _judge_by_flags(counts, flagged_share, flagged_order)
    combed = counts.tff + counts.bff
    share = combed / counts.decided
    measured = f"idet found combs in {combed} of {counts.decided} frames that it could judge ({share:.0%})"
    flags = f"{flagged_share:.0%} of the frames are flagged interlaced"
    if share <= _COMBED_SHARE:
        return InterlaceVerdict(kind="progressive", field_order=None, is_measured=True, reason=f"{measured}; {flags}.")
    if height is not None and height <= _ONE_FIELD_LINES and flagged_share == 0.0:
        return InterlaceVerdict(
            kind="progressive",
            field_order=None,
            is_measured=True,
            reason=f"{measured}, but {height} lines are too few for two fields and no frame is flagged interlaced.",
        )
    order: FieldOrder = "tff" if counts.tff >= counts.bff else "bff"
    first = "top" if order == "tff" else "bottom"
    pulldown = _pulldown(counts)
    kind: InterlaceKind = "telecine" if pulldown else "interlaced"
    detail = f"; {pulldown}" if pulldown else ""
    return InterlaceVerdict(
        kind=kind,
        field_order=order,
        is_measured=True,
        reason=f"{measured}, {first} field first{detail}; {flags}.",
    )


def _judge_by_flags(counts: IdetCounts, flagged_share: float, flagged_order: str) -> InterlaceVerdict:
    reason = (
        f"idet could judge only {counts.decided} of {counts.frame_count} frames, so the flags decide: "
        f"{flagged_share:.0%} of the frames are flagged interlaced."
    )
    if flagged_share <= _COMBED_SHARE:
        return InterlaceVerdict(kind="progressive", field_order=None, is_measured=False, reason=reason)
    orders: dict[str, FieldOrder] = {"tt": "tff", "bb": "bff"}
    order = orders.get(flagged_order)
    if counts.tff != counts.bff:
        order = "tff" if counts.tff > counts.bff else "bff"
    return InterlaceVerdict(kind="interlaced", field_order=order, is_measured=False, reason=reason)


def _pulldown(counts: IdetCounts) -> str:
    """What shows 2:3 pulldown, or nothing."""
    weakest, *others = _weakest_first(counts)
    usual = sum(others) / len(others)
    if weakest + sum(others) >= _FEWEST_PHASED and min(others) > 0.5 * usual and weakest <= _WEAK_PHASE * usual:
        return f"every fifth frame is whole (combs by phase: {weakest}, {', '.join(map(str, others))}): 2:3 pulldown"
    repeated = counts.repeated_top + counts.repeated_bottom
    fewer = min(counts.repeated_top, counts.repeated_bottom)
    voted = counts.single_tff + counts.single_bff + counts.single_progressive
    has_repeats = repeated > _REPEATED_SHARE * counts.frame_count and fewer > _REPEATED_SHARE_EACH * counts.frame_count
    if has_repeats and counts.single_progressive > _WHOLE_SHARE * voted:
        return f"{repeated} of {counts.frame_count} frames repeat a field of the frame before: 2:3 pulldown"
    return ""


def _weakest_first(counts: IdetCounts) -> tuple[int, ...]:
    """The phases turned so that the one with the fewest combs leads: places of a film begin at different phases."""
    phases = counts.combed_by_phase
    weakest = phases.index(min(phases))
    return phases[weakest:] + phases[:weakest]
