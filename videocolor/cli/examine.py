"""`videocolor examine`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from videocolor.cli.output import json_option, print_json, print_table
from videocolor.errors import SettingsError
from videocolor.settings import Precision, RunSettings, Smoothing, Strength, choices_of

if TYPE_CHECKING:
    from videocolor.examine.bootstrap import Against, Difference
    from videocolor.examine.exam import ExamResult
    from videocolor.examine.lines.registry import Line
    from videocolor.examine.ranking import Ranking, Scores, Standing
    from videocolor.examine.views import Material
    from videocolor.progress import Progress

_ALL = "all"
_WAYS = ("matched", "shipped", "shuffled", "mean_color", "gray")
_WAY_NAMES = {
    "matched": "at CF .70",
    "shipped": "as it is",
    "shuffled": "shuffled",
    "mean_color": "mean color",
    "gray": "gray",
}
_AGAINST = {True: "worse", False: "not worse", None: "not comparable"}
_MOST_NAMED = 3
_MARKS = {"held": "held", "failed": "FAILED", "not tested": "-"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What every model is put through."""

    material: "Material"
    lines: "tuple[Line, ...]"
    unseen: tuple[str, ...]
    few: int
    notes: tuple[str, ...]
    progress: "Progress"


@click.command(name="examine")
@click.argument("model")
@click.argument("photos", nargs=-1, type=click.Path(path_type=Path))
@click.option("--clips", multiple=True, type=click.Path(path_type=Path), metavar="PATH", help="A film, or a folder.")
@click.option("--weights", multiple=True, metavar="[NAME=]FILE", help="Weight file in place of the model's own.")
@click.option("--device", default="auto", show_default=True, metavar="NAME", help="auto, cpu, cuda, cuda:1 or mps.")
@click.option(
    "--precision",
    type=click.Choice(choices_of(Precision)),
    default="float32",
    show_default=True,
    help="Number format of the network. auto chooses by a timing: verdicts may differ between machines.",
)
@click.option("--render-factor", type=int, metavar="N", help="Network input of 16 N pixels [default: the model's].")
@click.option("--lines", "chosen", metavar="LIST", help="Only these, for example 1,5-8 [default: all].")
@click.option("--pictures", type=click.IntRange(min=1), metavar="N", help="Only so many photographs, evenly spread.")
@click.option(
    "--few",
    type=click.IntRange(min=1),
    default=24,
    show_default=True,
    metavar="N",
    help="Photographs for the lines that run the network often.",
)
@click.option(
    "--smoothing",
    type=click.Choice(choices_of(Smoothing)),
    default="flow",
    show_default=True,
    help="Filter of the smoothed figures.",
)
@click.option(
    "--smoothing-strength",
    type=click.Choice(choices_of(Strength)),
    default="normal",
    show_default=True,
    help="How far its memory reaches.",
)
@click.option(
    "--unseen",
    multiple=True,
    metavar="SOURCE",
    help="Source (column of index.csv) that the model cannot know: ranked apart.",
)
@click.option(
    "--against", type=click.Path(path_type=Path), metavar="FILE", help="An older result (--json) to be held against."
)
@click.option("--html", type=click.Path(path_type=Path), help="Write a page to look at: one file, nothing else needed.")
@click.option("--overwrite", is_flag=True, help="Replace an existing page.")
@click.option("--no-progress", is_flag=True, help="Draw no progress bar.")
@json_option
def command(
    model: str,
    photos: tuple[Path, ...],
    clips: tuple[Path, ...],
    weights: tuple[str, ...],
    chosen: str | None,
    pictures: int | None,
    few: int,
    unseen: tuple[str, ...],
    against: Path | None,
    html: Path | None,
    overwrite: bool,
    no_progress: bool,
    as_json: bool,
    **run: Any,
) -> int:
    """Test MODEL for what users complain of in colorizers, on color PHOTOS (files, folders) and clips.

    MODEL is a model, two joined by "+", or "all": every model whose weights are here. A failed line is a finding, not
    an error: the exit code is 0. See docs/examination.md.
    """
    from videocolor.examine.bootstrap import compare_results, read_results
    from videocolor.examine.exam import RESULT_FORMAT
    from videocolor.examine.page import check_page, write_page
    from videocolor.progress import make_progress

    settings = _settings(model, weights, run, html)
    if html is not None:
        check_page(html, overwrite=overwrite)
    older = [] if against is None else read_results(against, RESULT_FORMAT)
    lines = _chosen_lines(chosen)
    material, notes = _load(photos, clips, pictures)
    _check_sources(unseen, material)
    work = _Work(
        material=material,
        lines=lines,
        unseen=unseen,
        few=few,
        notes=notes,
        progress=make_progress(wanted=not no_progress),
    )
    results = [_examine(item, work) for item in settings]
    values = [result.to_json() for result in results]
    comparisons = [
        None if (old := _older(value["model"], older)) is None else compare_results(value, old) for value in values
    ]
    if as_json:
        rows = [
            value | {"against": None if item is None else item.to_json()}
            for value, item in zip(values, comparisons, strict=True)
        ]
        print_json({"results": rows} if model == _ALL else rows[0] | {"html": None if html is None else str(html)})
    else:
        _print(results, comparisons, is_table=model == _ALL)
    # Last: a full disk must not cost the figures.
    if html is not None:
        write_page(results[0], html)
    return 0


