"""Two models as one: what is blended, what bounds it, what each of them sees."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny_parts import FLOAT32, CopyNetwork, make_batch, make_card, make_context

from videocolor.color.lab import gray_to_lightness
from videocolor.core.cards import SizeRule
from videocolor.core.frames import ChromaBatch, LumaBatch
from videocolor.errors import SettingsError, WeightsError
from videocolor.models.adapter import NetworkColorizer
from videocolor.models.loader import load_colorizer, model_parts
from videocolor.models.merged import Blend, MergedColorizer, bound_chroma, merged_card

RULE = SizeRule(multiple_of=1, minimum=1, square=False, default_side=16)


class ConstantNetwork(torch.nn.Module):
    """The same ab everywhere, at a size of its own."""

    def __init__(self, a, b, *, size=None, confidence=None):
        super().__init__()
        self.ab = torch.tensor([a, b])
        self.size = size
        self.confidence = confidence
        self.seen = []

    def to_input(self, lightness):
        self.seen.append(tuple(lightness.shape[2:]))
        return lightness

    def forward(self, x):
        return x

    def to_ab(self, output, lightness):
        size = self.size or output.shape[2:]
        ab = self.ab[None, :, None, None].expand(len(output), 2, *size)
        confidence = None if self.confidence is None else torch.full((len(output), 1, *size), self.confidence)
        return ChromaBatch(ab=ab, confidence=confidence)


def colorizer(network, **card):
    return NetworkColorizer(network, make_card(size_rule=RULE, **card), FLOAT32)


def merged(first, second, **blend):
    return MergedColorizer(colorizer(first), colorizer(second), Blend(**blend))


def lightness(height=12, width=16, count=2):
    return torch.rand(count, 1, height, width, generator=torch.Generator().manual_seed(0)) * 100


@given(weight=st.floats(0, 1))
def test_plain_is_the_weighted_mean(weight):
    answer = merged(ConstantNetwork(10.0, -20.0), ConstantNetwork(50.0, 60.0), weight=weight).predict(
        make_batch(lightness())
    )

    expected = torch.tensor([10 + 40 * weight, -20 + 80 * weight])
    torch.testing.assert_close(answer.ab.mean(dim=(0, 2, 3)), expected, atol=1e-3, rtol=0)


@pytest.mark.parametrize(("weight", "alone"), [(0.0, 0), (1.0, 1)])
def test_the_ends_of_the_weight_are_one_model_alone(weight, alone):
    networks = (CopyNetwork(), ConstantNetwork(5.0, 5.0))
    batch = make_batch(lightness())

    answer = merged(*networks, weight=weight).predict(batch)

    assert torch.equal(answer.ab, colorizer(networks[alone]).predict(batch).ab)


def test_each_model_sees_its_own_size():
    first, second = ConstantNetwork(0.0, 0.0), ConstantNetwork(10.0, 10.0)
    batch = LumaBatch(lightness=lightness(8, 8), pts=(0, 1), context=make_context(), further=(lightness(20, 12),))

    answer = merged(first, second, weight=0.5).predict(batch)

    assert ([(8, 8)], [(20, 12)]) == (first.seen, second.seen)
    assert (2, 2, 20, 12) == tuple(answer.ab.shape)
    assert torch.allclose(answer.ab, torch.tensor(5.0))


def test_answers_of_different_sizes_cover_the_same_picture():
    """The left half of the first is red; enlarged to the second's grid it still is."""
    first = ConstantNetwork(0.0, 0.0)
    first.to_ab = lambda output, seen: ChromaBatch(
        ab=torch.cat([torch.full((2, 2, 4, 4), 40.0), torch.zeros(2, 2, 4, 4)], dim=3)
    )
    answer = merged(first, ConstantNetwork(0.0, 0.0, size=(16, 32)), weight=0.0).predict(make_batch(lightness()))

    assert (16, 32) == tuple(answer.ab.shape[2:])
    torch.testing.assert_close(answer.ab[..., :14], torch.full((2, 2, 16, 14), 40.0))
    torch.testing.assert_close(answer.ab[..., 18:], torch.zeros(2, 2, 16, 14))


def test_on_plain_luma_the_second_stays_within_twenty_units():
    first, second = torch.zeros(1, 2, 8, 8), torch.full((1, 2, 8, 8), 70.0)
    second[:, 1] = -8

    bound = bound_chroma(first, second, torch.full((1, 1, 8, 8), 60.0))

    assert (20.0, -8.0) == (float(bound[0, 0].max()), float(bound[0, 1].min()))


