"""Self-attention of generative networks."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from videocolor.models.blocks.norms import spectral_norm

_ASKS_AT_ONCE = 1024
"""Positions that ask at once."""


class SelfAttention(nn.Module):
    """Attention over all positions (Zhang et al. 2018, SAGAN), as the published weights have it.

    There the softmax runs over the index that comes from `query`: in usual terms `key` asks and `query` answers, and
    nothing is divided by the root of the width.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query = spectral_norm(nn.Conv1d(channels, channels // 8, 1, bias=False))
        self.key = spectral_norm(nn.Conv1d(channels, channels // 8, 1, bias=False))
        self.value = spectral_norm(nn.Conv1d(channels, channels, 1, bias=False))
        self.gamma = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        positions = x.flatten(2)
        asks, answers, values = (layer(positions).transpose(1, 2) for layer in (self.key, self.query, self.value))
        # In parts, because torch has no fused kernel for these widths on a CPU: all pairs of positions at once are 24
        # million numbers at render factor 35, twice. With an axis for the heads, CUDA's kernels take them.
        parts = [
            F.scaled_dot_product_attention(part[:, None], answers[:, None], values[:, None], scale=1.0)[:, 0]
            for part in asks.split(_ASKS_AT_ONCE, dim=1)
        ]
        return self.gamma * torch.cat(parts, dim=1).transpose(1, 2).reshape(x.shape) + x
