"""ConvNeXt (Liu et al. 2022) as an encoder of four scales, with the published keys."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Also that of the normed features; the decoders' layer norms have torch's 1e-5.
_NORM_EPS = 1e-6


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of (N, C, h, w)."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=_NORM_EPS)

    def forward(self, input: Tensor) -> Tensor:
        # In channels_last both permutations are free.
        return super().forward(input.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ConvNextBlock(nn.Module):
    """Depthwise 7x7, norm, two linear layers with GELU between, scaled per channel, plus the input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(channels))
        self.dwconv = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=_NORM_EPS)
        self.pwconv1 = nn.Linear(channels, 4 * channels)
        self.pwconv2 = nn.Linear(4 * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.norm(self.dwconv(x).permute(0, 2, 3, 1))
        y = self.pwconv2(F.gelu(self.pwconv1(y)))
        return x + (self.gamma * y).permute(0, 3, 1, 2)


class ConvNextEncoder(nn.Module):
    """The four stages, each with a norm for what leaves the encoder; without classifier."""

    def __init__(self, depths: tuple[int, ...], dims: tuple[int, ...]) -> None:
        super().__init__()
        self.downsample_layers = nn.ModuleList([nn.Sequential(nn.Conv2d(3, dims[0], 4, 4), ChannelNorm(dims[0]))])
        for before, after in pairwise(dims):
            self.downsample_layers.append(nn.Sequential(ChannelNorm(before), nn.Conv2d(before, after, 2, 2)))
        self.stages = nn.ModuleList(
            nn.Sequential(*(ConvNextBlock(channels) for _ in range(depth)))
            for depth, channels in zip(depths, dims, strict=True)
        )
        for number, channels in enumerate(dims):
            self.add_module(f"norm{number}", ChannelNorm(channels))
        # The classifier's norm: in the published files, without influence on the features.
        self.norm = nn.LayerNorm(dims[-1], eps=_NORM_EPS)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Features at strides 4, 8, 16 and 32 of normalized RGB (N, 3, h, w), sides multiples of 32."""
        features = []
        for number, (downsample, stage) in enumerate(zip(self.downsample_layers, self.stages, strict=True)):
            x = stage(downsample(x))
            # The next stage goes on with the tensor as it was before this norm.
            features.append(self.get_submodule(f"norm{number}")(x))
        return features
