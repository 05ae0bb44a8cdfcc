"""The loop: every recipe runs, stop and resume is one go, a tiny model learns four pictures."""

import json

import numpy as np
import pytest
import torch
from tiny_training import SHIPPED, noise_store, tiny_recipe

from training.data.batches import CropRule, resized, training_batch
from training.data.pictures import store_of
from training.engine.checkpoint import load_checkpoint
from training.families import build_network
from training.loops.step_losses import predicted_logits, step_loss
from training.loops.supervised import STOP_FILE, train
from training.losses.soft_bins import divergence
from training.recipe import load_recipe
from videocolor.errors import ResumeError

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:tensorboard")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_recipe_runs_a_step_of_each_phase_on_noise(path, tmp_path):
    phases = len(load_recipe(path).phases)
    recipe = tiny_recipe(path, steps=(1,) * phases)

    checkpoint = train(recipe, noise_store(10), tmp_path, resume=False, pretrained=False)

    state = load_checkpoint(checkpoint)
    assert state["step"] == phases
    assert state["samples"] == 4 * phases
    assert all(torch.isfinite(value).all() for value in state["network"].values())


def test_stop_and_resume_is_one_go_bit_for_bit(tmp_path):
    """Six steps over both phases against two, a stop, and the other four."""
    store = noise_store(14)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(tiny_recipe(steps=(3, 3)), store, whole, resume=False, pretrained=False)

    stopped_early = tiny_recipe(steps=(3, 3))
    parts.mkdir()
    _train_steps(stopped_early, store, parts, steps=2)
    assert load_checkpoint(parts / "checkpoint.pt")["step"] == 2
    train(stopped_early, store, parts, resume=True, pretrained=False)

    _assert_equal(load_checkpoint(whole / "checkpoint.pt"), load_checkpoint(parts / "checkpoint.pt"))


def _train_steps(recipe, store, run_dir, *, steps):
    """Stop like a user: the file `stop` appears while step number `steps` is running."""
    import training.loops.supervised as loop

    plain = loop.training_batch

    def counted(*args, **kwargs):
        if kwargs["step"] == steps - 1:
            (run_dir / STOP_FILE).touch()
        return plain(*args, **kwargs)

    loop.training_batch = counted
    try:
        train(recipe, store, run_dir, resume=False, pretrained=False)
    finally:
        loop.training_batch = plain
        (run_dir / STOP_FILE).unlink()


def _assert_equal(one, other, where="state"):
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other), where
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key in one:
            _assert_equal(one[key], other[key], f"{where}.{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), where
        for index, pair in enumerate(zip(one, other, strict=True)):
            _assert_equal(*pair, f"{where}[{index}]")
    else:
        assert one == other, where


def test_a_tiny_model_learns_four_pictures(tmp_path):
    """Four flat colors whose lightness tells them apart: the loss falls far below the prior's."""
    tints = [(200, 60, 60), (40, 110, 40), (60, 60, 190), (230, 220, 90)]
    rng = np.random.default_rng(1)
    pictures = [(np.array(tint) + rng.integers(-6, 7, (64, 64, 1))).astype(np.uint8) for tint in tints]
    recipe = tiny_recipe(
        steps=(100, 0),
        extra=(
            "data.tune_count=0",
            "degrade.clean_share=1.0",
            "phases.0.frozen_blocks=0",
            "phases.0.lr_end=1.0",
            "optimizer.decoder_lr=5e-3",
            "optimizer.encoder_lr=5e-3",
            "tune_steps=1000",
            "log_steps=10",
        ),
    )

    train(recipe, store_of(pictures), tmp_path, resume=False, pretrained=False)

    losses = [json.loads(line)["train/loss"] for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    # Telling four colors apart is worth log 4 = 1.39; what stays is the entropy of the soft targets.
    assert losses[0] - losses[-1] > 1.2


def test_frozen_blocks_rest_and_the_others_learn(tmp_path):
    store = noise_store(10)
    start = train(tiny_recipe(steps=(0, 0)), store, tmp_path / "a", resume=False, pretrained=False)
    end = train(tiny_recipe(steps=(2, 0)), store, tmp_path / "b", resume=False, pretrained=False)

    before, after = load_checkpoint(start)["network"], load_checkpoint(end)["network"]
    for key in ("encoder.stem.conv.weight", "encoder.blocks.1.expand.conv.weight"):
        assert torch.equal(before[key], after[key]), key
    for key in ("encoder.blocks.2.expand.conv.weight", "decoder.0.conv.weight", "head.bias"):
        assert not torch.equal(before[key], after[key]), key


def test_resume_without_a_checkpoint_says_what_to_do(tmp_path):
    with pytest.raises(ResumeError, match="without --resume"):
        train(tiny_recipe(), noise_store(10), tmp_path, resume=True, pretrained=False)


def test_pairs_of_two_sizes_make_the_answer_depend_less_on_size_and_grain():
    """The same steps with and without the weight: the one that was asked to be steady is steadier."""
    differences = []
    for steadiness in (1e-6, 4.0):
        extra = (f"phases.0.steadiness={steadiness}", "phases.0.degraded_sides=[32, 96]", "phases.0.lr_end=1.0")
        recipe = tiny_recipe(steps=(30, 0), extra=extra)
        network, store = build_network(recipe), noise_store(6)
        optimizer = torch.optim.SGD(network.parameters(), lr=0.02)
        for step in range(30):
            crop = CropRule(side=64, area=(0.3, 1.0), aspect=(0.8, 1.25))
            batch = training_batch(store, [0, 1, 2, 3], crop, seed=1, step=step, size=2)
            rng = torch.Generator().manual_seed(step)
            loss = step_loss(network, batch, recipe, recipe.phases[0], None, rng, step=step)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        large = training_batch(store, [0, 1, 2, 3], crop, seed=1, step=99, size=4)
        small = resized(large, 32)
        logits = [predicted_logits(network, batch.lightness, recipe).detach() for batch in (large, small)]
        differences.append(divergence(*logits).item())

    assert differences[1] < 0.8 * differences[0]
