"""Settings: checked when they are made, whoever makes them; what changes pixels is in the fingerprint."""

from dataclasses import FrozenInstanceError, fields

import pytest

from videocolor.errors import SettingsError
from videocolor.settings import LOSSES, EncodeSettings, RunSettings


def test_defaults_are_settings():
    assert RunSettings() == RunSettings(encode=EncodeSettings())


def test_settings_cannot_be_changed_afterwards():
    with pytest.raises(FrozenInstanceError):
        RunSettings().seed = 1


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"saturation": -0.1}, r"--saturation is -0\.1\. Choose a factor from 0 to 4"),
        ({"saturation": float("nan")}, "--saturation is nan"),
        ({"render_factor": 1}, r"--render-factor is 1\. Choose 2 to 128"),
        ({"render_factor": 129}, "--render-factor is 129"),
        ({"batch_size": 0}, "--batch-size is 0. Choose 1 or more"),
        ({"deinterlace": True, "detelecine": True}, "contradict each other. Use --detelecine for film"),
        ({"max_damaged": -1}, r"--max-damaged is -1\. Choose 0 or more"),
        ({"segment_s": 0.0}, r"--segment-seconds is 0\.0\. Choose a positive number"),
        ({"segment_s": float("nan")}, "--segment-seconds is nan"),
        ({"allow_loss": frozenset({"sound", "audio"})}, f"--allow-loss does not know sound. Choose from {LOSSES[0]}"),
    ],
)
def test_wrong_values_are_refused_with_what_is_right(values, message):
    with pytest.raises(SettingsError, match=message):
        RunSettings(**values)


@pytest.mark.parametrize(
    ("values", "message"),
    [({"crf": -1}, r"--crf is -1\. Choose 0\.\.51"), ({"crf": 64}, "--crf is 64"), ({"threads": -1}, "Choose 0")],
)
def test_wrong_encode_values_are_refused_with_what_is_right(values, message):
    with pytest.raises(SettingsError, match=message):
        EncodeSettings(**values)


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (RunSettings, "upsample"),
        (RunSettings, "smoothing"),
        (RunSettings, "precision"),
        (RunSettings, "interlaced"),
        (RunSettings, "assume_matrix"),
        (EncodeSettings, "codec"),
    ],
)
def test_a_misspelt_choice_is_refused(owner, name):
    """From Python, upsample="guidde" ran as bicubic without a word, and codec="h266" ended in an IndexError."""
    option = f"--{name.replace('_', '-')}"
    with pytest.raises(SettingsError, match=rf"{option} is 'guidde'\. Choose from \w+"):
        owner(**{name: "guidde"})


def test_a_misspelt_setting_is_refused():
    with pytest.raises(TypeError, match="render_facto"):
        RunSettings(render_facto=20)


def test_pixel_settings_hold_what_changes_pixels_and_nothing_else():
    """A setting that is missing here lets two different runs be joined; one too many forbids a resume."""
    found = RunSettings().pixel_settings()

    # What stands behind these is in the fingerprint by itself: files by their hashes, "auto" by what was chosen.
    resolved = {"weights", "references", "device", "precision", "batch_size"}
    no_pixels = {"encode", "interlaced", "allow_loss", "max_damaged", "provenance"} | resolved
    expected = {item.name for item in fields(RunSettings)} - no_pixels
    expected |= {f"encode.{item.name}" for item in fields(EncodeSettings)}
    assert expected == set(found)


def test_pixel_settings_have_the_run_s_values():
    found = RunSettings(saturation=0.5, encode=EncodeSettings(crf=12)).pixel_settings()

    assert (0.5, 12) == (found["saturation"], found["encode.crf"])
