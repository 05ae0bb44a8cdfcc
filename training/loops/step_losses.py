"""What a step of training makes small: of single crops, of pairs, of pictures as they look."""

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from training.data.batches import PictureBatch, center_batches, resized
from training.data.degrade import degrade
from training.data.pictures import PictureStore
from training.engine.average import MovingAverage
from training.engine.precision import autocast
from training.families import build_network
from training.loops.refinement import Refinement
from training.losses.soft_bins import divergence, soft_bin_loss
from training.recipe import Phase, Recipe
from videocolor.models.compact import CompactNetwork

_OUTPUT_STRIDE = 4


def step_loss(
    network: CompactNetwork,
    batch: PictureBatch,
    recipe: Recipe,
    phase: Phase,
    refinement: Refinement | None,
    rng: torch.Generator,
    *,
    step: int,
) -> Tensor:
    """The loss of the phase: of pairs, of pictures as they look, or of the degraded crops' bins alone."""
    if phase.steadiness > 0:
        side = phase.degraded_side_at(step, recipe.seed)
        return paired_loss(network, batch, recipe, phase, rng, degraded_side=side)
    lightness = degrade(batch.lightness, batch.rgb, recipe.degrade, rng)
    if refinement is None:
        return batch_loss(network, lightness, batch, recipe)
    logits = predicted_logits(network, lightness, recipe)
    indices, weights = target_bins(network, batch)
    return refinement.loss(logits, soft_bin_loss(logits, indices, weights), batch)


def batch_loss(network: CompactNetwork, lightness: Tensor, batch: PictureBatch, recipe: Recipe) -> Tensor:
    """Cross entropy of the network's answer to `lightness` against the batch's own colors."""
    indices, weights = target_bins(network, batch)
    return soft_bin_loss(predicted_logits(network, lightness, recipe), indices, weights)


def paired_loss(
    network: CompactNetwork,
    batch: PictureBatch,
    recipe: Recipe,
    phase: Phase,
    rng: torch.Generator,
    *,
    degraded_side: int | None = None,
) -> Tensor:
    """Cross entropy of a clean and a degraded copy of each crop, plus how far their answers differ.

    The degraded copies may be of another side than the clean ones. Then both answers are compared at their size, and as
    many of them stay clean as elsewhere: size alone must not change colors either.
    """
    if degraded_side is None or degraded_side == batch.lightness.shape[-1]:
        lightness = degrade(batch.lightness, batch.rgb, replace(recipe.degrade, clean_share=0.0), rng)
        logits = predicted_logits(network, torch.cat([batch.lightness, lightness]), recipe)
        indices, weights = target_bins(network, batch)
        entropy = soft_bin_loss(logits, torch.cat([indices, indices]), torch.cat([weights, weights]))
        clean, moved = logits.chunk(2)
    else:
        other = resized(batch, degraded_side)
        lightness = degrade(other.lightness, other.rgb, recipe.degrade, rng)
        clean, moved = (predicted_logits(network, plane, recipe) for plane in (batch.lightness, lightness))
        clean_entropy = soft_bin_loss(clean, *target_bins(network, batch))
        entropy = (clean_entropy + soft_bin_loss(moved, *target_bins(network, other))) / 2
    return entropy + phase.steadiness * divergence(clean.detach(), moved)


def target_bins(network: CompactNetwork, batch: PictureBatch) -> tuple[Tensor, Tensor]:
    """Bins and shares at the network's output size; ab is averaged, never point-sampled: single pixels are noise."""
    return network.codec.encode(F.avg_pool2d(batch.ab, _OUTPUT_STRIDE))


def predicted_logits(network: CompactNetwork, lightness: Tensor, recipe: Recipe) -> Tensor:
    """(N, 258, h/4, w/4) float32, encoder and decoder each in the recipe's precision."""
    inputs = network.to_input(lightness).contiguous(memory_format=torch.channels_last)
    with autocast(recipe.encoder_precision):
        features = network.encoder(inputs)
    with autocast(recipe.decoder_precision):
        return network.decode_features(features)


def average_loss(recipe: Recipe, average: MovingAverage, store: PictureStore, members: list[int], side: int) -> float:
    """Loss of the moving average on clean center crops of some pictures."""
    network = build_network(recipe)
    network.load_state_dict(average.state)
    network.eval().to(memory_format=torch.channels_last)
    with torch.inference_mode():
        losses = [
            batch_loss(network, batch.lightness, batch, recipe).item()
            for batch in center_batches(store, members, side=side, size=16)
        ]
    return sum(losses) / max(1, len(losses))
