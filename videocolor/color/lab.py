"""CIE L*a*b* (D65, 2 degree observer) from and to R'G'B'."""

from functools import lru_cache

import torch
from torch import Tensor

from videocolor.color.transfer import from_linear, to_linear

# CIE 15: the cube-root branch starts at (6/29)^3; rounded decimals leave a step at the joint.
_JOINT = 6 / 29
_CUBE_ROOT_START = _JOINT**3
_SLOPE = 1 / (3 * _JOINT**2)

# Chromaticities (x, y) of red, green, blue: ITU-R BT.709 and BT.2020, both with D65 white (0.3127, 0.3290).
_PRIMARIES = {
    "bt709": ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
    "bt2020": ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
}
_WHITE = (0.3127 / 0.3290, 1.0, (1 - 0.3127 - 0.3290) / 0.3290)


# What is made in inference mode could not be differentiated through later: the cached matrices leave it.
@lru_cache(maxsize=8)
@torch.inference_mode(mode=False)
def rgb_to_xyz_matrix(primaries: str) -> Tensor:
    """(3, 3) float64 from linear RGB to XYZ relative to the white: gray (1, 1, 1) gives (1, 1, 1)."""
    columns = torch.tensor([[x / y, 1.0, (1 - x - y) / y] for x, y in _PRIMARIES[primaries]], dtype=torch.float64).T
    white = torch.tensor(_WHITE, dtype=torch.float64)
    scale: Tensor = torch.linalg.solve(columns, white)
    return columns * scale / white[:, None]


@lru_cache(maxsize=8)
@torch.inference_mode(mode=False)
def xyz_to_rgb_matrix(primaries: str) -> Tensor:
    """Inverse of `rgb_to_xyz_matrix`."""
    inverse: Tensor = torch.linalg.inv(rgb_to_xyz_matrix(primaries))
    return inverse


def _mix(matrix: Tensor, channels: Tensor) -> Tensor:
    return torch.einsum("ij,njhw->nihw", matrix.to(channels), channels)


def _cube_root(x: Tensor) -> Tensor:
    return torch.where(x > _CUBE_ROOT_START, x.clamp_min(_CUBE_ROOT_START) ** (1 / 3), x * _SLOPE + 4 / 29)


def _cube(f: Tensor) -> Tensor:
    return torch.where(f > _JOINT, f**3, (f - 4 / 29) / _SLOPE)


def rgb_to_lab(rgb: Tensor, *, primaries: str = "bt709", transfer: str = "sdr") -> tuple[Tensor, Tensor]:
    """Convert gamma-coded RGB to CIE L*a*b*.

    Args:
        rgb: (N, 3, H, W) float, R'G'B' nominally in 0..1.
        primaries: "bt709" (sRGB) or "bt2020".
        transfer: "sdr" or "pq"; with "pq" white is 203 nits and L* may pass 100.

    Returns:
        lightness (N, 1, H, W), L* in 0..100, and ab (N, 2, H, W), about -110..110.
    """
    f = _cube_root(_mix(rgb_to_xyz_matrix(primaries), to_linear(rgb, transfer)))
    lightness = 116 * f[:, 1:2] - 16
    ab = torch.cat([500 * (f[:, 0:1] - f[:, 1:2]), 200 * (f[:, 1:2] - f[:, 2:3])], dim=1)
    return lightness, ab


def lab_to_rgb_unclipped(lightness: Tensor, ab: Tensor, *, primaries: str = "bt709", transfer: str = "sdr") -> Tensor:
    """Convert CIE L*a*b* to gamma-coded RGB and leave colors outside the gamut below 0 or above 1.

    Args:
        lightness: (N, 1, H, W) float, L* in 0..100.
        ab: (N, 2, H, W) float, same H and W.
        primaries: "bt709" (sRGB) or "bt2020".
        transfer: "sdr" or "pq".

    Returns:
        (N, 3, H, W), R'G'B', nominally 0..1.
    """
    fy = (lightness + 16) / 116
    f = torch.cat([fy + ab[:, 0:1] / 500, fy, fy - ab[:, 1:2] / 200], dim=1)
    return from_linear(_mix(xyz_to_rgb_matrix(primaries), _cube(f)), transfer)


def lab_to_rgb(lightness: Tensor, ab: Tensor) -> Tensor:
    """Convert CIE L*a*b* to gamma-coded sRGB.

    Args:
        lightness: (N, 1, H, W) float32, L* in 0..100.
        ab: (N, 2, H, W) float32, a* and b*, about -110..110, same H and W.

    Returns:
        (N, 3, H, W) float32, R'G'B' in 0..1; colors outside sRGB are clipped.
    """
    return lab_to_rgb_unclipped(lightness, ab).clamp(0, 1)


def gray_to_lightness(coded: Tensor, transfer: str = "sdr") -> Tensor:
    """L* of neutral code values: the lightness a colorizer sees of a luma plane.

    Args:
        coded: Any shape, float, Y' in 0..1.
        transfer: "sdr" or "pq".

    Returns:
        L* of the same shape, clipped to 0..100.
    """
    return (116 * _cube_root(to_linear(coded, transfer)) - 16).clamp(0, 100)


def lightness_to_gray(lightness: Tensor) -> Tensor:
    """Neutral sRGB of a lightness: the inverse of `gray_to_lightness`, and what networks trained on sRGB see.

    Args:
        lightness: Any shape, float, L* in 0..100.

    Returns:
        R' = G' = B' of the same shape, 0..1.
    """
    return from_linear(_cube((lightness + 16) / 116), "sdr")
