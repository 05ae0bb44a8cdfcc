"""Supervised training of bin logits: data, step, average, log, save, read from top to bottom."""

import logging
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from training.data.batches import CropRule, PictureBatch, center_square, to_batch, training_batch
from training.data.degrade import degrade
from training.data.pictures import PictureStore, manifest_hash
from training.engine.average import MovingAverage
from training.engine.checkpoint import load_checkpoint, save_checkpoint
from training.engine.log import RunLog
from training.engine.parallel import Part, agreed, average_gradients
from training.engine.precision import autocast
from training.engine.schedule import cosine_between, warm_up
from training.families import (
    IMAGENET_START,
    build_network,
    freeze_first_blocks,
    imagenet_encoder,
    parameter_groups,
)
from training.loops.refinement import Refinement
from training.losses.soft_bins import divergence, soft_bin_loss
from training.networks import open_network
from training.recipe import Phase, Recipe
from training.unfold import unfold
from videocolor.color.codec import BIN_COUNT
from videocolor.errors import SettingsError
from videocolor.files import file_sha256
from videocolor.models.compact import CompactNetwork

logger = logging.getLogger(__name__)

CHECKPOINT = "checkpoint.pt"
STOP_FILE = "stop"
_OUTPUT_STRIDE = 4
_FREQUENCY_PICTURES = 512
_TUNE_LOSS_PICTURES = 64
_UNFOLD_PICTURES, _UNFOLD_SIDE = 320, 128


def train(
    recipe: Recipe,
    store: PictureStore,
    run_dir: Path,
    *,
    resume: bool,
    pretrained: bool = True,
    init_from: Path | None = None,
    part: Part = Part(),  # noqa: B008 (frozen)
) -> Path:
    """Train until the recipe's last step, or until a file named `stop` appears in `run_dir`.

    Args:
        recipe: What to do. On resume it may differ from the saved one, for instance in its number of steps.
        store: The photographs.
        run_dir: For checkpoint and log.
        resume: Go on from the run's checkpoint; bit for bit as if it had never stopped (on CPU, equal threads).
        pretrained: Start the encoder from ImageNet.
        init_from: Start the whole network from an exported weight file of the same shape instead.
        part: This process's part of every batch; the first process writes log and checkpoint.

    Returns:
        The checkpoint's path.
    """
    checkpoint = run_dir / CHECKPOINT
    members, tune_members = recipe.split(store)
    network = build_network(recipe)
    groups = parameter_groups(network, recipe.optimizer)
    optimizer = torch.optim.AdamW(groups, betas=recipe.optimizer.betas, fused=True)
    if resume:
        saved = load_checkpoint(checkpoint)
        step: int = saved["step"]
        samples: int = saved["samples"]
        network.load_state_dict(saved["network"])
        optimizer.load_state_dict(saved["optimizer"])
        for group, wanted in zip(optimizer.param_groups, groups, strict=True):
            # The recipe of now decides, not the one of then.
            group.update({key: wanted[key] for key in ("peak_lr", "weight_decay")})
        average = MovingAverage(network, decay=recipe.optimizer.average_decay)
        average.load(saved["average"])
        frequencies: Tensor = saved["bin_frequencies"]
        start: str = saved.get("start", IMAGENET_START)
        saved_refinement: dict[str, Any] | None = saved.get("refinement")
    else:
        step = samples = 0
        saved_refinement = None
        frequencies = bin_frequencies(network, store, members)
        start = start_network(network, store, members, frequencies, pretrained=pretrained, init_from=init_from)
        average = MovingAverage(network, decay=recipe.optimizer.average_decay)
    network.to(memory_format=torch.channels_last)
    refinement: Refinement | None = None

    def save() -> None:
        if part.rank:
            return
        state = {
            "step": step,
            "samples": samples,
            "network": network.state_dict(),
            "optimizer": optimizer.state_dict(),
            "average": average.state,
            "refinement": None if refinement is None else refinement.state(),
            "bin_frequencies": frequencies,
            "start": start,
            "recipe": asdict(recipe),
            "train_manifest": manifest_hash(store, members),
        }
        save_checkpoint(checkpoint, state)
        logger.info("step %d: saved %s", step, checkpoint)

    network.train()
    saved_at = logged_at = time.monotonic()
    loss_sum, loss_count = 0.0, 0
    with RunLog(run_dir, keeps=part.rank == 0) as log:
        while step < recipe.steps and not agreed((run_dir / STOP_FILE).exists(), part):
            phase, progress = recipe.phase_at(step)
            freeze_first_blocks(network, phase.frozen_blocks)
            rate = cosine_between(phase.lr_start, phase.lr_end, progress)
            rate *= warm_up(step, recipe.optimizer.warm_up_steps)
            for group in optimizer.param_groups:
                group["lr"] = group["peak_lr"] * rate

            crop = CropRule(side=phase.side_at(step, recipe.seed), area=phase.area, aspect=phase.aspect)
            batch = training_batch(store, members, crop, seed=recipe.seed, step=step, size=phase.pictures, part=part)
            rng = torch.Generator().manual_seed((recipe.seed * 1_000_003 + step) * part.count + part.rank)
            if phase.refine is None:
                refinement = None
            elif refinement is None or refinement.rule != phase.refine:
                refinement = Refinement(phase.refine, store, members, part, seed=recipe.seed)
                if saved_refinement is not None:
                    refinement.load(saved_refinement)
                    saved_refinement = None
            loss = step_loss(network, batch, recipe, phase, refinement, rng)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            average_gradients(network, part)
            norm = torch.nn.utils.clip_grad_norm_(network.parameters(), recipe.optimizer.clip_norm)
            optimizer.step()
            if refinement is not None:
                refinement.teach_critic()
            average.update(network, step)
            step += 1
            samples += phase.batch

            loss_sum, loss_count = loss_sum + loss.item(), loss_count + 1
            if step % recipe.log_steps == 0:
                now = time.monotonic()
                speed = loss_count * phase.batch / (now - logged_at)
                values = {"train/loss": loss_sum / loss_count, "train/lr": rate, "train/norm": norm.item()}
                log.write(step, {**values, "train/pictures_per_s": speed})
                if part.rank == 0:
                    logger.info("step %d: loss %.4f, %.1f pictures/s", step, loss_sum / loss_count, speed)
                loss_sum, loss_count, logged_at = 0.0, 0, now
            if step % recipe.tune_steps == 0 and part.rank == 0:
                tune_loss = average_loss(recipe, average, store, tune_members[:_TUNE_LOSS_PICTURES], phase.side)
                log.write(step, {"tune/loss": tune_loss})
                logger.info("step %d: tune loss %.4f", step, tune_loss)
            if time.monotonic() - saved_at > recipe.checkpoint_minutes * 60:
                save()
                saved_at = time.monotonic()
        save()
    return checkpoint


