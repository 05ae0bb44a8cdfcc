"""Colors as classes: the ab bins, soft encoding for training and annealed-mean decoding for inference."""

from dataclasses import dataclass
from functools import lru_cache
from math import log

import torch
from torch import Tensor

# (a, lowest b, highest b): the nodes of a grid of 10 to which at least 100 of the 2^24 sRGB colors round (a and b
# each to the nearest multiple of 10, halves up). tests/color/test_codec.py derives the table from that rule.
_GRID_STEP = 10
_B_RANGES = (
    (-90, 80, 80),
    (-80, 40, 80),
    (-70, 20, 90),
    (-60, 0, 90),
    (-50, -20, 90),
    (-40, -30, 90),
    (-30, -40, 90),
    (-20, -40, 90),
    (-10, -50, 90),
    (0, -60, 90),
    (10, -70, 80),
    (20, -70, 80),
    (30, -80, 80),
    (40, -90, 70),
    (50, -90, 70),
    (60, -100, 70),
    (70, -100, 70),
    (80, -110, 70),
    (90, -90, 0),
    (100, -60, -50),
)
BIN_COUNT = sum((high - low) // _GRID_STEP + 1 for _, low, high in _B_RANGES)

# Zhang, Isola, Efros 2016: a color is spread over its five nearest bins by a Gaussian of 5 ab units.
_NEIGHBORS = 5
_SIGMA = 5.0

# Nothing in sRGB lies outside; a gain may push colors there.
AB_LIMIT = 110.0
_CELLS_PER_SIDE = 2 * int(AB_LIMIT) // _GRID_STEP + 1


# What is made in inference mode could not be differentiated through later: the cached bins leave it.
@lru_cache(maxsize=4)
@torch.inference_mode(mode=False)
def ab_bins(device: torch.device | None = None) -> Tensor:
    """(258, 2) float32, a* and b* of the bins, a ascending, then b ascending."""
    nodes = [(a, b) for a, low, high in _B_RANGES for b in range(low, high + 1, _GRID_STEP)]
    return torch.tensor(nodes, dtype=torch.float32, device=device)


@lru_cache(maxsize=4)
@torch.inference_mode(mode=False)
def _candidates(device: torch.device) -> tuple[Tensor, Tensor]:
    """For every grid cell all bins that can be among the five nearest of a color in it: ten times less to sort.

    Returns:
        The bins and one more, infinitely far away, for filling up: (259, 2); and their numbers, (cells, 21) int64.
    """
    bins = ab_bins(device)
    axis = torch.arange(-AB_LIMIT, AB_LIMIT + 1, _GRID_STEP, device=device)
    offsets = (torch.cartesian_prod(axis, axis)[:, None] - bins).abs()
    lower = (offsets - _GRID_STEP / 2).clamp_min(0).square().sum(dim=2)
    upper = (offsets + _GRID_STEP / 2).square().sum(dim=2)
    is_candidate = lower <= upper.kthvalue(_NEIGHBORS, dim=1, keepdim=True).values
    most = int(is_candidate.sum(dim=1).max())
    numbers = torch.where(is_candidate, torch.arange(BIN_COUNT, device=device), BIN_COUNT)
    nodes = torch.cat([bins, torch.full_like(bins[:1], 1e6)])
    return nodes, numbers.sort(dim=1).values[:, :most].contiguous()


@dataclass(frozen=True, slots=True, kw_only=True)
class BinCodec:
    """Color as a distribution over `ab_bins`. Training calls `encode`, inference `decode`.

    Fit temperature and gain together for every new model: without rebalancing a low temperature removes false
    colors and dulls the rest (the mode of an unsure pixel is the gray bin), the gain gives the color back.
    """

    temperature: float = 0.38
    """Above 0; 1 decodes to the distribution's mean, towards 0 to its mode."""
    gain: float = 1.25
    """Factor on the decoded ab."""
    unsure_ab: tuple[float, float] = (0.0, 0.0)
    """ab that is taken from an answer of no confidence, in proportion from others, before the gain. Where the network
    knows nothing it answers the mean color of the photographs it learnt from, a brown that the gain would make a cast
    over the whole picture."""

    def __post_init__(self) -> None:
        if self.temperature <= 0 or self.gain < 0:
            raise ValueError(f"temperature {self.temperature} must be above 0, gain {self.gain} at least 0")

    def encode(self, ab: Tensor) -> tuple[Tensor, Tensor]:
        """Spread each color over its five nearest bins.

        Args:
            ab: (N, 2, h, w) float32, natural Lab units, within -110..110.

        Returns:
            Bin numbers (N, 5, h, w) int64 and their weights (N, 5, h, w) float32, which sum to 1.
        """
        count, _, height, width = ab.shape
        nodes, candidates = _candidates(ab.device)
        colors = ab.permute(0, 2, 3, 1).reshape(-1, 2).clamp(-AB_LIMIT, AB_LIMIT)
        cells = torch.round((colors + AB_LIMIT) / _GRID_STEP).long()
        near = candidates[cells[:, 0] * _CELLS_PER_SIDE + cells[:, 1]]
        distances = (colors[:, None] - nodes[near]).square().sum(dim=2)
        nearest, places = distances.topk(_NEIGHBORS, dim=1, largest=False)
        weights = torch.softmax(nearest / (-2 * _SIGMA**2), dim=1)
        shape = (count, height, width, _NEIGHBORS)
        indices = near.gather(1, places).reshape(shape).permute(0, 3, 1, 2)
        return indices, weights.reshape(shape).permute(0, 3, 1, 2)

    def decode(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Annealed mean of the bins, and how sure the network is.

        Args:
            logits: (N, 258, h, w), converted to float32 first: in bfloat16 ab would be off by up to 3 units.

        Returns:
            ab (N, 2, h, w) float32 in -110..110, and confidence (N, 1, h, w) float32 in 0..1:
            1 - H / log 258, with H the entropy of the distribution at the decoding temperature.
        """
        ab, confidence = self.decode_unbounded(logits)
        return ab.clamp(-AB_LIMIT, AB_LIMIT), confidence

    def decode_unbounded(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """The same before ab is clamped: the gain can lead beyond the bins.

        Args:
            logits: As for `decode`.

        Returns:
            ab (N, 2, h, w) float32 of any size, and confidence as from `decode`.
        """
        count, _, height, width = logits.shape
        bins = ab_bins(logits.device)
        columns = torch.cat([bins, torch.ones_like(bins[:, :1])], dim=1)
        with torch.autocast(logits.device.type, enabled=False):
            # One exp and one matmul instead of softmax: a third of the time.
            scaled = logits.permute(0, 2, 3, 1).reshape(-1, BIN_COUNT).float() / self.temperature
            # Any shift cancels out, so no gradient passes through this one, and it can be taken in place.
            scaled -= scaled.detach().amax(dim=1, keepdim=True)
            weights = scaled.exp()
            sums = weights @ columns
            total = sums[:, 2]
            entropy = total.log() - torch.linalg.vecdot(weights, scaled) / total
            confidence = (1 - entropy / log(BIN_COUNT)).clamp(0, 1)
            ab = sums[:, :2] / total[:, None]
            if any(self.unsure_ab):
                ab -= (1 - confidence)[:, None] * ab.new_tensor(self.unsure_ab)
            ab = self.gain * ab
        shape = (count, height, width)
        return ab.reshape(*shape, 2).permute(0, 3, 1, 2).contiguous(), confidence.reshape(*shape)[:, None]
