"""`videocolor report`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from videocolor.cli.output import json_option, print_json, print_table
from videocolor.errors import SettingsError

if TYPE_CHECKING:
    from videocolor.evaluate.shot_report import FilmReport, ShotReport

_ALL = "all"


@click.command(name="report")
@click.argument("film", type=click.Path(path_type=Path))
@click.option("--html", type=click.Path(path_type=Path), help="Write a page to look at: one file, nothing else needed.")
@click.option("--overwrite", is_flag=True, help="Replace an existing page.")
@click.option("--worst", type=click.IntRange(min=1), default=10, show_default=True, metavar="N", help="Shots to print.")
@click.option(
    "--pairs",
    default="12",
    show_default=True,
    metavar="N|all",
    help="Neighbouring frames a shot at which flicker is measured, evenly spread.",
)
@click.option(
    "--width",
    type=click.IntRange(min=64),
    default=480,
    show_default=True,
    metavar="PIXELS",
    help="Wider films are reduced to this before anything is measured.",
)
@click.option("--detector", default="ncc", show_default=True, help="ncc; adaptive and hash with [scenedetect].")
@click.option("--no-progress", is_flag=True, help="Draw no progress bar.")
@json_option
def command(
    film: Path,
    html: Path | None,
    overwrite: bool,
    worst: int,
    pairs: str,
    width: int,
    detector: str,
    no_progress: bool,
    as_json: bool,
) -> int:
    """Judge the colors of FILM without any truth, and print the shots that need a human first.

    Flicker, tint, drift, gray and colors at their limit, shot by shot; where the report of the run that made FILM
    lies beside it, what that run knows, too. See docs/evaluation.md.
    """
    from videocolor.evaluate.page import check_page, write_page
    from videocolor.evaluate.shot_report import SurveySettings, survey_film
    from videocolor.progress import make_progress

    settings = SurveySettings(detector=detector, pairs=_pairs(pairs), width=width)
    if html is not None:
        check_page(html, film, overwrite=overwrite)
    report = survey_film(film, settings, progress=make_progress(wanted=not no_progress))
    if html is not None:
        write_page(report, html)
    if as_json:
        print_json(report.to_json() | {"html": None if html is None else str(html)})
    else:
        _print(report, worst)
    return 0


def _pairs(text: str) -> int | None:
    if text == _ALL:
        return None
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise SettingsError(f"--pairs is {text!r}.", f'Choose a positive number, or "{_ALL}".')


def _print(report: "FilmReport", worst: int) -> None:
    alarming = sum(shot.judgement.needs_look for shot in report.shots)
    click.echo(f"{alarming} of {len(report.shots)} shots should be looked at; the worst first:")
    has_run = any(shot.run is not None for shot in report.shots)
    header = ["shot", "start", "end", "frames", "score", "flicker", "jitter", "drift", "gray", "limited"]
    header += ["lonely", "correction"] if has_run else []
    rows = [_row(shot, has_run=has_run) for shot in report.worst_first[:worst]]
    print_table([*header, "reasons"], rows)
    for note in report.notes:
        click.echo(f"note: {note}")


def _row(shot: "ShotReport", *, has_run: bool) -> list[str]:
    figures = shot.figures
    row = [
        str(shot.shot),
        shot.start,
        shot.end,
        str(figures.frames),
        _text(shot.judgement.score),
        _text(figures.warp_ab),
        _text(figures.tint_jitter),
        _text(figures.tint_drift),
        _text(figures.near_gray_share),
        _text(figures.limited_share),
    ]
    if has_run:
        run = shot.run
        row += ["-", "-"] if run is None else [_text(run.lonely_share), _text(run.correction)]
    return [*row, ", ".join(shot.judgement.reasons)]


def _text(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