def start_network(
    network: CompactNetwork,
    store: PictureStore,
    members: list[int],
    frequencies: Tensor,
    *,
    pretrained: bool,
    init_from: Path | None,
) -> str:
    """Fill the network's parameters in place; what they started from, for the card.

    Raises:
        SettingsError: The weight file is of another network.
    """
    if init_from is not None:
        folded = open_network(init_from)
        unfolded = unfold(folded, store, members[:: max(1, len(members) // _UNFOLD_PICTURES)], side=_UNFOLD_SIDE)
        try:
            network.load_state_dict(unfolded.state_dict())
        except RuntimeError as error:
            raise SettingsError(f"{init_from} is of another network.", "Give the recipe its hyper.") from error
        return f"{init_from.name} (sha256 {file_sha256(init_from)[:16]})"
    if pretrained:
        network.encoder.load_state_dict(imagenet_encoder().state_dict())
    with torch.no_grad():
        assert network.head.bias is not None
        network.head.bias.copy_(frequencies.clamp_min(1e-6).log())
    return IMAGENET_START if pretrained else "random numbers"


def step_loss(
    network: CompactNetwork,
    batch: PictureBatch,
    recipe: Recipe,
    phase: Phase,
    refinement: Refinement | None,
    rng: torch.Generator,
) -> Tensor:
    """The loss of the phase: of pairs, of pictures as they look, or of the degraded crops' bins alone."""
    if phase.steadiness > 0:
        return paired_loss(network, batch, recipe, phase.steadiness, rng)
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
    network: CompactNetwork, batch: PictureBatch, recipe: Recipe, steadiness: float, rng: torch.Generator
) -> Tensor:
    """Cross entropy of a clean and a degraded copy of each crop, plus how far their answers differ."""
    degraded = degrade(batch.lightness, batch.rgb, replace(recipe.degrade, clean_share=0.0), rng)
    logits = predicted_logits(network, torch.cat([batch.lightness, degraded]), recipe)
    indices, weights = target_bins(network, batch)
    loss = soft_bin_loss(logits, torch.cat([indices, indices]), torch.cat([weights, weights]))
    clean, moved = logits.chunk(2)
    return loss + steadiness * divergence(clean.detach(), moved)


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
    losses = []
    with torch.inference_mode():
        for start in range(0, len(members), 16):
            batch = to_batch([center_square(store.picture(index), side) for index in members[start : start + 16]])
            losses.append(batch_loss(network, batch.lightness, batch, recipe).item())
    return sum(losses) / max(1, len(losses))


def bin_frequencies(network: CompactNetwork, store: PictureStore, members: list[int]) -> Tensor:
    """(258,) share of each bin in some training pictures: the logits' starting point."""
    counts = torch.zeros(BIN_COUNT)
    for index in members[:: max(1, len(members) // _FREQUENCY_PICTURES)]:
        batch = to_batch([center_square(store.picture(index), 128)])
        indices, weights = target_bins(network, batch)
        counts.index_add_(0, indices.reshape(-1), weights.reshape(-1))
    return counts / counts.sum()
