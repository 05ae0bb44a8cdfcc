"""The three generators against the original network's own numbers, recorded under recipe-made weights."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from recipe_weights_deoldify import recipe_state
from tiny_parts import FLOAT32
from torch import nn

from videocolor.errors import WeightsError
from videocolor.models.adapter import NetworkColorizer
from videocolor.models.blocks.attention import SelfAttention
from videocolor.models.deoldify import build, original_rgb, recognize
from videocolor.models.registry import load_card

REFERENCE = Path(__file__).resolve().parents[3] / "shared" / "reference"
needs_reference = pytest.mark.skipif(not REFERENCE.is_dir(), reason="needs the recorded outputs of ../shared")

DEEP = {"encoder": "resnet34", "decoder": "deep", "factor": 1.5}
HYPERS = {"artistic": DEEP, "stable": {}, "video": {}}
CASES = ("x64", "x80", "x64x96", "x46x70")
# The original differs from itself by this much between convolution libraries, memory orders and numbers of threads.
TOLERANCE = 2e-4
# float32 sums in another order, as little as that.
FOLDED_TOLERANCE = 1e-4


def layout_of(name):
    return json.loads((REFERENCE / f"{name}.json").read_text())


def recorded(name):
    return np.load(REFERENCE / f"recipe_{name}.npz")


def filled(name):
    with torch.device("meta"):
        network = build(HYPERS[name])
    network.load_state_dict(recipe_state(layout_of(name), name), strict=True, assign=True)
    return network.eval()


def answers(network, arrays, cases=CASES):
    with torch.inference_mode():
        return {case: network(torch.from_numpy(arrays[f"in/{case}"])) for case in cases}


def deviation(found, arrays):
    """Largest difference from the original's outputs."""
    return max(float((y - torch.from_numpy(arrays[f"out/{case}"])).abs().max()) for case, y in found.items())


@pytest.fixture(scope="module")
def artistic():
    """Nobody changes it: tests that do build their own."""
    return filled("artistic")


@needs_reference
@pytest.mark.shared
@pytest.mark.parametrize("name", HYPERS)
def test_keys_and_shapes_are_the_published_files(name):
    with torch.device("meta"):
        network = build(HYPERS[name])
    found = [[key, list(v.shape), str(v.dtype).removeprefix("torch.")] for key, v in network.state_dict().items()]

    assert found == layout_of(name)
    assert {"artistic": 63_646_881}.get(name, 218_222_197) == sum(p.numel() for p in network.parameters())
    assert recognize({key: tuple(shape) for key, shape, _ in found}) == {**HYPERS["artistic"], **_wide_if(name)}


def _wide_if(name):
    return {} if name == "artistic" else {"encoder": "resnet101", "decoder": "wide", "factor": 2.0}


@needs_reference
@pytest.mark.shared
@pytest.mark.parametrize("name", HYPERS)
def test_outputs_are_the_original_s(name):
    """Unfolded, folded, and as the program runs it: channels last, packed weights, Winograd's convolution."""
    network, arrays = filled(name), recorded(name)
    plain = answers(network, arrays)
    assert deviation(plain, arrays) < TOLERANCE

    folded = answers(network.fold(), arrays)
    assert deviation(folded, arrays) < TOLERANCE
    assert max(float((folded[case] - plain[case]).abs().max()) for case in CASES) < FOLDED_TOLERANCE

    colorizer = NetworkColorizer(network, load_card(f"deoldify-{name}"), FLOAT32)
    found = {case: colorizer.run_network(torch.from_numpy(arrays[f"in/{case}"])) for case in CASES}
    assert deviation(found, arrays) < TOLERANCE


@needs_reference
@pytest.mark.shared
def test_every_recorded_activation_is_the_original_s(artistic):
    """Finds the layer that is wrong."""
    arrays, seen = recorded("artistic"), {}
    names = {key.split("/")[1] for key in arrays.files if key.startswith("act_x80/")} & dict(
        artistic.named_modules()
    ).keys()
    # Recorded where it is produced: a ReLU that works in place comes later.
    hooks = [
        artistic.get_submodule(name).register_forward_hook(
            lambda module, inputs, y, name=name: seen.__setitem__(name, y.detach().clone())
        )
        for name in names
    ]
    answers(artistic, arrays, ("x80",))
    for hook in hooks:
        hook.remove()

    assert len(seen) > 60
    for name in sorted(seen):
        expected = arrays[f"act_x80/{name}/first"]
        np.testing.assert_allclose(
            seen[name].flatten()[:64].numpy()[: len(expected)], expected, atol=5e-4, rtol=1e-4, err_msg=name
        )


