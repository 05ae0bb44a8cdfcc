"""Transfer curves between gamma-coded and linear light."""

import torch
from torch import Tensor

# SMPTE ST 2084, exact fractions of the standard.
_PQ_M1 = 2610 / 16384
_PQ_M2 = 2523 / 4096 * 128
_PQ_C1 = 3424 / 4096
_PQ_C2 = 2413 / 4096 * 32
_PQ_C3 = 2392 / 4096 * 32

# ITU-R BT.2408: the level of diffuse white in nits; what is brighter counts as L* = 100 for a network.
PQ_WHITE_NITS = 203.0


def srgb_to_linear(coded: Tensor) -> Tensor:
    """Decode sRGB (IEC 61966-2-1), odd-symmetric below 0 so that unclipped colors survive.

    Args:
        coded: Any shape, float, nominally 0..1.

    Returns:
        Linear light of the same shape; 1 stays 1.
    """
    size = coded.abs()
    # The clamp keeps the unused branch of `where` out of pow's infinite slope at 0 (NaN gradients).
    curve = ((size.clamp_min(1e-6) + 0.055) / 1.055) ** 2.4
    return torch.where(size <= 0.04045, size / 12.92, curve) * coded.sign()


def linear_to_srgb(linear: Tensor) -> Tensor:
    """Inverse of `srgb_to_linear`, odd-symmetric as well."""
    size = linear.abs()
    curve = 1.055 * size.clamp_min(1e-6) ** (1 / 2.4) - 0.055
    return torch.where(size <= 0.0031308, size * 12.92, curve) * linear.sign()


def pq_to_linear(coded: Tensor) -> Tensor:
    """Decode SMPTE ST 2084 relative to diffuse white.

    Args:
        coded: Any shape, float, 0..1.

    Returns:
        Linear light where 1.0 is `PQ_WHITE_NITS`; up to 49.3. Negative codes continue odd-symmetrically.
    """
    power = coded.abs().clamp_min(1e-9) ** (1 / _PQ_M2)
    nits = 10000 * ((power - _PQ_C1).clamp_min(0) / (_PQ_C2 - _PQ_C3 * power)) ** (1 / _PQ_M1)
    return nits / PQ_WHITE_NITS * coded.sign()


def linear_to_pq(linear: Tensor) -> Tensor:
    """Inverse of `pq_to_linear`."""
    power = (linear.abs() * (PQ_WHITE_NITS / 10000)).clamp_min(1e-12) ** _PQ_M1
    coded = ((_PQ_C1 + _PQ_C2 * power) / (1 + _PQ_C3 * power)) ** _PQ_M2
    return coded * linear.sign()


def to_linear(coded: Tensor, transfer: str) -> Tensor:
    """Decode by the layout's transfer: "sdr" (shown as sRGB by players) or "pq"."""
    return pq_to_linear(coded) if transfer == "pq" else srgb_to_linear(coded)


def from_linear(linear: Tensor, transfer: str) -> Tensor:
    """Code by the layout's transfer; inverse of `to_linear`."""
    return linear_to_pq(linear) if transfer == "pq" else linear_to_srgb(linear)