def _settings(model: str, weights: tuple[str, ...], run: dict[str, Any], html: Path | None) -> list[RunSettings]:
    """How each model that is asked for is run."""
    if model != _ALL:
        return [RunSettings(model=model, weights=weights or None, **run)]
    if weights or html is not None:
        option = "--weights" if weights else "--html"
        raise SettingsError(f"{option} is for one model, MODEL is {_ALL}.", "Examine that model by its name.")
    from videocolor.models.registry import list_cards
    from videocolor.models.store.place import find_weights

    cards = [card for card in list_cards() if card.weights_file is not None and find_weights(card.weights_file)]
    return [RunSettings(model=card.name, **run) for card in cards if not card.needs]


def _chosen_lines(text: str | None) -> "tuple[Line, ...]":
    """The lines that `1,5-8` names, in order."""
    from videocolor.examine.lines.registry import LINES

    if text is None:
        return LINES
    # By name: a number may have more digits than Python turns into one.
    places = {str(line.number): place for place, line in enumerate(LINES)}
    chosen: set[int] = set()
    for part in text.split(","):
        first, dash, last = (word.strip() for word in part.partition("-"))
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise SettingsError(f"--lines is {text!r}.", "Name numbers and ranges, for example 1,5-8.")
        start, end = places.get(first.lstrip("0")), places.get((last or first).lstrip("0"))
        if start is None or end is None or start > end:
            raise SettingsError(
                f"--lines {part.strip()} names lines that do not exist.", f"Lines are {', '.join(places)}."
            )
        chosen.update(range(start, end + 1))
    return tuple(LINES[place] for place in sorted(chosen))


def _load(photos: Sequence[Path], clips: Sequence[Path], limit: int | None) -> "tuple[Material, tuple[str, ...]]":
    from videocolor.examine.clips import clip_loaders
    from videocolor.examine.photos import load_photos
    from videocolor.examine.views import Material

    if not photos and not clips:
        raise SettingsError("There is nothing to examine on.", "Name photographs, folders of them, or --clips.")
    loaders = clip_loaders(clips)
    pictures, notes = load_photos(photos, limit=limit) if photos else ((), ())
    return Material(photos=pictures, clips=loaders), notes


def _check_sources(unseen: Sequence[str], material: "Material") -> None:
    """A source that no photograph has would be ranked apart in silence: nowhere."""
    known = sorted({photo.source for photo in material.photos if photo.source is not None})
    absent = [source for source in unseen if source not in known]
    if absent:
        remedy = f"Sources are: {', '.join(known)}." if known else "Name sources in index.csv beside the photographs."
        raise SettingsError(f"--unseen {absent[0]} is the source of no photograph.", remedy)


def _examine(settings: RunSettings, work: _Work) -> "ExamResult":
    from videocolor.examine.exam import examine
    from videocolor.examine.sitting import ExamSettings
    from videocolor.examine.subject import ModelSubject
    from videocolor.pipeline.model import load_model

    colorizer = load_model(settings)
    return examine(
        ModelSubject(colorizer, render_factor=settings.render_factor),
        work.material,
        ExamSettings(few=work.few, smoothing=settings.smoothing, smoothing_strength=settings.smoothing_strength),
        lines=work.lines,
        unseen=work.unseen,
        sha256=colorizer.card.sha256,
        run_as={
            "render_factor": settings.render_factor,
            "precision": colorizer.compute.precision,
            "compute": colorizer.compute.label,
        },
        notes=work.notes,
        progress=work.progress,
    )


