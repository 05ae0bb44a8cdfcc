"""Two results beside each other: the interval, pairs of the same files, and lines that turned."""

import json

import numpy as np
import pytest

from videocolor.errors import MediaNotFound, SettingsError
from videocolor.examine.bootstrap import compare_results, paired_interval, read_results


def result(psnr, *, verdicts=("held",), model="old", side=256, groups=None):
    """As `ExamResult.to_json` gives it, as far as a comparison reads it."""
    names = groups or ["people"] * len(psnr)
    photos = [
        {"name": str(n), "sha256": f"{n:064x}", "group": name, "psnr": value}
        for n, (value, name) in enumerate(zip(psnr, names, strict=True))
    ]
    return {
        "format": 1,
        "model": model,
        "sha256": "ab" * 32,
        "settings": {"side": side},
        "ranking": {"photos": photos},
        "lines": [{"number": n + 1, "verdict": verdict} for n, verdict in enumerate(verdicts)],
    }


def test_the_interval_of_a_mean_is_the_textbook_s():
    values = np.random.default_rng(3).normal(0.2, 2, 400)

    low, high = paired_interval(values)

    error = 1.96 * values.std() / 20
    assert values.mean() - error == pytest.approx(low, abs=0.01)
    assert values.mean() + error == pytest.approx(high, abs=0.01)


def test_the_interval_holds_the_truth_nineteen_times_of_twenty():
    rng = np.random.default_rng(0)

    held = 0
    for number in range(1000):
        low, high = paired_interval(rng.normal(0, 2, 60), draws=400, seed=number)
        held += low <= 0 <= high

    assert 0.92 < held / 1000 < 0.97


def test_equal_inputs_give_equal_intervals_however_many_fit_into_memory():
    values = np.random.default_rng(1).normal(size=3000)

    assert paired_interval(values, seed=5) == paired_interval(values, seed=5)
    assert paired_interval(values, seed=5) != paired_interval(values, seed=6)


def test_pairs_are_the_same_files():
    rng = np.random.default_rng(2)
    old = rng.normal(23, 3, 60)
    newer = result(old + 0.5, model="new")
    newer["ranking"]["photos"] = newer["ranking"]["photos"][::-1][:50]

    found = compare_results(newer, result(old))

    assert ("old", "ab" * 32) == (found.model, found.sha256)
    assert 50 == found.overall.photos
    # The pictures differ by 3 dB, the pairs not at all.
    assert 0.5 == pytest.approx(found.overall.mean) == pytest.approx(found.overall.low)
    assert 0.5 == pytest.approx(found.overall.high)
    assert not found.is_worse


def test_one_group_that_falls_makes_it_worse():
    rng = np.random.default_rng(4)
    groups = ["people"] * 60 + ["nature"] * 40 + [None] * 10
    old = rng.normal(23, 3, 110)
    change = rng.normal([1] * 60 + [-1] * 40 + [0] * 10, 0.5)

    found = compare_results(result(old + change, groups=groups), result(old, groups=groups))

    assert {"nature": True, "people": False} == {name: item.is_worse for name, item in found.groups.items()}
    assert not found.overall.is_worse
    assert found.is_worse
    assert found.groups["nature"].mean == pytest.approx(change[60:100].mean())


def test_noise_is_not_worse_and_few_pictures_say_nothing():
    rng = np.random.default_rng(5)
    old = rng.normal(23, 3, 80)
    noisy = compare_results(result(old + rng.normal(0, 2, 80)), result(old))
    few = compare_results(result(old[:29] - 1), result(old[:29]))
    rounded = compare_results(result(old - 1e-4), result(old))

    assert not noisy.is_worse
    assert rounded.overall.high < 0
    assert not rounded.is_worse
    assert few.overall.high < 0
    assert not few.is_worse


def test_lines_that_turned():
    old = result([23.0] * 5, verdicts=("held", "failed", "held", "not tested", "held"))
    newer = result([23.0] * 5, verdicts=("failed", "held", "held", "failed", "not tested"))

    found = compare_results(newer, old)

    assert ((1,), (2,)) == (found.newly_failed, found.newly_held)
    assert found.is_worse


def test_lines_that_were_held_and_are_not_tested_now_are_named():
    old = result([23.0] * 5, verdicts=("held", "held", "failed", "held"))
    newer = result([23.0] * 5, verdicts=("not tested", "held", "not tested"))

    found = compare_results(newer, old)

    assert (1, 4) == found.no_longer_tested
    assert found.is_worse is False


@pytest.mark.parametrize("value", [None, float("nan")])
def test_a_photograph_that_has_no_score_any_more_makes_it_worse(value):
    found = compare_results(result([23.0, value, 24.0]), result([22.0, 22.0, 22.0]))

    assert ("1",) == found.no_longer_scored
    assert 2 == found.overall.photos
    assert found.is_worse is True


