"""Spectral and weight norm in the layout of published files, and their removal for inference.

Published files hold the torch parametrizations of 2019: `weight_orig`, `weight_u`, `weight_v` for spectral norm
(Miyato et al. 2018) and `weight_g`, `weight_v` for weight norm (Salimans, Kingma 2016). In evaluation mode both are a
constant factor on the weights, so folding them changes no bit of the result and saves it on every frame.
"""

from itertools import pairwise
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

Layer = TypeVar("Layer", bound=nn.Module)


class WeightNormConv2d(nn.Conv2d):
    """Convolution whose weight is `weight_g * weight_v / |weight_v|`, the norm taken per output channel.

    torch's own `weight_norm` of this layout is deprecated; its successor has other keys.
    """

    weight_g: nn.Parameter
    weight_v: nn.Parameter

    def __init__(self, in_channels: int, out_channels: int, kernel: int, *, padding: int = 0) -> None:
        super().__init__(in_channels, out_channels, kernel, padding=padding)
        self.kernel, self.rim = kernel, padding
        weight = self.weight.detach()
        del self.weight
        self.weight_g = nn.Parameter(_norm_per_output(weight))
        self.weight_v = nn.Parameter(weight)

    def normed_weight(self) -> Tensor:
        """The weight that the convolution uses."""
        weight: Tensor = self.weight_v * (self.weight_g / _norm_per_output(self.weight_v))
        return weight

    def forward(self, input: Tensor) -> Tensor:
        y: Tensor = self._conv_forward(input, self.normed_weight(), self.bias)
        return y


def _norm_per_output(weight: Tensor) -> Tensor:
    norm: Tensor = torch.linalg.vector_norm(weight, dim=(1, 2, 3), keepdim=True)
    return norm


def spectral_norm(layer: Layer) -> Layer:
    """Spectral norm with the keys of published files; evaluation uses the stored vectors and never recomputes them."""
    return nn.utils.spectral_norm(layer)


def fold_norms(network: nn.Module) -> None:
    """Multiply every norm that is a factor of a layer's weight into it, in place; for evaluation only."""
    fold_weight_norms(network)
    fold_batch_norms(network)


def fold_weight_norms(network: nn.Module) -> None:
    """Multiply every spectral and weight norm into its layer's weight, in place."""
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, WeightNormConv2d):
                setattr(parent, name, _plain(child))
            elif hasattr(child, "weight_orig"):
                nn.utils.remove_spectral_norm(child)
                # torch leaves its hook behind, which would ask every state dict for `weight_orig`.
                child._load_state_dict_pre_hooks.clear()


def _plain(layer: WeightNormConv2d) -> nn.Conv2d:
    # Its parameters follow in the next lines: none are allocated before.
    plain = nn.Conv2d(layer.in_channels, layer.out_channels, layer.kernel, padding=layer.rim, device="meta")
    plain.weight = nn.Parameter(layer.normed_weight().detach())
    plain.bias = layer.bias
    return plain.train(layer.training)


def fold_batch_norms(network: nn.Module) -> None:
    """Multiply every batch norm (its running statistics) that directly follows a convolution into it, in place.

    Followers are known by their place in a sequence, and by their names in torchvision's ResNet blocks. A norm with a
    ReLU before it stays: it is no factor of a convolution.
    """
    for module in list(network.modules()):
        names = [name for name, _ in module.named_children()]
        numbered = [(f"conv{number}", f"bn{number}") for number in (1, 2, 3) if f"bn{number}" in names]
        for first, second in pairwise(names) if isinstance(module, nn.Sequential) else numbered:
            conv, norm = module.get_submodule(first), module.get_submodule(second)
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                _fold_batch_norm(conv, norm)
                setattr(module, second, nn.Identity())


def _fold_batch_norm(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    with torch.no_grad():
        conv.weight, conv.bias = fuse_conv_bn_weights(
            conv.weight, conv.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
        )
