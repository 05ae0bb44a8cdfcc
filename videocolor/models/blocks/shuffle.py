"""Sub-pixel enlargement with the blur that hides its checkerboard."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ShuffleBlur(nn.Module):
    """Pixel shuffle (Shi et al. 2016), then the mean of each 2 x 2 window; the size stays that of the shuffle.

    The window reaches left and up (one replicated row and column there), as in the published networks: any other
    side would shift the picture against the skips.
    """

    def __init__(self, factor: int) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        """(N, c * factor^2, h, w) -> (N, c, h * factor, w * factor)."""
        # Autocast would take the padding, and everything up to the next convolution, in float32.
        with torch.autocast(x.device.type, enabled=False):
            return F.avg_pool2d(F.pad(F.pixel_shuffle(x, self.factor), (1, 0, 1, 0), mode="replicate"), 2, stride=1)
