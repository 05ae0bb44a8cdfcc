"""Figures over time of one stream of frames: the result's, or the truth's. Knows nothing of the other."""

from dataclasses import dataclass
from statistics import fmean

import numpy as np

from videocolor.evaluate.chroma import chroma_of, near_gray_share
from videocolor.evaluate.colorfulness import colorfulness, colorfulness_abs
from videocolor.evaluate.distribution import DistributionMeter, ab_histograms, rgb_histograms
from videocolor.evaluate.flicker import hf_share, resat_events, tint_drift, tint_jitter
from videocolor.evaluate.lab import Floats, Rgb, rgb_to_lab
from videocolor.evaluate.warping import PairMotion, WarpMeter, mean_square

Tint = tuple[float, float]
"""Mean (a, b) of a frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamScores:
    """What one stream of frames says by itself; None where a shot is too short to say it."""

    colorfulness: float
    """Hasler and Suesstrunk's CF, signed axes, mean over frames."""
    colorfulness_abs: float
    """CF-abs, on absolute axes as in published tables, mean over frames."""
    chroma: float
    """Mean distance from neutral in the ab plane."""
    near_gray_share: float
    """Share of pixels with chroma below 4."""
    cdc: float | None
    """Color distribution consistency of R, G, B; contains changes of brightness."""
    cdc_ab: float | None
    """The same of a* and b*."""
    warp_error: float | None
    """Warping error E of R'G'B' in 0..1; None also where warping is not measured."""
    warp_ab: float | None
    """Root mean square of the warping error of a* and b*, in Lab units."""
    tint_jitter: float | None
    """Frame-to-frame shifts of the mean color, in Lab units."""
    tint_drift: float | None
    """Distance of the mean color at the end from that at the beginning, in Lab units."""
    hf_share: float | None
    """Share of the mean color's movement above an eighth of the frame rate."""
    resat_events: int
    """How often mean chroma jumps by more than 15 % of its median."""
    first_tint: Tint
    """Mean (a, b) of the first frame, see `flicker.shot_jump`."""
    last_tint: Tint
    """Mean (a, b) of the last frame."""


class StreamMeter:
    """Gathers `StreamScores` of one shot in one pass; of the frames only the last is kept."""

    def __init__(self) -> None:
        self._colorfulness: list[tuple[float, float]] = []
        self._near_gray: list[float] = []
        self._chroma: list[float] = []
        self._tints: list[Tint] = []
        self._cdc, self._cdc_ab = DistributionMeter(), DistributionMeter()
        self._warp, self._warp_ab = WarpMeter(), WarpMeter()
        self._last: tuple[Rgb, Floats] | None = None

    @property
    def frame_count(self) -> int:
        """Frames so far."""
        return len(self._tints)

    def push(self, rgb: Rgb, motion: PairMotion | None) -> None:
        """Add the next frame.

        Args:
            rgb: (H, W, 3) uint8, sRGB.
            motion: From the frame before to this one; None where warping is not to be measured.
        """
        ab = np.ascontiguousarray(rgb_to_lab(rgb)[..., 1:])
        chroma = chroma_of(ab)
        a, b = ab.mean(axis=(0, 1), dtype=np.float64).tolist()
        self._tints.append((a, b))
        self._chroma.append(float(chroma.mean(dtype=np.float64)))
        self._near_gray.append(near_gray_share(chroma))
        self._colorfulness.append((colorfulness(rgb), colorfulness_abs(rgb)))
        self._cdc.push(rgb_histograms(rgb))
        self._cdc_ab.push(ab_histograms(ab))
        if self._last is not None and motion is not None:
            last_rgb, last_ab = self._last
            self._warp.push(mean_square(_unit(last_rgb), _unit(rgb), motion))
            self._warp_ab.push(mean_square(last_ab, ab, motion))
        # Decoders use their buffers again.
        self._last = rgb.copy(), ab

    def finish(self) -> StreamScores:
        """The scores of all frames so far, at least one."""
        tints = np.array(self._tints)
        signed, unsigned = zip(*self._colorfulness, strict=True)
        return StreamScores(
            colorfulness=fmean(signed),
            colorfulness_abs=fmean(unsigned),
            chroma=fmean(self._chroma),
            near_gray_share=fmean(self._near_gray),
            cdc=self._cdc.value,
            cdc_ab=self._cdc_ab.value,
            warp_error=self._warp.mean,
            warp_ab=self._warp_ab.root,
            tint_jitter=tint_jitter(tints),
            tint_drift=tint_drift(tints),
            hf_share=hf_share(tints),
            resat_events=resat_events(np.array(self._chroma)),
            first_tint=self._tints[0],
            last_tint=self._tints[-1],
        )

    @property
    def warp_pair_count(self) -> int:
        """Pairs at which warping was measured and a pixel was visible."""
        return self._warp.count


def _unit(rgb: Rgb) -> Floats:
    return rgb.astype(np.float32) / np.float32(255)
