"""Learning rates as a function of the step."""

from math import cos, pi


def cosine_between(start: float, end: float, progress: float) -> float:
    """From `start` at progress 0 to `end` at progress 1 along half a cosine."""
    return end + (start - end) * (1 + cos(pi * min(1.0, max(0.0, progress)))) / 2


def warm_up(step: int, steps: int) -> float:
    """Factor that rises linearly to 1 within `steps` steps; step 0 has 1 / steps."""
    return 1.0 if steps <= 0 else min(1.0, (step + 1) / steps)