@needs_reference
@pytest.mark.shared
def test_a_training_step_updates_norms_as_the_original_does():
    """One power iteration a spectral norm, batch statistics with the original's momentum."""
    network, arrays = filled("artistic").train(), recorded("artistic")
    output = network(torch.from_numpy(arrays["train/in"]))

    np.testing.assert_allclose(output.detach().numpy(), arrays["train/out"], atol=TOLERANCE)
    state = network.state_dict()
    for key in [name for name in arrays.files if name.startswith("train/after/")]:
        found = state[key.removeprefix("train/after/")].flatten()[:64].numpy()
        np.testing.assert_allclose(found, arrays[key].flatten(), atol=1e-5, err_msg=key)


def _softmax_over_the_other_axis(network):
    def forward(self, x):
        flat = x.flatten(2)
        energy = self.query(flat).transpose(1, 2) @ self.key(flat)
        return self.gamma * (self.value(flat) @ energy.softmax(dim=2)).reshape(x.shape) + x

    _replace_forward(network, SelfAttention, forward)


def _textbook_attention(network):
    for module in network.modules():
        if isinstance(module, SelfAttention):
            module.query, module.key = module.key, module.query


def _no_blur(network):
    for module in network.modules():
        if hasattr(module, "shuffle"):
            module.shuffle = nn.PixelShuffle(2)


def _blur_to_the_right(network):
    for module in network.modules():
        if hasattr(module, "shuffle"):
            module.shuffle = nn.Sequential(
                nn.PixelShuffle(2), nn.ReplicationPad2d((0, 1, 0, 1)), nn.AvgPool2d(2, stride=1)
            )


def _norm_before_relu(network):
    for module in list(network.modules()):
        if isinstance(module, nn.Sequential) and [type(child) for child in module][:3] == [
            nn.Conv2d,
            nn.ReLU,
            nn.BatchNorm2d,
        ]:
            module[1], module[2] = module[2], module[1]


def _true_singular_value(network):
    for module in network.modules():
        if hasattr(module, "weight_orig"):
            matrix = module.weight_orig.flatten(1)
            left, _, right = torch.linalg.svd(matrix, full_matrices=False)
            module.weight_u.copy_(left[:, 0])
            module.weight_v.copy_(right[0])


def _one_power_iteration_more(network):
    for module in network.modules():
        if hasattr(module, "weight_orig"):
            matrix = module.weight_orig.flatten(1)
            module.weight_v.copy_(F.normalize(matrix.T @ module.weight_u, dim=0))
            module.weight_u.copy_(F.normalize(matrix @ module.weight_v, dim=0))


def _relu_after_the_last_addition(network):
    network.layers["10"].register_forward_hook(lambda module, inputs, y: F.relu(y))


def _larger_norm_epsilon(network):
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 1e-3


def _replace_forward(network, kind, forward):
    for module in network.modules():
        if isinstance(module, kind):
            module.forward = forward.__get__(module)


# Mistakes that are easily made, and how far the output is off then (largest difference over x64 and x80, recorded).
MISTAKES = [
    (_softmax_over_the_other_axis, 2.09),
    (_textbook_attention, 0.53),
    (_no_blur, 5.7),
    (_blur_to_the_right, 2.8),
    (_norm_before_relu, 2.8),
    (_true_singular_value, 1.43),
    (_one_power_iteration_more, 0.58),
    (_relu_after_the_last_addition, 0.20),
    (_larger_norm_epsilon, 0.09),
]


@needs_reference
@pytest.mark.shared
@pytest.mark.parametrize(("make", "recorded_effect"), MISTAKES)
def test_a_mistake_is_noticed(make, recorded_effect):
    """The comparison is sharp: each of these fails it, by as much as it did when the outputs were recorded."""
    network, arrays = filled("artistic"), recorded("artistic")
    with torch.no_grad():
        make(network)

    effect = deviation(answers(network, arrays, ("x64", "x80")), arrays)

    assert effect > 100 * TOLERANCE
    assert effect == pytest.approx(recorded_effect, rel=0.1)


