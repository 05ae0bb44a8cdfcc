"""`videocolor shots`."""

import csv
import sys
from pathlib import Path

import click

from videocolor.cli.output import json_option, print_json, print_table
from videocolor.settings import RunSettings

_COLUMNS = ("shot", "start", "end", "frames", "cause", "source_chroma")


@click.command(name="shots")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--detector", default="ncc", show_default=True, help="ncc; adaptive and hash with [scenedetect].")
@click.option("--video-stream", type=int, metavar="INDEX", help="Video stream to look at [default: the first].")
@click.option("--csv", "as_csv", is_flag=True, help="Print comma-separated values.")
@click.option("--no-progress", is_flag=True, help="Draw no progress bar.")
@json_option
def command(path: Path, detector: str, video_stream: int | None, as_csv: bool, no_progress: bool, as_json: bool) -> int:
    """Find the cuts of PATH and print its shots.

    `source_chroma` is how far the source's own color is from neutral, in 8-bit codes: 0 for gray film.
    """
    from videocolor.media.decode import DecodeSettings
    from videocolor.media.probe import probe_film
    from videocolor.pipeline.plan import expected_frame_count, make_plan
    from videocolor.pipeline.report import shot_rows
    from videocolor.progress import make_progress

    info = probe_film(path, video_stream=video_stream)
    progress = make_progress(wanted=not no_progress)
    progress.start("plan", total=expected_frame_count(info))
    settings = RunSettings(detector=detector, video_stream=video_stream)
    planned = make_plan(info, settings, DecodeSettings(), on_frame=lambda count: progress.advance(None))
    progress.finish()
    rows = shot_rows(planned.plan)
    if as_json:
        print_json({"path": str(path), "detector": planned.plan.detector, "shots": rows})
    elif as_csv:
        writer = csv.DictWriter(sys.stdout, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    else:
        print_table(_COLUMNS, [[row[column] for column in _COLUMNS] for row in rows])
    return 0
