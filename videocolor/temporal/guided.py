"""A guided filter (He, Sun and Tang 2010) whose local linear models are fitted to what can be trusted."""

from collections.abc import Iterable

import cv2
import numpy as np

from videocolor.core.motion import FloatPlane


def guided_filter(
    planes: Iterable[FloatPlane],
    guide: FloatPlane,
    weight: FloatPlane,
    *,
    side: int,
    variance: float,
    weighs_models: bool,
) -> list[FloatPlane]:
    """Replace planes by local linear models of a guide: they become smooth, and keep to its edges.

    Args:
        planes: Each (h, w) float32.
        guide: (h, w) float32, gray in 8-bit codes.
        weight: (h, w) float32 above 0: how much each pixel counts in a fit.
        side: Of the square windows that models are fitted to, in pixels.
        variance: Of the guide, in squared codes; windows with less of it give their mean.
        weighs_models: Whether the models of all windows around a pixel are averaged by the weight in their windows,
            so that those fitted to hardly anything give way; or equally.

    Returns:
        For each plane the model's, (h, w) float32.
    """
    box = (side, side)
    total = cv2.blur(weight, box)
    weighted_guide = weight * guide
    mean_guide = cv2.blur(weighted_guide, box) / total
    spread = cv2.blur(weighted_guide * guide, box) / total - mean_guide * mean_guide
    # Rounding may leave a flat guide's variance below 0.
    spread = np.maximum(spread, 0) + np.float32(variance)
    model_weight = total if weighs_models else np.ones_like(total)
    model_total = cv2.blur(model_weight, box)
    filtered = []
    for plane in planes:
        mean = cv2.blur(weight * plane, box) / total
        slope = (cv2.blur(weighted_guide * plane, box) / total - mean_guide * mean) / spread
        offset = mean - slope * mean_guide
        slope, offset = cv2.blur(slope * model_weight, box), cv2.blur(offset * model_weight, box)
        filtered.append((slope * guide + offset) / model_total)
    return filtered
