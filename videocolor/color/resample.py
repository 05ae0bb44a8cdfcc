"""From network size to the chroma grid, once, with the film's chroma siting respected.

Enlarging is separable: a small matrix down and a small matrix across, exact for any size, siting and device.
"""

from functools import lru_cache
from math import ceil

import torch
import torch.nn.functional as F
from torch import Tensor

# Keys 1981, a = -1/2 (Catmull-Rom): reproduces straight lines and parabolas.
_KEYS_A = -0.5


def _cubic_integral(place: Tensor) -> Tensor:
    """Integral of Keys' kernel from 0 to `place`; 1/2 from 2 on."""
    d = place.abs().clamp_max(2)
    a = _KEYS_A
    near = (((a + 2) / 4 * d - (a + 3) / 3) * d * d + 1) * d
    at_one = (a + 2) / 4 - (a + 3) / 3 + 1

    def tail(x: Tensor | float) -> Tensor | float:
        return (((a / 4 * x - 5 * a / 3) * x + 4 * a) * x - 4 * a) * x

    far = at_one + tail(d) - tail(1.0)
    return torch.where(d <= 1, near, far) * place.sign()


def _cell_averages(centers: Tensor, width: float, source: int) -> Tensor:
    """Weights of a row's samples in the averages of their interpolation over cells.

    Args:
        centers: (n,) float64, middles of the cells; sample j lies at j.
        width: Of every cell, in samples.
        source: How many samples there are; beyond the last ones these are repeated.

    Returns:
        (n, source) float64; every row sums to 1.
    """
    left, right = centers - width / 2, centers + width / 2
    first = left.floor().long() - 1
    matrix = torch.zeros(len(centers), source, dtype=torch.float64)
    for tap in range(ceil(width) + 4):
        sample = first + tap
        weight = (_cubic_integral(right - sample) - _cubic_integral(left - sample)) / width
        matrix.scatter_add_(1, sample.clamp(0, source - 1)[:, None], weight[:, None])
    return matrix


@lru_cache(maxsize=64)
@torch.inference_mode(mode=False)
def enlarging_matrix(source: int, luma: int, step: int, cosited: bool) -> Tensor:
    """Weights that make a row's chroma samples out of `source` samples of the network's answer.

    A sample of the answer is the average of the colors in its cell, and so is a chroma sample. The matrix follows the
    cubic curve whose averages over the answer's cells are the answer; one through the answer's values would average
    them once more, and colors would bleed over edges. At equal sizes it changes nothing.

    Args:
        source: Samples that cover the whole row, evenly.
        luma: Luma pixels of the row.
        step: Luma pixels per chroma sample.
        cosited: True: a chroma sample lies on the first of its luma pixels; False: in the middle of them.

    Returns:
        (ceil(luma / step), source) float32; every row sums to 1, the border is replicated.
    """
    index = torch.arange(-(-luma // step), dtype=torch.float64)
    pixel = index * step + (0.5 if cosited else step / 2)
    wanted = _cell_averages(pixel * source / luma - 0.5, step * source / luma, source)
    own = _cell_averages(torch.arange(source, dtype=torch.float64), 1.0, source)
    matrix: Tensor = torch.linalg.solve(own, wanted, left=False)
    return matrix.float()


def enlarge(
    small: Tensor, size: tuple[int, int], steps: tuple[int, int], siting: str, rows: slice = slice(None)
) -> Tensor:
    """Bicubic enlargement of a small picture onto a frame's chroma grid, which keeps its averages.

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