def _older(model: str, results: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The older result to be held against: the only one, or that of the same model."""
    if len(results) == 1:
        return results[0]
    return next((result for result in results if result["model"] == model), None)


def _print(results: "Sequence[ExamResult]", comparisons: "Sequence[Against | None]", *, is_table: bool) -> None:
    if is_table:
        _print_models(results)
    else:
        _print_lines(results[0])
        if results[0].ranking is not None:
            _print_ranking(results[0].ranking)
    for result, comparison in zip(results, comparisons, strict=True):
        if comparison is not None:
            _print_against(result.model, comparison)
    for note in results[0].notes if results else ():
        click.echo(f"note: {note}")


def _print_models(results: "Sequence[ExamResult]") -> None:
    """A row for each model, a column for each line."""
    if not results:
        click.echo("No model's weights are here.")
        return
    numbers = [str(line.number) for line in results[0].lines]
    rows = []
    for result in results:
        matched = None if result.ranking is None else result.ranking.overall.matched
        marks = [_MARKS[line.verdict] for line in result.lines]
        rows.append([result.model, _text(None if matched is None else matched.psnr), *marks])
    print_table(("model", "PSNR", *numbers), rows)
    for line in results[0].lines:
        click.echo(f"{line.number:2}  {line.title}")


def _print_lines(result: "ExamResult") -> None:
    """A row for each figure; those of one line stand together."""
    from videocolor.examine.page import bar_text, value_text

    counts = {verdict: sum(line.verdict == verdict for line in result.lines) for verdict in _MARKS}
    click.echo(f"{result.model}: " + ", ".join(f"{count} {verdict}" for verdict, count in counts.items()))
    rows = []
    for line in result.lines:
        head: tuple[str, ...] = (str(line.number), line.title, _MARKS[line.verdict])
        for figure in line.figures:
            value = figure.why_not_tested or value_text(figure)
            rows.append([*head, figure.name, value, bar_text(figure), figure.verdict or ""])
            head = ("", "", "")
    print_table(("line", "complaint", "verdict", "figure", "value", "bar", ""), rows)


def _print_ranking(ranking: "Ranking") -> None:
    click.echo("")
    header = ("all photographs", "PSNR, dB", "CF ratio", "ab error", "false color, %", "of neutral, %", "holes, %")
    print_table(header, [[_WAY_NAMES[way], *_scores(getattr(ranking.overall, way))] for way in _WAYS])
    click.echo("")
    sets = {"all": ranking.overall, **ranking.groups}
    sets |= {f"{name} sources": standing for name, standing in ranking.sources.items()}
    columns = ("PSNR at CF .70, dB", "photos", "PSNR", "mean color", "gain", "gain shuffled", "as it is", "CF ratio")
    print_table(columns, [[name, *_standing(standing)] for name, standing in sets.items()])


def _scores(scores: "Scores | None") -> Iterable[str]:
    if scores is None:
        return ["-"] * 6
    shares = (scores.false_color, scores.false_color_of_neutral, scores.holes)
    plain = (scores.psnr, scores.colorfulness_ratio, scores.ab_error)
    return [*map(_text, plain), *(_text(None if share is None else 100 * share) for share in shares)]


def _standing(standing: "Standing") -> Iterable[str]:
    base = standing.mean_color.psnr
    matched, shuffled = (None if scores is None else scores.psnr for scores in (standing.matched, standing.shuffled))
    gains = (None if value is None else value - base for value in (matched, shuffled))
    rest = (standing.shipped.psnr, standing.shipped.colorfulness_ratio)
    return [str(standing.photos), _text(matched), _text(base), *map(_text, gains), *map(_text, rest)]


def _print_against(model: str, comparison: "Against") -> None:
    click.echo("")
    click.echo(f"{model} against {comparison.model}: {_AGAINST[comparison.is_worse]}")
    sets = {"all": comparison.overall, **comparison.groups}
    rows = [[name, *_difference(item)] for name, item in sets.items() if item is not None]
    if rows:
        print_table(("PSNR at CF .70, dB", "photos", "difference", "95 % interval", ""), rows)
    for words, numbers in (
        ("lines newly failed", comparison.newly_failed),
        ("lines newly held", comparison.newly_held),
        ("lines that were held, now not tested", comparison.no_longer_tested),
    ):
        if numbers:
            click.echo(f"{words}: {', '.join(map(str, numbers))}")
    lost = comparison.no_longer_scored
    if lost:
        names = ", ".join(lost[:_MOST_NAMED]) + (", …" if len(lost) > _MOST_NAMED else "")
        click.echo(f"photographs that had a PSNR, now without: {len(lost)} ({names})")
    for note in comparison.other_settings:
        click.echo(f"note: {note}")


def _difference(item: "Difference") -> Iterable[str]:
    # Adding 0 turns a -0 into a 0.
    mean, low, high = (f"{round(value, 2) + 0:+.2f}" for value in (item.mean, item.low, item.high))
    return [str(item.photos), mean, f"{low} to {high}", "worse" if item.is_worse else ""]


def _text(value: float | None) -> str:
    return "-" if value is None or not isfinite(value) else f"{value:.2f}"
