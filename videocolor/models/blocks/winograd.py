"""3x3 convolution in float32 with a quarter of the multiplications (Winograd; Lavin, Gray 2016).

A tile of 4 x 4 outputs is made from 6 x 6 inputs by 36 products a channel pair in place of 144. What is saved is partly
spent on the transforms, so it pays for wide layers on large pictures, where most of a colorizer's time goes. oneDNN,
torch's library for processors, offers it for no such layer.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

# Interpolation points 0, +-2/3, +-3/2 and infinity: the usual 0, +-1, +-2 lose four times as much to rounding
# (Barabasz et al. 2020, "Error analysis and improving the accuracy of Winograd convolution").
_A, _B = 2 / 3, 3 / 2
_OUT, _IN = 4, 6
_STRIP_TILES, _MOST_STRIPS = 336, 4
"""Tiles that a thread works on at once: their transforms stay in its cache. Up to four threads each get as many, as
every step of a strip ends with all threads waiting for each other."""


class WinogradConv2d(nn.Module):
    """A 3x3 convolution of stride 1 and padding 1 on a CPU in float32; `plain` runs small pictures."""

    def __init__(
        self, plain: nn.Module, weight: Callable[[], Tensor], bias: Tensor | None, *, least_pixels: int
    ) -> None:
        """Wrap a layer.

        Args:
            plain: The layer for small pictures; it owns the weight.
            weight: Gives that weight, (out, in, 3, 3).
            bias: The layer's, or None.
            least_pixels: Height times width from which Winograd's way is taken.
        """
        super().__init__()
        self.plain = plain
        self.least_pixels = least_pixels
        self._weight = weight
        self._bias = None if bias is None else bias.detach()
        # Four times the plain weights: only for layers that a large picture comes to.
        self._transformed: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[2] * x.shape[3] < self.least_pixels:
            y: Tensor = self.plain(x)
            return y
        if self._transformed is None:
            self._transformed = transformed_weight(self._weight())
        return winograd_conv2d(x, self._transformed, self._bias)


def transformed_weight(weight: Tensor) -> Tensor:
    """(36, in, out) float32 of a weight (out, in, 3, 3), computed in float64."""
    points = weight.new_tensor([0, _A, -_A, _B, -_B], dtype=torch.float64)
    powers = points[:, None] ** torch.arange(3, device=weight.device)
    differences = points[:, None] - points[None] + torch.eye(5, dtype=torch.float64, device=weight.device)
    last = powers.new_tensor([[0, 0, 1]])
    rows = torch.cat([powers / differences.prod(dim=1, keepdim=True), last])
    tiles = torch.einsum("ik,ockl,jl->ijco", rows, weight.double(), rows)
    return tiles.reshape(_IN * _IN, weight.shape[1], weight.shape[0]).to(weight.dtype).contiguous()


def winograd_conv2d(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Convolve with padding 1.

    Args:
        x: (N, in, h, w) float32.
        weight: (36, in, out) of `transformed_weight`.
        bias: (out,) or None.

    Returns:
        (N, out, h, w) float32, channels last.
    """
    count, channels, height, width = x.shape
    tiles = (-(-height // _OUT), -(-width // _OUT))
    result = x.new_empty(count, _OUT * tiles[0], _OUT * tiles[1], weight.shape[2])
    at_once = _STRIP_TILES * min(torch.get_num_threads(), _MOST_STRIPS)
    rows = max(1, min(tiles[0], at_once // tiles[1]))
    buffers = _Buffers.of(x, rows, tiles[1], channels, weight.shape[2])
    for source, target in zip(x.permute(0, 2, 3, 1), result, strict=True):
        for top in range(0, tiles[0], rows):
            # The last strip reaches back over the one before, so that all have one shape.
            first = _OUT * min(top, tiles[0] - rows)
            _fill_strip(source, first, buffers.strip)
            strip = target[first : first + _OUT * rows]
            _convolve_strip(buffers, weight, strip)
            if bias is not None:
                strip += bias
    return result[:, :height, :width].permute(0, 3, 1, 2)


@dataclass(frozen=True, slots=True)
class _Buffers:
    """Memory of one strip, used again for all: fresh pages would cost as much as the sums that are written there."""

    strip: Tensor
    """(4 r + 2, w, in), the input with zeros around."""
    rows: Tensor
    tiles: Tensor
    products: Tensor
    columns: Tensor

    @classmethod
    def of(cls, x: Tensor, rows: int, columns: int, in_channels: int, out_channels: int) -> "_Buffers":
        width = _OUT * columns + 2
        return cls(
            x.new_zeros(_OUT * rows + 2, width, in_channels),
            x.new_empty(_IN, rows, width, in_channels),
            x.new_empty(_IN, _IN, rows, columns, in_channels),
            x.new_empty(_IN, _IN, rows, columns, out_channels),
            x.new_empty(_OUT, _IN, rows, columns, out_channels),
        )


def _fill_strip(source: Tensor, first: int, strip: Tensor) -> None:
    """Copy the rows that a strip of outputs from row `first` needs; zeros where the picture has none."""
    height, width = source.shape[:2]
    begin, end = max(0, first - 1), min(height, first - 1 + len(strip))
    above = begin - (first - 1)
    below = above + end - begin
    strip[:above].zero_()
    strip[below:].zero_()
    strip[above:below, 1 : width + 1] = source[begin:end]


def _convolve_strip(buffers: _Buffers, weight: Tensor, target: Tensor) -> None:
    """Rows of whole tiles, from the filled strip into (4 r, W, out), without bias."""
    count, columns = buffers.tiles.shape[2:4]
    _spread([buffers.strip[i : i + _OUT * (count - 1) + 1 : _OUT] for i in range(_IN)], list(buffers.rows))
    for row, tiles in zip(buffers.rows, buffers.tiles, strict=True):
        _spread([row[:, j : j + _OUT * (columns - 1) + 1 : _OUT] for j in range(_IN)], list(tiles))
    products = buffers.products.view(_IN * _IN, count * columns, -1)
    torch.bmm(buffers.tiles.view(_IN * _IN, count * columns, -1), weight, out=products)
    _gather(list(buffers.products), list(buffers.columns))
    cells = target.view(count, _OUT, columns, _OUT, -1)
    for i, row in enumerate(buffers.columns):
        _gather(list(row), [cells[:, i, :, j] for j in range(_OUT)])


def _spread(d: Sequence[Tensor], out: Sequence[Tensor]) -> None:
    """Six neighboring inputs to values at the six points."""
    a2, b2 = _A * _A, _B * _B
    for target, (low, middle, high) in ((out[0], d[0::2]), (out[5], d[1::2])):
        torch.add(high, middle, alpha=-(a2 + b2), out=target).add_(low, alpha=a2 * b2)
    for first, own, other in ((1, _A, b2), (3, _B, a2)):
        even, odd = torch.add(d[4], d[2], alpha=-other), torch.add(d[3], d[1], alpha=-other)
        torch.add(even, odd, alpha=own, out=out[first])
        torch.add(even, odd, alpha=-own, out=out[first + 1])


def _gather(m: Sequence[Tensor], out: Sequence[Tensor]) -> None:
    """Products at the six points to four neighboring outputs."""
    even_a, odd_a, even_b, odd_b = m[1] + m[2], m[1] - m[2], m[3] + m[4], m[3] - m[4]
    torch.add(even_a, even_b, out=out[0]).add_(m[0])
    torch.mul(odd_a, _A, out=out[1]).add_(odd_b, alpha=_B)
    torch.mul(even_a, _A**2, out=out[2]).add_(even_b, alpha=_B**2)
    torch.add(m[5], odd_a, alpha=_A**3, out=out[3]).add_(odd_b, alpha=_B**3)
