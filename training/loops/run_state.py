"""A training run between two steps: begun, saved, gone on with."""

import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from training.batch_norm import unfold
from training.data.batches import center_batches
from training.data.pictures import PictureStore, manifest_hash
from training.engine.average import MovingAverage
from training.engine.checkpoint import load_checkpoint, save_checkpoint
from training.engine.parallel import Worker, share_state
from training.families import IMAGENET_START, build_network, imagenet_encoder, parameter_groups
from training.loops.refinement import Refinement
from training.loops.step_losses import target_bins
from training.networks import open_network
from training.recipe import Recipe
from videocolor.color.codec import BIN_COUNT
from videocolor.errors import SettingsError
from videocolor.files import file_sha256
from videocolor.models.compact import CompactNetwork
from videocolor.models.weights_file import read_header

logger = logging.getLogger(__name__)

_FREQUENCY_PICTURES = 512
_UNFOLD_PICTURES = 320


@dataclass(slots=True, kw_only=True)
class RunState:
    """All that training changes, and what the card will say of its start."""

    network: CompactNetwork
    optimizer: torch.optim.Optimizer
    average: MovingAverage
    frequencies: Tensor
    """(258,) share of each bin in the training pictures."""
    start: str
    """What the network started from."""
    step: int = 0
    """Steps done."""
    samples: int = 0
    """Crops seen, by all processes."""
    refinement: Refinement | None = None
    """Of the phase of the last step, if that was a refined one."""
    saved_refinement: dict[str, Any] | None = None
    """What a checkpoint holds of it, until the first step after a resume."""

    def save(self, path: Path, recipe: Recipe, store: PictureStore, members: list[int], worker: Worker) -> None:
        """Write a checkpoint, from the first process only."""
        if worker.rank:
            return
        state = {
            "step": self.step,
            "samples": self.samples,
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": self.average.state,
            "refinement": self.saved_refinement if self.refinement is None else self.refinement.state(),
            "bin_frequencies": self.frequencies,
            "start": self.start,
            "recipe": asdict(recipe),
            "train_manifest": manifest_hash(store, members),
            "world_size": worker.world_size,
        }
        save_checkpoint(path, state)
        logger.info("step %d: saved %s", self.step, path)


def begin_run(
    recipe: Recipe,
    store: PictureStore,
    members: list[int],
    worker: Worker,
    *,
    pretrained: bool = True,
    init_from: Path | None = None,
) -> RunState:
    """A run before its first step.

    Args:
        recipe: What to do.
        store: The photographs.
        members: Numbers of those that train.
        worker: All processes start from the first one's numbers.
        pretrained: Start the encoder from ImageNet.
        init_from: Start the whole network from an exported weight file of the same shape instead.

    Raises:
        SettingsError: The weight file is of another network, or ImageNet's weights are not installed.
    """
    network = build_network(recipe)
    optimizer = _optimizer(network, recipe)
    frequencies = bin_frequencies(network, store, members)
    start = start_network(network, store, members, frequencies, pretrained=pretrained, init_from=init_from)
    share_state(network, worker)
    average = MovingAverage(network, decay=recipe.optimizer.average_decay)
    return RunState(network=network, optimizer=optimizer, average=average, frequencies=frequencies, start=start)


def resume_run(path: Path, recipe: Recipe, worker: Worker) -> RunState:
    """The run of the checkpoint `path`, to go on by `recipe`.

    Raises:
        ResumeError: There is no checkpoint, or it is of another format.
    """
    network = build_network(recipe)
    optimizer = _optimizer(network, recipe)
    wanted = [(group["peak_lr"], group["weight_decay"]) for group in optimizer.param_groups]
    saved = load_checkpoint(path)
    if saved.get("world_size", worker.world_size) != worker.world_size:
        logger.warning(
            "%s was trained by %d processes, now by %d: other crops and noise than in one go.",
            path,
            saved["world_size"],
            worker.world_size,
        )
    network.load_state_dict(saved["network"])
    optimizer.load_state_dict(saved["optimizer"])
    for group, (peak_lr, weight_decay) in zip(optimizer.param_groups, wanted, strict=True):
        # The recipe of now decides, not the one of then.
        group.update(peak_lr=peak_lr, weight_decay=weight_decay)
    average = MovingAverage(network, decay=recipe.optimizer.average_decay)
    average.load(saved["average"])
    return RunState(
        network=network,
        optimizer=optimizer,
        average=average,
        frequencies=saved["bin_frequencies"],
        start=saved.get("start", IMAGENET_START),
        step=saved["step"],
        samples=saved["samples"],
        saved_refinement=saved.get("refinement"),
    )


def _optimizer(network: CompactNetwork, recipe: Recipe) -> torch.optim.Optimizer:
    return torch.optim.AdamW(parameter_groups(network, recipe.optimizer), betas=recipe.optimizer.betas, fused=True)


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
        try:
            network.load_state_dict(unfolded_start(init_from, store, members).state_dict())
        except RuntimeError as error:
            raise SettingsError(f"{init_from} is of another network.", "Give the recipe its hyper.") from error
        trained_on = read_header(init_from).get("trained_on", "its file does not say what it was trained on")
        return f"{init_from.name} (sha256 {file_sha256(init_from)[:16]}; {trained_on.rstrip('.')})"
    if pretrained:
        network.encoder.load_state_dict(imagenet_encoder().state_dict())
    with torch.no_grad():
        assert network.head.bias is not None
        network.head.bias.copy_(frequencies.clamp_min(1e-6).log())
    return IMAGENET_START if pretrained else "random numbers"


def unfolded_start(init_from: Path, store: PictureStore, members: list[int]) -> CompactNetwork:
    """The network that a run with `init_from` starts from, the same every time."""
    return unfold(open_network(init_from), store, members[:: max(1, len(members) // _UNFOLD_PICTURES)])


def bin_frequencies(network: CompactNetwork, store: PictureStore, members: list[int]) -> Tensor:
    """(258,) share of each bin in some training pictures: the logits' starting point."""
    counts = torch.zeros(BIN_COUNT)
    chosen = members[:: max(1, len(members) // _FREQUENCY_PICTURES)]
    for batch in center_batches(store, chosen, side=128, size=1):
        indices, weights = target_bins(network, batch)
        counts.index_add_(0, indices.reshape(-1), weights.reshape(-1))
    return counts / counts.sum()
