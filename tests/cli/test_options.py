"""The command line's options are the settings: every one, with the same defaults and the same choices."""

from dataclasses import fields

import click
import pytest

from videocolor.cli.options import build_settings, run_options
from videocolor.errors import SettingsError
from videocolor.settings import EncodeSettings, RunSettings


def parse(*args):
    @click.command()
    @run_options
    def work(**values):
        return build_settings(values)

    return work.main(list(args), standalone_mode=False)


def test_no_options_are_the_default_settings():
    """So the command line and Python do the same by default."""
    assert parse() == RunSettings()


def test_every_setting_is_an_option():
    command = run_options(click.Command("work", callback=lambda: None))

    names = {item.name for owner in (RunSettings, EncodeSettings) for item in fields(owner)} - {"encode", "provenance"}
    assert names | {"no_provenance"} == {parameter.name for parameter in command.params}


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["--render-factor", "20"], {"render_factor": 20}),
        (["--saturation", "0.5"], {"saturation": 0.5}),
        (["--weights", "mine.pth"], {"weights": ("mine.pth",)}),
        (
            ["--model", "a+b", "--weights", "a=1.pth", "--weights", "b=2.pth"],
            {"model": "a+b", "weights": ("a=1.pth", "b=2.pth")},
        ),
        (["--model", "a+b", "--blend", "0.3"], {"model": "a+b", "blend": 0.3}),
        (["--model", "a+b", "--blend-method", "chroma-bound"], {"model": "a+b", "blend_method": "chroma-bound"}),
        (["--faithful"], {"faithful": True}),
        (["--smoothing", "none"], {"smoothing": "none"}),
        (["--smoothing-strength", "strong"], {"smoothing_strength": "strong"}),
        (["--keyframes", "4"], {"keyframes": 4}),
        (["--keyframes", "auto"], {"keyframes": "auto"}),
        (["--reference", "frame_1.png", "--references", "painted"], {"references": ("frame_1.png", "painted")}),
        (["--no-provenance"], {"provenance": False}),
        (["--batch-size", "8"], {"batch_size": 8}),
        (["--batch-size", "auto"], {"batch_size": None}),
        (["--segment-seconds", "4"], {"segment_s": 4.0}),
        (["--allow-loss", "audio, subtitles,"], {"allow_loss": frozenset({"audio", "subtitles"})}),
        (["--detelecine"], {"detelecine": True}),
        (["--start", "0:30", "--end", "90"], {"start": "0:30", "end": "90"}),
        (["--device", "cuda:1", "--precision", "bfloat16"], {"device": "cuda:1", "precision": "bfloat16"}),
        (["--codec", "ffv1", "--threads", "2"], {"encode": EncodeSettings(codec="ffv1", threads=2)}),
        (["--crf", "0", "--tune", "grain"], {"encode": EncodeSettings(crf=0, tune="grain")}),
    ],
)
def test_options_become_settings(args, expected):
    assert RunSettings(**expected) == parse(*args)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--batch-size", "many"], "--batch-size is 'many'. Choose a positive number, or \"auto\""),
        (["--batch-size", "-1"], "--batch-size is '-1'"),
        (["--batch-size", "²"], "--batch-size is '²'"),
        (["--batch-size", "0"], "--batch-size is 0"),
        (["--allow-loss", "sound"], "--allow-loss does not know sound"),
        (["--segment-seconds", "nan"], "--segment-seconds is nan"),
        (["--deinterlace", "--detelecine"], "contradict"),
        (["--model", "a+b", "--blend", "1.5"], "--blend is 1.5. Choose the second model's weight from 0 to 1"),
        (["--blend", "0.4"], "need two models, --model is compact"),
        (["--blend-method", "plain"], "need two models"),
        (["--faithful", "--precision", "bfloat16"], "--faithful runs in float32, --precision is bfloat16"),
        (["--faithful", "--saturation", "1.2"], "--faithful knows no --saturation"),
        (["--faithful", "--upsample", "guided"], "--faithful knows no --upsample"),
    ],
)
def test_wrong_values_are_refused_as_settings(args, message):
    with pytest.raises(SettingsError, match=message):
        parse(*args)


@pytest.mark.parametrize(
    "args", [["--upsample", "best"], ["--codec", "h266"], ["--render-factor", "x"], ["--seeed", "1"]]
)
def test_wrong_words_are_refused_by_click(args):
    with pytest.raises(click.UsageError):
        parse(*args)


def test_help_names_every_option_and_its_default(capsys):
    parse("--help")

    text = " ".join(capsys.readouterr().out.split())
    for item in fields(RunSettings):
        if item.name not in ("encode", "segment_s", "provenance"):
            assert f"--{item.name.replace('_', '-')}" in text
    assert "[default: 1.0]" in text
