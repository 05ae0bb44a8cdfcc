"""DDColor: the original's recorded outputs, its own chain around the network, folding, recognition, cards.

The recorded numbers were made by the authors' program under the weights of `recipe_weights_ddcolor`.
"""

import json
from dataclasses import asdict
from functools import partial
from math import pi
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from recipe_weights_ddcolor import recipe_state
from torch import nn

from videocolor.errors import SettingsError, WeightsError
from videocolor.models import ddcolor_decoder
from videocolor.models.blocks.inference import prepare_layers
from videocolor.models.ddcolor import DDColorHyper, build, original_rgb, recognize
from videocolor.models.ddcolor_decoder import MixingShuffle, position_code
from videocolor.models.registry import load_card

RECORDED = Path(__file__).resolve().parents[3] / "shared" / "reference" / "ddcolor"
SMALL = {"depths": [1, 1, 1, 1], "dims": [16, 32, 48, 64], "decoder_width": 32, "queries": 5, "decoder_layers": 4}
SIZES = {
    "tiny": {"depths": (3, 3, 9, 3), "dims": (96, 192, 384, 768)},
    "large": {"depths": (3, 3, 27, 3), "dims": (192, 384, 768, 1536)},
}
PARAMETERS = {"tiny": 55_006_640, "large": 227_869_328}

# Largest difference of two correct float32 implementations, with room for other processors (measured: 3.5e-6).
AGREES = 2e-5


def of_the_original(test):
    skip = pytest.mark.skipif(not RECORDED.is_dir(), reason="needs the recorded outputs of ../shared")
    return pytest.mark.shared(skip(test))


def small_network(**hyper):
    """Singular vectors that fit their weights, and statistics that are not 0 and 1, so that there is much to fold."""
    torch.manual_seed(0)
    network = build({**SMALL, **hyper}).requires_grad_(False)
    # In training mode each run improves the vectors; the first ones are random and blow the numbers up.
    for _ in range(20):
        network(picture(2))
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.2, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            nn.init.uniform_(module.weight, 0.8, 1.2)
            nn.init.uniform_(module.bias, -0.1, 0.1)
    return network.eval()


def picture(count=1, height=64, width=96):
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(1))


def shapes_of(network):
    return {key: tuple(value.shape) for key, value in network.state_dict().items()}


def on_meta(hyper):
    with torch.device("meta"):
        return build(hyper)


def answers(network, x):
    with torch.inference_mode():
        return network(x)


class Recorded:
    """What the original answered, and the weights under which it did."""

    def __init__(self, size):
        self.size = size
        self.layout = json.loads((RECORDED / f"keys_{size}.json").read_text())
        self.state = dict(recipe_state(self.layout))
        with np.load(RECORDED / f"out_{size}.npz") as file:
            self.values = dict(file)

    def network(self):
        """A new network that shares its numbers with all others from here."""
        network = on_meta(SIZES[self.size])
        network.load_state_dict(self.state, strict=True, assign=True)
        return network.eval().requires_grad_(False)

    def case(self, name):
        return torch.from_numpy(self.values[f"x_{name}"]), torch.from_numpy(self.values[f"y_{name}"])

    def error(self, network, name="a"):
        x, y = self.case(name)
        return float((answers(network, x) - y).abs().max())


@pytest.fixture(scope="module", params=["tiny", "large"])
def original(request):
    return Recorded(request.param)


@pytest.fixture(scope="module")
def tiny():
    return Recorded("tiny")


@of_the_original
def test_keys_shapes_and_parameters_are_the_published_ones(original):
    network = on_meta(SIZES[original.size])

    assert {key: tuple(shape) for key, shape in original.layout} == shapes_of(network)
    assert PARAMETERS[original.size] == sum(p.numel() for p in network.parameters())