def test_where_nothing_is_compared_nothing_is_said():
    one, other = result([23.0] * 3), result([23.0] * 3, verdicts=("failed", "held"))
    other["ranking"]["photos"] = [photo | {"sha256": "f" * 64} for photo in other["ranking"]["photos"][:1]]
    untested = result([23.0] * 3, verdicts=("not tested",))
    none_run = one | {"lines": []}

    assert compare_results(one, one).is_worse is False
    assert compare_results(one, untested).is_worse is None
    assert compare_results(one, none_run).is_worse is None
    assert compare_results(none_run, one).is_worse is None
    # Of other photographs, with a line that holds; and one that failed, which is worse whatever the photographs.
    assert compare_results(result([23.0] * 3, verdicts=("held", "held")), other).is_worse is None
    assert compare_results(result([23.0] * 3, verdicts=("held", "failed")), other).is_worse is True
    assert compare_results(one, other).to_json()["is_worse"] is None


def test_settings_that_differ_are_named():
    old = result([23.0] * 3) | {"clips": ["a.mkv", "b.mkv"]}
    old["settings"] |= {"few": 24, "smoothing": "flow", "smoothing_strength": "normal", "render_factor": 16}
    newer = result([23.0] * 3) | {"clips": ["b.mkv", "a.mkv"]}
    newer["settings"] |= old["settings"]

    assert () == compare_results(newer, old).other_settings

    newer["settings"] |= {"few": 12, "smoothing": "ema", "smoothing_strength": "light", "precision": "float32"}
    assert (
        "number format float32, in the older result unknown",
        "few 12, in the older result 24",
        "smoothing ema, in the older result flow",
        "smoothing strength light, in the older result normal",
        "clips b.mkv, in the older result a.mkv, b.mkv",
    ) == compare_results(newer | {"clips": ["b.mkv"]}, old).other_settings


def test_gray_answers_and_clips_alone_have_no_pairs():
    gray, scored = result([None] * 40), result([23.0] * 40)
    clips = scored | {"ranking": None}

    for newer, old in ((gray, scored), (scored, gray), (clips, scored), (scored, clips)):
        found = compare_results(newer, old)
        assert (None, {}) == (found.overall, found.groups)
    assert compare_results(gray, scored).is_worse is True
    assert compare_results(scored, gray).is_worse is False
    assert compare_results(clips, scored).is_worse is None


def test_other_picture_sizes_are_refused():
    with pytest.raises(SettingsError, match="128"):
        compare_results(result([23.0]), result([23.0], side=128))


def test_json_says_what_is_worse():
    rng = np.random.default_rng(6)
    old = rng.normal(23, 3, 40)

    values = json.loads(json.dumps(compare_results(result(old - 1), result(old)).to_json()))

    assert [
        "model",
        "sha256",
        "overall",
        "groups",
        "newly_failed",
        "newly_held",
        "no_longer_tested",
        "no_longer_scored",
        "common_photos",
        "common_lines",
        "other_settings",
        "is_worse",
    ] == list(values)
    assert [True] * 3 == [item["is_worse"] for item in (values, values["overall"], values["groups"]["people"])]
    assert 40 == values["overall"]["photos"]


def test_results_are_read_back_one_or_several(tmp_path):
    one, several = tmp_path / "one.json", tmp_path / "several.json"
    one.write_text(json.dumps(result([23.0])))
    several.write_text(json.dumps({"results": [result([23.0]), result([24.0], model="other")]}))

    assert ["old"] == [item["model"] for item in read_results(one, 1)]
    assert ["old", "other"] == [item["model"] for item in read_results(several, 1)]


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"results": [{}]}', '{"results": 3}', "\x00\xff"])
def test_other_files_are_refused(tmp_path, text):
    path = tmp_path / "other.json"
    path.write_text(text, encoding="latin-1")

    with pytest.raises(SettingsError, match="no result of an examination"):
        read_results(path, 1)


def test_a_file_without_any_result_is_called_so(tmp_path):
    path = tmp_path / "empty.json"
    path.write_text('{"results": []}')

    with pytest.raises(SettingsError, match="holds no results"):
        read_results(path, 1)


def test_a_missing_file_and_another_format_are_refused(tmp_path):
    with pytest.raises(MediaNotFound, match="does not exist"):
        read_results(tmp_path / "missing.json", 1)
    path = tmp_path / "newer.json"
    path.write_text(json.dumps(result([23.0]) | {"format": 2}))
    with pytest.raises(SettingsError, match="another version"):
        read_results(path, 1)
