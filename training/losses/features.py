"""Distance of pictures as a network sees them that was trained on ImageNet, not on coloring."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from videocolor.models.compact import Lite2Encoder

_WEIGHTS = (0.125, 0.25, 0.5, 1.0)
"""Of the features at strides 4, 8, 16 and 32."""


class FeatureDistance(nn.Module):
    """Weighted mean absolute difference of EfficientNet-Lite2's features, each channel over its own deviation.

    Johnson et al. 2016, with features that see what a color belongs to and no VGG to be loaded.
    """

    scales: list[Tensor]

    def __init__(self, encoder: Lite2Encoder, pictures: Sequence[Tensor]) -> None:
        """Take over `encoder`, frozen.

        Args:
            encoder: With ImageNet's weights; its batch norm keeps their statistics.
            pictures: Batches (N, 3, H, W) of R'G'B' in 0..1, photographs on which the deviations are measured.
        """
        super().__init__()
        self.encoder = encoder.eval().requires_grad_(False)
        squares: list[Tensor] = []
        with torch.no_grad():
            for batch in pictures:
                found = [feature.var(dim=(0, 2, 3), unbiased=False) for feature in self.features(batch)]
                squares = [one + other for one, other in zip(squares, found, strict=True)] if squares else found
        self.scales = [(square / len(pictures)).clamp_min(1e-8).rsqrt()[:, None, None] for square in squares]

    def train(self, mode: bool = True) -> "FeatureDistance":
        """Stay in evaluation mode: the statistics are ImageNet's."""
        return super().train(False)

    def features(self, rgb: Tensor) -> list[Tensor]:
        """At strides 4, 8, 16 and 32, of (N, 3, H, W) R'G'B' in 0..1."""
        found: list[Tensor] = self.encoder(((rgb * 255 - 127) / 128).contiguous(memory_format=torch.channels_last))
        return found

    def forward(self, rgb: Tensor, truth: Tensor) -> Tensor:
        """Scalar, 0 for equal pictures; no gradient goes to `truth`."""
        with torch.no_grad():
            wanted = self.features(truth)
        total = rgb.new_zeros(())
        for weight, scale, one, other in zip(_WEIGHTS, self.scales, self.features(rgb), wanted, strict=True):
            total = total + weight * ((one - other) * scale).abs().mean()
        return total
