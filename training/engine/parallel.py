"""Several processes that train one network: each takes its part of every batch, and the gradients are averaged.

Started by `torchrun --nproc-per-node 2 -m training ...`. On CPUs two processes of one thread each do twice the steps of
one process of two threads: the network's operators are too small to be divided.
"""

from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn

from videocolor.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Part:
    """This process among all that train."""

    rank: int = 0
    """Its number; 0 writes log and checkpoint."""
    count: int = 1
    """How many there are."""

    def of(self, size: int) -> slice:
        """The share of a batch of `size` that this process takes.

        Raises:
            SettingsError: The batch cannot be divided evenly.
        """
        if size % self.count:
            raise SettingsError(
                f"{size} pictures a step cannot be shared by {self.count} processes.",
                "Choose a batch that they divide evenly.",
            )
        each = size // self.count
        return slice(self.rank * each, (self.rank + 1) * each)


def join_group() -> Part:
    """Meet the other processes that `torchrun` started; alone without it."""
    if not dist.is_torchelastic_launched():
        return Part()
    if not dist.is_initialized():
        dist.init_process_group("gloo")
    return Part(rank=dist.get_rank(), count=dist.get_world_size())


def average_gradients(network: nn.Module, part: Part) -> None:
    """Replace every gradient by its mean over all processes, in one message; all must train the same parameters."""
    if part.count == 1:
        return
    gradients = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
    flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
    dist.all_reduce(flat)
    flat /= part.count
    means = torch.split(flat, [gradient.numel() for gradient in gradients])
    for gradient, mean in zip(gradients, means, strict=True):
        gradient.copy_(mean.view_as(gradient))


def agreed(value: bool, part: Part) -> bool:
    """Whether any process says so: all must leave a loop at the same step."""
    if part.count == 1:
        return value
    votes: Tensor = torch.tensor([int(value)])
    dist.all_reduce(votes)
    return bool(votes.item())
