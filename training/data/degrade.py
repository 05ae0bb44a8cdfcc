"""What cameras, film and copies do to a picture, applied to the network's input only; the target keeps its colors.

Every function takes and returns lightness (N, 1, H, W) float32, L* about 0..100, and draws from `rng` per picture.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from videocolor.color.lab import gray_to_lightness

# ITU-T T.81, table K.1: the luminance quantization that JPEG encoders scale by their quality.
_JPEG_LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DegradeRule:
    """How often a picture is degraded, and by what."""

    clean_share: float = 0.3
    """Share of the pictures that stay as they are."""
    grain_share: float = 0.6
    """Share of the others that get grain."""
    other_share: float = 0.15
    """Share of the others that get each further part: gray mix, gamma, contrast, blur, scaling, sharpening, dirt and so
    on."""
    grain_max: float = 8.0
    """Strongest grain, standard deviation in L*."""


def degrade(lightness: Tensor, rgb: Tensor, rule: DegradeRule, rng: torch.Generator) -> Tensor:
    """Make a film's or a print's lightness out of a clean one.

    Args:
        lightness: (N, 1, H, W) float32, L* in 0..100.
        rgb: (N, 3, H, W) float32, R'G'B' in 0..1, the same pictures, for other gray mixes than L*.
        rule: Shares and strengths.
        rng: The only source of randomness.

    Returns:
        (N, 1, H, W) float32, L* in 0..100.
    """
    result = lightness.clone()
    is_degraded = torch.rand(len(result), generator=rng) >= rule.clean_share

    def chosen(share: float) -> Tensor:
        return torch.nonzero(is_degraded & (torch.rand(len(result), generator=rng) < share))[:, 0]

    # In the order in which they happen to a film: emulsion, copying, wear, coding.
    picked = chosen(rule.other_share)
    result[picked] = other_gray_mix(rgb[picked], rng)
    for part in (gamma, contrast, blur, rescale, sharpen):
        picked = chosen(rule.other_share)
        if len(picked):
            result[picked] = part(result[picked], rng)
    picked = chosen(rule.grain_share)
    if len(picked):
        result[picked] = grain(result[picked], rng, strongest=rule.grain_max)
    for part in (dirt, vignette, jpeg):
        picked = chosen(rule.other_share)
        if len(picked):
            result[picked] = part(result[picked], rng)
    return result.clamp_(0, 100)


def other_gray_mix(rgb: Tensor, rng: torch.Generator) -> Tensor:
    """Random weights of red, green and blue: orthochromatic film darkens skin and lips and brightens the sky."""
    weights = -torch.rand(len(rgb), 3, 1, 1, generator=rng).clamp_min(1e-6).log()
    return gray_to_lightness((rgb * weights / weights.sum(dim=1, keepdim=True)).sum(dim=1, keepdim=True))


def gamma(lightness: Tensor, rng: torch.Generator) -> Tensor:
    """Exponent 0.7..1.4."""
    return (lightness.clamp(0, 100) / 100) ** _uniform(lightness, 0.7, 1.4, rng) * 100


def contrast(lightness: Tensor, rng: torch.Generator) -> Tensor:
    """Contrast 0.6..1.2 around the picture's mean, black lifted by up to 12."""
    mean = lightness.mean(dim=(2, 3), keepdim=True)
    result = mean + (lightness - mean) * _uniform(lightness, 0.6, 1.2, rng)
    lift = _uniform(lightness, 0, 12, rng)
    return lift + result * (1 - lift / 100)


def blur(lightness: Tensor, rng: torch.Generator) -> Tensor:
    """Gaussian of 0.3..1.5 pixels."""
    return gaussian_blur(lightness, _uniform(lightness, 0.3, 1.5, rng)[:, 0, 0, 0])


def rescale(lightness: Tensor, rng: torch.Generator) -> Tensor:
    """Shrink to 0.4..0.9 (one factor per call) and enlarge again."""
    height, width = lightness.shape[2:]
    factor = 0.4 + 0.5 * float(torch.rand((), generator=rng))
    small = F.interpolate(lightness, (max(1, round(height * factor)), max(1, round(width * factor))), mode="area")
    return F.interpolate(small, (height, width), mode="bilinear", align_corners=False)


