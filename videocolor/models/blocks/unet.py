"""The decoder of U-Nets with sub-pixel enlargement (fastai's dynamic U-Net), in the layout of published files."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from videocolor.models.blocks.attention import SelfAttention
from videocolor.models.blocks.norms import spectral_norm
from videocolor.models.blocks.shuffle import ShuffleBlur


class Shuffle(nn.Module):
    """1x1 convolution with its norm, ReLU, pixel shuffle, blur: `factor` times the size."""

    def __init__(self, conv: nn.Sequential, factor: int = 2) -> None:
        super().__init__()
        self.conv = conv
        self.shuffle = ShuffleBlur(factor)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.shuffle(F.relu(self.conv(x), inplace=True))
        return y


def conv_layer(in_channels: int, out_channels: int, *, attention: bool = False) -> nn.Sequential:
    """3x3 convolution, ReLU, batch norm (after the ReLU), and attention where it is asked for."""
    layers: list[nn.Module] = [
        spectral_norm(nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)),
        nn.ReLU(inplace=True),
        nn.BatchNorm2d(out_channels),
    ]
    return nn.Sequential(*layers, SelfAttention(out_channels)) if attention else nn.Sequential(*layers)


class UNetBlock(nn.Module):
    """Doubles the size and joins the encoder's features of that size."""

    def __init__(
        self, in_channels: int, skip_channels: int, widths: tuple[int, ...], *, up: int, attention: bool = False
    ) -> None:
        super().__init__()
        shuffle = spectral_norm(nn.Conv2d(in_channels, 4 * up, 1, bias=False))
        self.shuf = Shuffle(nn.Sequential(shuffle, nn.BatchNorm2d(4 * up)))
        self.bn = nn.BatchNorm2d(skip_channels)
        # One convolution is called `conv`, two are `conv1` and `conv2`; attention stands behind the last.
        names = ("conv",) if len(widths) == 1 else ("conv1", "conv2")
        self.names = names
        for name, (before, after) in zip(names, pairwise((up + skip_channels, *widths)), strict=True):
            self.add_module(name, conv_layer(before, after, attention=attention and name == names[-1]))

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        up = self.shuf(x)
        if up.shape[2:] != skip.shape[2:]:
            up = F.interpolate(up, skip.shape[2:], mode="nearest")
        y = F.relu(torch.cat([up, self.bn(skip)], dim=1), inplace=True)
        for name in self.names:
            y = self.get_submodule(name)(y)
        return y
