"""A network's layers as a device wants them for inference: weights cast once, and packed for the processor's library.

Without this, autocast casts every weight on every run, and oneDNN reorders it: for the 150 million weights in the
middle of a wide U-Net that takes longer than the convolution itself.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from videocolor.device import is_out_of_memory
from videocolor.models.blocks.winograd import WinogradConv2d

_CASTABLE = (nn.Conv1d, nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
_WORTH_PACKING = 1 << 18
"""Weights from which a convolution is packed: the reordering of fewer costs nothing."""
_WORTH_CHANNELS, _WORTH_PIXELS = 128, 48 * 48
"""Channels on both sides, and pixels of a picture, from which Winograd's transforms cost much less than they save."""


_How = tuple[list[int], list[int], list[int], int]


class PackedConv2d(nn.Module):
    """A convolution on a CPU whose weight lies in oneDNN's own order; same function as `nn.Conv2d` up to rounding."""

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self._weight: Tensor | None = conv.weight.detach()
        self._packed: Tensor | None = None
        self._size: tuple[int, ...] = ()
        self._has_kernel = True
        self._bias = None if conv.bias is None else conv.bias.detach()
        self._dtype = conv.weight.dtype
        self._how: _How = (_numbers(conv.padding), list(conv.stride), list(conv.dilation), conv.groups)

    def forward(self, x: Tensor) -> Tensor:
        x = x.to(self._dtype)
        if self._packed is not None and tuple(x.shape[2:]) == self._size:
            return self._run(x, self._packed)
        if self._has_kernel:
            # The best order depends on the picture's size: another one may be ten times slower.
            try:
                packed = _reordered(self.plain_weight(), x, self._how)
                y = self._run(x, packed)
            except RuntimeError as error:
                if is_out_of_memory(error):
                    raise
                # oneDNN lacks it for some unusual numbers of channels: the plain form runs, or says why not.
                self._has_kernel = False
            else:
                self._packed, self._weight, self._size = packed, None, tuple(x.shape[2:])
                return y
        padding, stride, dilation, groups = self._how
        return F.conv2d(x, self.plain_weight(), self._bias, stride, padding, dilation, groups)

    def plain_weight(self) -> Tensor:
        """The weight in torch's order, (out, in, height, width)."""
        if self._weight is not None:
            return self._weight
        assert self._packed is not None
        return self._packed.to_dense()

    def _run(self, x: Tensor, packed: Tensor) -> Tensor:
        y: Tensor = torch.ops.mkldnn._convolution_pointwise(x, packed, self._bias, *self._how, "none", [], None)
        return y


def _numbers(padding: str | tuple[int, ...]) -> list[int]:
    assert not isinstance(padding, str), "asked before"
    return list(padding)


def _reordered(weight: Tensor, x: Tensor, how: _How) -> Tensor:
    packed: Tensor = torch.ops.mkldnn._reorder_convolution_weight(weight, *how, list(x.shape))
    return packed


def can_pack() -> bool:
    """Whether this build of torch has oneDNN and the two operators that its own compiler packs weights with."""
    names = ("_reorder_convolution_weight", "_convolution_pointwise")
    is_there: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return is_there and all(hasattr(torch.ops.mkldnn, name) for name in names)


def prepare_layers(network: nn.Module, dtype: torch.dtype, device: torch.device) -> nn.Module:
    """Cast and pack a network's weights in place, and exchange its convolutions for faster ones, for inference.

    Subclasses of the layers are left alone: that is how a family keeps one in float32. Norms stay float32, too.

    Args:
        network: In evaluation mode, float32.
        dtype: What convolutions and linear layers run in; activations follow by autocast.
        device: Where the network lies; all but the casting is for CPUs.
    """
    for module in network.modules():
        if type(module) in _CASTABLE:
            module.to(dtype)
    if device.type == "cpu":
        for parent in list(network.modules()):
            for name, child in list(parent.named_children()):
                if type(child) is nn.Conv2d and child.padding_mode == "zeros" and not isinstance(child.padding, str):
                    setattr(parent, name, _prepared_conv(child))
    return network


def _prepared_conv(conv: nn.Conv2d) -> nn.Module:
    is_large = conv.weight.numel() >= _WORTH_PACKING
    prepared = PackedConv2d(conv) if is_large and can_pack() else conv
    if conv.weight.dtype != torch.float32 or not _is_plain_3x3(conv) or min(conv.weight.shape[:2]) < _WORTH_CHANNELS:
        return prepared
    weight = prepared.plain_weight if isinstance(prepared, PackedConv2d) else conv.weight.detach
    return WinogradConv2d(prepared, weight, conv.bias, least_pixels=_WORTH_PIXELS)


def _is_plain_3x3(conv: nn.Conv2d) -> bool:
    how = (conv.kernel_size, conv.padding, conv.stride, conv.dilation, conv.groups)
    return how == ((3, 3), (1, 1), (1, 1), (1, 1), 1)
