"""Is it the same run? Every difference is named as the user knows it, with the two ways on."""

import json
from pathlib import Path

import click
import pytest

from videocolor.cli.options import run_options
from videocolor.errors import ResumeError
from videocolor.journal.fingerprint import (
    check_same_run,
    differs_in_references_only,
    make_fingerprint,
    read_fingerprint,
    write_fingerprint,
)
from videocolor.settings import EncodeSettings, RunSettings

WORK = Path("film.mkv.work")


def make_print(settings=None, **changes):
    values = {
        "identity": "source",
        "settings": (settings or RunSettings()).pixel_settings(),
        "weights_sha256": "weights",
        "precision": "float32",
        "device": "cpu",
        "threads": 2,
        "batch_size": 4,
        "encoding": {"pix_fmt": "yuv420p", "options": {"crf": "16"}, "chroma_steps": (2, 2)},
        "target_suffix": ".mkv",
        "references": {},
    }
    return make_fingerprint(**{**values, **changes})


def test_the_same_run_is_the_same_after_a_round_trip_through_the_disk(tmp_path):
    write_fingerprint(tmp_path, make_print())

    saved = read_fingerprint(tmp_path)

    assert make_print() == saved
    check_same_run(saved, make_print(), tmp_path)


def test_there_is_no_fingerprint_before_the_first_run(tmp_path):
    assert read_fingerprint(tmp_path) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "\0"])
def test_a_damaged_fingerprint_equals_no_run(tmp_path, text):
    (tmp_path / "settings.json").write_text(text)

    saved = read_fingerprint(tmp_path)

    assert saved == {}
    with pytest.raises(ResumeError, match="--restart"):
        check_same_run(saved, make_print(), tmp_path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (RunSettings(saturation=1.5), r"--saturation was 1\.0, is 1\.5\."),
        (RunSettings(render_factor=20), r"--render-factor was None, is 20\."),
        (RunSettings(encode=EncodeSettings(crf=20)), r"--crf was None, is 20\."),
        (RunSettings(segment_s=5), r"--segment-seconds was 10\.0, is 5\."),
    ],
)
def test_a_changed_setting_is_named_by_its_option(settings, message):
    with pytest.raises(ResumeError, match=message):
        check_same_run(make_print(), make_print(settings), WORK)


@pytest.mark.parametrize("name", sorted(RunSettings().pixel_settings()))
def test_every_name_in_the_message_is_an_option(name):
    """Segment length was called --segment-s, which the command line does not know."""
    options = {flag for option in run_options(click.Command("x", callback=lambda: None)).params for flag in option.opts}

    saved, current = make_print(), {**make_print(), f"settings.{name}": "another"}
    with pytest.raises(ResumeError) as caught:
        check_same_run(saved, current, WORK)

    named = caught.value.problem.split("differs: ")[1].split(" was ")[0]
    assert named in options


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"identity": "other"}, "the source file has changed"),
        ({"weights_sha256": "other"}, "weights was 'weights', is 'other'"),
        ({"precision": "bfloat16"}, "precision was 'float32', is 'bfloat16'"),
        ({"device": "cuda"}, "device was 'cpu', is 'cuda'"),
        ({"batch_size": 8}, "batch_size was 4, is 8"),
        ({"target_suffix": ".mp4"}, "target was '.mkv', is '.mp4'"),
        ({"encoding": {"pix_fmt": "yuv444p"}}, "encoding.pix_fmt was 'yuv420p', is 'yuv444p'"),
    ],
)
def test_everything_that_changes_pixels_is_compared(changes, message):
    with pytest.raises(ResumeError, match=message) as caught:
        check_same_run(make_print(), make_print(**changes), WORK)

    assert str(WORK) in caught.value.problem
    assert caught.value.remedy == "Use the old settings to go on with it, or --restart to begin anew."


def test_many_differences_are_cut_short():
    saved = {f"settings.option_{number}": 0 for number in range(9)}
    with pytest.raises(ResumeError, match="; …") as caught:
        check_same_run(saved, {}, WORK)
    assert caught.value.problem.count(" was ") == 6


def test_a_fingerprint_is_plain_json():
    """Tuples and paths must compare equal after they were written and read."""
    made = make_print(encoding={"time_base": Path("x"), "steps": (2, (1, 2)), "tags": {1: (3,)}})

    assert made == json.loads(json.dumps(made))


def test_a_changed_reference_is_named_by_its_frame(tmp_path):
    saved, current = make_print(references={"frame 12": "aa"}), make_print(references={})

    with pytest.raises(ResumeError, match="reference frame 12 was 'aa', is None"):
        check_same_run(saved, current, tmp_path)


def test_runs_that_differ_in_references_only_have_one_plan():
    plain, guided = make_print(), make_print(references={"frame 12": "aa"})

    assert differs_in_references_only(plain, guided)
    assert differs_in_references_only(guided, make_print(references={"frame 12": "bb", "frame 3": "cc"}))
    assert not differs_in_references_only(guided, make_print(references={"frame 12": "aa"}, precision="bfloat16"))
