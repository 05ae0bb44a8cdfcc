"""The family `compact`: EfficientNet-Lite2 encoder, U-Net decoder, ab bins at a quarter of the input's size.

Owns the network and the mapping of the encoder's published keys. Files, devices and padding are not its business.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from videocolor.color.codec import BIN_COUNT, BinCodec
from videocolor.color.lab import lightness_to_gray
from videocolor.core.frames import ChromaBatch
from videocolor.errors import WeightsError
from videocolor.models.blocks.bilateral import bilateral_filter
from videocolor.models.hyper import read_hyper

# TensorFlow's defaults, with which Lite2 was trained.
_NORM_EPS = 1e-3
_NORM_MOMENTUM = 0.01

# EfficientNet-Lite2: expansion, kernel, stride, channels, repeats.
_STEM_CHANNELS = 32
_STAGES = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 3),
    (6, 5, 2, 48, 3),
    (6, 3, 2, 88, 4),
    (6, 5, 1, 120, 4),
    (6, 5, 2, 208, 5),
    (6, 3, 1, 352, 1),
)
# Stages whose last block feeds the decoder, at strides 4, 8, 16, 32.
_TAPPED_STAGES = (1, 2, 4, 6)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompactHyper:
    """What rebuilds a network of this family; stands in the header of its weight file."""

    decoder_widths: tuple[int, ...] = (256, 160, 128)
    """Channels of the decoder at strides 16, 8 and 4."""
    encoder_width: float = 1.0
    """Multiplies the encoder's channels (rounded to multiples of 8); 1 is Lite2, less is for tests."""
    temperature: float = 0.38
    """`BinCodec.temperature`."""
    gain: float = 1.25
    """`BinCodec.gain`."""
    unsure_ab: tuple[float, float] = (0.0, 0.0)
    """`BinCodec.unsure_ab`."""
    input_smoothing: float = 0.0
    """Deviation in L* of the bilateral filter on the input; 0: none. The network learnt from small, compressed
    photographs: the texture of sharp frames and their grain are finer than what it knows."""
    folded: bool = False
    """True: convolutions have biases and no batch norm follows, the form for inference."""

    def __post_init__(self) -> None:
        if len(self.decoder_widths) != 3:
            raise WeightsError(
                f"decoder_widths has {len(self.decoder_widths)} numbers.", "Give three: for strides 16, 8 and 4."
            )
        if self.input_smoothing < 0:
            raise WeightsError(f"input_smoothing is {self.input_smoothing}.", "Give 0 or more.")


