"""Two colorizers whose colors are blended: what one alone gets wrong the other often has right."""

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from videocolor.color.lab import lightness_to_gray
from videocolor.core.cards import ModelCard
from videocolor.core.frames import ChromaBatch, LumaBatch
from videocolor.device import Compute
from videocolor.models.adapter import DeviceColorizer, NetworkColorizer
from videocolor.settings import DEFAULT_BLEND, BlendMethod

# HAVC's figures for its adaptive chroma-bound merge: 8-bit codes, of which a* and b* have the same step as U and V.
_TOLERANCE, _TEXTURE_TOLERANCE = 20.0, 24.0
_LAPLACIAN = ((0.0, 1.0, 0.0), (1.0, -4.0, 1.0), (0.0, 1.0, 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Blend:
    """How the colors of two models become one."""

    weight: float = DEFAULT_BLEND
    """Of the second model, 0..1."""
    method: BlendMethod = "plain"
    """"plain": the weighted mean of ab; "chroma-bound": the second's ab is limited to a neighborhood of the first's
    before, wider where the luma has texture."""


class MergedColorizer:
    """Two models as one Colorizer. Each sees the frames at its own size."""

    def __init__(self, first: NetworkColorizer, second: NetworkColorizer, blend: Blend) -> None:
        self.card = merged_card(first.card, second.card)
        self.compute: Compute = first.compute
        self._parts = (first, second)
        self._blend = blend

    @property
    def members(self) -> tuple[DeviceColorizer, ...]:
        return self._parts

    def predict(self, batch: LumaBatch) -> ChromaBatch:
        """Color a batch by both models and blend.

        Args:
            batch: Its first further lightness is for the second model; without one both see the same.

        Returns:
            ab at the finer of both answers' sizes a side; the confidence is the blended one of models that have some.

        Raises:
            OutOfMemoryError: One frame alone does not fit.
        """
        first_batch, second_batch = _seen_by_each(batch)
        answers = (self._parts[0].predict(first_batch), self._parts[1].predict(second_batch))
        # inference_mode is per thread and leaks through `yield`: it is entered here only.
        with torch.inference_mode():
            size = (max(a.ab.shape[2] for a in answers), max(a.ab.shape[3] for a in answers))
            first, second = (_resized(answer.ab, size) for answer in answers)
            if self._blend.method == "chroma-bound":
                lightness = _resized(batch.lightness.to(first.device), size)
                second = bound_chroma(first, second, lightness)
            ab = torch.lerp(first, second, self._blend.weight)
            return ChromaBatch(ab=ab, confidence=_blended_confidence(answers, size, self._blend.weight))

    def largest_ab(self, batch: LumaBatch) -> float | None:
        """The largest of both models, neither blended nor bounded: what one clamps shows as a blotch in the blend.

        Args:
            batch: As for `predict`.

        Returns:
            In Lab units; None where both models' answers are bounded by construction.

        Raises:
            OutOfMemoryError: One frame alone does not fit.
        """
        peaks = [part.largest_ab(seen) for part, seen in zip(self._parts, _seen_by_each(batch), strict=True)]
        known = [peak for peak in peaks if peak is not None]
        # In torch, where NaN is larger than any number.
        return float(torch.tensor(known).amax()) if known else None


def bound_chroma(first: Tensor, second: Tensor, lightness: Tensor) -> Tensor:
    """Limit the second model's colors to a tolerance around the first's (HAVC, "chroma-bound adaptive" merge).

    The tolerance is 20 + 24 min(1, |Laplacian of the luma| / 255), luma in 8-bit codes: plain areas such as skin and
    sky stay near the first model, whose colors are the steadier ones, textures may follow the second.

    Args:
        first: (N, 2, h, w) float32 ab.
        second: Like first.
        lightness: (N, 1, h, w) float32, L* in 0..100.

    Returns:
        (N, 2, h, w), every value within the tolerance of first's.
    """
    luma = lightness_to_gray(lightness) * 255
    kernel = luma.new_tensor(_LAPLACIAN)[None, None]
    texture = F.conv2d(F.pad(luma, (1, 1, 1, 1), mode="replicate"), kernel).abs()
    tolerance = _TOLERANCE + _TEXTURE_TOLERANCE * (texture / 255).clamp_max(1)
    return torch.minimum(torch.maximum(second, first - tolerance), first + tolerance)


def merged_card(first: ModelCard, second: ModelCard) -> ModelCard:
    """What is true of both: formats that both stand, hashes and licences joined; sizes are each member's own."""
    hashes = [card.sha256 for card in (first, second)]
    return replace(
        first,
        name=f"{first.name}+{second.name}",
        family=f"{first.family}+{second.family}",
        summary=f"{first.name} and {second.name}, blended.",
        weights_file=None,
        sha256="+".join(digest or "?" for digest in hashes) if any(hashes) else None,
        licence=first.licence if first.licence == second.licence else f"{first.licence} / {second.licence}",
        hyper={},
        precisions=tuple(name for name in first.precisions if name in second.precisions),
        is_sampled=first.is_sampled or second.is_sampled,
        needs=tuple(dict.fromkeys((*first.needs, *second.needs))),
        parameters=None,
        trained_on="",
        recipe="",
        metrics={},
        limits="",
    )


def _seen_by_each(batch: LumaBatch) -> tuple[LumaBatch, LumaBatch]:
    second = replace(batch, lightness=batch.further[0], further=()) if batch.further else batch
    return replace(batch, further=()), second


def _resized(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear to a size; shrinking averages, so that nothing aliases."""
    if tuple(x.shape[2:]) == size:
        return x
    return F.interpolate(x, size, mode="bilinear", align_corners=False, antialias=True)


def _blended_confidence(
    answers: tuple[ChromaBatch, ChromaBatch], size: tuple[int, int], weight: float
) -> Tensor | None:
    first, second = (None if a.confidence is None else _resized(a.confidence, size) for a in answers)
    if first is None or second is None:
        return first if second is None else second
    return torch.lerp(first, second, weight)
