"""`videocolor verify`."""

from pathlib import Path

import click

from videocolor.cli.options import split_losses
from videocolor.cli.output import json_option, print_json, print_table
from videocolor.errors import VerifyError


@click.command(name="verify")
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("result", type=click.Path(path_type=Path))
@click.option("--start", metavar="TIME", help="As given to colorize.")
@click.option("--end", metavar="TIME", help="As given to colorize.")
@click.option("--allow-loss", default="", metavar="KINDS", help="As given to colorize.")
@click.option("--video-stream", type=int, metavar="INDEX", help="As given to colorize.")
@json_option
def command(
    source: Path,
    result: Path,
    start: str | None,
    end: str | None,
    allow_loss: str,
    video_stream: int | None,
    as_json: bool,
) -> int:
    """Prove what RESULT kept of SOURCE: every promise is held, broken, or not tested."""
    from videocolor.verification import verify

    losses = split_losses(allow_loss)
    report = verify(source, result, start=start, end=end, allow_loss=losses, video_stream=video_stream)
    if as_json:
        print_json(report.to_json())
    else:
        print_table(
            ("promise", "state", "detail"),
            [(finding.promise, finding.state, finding.detail) for finding in report.findings],
        )
    return VerifyError.exit_code if report.is_broken else 0
