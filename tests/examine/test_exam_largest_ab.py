"""The largest ab before any clamp: of which families there is one, and what it is."""

from dataclasses import replace

import pytest
import torch
from tiny_networks import TINY, tiny_network
from tiny_parts import FLOAT32, make_card

from videocolor.color.codec import ab_bins
from videocolor.core.cards import SizeRule
from videocolor.examine.subject import ModelSubject
from videocolor.examine.views import View
from videocolor.models.adapter import NetworkColorizer
from videocolor.models.ddcolor import DDColorNetwork
from videocolor.models.merged import Blend, MergedColorizer

RULE = SizeRule(multiple_of=32, minimum=32, square=False, default_side=64)
UNBOUNDED = {"compact", "ddcolor"}
# What ab can be: colors of RGB, and the clamp of the others.
LIMIT = 110.0


def view(seed=0, size=(64, 64)):
    return View(lightness=torch.rand(1, *size, generator=torch.Generator().manual_seed(seed)) * 100, ab=None)


def colorizer(family, *, rule=RULE, bias=0.0, seen=None):
    """A tiny network; the bias of DDColor's last layer moves all its answers. What it sees is told to `seen`."""
    network = tiny_network(family)
    if seen is not None:
        network.register_forward_pre_hook(lambda module, inputs: seen.append(tuple(inputs[0].shape[2:])))
    if isinstance(network, DDColorNetwork):
        network.refine_net[0][0].bias.data[0] += bias
    return NetworkColorizer(network, make_card(family=family, size_rule=rule), FLOAT32)


def bin_number(*, a, b):
    return int((ab_bins() - torch.tensor([float(a), float(b)])).norm(dim=1).argmin())


def blend(*members):
    return MergedColorizer(*members, Blend(weight=0.5))


@pytest.mark.parametrize("family", sorted(TINY))
def test_families_are_bounded_or_say_how_far_they_go(family):
    network = tiny_network(family)
    lightness = view().lightness[None]
    with torch.no_grad():
        output = network(network.to_input(lightness)) * 1e4

    assert float(network.to_ab(output, lightness).ab.abs().max()) <= LIMIT
    assert hasattr(network, "unbounded_ab") == (family in UNBOUNDED)
    assert (ModelSubject(colorizer(family)).largest_ab([view()]) is None) == (family not in UNBOUNDED)


def test_within_the_limit_it_is_the_largest_of_the_answers():
    subject, views = ModelSubject(colorizer("ddcolor", bias=40.0)), [view(1), view(2)]

    largest = subject.largest_ab(views)

    assert 30 < largest < LIMIT
    assert largest == pytest.approx(float(subject.answer(views).abs().max()), rel=1e-4)


def test_beyond_the_limit_it_is_larger_than_any_answer():
    subject = ModelSubject(colorizer("ddcolor", bias=250.0))

    assert subject.largest_ab([view()]) == pytest.approx(250, rel=0.1)
    assert float(subject.answer([view()]).max()) == LIMIT


def test_the_gain_of_compact_counts_before_the_clamp():
    """Bins reach 110; a gain leads beyond that, and the clamp would hide it."""
    network = tiny_network("compact")
    network.head.bias.data[bin_number(a=80, b=-110)] += 1e3
    subject = ModelSubject(NetworkColorizer(network.with_hyper(gain=1.5), make_card(size_rule=RULE), FLOAT32))

    assert subject.largest_ab([view()]) == pytest.approx(1.5 * 110, rel=1e-4)
    assert float(subject.answer([view()]).min()) == -LIMIT


def test_what_lies_outside_the_picture_does_not_count():
    """A rim that is cut off again shows nobody its colors."""
    picture = view(size=(48, 64))
    subject = ModelSubject(colorizer("ddcolor", rule=replace(RULE, rim=8), bias=40.0))

    assert subject.largest_ab([picture]) == pytest.approx(float(subject.answer([picture]).abs().max()), rel=1e-4)


def test_the_network_s_size_is_the_asked_one():
    seen = []

    ModelSubject(colorizer("ddcolor", seen=seen)).largest_ab([view(), view(1)], 96)

    assert [(96, 96), (96, 96)] == seen


def test_of_two_blended_models_the_one_that_explodes_counts():
    tame, wild, bounded = colorizer("ddcolor"), colorizer("ddcolor", bias=250.0), colorizer("deoldify")

    assert ModelSubject(blend(tame, wild)).largest_ab([view()]) == pytest.approx(250, rel=0.1)
    assert ModelSubject(blend(bounded, wild)).largest_ab([view()]) == pytest.approx(250, rel=0.1)
    assert ModelSubject(blend(bounded, colorizer("deoldify"))).largest_ab([view()]) is None
