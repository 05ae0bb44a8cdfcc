"""Supervised training of bin logits: data, step, average, log, save, read from top to bottom."""

import logging
import time
from pathlib import Path

import torch

from training.data.batches import CropRule, training_batch
from training.data.pictures import PictureStore, repeated
from training.engine.log import RunLog
from training.engine.parallel import Worker, any_worker, average_gradients
from training.engine.schedule import cosine_between, warm_up
from training.families import freeze_first_blocks, imagenet_encoder
from training.loops.refinement import Refinement
from training.loops.run_state import RunState, begin_run, resume_run
from training.loops.step_losses import average_loss, step_loss
from training.recipe import Phase, Recipe

logger = logging.getLogger(__name__)

CHECKPOINT = "checkpoint.pt"
STOP_FILE = "stop"
_TUNE_LOSS_PICTURES = 64


def train(
    recipe: Recipe,
    store: PictureStore,
    run_dir: Path,
    *,
    resume: bool,
    pretrained: bool = True,
    init_from: Path | None = None,
    worker: Worker = Worker(),  # noqa: B008 (frozen)
) -> Path:
    """Train until the recipe's last step, or until a file named `stop` appears in `run_dir`.

    Args:
        recipe: What to do. On resume it may differ from the saved one, for instance in its number of steps.
        store: The photographs.
        run_dir: For checkpoint and log.
        resume: Go on from the run's checkpoint; bit for bit as if it had never stopped (on CPU, with equal threads
            and processes).
        pretrained: Start the encoder from ImageNet.
        init_from: Start the whole network from an exported weight file of the same shape instead.
        worker: This process's share of every batch; the first process writes log and checkpoint.

    Returns:
        The checkpoint's path.

    Raises:
        SettingsError: The processes cannot share a batch, or a part is not installed that a later phase needs.
        ResumeError: There is no checkpoint to go on from.
    """
    checkpoint = run_dir / CHECKPOINT
    members, tune_members = recipe.split(store)
    shown, tune_members = repeated(store, members, recipe.data.repeats), tune_members[:_TUNE_LOSS_PICTURES]
    _check_phases(recipe, worker)
    if resume:
        state = resume_run(checkpoint, recipe, worker)
    else:
        state = begin_run(recipe, store, members, worker, pretrained=pretrained, init_from=init_from)
    state.network.to(memory_format=torch.channels_last).train()
    if (run_dir / STOP_FILE).exists():
        logger.warning("%s exists, so no step is done; remove it to go on.", run_dir / STOP_FILE)
    saved_at = time.monotonic()
    with RunLog(run_dir, writes=worker.rank == 0) as log:
        meter = _Meter(log)
        while state.step < recipe.steps and not any_worker((run_dir / STOP_FILE).exists(), worker):
            meter.add(_step(state, recipe, store, shown, worker), state, recipe)
            if state.step % recipe.tune_steps == 0 and worker.rank == 0:
                phase, _ = recipe.phase_at(state.step - 1)
                tune_loss = average_loss(recipe, state.average, store, tune_members, phase.side)
                log.write(state.step, {"tune/loss": tune_loss})
                logger.info("step %d: tune loss %.4f", state.step, tune_loss)
            if time.monotonic() - saved_at > recipe.checkpoint_minutes * 60:
                state.save(checkpoint, recipe, store, members, worker)
                saved_at = time.monotonic()
        state.save(checkpoint, recipe, store, members, worker)
    return checkpoint


def _check_phases(recipe: Recipe, worker: Worker) -> None:
    """What a later phase needs is asked for now, not after hours."""
    for phase in recipe.phases:
        worker.share_of(phase.pictures)
        if phase.refine is not None and phase.refine.features > 0:
            imagenet_encoder()


def _step(state: RunState, recipe: Recipe, store: PictureStore, shown: list[int], worker: Worker) -> dict[str, float]:
    """One step of the network, its average and, in a refined phase, the critic; figures for the log."""
    step, network = state.step, state.network
    phase, progress = recipe.phase_at(step)
    freeze_first_blocks(network, phase.frozen_blocks)
    rate = cosine_between(phase.lr_start, phase.lr_end, progress) * warm_up(step, recipe.optimizer.warm_up_steps)
    for group in state.optimizer.param_groups:
        group["lr"] = group["peak_lr"] * rate
    _follow_phase(state, phase, recipe, store, shown, worker)

    crop = CropRule(side=phase.side_at(step, recipe.seed), area=phase.area, aspect=phase.aspect)
    batch = training_batch(store, shown, crop, seed=recipe.seed, step=step, size=phase.pictures, worker=worker)
    rng = torch.Generator().manual_seed((recipe.seed * 1_000_003 + step) * worker.world_size + worker.rank)
    loss = step_loss(network, batch, recipe, phase, state.refinement, rng, step=step)
    state.optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    average_gradients(network, worker)
    norm = torch.nn.utils.clip_grad_norm_(network.parameters(), recipe.optimizer.clip_norm)
    state.optimizer.step()
    figures = {"train/loss": loss.item(), "train/lr": rate, "train/norm": norm.item()}
    if state.refinement is not None:
        state.refinement.teach_critic()
        figures |= state.refinement.figures
    state.average.update(network, step)
    state.step += 1
    state.samples += phase.batch
    return figures


def _follow_phase(
    state: RunState, phase: Phase, recipe: Recipe, store: PictureStore, shown: list[int], worker: Worker
) -> None:
    """Refined phases that follow each other share one critic; a plain one between them ends it."""
    if phase.refine is None:
        state.refinement = None
    else:
        if state.refinement is None:
            state.refinement = Refinement(store, shown, worker, seed=recipe.seed)
        state.refinement.follow(phase.refine)
        if state.saved_refinement is not None:
            state.refinement.load(state.saved_refinement)
    state.saved_refinement = None


class _Meter:
    """Means of the first process's figures between two lines of the log."""

    def __init__(self, log: RunLog) -> None:
        self._log = log
        self._reset()

    def _reset(self) -> None:
        self._losses: list[float] = []
        self._samples = 0
        self._since = time.monotonic()

    def add(self, figures: dict[str, float], state: RunState, recipe: Recipe) -> None:
        """Take the figures of a step, and write every so many: the loss as a mean, the others as they are."""
        self._losses.append(figures["train/loss"])
        phase, _ = recipe.phase_at(state.step - 1)
        self._samples += phase.batch
        if state.step % recipe.log_steps:
            return
        mean = sum(self._losses) / len(self._losses)
        speed = self._samples / (time.monotonic() - self._since)
        self._log.write(state.step, {**figures, "train/loss": mean, "train/pictures_per_s": speed})
        if self._log.writes:
            logger.info("step %d: loss %.4f, %.1f pictures/s", state.step, mean, speed)
        self._reset()
