"""Exponential moving average of a network, batch norm statistics included."""

import torch
from torch import Tensor, nn


class MovingAverage:
    """Keeps float32 copies of all floating tensors of a state dict; counters are taken over as they are."""

    def __init__(self, network: nn.Module, *, decay: float) -> None:
        self.decay = decay
        self.state = {key: value.detach().clone() for key, value in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Take over the network after step number `step`; early on the average forgets faster."""
        decay = min(self.decay, (1 + step) / (10 + step))
        kept, fresh = [], []
        for key, value in network.state_dict().items():
            if value.is_floating_point():
                kept.append(self.state[key])
                fresh.append(value.float())
            else:
                self.state[key].copy_(value)
        torch._foreach_lerp_(kept, fresh, 1 - decay)

    def load(self, state: dict[str, Tensor]) -> None:
        """Go on with a saved average."""
        for key, value in state.items():
            self.state[key].copy_(value)
