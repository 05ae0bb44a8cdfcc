"""The family `ddcolor`: ConvNeXt encoder, U-Net decoder, and color queries that look at its features.

DDColor (Kang et al. 2023, "Towards photo-realistic image colorization via dual decoders"), Apache-2.0. State dict keys
are those of the published files, and the function is the original's.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from videocolor.color.lab import lightness_to_gray
from videocolor.core.frames import ChromaBatch
from videocolor.errors import SettingsError, WeightsError
from videocolor.models.blocks.convnext import ConvNextEncoder
from videocolor.models.blocks.imagenet import MEAN, STD
from videocolor.models.blocks.norms import fold_norms, spectral_norm
from videocolor.models.ddcolor_decoder import DualDecoder
from videocolor.models.hyper import read_hyper

IGNORED_KEYS = frozenset({"encoder.arch.head_cls.weight", "encoder.arch.head_cls.bias"})
"""Of a classifier that the network never uses; a published file may hold it."""

# Of the encoder's coarsest features.
_STRIDE = 32
# Larger answers occur (a* of -180), far outside every gamut.
_MOST_AB = 110.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DDColorHyper:
    """What rebuilds a network of this family; the defaults are the large one."""

    depths: tuple[int, ...] = (3, 3, 27, 3)
    """Blocks of the encoder's four stages."""
    dims: tuple[int, ...] = (192, 384, 768, 1536)
    """Their channels."""
    decoder_width: int = 512
    """Channels of the decoder at strides 16 and 8; the rest of the decoders has half as many."""
    queries: int = 100
    """Color queries."""
    decoder_layers: int = 9
    """Layers of the color decoder; layer i looks at scale i mod 3."""
    folded: bool = False
    """True: spectral norms, and batch norms that directly follow a convolution, are multiplied into it."""

    def __post_init__(self) -> None:
        for name in ("depths", "dims"):
            if len(getattr(self, name)) != 4:
                raise WeightsError(f"{name} has {len(getattr(self, name))} numbers.", "Give four: one for each stage.")
        if self.decoder_width % 32:
            raise WeightsError(f"decoder_width is {self.decoder_width}.", "Choose a multiple of 32.")


class RefineConv2d(nn.Conv2d):
    """1x1 convolution of the queries' maps and the input to ab.

    A class of its own, so that its weight stays in float32 and in torch's order: the folded network reads it.
    """


