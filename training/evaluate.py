"""Scores of a colorizer on photographs whose colors are known."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from itertools import pairwise
from math import hypot

import torch
from torch import Tensor

from training.data.batches import PictureBatch, center_batches
from training.data.pictures import PictureStore
from training.families import SIZE_RULE
from training.networks import predict_ab, predict_logits
from videocolor.color.codec import AB_LIMIT, BinCodec
from videocolor.color.lab import lab_to_rgb
from videocolor.color.resample import enlarge
from videocolor.errors import SettingsError
from videocolor.evaluate.batched import colorfulness, psnr
from videocolor.examine.lines.casts import COLORFUL, GRAY_RATIO
from videocolor.models.compact import CompactNetwork

METRIC_VERSION = 2
"""2: colors are enlarged as the pipeline does; 1: bilinearly."""
RIM = SIZE_RULE.rim
_BATCH = 8
# Chroma (distance from gray in ab) that the eye takes for gray, and for color.
_GRAY_CHROMA = 4.0
_COLOR_CHROMA = 12.0
# Pictures grayer than this have no colors to compare with (and an infinite PSNR as gray).
_MIN_GRAYNESS = 1.0
_GAINS = (0.8, 1.1, 1.4, 1.8, 2.4)
_TEMPERATURES = (0.38, 0.5, 0.6, 0.7, 0.85, 1.0)
# Of the mean color of the tuning pictures, what `BinCodec.unsure_ab` takes away.
_UNSURE_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
# Settings whose PSNR differs by less (in dB) count as equal; their worst fault decides.
_PSNR_TIE = 0.05
# What is still tolerable: bars of the examination's lines 9, 10 and 17, the last at a colorfulness of .70.
_MOST_CAST, _MOST_DULL, _MOST_NEUTRAL_CHROMA, _MATCHED_RATIO = 3.0, 0.05, 6.0, 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Means over pictures."""

    pictures: int
    """How many."""
    psnr: float
    """Of R'G'B' in dB, true lightness with predicted ab."""
    psnr_gray: float
    """The same for no color at all."""
    psnr_mean: float
    """The same for the mean color of all pictures."""
    colorfulness_ratio: float
    """Hasler and Suesstrunk's colorfulness, mean of the results over mean of the truths."""
    ab_error: float
    """Mean distance in the ab plane."""
    gray_holes: float
    """Share of pixels with chroma below 4 where the truth is above 12."""
    false_color: float
    """Share of pixels with chroma above 12 where the truth is below 4."""
    cast: float
    """Distance in ab of the mean of all results from the mean of all truths times `colorfulness_ratio`."""
    dull: float
    """Share of the colorful pictures with less than a quarter of their colorfulness."""
    neutral_chroma: float
    """Mean chroma of the pixels whose true chroma is below 4."""

    @property
    def worst_fault(self) -> float:
        """The largest of cast, dull pictures and tinted neutrals, each over what is tolerable of it."""
        tint = self.neutral_chroma * _MATCHED_RATIO / self.colorfulness_ratio if self.colorfulness_ratio else 0.0
        return max(self.cast / _MOST_CAST, self.dull / _MOST_DULL, tint / _MOST_NEUTRAL_CHROMA)

    @property
    def psnr_gain(self) -> float:
        """Above the gray picture, in dB."""
        return self.psnr - self.psnr_gray


def evaluate(network: CompactNetwork, store: PictureStore, members: list[int], *, side: int, rim: int = RIM) -> Scores:
    """Score the network with its own temperature and gain on square center crops.

    Args:
        network: In evaluation mode.
        store: The photographs.
        members: Their numbers.
        side: Side of the crops in pixels, area-averaged.
        rim: Reflected pixels around the crop, see `predict_logits`.
    """
    codec = network.codec
    (row,) = sweep(network, store, members, side=side, codecs=[codec], gains=(codec.gain,), rim=rim)
    return row.scores


def psnr_at_ratio(curve: "list[SweepRow]", ratio: float) -> float:
    """PSNR where the colorfulness ratio is `ratio`, interpolated over the gain: compares models at equal color.

    Args:
        curve: One temperature, several gains.
        ratio: Colorfulness over that of the truth.

    Returns:
        In dB, or NaN if the curve does not reach the ratio.
    """
    points = sorted((row.scores.colorfulness_ratio, row.scores.psnr) for row in curve)
    for (low, psnr_low), (high, psnr_high) in pairwise(points):
        if low <= ratio <= high:
            return psnr_low + (psnr_high - psnr_low) * (ratio - low) / (high - low)
    return float("nan")


def grain_unsteadiness(
    network: CompactNetwork, store: PictureStore, members: list[int], *, side: int, rim: int = RIM, noise: float = 1.0
) -> float:
    """Mean distance in ab between the answers to a picture and to the same with Gaussian noise of `noise` L*."""
    rng = torch.Generator().manual_seed(1)
    moves = []
    with torch.inference_mode():
        for batch in crops(store, members, side):
            noisy = batch.lightness + noise * torch.randn(batch.lightness.shape, generator=rng)
            moved = predict_ab(network, noisy.clamp(0, 100), rim=rim) - predict_ab(network, batch.lightness, rim=rim)
            moves.append(moved.norm(dim=1).mean(dim=(1, 2)))
    return torch.cat(moves).mean().item()


