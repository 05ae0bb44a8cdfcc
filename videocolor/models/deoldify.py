"""The family `deoldify`: gray RGB in, RGB out, by a U-Net with spectral norm and self-attention on a ResNet.

DeOldify (Jason Antic, 2018-2024, MIT): the artistic generator is "deep" on ResNet34, stable and video are "wide" on
ResNet101. State dict keys are those of the published files.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import cv2
import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from torchvision.models import resnet18, resnet34, resnet50, resnet101

from videocolor.color.lab import lightness_to_gray, rgb_to_lab
from videocolor.core.frames import ChromaBatch
from videocolor.errors import WeightsError
from videocolor.models.blocks.imagenet import MEAN, STD
from videocolor.models.blocks.norms import WeightNormConv2d, fold_norms, spectral_norm
from videocolor.models.blocks.unet import Shuffle, UNetBlock, conv_layer
from videocolor.models.hyper import read_hyper

_LUMA = (0.299, 0.587, 0.114)
# The output's open interval in normalized units.
_LOW, _HIGH = -3.0, 3.0

Encoder = Literal["resnet18", "resnet34", "resnet50", "resnet101"]
Decoder = Literal["deep", "wide"]

# Children of the encoder whose outputs are skips, in the order in which the decoder takes them: layer3, layer2, layer1
# and the stem's ReLU (not the max pooling).
_SKIPS = (6, 5, 4, 2)
_ENCODERS: dict[str, Callable[..., nn.Module]] = {
    "resnet18": resnet18,
    "resnet34": resnet34,
    "resnet50": resnet50,
    "resnet101": resnet101,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeOldifyHyper:
    """What rebuilds a network of this family; the defaults are the stable and video generators."""

    encoder: Encoder = "resnet101"
    decoder: Decoder = "wide"
    """"deep": two convolutions a block; "wide": one."""
    factor: float = 2.0
    """Decoder width: 1.5 for the artistic generator, 2 for the others."""
    folded: bool = False
    """True: every norm that can be is multiplied into its convolution, the form for inference."""

    def __post_init__(self) -> None:
        for name, choices in (("encoder", get_args(Encoder)), ("decoder", get_args(Decoder))):
            if getattr(self, name) not in choices:
                raise WeightsError(f"{name} is {getattr(self, name)!r}.", f"Choose from {', '.join(choices)}.")


class ResidualConvs(nn.Module):
    """Two 3x3 convolutions with ReLU, plus the input; no ReLU afterwards."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        convs = [spectral_norm(nn.Conv2d(channels, channels, 3, padding=1)) for _ in range(2)]
        self.layers = nn.Sequential(*(nn.Sequential(conv, nn.ReLU(inplace=True)) for conv in convs))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        return y + x


class DeOldifyNetwork(nn.Module):
    """A generator. Sides must be even; the published ones see squares whose sides are multiples of 16."""

    def __init__(self, hyper: DeOldifyHyper) -> None:
        super().__init__()
        self.hyper = hyper
        encoder, skips, channels = _encoder(hyper.encoder)
        layers: dict[str, nn.Module] = {"0": encoder, "1": nn.BatchNorm2d(channels)}
        layers["3"] = nn.Sequential(conv_layer(channels, 2 * channels), conv_layer(2 * channels, channels))
        for index, skip in enumerate(skips):
            up, widths = _block_widths(hyper, channels, skip, is_last=index == 3)
            layers[f"{4 + index}"] = UNetBlock(channels, skip, widths, up=up, attention=index == 1)
            channels = widths[-1]
        layers["8"] = Shuffle(nn.Sequential(WeightNormConv2d(channels, 4 * channels, 1)))
        layers["10"] = ResidualConvs(channels + 3)
        layers["11"] = nn.Sequential(spectral_norm(nn.Conv2d(channels + 3, 3, 1)))
        # Numbered as in the published files, where ReLU, concatenation and range have numbers, too.
        self.layers = nn.ModuleDict(layers)
        if hyper.folded:
            fold_norms(self)

    def to_input(self, lightness: Tensor) -> Tensor:
        """Normalized gray RGB.

        Args:
            lightness: (N, 1, h, w) float32, L* in 0..100.

        Returns:
            (N, 3, h, w) float32, (sRGB - mean) / std.
        """
        gray = lightness_to_gray(lightness)
        return (gray - _channels(MEAN, gray)) / _channels(STD, gray)

    def forward(self, x: Tensor) -> Tensor:
        """Normalized RGB (N, 3, h, w) in -3..3 of such gray RGB."""
        y, features = x, []
        for child, layer in enumerate(self.layers["0"].children()):
            y = layer(y)
            if child in _SKIPS:
                features.append(y)
        y = self.layers["3"](F.relu(self.layers["1"](y)))
        for number, skip in zip(("4", "5", "6", "7"), reversed(features), strict=True):
            y = self.layers[number](y, skip)
        y = self.layers["8"](y)
        # In the features' number format: joined with float32, they would become it.
        y = torch.cat([y, x.to(y.dtype)], dim=1)
        y = self.layers["11"](self.layers["10"](y))
        return torch.sigmoid(y) * (_HIGH - _LOW) + _LOW

    def to_ab(self, output: Tensor, lightness: Tensor) -> ChromaBatch:
        """The color that the original shows: the output's U and V with the source's luma.

        Keeping B - Y and R - Y under another luma adds the difference of the lumas to all three channels.

        Args:
            output: (N, 3, h, w) of `forward`.
            lightness: (N, 1, h, w), what `to_input` got.
        """
        rgb = to_rgb(output)
        luma = (rgb * _channels(_LUMA, rgb)).sum(dim=1, keepdim=True)
        shown = (rgb + (lightness_to_gray(lightness) - luma)).clamp(0, 1)
        return ChromaBatch(ab=rgb_to_lab(shown)[1])

    def fold(self) -> "DeOldifyNetwork":
        """The same function with norms multiplied into convolutions, in place; for evaluation only."""
        if not self.hyper.folded:
            fold_norms(self)
            self.hyper = replace(self.hyper, folded=True)
        return self


