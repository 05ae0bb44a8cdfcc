"""Recipes: what is shipped parses, what is misspelt fails with a remedy."""

from dataclasses import asdict, replace

import pytest
from tiny_training import SHIPPED

from training.recipe import RECIPES, load_recipe, recipe_from
from videocolor.errors import SettingsError

COMPACT = RECIPES / "compact.toml"


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_recipe_explains_its_keys(path):
    """Above each key, in the block that begins a table or in the line before, stands a comment."""
    load_recipe(path)
    previous = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if "=" in line and not line.startswith("#"):
            assert previous.startswith(("#", "lr_start")), line
        previous = line


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("color=1", "unknown keys: color"),
        ("optimizer.lr=1e-3", "optimizer has unknown keys: lr"),
        ("phases.0.side=100", "multiple of 32"),
        ("phases.0.batch=0", "positive numbers"),
        ("phases.1.batch=15", "Make it even"),
        ("phases.0.degraded_sides=[64]", "no steadiness"),
        ("phases.1.degraded_sides=[100]", "multiple of 32"),
        ("phases.7.side=64", "leads nowhere"),
        ("seed='one'", "must be of type int"),
        ("seed=true", "must be of type int"),
        ("optimizer.betas=[0.9]", "Give 2"),
        ("optimizer.betas=0.9", "no list"),
        ("encoder_precision='float8'", "Choose float32 or bfloat16"),
        ("data=1", "no table"),
        ("data.repeats={faces=0}", "Give 1 or more"),
        ("data.repeats={faces=1.5}", "faces is 1.5. It must be of type int"),
        ("hyper=1", "no table"),
        ("data.repeats=[1]", "no table"),
        ("seed", "key=value"),
    ],
)
def test_a_wrong_override_fails_with_a_remedy(override, message):
    with pytest.raises(SettingsError, match=message):
        load_recipe(COMPACT, (override,))


def test_a_missing_key_is_named(tmp_path):
    path = tmp_path / "short.toml"
    path.write_text('family = "compact"\n', encoding="utf-8")
    with pytest.raises(SettingsError, match=r"lacks keys: .*seed"):
        load_recipe(path)


def test_a_missing_or_broken_file_is_named(tmp_path):
    with pytest.raises(SettingsError, match=r"does not exist\. Recipes are in"):
        load_recipe(tmp_path / "none.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("= 1", encoding="utf-8")
    with pytest.raises(SettingsError, match="no valid TOML"):
        load_recipe(broken)


def test_a_recipe_survives_its_checkpoint():
    recipe = load_recipe(COMPACT, ("optimizer.encoder_lr=1", "name=other"))

    assert recipe.name == "other"
    assert recipe.optimizer.encoder_lr == 1.0
    assert recipe == recipe_from(asdict(recipe), "test")


def test_phases_follow_each_other():
    recipe = load_recipe(COMPACT, ("phases.0.steps=3", "phases.1.steps=2"))

    places = [(phase.name, progress) for phase, progress in map(recipe.phase_at, range(recipe.steps))]

    first, second = (phase.name for phase in recipe.phases)
    assert [(first, 0), (first, 1 / 3), (first, 2 / 3), (second, 0), (second, 0.5)] == places
    with pytest.raises(ValueError, match="ends 1 steps earlier"):
        recipe.phase_at(5)


def test_every_side_of_a_phase_has_its_turn_and_the_step_alone_decides():
    phase = replace(load_recipe(SHIPPED[0]).phases[0], side=96, other_sides=(64, 64))

    sides = [phase.side_at(step, seed=5) for step in range(600)]

    assert sides == [phase.side_at(step, seed=5) for step in range(600)]
    assert sides.count(64) == pytest.approx(400, abs=50)
    assert sides.count(96) == 600 - sides.count(64)


def test_other_sides_must_fit_the_network():
    with pytest.raises(SettingsError, match="side 100"):
        replace(load_recipe(SHIPPED[0]).phases[0], other_sides=(128, 100))


def test_a_degraded_copy_is_of_the_size_of_the_clean_one_or_of_one_of_its_own():
    plain = load_recipe(COMPACT, ("phases.1.other_sides=[96, 128]",)).phases[1]
    crossed = replace(plain, degraded_sides=(64, 160))

    assert all(plain.side_at(step, 5) == plain.degraded_side_at(step, 5) for step in range(20))
    assert {crossed.degraded_side_at(step, 5) for step in range(20)} == {64, 160}
    assert len({(crossed.side_at(step, 5), crossed.degraded_side_at(step, 5)) for step in range(60)}) == 6
