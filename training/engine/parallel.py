"""Several processes that train one network: each takes its share of every batch, and the gradients are averaged.

Started by `torchrun --nproc-per-node 2 -m training ...`. All share one file system: the first one writes log and
checkpoint, and everyone reads it on resume.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn

from videocolor.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Worker:
    """This process among all that train."""

    rank: int = 0
    """Its number; 0 writes log and checkpoint."""
    world_size: int = 1
    """How many there are."""

    def share_of(self, size: int) -> slice:
        """Which of `size` pictures this process takes.

        Raises:
            SettingsError: The batch cannot be divided evenly.
        """
        if size % self.world_size:
            raise SettingsError(
                f"{size} pictures a step cannot be shared by {self.world_size} processes.",
                "Choose a batch that they divide evenly.",
            )
        each = size // self.world_size
        return slice(self.rank * each, (self.rank + 1) * each)


def join_group() -> Worker:
    """Meet the other processes that `torchrun` started; alone without it."""
    if not dist.is_torchelastic_launched():
        return Worker()
    if not dist.is_initialized():
        dist.init_process_group("gloo")
    return Worker(rank=dist.get_rank(), world_size=dist.get_world_size())


@contextmanager
def first_worker_first(worker: Worker) -> Iterator[None]:
    """Let the first process through the block alone, the others after it: they find the files that it made."""
    if worker.rank:
        dist.barrier()
    yield
    if worker.world_size > 1 and not worker.rank:
        dist.barrier()


def share_state(network: nn.Module, worker: Worker) -> None:
    """Give every process the first one's parameters and buffers: other machines may round a start differently."""
    if worker.world_size > 1:
        for tensor in network.state_dict().values():
            dist.broadcast(tensor, src=0)


def average_gradients(network: nn.Module, worker: Worker) -> None:
    """Replace every gradient by its mean over all processes, in one message; all must train the same parameters."""
    if worker.world_size == 1:
        return
    gradients = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
    flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
    dist.all_reduce(flat)
    flat /= worker.world_size
    means = torch.split(flat, [gradient.numel() for gradient in gradients])
    for gradient, mean in zip(gradients, means, strict=True):
        gradient.copy_(mean.view_as(gradient))


def any_worker(value: bool, worker: Worker) -> bool:
    """Whether it is true in any process: all must leave a loop at the same step."""
    if worker.world_size == 1:
        return value
    votes: Tensor = torch.tensor([int(value)])
    dist.all_reduce(votes)
    return bool(votes.item())
