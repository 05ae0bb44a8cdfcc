"""What every family of networks must do, with tiny sizes and random weights (`core/protocols.py`, Colorizer)."""

from dataclasses import replace

import pytest
import torch
from tiny_networks import TINY
from tiny_parts import FLOAT32, make_batch

from videocolor.core.cards import ModelCard
from videocolor.device import Compute
from videocolor.models.adapter import NetworkColorizer
from videocolor.models.blocks.imagenet import MEAN, STD
from videocolor.models.loader import load_colorizer
from videocolor.models.merged import Blend, MergedColorizer, merged_card
from videocolor.models.registry import FAMILIES, family_module, list_cards
from videocolor.models.weights_file import read_header, read_weights, write_weights

BFLOAT16 = Compute(device=torch.device("cpu"), dtype=torch.bfloat16)


def _answer_gray_compact(network):
    """The bin (0, 0) is certain everywhere."""
    from videocolor.color.codec import ab_bins

    torch.nn.init.zeros_(network.head.weight)
    torch.nn.init.zeros_(network.head.bias)
    network.head.bias.data[(ab_bins() == 0).all(dim=1)] = 1e4


def _answer_gray_deoldify(network):
    """Mid gray everywhere: its code, normalized, through the inverse of the sigmoid."""
    head = network.get_submodule("layers.11.0")
    torch.nn.utils.remove_spectral_norm(head)
    torch.nn.init.zeros_(head.weight)
    value = (0.5 - torch.tensor(MEAN)) / torch.tensor(STD)
    head.bias.data = torch.logit((value + 3) / 6)


def _answer_gray_ddcolor(network):
    last = network.refine_net[0][0]
    torch.nn.utils.remove_spectral_norm(last)
    torch.nn.init.zeros_(last.weight)
    torch.nn.init.zeros_(last.bias)


# A new family adds its smallest hyper to TINY, and here how its last layer is made to answer gray.
ANSWER_GRAY = {"compact": _answer_gray_compact, "deoldify": _answer_gray_deoldify, "ddcolor": _answer_gray_ddcolor}
# Gray RGB is gray to the last bit of its arithmetic only.
GRAY_ROUNDING = {"compact": 0.0, "deoldify": 1e-3, "ddcolor": 0.0}

each_family = pytest.mark.parametrize("family", sorted(FAMILIES))
# Two models blended are a colorizer like any other.
BLENDS = {"plain blend": "plain", "chroma-bound blend": "chroma-bound"}
PARTS = ("deoldify", "ddcolor")
each_colorizer = pytest.mark.parametrize("family", [*sorted(FAMILIES), *BLENDS])


def card_of(family) -> ModelCard:
    """The family's shipped card: size rule, precisions and sampling are what the contract is about."""
    if family in BLENDS:
        return merged_card(*(card_of(part) for part in PARTS))
    return next(card for card in list_cards() if card.family == family)


def build(family, *, seed=0):
    torch.manual_seed(seed)
    network = family_module(family).build(TINY[family])
    # Fresh networks answer nearly nothing: at this size differences show, and nothing is at its limits yet.
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_var, 0.15, 0.3)
    if any(name.endswith("weight_u") for name, _ in network.named_buffers()):
        # Spectral norms begin with random vectors, which training steps turn into singular ones.
        with torch.no_grad():
            for _ in range(4):
                network.train()(network.to_input(pictures(2, 64, 64)))
    return network.eval()


def colorizer_of(family, compute=FLOAT32, *, change=lambda family, network: None):
    if family in BLENDS:
        parts = (colorizer_of(part, compute, change=change) for part in PARTS)
        return MergedColorizer(*parts, Blend(weight=0.4, method=BLENDS[family]))
    network = build(family)
    change(family, network)
    return NetworkColorizer(network, card_of(family), compute)


def pictures(count, height=64, width=80):
    """Smooth, different pictures."""
    coarse = torch.rand(count, 1, 4, 5, generator=torch.Generator().manual_seed(1)) * 100
    return torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear")


def spread(ab):
    """Standard deviation of a* and b* over the pictures."""
    return float(ab.std(dim=(0, 2, 3)).mean())


def test_every_family_takes_part_and_has_a_card():
    assert set(TINY) == set(ANSWER_GRAY) == set(FAMILIES) == {card.family for card in list_cards()}


@each_family
def test_it_builds_saves_and_loads_strictly(family, tmp_path):
    network, path = build(family), tmp_path / "tiny.safetensors"
    write_weights(path, network.state_dict(), {"family": family, "hyper": TINY[family]})

    again = family_module(family).build(read_header(path)["hyper"])
    again.load_state_dict(read_weights(path), strict=True)

    assert all(torch.equal(value, again.state_dict()[key]) for key, value in network.state_dict().items())


