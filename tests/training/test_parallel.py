"""Several processes: equal shares, averaged gradients, one log and one checkpoint, a common end."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from training.engine.checkpoint import load_checkpoint
from training.engine.parallel import Part
from videocolor.errors import SettingsError

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:tensorboard")

_HERE = Path(__file__).resolve().parent
_WORKER = """
import hashlib, json, sys
from pathlib import Path

import torch

from tiny_training import noise_store, tiny_recipe
from training.engine import parallel
from training.loops import supervised

torch.set_num_threads(1)
out = Path(sys.argv[1])
part = parallel.join_group()
layer = torch.nn.Linear(3, 2)
for parameter in layer.parameters():
    parameter.grad = torch.full_like(parameter, 1.0 + part.rank)
parallel.average_gradients(layer, part)

networks = []
built = supervised.build_network
supervised.build_network = lambda recipe: networks.append(built(recipe)) or networks[-1]
recipe = tiny_recipe(steps=(2, 1), extra=("phases.1.steadiness=1.0", "tune_steps=100"))
supervised.train(recipe, noise_store(14), out / "run", resume=False, pretrained=False, part=part)
parameters = torch.cat([parameter.detach().reshape(-1) for parameter in networks[0].parameters()])
facts = {
    "means": sorted({round(float(x), 6) for parameter in layer.parameters() for x in parameter.grad.reshape(-1)}),
    "agreed": [parallel.agreed(part.rank == 1, part), parallel.agreed(False, part)],
    "count": part.count,
    "parameters": hashlib.sha256(parameters.numpy().tobytes()).hexdigest(),
}
(out / f"{part.rank}.json").write_text(json.dumps(facts))
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
    assert first == second
    assert first["means"] == [1.5]
    assert first["agreed"] == [True, False]
    assert first["count"] == 2
    state = load_checkpoint(tmp_path / "run" / "checkpoint.pt")
    assert (state["step"], state["samples"]) == (3, 12)
    assert [json.loads(line)["step"] for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()] == [2]


def test_shares_cover_the_batch_once():
    pictures = list(range(12))

    assert [pictures[Part(rank=rank, count=3).of(12)] for rank in range(3)] == [
        pictures[:4],
        pictures[4:8],
        pictures[8:],
    ]


def test_a_batch_that_cannot_be_shared_is_refused():
    with pytest.raises(SettingsError, match="5 pictures a step cannot be shared by 2"):
        Part(rank=0, count=2).of(5)
