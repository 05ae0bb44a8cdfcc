"""From network size to the chroma grid, once, with the film's chroma siting respected.

Enlarging is separable: a small matrix down and a small matrix across, exact for any size, siting and device.
"""

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

# Keys 1981, a = -1/2 (Catmull-Rom): reproduces straight lines and parabolas.
_KEYS_A = -0.5


def _cubic(distance: Tensor) -> Tensor:
    d = distance.abs()
    near = ((_KEYS_A + 2) * d - (_KEYS_A + 3)) * d * d + 1
    far = ((_KEYS_A * d - 5 * _KEYS_A) * d + 8 * _KEYS_A) * d - 4 * _KEYS_A
    return torch.where(d <= 1, near, torch.where(d < 2, far, torch.zeros_like(d)))


@lru_cache(maxsize=64)
@torch.inference_mode(mode=False)
def enlarging_matrix(source: int, luma: int, step: int, cosited: bool) -> Tensor:
    """Weights that interpolate a row of `source` samples at the chroma samples of a row of `luma` pixels.

    Args:
        source: Samples that cover the whole row, evenly.
        luma: Luma pixels of the row.
        step: Luma pixels per chroma sample.
        cosited: True: a chroma sample lies on the first of its luma pixels; False: in the middle of them.

    Returns:
        (ceil(luma / step), source) float32; every row sums to 1, the border is replicated.
    """
    index = torch.arange(-(-luma // step), dtype=torch.float64)
    place = index * step + (0.5 if cosited else step / 2)
    wanted = place * source / luma - 0.5
    first = wanted.floor().long()
    matrix = torch.zeros(len(index), source, dtype=torch.float64)
    for tap in range(-1, 3):
        column = (first + tap).clamp(0, source - 1)
        matrix.scatter_add_(1, column[:, None], _cubic(wanted - (first + tap))[:, None])
    return matrix.float()


def enlarge(
    small: Tensor, size: tuple[int, int], steps: tuple[int, int], siting: str, rows: slice = slice(None)
) -> Tensor:
    """Bicubic enlargement of a small picture onto a frame's chroma grid.

    Args:
        small: (N, C, h, w) float32, covering the whole picture.
        size: Luma height and width.
        steps: Luma rows and columns per chroma sample.
        siting: "left" (co-sited across), "topleft" (co-sited both ways) or "center".
        rows: Which rows of the chroma grid to make; large stills are made in bands.

    Returns:
        (N, C, ceil(height / step), ceil(width / step)) float32, or those of the rows that are asked for.
    """
    down = enlarging_matrix(small.shape[2], size[0], steps[0], siting == "topleft")[rows].to(small.device)
    across = enlarging_matrix(small.shape[3], size[1], steps[1], siting != "center").to(small.device)
    return torch.matmul(torch.matmul(down, small), across.T)


def joint_bilateral(ab: Tensor, guide: Tensor, *, sigma_space: float = 5.0, sigma_guide: float = 4.0) -> Tensor:
    """Smooth ab over a disc of 13 pixels, less across edges of the guide (as the portrait cINN system does).

    Args:
        ab: (N, 2, H, W) float32.
        guide: (N, 1, H, W) float32, L* in 0..100.
        sigma_space: Pixels.
        sigma_guide: L* units; the original's 10 in normalized units has no visible effect.

    Returns:
        (N, 2, H, W).
    """
    height, width = ab.shape[2:]
    padding = (2, 2, 2, 2)
    # Reflection needs more pixels than it adds; a picture of one or two pixels has no edges to follow.
    if min(height, width) < 3:
        return ab
    wide_ab, wide_guide = F.pad(ab, padding, mode="reflect"), F.pad(guide, padding, mode="reflect")
    total, weights = torch.zeros_like(ab), torch.zeros_like(guide)
    for dy in range(-2, 3):
        for dx in range(-2, 3):
            if dy * dy + dx * dx > 4:
                continue
            rows, columns = slice(2 + dy, 2 + dy + height), slice(2 + dx, 2 + dx + width)
            difference = wide_guide[:, :, rows, columns] - guide
            weight = torch.exp(
                -(dy * dy + dx * dx) / (2 * sigma_space**2) - difference * difference / (2 * sigma_guide**2)
            )
            total += weight * wide_ab[:, :, rows, columns]
            weights += weight
    return total / weights


def guided_coefficients(ab: Tensor, guide: Tensor, *, radius: int = 6, epsilon: float = 1e-3) -> tuple[Tensor, Tensor]:
    """Local linear model ab = slope * guide + offset of the guided filter (He et al. 2010; fast form, 2015).

    Args:
        ab: (N, 2, h, w) float32.
        guide: (N, 1, h, w) float32, L* / 100.
        radius: Of the box, in pixels.
        epsilon: Variance of the guide under which it is not followed.

    Returns:
        slope and offset, (N, 2, h, w) each, averaged over the boxes; enlarge both, then apply to the full guide.
    """

    def box(x: Tensor) -> Tensor:
        reach = min(radius, min(x.shape[2:]) // 2)
        return F.avg_pool2d(x, 2 * reach + 1, stride=1, padding=reach, count_include_pad=False)

    mean_guide, mean_ab = box(guide), box(ab)
    variance = (box(guide * guide) - mean_guide * mean_guide).clamp_min(0)
    slope = (box(guide * ab) - mean_guide * mean_ab) / (variance + epsilon)
    return box(slope), box(mean_ab - slope * mean_guide)