def to_rgb(output: Tensor) -> Tensor:
    """RGB (N, 3, h, w) in 0..1 of a network's normalized answer."""
    return (output * _channels(STD, output) + _channels(MEAN, output)).clamp(0, 1)


def original_rgb(run: Callable[[Tensor], Tensor], rgb: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.uint8]:
    """Color a picture by the original program's own steps (deoldify/filters.py, visualize.py), 8 bits in between.

    Args:
        run: The network: normalized gray RGB (1, 3, side, side) float32 to normalized RGB of that shape.
        rgb: (H, W, 3) uint8.
        side: Of the square that the picture is stretched to, 16 x the render factor.

    Returns:
        (H, W, 3) uint8. Its luma is the source's only where no channel is clipped.
    """
    square = Image.fromarray(rgb).resize((side, side), Image.Resampling.BILINEAR).convert("L")
    gray = torch.from_numpy(np.asarray(square, np.float32) / 255)[None, None]
    output = run((gray - _channels(MEAN, gray)) / _channels(STD, gray))
    # Truncated, not rounded, as the original does.
    answer = (to_rgb(output)[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8)
    raw = np.asarray(Image.fromarray(answer).resize(rgb.shape[1::-1], Image.Resampling.BILINEAR))
    yuv = cv2.cvtColor(raw, cv2.COLOR_RGB2YUV)
    yuv[..., 0] = cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV)[..., 0]
    return np.asarray(cv2.cvtColor(yuv, cv2.COLOR_YUV2RGB), np.uint8)


def _channels(values: tuple[float, ...], like: Tensor) -> Tensor:
    return like.new_tensor(values)[:, None, None]


def _encoder(name: str) -> tuple[nn.Sequential, list[int], int]:
    """The ResNet without pooling and classifier, channels of its skips from deep to shallow, and of its output."""
    resnet = _ENCODERS[name](weights=None)
    expansion = 4 if name in ("resnet50", "resnet101") else 1
    encoder = nn.Sequential(*list(resnet.children())[:-2])
    return encoder, [256 * expansion, 128 * expansion, 64 * expansion, 64], 512 * expansion


def _block_widths(hyper: DeOldifyHyper, channels: int, skip: int, *, is_last: bool) -> tuple[int, tuple[int, ...]]:
    """Channels of a block's enlarged input and of its convolutions."""
    if hyper.decoder == "wide":
        width = int(512 * hyper.factor) // (4 if is_last else 2)
        return width, (width,)
    up = channels // 2
    joined = up + skip
    width = int((joined // 2 if is_last else joined) * hyper.factor)
    return up, (width, width)


def build(hyper: Mapping[str, Any]) -> DeOldifyNetwork:
    """Build the network with fresh parameters.

    Args:
        hyper: Fields of `DeOldifyHyper`; missing ones take their defaults.

    Raises:
        WeightsError: A key or value is unknown.
    """
    return DeOldifyNetwork(read_hyper(DeOldifyHyper, "deoldify", hyper))


def recognize(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any] | None:
    """Which published generator a state dict belongs to, by a few of its keys; None if none."""
    if not any(key.startswith(("layers.3.0.0.weight_", "layers.8.conv.0.weight_", "layers.11.0.")) for key in shapes):
        return None
    if any(key.startswith("layers.0.7.") and ".conv3." in key for key in shapes):
        return {"encoder": "resnet101", "decoder": "wide", "factor": 2.0}
    return {"encoder": "resnet34", "decoder": "deep", "factor": 1.5}
