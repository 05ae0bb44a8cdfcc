"""From a bare network to a Colorizer: size, rim, inference mode, precision and memory, once around every family."""

import logging
from collections.abc import Callable
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from videocolor.core.cards import ModelCard
from videocolor.core.frames import ChromaBatch, LumaBatch
from videocolor.core.protocols import Colorizer
from videocolor.device import Compute, is_out_of_memory
from videocolor.errors import OutOfMemoryError
from videocolor.models.blocks.inference import prepare_layers

log = logging.getLogger(__name__)


_MANY_FRAMES = 1 << 30
"""More than any batch: nothing is split until memory ends once."""


class FamilyNetwork(Protocol):
    """What a family's network offers besides being an `nn.Module`."""

    def to_input(self, lightness: Tensor) -> Tensor: ...

    def __call__(self, x: Tensor) -> Tensor: ...

    def to_ab(self, output: Tensor, lightness: Tensor) -> ChromaBatch: ...


class DeviceColorizer(Colorizer, Protocol):
    """A Colorizer that is ready on a device; what the pipeline works with."""

    compute: Compute

    @property
    def members(self) -> "tuple[DeviceColorizer, ...]":
        """The colorizers whose answers make up this one's; itself alone, unless models are merged."""
        ...

    def largest_ab(self, batch: LumaBatch) -> float | None:
        """The largest |a*| or |b*| before any clamp; None: no answer can leave -110..110 by construction."""
        ...


