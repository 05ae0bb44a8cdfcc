"""Line 11: stripes and grids of the network's own, which any layer that enlarges can leave in the colors."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import pi

import torch
from torch import Tensor

from videocolor.examine.colors import nan_as_worst, worst_examples
from videocolor.examine.made_pictures import flat, woven
from videocolor.examine.scenes import color_all
from videocolor.examine.sitting import Sitting
from videocolor.examine.verdict import Example, Figure, Outcome
from videocolor.examine.views import View

_PERIODS = (4, 8, 16, 32)
"""In pixels of the network's input: strides of layers."""
_FLOOR = 0.05
"""Amplitude in ab up to which neighbors count as this: nobody sees three times as much."""
# In bins, both ways; a Hann window spreads a period over two bins.
_NEIGHBORS = (3, 4, 5)
_PROBE = (256, 256)
_LIGHTNESSES = (25.0, 50.0, 75.0)
_CLOTHS = 8
_MOST_EXAMPLES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class _Peak:
    """A period in the colors."""

    ratio: float
    """Its amplitude over that of neighboring periods."""
    period: int
    direction: str


def line_11(sitting: Sitting) -> Outcome:
    """Amplitudes of ab at the periods of a network's strides against those of periods close by.

    The pictures have the size that the network sees, so that their pixels are its own. Every row and every column is
    a signal, so that checkerboards, which cancel in means over rows, count like stripes.
    """
    size = sitting.subject.seen_size(flat(_PROBE, _LIGHTNESSES[0]))
    plain = {f"flat, L* {lightness:g}": flat(size, lightness) for lightness in _LIGHTNESSES}
    cloths = {f"cloth {number + 1}": woven(size, seed=sitting.settings.seed + number) for number in range(_CLOTHS)}
    answers = dict(zip((*plain, *cloths), color_all(sitting.colors, [*plain.values(), *cloths.values()]), strict=True))
    flat_peaks = {name: _worst([answers[name]]) for name in plain}
    # Each cloth is one draw of threads, which alone stands out here and there; all together do not.
    cloth_peak = _worst([answers[name] for name in cloths])
    figures = (
        _figure("on flat areas", max(flat_peaks.values(), key=_ratio, default=None)),
        _figure("on woven cloth", cloth_peak),
    )
    examples = [_example(name, plain[name], answers[name], peak) for name, peak in flat_peaks.items() if peak]
    if cloth_peak:
        name = next(iter(cloths))
        examples.append(_example(name, cloths[name], answers[name], cloth_peak))
    return Outcome(figures=figures, examples=worst_examples(examples, _MOST_EXAMPLES))


def _ratio(peak: _Peak | None) -> float:
    return -1.0 if peak is None else nan_as_worst(peak.ratio)


def _figure(where: str, peak: _Peak | None) -> Figure:
    name = f"strongest period {where} over its neighbors"
    if peak is None:
        return Figure(name=name, value=None, why_not_tested="the network's size is too small to tell periods apart")
    return Figure(name=name, value=peak.ratio, high=3)


def _example(name: str, view: View, ab: Tensor, peak: _Peak) -> Example:
    return Example(
        name=f"{name}, {peak.direction} every {peak.period} pixels",
        badness=peak.ratio,
        lightness=view.lightness,
        ab=ab,
        truth=view.ab,
    )


def _worst(pictures: list[Tensor]) -> _Peak | None:
    """The strongest period of pictures of one size, (2, H, W) each, their energies together; None: too small."""
    return max((peak for ab in [torch.stack(pictures)] for peak in _peaks(ab)), key=_ratio, default=None)


def _peaks(ab: Tensor) -> Iterator[_Peak]:
    for direction, signals in (("across", ab), ("down", ab.transpose(2, 3))):
        length = signals.shape[3]
        for period in _PERIODS:
            place = length / period
            if place <= max(_NEIGHBORS):
                continue
            away = torch.tensor(_NEIGHBORS)
            own, *others = _amplitudes(signals, torch.cat([torch.zeros(1), -away, away]) + place).tolist()
            neighbors = torch.tensor(others).clamp_min(1e-9).log().mean().exp()
            yield _Peak(ratio=own / max(_FLOOR, float(neighbors)), period=period, direction=direction)


def _amplitudes(signals: Tensor, frequencies: Tensor) -> Tensor:
    """Root mean square amplitudes of ab over all rows of all pictures.

    Args:
        signals: (N, 2, H, W) float32.
        frequencies: (k,) in cycles per row; whole numbers are the bins of a Fourier transform, others lie between.

    Returns:
        (k,): what a sine of that amplitude gives.
    """
    length = signals.shape[3]
    window = torch.hann_window(length)
    waves = torch.exp(-2j * pi / length * torch.outer(torch.arange(length), frequencies))
    found = ((signals - signals.mean(dim=3, keepdim=True)) * window).to(waves.dtype) @ waves
    return (2 * found.abs() / window.sum()).square().sum(dim=1).mean(dim=(0, 1)).sqrt()
