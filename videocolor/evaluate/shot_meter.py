"""What one shot of a colored film shows without any truth, gathered frame by frame; two small pictures are held."""

from array import array
from dataclasses import dataclass, field
from math import sqrt
from statistics import fmean

import numpy as np
import numpy.typing as npt

from videocolor.evaluate.chroma import chroma_of, near_gray_share
from videocolor.evaluate.colorfulness import colorfulness
from videocolor.evaluate.distribution import DistributionMeter, ab_histograms, rgb_histograms
from videocolor.evaluate.flicker import hf_share, resat_events, tint_drift, tint_jitter
from videocolor.evaluate.lab import Floats, Gray, Rgb, luma, rgb_to_lab
from videocolor.evaluate.warping import PairMotion, WarpMeter, mean_square


@dataclass(frozen=True, slots=True, kw_only=True)
class ShotFigures:
    """A shot's colors over time, in Lab units where nothing else is said; None where it is too short to tell."""

    frames: int
    warp_ab: float | None
    """Flicker along the motion: root mean square change of a* and b* of the same scene point, over `pairs`."""
    pairs: int
    """Neighboring frames that flicker was measured at."""
    worst_pair_s: float | None
    """Time of the later frame of the pair with the most flicker."""
    worst_pair_ab: float | None
    tint_jitter: float | None
    """Shifts of the whole picture's color from frame to frame."""
    tint_drift: float | None
    """Of the mean color, from the first five frames to the last five."""
    hf_share: float | None
    """Share of the mean color's movement above an eighth of the frame rate."""
    resat_events: int
    """How often mean chroma jumps by more than 15 % of its median."""
    chroma: float
    """Mean distance from neutral in the ab plane."""
    colorfulness: float
    """Hasler and Suesstrunk's CF, mean over frames."""
    near_gray_share: float
    """Share of pixels with chroma below 4."""
    limited_share: float
    """Share of chroma samples at the border of the gamut, see `screen.limited_share`."""
    cdc: float | None
    """Color distribution consistency; contains changes of brightness."""
    cdc_ab: float | None
    """The same of a* and b*."""


@dataclass(slots=True, kw_only=True)
class FilmTraces:
    """Figures of every frame and every measured pair, for plots: a few numbers a frame is all that grows."""

    time_s: "array[float]" = field(default_factory=lambda: array("d"))
    chroma: "array[float]" = field(default_factory=lambda: array("d"))
    colorfulness: "array[float]" = field(default_factory=lambda: array("d"))
    near_gray_share: "array[float]" = field(default_factory=lambda: array("d"))
    tint_jitter: "array[float]" = field(default_factory=lambda: array("d"))
    """Of each frame with its neighbors of the same shot; NaN at a shot's ends."""
    pair_time_s: "array[float]" = field(default_factory=lambda: array("d"))
    pair_warp_ab: "array[float]" = field(default_factory=lambda: array("d"))


class ShotMeter:
    """Gathers `ShotFigures` of one shot and adds its frames to the film's traces."""

    def __init__(self, traces: FilmTraces, *, pair_every: int) -> None:
        """Begin a shot.

        Args:
            traces: Of the film.
            pair_every: Flicker is measured at every n-th pair of neighbors, from the first on; it costs most.
        """
        self._traces, self._pair_every = traces, pair_every
        self._first = len(traces.time_s)
        self._tints: list[tuple[float, float]] = []
        self._limited: list[float] = []
        self._warp, self._cdc, self._cdc_ab = WarpMeter(), DistributionMeter(), DistributionMeter()
        self._worst: tuple[float, float] | None = None
        self._before: tuple[Gray, Floats] | None = None

    def push(self, rgb: Rgb, time_s: float, limited_share: float) -> None:
        """Add the next frame.

        Args:
            rgb: (H, W, 3) uint8, sRGB, small.
            time_s: From the film's first frame.
            limited_share: Of the whole frame.
        """
        number = len(self._tints)
        ab = np.ascontiguousarray(rgb_to_lab(rgb)[..., 1:])
        self._push_pair(number, rgb, ab, time_s)
        chroma = chroma_of(ab)
        a, b = ab.mean(axis=(0, 1), dtype=np.float64)
        self._tints.append((float(a), float(b)))
        self._limited.append(limited_share)
        self._cdc.push(rgb_histograms(rgb))
        self._cdc_ab.push(ab_histograms(ab))
        self._traces.time_s.append(time_s)
        self._traces.chroma.append(float(chroma.mean()))
        self._traces.colorfulness.append(colorfulness(rgb))
        self._traces.near_gray_share.append(near_gray_share(chroma))

    def _push_pair(self, number: int, rgb: Rgb, ab: Floats, time_s: float) -> None:
        """Measure flicker against the frame before where its turn has come, and keep this one where the next's has."""
        before = self._before
        starts_next = number % self._pair_every == 0
        gray = luma(rgb) if before is not None or starts_next else None
        self._before = (gray, ab) if gray is not None and starts_next else None
        if before is None or gray is None:
            return
        square = mean_square(before[1], ab, PairMotion.of(before[0], gray))
        self._warp.push(square)
        if square is None:
            return
        flicker = sqrt(square)
        self._traces.pair_time_s.append(time_s)
        self._traces.pair_warp_ab.append(flicker)
        if self._worst is None or flicker > self._worst[0]:
            self._worst = (flicker, time_s)

    def finish(self) -> ShotFigures:
        """The figures of all frames so far.

        Raises:
            ValueError: There was none.
        """
        if not self._tints:
            raise ValueError("a shot has at least one frame")
        tints, traces = np.array(self._tints), self._traces
        traces.tint_jitter.extend(_jitter_of_frames(tints))
        chroma = np.array(traces.chroma[self._first :])
        worst_ab, worst_s = self._worst or (None, None)
        return ShotFigures(
            frames=len(tints),
            warp_ab=self._warp.root,
            pairs=self._warp.count,
            worst_pair_s=worst_s,
            worst_pair_ab=worst_ab,
            tint_jitter=tint_jitter(tints),
            tint_drift=tint_drift(tints),
            hf_share=hf_share(tints),
            resat_events=resat_events(chroma),
            chroma=float(chroma.mean()),
            colorfulness=fmean(traces.colorfulness[self._first :]),
            near_gray_share=fmean(traces.near_gray_share[self._first :]),
            limited_share=fmean(self._limited),
            cdc=self._cdc.value,
            cdc_ab=self._cdc_ab.value,
        )


def _jitter_of_frames(tints: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The part of every frame in `tint_jitter`, whose root mean square over a shot is the figure."""
    jitter = np.full(len(tints), np.nan)
    if len(tints) > 2:
        bend = tints[2:] - 2 * tints[1:-1] + tints[:-2]
        jitter[1:-1] = np.sqrt(np.square(bend).sum(axis=1) / 6)
    return jitter