@of_the_original
def test_the_recipe_is_the_recorded_one(original):
    values = original.values
    for key, first in zip(values["probe_keys"], values["probe_first4"], strict=True):
        found = original.state[str(key)].numpy().ravel()[:4]
        np.testing.assert_allclose(found, first[: len(found)], rtol=1e-6, atol=1e-8)
    for key, sigma in zip(values["sigma_keys"], values["sigma"], strict=True):
        parts = [original.state[str(key).replace("_orig", end)].double() for end in ("_u", "_orig", "_v")]
        assert sigma == pytest.approx(float(parts[0] @ parts[1].flatten(1) @ parts[2]), rel=1e-6)


@of_the_original
@pytest.mark.parametrize("case", ["a", "b"])
def test_it_answers_what_the_original_answered(original, case):
    """Case b is a batch of two that is not square."""
    assert original.error(original.network(), case) < AGREES


@of_the_original
@pytest.mark.parametrize("case", ["a", "b"])
def test_folded_and_in_channels_last_it_still_does(original, case):
    network = original.network().fold().to(memory_format=torch.channels_last)

    assert original.error(network, case) < AGREES


@of_the_original
def test_bfloat16_is_close(original):
    """The outputs' standard deviation is 0.18."""
    network = original.network().fold()
    x, y = original.case("a")
    with torch.autocast("cpu", torch.bfloat16):
        error = (answers(network, x) - y).abs()

    assert error.mean() < 0.015
    assert error.max() < 0.06


@of_the_original
def test_the_published_sizes_are_recognized(original):
    shapes = {key: tuple(shape) for key, shape in original.layout}

    assert DDColorHyper(**SIZES[original.size]) == on_meta(recognize(shapes)).hyper


def norm_before_relu(network, patch):
    for block in network.decoder.layers:
        conv, relu, norm = block.conv
        block.conv = nn.Sequential(conv, norm, relu)


def places_in_the_values(network, patch):
    for layer in network.decoder.color_decoder.transformer_cross_attention_layers:
        layer.multihead_attn.register_forward_pre_hook(lambda _, args: (args[0], args[1], args[1]))


def other_shuffle(*layers):
    return lambda network, _: setattr(network.decoder.last_shuf, "shuffle", nn.Sequential(*layers))


def other_places(code):
    return lambda _, patch: patch.setattr(ddcolor_decoder, "position_code", code)


def other_part(path, part):
    return lambda network, _: network.set_submodule(path, part)


