"""Several processes: equal shares, averaged gradients, one log and one checkpoint, a common end."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tiny_training import noise_store

from training.data.batches import CropRule, training_batch
from training.engine.checkpoint import load_checkpoint
from training.engine.parallel import Worker
from videocolor.errors import SettingsError

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:tensorboard")

_HERE = Path(__file__).resolve().parent
_WORKER = """
import json, sys
from dataclasses import replace
from pathlib import Path

import torch

from tiny_training import noise_store, tiny_recipe
from training.engine import parallel
from training.loops import supervised

torch.set_num_threads(1)
REFINE = (
    "phases.1.refine={cross_entropy=0.5, ab=0.1, features=0.0, colorfulness=0.05, adversarial=0.05, "
    "adversarial_steps=2, critic_lr=1e-4, temperature=0.5}"
)
out = Path(sys.argv[1])
worker = parallel.join_group()
layer = torch.nn.Linear(3, 2)
for parameter in layer.parameters():
    parameter.grad = torch.full_like(parameter, 1.0 + worker.rank)
parallel.average_gradients(layer, worker)

parallel.share_state(start := torch.nn.Linear(1, 1), worker)

made = out / "made.txt"
with parallel.first_worker_first(worker):
    found = made.exists()
    made.write_text("by the first")

recipe = tiny_recipe(steps=(2, 2), extra=(REFINE, "phases.1.steadiness=0.0", "phases.1.lr_end=0.3", "tune_steps=2"))
store = noise_store(14)
shorter = replace(recipe, phases=(recipe.phases[0], replace(recipe.phases[1], steps=1)))
supervised.train(recipe, store, out / "whole", resume=False, pretrained=False, worker=worker)
# The schedule of a constant rate does not depend on the number of steps.
supervised.train(shorter, store, out / "parts", resume=False, pretrained=False, worker=worker)
torch.distributed.barrier()
supervised.train(recipe, store, out / "parts", resume=True, pretrained=False, worker=worker)
facts = {
    "means": sorted({round(float(x), 6) for parameter in layer.parameters() for x in parameter.grad.reshape(-1)}),
    "any": [parallel.any_worker(worker.rank == 1, worker), parallel.any_worker(False, worker)],
    "start": start.weight.item(),
    "found": found,
    "world_size": worker.world_size,
}
(out / f"{worker.rank}.json").write_text(json.dumps(facts))
"""


def test_two_processes_train_one_network(tmp_path):
    worker = tmp_path / "worker.py"
    worker.write_text(_WORKER)
    paths = os.pathsep.join([str(_HERE), str(_HERE.parents[1])])
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}

    done = subprocess.run(
        [*command, str(worker), str(tmp_path)], env=environment, capture_output=True, text=True, timeout=240
    )

    assert done.returncode == 0, done.stderr[-2000:]
    first, second = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1))
    assert (first.pop("found"), second.pop("found")) == (False, True)
    assert first == second
    assert first["means"] == [1.5]
    assert first["any"] == [True, False]
    assert first["world_size"] == 2
    whole, parts = (load_checkpoint(tmp_path / name / "checkpoint.pt") for name in ("whole", "parts"))
    assert (whole["step"], whole["samples"], whole["world_size"]) == (4, 16, 2)
    for part in ("network", "average"):
        assert all(torch.equal(value, parts[part][key]) for key, value in whole[part].items())
    assert whole["refinement"]["steps"] == parts["refinement"]["steps"] == 2
    lines = [json.loads(line) for line in (tmp_path / "whole" / "log.jsonl").read_text().splitlines()]
    assert [(line["step"], "tune/loss" in line) for line in lines] == [(2, False), (2, True), (4, False), (4, True)]


def test_the_processes_see_the_whole_batch_between_them():
    store = noise_store(6)
    rule = CropRule(side=64, area=(1.0, 1.0), aspect=(1.0, 1.0))

    def means(worker):
        batch = training_batch(store, list(range(6)), rule, seed=1, step=0, size=4, worker=worker)
        return [tuple(value.tolist()) for value in batch.rgb.mean(dim=(2, 3))]

    together = means(Worker())
    apart = [means(Worker(rank=rank, world_size=2)) for rank in range(2)]
    assert len(apart[0]) == len(apart[1]) == 2
    assert [value for part in apart for value in part] == [pytest.approx(value, abs=0.02) for value in together]


def test_shares_cover_the_batch_once():
    pictures = list(range(12))

    assert [pictures[Worker(rank=rank, world_size=3).share_of(12)] for rank in range(3)] == [
        pictures[:4],
        pictures[4:8],
        pictures[8:],
    ]


def test_a_batch_that_cannot_be_shared_is_refused():
    with pytest.raises(SettingsError, match="5 pictures a step cannot be shared by 2"):
        Worker(rank=0, world_size=2).share_of(5)