def choose_decoder(
    network: CompactNetwork, store: PictureStore, members: list[int], *, side: int, ratio: float, rim: int = RIM
) -> tuple[BinCodec, Scores]:
    """The temperature, with the gain that brings the colorfulness ratio to `ratio`, that scores best.

    PSNR decides; among nearly equal ones, the smallest `Scores.worst_fault`: a low temperature leaves pictures gray, a
    high one gives a cast, and both are complaints. False color alone would favor low temperatures.

    Args:
        network: In evaluation mode; its own decoding plays no role.
        store: The photographs.
        members: Numbers of pictures that were put aside for tuning.
        side: Side of the crops in pixels.
        ratio: Wanted colorfulness over that of the truth.
        rim: See `predict_logits`.

    Returns:
        The codec and its scores on these pictures (interpolated in the gain).
    """
    a, b = mean_color(store, members, side=side).flatten().tolist()

    def best_of(codecs: list[BinCodec]) -> tuple[BinCodec, Scores]:
        rows = sweep(network, store, members, side=side, codecs=codecs, gains=_GAINS, rim=rim)
        choices = [choice for codec in codecs if (choice := _at_ratio(codec, rows, ratio)) is not None]
        if not choices:
            raise SettingsError(
                f"No gain of {_GAINS[0]} to {_GAINS[-1]} reaches a colorfulness ratio of {ratio}.",
                "Train longer, or ask for less.",
            )
        best = max(scores.psnr for _, scores in choices)
        return min((item for item in choices if item[1].psnr >= best - _PSNR_TIE), key=lambda item: item[1].worst_fault)

    # In turns, not all with all: a temperature needs little of another share, and every setting costs a second.
    unsure_ab = (round(a / 2, 2), round(b / 2, 2))
    shares = [(round(a * share, 2), round(b * share, 2)) for share in _UNSURE_SHARES]
    for _ in range(2):
        codec, _ = best_of([BinCodec(temperature=value, unsure_ab=unsure_ab) for value in _TEMPERATURES])
        codec, scores = best_of([replace(codec, unsure_ab=value) for value in shares])
        if codec.unsure_ab == unsure_ab:
            break
        unsure_ab = codec.unsure_ab
    return codec, scores


def _at_ratio(codec: BinCodec, rows: "list[SweepRow]", ratio: float) -> tuple[BinCodec, Scores] | None:
    """The codec with the gain that brings the colorfulness to `ratio`, and its scores, interpolated."""
    curve = sorted(
        (row for row in rows if row.codec == replace(codec, gain=1.0)), key=lambda row: row.scores.colorfulness_ratio
    )
    for low, high in pairwise(curve):
        start, end = low.scores.colorfulness_ratio, high.scores.colorfulness_ratio
        if start <= ratio <= end:
            part = (ratio - start) / (end - start)
            gain = round(low.gain + (high.gain - low.gain) * part, 2)
            return replace(codec, gain=gain), _between(low.scores, high.scores, part)
    return None


def _between(low: Scores, high: Scores, part: float) -> Scores:
    values = {
        item.name: getattr(low, item.name) + (getattr(high, item.name) - getattr(low, item.name)) * part
        for item in fields(Scores)
    }
    return Scores(**{**values, "pictures": low.pictures})


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRow:
    """One setting of the decoder and its scores."""

    codec: BinCodec
    """Its own gain is 1."""
    gain: float
    scores: Scores


def sweep(
    network: CompactNetwork,
    store: PictureStore,
    members: list[int],
    *,
    side: int,
    codecs: list[BinCodec],
    gains: tuple[float, ...],
    rim: int = RIM,
) -> list[SweepRow]:
    """Score many decoder settings with one pass of the network: every codec (its own gain aside) with every gain."""
    mean = mean_color(store, members, side=side)
    plain = [replace(codec, gain=1.0) for codec in codecs]
    rows: dict[tuple[BinCodec, float], list[Tensor]] = {}
    with torch.inference_mode():
        for batch in crops(store, members, side):
            logits = predict_logits(network, batch.lightness, rim=rim)
            truth = truth_scores(batch, mean)
            for codec in plain:
                ab = enlarge(codec.decode(logits)[0], (side, side), (1, 1), "center")
                for gain in gains:
                    scaled = (ab * gain).clamp(-AB_LIMIT, AB_LIMIT)
                    rows.setdefault((codec, gain), []).append(picture_scores(batch, scaled, truth))
    return [
        SweepRow(codec=codec, gain=gain, scores=mean_scores(torch.cat(parts))) for (codec, gain), parts in rows.items()
    ]


def crops(store: PictureStore, members: list[int], side: int) -> Iterator[PictureBatch]:
    """Center crops in small batches, without gray pictures."""
    colored = [index for index in members if store.grayness[index] >= _MIN_GRAYNESS]
    return center_batches(store, colored, side=side, size=_BATCH)


