"""Cards and families: what is wrong with a card is said, and torch is not needed to read one."""

from types import SimpleNamespace

import pytest

from videocolor.core.cards import SizeRule
from videocolor.errors import SettingsError, WeightsError
from videocolor.models import registry
from videocolor.models.registry import family_module, list_cards, load_card, model_names, read_card

CARD = """
name = "tiny"
family = "compact"
summary = "For tests."
licence = "MIT"
precisions = ["float32", "bfloat16"]
needs = []

[size_rule]
multiple_of = 32
minimum = 64
square = false
default_side = 64
rim = 16
"""


def write_card(folder, text=CARD, name="tiny"):
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_card_is_read_with_its_size_rule(tmp_path):
    card = read_card(write_card(tmp_path))

    assert ("tiny", "compact", None, None) == (card.name, card.family, card.weights_file, card.sha256)
    assert card.precisions == ("float32", "bfloat16")
    assert card.size_rule == SizeRule(multiple_of=32, minimum=64, square=False, default_side=64, rim=16)


@pytest.mark.parametrize(
    "text",
    [
        "name =",
        CARD.replace('name = "tiny"', ""),
        'color = "red"\n' + CARD,
        CARD + "squared = 1\n",
        CARD.split("[size_rule]")[0],
        CARD.split("[size_rule]")[0] + "size_rule = 3",
    ],
)
def test_a_wrong_card_is_refused_with_its_keys(tmp_path, text):
    with pytest.raises(WeightsError, match=r"The card .*tiny\.toml is wrong: .*\. Its keys are name, family, "):
        read_card(write_card(tmp_path, text))


def test_cards_are_listed_by_name(tmp_path):
    for name in ("b", "a"):
        write_card(tmp_path, CARD.replace("tiny", name), name)

    assert ["a", "b"] == [card.name for card in list_cards(tmp_path)]


def test_every_shipped_card_is_right_and_named_as_its_file():
    assert "compact" in model_names()
    for name in model_names():
        card = load_card(name)
        assert name == card.name
        assert family_module(card.family).build
        assert card.size_rule.default_side % card.size_rule.multiple_of == 0


@pytest.mark.parametrize("name", ["nothing", "../compact", "", "compact.toml"])
def test_an_unknown_model_is_refused_with_the_choice(name):
    with pytest.raises(SettingsError, match=r"There is no model .*\. Models: .*compact"):
        load_card(name)


def test_an_unknown_family_is_refused_with_the_choice():
    with pytest.raises(WeightsError, match=r"The family 'nothing' is not known here\. Known: compact"):
        family_module("nothing")


def test_families_of_other_packages_are_found_by_their_entry_point(monkeypatch):
    asked = []

    def entry_points(*, group, name):
        asked.append((group, name))
        return [SimpleNamespace(value="videocolor.models.compact")]

    monkeypatch.setattr(registry, "entry_points", entry_points)

    assert family_module("foreign").__name__ == "videocolor.models.compact"
    assert asked == [("videocolor.colorizers", "foreign")]