class DDColorNetwork(nn.Module):
    """Gray in, ab out at the same size. Sides must be multiples of 32."""

    mean: Tensor
    std: Tensor

    def __init__(self, hyper: DDColorHyper) -> None:
        super().__init__()
        self.hyper = hyper
        self.register_buffer("mean", torch.tensor(MEAN).reshape(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(STD).reshape(1, 3, 1, 1))
        self.encoder = nn.ModuleDict({"arch": ConvNextEncoder(hyper.depths, hyper.dims)})
        self.decoder = DualDecoder(hyper.dims, hyper.decoder_width, queries=hyper.queries, layers=hyper.decoder_layers)
        self.refine_net = nn.Sequential(nn.Sequential(spectral_norm(RefineConv2d(hyper.queries + 3, 2, 1))))
        if hyper.folded:
            fold_norms(self)

    def to_input(self, lightness: Tensor) -> Tensor:
        """Gray sRGB of Lab (L*, 0, 0), three times.

        Args:
            lightness: (N, 1, h, w) float32, L* in 0..100.

        Returns:
            (N, 3, h, w) float32, 0..1.
        """
        return lightness_to_gray(lightness).expand(-1, 3, -1, -1)

    def forward(self, x: Tensor) -> Tensor:
        """The original's function: R'G'B' (N, 3, h, w) in 0..1 to ab (N, 2, h, w) in Lab units, unbounded."""
        x = (x - self.mean) / self.std
        scales = self.decoder.enlarge(self.encoder["arch"](x))
        colors = self.decoder.color_decoder(scales)
        if self.hyper.folded:
            return self._mixed_early(scales[-1], colors, x)
        maps = torch.einsum("nqc,nchw->nqhw", colors, self.decoder.last_shuf(scales[-1]))
        y: Tensor = self.refine_net(torch.cat([maps, x.to(maps.dtype)], dim=1))
        return y

    def _mixed_early(self, y: Tensor, colors: Tensor, x: Tensor) -> Tensor:
        """The same answer without 256 channels and a map per query at full size.

        It saves about a third of the time and half of the working memory. Only folded: a spectral norm computes its
        weight when the layer is called, and here it is not.
        """
        refine: RefineConv2d = self.refine_net[0][0]  # type: ignore[index,assignment]
        # Few numbers, of which hundreds are summed: float32 costs nothing.
        with torch.autocast(x.device.type, enabled=False):
            mix = refine.weight[:, :-3, 0, 0] @ colors.float()
            own = F.conv2d(x, refine.weight[:, -3:], refine.bias)
        return self.decoder.last_shuf.mixed(y, mix) + own

    def unbounded_ab(self, output: Tensor) -> Tensor:
        """The answer itself: ab (N, 2, h, w) before it is clamped."""
        return output

    def to_ab(self, output: Tensor, lightness: Tensor) -> ChromaBatch:
        """The answer itself, clamped to -110..110, whatever the lightness; the network knows no confidence."""
        return ChromaBatch(ab=self.unbounded_ab(output).clamp(-_MOST_AB, _MOST_AB))

    def fold(self) -> "DDColorNetwork":
        """The same function with norms multiplied into convolutions, in place; for evaluation only."""
        if not self.hyper.folded:
            fold_norms(self)
            self.hyper = replace(self.hyper, folded=True)
        return self


def build(hyper: Mapping[str, Any]) -> DDColorNetwork:
    """Build the network with fresh parameters.

    Args:
        hyper: Fields of `DDColorHyper`; missing ones take their defaults.

    Raises:
        WeightsError: A key is unknown, or a value is not possible.
    """
    return DDColorNetwork(read_hyper(DDColorHyper, "ddcolor", hyper))


# Depths by the width of the first stage: a truncated file must not pass for a shorter network.
_PUBLISHED_DEPTHS = {96: (3, 3, 9, 3), 192: (3, 3, 27, 3)}
_PUBLISHED_LAYERS = 9


def recognize(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any] | None:
    """The hyper of a state dict of this family, by a few of its keys; None for any other."""
    first = shapes.get("encoder.arch.stages.0.0.norm.weight")
    queries = shapes.get("decoder.color_decoder.query_feat.weight")
    if first is None or queries is None:
        return None
    width = first[0]
    least = _PUBLISHED_DEPTHS.get(width, (1, 1, 1, 1))
    least_layers = _PUBLISHED_LAYERS if width in _PUBLISHED_DEPTHS else 1
    counted = [_count(shapes, f"encoder.arch.stages.{stage}.") for stage in range(4)]
    return {
        "depths": tuple(map(max, counted, least)),
        "dims": tuple(shapes.get(f"encoder.arch.norm{n}.weight", (width << n,))[0] for n in range(4)),
        "decoder_width": 2 * queries[1],
        "queries": queries[0],
        "decoder_layers": max(_count(shapes, "decoder.color_decoder.transformer_ffn_layers."), least_layers),
        "folded": "refine_net.0.0.weight" in shapes,
    }


def _count(keys: Iterable[str], prefix: str) -> int:
    """One more than the largest number behind a prefix."""
    numbers = (key.removeprefix(prefix).split(".")[0] for key in keys if key.startswith(prefix))
    return 1 + max(map(int, numbers), default=-1)


def original_rgb(run: Callable[[Tensor], Tensor], rgb: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.uint8]:
    """Color a picture by the original program's own steps, with OpenCV's color maths.

    The picture is squeezed to a square, and its ab, neither clamped nor smoothed, is enlarged by nearest neighbor.

    Args:
        run: The network: R'G'B' (1, 3, side, side) float32 in 0..1 to ab (1, 2, side, side) on the CPU.
        rgb: (H, W, 3) uint8, sRGB; only its lightness counts.
        side: Side of the square that the network sees; the original's default is 512.

    Returns:
        (H, W, 3) uint8, sRGB.

    Raises:
        SettingsError: The side is no multiple of 32.
    """
    if side % _STRIDE:
        raise SettingsError(
            f"DDColor takes squares whose sides are multiples of {_STRIDE}, not {side}.", "Use an even --render-factor."
        )
    scaled = rgb.astype(np.float32) / 255
    lightness = cv2.cvtColor(scaled, cv2.COLOR_RGB2Lab)[:, :, :1]
    lab = cv2.cvtColor(cv2.resize(scaled, (side, side)), cv2.COLOR_RGB2Lab)
    lab[:, :, 1:] = 0
    gray = cv2.cvtColor(lab, cv2.COLOR_Lab2RGB)
    ab = F.interpolate(run(torch.from_numpy(gray).permute(2, 0, 1)[None]), rgb.shape[:2], mode="nearest")
    colored = np.concatenate([lightness, ab[0].permute(1, 2, 0).numpy()], axis=2)
    answer: npt.NDArray[np.uint8] = (cv2.cvtColor(colored, cv2.COLOR_Lab2RGB) * 255).round().astype(np.uint8)
    return answer