class ConvNorm(nn.Module):
    """Convolution with TensorFlow's "same" padding, batch norm (unless folded) and an optional activation."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        *,
        stride: int = 1,
        groups: int = 1,
        activation: nn.Module | None = None,
        folded: bool,
    ) -> None:
        super().__init__()
        # "Same" on an even side pads right and bottom only; symmetric padding would cost 2 % of top-1.
        before, after = (kernel - 2) // 2, (kernel - 1) // 2
        self.rim = (before, after, before, after) if stride == 2 else None
        padding = 0 if stride == 2 else kernel // 2
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride, padding, groups=groups, bias=folded)
        self.norm = None if folded else nn.BatchNorm2d(out_channels, eps=_NORM_EPS, momentum=_NORM_MOMENTUM)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        x = F.pad(x, self.rim) if self.rim is not None else x
        y: Tensor = self.conv(x)
        if self.norm is not None:
            y = self.norm(y)
        if self.activation is not None:
            y = self.activation(y)
        return y


class InvertedResidual(nn.Module):
    """Expand, depthwise, project; plus the input where stride and channels allow it."""

    def __init__(
        self, in_channels: int, out_channels: int, *, expansion: int, kernel: int, stride: int, folded: bool
    ) -> None:
        super().__init__()
        inner = in_channels * expansion
        self.expand = (
            None
            if expansion == 1
            else ConvNorm(in_channels, inner, 1, activation=nn.ReLU6(inplace=True), folded=folded)
        )
        self.depthwise = ConvNorm(
            inner, inner, kernel, stride=stride, groups=inner, activation=nn.ReLU6(inplace=True), folded=folded
        )
        self.project = ConvNorm(inner, out_channels, 1, folded=folded)
        self.has_residual = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x if self.expand is None else self.expand(x)
        y = self.project(self.depthwise(y))
        return x + y if self.has_residual else y


class Lite2Encoder(nn.Module):
    """EfficientNet-Lite2 without its classifier."""

    def __init__(self, width: float, *, folded: bool) -> None:
        super().__init__()

        def scaled(channels: int) -> int:
            return channels if width == 1 else max(8, round(channels * width / 8) * 8)

        channels = scaled(_STEM_CHANNELS)
        self.stem = ConvNorm(3, channels, 3, stride=2, activation=nn.ReLU6(inplace=True), folded=folded)
        blocks: list[nn.Module] = []
        taps: list[int] = []
        tap_channels: list[int] = []
        for stage, (expansion, kernel, stride, out_channels, repeats) in enumerate(_STAGES):
            for repeat in range(repeats):
                blocks.append(
                    InvertedResidual(
                        channels,
                        scaled(out_channels),
                        expansion=expansion,
                        kernel=kernel,
                        stride=stride if repeat == 0 else 1,
                        folded=folded,
                    )
                )
                channels = scaled(out_channels)
            if stage in _TAPPED_STAGES:
                taps.append(len(blocks) - 1)
                tap_channels.append(channels)
        self.blocks = nn.ModuleList(blocks)
        self.taps = tuple(taps)
        self.tap_channels = tuple(tap_channels)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Features at strides 4, 8, 16 and 32 of (N, 3, h, w) in -1..1."""
        x = self.stem(x)
        features = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in self.taps:
                features.append(x)
        return features


class Float32Conv2d(nn.Conv2d):
    """Runs in float32 even where the rest does not.

    In half precision a logit is off by up to 0.03, which the decoding temperature triples.
    """

    def forward(self, input: Tensor) -> Tensor:
        with torch.autocast(input.device.type, enabled=False):
            bias = None if self.bias is None else self.bias.float()
            y: Tensor = self._conv_forward(input.float(), self.weight.float(), bias)
            return y


