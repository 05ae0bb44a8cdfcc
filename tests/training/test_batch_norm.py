"""A shipped weight file can be trained on: batch norm comes back, and the answers stay what they were."""

import pytest
import torch
from tiny_training import noise_store, tiny_recipe

from training.batch_norm import inference_inputs, unfold
from training.engine.checkpoint import load_checkpoint
from training.loops.supervised import train
from videocolor.errors import SettingsError
from videocolor.models.compact import build
from videocolor.models.weights_file import write_weights

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:tensorboard")

HYPER = {"decoder_widths": [16, 16, 16], "encoder_width": 0.25}


def folded_network():
    torch.manual_seed(3)
    network = build(HYPER)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_mean, -1, 1)
            torch.nn.init.uniform_(module.running_var, 0.5, 2)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.uniform_(module.bias, -0.5, 0.5)
    return network.eval().fold().eval()


def inputs(store, network):
    return torch.cat(list(inference_inputs(network, store, list(range(len(store))))))


def test_the_unfolded_network_is_the_same_function_and_folds_back():
    store, folded = noise_store(12), folded_network()
    x = inputs(store, folded)

    unfolded = unfold(folded, store, list(range(12)))

    with torch.no_grad():
        torch.testing.assert_close(unfolded(x), folded(x), rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(unfolded.fold().eval()(x), folded(x), rtol=1e-4, atol=1e-4)


def test_in_training_mode_it_answers_the_same_on_the_pictures_it_was_measured_on():
    store, folded = noise_store(12), folded_network()
    x = inputs(store, folded)

    unfolded = unfold(folded, store, list(range(12))).train()

    with torch.no_grad():
        torch.testing.assert_close(unfolded(x), folded(x), rtol=1e-2, atol=2e-2)


@pytest.fixture
def weight_file(tmp_path):
    network = folded_network()
    path = tmp_path / "before.safetensors"
    write_weights(path, network.state_dict(), {"family": "compact", "hyper": {**HYPER, "folded": True}})
    return path


def test_a_run_starts_from_a_weight_file_and_says_so(weight_file, tmp_path):
    store, recipe = noise_store(10), tiny_recipe(steps=(0, 0))

    checkpoint = train(recipe, store, tmp_path / "run", resume=False, init_from=weight_file)

    state = load_checkpoint(checkpoint)
    assert state["start"].startswith("before.safetensors (sha256 ")
    network = build(HYPER)
    network.load_state_dict(state["average"])
    x = inputs(store, network)
    with torch.no_grad():
        torch.testing.assert_close(network.eval()(x), folded_network()(x), rtol=1e-3, atol=1e-3)


def test_another_network_s_weights_are_refused(weight_file, tmp_path):
    recipe = tiny_recipe(extra=("hyper={decoder_widths=[16, 16, 24], encoder_width=0.25}",))

    with pytest.raises(SettingsError, match=r"before\.safetensors is of another network"):
        train(recipe, noise_store(10), tmp_path / "run", resume=False, init_from=weight_file)


def test_what_is_put_aside_stays_so_over_runs_of_another_seed():
    store = noise_store(10)
    first, second = tiny_recipe(extra=("seed=1",)), tiny_recipe(extra=("seed=2", "data.split_seed=1"))

    assert first.split(store) == second.split(store)