@each_family
def test_it_loads_under_its_card_and_answers_as_before(family, tmp_path):
    network, path, batch = build(family), tmp_path / "tiny.safetensors", make_batch(pictures(2))
    write_weights(path, network.state_dict(), {"family": family, "hyper": TINY[family]})

    loaded = load_colorizer(card_of(family).name, weights=str(path), device="cpu", precision="float32")

    assert TINY[family] == loaded.card.hyper
    expected = NetworkColorizer(network, card_of(family), FLOAT32).predict(batch).ab
    torch.testing.assert_close(loaded.predict(batch).ab, expected, atol=5e-3, rtol=0)


@each_colorizer
def test_answers_are_natural_lab_units_of_the_frames_in_order(family):
    colorizer, lightness = colorizer_of(family), pictures(3)

    answer = colorizer.predict(make_batch(lightness))

    assert (3, 2) == tuple(answer.ab.shape[:2])
    assert answer.ab.dtype == torch.float32
    assert torch.isfinite(answer.ab).all()
    assert answer.ab.abs().max() <= 128
    assert spread(answer.ab) > 0.1, "the test's own weights answer nothing: nothing would be tested"
    back = colorizer.predict(make_batch(lightness.flip(0)))
    torch.testing.assert_close(back.ab.flip(0), answer.ab, atol=1e-3, rtol=0)
    if answer.confidence is not None:
        assert (3, 1) == tuple(answer.confidence.shape[:2])
        assert 0 <= answer.confidence.min() <= answer.confidence.max() <= 1


@each_colorizer
def test_a_frame_s_color_does_not_depend_on_the_rest_of_its_batch(family):
    colorizer, lightness = colorizer_of(family), pictures(4)

    together = colorizer.predict(make_batch(lightness)).ab
    alone = torch.cat([colorizer.predict(make_batch(lightness[i : i + 1])).ab for i in range(4)])

    torch.testing.assert_close(alone, together, atol=1e-3, rtol=0)


@each_colorizer
@pytest.mark.parametrize("size", [(1, 1), (63, 95), (17, 200), (130, 33)])
def test_odd_sizes_are_answered_whole(family, size):
    answer = colorizer_of(family).predict(make_batch(pictures(1, *size)))

    assert min(answer.ab.shape[2:]) >= 1
    assert torch.isfinite(answer.ab).all()
    # The answer has the picture's aspect, as far as its own samples allow.
    stride = max(1.0, max(size) / max(answer.ab.shape[2:]))
    assert all(abs(side - length / stride) <= 1.5 for side, length in zip(answer.ab.shape[2:], size, strict=True))


@each_colorizer
def test_half_precision_is_as_good_as_the_card_claims(family):
    if "bfloat16" not in card_of(family).precisions:
        pytest.skip(f"{family} does not claim bfloat16")
    batch = make_batch(pictures(2))
    exact = colorizer_of(family).predict(batch).ab

    half = colorizer_of(family, BFLOAT16).predict(batch).ab

    assert half.dtype == torch.float32
    assert (half - exact).abs().mean() < 0.1 * spread(exact)


@each_colorizer
def test_a_gray_answer_stays_gray(family):
    """Exactly: no offset of the color coding may tint what the network leaves gray."""
    colorizer = colorizer_of(family, change=lambda part, network: ANSWER_GRAY[part](network))

    answer = colorizer.predict(make_batch(pictures(2, 63, 95)))

    assert float(answer.ab.abs().max()) <= GRAY_ROUNDING.get(family, max(GRAY_ROUNDING.values()))


@each_colorizer
def test_the_same_seed_gives_the_same_color(family):
    """Of models that sample; the others must not care about the seed."""
    colorizer, lightness = colorizer_of(family), pictures(2)
    first = colorizer.predict(make_batch(lightness, seed=7)).ab
    torch.manual_seed(99)

    assert torch.equal(first, colorizer.predict(make_batch(lightness, seed=7)).ab)
    other = colorizer.predict(make_batch(lightness, seed=8)).ab
    assert card_of(family).is_sampled != torch.equal(first, other)


@each_colorizer
def test_the_input_is_left_as_it_was(family):
    lightness = pictures(2)
    before = lightness.clone()
    colorizer_of(family).predict(make_batch(lightness))

    assert torch.equal(before, lightness)


@each_colorizer
def test_a_card_s_claims_fit_its_size_rule(family):
    card = card_of(family)

    assert card == replace(card)
    assert card.size_rule.minimum > 2 * card.size_rule.rim
    assert card.licence
    assert "float32" in card.precisions
