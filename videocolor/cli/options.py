"""The options of `colorize`, their help, and the settings they become. Defaults are those of `settings.py`."""

from collections.abc import Callable
from typing import Any, Literal, get_type_hints

import click

from videocolor.errors import SettingsError
from videocolor.settings import LOSSES, EncodeSettings, RunSettings, choices_of

_ENCODE_OPTIONS = ("codec", "crf", "preset", "tune", "pix_fmt", "threads")


def _choices(owner: type, name: str) -> click.Choice[str]:
    return click.Choice(choices_of(get_type_hints(owner)[name]))


def _default(owner: type, name: str) -> Any:
    # A frozen dataclass with slots keeps its defaults on its fields.
    return owner.__dataclass_fields__[name].default  # type: ignore[attr-defined]


def _run(flag: str, **kwargs: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    name = flag.removeprefix("--").replace("-", "_")
    default = _default(RunSettings, name)
    return click.option(flag, default=default, show_default=default is not None, **kwargs)


def _encode(flag: str, **kwargs: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    name = flag.removeprefix("--").replace("-", "_")
    default = _default(EncodeSettings, name)
    return click.option(flag, default=default, show_default=default is not None, **kwargs)


_OPTIONS: tuple[Callable[[Callable[..., Any]], Callable[..., Any]], ...] = (
    _run("--model", metavar="NAME[+NAME]", help="Model, or two to blend; see `videocolor models list`."),
    click.option(
        "--weights",
        multiple=True,
        metavar="[NAME=]FILE",
        help="Weight file in place of the model's own; NAME= says whose, where two are blended.",
    ),
    _run("--blend", type=float, metavar="W", help="Weight of the second of two models [default: 0.4]."),
    _run(
        "--blend-method",
        type=_choices(RunSettings, "blend_method"),
        help="plain mean, or the second's colors bound to the first's [default: plain].",
    ),
    _run("--faithful", is_flag=True, help="Pictures: do as the model's original program does; luma is not kept."),
    _run("--render-factor", type=int, metavar="N", help="Network input of 16 N pixels a side [default: the model's]."),
    _run("--saturation", type=float, metavar="X", help="Factor on the predicted colors."),
    _run("--smoothing", type=_choices(RunSettings, "smoothing"), help="Steady the colors over a shot."),
    _run("--smoothing-strength", type=_choices(RunSettings, "smoothing_strength"), help="How far its memory reaches."),
    click.option(
        "--keyframes",
        metavar="N|auto",
        help="Run the network on every N-th frame, or as many as the motion asks for [default: all].",
    ),
    click.option(
        "--reference",
        "--references",
        "references",
        multiple=True,
        metavar="PICTURE|FOLDER",
        help="Frames that a person colored, named by number or time (frame_000123.png): their shots follow them.",
    ),
    _run("--upsample", type=_choices(RunSettings, "upsample"), help="How colors grow to the picture's size."),
    _run("--seed", type=int, metavar="N", help="Seed of sampled models."),
    _run("--keep-color", is_flag=True, help="Shots that have color already keep it."),
    _encode("--codec", type=_choices(EncodeSettings, "codec"), help="Codec of the result (docs/formats.md)."),
    _encode(
        "--crf",
        type=int,
        metavar="N",
        help="Quality of lossy codecs; 0 is lossless [default: h264 16, h265 18, av1 24].",
    ),
    _encode("--preset", metavar="NAME", help="Encoder speed against size [default: medium; av1: 8]."),
    _encode("--tune", metavar="NAME", help="Encoder tuning, for example grain."),
    _encode("--pix-fmt", metavar="NAME", help="Pixel format; auto keeps the source's depth and chroma grid."),
    _encode("--threads", type=int, metavar="N", help="Encoder threads; 0 is all."),
    _run("--device", metavar="NAME", help="auto, cpu, cuda, cuda:1 or mps."),
    _run("--precision", type=_choices(RunSettings, "precision"), help="Number format of the network."),
    click.option("--batch-size", default="auto", show_default=True, metavar="auto|N", help="Frames a network run."),
    _run("--start", metavar="TIME", help="Begin here (HH:MM:SS.mmm or seconds)."),
    _run("--end", metavar="TIME", help="End before this time."),
    _run("--video-stream", type=int, metavar="INDEX", help="Video stream to color [default: the first]."),
    _run("--detector", metavar="NAME", help="Shot detector: ncc; adaptive and hash with the extra [scenedetect]."),
    _run("--deinterlace", is_flag=True, help="Interpolate interlaced frames first (bwdif)."),
    _run("--detelecine", is_flag=True, help="Undo 2:3 pulldown first (fieldmatch, decimate)."),
    _run("--interlaced", type=_choices(RunSettings, "interlaced"), help="What to do with combed frames otherwise."),
    _run("--assume-matrix", type=_choices(RunSettings, "assume_matrix"), help="Y'CbCr matrix in place of the tag."),
    click.option(
        "--allow-loss", default="", metavar="KINDS", help=f"What the result may lack, by commas: {', '.join(LOSSES)}."
    ),
    _run("--max-damaged", type=int, metavar="N", help="Damaged packets to skip before giving up."),
    click.option("--no-provenance", is_flag=True, help="Do not write into the result how its color was made."),
    click.option(
        "--segment-seconds",
        "segment_s",
        type=float,
        default=_default(RunSettings, "segment_s"),
        show_default=True,
        metavar="S",
        help="Length of a segment, the most that a crash costs.",
    ),
)


def run_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add every option that becomes part of `RunSettings`."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def build_settings(values: dict[str, Any]) -> RunSettings:
    """Settings from parsed options.

    Raises:
        SettingsError: A value is out of bounds, or two contradict each other.
    """
    values = dict(values)
    encode = EncodeSettings(**{name: values.pop(name) for name in _ENCODE_OPTIONS})
    batch_size = values.pop("batch_size")
    if batch_size == "auto":
        values["batch_size"] = None
    elif batch_size.isdecimal():
        values["batch_size"] = int(batch_size)
    else:
        raise SettingsError(f"--batch-size is {batch_size!r}.", 'Choose a positive number, or "auto".')
    values["keyframes"] = _keyframes(values["keyframes"])
    losses = split_losses(values.pop("allow_loss"))
    values["weights"] = tuple(values["weights"]) or None
    values["provenance"] = not values.pop("no_provenance")
    return RunSettings(**values, allow_loss=losses, encode=encode)


def _keyframes(text: str | None) -> int | Literal["auto"] | None:
    if text is None or text == "auto":
        return text  # type: ignore[return-value]
    if text.isdecimal():
        return int(text)
    raise SettingsError(f"--keyframes is {text!r}.", 'Choose a number of frames, or "auto".')


def split_losses(text: str) -> frozenset[str]:
    """The kinds that an `--allow-loss` names, divided by commas."""
    return frozenset(word.strip() for word in text.split(",") if word.strip())
