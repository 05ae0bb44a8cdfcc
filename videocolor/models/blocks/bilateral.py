"""Smoothing that keeps edges, for networks that take fine texture and grain for something."""

import torch
import torch.nn.functional as F
from torch import Tensor

# The twelve neighbors within two pixels.
_RADIUS = 2
_SIGMA_SPACE = 1.5
_NEIGHBORS = tuple(
    (down, across)
    for down in range(-_RADIUS, _RADIUS + 1)
    for across in range(-_RADIUS, _RADIUS + 1)
    if 0 < down**2 + across**2 <= _RADIUS**2
)


def bilateral_filter(plane: Tensor, deviation: float) -> Tensor:
    """Mean over a disc of two pixels' radius, of what is alike (Tomasi and Manduchi 1998).

    Args:
        plane: (N, C, h, w) float32, at least 3 pixels high and wide; the border is replicated.
        deviation: Difference in value at which a neighbor weighs exp(-1/2); larger smooths more.

    Returns:
        (N, C, h, w) float32 within the range of the input.
    """
    height, width = plane.shape[2:]
    padded = F.pad(plane, (_RADIUS,) * 4, mode="replicate")
    total, weights = plane.clone(), torch.ones_like(plane)
    for down, across in _NEIGHBORS:
        top, left = _RADIUS + down, _RADIUS + across
        neighbor = padded[:, :, top : top + height, left : left + width]
        distance = (down**2 + across**2) / (2 * _SIGMA_SPACE**2)
        weight = (neighbor - plane).square_().mul_(-0.5 / deviation**2).sub_(distance).exp_()
        weights += weight
        total.addcmul_(weight, neighbor)
    return total.div_(weights)