@needs_reference
@pytest.mark.shared
def test_a_resize_that_is_not_nearest_is_noticed(monkeypatch):
    network, arrays = filled("artistic"), recorded("artistic")
    real = F.interpolate
    monkeypatch.setattr(F, "interpolate", lambda x, size, mode: real(x, size, mode="bilinear"))

    assert deviation(answers(network, arrays, ("x64",)), arrays) < TOLERANCE, "64 divides: nothing is resized"
    assert deviation(answers(network, arrays, ("x80",)), arrays) == pytest.approx(0.35, rel=0.1)


@needs_reference
@pytest.mark.shared
def test_bfloat16_differs_by_rounding_only(artistic):
    """Of a range of 6; random weights amplify rounding more than trained ones."""
    arrays = recorded("artistic")
    with torch.autocast("cpu", torch.bfloat16):
        found = answers(artistic, arrays)

    assert deviation(found, arrays) < 0.3
    assert max(float((y - torch.from_numpy(arrays[f"out/{case}"])).abs().mean()) for case, y in found.items()) < 0.03


@needs_reference
@pytest.mark.shared
@pytest.mark.parametrize(("name", "factor"), [("artistic", 10), ("video", 12)])
def test_the_original_s_own_chain_gives_its_pictures(name, factor):
    """Squaring, gray, network, truncation, resizing back, luma: one level of rounding may differ on a few pixels."""
    network = filled(name).fold()

    def run(x):
        with torch.inference_mode():
            return network(x)

    for photograph in ("landscape", "portrait"):
        rgb = np.asarray(Image.open(REFERENCE / "e2e" / f"{photograph}.png").convert("RGB"))
        arrays = np.load(REFERENCE / "e2e" / f"{photograph}_{name}_rf{factor}.npz")
        seen = []
        result = original_rgb(lambda x, seen=seen: seen.append(x) or run(x), rgb, 16 * factor)

        np.testing.assert_allclose(seen[0].flatten()[:256], arrays["net_in_first"].flatten(), atol=1e-6)
        expected = np.asarray(Image.open(REFERENCE / "e2e" / f"{photograph}_{name}_rf{factor}.png").convert("RGB"))
        difference = np.abs(result.astype(int) - expected).max(axis=2)
        assert difference.max() <= 3
        assert (difference > 0).mean() <= 1e-3


def test_ab_is_the_color_that_the_original_shows():
    """Its U and V under the source's luma; here against OpenCV's own conversion."""
    import cv2

    from videocolor.color.lab import gray_to_lightness, rgb_to_lab
    from videocolor.models.blocks.imagenet import MEAN, STD

    rng = np.random.default_rng(0)
    rgb = rng.uniform(0.3, 0.7, (8, 8, 3)).astype(np.float32)
    gray = rng.uniform(0.4, 0.6, (8, 8)).astype(np.float32)
    output = torch.from_numpy((rgb - np.float32(MEAN)) / np.float32(STD)).permute(2, 0, 1)[None]
    network = build({"encoder": "resnet18", "decoder": "deep", "factor": 0.25})

    ab = network.to_ab(output, gray_to_lightness(torch.from_numpy(gray))[None, None]).ab

    yuv = cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV)
    yuv[..., 0] = gray
    shown = cv2.cvtColor(yuv, cv2.COLOR_YUV2RGB)
    expected = rgb_to_lab(torch.from_numpy(shown).permute(2, 0, 1)[None])[1]
    torch.testing.assert_close(ab, expected, atol=0.2, rtol=0)


@pytest.mark.parametrize(
    ("hyper", "message"),
    [
        ({"depth": 3}, "does not know depth"),
        ({"encoder": "vgg"}, "encoder is 'vgg'. Choose from resnet18"),
        ({"decoder": "flat"}, "decoder is 'flat'"),
    ],
)
def test_an_unknown_hyper_is_refused(hyper, message):
    with pytest.raises(WeightsError, match=message):
        build(hyper)


@pytest.mark.parametrize("decoder", ["deep", "wide"])
def test_a_folded_network_has_the_keys_of_one_built_folded(decoder):
    hyper = {"encoder": "resnet18", "decoder": decoder, "factor": 0.25}
    folded = build(hyper).eval().fold()

    assert folded.fold() is folded
    assert build({**hyper, "folded": True}).state_dict().keys() == folded.state_dict().keys()
    assert not any("weight_orig" in key or "weight_g" in key for key in folded.state_dict())


def test_other_networks_are_not_taken_for_it():
    assert recognize({"layers.0.weight": (3, 3)}) is None
    assert recognize({}) is None