# Mistakes that an implementation of this network may make.
MISTAKES = {
    "norm before ReLU": norm_before_relu,
    "no blur": other_shuffle(nn.PixelShuffle(4)),
    "blur to the other side": other_shuffle(
        nn.PixelShuffle(4), nn.ReplicationPad2d((0, 1, 0, 1)), nn.AvgPool2d(2, stride=1)
    ),
    "feature without its norm": other_part("encoder.arch.norm1", nn.Identity()),
    "GELU by tanh": lambda _, patch: patch.setattr(F, "gelu", partial(F.gelu, approximate="tanh")),
    "levels in another order": lambda network, _: network.decoder.color_decoder.register_forward_pre_hook(
        lambda _, args: ([args[0][n] for n in (1, 0, 2)],)
    ),
    "memory without places": other_places(lambda *args: torch.zeros(1, args[2])),
    "x before y": other_places(lambda *args: position_code(*args).roll(args[2] // 2, dims=1)),
    "places in the values": places_in_the_values,
    "queries without code": other_part(
        "decoder.color_decoder.query_embed", nn.Embedding.from_pretrained(torch.zeros(100, 256))
    ),
    "input not divided": lambda network, _: network.std.fill_(1),
}


@of_the_original
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_shows_in_the_recorded_outputs(tiny, monkeypatch, mistake):
    """The comparison is worth something: each of these leaves its tolerance."""
    network = tiny.network()
    network.std = network.std.clone()
    MISTAKES[mistake](network, monkeypatch)

    assert tiny.error(network) > 2 * AGREES


@of_the_original
def test_the_original_chain_gives_the_original_picture():
    """One gray level is what versions of OpenCV differ by."""
    with np.load(RECORDED / "pipeline.npz") as file:
        bgr, net_in, net_out, bgr_out = (file[key] for key in ("bgr_in", "net_in", "net_out", "bgr_out"))
    asked = []

    rgb = original_rgb(lambda x: asked.append(x) or torch.from_numpy(net_out), bgr[:, :, ::-1], 64)

    np.testing.assert_allclose(asked[0].numpy(), net_in, atol=1e-5)
    assert np.abs(rgb[:, :, ::-1].astype(int) - bgr_out).max() <= 1


def colored_by(ab, gray):
    answer = torch.tensor(ab).view(1, 2, 1, 1).expand(-1, -1, 32, 32)
    return original_rgb(lambda x: answer, gray.repeat(3, axis=2), 32)


def test_the_original_chain_keeps_gray_and_does_not_wrap_around():
    gray = np.random.default_rng(0).integers(0, 256, (37, 53, 1), dtype=np.uint8)

    assert np.abs(colored_by((0.0, 0.0), gray).astype(int) - gray).max() <= 1
    blue = colored_by((0.0, -180.0), gray)
    assert (blue[:, :, 2] == 255).all(where=gray[:, :, 0] > 64)
    assert (blue[:, :, 0] == 0).all()


def test_the_original_chain_names_a_size_that_the_network_takes():
    """Render factor 21, the default elsewhere, is 336 pixels."""
    with pytest.raises(SettingsError, match=r"not 336\. Use an even --render-factor\."):
        original_rgb(lambda x: x[:, :2], np.zeros((8, 8, 3), np.uint8), 336)


@pytest.mark.parametrize(("height", "width"), [(64, 64), (64, 96)])
def test_it_answers_at_the_size_of_its_input(height, width):
    network = small_network()
    lightness = torch.rand(2, 1, height, width) * 100

    output = answers(network, network.to_input(lightness))
    answer = network.to_ab(output, lightness)

    assert (2, 2, height, width) == tuple(output.shape) == tuple(answer.ab.shape)
    assert answer.confidence is None


def test_the_input_is_gray_srgb():
    """Black, white and the gray of L* 53.585 (code 128), three equal channels."""
    x = small_network().to_input(torch.tensor([0.0, 100.0, 53.585]).reshape(1, 1, 1, 3))

    assert torch.equal(x[:, 0], x[:, 2])
    torch.testing.assert_close(x[0, 1, 0], torch.tensor([0.0, 1.0, 128 / 255]), atol=1e-6, rtol=1e-5)


def test_ab_is_limited():
    """The network itself is unbounded: -180 occurs."""
    output = torch.tensor([-180.0, 110.5, -20.0, 0.0]).reshape(1, 2, 1, 2)

    ab = small_network().to_ab(output, torch.zeros(1, 1, 1, 2)).ab

    assert [-110, 110, -20, 0] == ab.flatten().tolist()


def test_folded_equals_unfolded():
    network, folded = small_network(), small_network().fold()
    x = picture(2)

    torch.testing.assert_close(answers(folded, x), answers(network, x), atol=1e-5, rtol=1e-5)
    assert folded.hyper.folded
    assert folded.fold() is folded
    assert not any("weight_orig" in key or "shuf.conv.1" in key for key in folded.state_dict())


def test_a_folded_network_survives_its_state_dict():
    """Built on no device and filled, as the loader does."""
    folded = small_network().fold()
    again = on_meta(asdict(folded.hyper))

    again.load_state_dict(dict(folded.state_dict()), strict=True, assign=True)

    assert shapes_of(folded) == shapes_of(again)
    assert torch.equal(answers(folded, picture()), answers(again.eval(), picture()))


def test_mixing_before_the_enlargement_is_mixing_after_it():
    torch.manual_seed(0)
    shuffle = MixingShuffle(nn.Sequential(nn.Conv2d(8, 96, 1)), 4).eval()
    x, mix = torch.randn(2, 8, 3, 5), torch.randn(2, 2, 6)

    with torch.inference_mode():
        expected = torch.einsum("nkc,nchw->nkhw", mix, shuffle(x))
        torch.testing.assert_close(expected, shuffle.mixed(x, mix), atol=1e-5, rtol=1e-5)


def test_a_batch_is_its_pictures_one_by_one():
    network, x = small_network().fold(), picture(3)

    torch.testing.assert_close(
        answers(network, x), torch.cat([answers(network, one[None]) for one in x]), atol=1e-5, rtol=1e-5
    )


def test_places_are_coded_by_sines_from_one_to_the_side():
    """The last row is a whole turn of the slowest pair, whatever the side; y is the first half."""
    code = position_code(4, 8, 16, torch.device("cpu")).reshape(4, 8, 16)

    for row, column in ((0, 0), (3, 7), (1, 4)):
        y, x = (row + 1) / 4 * 2 * pi, (column + 1) / 8 * 2 * pi
        angles = torch.tensor([[axis / 10000 ** (2 * pair / 8) for pair in range(4)] for axis in (y, x)])
        expected = torch.stack([angles.sin(), angles.cos()], dim=2).flatten()
        torch.testing.assert_close(code[row, column], expected, atol=2e-6, rtol=0)


def test_autocast_leaves_the_places_in_float32():
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.float32 == position_code(4, 4, 16, torch.device("cpu")).dtype


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_prepared_for_a_device_it_answers_nearly_the_same(dtype):
    """Weights that are cast and packed; what is read and not called keeps its own."""
    x = picture()
    expected = answers(small_network(), x)
    network = prepare_layers(small_network().fold(), dtype, torch.device("cpu"))
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype is not torch.float32):
        error = answers(network, x) - expected

    assert error.abs().mean() < (1e-5 if dtype is torch.float32 else 0.05) * expected.std()


@pytest.mark.parametrize("folded", [False, True])
def test_a_state_dict_is_recognized(folded):
    network = small_network(folded=folded)

    assert network.hyper == build(recognize(shapes_of(network))).hyper


def test_other_networks_are_not_recognized():
    assert recognize({"layers.0.0.weight": (64, 3, 7, 7)}) is None
    assert recognize({"encoder.arch.stages.0.0.norm.weight": (96,)}) is None


def test_a_truncated_published_file_keeps_its_size():
    """So that the missing tensors are named, in place of a shorter network."""
    shapes = {
        "encoder.arch.stages.0.0.norm.weight": (192,),
        "decoder.color_decoder.query_feat.weight": (100, 256),
        "refine_net.0.0.weight_orig": (2, 103, 1, 1),
    }

    assert DDColorHyper() == on_meta(recognize(shapes)).hyper


@pytest.mark.parametrize(
    ("hyper", "remedy"),
    [
        ({"nf": 512}, "Known are"),
        ({"depths": [3, 3, 9]}, "Give four"),
        ({"decoder_width": 500}, "multiple of 32"),
    ],
)
def test_wrong_hyper_is_refused_with_a_remedy(hyper, remedy):
    with pytest.raises(WeightsError, match=remedy):
        build(hyper)


@pytest.mark.parametrize(
    ("name", "size"),
    [("ddcolor", "large"), ("ddcolor-artistic", "large"), ("ddcolor-paper", "large"), ("ddcolor-tiny", "tiny")],
)
def test_cards_fit_their_network(name, size):
    card = load_card(name)

    assert PARAMETERS[size] == card.parameters
    assert "Apache-2.0" in card.licence
    assert (512, 512) == card.size_rule.network_size(1080, 1080, card.size_rule.default_side)
    assert (384, 672) == card.size_rule.network_size(1080, 1920, card.size_rule.default_side)
