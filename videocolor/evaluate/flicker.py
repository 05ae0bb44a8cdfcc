"""Flicker of a shot without any truth, from the mean color of its frames; nothing is compensated for motion."""

import numpy as np
import numpy.typing as npt

Trace = npt.NDArray[np.float64]
"""(T, 2), mean (a, b) of every frame of a shot."""

_DRIFT_FRAMES = 5
# Fewer frames have no frequency up to an eighth of the frame rate.
_LEAST_SPECTRUM = 8
_RESATURATION = 0.15


def tint_jitter(tints: Trace) -> float | None:
    """Frame-to-frame shifts of the whole picture's color: root mean square of the second difference over sqrt(6).

    A steady drift gives 0, white noise of deviation s on both axes gives sqrt(2) s.

    Returns:
        In Lab units; None for fewer than three frames.
    """
    if len(tints) < 3:
        return None
    bend = tints[2:] - 2 * tints[1:-1] + tints[:-2]
    return float(np.sqrt(np.square(bend).sum(axis=1).mean() / 6))


def tint_drift(tints: Trace) -> float | None:
    """Distance of the mean color of the last five frames from that of the first five.

    Below ten frames, of the last half from that of the first.

    Returns:
        In Lab units; None for a single frame.
    """
    count = min(_DRIFT_FRAMES, len(tints) // 2)
    if not count:
        return None
    return float(np.linalg.norm(tints[-count:].mean(axis=0) - tints[:count].mean(axis=0)))


def hf_share(tints: Trace) -> float | None:
    """Share of the mean color's movement above an eighth of the frame rate, 3 to 12 Hz at 24 frames a second.

    Returns:
        0..1; 0 where nothing moves, None for fewer than eight frames.
    """
    count = len(tints)
    if count < _LEAST_SPECTRUM:
        return None
    energy = np.square(np.abs(np.fft.rfft(tints - tints.mean(axis=0), axis=0))).sum(axis=1)
    # All frequencies but zero and the highest stand for two, the positive and the negative one.
    energy[1 : (count + 1) // 2] *= 2
    total = energy.sum()
    # Squares of sums of T rounding errors.
    if total <= (count * 1e-9) ** 2:
        return 0.0
    return float(energy[np.fft.rfftfreq(count) > 1 / 8].sum() / total)


def resat_events(chromas: npt.NDArray[np.float64]) -> int:
    """How often color switches on or off: steps of mean chroma by more than 15 % of the shot's median.

    Args:
        chromas: (T,) mean chroma of every frame.
    """
    return int(np.count_nonzero(np.abs(np.diff(chromas)) > _RESATURATION * np.median(chromas)))


def shot_jump(last: tuple[float, float], first: tuple[float, float]) -> float:
    """Distance of a shot's first mean (a, b) from the last one of an earlier shot of the same scene, in Lab units."""
    return float(np.hypot(first[0] - last[0], first[1] - last[1]))
