"""`videocolor probe`."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from videocolor.cli.output import human_bytes, json_option, print_json
from videocolor.core.media import MediaInfo
from videocolor.media.timing import format_time_code
from videocolor.settings import EncodeSettings


@click.command(name="probe")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--target", type=click.Path(path_type=Path), help="Name of a result, to say what it will not hold.")
@click.option("--codec", default="auto", show_default=True, help="Codec of that result.")
@json_option
def command(path: Path, target: Path | None, codec: str, as_json: bool) -> int:
    """Say what PATH is, what was guessed, and what a target will not hold.

    Without --target all containers are asked.
    """
    from videocolor.pipeline.route import probe

    info = probe(path)
    targets = {} if info.is_still else _ask_targets(info, target, codec)
    if as_json:
        print_json({**_plain(info), "targets": targets})
    else:
        _print(info, targets)
    return 0


def _ask_targets(info: MediaInfo, target: Path | None, codec: str) -> dict[str, Any]:
    from videocolor.errors import VideoColorError
    from videocolor.media.carry import plan_carry
    from videocolor.media.formats import CONTAINERS, choose_encoding

    answers: dict[str, Any] = {}
    names = [target] if target is not None else [Path(f"result{suffix}") for suffix in CONTAINERS]
    for name in names:
        try:
            settings = EncodeSettings(codec=codec)  # type: ignore[arg-type]
            encoding = choose_encoding(info, settings, name, allow_loss=frozenset({"alpha"}))
            plan = plan_carry(info, encoding, name)
        except VideoColorError as error:
            answers[name.suffix] = {"possible": False, "reason": str(error)}
            continue
        answers[name.suffix] = {
            "possible": True,
            "codec": encoding.codec,
            "pix_fmt": encoding.pix_fmt,
            "losses": [loss.what for loss in plan.losses],
            "notes": list(plan.notes),
        }
    return answers


def _plain(info: MediaInfo) -> dict[str, Any]:
    return {**asdict(info), "path": str(info.path)}


def _print(info: MediaInfo, targets: dict[str, Any]) -> None:
    video, layout = info.video, info.video.layout
    length = "length unknown" if info.duration_s is None else format_time_code(info.duration_s)
    if info.is_still:
        click.echo(f"{info.path}: picture, {human_bytes(info.size_bytes)}")
    else:
        click.echo(f"{info.path}: {info.container}, {length}, {human_bytes(info.size_bytes)}")
    aspect = f", sample aspect {video.sample_aspect}" if video.sample_aspect else ""
    span = "full range" if layout.full_range else "studio range"
    click.echo(
        f"  #{video.index} {video.codec} {video.width}x{video.height}{aspect}, {layout.name} "
        f"({layout.bit_depth} bit, {span}, {layout.matrix}, {layout.transfer}, chroma {layout.siting})"
    )
    if not info.is_still:
        rate = f"{float(video.average_rate):.3f} frames/s on average" if video.average_rate else "rate unknown"
        click.echo(f"  {rate}, clock {video.time_base} s, first pts {video.start_pts}, field order {video.field_order}")
    if video.rotation:
        click.echo(f"  shown turned by {video.rotation} degrees")
    for stream in info.others:
        click.echo(f"  {stream.label}")
    if info.chapter_count:
        click.echo(f"  {info.chapter_count} chapters")
    for note in info.notes:
        click.echo(f"note: {note}")
    for suffix, answer in targets.items():
        if not answer["possible"]:
            click.echo(f"to {suffix}: not possible: {answer['reason']}")
        elif answer["losses"]:
            click.echo(f"to {suffix} ({answer['codec']}, {answer['pix_fmt']}): loses {'; '.join(answer['losses'])}")
        else:
            click.echo(f"to {suffix} ({answer['codec']}, {answer['pix_fmt']}): keeps everything")