def test_texture_widens_the_bound_up_to_forty_four_units():
    """A white dot on black: the Laplacian of 8-bit luma is 4 x 255 there, beside it 255, elsewhere nothing."""
    gray = torch.zeros(1, 1, 9, 9)
    gray[..., 4, 4] = 1
    bound = bound_chroma(torch.zeros(1, 2, 9, 9), torch.full((1, 2, 9, 9), 90.0), gray_to_lightness(gray))

    expected = np.full((9, 9), 20.0)
    for y, x in ((4, 4), (3, 4), (5, 4), (4, 3), (4, 5)):
        expected[y, x] = 44
    np.testing.assert_allclose(bound[0, 0].numpy(), expected, atol=0.05)


@given(seed=st.integers(0, 1000))
def test_a_bound_never_leaves_the_span_of_both(seed):
    generator = torch.Generator().manual_seed(seed)
    first, second = (torch.rand(1, 2, 6, 6, generator=generator) * 200 - 100 for _ in range(2))

    bound = bound_chroma(first, second, torch.rand(1, 1, 6, 6, generator=generator) * 100)

    assert (bound >= torch.minimum(first, second) - 1e-4).all()
    assert (bound <= torch.maximum(first, second) + 1e-4).all()
    assert ((bound - first).abs() <= 44.001).all()


def test_the_chroma_bound_method_is_bound_first_then_blended():
    answer = merged(ConstantNetwork(0.0, 0.0), ConstantNetwork(80.0, 10.0), weight=0.5, method="chroma-bound").predict(
        make_batch(torch.full((1, 1, 8, 8), 50.0))
    )

    torch.testing.assert_close(answer.ab.mean(dim=(0, 2, 3)), torch.tensor([10.0, 5.0]))


def test_confidence_is_blended_or_that_of_the_one_that_has_it():
    sure, unsure, silent = (ConstantNetwork(0.0, 0.0, confidence=c) for c in (1.0, 0.0, None))
    batch = make_batch(lightness())

    assert float(merged(sure, unsure, weight=0.25).predict(batch).confidence.mean()) == pytest.approx(0.75)
    assert float(merged(silent, sure, weight=0.25).predict(batch).confidence.mean()) == 1
    assert merged(silent, silent).predict(batch).confidence is None


def test_the_card_promises_what_both_keep():
    first = make_card(name="a", sha256="1" * 64, precisions=("float32", "bfloat16", "float16"), licence="MIT")
    second = make_card(name="b", sha256=None, precisions=("float32", "float16"), licence="CC0", is_sampled=True)

    card = merged_card(first, second)

    assert ("a+b", ("float32", "float16"), "MIT / CC0", True) == (
        card.name,
        card.precisions,
        card.licence,
        card.is_sampled,
    )
    assert card.sha256 == "1" * 64 + "+?"


@pytest.mark.parametrize("name", ["", "+", "a+", "+a", "a+b+c"])
def test_a_name_of_more_or_fewer_parts_is_refused(name):
    with pytest.raises(SettingsError, match="Name one model, or two as in"):
        model_parts(name)


def test_the_shipped_model_merges_with_itself():
    """Through the loader: two members on one device, and the same colors as alone."""
    batch = make_batch(lightness(64, 64, 1))
    both = load_colorizer("compact+compact", device="cpu", precision="float32", blend=Blend(weight=0.3))

    assert ("compact+compact", 2) == (both.card.name, len(both.members))
    alone = load_colorizer("compact", device="cpu", precision="float32")
    torch.testing.assert_close(both.predict(batch).ab, alone.predict(batch).ab, atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        (["mine.pth"], SettingsError, "--weights mine.pth does not say whose they are"),
        (["other=mine.pth"], SettingsError, "Write --weights compact=FILE or ddcolor=FILE"),
        (["compact=a", "compact=b"], SettingsError, "--weights is given twice for compact"),
        (["ddcolor=nowhere.pth"], WeightsError, r"The weight file nowhere\.pth does not exist"),
    ],
)
def test_weights_of_two_models_name_their_owner(weights, error, message):
    with pytest.raises(error, match=message):
        load_colorizer("compact+ddcolor", weights=weights, device="cpu", precision="float32")


def test_a_blend_of_one_model_is_refused():
    with pytest.raises(SettingsError, match="--blend needs two models"):
        load_colorizer("compact", device="cpu", blend=Blend())
