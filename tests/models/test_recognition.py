"""A bare state dict is known by its keys and shapes: published ones to the family, everything else to nobody."""

import sys
from types import ModuleType

import pytest
import torch
from torchvision.models import resnet18

from videocolor.errors import WeightsError
from videocolor.models.recognition import recognize
from videocolor.models.registry import FAMILIES, family_module

PUBLISHED = [
    pytest.param("deoldify", {"encoder": "resnet34", "decoder": "deep", "factor": 1.5}, id="artistic"),
    pytest.param("deoldify", {"encoder": "resnet101", "decoder": "wide", "factor": 2.0}, id="stable-and-video"),
    pytest.param("ddcolor", {"depths": (3, 3, 9, 3), "dims": (96, 192, 384, 768)}, id="ddcolor-tiny"),
    pytest.param("ddcolor", {"depths": (3, 3, 27, 3), "dims": (192, 384, 768, 1536)}, id="ddcolor-large"),
]
each_published = pytest.mark.parametrize(("family", "hyper"), PUBLISHED)


def shapes_of(network):
    return {key: tuple(value.shape) for key, value in network.state_dict().items()}


def on_meta(family, hyper):
    """A network of real size without its memory."""
    with torch.device("meta"):
        return family_module(family).build(hyper)


@each_published
def test_published_networks_are_recognized_with_their_size(family, hyper):
    network = on_meta(family, hyper)

    found_family, found_hyper = recognize(shapes_of(network))

    assert family == found_family
    again = on_meta(family, found_hyper)
    assert network.hyper == again.hyper
    assert shapes_of(network) == shapes_of(again)


@each_published
def test_keys_that_are_ignored_do_not_disturb(family, hyper):
    ignored = getattr(family_module(family), "IGNORED_KEYS", ())
    shapes = {**shapes_of(on_meta(family, hyper)), **dict.fromkeys(ignored, (1000,))}

    assert family == recognize(shapes)[0]


@each_published
def test_a_truncated_state_dict_is_not_taken_for_a_smaller_network(family, hyper):
    """What is missing is said when it is loaded."""
    shapes = shapes_of(on_meta(family, hyper))
    last = list(shapes)[-20:]

    found = recognize({key: shape for key, shape in shapes.items() if key not in last})

    assert found == recognize(shapes)


@pytest.mark.parametrize(
    ("shapes", "problem"),
    [
        ({}, r"0 tensors \(none\)"),
        ({"b": (1,), "a": (2, 3)}, r"2 tensors \(a, b\)"),
        ({f"k{number}": () for number in range(9)}, r"9 tensors \(k0, k1, k2, \.\.\.\)"),
    ],
)
def test_others_are_refused_with_what_was_found_and_what_is_known(shapes, problem):
    with pytest.raises(WeightsError, match=problem) as raised:
        recognize(shapes)

    assert "deoldify, ddcolor" in raised.value.remedy


def test_a_plain_classifier_is_nobody_s():
    """DeOldify holds the same encoder under other names."""
    with torch.device("meta"):
        shapes = shapes_of(resnet18())

    with pytest.raises(WeightsError, match="of no network that is known here"):
        recognize(shapes)


def test_families_that_always_have_our_header_are_not_asked():
    shapes = shapes_of(on_meta("compact", {}))

    with pytest.raises(WeightsError, match="of no network") as raised:
        recognize(shapes)
    assert "compact" not in raised.value.remedy


def test_keys_that_a_family_stumbles_over_are_no_crash(monkeypatch):
    module = ModuleType("numbered_family")
    module.recognize = lambda shapes: {"depth": max(int(key.removeprefix("blocks.")) for key in shapes)}
    monkeypatch.setitem(sys.modules, "numbered_family", module)
    monkeypatch.setitem(FAMILIES, "numbered", "numbered_family")

    assert ("numbered", {"depth": 4}) == recognize({"blocks.3": (), "blocks.4": ()})
    with pytest.raises(WeightsError, match=r"named as in numbered, but oddly: .*'x'"):
        recognize({"blocks.x": ()})
