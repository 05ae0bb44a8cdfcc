"""Networks that tell photographs from colored pictures, for training only."""

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm


class PatchCritic(nn.Sequential):
    """PatchGAN (Isola et al. 2017): four strided convolutions, one answer for every 94 x 94 pixels.

    With spectral norm (Miyato et al. 2018) in place of batch norm: its answers cannot run away from a small generator.
    """

    def __init__(self, width: int = 64) -> None:
        layers: list[nn.Module] = []
        channels = 3
        for factor in (1, 2, 4, 8):
            layers += [
                spectral_norm(nn.Conv2d(channels, width * factor, 4, stride=2, padding=1)),
                nn.LeakyReLU(0.2, inplace=True),
            ]
            channels = width * factor
        layers.append(spectral_norm(nn.Conv2d(channels, 1, 4, padding=1)))
        super().__init__(*layers)

    def forward(self, rgb: Tensor) -> Tensor:
        """(N, 1, h, w) answers, high for photographs, to (N, 3, H, W) R'G'B' in 0..1."""
        answers: Tensor = super().forward((rgb * 2 - 1).contiguous(memory_format=torch.channels_last))  # type: ignore[no-untyped-call]
        return answers
