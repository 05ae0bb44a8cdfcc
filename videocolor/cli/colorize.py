"""`videocolor colorize`."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from videocolor.cli.options import build_settings, run_options
from videocolor.cli.output import human_bytes, json_option, print_json, verbosity_options
from videocolor.errors import Interrupted
from videocolor.log import set_up_log


@click.command(name="colorize")
@click.argument("source", type=click.Path(path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The result: a file or folder.")
@run_options
@click.option("--restart", is_flag=True, help="Throw away an unfinished run and begin anew.")
@click.option("--overwrite", is_flag=True, help="Replace an existing result.")
@click.option("--preview", is_flag=True, help="Color one still per shot and estimate time and disk instead.")
@click.option("--no-progress", is_flag=True, help="Draw no progress bar.")
@json_option
@verbosity_options
def command(
    source: Path,
    output: Path,
    restart: bool,
    overwrite: bool,
    preview: bool,
    no_progress: bool,
    as_json: bool,
    verbose: bool,
    quiet: bool,
    **options: Any,
) -> int:
    """Color SOURCE, a film, a picture, or a folder of both.

    Everything else in the file (sound, subtitles, chapters, times, tags) is kept. After a crash or Ctrl+C the same
    command goes on where it stopped.
    """
    set_up_log(verbosity=int(verbose) - int(quiet))
    settings = build_settings(options)
    from videocolor.pipeline.film import RunOptions
    from videocolor.pipeline.preview import preview_film
    from videocolor.pipeline.route import FolderItem, colorize_file, colorize_folder
    from videocolor.progress import make_progress
    from videocolor.verification.after_run import check_muxed

    progress = make_progress(wanted=not (no_progress or quiet))
    with _stop_on_interrupt() as stop:
        run = RunOptions(overwrite=overwrite, restart=restart, should_stop=stop.is_set)
        if preview:
            _print_preview(preview_film(source, output, settings, run, progress=progress).to_json(), as_json=as_json)
            return 0
        if source.is_dir():
            items: list[FolderItem] = colorize_folder(
                source, output, settings, run, progress=progress, check_result=check_muxed
            )
            return _print_folder(items, as_json=as_json, quiet=quiet)
        report = colorize_file(source, output, settings, run, progress=progress, check_result=check_muxed)
    if as_json:
        print_json(report.to_json())
    elif not quiet:
        click.echo(f"{output}: done in {report.wall_s:.1f} s ({report.compute}){_seen(report)}", err=True)
    return 0


def _seen(report: Any) -> str:
    """How many frames the network saw, where it did not see all."""
    count, inferred = (getattr(report, name, None) for name in ("frame_count", "inferred_frames"))
    return "" if count == inferred else f"; the network saw {inferred} of {count} frames"


@contextmanager
def _stop_on_interrupt() -> Iterator[threading.Event]:
    """The first Ctrl+C ends after the segment in work, the second at once; both leave a resumable state."""
    stop = threading.Event()

    def on_interrupt(number: int, frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        click.echo("Stopping after this segment; Ctrl+C again stops at once.", err=True)

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield stop
    except KeyboardInterrupt as error:
        raise Interrupted(
            "Stopped at once.", "The same command goes on after the last finished segment, if there is one."
        ) from error
    finally:
        signal.signal(signal.SIGINT, before)


def _print_preview(preview: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(preview)
        return
    minutes, seconds = divmod(round(preview["seconds_estimated"]), 60)
    click.echo(f"{preview['shot_count']} shots, {preview['frame_count']} frames; stills in {preview['folder']}")
    click.echo(f"time: about {minutes // 60} h {minutes % 60:02} min {seconds:02} s on this machine")
    click.echo(
        f"disk: about {human_bytes(preview['result_bytes_estimated'])} for the result, "
        f"{human_bytes(preview['work_bytes_estimated'])} while it runs, {human_bytes(preview['free_bytes'])} free"
    )


def _print_folder(items: list[Any], *, as_json: bool, quiet: bool) -> int:
    failed = [item for item in items if item.error is not None]
    if as_json:
        rows = [
            {
                "source": str(item.source),
                "result": str(item.target) if item.error is None else None,
                "error": None if item.error is None else str(item.error),
                "report": None if item.report is None else item.report.to_json(),
            }
            for item in items
        ]
        print_json({"items": rows, "done": len(items) - len(failed), "failed": len(failed)})
    elif not quiet:
        click.echo(f"{len(items) - len(failed)} of {len(items)} done.", err=True)
    for item in failed if not quiet else ():
        click.echo(f"failed: {item.source}: {item.error}", err=True)
    return 1 if failed else 0
