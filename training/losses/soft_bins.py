"""Cross entropy against softly encoded colors."""

import torch
import torch.nn.functional as F
from torch import Tensor


def soft_bin_loss(logits: Tensor, indices: Tensor, weights: Tensor, pixel_weights: Tensor | None = None) -> Tensor:
    """Mean cross entropy over pixels, without a dense target.

    Args:
        logits: (N, Q, h, w), any float type; the loss is computed in float32.
        indices: (N, K, h, w) int64, bins of `BinCodec.encode`.
        weights: (N, K, h, w) float32, their shares, summing to 1.
        pixel_weights: (N, h, w) float32 for rebalancing, or None for 1.

    Returns:
        Scalar float32.
    """
    # Bins last: rows lie side by side in memory for channels_last logits, ten times faster than along dim 1.
    rows = logits.permute(0, 2, 3, 1).float()
    chosen = rows.gather(3, indices.permute(0, 2, 3, 1))
    entropy = torch.logsumexp(rows, dim=3) - (chosen * weights.permute(0, 2, 3, 1)).sum(dim=3)
    return entropy.mean() if pixel_weights is None else (entropy * pixel_weights).mean()


def divergence(wanted: Tensor, logits: Tensor) -> Tensor:
    """Mean Kullback-Leibler divergence KL(softmax(wanted) || softmax(logits)) over pixels.

    Args:
        wanted: (N, Q, H, W); give it without gradient to make it a teacher.
        logits: (N, Q, h, w). If it is of another size, the wanted shares are averaged or interpolated to it.

    Returns:
        Scalar float32, 0 where both agree.
    """
    student = logits.permute(0, 2, 3, 1).float().log_softmax(dim=3)
    if wanted.shape == logits.shape:
        teacher = wanted.permute(0, 2, 3, 1).float().log_softmax(dim=3)
        return (teacher.exp() * (teacher - student)).sum(dim=3).mean()
    shares = wanted.float().softmax(dim=1)
    mode = "area" if shares.shape[2] > logits.shape[2] else "bilinear"
    shares = F.interpolate(shares, logits.shape[2:], mode=mode).permute(0, 2, 3, 1)
    # xlogy: a share of 0 adds nothing.
    return (torch.xlogy(shares, shares) - shares * student).sum(dim=3).mean()


def rebalancing_weights(frequencies: Tensor, bins: Tensor, *, mix: float, sigma: float = 5.0) -> Tensor:
    """Weight of each bin after Zhang 2016: rare colors count more.

    Args:
        frequencies: (Q,) share of each bin in the training set, summing to 1.
        bins: (Q, 2) a* and b*.
        mix: 0 for full rebalancing, 1 for none; 0.5 gives blotches on small sets.
        sigma: Smoothing of the frequencies in ab units.

    Returns:
        (Q,) float32 with mean 1 under the smoothed frequencies.
    """
    kernel = torch.exp(-0.5 * (torch.cdist(bins, bins) / sigma) ** 2)
    smooth = kernel @ frequencies
    smooth = smooth / smooth.sum()
    weights = 1 / ((1 - mix) * smooth + mix / len(bins))
    return weights / (smooth * weights).sum()