class NetworkColorizer:
    """A Colorizer that runs a network on one device."""

    def __init__(self, network: torch.nn.Module, card: ModelCard, compute: Compute) -> None:
        """Take over a network: its weights are cast and packed in place."""
        self.card = card
        self.compute = compute
        self._most_frames = _MANY_FRAMES
        network = network.to(compute.device).eval().requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._network = prepare_layers(network, compute.dtype, compute.device)

    @property
    def members(self) -> tuple[DeviceColorizer, ...]:
        return (self,)

    def run_network(self, x: Tensor) -> Tensor:
        """The bare network's answer to its own input, on the CPU in float32.

        Raises:
            OutOfMemoryError: It does not fit.
        """
        try:
            with torch.inference_mode():
                return self._forward(x.to(self.compute.device)).cpu()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise self._out_of_memory(x) from error

    def _forward(self, x: Tensor) -> Tensor:
        x = x.contiguous(memory_format=torch.channels_last)
        is_half = self.compute.dtype != torch.float32
        with torch.autocast(self.compute.device.type, dtype=self.compute.dtype, enabled=is_half):
            output: Tensor = self._network(x)
        return output.float()

    def predict(self, batch: LumaBatch) -> ChromaBatch:
        """Color a batch; when memory ends, halves are tried down to single frames.

        Args:
            batch: Lightness at network size without the rim.

        Returns:
            ab and confidence that cover the same area, on the device.

        Raises:
            OutOfMemoryError: One frame alone does not fit.
        """
        parts = [self._predict_halving(part) for part in torch.split(batch.lightness, self._most_frames)]
        return parts[0] if len(parts) == 1 else _joined(parts)

    def _predict_halving(self, lightness: Tensor) -> ChromaBatch:
        try:
            return self._predict(lightness)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            count = len(lightness)
            if count == 1:
                raise self._out_of_memory(lightness) from error
        # Outside the handler, so that the failed run's tensors are free before the halves begin.
        if self.compute.device.type == "cuda":
            torch.cuda.empty_cache()
        log.warning("Memory is short: %d frames are colored in two halves.", count)
        # Remembered, or every batch of the film would fail first.
        self._most_frames = (count + 1) // 2
        parts = [self._predict_halving(half) for half in torch.split(lightness, self._most_frames)]
        return _joined(parts)

    def largest_ab(self, batch: LumaBatch) -> float | None:
        """The largest |a*| or |b*| inside the frames before any clamp, for families that offer `unbounded_ab`.

        Args:
            batch: As for `predict`.

        Returns:
            In Lab units; None for a family without it, whose answers are bounded by construction.

        Raises:
            OutOfMemoryError: One frame alone does not fit.
        """
        unbounded: Callable[[Tensor], Tensor] | None = getattr(self._network, "unbounded_ab", None)
        if unbounded is None:
            return None
        network: FamilyNetwork = self._network  # type: ignore[assignment]
        # One frame at a time, as `predict` ends when memory is short.
        peaks = []
        for lightness in torch.split(batch.lightness.to(self.compute.device), 1):
            padded, window = pad_for_network(lightness, self.card)
            ab = unbounded(self.run_network(network.to_input(padded)))
            peaks.append(crop_to_window(ab, window).abs().amax())
        return float(torch.stack(peaks).amax())

    def _out_of_memory(self, lightness: Tensor) -> OutOfMemoryError:
        height, width = lightness.shape[2:]
        rule = self.card.size_rule
        factor = round(((height + 2 * rule.rim) * (width + 2 * rule.rim)) ** 0.5 / 16)
        smaller = max(2, -(-rule.minimum // 16), factor * 2 // 3)
        ways = [f"--render-factor {smaller}"] if smaller < factor else []
        if self.compute.device.type != "cpu":
            ways.append("--device cpu")
        return OutOfMemoryError(
            f"One frame at render factor {factor} does not fit into the memory of {self.compute.device}.",
            f"Use {', or '.join(ways)}." if ways else "Close other programs.",
        )

    def _predict(self, lightness: Tensor) -> ChromaBatch:
        network: FamilyNetwork = self._network  # type: ignore[assignment]
        # inference_mode is per thread and leaks through `yield`: it is entered here, around each run, only.
        with torch.inference_mode():
            lightness = lightness.to(self.compute.device)
            padded, window = pad_for_network(lightness, self.card)
            answer = network.to_ab(self._forward(network.to_input(padded)), padded)
            ab = crop_to_window(answer.ab, window)
            confidence = None if answer.confidence is None else crop_to_window(answer.confidence, window)
            return ChromaBatch(ab=ab, confidence=confidence)


def _joined(parts: list[ChromaBatch]) -> ChromaBatch:
    """One batch of several, in order."""
    confidence = None
    if all(part.confidence is not None for part in parts):
        confidence = torch.cat([part.confidence for part in parts if part.confidence is not None])
    return ChromaBatch(ab=torch.cat([part.ab for part in parts]), confidence=confidence)


Window = tuple[float, float, float, float]


def pad_for_network(lightness: Tensor, card: ModelCard) -> tuple[Tensor, Window]:
    """Add the card's rim by reflection, and what is missing to the next allowed size.

    Zero padding inside networks fades the outer pixels; a reflected rim that is cut off afterwards cures it.

    Args:
        lightness: (N, 1, h, w).
        card: Its size rule holds rim, multiple and minimum.

    Returns:
        The padded lightness, and the window (top, bottom, left, right) of the picture as shares of the padded size.
    """
    rule = card.size_rule
    height, width = lightness.shape[2:]
    total = [_padded_side(side, rule.rim, rule.multiple_of, rule.minimum) for side in (height, width)]
    # The rim is even on both sides up to the rounding, so that the window falls on the output's grid.
    top, left = (total[0] - height) // 2, (total[1] - width) // 2
    bottom, right = total[0] - height - top, total[1] - width - left
    padded = _reflect(lightness, top, bottom, left, right)
    window = (top / total[0], (top + height) / total[0], left / total[1], (left + width) / total[1])
    return padded, window


def _padded_side(side: int, rim: int, multiple: int, minimum: int) -> int:
    return max(minimum, -(-(side + 2 * rim) // multiple) * multiple)


def _reflect(x: Tensor, top: int, bottom: int, left: int, right: int) -> Tensor:
    """Reflection that also works where the rim is larger than the picture: it goes on back and forth."""
    height, width = x.shape[2:]
    rows = _mirrored_index(height, top, bottom).to(x.device)
    columns = _mirrored_index(width, left, right).to(x.device)
    return x[:, :, rows][:, :, :, columns]


def _mirrored_index(size: int, before: int, after: int) -> Tensor:
    index = torch.arange(-before, size + after)
    if size == 1:
        return torch.zeros_like(index)
    period = 2 * (size - 1)
    index = index % period
    return torch.where(index < size, index, period - index)


def crop_to_window(x: Tensor, window: Window) -> Tensor:
    """Cut the picture's window out of a network's output, whatever its stride.

    Where the window's borders fall between output samples, the output is re-sampled onto the window, so that what
    comes back covers exactly the picture.

    Args:
        x: (N, C, h, w) output of the padded picture.
        window: Shares (top, bottom, left, right) from `pad_for_network`.
    """
    height, width = x.shape[2:]
    top, bottom, left, right = window[0] * height, window[1] * height, window[2] * width, window[3] * width
    edges = (top, bottom, left, right)
    if all(abs(edge - round(edge)) < 1e-6 for edge in edges):
        return x[:, :, round(top) : round(bottom), round(left) : round(right)]
    rows, columns = max(1, round(bottom - top)), max(1, round(right - left))
    y = torch.linspace(-1, 1, rows + 1, device=x.device)[:-1] + 1 / rows
    z = torch.linspace(-1, 1, columns + 1, device=x.device)[:-1] + 1 / columns
    middle_y, reach_y = (window[0] + window[1]) - 1, window[1] - window[0]
    middle_x, reach_x = (window[2] + window[3]) - 1, window[3] - window[2]
    grid_y, grid_x = torch.meshgrid(middle_y + reach_y * y, middle_x + reach_x * z, indexing="ij")
    grid = torch.stack([grid_x, grid_y], dim=-1)[None].expand(len(x), -1, -1, -1)
    return F.grid_sample(x, grid, mode="bicubic", padding_mode="border", align_corners=False)