class CompactNetwork(nn.Module):
    """Gray in, a distribution over ab bins out. Sides must be multiples of 32."""

    def __init__(self, hyper: CompactHyper) -> None:
        super().__init__()
        self.hyper = hyper
        self.codec = BinCodec(temperature=hyper.temperature, gain=hyper.gain, unsure_ab=hyper.unsure_ab)
        self.encoder = Lite2Encoder(hyper.encoder_width, folded=hyper.folded)
        *skips, channels = self.encoder.tap_channels
        decoder: list[nn.Module] = []
        for skip, width in zip(reversed(skips), hyper.decoder_widths, strict=True):
            decoder.append(ConvNorm(channels + skip, width, 3, activation=nn.ReLU(inplace=True), folded=hyper.folded))
            channels = width
        self.decoder = nn.ModuleList(decoder)
        self.head = Float32Conv2d(channels, BIN_COUNT, 1)

    def to_input(self, lightness: Tensor) -> Tensor:
        """The encoder's input: smoothed gray sRGB of Lab (L*, 0, 0), three times, as (x - 127) / 128 of 0..255.

        Args:
            lightness: (N, 1, h, w) float32, L* in 0..100.

        Returns:
            (N, 3, h, w) float32, about -1..1.
        """
        if self.hyper.input_smoothing > 0:
            lightness = bilateral_filter(lightness, self.hyper.input_smoothing)
        gray = (lightness_to_gray(lightness) * 255 - 127) / 128
        return gray.expand(-1, 3, -1, -1)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, 258, h/4, w/4) float32 of the bins for (N, 3, h, w) of `to_input`."""
        return self.decode_features(self.encoder(x))

    def decode_features(self, features: list[Tensor]) -> Tensor:
        """Logits of the encoder's features; training runs only this part in bfloat16."""
        *skips, y = features
        for skip, block in zip(reversed(skips), self.decoder, strict=True):
            y = F.interpolate(y, scale_factor=2.0, mode="bilinear", align_corners=False)
            y = block(torch.cat([y, skip], dim=1))
        logits: Tensor = self.head(y)
        return logits

    def unbounded_ab(self, output: Tensor) -> Tensor:
        """Ab (N, 2, h, w) of the logits before it is clamped: the gain can lead beyond the bins."""
        ab, _ = self.codec.decode_unbounded(output)
        return ab

    def to_ab(self, output: Tensor, lightness: Tensor) -> ChromaBatch:
        """Decode the logits with the hyper's temperature and gain (see `BinCodec.decode`), whatever the lightness."""
        ab, confidence = self.codec.decode(output)
        return ChromaBatch(ab=ab, confidence=confidence)

    def with_hyper(self, **changes: Any) -> "CompactNetwork":
        """The same parameters (not copied) with another decoding or smoothing: fields of `CompactHyper`."""
        network = CompactNetwork(replace(self.hyper, **changes))
        network.load_state_dict(self.state_dict(), assign=True)
        return network.train(self.training)

    def fold(self) -> "CompactNetwork":
        """The same function with every batch norm (its running statistics) multiplied into its convolution."""
        if self.hyper.folded:
            return self
        folded = CompactNetwork(replace(self.hyper, folded=True))
        source = dict(self.named_modules())
        with torch.no_grad():
            for name, target in folded.named_modules():
                if isinstance(target, ConvNorm):
                    unit = source[name]
                    assert isinstance(unit, ConvNorm)
                    weight, bias = _folded_parameters(unit)
                    target.conv.weight.copy_(weight)
                    assert target.conv.bias is not None
                    target.conv.bias.copy_(bias)
        folded.head.load_state_dict(self.head.state_dict())
        return folded.train(self.training)


def _folded_parameters(unit: ConvNorm) -> tuple[Tensor, Tensor]:
    norm = unit.norm
    assert norm is not None, "the network is folded already"
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return unit.conv.weight * scale[:, None, None, None], norm.bias - norm.running_mean * scale


def build(hyper: Mapping[str, Any]) -> CompactNetwork:
    """Build the network with fresh parameters.

    Args:
        hyper: Fields of `CompactHyper`; missing ones take their defaults.

    Raises:
        WeightsError: A key is unknown.
    """
    return CompactNetwork(read_hyper(CompactHyper, "compact", hyper))


_LITE2_UNITS = {
    "_expand_conv": "expand.conv",
    "_bn0": "expand.norm",
    "_depthwise_conv": "depthwise.conv",
    "_bn1": "depthwise.norm",
    "_project_conv": "project.conv",
    "_bn2": "project.norm",
}
_LITE2_STEM = {"_conv_stem": "stem.conv", "_bn0": "stem.norm"}
_LITE2_UNUSED = ("_conv_head", "_bn1", "_fc")


def encoder_state_from_lite2(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the published EfficientNet-Lite2 state dict to the keys of `Lite2Encoder` and drop its classifier.

    Args:
        state: The flat state dict of `efficientnet-lite2-9656183e.pth`.

    Raises:
        WeightsError: A key is none of Lite2's.
    """
    renamed = {}
    for key, value in state.items():
        parts = key.split(".")
        if parts[0] == "_blocks" and parts[2] in _LITE2_UNITS:
            renamed[".".join(["blocks", parts[1], _LITE2_UNITS[parts[2]], *parts[3:]])] = value
        elif parts[0] in _LITE2_STEM:
            renamed[".".join([_LITE2_STEM[parts[0]], *parts[1:]])] = value
        elif parts[0] not in _LITE2_UNUSED:
            raise WeightsError(f"{key} is no key of EfficientNet-Lite2.", "Use efficientnet-lite2-9656183e.pth.")
    return renamed
