"""PSNR and colorfulness of whole batches of unrounded pictures: for training, and for sweeps over a gain."""

from torch import Tensor

_LEAST_ERROR = 1e-10


def colorfulness(rgb: Tensor) -> Tensor:
    """CF of Hasler and Suesstrunk 2003, signed axes, population deviation.

    Args:
        rgb: (N, 3, H, W) float32, R'G'B' in 0..1.

    Returns:
        (N,) on the scale of 0..255; `videocolor.evaluate.colorfulness` says what the numbers mean.
    """
    red, green, blue = (rgb * 255).unbind(dim=1)
    axes = [(red - green).flatten(1), ((red + green) / 2 - blue).flatten(1)]
    means = [axis.mean(dim=1) for axis in axes]
    deviations = [axis - mean[:, None] for axis, mean in zip(axes, means, strict=True)]
    variance = deviations[0].square().mean(dim=1) + deviations[1].square().mean(dim=1)
    offset = means[0].square() + means[1].square()
    # A root has no slope at 0: a loss on gray pictures would be not a number.
    return variance.clamp_min(_LEAST_ERROR).sqrt() + 0.3 * offset.clamp_min(_LEAST_ERROR).sqrt()


def psnr(rgb: Tensor, truth: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of each picture.

    Args:
        rgb: (N, 3, H, W) float32, R'G'B' in 0..1.
        truth: The same.

    Returns:
        (N,) in dB, at most 100.
    """
    error = (rgb - truth).square().mean(dim=(1, 2, 3)).clamp_min(_LEAST_ERROR)
    return -10 * error.log10()
