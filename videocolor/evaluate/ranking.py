"""Which shots need a human first: every figure on a scale from usual to alarming, and one score of them all."""

from collections.abc import Callable
from dataclasses import dataclass
from math import hypot

from videocolor.evaluate.chroma import NEAR_GRAY
from videocolor.evaluate.run_record import RunFigures
from videocolor.evaluate.shot_meter import ShotFigures

LOOK_FROM = 1.0
"""Score from which a shot should be looked at: one figure alone is alarming."""

_HALF = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Yardstick:
    """A figure's scale: 0 at what steady, natural color shows, 1 where it should be looked at."""

    name: str
    title: str
    """For people, as the next two."""
    reason: str
    """What is wrong with a shot that reaches 1."""
    meaning: str
    usual: float
    alarming: float
    value: Callable[[ShotFigures, RunFigures | None], float | None]

    def severity(self, figures: ShotFigures, run: RunFigures | None) -> float:
        """0 and up; 0 where the figure is not known."""
        value = self.value(figures, run)
        return 0.0 if value is None else max(0.0, (value - self.usual) / (self.alarming - self.usual))


def unsteady(figures: ShotFigures, run: RunFigures | None) -> float | None:
    """What a temporal filter could not mend: the lonely share of pixels, times how unsteady they came in."""
    if run is None or run.lonely_share is None or run.correction is None:
        return None
    return run.lonely_share * run.correction


def switching(figures: ShotFigures, run: RunFigures | None) -> float | None:
    """How often a frame's chroma jumps, of all frames; in a gray shot every trace of color would be a jump."""
    return figures.resat_events / figures.frames if figures.chroma >= NEAR_GRAY else None


# Usual is what natural color film stays below (flicker but for fast action); docs/evaluation.md has the measurements.
YARDSTICKS = (
    Yardstick(
        name="flicker",
        title="Flicker, warp_ab",
        reason="flicker",
        meaning="How far the color of one scene point changes from frame to frame, followed along its motion.",
        usual=1.5,
        alarming=3.5,
        value=lambda figures, run: figures.warp_ab,
    ),
    Yardstick(
        name="tint_jitter",
        title="Tint jitter",
        reason="tint jumps",
        meaning="How far the color of the whole picture jumps from frame to frame.",
        usual=0.2,
        alarming=0.6,
        value=lambda figures, run: figures.tint_jitter,
    ),
    Yardstick(
        name="tint_drift",
        title="Tint drift",
        reason="tint drifts",
        meaning="How far the mean color moves from a shot's beginning to its end; a camera that turns does it, too.",
        usual=4.0,
        alarming=12.0,
        value=lambda figures, run: figures.tint_drift,
    ),
    Yardstick(
        name="switching",
        title="Color switches",
        reason="color comes and goes",
        meaning="Share of frames at which the strength of color jumps by more than 15 %.",
        usual=0.03,
        alarming=0.15,
        value=switching,
    ),
    Yardstick(
        name="unsteady",
        title="Lonely share × correction",
        reason="could not be steadied",
        meaning="What the temporal filter could not mend: pixels seen once, times how unsteady colors came in.",
        usual=0.0,
        alarming=0.5,
        value=unsteady,
    ),
    Yardstick(
        name="near_gray_share",
        title="Near gray",
        reason="mostly gray",
        meaning="Share of pixels with chroma below 4, which the eye takes for gray.",
        usual=0.7,
        alarming=0.95,
        value=lambda figures, run: figures.near_gray_share,
    ),
    Yardstick(
        name="limited_share",
        title="At the color limit",
        reason="colors at their limit",
        meaning="Share of samples whose color is the strongest that can be shown under their brightness.",
        usual=0.05,
        alarming=0.25,
        value=lambda figures, run: figures.limited_share,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A shot's place among the others."""

    score: float
    """Root of the sum of the squared severities: the worst figure decides, the others add a little."""
    severities: dict[str, float]
    reasons: tuple[str, ...]
    """Of the figures that are alarming, or together are, the worst first."""

    @property
    def needs_look(self) -> bool:
        return self.score >= LOOK_FROM


def judge(figures: ShotFigures, run: RunFigures | None) -> Judgement:
    """Score a shot; the higher, the sooner a human should look at it."""
    severities = {item.name: item.severity(figures, run) for item in YARDSTICKS}
    score = hypot(*severities.values())
    worst_first = sorted(YARDSTICKS, key=lambda item: -severities[item.name])
    # Several figures may be alarming together though none is alone.
    least = 1.0 if max(severities.values()) >= 1 or score < LOOK_FROM else _HALF
    return Judgement(
        score=score,
        severities=severities,
        reasons=tuple(item.reason for item in worst_first if severities[item.name] >= least),
    )
