"""`videocolor report`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from videocolor.cli.output import json_option, print_json, print_table
from videocolor.errors import SettingsError

if TYPE_CHECKING:
    from videocolor.evaluate.shot_report import FilmReport, ShotReport
    from videocolor.examine.exam import ExamResult
    from videocolor.models.adapter import DeviceColorizer

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
    help="Neighboring frames a shot at which flicker is measured, evenly spread.",
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
@click.option(
    "--model",
    metavar="NAME[+NAME]",
    help="Examine this model on the film's luma, too: all lines of `videocolor examine` that need no true colors.",
)
@click.option("--weights", multiple=True, metavar="[NAME=]FILE", help="Weight file in place of the model's own.")
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
    model: str | None,
    weights: tuple[str, ...],
    no_progress: bool,
    as_json: bool,
) -> int:
    """Judge the colors of FILM without any truth, and print the shots that need a human first.

    Flicker, tint, drift, gray and colors at their limit, shot by shot; where the report of the run that made FILM
    lies beside it, what that run knows, too. With --model, that model's faults on this film (docs/examination.md).
    See docs/evaluation.md.
    """
    from videocolor.evaluate.page import check_page, write_page
    from videocolor.evaluate.shot_report import SurveySettings, survey_film
    from videocolor.progress import make_progress

    settings = SurveySettings(detector=detector, pairs=_pairs(pairs), width=width)
    if html is not None:
        check_page(html, film, overwrite=overwrite)
    # Before the film is looked at, so that missing weights are found at once.
    colorizer = _colorizer(model, weights)
    progress = make_progress(wanted=not no_progress)
    report = survey_film(film, settings, progress=progress)
    examined = None
    if colorizer is not None:
        from videocolor.examine.film_lines import examine_on_film
        from videocolor.examine.subject import ModelSubject

        examined = examine_on_film(
            ModelSubject(colorizer),
            report,
            sha256=colorizer.card.sha256,
            compute=colorizer.compute.label,
            progress=progress,
        )
    if html is not None:
        write_page(report, html, examined)
    if as_json:
        print_json(_json(report, examined) | {"html": None if html is None else str(html)})
    else:
        _print(report, worst)
        if examined is not None:
            _print_lines(examined)
        for note in _run_notes(report, examined):
            click.echo(f"note: {note}")
    return 0


def _colorizer(model: str | None, weights: tuple[str, ...]) -> "DeviceColorizer | None":
    if model is None:
        if weights:
            raise SettingsError("--weights names a file, but there is no --model.", "Name the model that it is for.")
        return None
    from videocolor.pipeline.model import load_model
    from videocolor.settings import RunSettings

    return load_model(RunSettings(model=model, weights=weights or None))


def _json(report: "FilmReport", examined: "ExamResult | None") -> dict[str, Any]:
    if examined is None:
        return report.to_json()
    values = examined.to_json()
    settings = {key: values["settings"][key] for key in ("compute", "size", "smoothing", "smoothing_strength")}
    examination = {key: values[key] for key in ("model", "sha256", "clips", "notes")} | settings
    return report.to_json() | {"examined": examination, "lines": values["lines"]}


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


def _print_lines(examined: "ExamResult") -> None:
    """A row for each line, with the figures that failed."""
    from videocolor.examine.film_lines import how_examined
    from videocolor.examine.page import bar_text, value_text

    failed = sum(line.verdict == "failed" for line in examined.lines)
    shots = len(examined.clips)
    click.echo("")
    outcome = f"{_count(shots, 'shot')} of this film: {_count(failed, 'line')} failed"
    click.echo(f"{examined.model} ({how_examined(examined)}) on {outcome}")
    rows = []
    for line in examined.lines:
        beyond = [figure for figure in line.figures if figure.verdict == "failed"]
        words = [f"{figure.name} {value_text(figure)} ({bar_text(figure)})" for figure in beyond]
        rows.append([str(line.number), line.title, line.verdict.replace("failed", "FAILED"), "; ".join(words)])
    print_table(["line", "complaint", "verdict", ""], rows)
    for note in examined.notes:
        click.echo(f"note: {note}")


def _run_notes(report: "FilmReport", examined: "ExamResult | None") -> list[str]:
    """What the report of the run that made the film says about its model."""
    if report.record is None:
        return []
    made_by = f"{report.record.path.name} says that {report.record.model} made this film"
    if examined is None:
        return [f"{made_by}; --model examines a model on it."]
    return [] if report.record.model == examined.model else [f"{made_by}; the lines are about {examined.model}."]


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


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _text(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
