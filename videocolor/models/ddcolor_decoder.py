"""The two decoders of `ddcolor`: one enlarges the encoder's features, one asks them for colors by queries.

State dict keys are those of the published files.
"""

from math import pi

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from videocolor.models.blocks.norms import spectral_norm
from videocolor.models.blocks.unet import Shuffle, UNetBlock

_HEADS = 8
# Longest period of the position code, in units of 2 pi (Vaswani et al. 2017).
_PERIOD = 10000.0


class MixingShuffle(Shuffle):
    """An enlargement that can give weighted sums of its channels without making them."""

    def mixed(self, x: Tensor, mix: Tensor) -> Tensor:
        """Weighted sums of the output's channels, without making them.

        Behind the ReLU everything is linear, so that the sums can be taken before the picture is large.

        Args:
            x: (N, c, h, w).
            mix: (N, K, C) float32, the weight of each of the C output channels.

        Returns:
            (N, K, h * factor, w * factor) float32, `mix` times `forward(x)`.
        """
        # Each place of the factor x factor cell is summed for itself; zeros are cheaper than another order of channels.
        cell = torch.eye(self.shuffle.factor**2, device=x.device)[None]
        weights = torch.kron(mix.mT.contiguous(), cell)
        y = F.relu(self.conv(x), inplace=True).permute(0, 2, 3, 1).flatten(1, 2) @ weights
        z: Tensor = self.shuffle(y.float().mT.reshape(len(x), -1, *x.shape[2:]))
        return z


class CrossAttention(nn.Module):
    """The queries look at the memory; plus the input, layer norm."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.multihead_attn = nn.MultiheadAttention(width, _HEADS, batch_first=True)
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor, memory: Tensor, *, query_code: Tensor, memory_code: Tensor) -> Tensor:
        """(N, Q, C) of x (N, Q, C) and memory (N, K, C); the codes are added to queries and keys, never to values."""
        # Without the weights torch takes its fused attention, which never stores queries x keys.
        y, _ = self.multihead_attn(x + query_code, memory + memory_code, memory, need_weights=False)
        z: Tensor = self.norm(x + y)
        return z


class SelfAttention(nn.Module):
    """The queries look at each other; plus the input, layer norm."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.self_attn = nn.MultiheadAttention(width, _HEADS, batch_first=True)
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor, *, query_code: Tensor) -> Tensor:
        coded = x + query_code
        y, _ = self.self_attn(coded, coded, x, need_weights=False)
        z: Tensor = self.norm(x + y)
        return z


class FeedForward(nn.Module):
    """Two linear layers with ReLU between; plus the input, layer norm."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear1 = nn.Linear(width, 8 * width)
        self.linear2 = nn.Linear(8 * width, width)
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.norm(x + self.linear2(F.relu(self.linear1(x))))
        return y


class Mlp(nn.Module):
    """Three linear layers with ReLU between."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers[:-1]:
            x = F.relu(layer(x))
        y: Tensor = self.layers[-1](x)
        return y


def _axis_code(size: int, channels: int, device: torch.device) -> Tensor:
    """Sines (even channels) and cosines (odd) of the places 1..size, scaled to 0..2 pi: (size, channels)."""
    # Always float32: in bfloat16 neighboring places of a long side would fall together.
    place = torch.arange(1, size + 1, dtype=torch.float32, device=device) / (size + 1e-6) * (2 * pi)
    pair = torch.arange(channels // 2, dtype=torch.float32, device=device)
    angle = place[:, None] / _PERIOD ** (2 * pair / channels)
    return torch.stack([angle.sin(), angle.cos()], dim=2).flatten(1)


def position_code(height: int, width: int, channels: int, device: torch.device) -> Tensor:
    """Sine code of a grid's places, relative to its sides (Carion et al. 2020).

    Args:
        height: Rows of the grid.
        width: Its columns.
        channels: A multiple of 4; the first half codes y, the second x.
        device: Where to make it.

    Returns:
        (height * width, channels) float32, row by row.
    """
    rows = _axis_code(height, channels // 2, device)[:, None].expand(-1, width, -1)
    columns = _axis_code(width, channels // 2, device)[None].expand(height, -1, -1)
    return torch.cat([rows, columns], dim=2).flatten(0, 1)


class ColorDecoder(nn.Module):
    """Learnt queries ask three scales of features in turn and become color embeddings."""

    def __init__(self, in_channels: tuple[int, ...], width: int, *, queries: int, layers: int) -> None:
        super().__init__()
        self.query_feat = nn.Embedding(queries, width)
        self.query_embed = nn.Embedding(queries, width)
        self.level_embed = nn.Embedding(len(in_channels), width)
        self.input_proj = nn.ModuleList(nn.Conv2d(channels, width, 1) for channels in in_channels)
        self.transformer_self_attention_layers = nn.ModuleList(SelfAttention(width) for _ in range(layers))
        self.transformer_cross_attention_layers = nn.ModuleList(CrossAttention(width) for _ in range(layers))
        self.transformer_ffn_layers = nn.ModuleList(FeedForward(width) for _ in range(layers))
        self.decoder_norm = nn.LayerNorm(width)
        self.color_embed = Mlp(width)

    def forward(self, features: list[Tensor]) -> Tensor:
        """Color embeddings (N, queries, width) of features at strides 16, 8 and 4."""
        memories, codes = [], []
        for project, level, feature in zip(self.input_proj, self.level_embed.weight, features, strict=True):
            height, width = feature.shape[2:]
            memories.append(project(feature).flatten(2).mT + level)
            codes.append(position_code(height, width, len(level), feature.device))
        query_code = self.query_embed.weight
        x = self.query_feat.weight.expand(len(features[0]), -1, -1)
        layers = zip(
            self.transformer_cross_attention_layers,
            self.transformer_self_attention_layers,
            self.transformer_ffn_layers,
            strict=True,
        )
        for number, (look, talk, think) in enumerate(layers):
            level = number % len(memories)
            x = look(x, memories[level], query_code=query_code, memory_code=codes[level])
            x = think(talk(x, query_code=query_code))
        y: Tensor = self.color_embed(self.decoder_norm(x))
        return y


class DualDecoder(nn.Module):
    """The pixels' way from the encoder's features to full size, and the colors' way from its three steps."""

    def __init__(self, encoder_dims: tuple[int, ...], width: int, *, queries: int, layers: int) -> None:
        super().__init__()
        *skips, channels = encoder_dims
        widths = (width, width, width // 2)
        self.layers = nn.ModuleList()
        for skip, block_width in zip(reversed(skips), widths, strict=True):
            self.layers.append(UNetBlock(channels, skip, (block_width,), up=block_width))
            channels = block_width
        self.last_shuf = MixingShuffle(nn.Sequential(spectral_norm(nn.Conv2d(channels, 16 * channels, 1))), 4)
        self.color_decoder = ColorDecoder(widths, channels, queries=queries, layers=layers)

    def enlarge(self, features: list[Tensor]) -> list[Tensor]:
        """Features at strides 16, 8 and 4 of the encoder's at 4, 8, 16 and 32."""
        *skips, y = features
        scales = []
        for skip, block in zip(reversed(skips), self.layers, strict=True):
            y = block(y, skip)
            scales.append(y)
        return scales
