"""Statistics of batch norm as films need them: measured anew for an export, put back where one folded them away."""

from collections.abc import Iterator
from dataclasses import asdict, replace

import torch
from torch import Tensor, nn

from training.data.batches import center_batches
from training.data.pictures import PictureStore
from training.families import SIZE_RULE
from training.networks import rimmed_input
from videocolor.models.compact import CompactNetwork, ConvNorm, build

_BATCH = 16


def inference_inputs(network: CompactNetwork, store: PictureStore, members: list[int]) -> Iterator[Tensor]:
    """Inputs of the size at which films are seen: center squares with their reflected rim, a few at a time."""
    side = SIZE_RULE.default_side - 2 * SIZE_RULE.rim
    for batch in center_batches(store, members, side=side, size=_BATCH):
        yield rimmed_input(network, batch.lightness, rim=SIZE_RULE.rim)


@torch.no_grad()
def recompute_batch_norm(network: CompactNetwork, store: PictureStore, members: list[int]) -> None:
    """Replace all running statistics by those of `members` at the size of inference."""
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        # None: plain mean over all batches.
        norm.momentum = None
    network.train()
    for inputs in inference_inputs(network, store, members):
        network(inputs)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    network.eval()


@torch.no_grad()
def unfold(folded: CompactNetwork, store: PictureStore, members: list[int]) -> CompactNetwork:
    """The same function with batch norm behind every convolution.

    Its statistics are measured on photographs; its scale and offset undo them, so that the network in evaluation mode
    answers what the folded one does, and in training mode nearly so. They are measured at the size at which an export
    measures them: elsewhere scale and offset would not be those that training had found.

    Args:
        folded: As an export has it, in evaluation mode.
        store: The photographs.
        members: Numbers of those to measure on; a few hundred are enough.
    """
    meters = {name: _Moments(module.conv) for name, module in folded.named_modules() if isinstance(module, ConvNorm)}
    for inputs in inference_inputs(folded, store, members):
        folded(inputs)
    network = build(asdict(replace(folded.hyper, folded=False)))
    for name, module in network.named_modules():
        if isinstance(module, ConvNorm):
            meters[name].install(module)
    network.head.load_state_dict(folded.head.state_dict())
    return network.eval()


class _Moments:
    """Mean and variance of a convolution's answer, channel by channel."""

    def __init__(self, conv: nn.Conv2d) -> None:
        self._conv = conv
        self._count = 0
        self._sum = torch.zeros(conv.out_channels, dtype=torch.float64)
        self._squares = torch.zeros(conv.out_channels, dtype=torch.float64)
        self._hook = conv.register_forward_hook(self._add)

    def _add(self, conv: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        values = output.double()
        self._count += output.numel() // output.shape[1]
        self._sum += values.sum(dim=(0, 2, 3))
        self._squares += values.square().sum(dim=(0, 2, 3))

    def install(self, unit: ConvNorm) -> None:
        """Make `unit` answer what the folded convolution does."""
        self._hook.remove()
        norm, bias = unit.norm, self._conv.bias
        assert norm is not None
        assert bias is not None
        mean = (self._sum / self._count).float()
        variance = (self._squares / self._count - (self._sum / self._count).square()).clamp_min(0).float()
        assert norm.running_mean is not None
        assert norm.running_var is not None
        unit.conv.weight.copy_(self._conv.weight)
        norm.running_mean.copy_(mean - bias)
        norm.running_var.copy_(variance)
        norm.weight.copy_((variance + norm.eps).sqrt())
        norm.bias.copy_(mean)
