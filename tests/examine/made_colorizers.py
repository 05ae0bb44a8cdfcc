"""Colorizers that are made for a test: the oracle, which knows the truth, and simple ones with one fault."""

import torch
import torch.nn.functional as F


class Oracle:
    """Answers the true colors at a quarter of the picture's size, or of the asked size."""

    name = "oracle"
    stride = 1

    def answer(self, views, side=None):
        truth = torch.stack([view.ab for view in views])
        return self.spoil(truth, views) if self.stride == 1 else self.spoil(F.avg_pool2d(truth, self.stride), views)

    def seen_size(self, view):
        return view.size

    def largest_ab(self, views, side=None):
        return None

    def spoil(self, ab, views):
        """Made faults override this."""
        return ab


class Gray(Oracle):
    """No color at all."""

    name = "gray"

    def spoil(self, ab, views):
        return torch.zeros_like(ab)


class Tint(Oracle):
    """One color everywhere: the mean color of photographs."""

    name = "tint"

    def spoil(self, ab, views):
        return torch.tensor([1.9, 7.0])[None, :, None, None].expand_as(ab).clone()


class Guesser(Oracle):
    """Colors of pictures that nobody knows: from their lightness."""

    def answer(self, views, side=None):
        return torch.stack([view.lightness.expand(2, -1, -1) / 3 for view in views])