def mean_color(store: PictureStore, members: list[int], *, side: int) -> Tensor:
    """(2, 1, 1) mean ab over all crops."""
    return torch.cat([batch.ab.mean(dim=(2, 3)) for batch in crops(store, members, side)]).mean(dim=0)[:, None, None]


def truth_scores(batch: PictureBatch, mean: Tensor) -> Tensor:
    """(N, 3) what does not depend on the prediction: PSNR of gray, PSNR of the mean color, colorfulness."""
    gray = lab_to_rgb(batch.lightness, torch.zeros_like(batch.ab))
    flat = lab_to_rgb(batch.lightness, mean.expand_as(batch.ab))
    return torch.stack([psnr(gray, batch.rgb), psnr(flat, batch.rgb), colorfulness(batch.rgb)], dim=1)


def picture_scores(batch: PictureBatch, ab: Tensor, truth: Tensor) -> Tensor:
    """(N, 16) float64: psnr, the three `truth_scores`, colorfulness, ab error, gray holes, false color, mean a and b
    of result and truth, whether it is colorful and dull, the share of neutral pixels, and their chroma summed over the
    number of all pixels.
    """
    rgb = lab_to_rgb(batch.lightness, ab)
    chroma, chroma_true = ab.norm(dim=1), batch.ab.norm(dim=1)
    is_neutral = (chroma_true < _GRAY_CHROMA).float()
    result, true = colorfulness(rgb), truth[:, 2]
    columns = [
        psnr(rgb, batch.rgb),
        *truth.unbind(dim=1),
        result,
        (ab - batch.ab).norm(dim=1).mean(dim=(1, 2)),
        ((chroma < _GRAY_CHROMA) & (chroma_true > _COLOR_CHROMA)).float().mean(dim=(1, 2)),
        ((chroma > _COLOR_CHROMA) & (chroma_true < _GRAY_CHROMA)).float().mean(dim=(1, 2)),
        *ab.mean(dim=(2, 3)).unbind(dim=1),
        *batch.ab.mean(dim=(2, 3)).unbind(dim=1),
        (true > COLORFUL).float(),
        ((true > COLORFUL) & (result < GRAY_RATIO * true)).float(),
        is_neutral.mean(dim=(1, 2)),
        (chroma * is_neutral).mean(dim=(1, 2)),
    ]
    return torch.stack(columns, dim=1).double()


def mean_scores(rows: Tensor) -> Scores:
    """Mean of `picture_scores` over all pictures."""
    mean = rows.mean(dim=0).tolist()
    ratio = mean[4] / mean[3]
    return Scores(
        pictures=len(rows),
        psnr=mean[0],
        psnr_gray=mean[1],
        psnr_mean=mean[2],
        colorfulness_ratio=ratio,
        ab_error=mean[5],
        gray_holes=mean[6],
        false_color=mean[7],
        cast=hypot(mean[8] - ratio * mean[10], mean[9] - ratio * mean[11]),
        dull=mean[13] / mean[12] if mean[12] else 0.0,
        neutral_chroma=mean[15] / mean[14] if mean[14] else 0.0,
    )


def scores_by_kind(
    network: CompactNetwork, store: PictureStore, kinds: dict[str, str], *, side: int
) -> dict[str, Scores]:
    """Scores of every kind of validation picture, each against its own baselines."""
    groups: dict[str, list[int]] = {}
    for index, name in enumerate(store.names):
        groups.setdefault(kinds[name], []).append(index)
    return {kind: evaluate(network, store, members, side=side) for kind, members in sorted(groups.items())}


def format_scores(rows: dict[str, Scores]) -> str:
    """A Markdown table, one row per name."""
    names = [item.name for item in fields(Scores)]
    lines = ["| | " + " | ".join([*names, "psnr_gain"]) + " |", "|---" * (len(names) + 2) + "|"]
    for label, scores in rows.items():
        values = [f"{value:.3f}" if isinstance(value, float) else str(value) for value in asdict(scores).values()]
        lines.append(f"| {label} | " + " | ".join([*values, f"{scores.psnr_gain:+.3f}"]) + " |")
    return "\n".join(lines)


def report(network: CompactNetwork, store: PictureStore, sides: tuple[int, ...]) -> dict[str, dict[str, float]]:
    """All figures per crop side, as plain numbers for cards and programs."""
    members = list(range(len(store)))
    codec = network.codec
    result = {}
    for side in sides:
        curve = sweep(network, store, members, side=side, codecs=[codec], gains=tuple({codec.gain, *_GAINS}))
        scores = next(row.scores for row in curve if row.gain == codec.gain)
        result[str(side)] = {
            **asdict(scores),
            "psnr_gain": scores.psnr_gain,
            "psnr_at_ratio_0.70": psnr_at_ratio(curve, 0.7),
            "grain_unsteadiness": grain_unsteadiness(network, store, members, side=side),
            "metric_version": METRIC_VERSION,
        }
    return result