def sharpen(lightness: Tensor, rng: torch.Generator) -> Tensor:
    """Unsharp masking by 0.3..1.5 at 0.5..1.2 pixels.

    Scans are sharpened, and large frames shrunk by area averaging are crisper than the small compressed photographs
    that the network learns from.
    """
    soft = gaussian_blur(lightness, _uniform(lightness, 0.5, 1.2, rng)[:, 0, 0, 0])
    return lightness + (lightness - soft) * _uniform(lightness, 0.3, 1.5, rng)


def grain(lightness: Tensor, rng: torch.Generator, *, strongest: float) -> Tensor:
    """Gaussian noise of 1..`strongest` L*, blurred by 0.5..1 pixels, half as strong in shadows and highlights."""
    noise = gaussian_blur(torch.randn(lightness.shape, generator=rng), _uniform(lightness, 0.5, 1.0, rng)[:, 0, 0, 0])
    noise = noise / noise.std(dim=(2, 3), keepdim=True)
    profile = 1 - 0.5 * ((lightness.clamp(0, 100) - 50) / 50) ** 2
    return lightness + noise * profile * _uniform(lightness, min(1.0, strongest), strongest, rng)


def dirt(lightness: Tensor, rng: torch.Generator) -> Tensor:
    """Up to three vertical scratches and some specks of dust, bright or dark."""
    count, width = len(lightness), lightness.shape[3]
    columns = torch.zeros(count, 1, 1, width)
    places = torch.randint(width, (count, 3), generator=rng)
    strengths = torch.randn(count, 3, generator=rng) * 15 * (torch.rand(count, 3, generator=rng) < 0.6)
    columns[:, 0, 0].scatter_add_(1, places, strengths)
    specks = (torch.rand(lightness.shape, generator=rng) < 0.0005) * torch.randn(lightness.shape, generator=rng) * 120
    return lightness + columns + gaussian_blur(specks, torch.full((count,), 0.8))


def vignette(lightness: Tensor, rng: torch.Generator) -> Tensor:
    """Corners darker by up to 40 %."""
    height, width = lightness.shape[2:]
    y = torch.linspace(-1, 1, height)[:, None]
    x = torch.linspace(-1, 1, width)[None, :]
    return lightness * (1 - _uniform(lightness, 0, 0.4, rng) * (x**2 + y**2) / 2)


def jpeg(lightness: Tensor, rng: torch.Generator) -> Tensor:
    """What is left of luminance after JPEG at quality 30..90; sides that are no multiples of 8 are padded."""
    count, _, height, width = lightness.shape
    padded = F.pad(lightness * 2.55 - 128, (0, -width % 8, 0, -height % 8), mode="replicate")
    rows, columns = padded.shape[2] // 8, padded.shape[3] // 8
    blocks = padded.reshape(count, rows, 8, columns, 8).transpose(2, 3)
    cosines = _cosines()
    quality = _uniform(lightness, 30, 90, rng)[..., None]
    scale = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality)
    table = ((torch.tensor(_JPEG_LUMINANCE) * scale + 50) / 100).floor().clamp_min(1)
    quantized = torch.round(cosines @ blocks @ cosines.T / table) * table
    result = (cosines.T @ quantized @ cosines).transpose(2, 3).reshape(padded[:, 0].shape)
    return ((result + 128) / 2.55)[:, None, :height, :width]


def gaussian_blur(x: Tensor, sigmas: Tensor) -> Tensor:
    """Blur each picture of (N, 1, H, W) by its own sigma of (N,) pixels, up to about 1.5; borders are repeated."""
    taps = torch.arange(-4, 5, dtype=x.dtype)
    kernels = torch.exp(-0.5 * (taps / sigmas[:, None]) ** 2)
    kernels = (kernels / kernels.sum(dim=1, keepdim=True))[:, None]
    planes = F.pad(x.transpose(0, 1), (4, 4, 4, 4), mode="replicate")
    planes = F.conv2d(planes, kernels[:, :, None, :], groups=len(x))
    return F.conv2d(planes, kernels[:, :, :, None], groups=len(x)).transpose(0, 1)


def _cosines() -> Tensor:
    """(8, 8) orthonormal DCT-II; frequency in rows."""
    place = torch.arange(8, dtype=torch.float32)
    matrix = torch.cos((2 * place[None, :] + 1) * place[:, None] * torch.pi / 16) / 2
    matrix[0] *= 0.5**0.5
    return matrix


def _uniform(like: Tensor, low: float, high: float, rng: torch.Generator) -> Tensor:
    """(N, 1, 1, 1), one number per picture."""
    return low + (high - low) * torch.rand(len(like), 1, 1, 1, generator=rng)
