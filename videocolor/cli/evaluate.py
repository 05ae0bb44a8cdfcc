"""`videocolor evaluate`."""

import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from videocolor.cli.output import json_option, print_json, print_table

if TYPE_CHECKING:
    from videocolor.evaluate.comparison import Comparison

# Field, how it is called for people, decimals.
_PICTURE_FIGURES = (
    ("psnr", "PSNR, dB", 2),
    ("psnr_ab", "PSNR_ab, dB", 2),
    ("rmse_ab", "RMSE_ab", 2),
    ("ssim", "SSIM", 4),
    ("delta_e_mean", "dE00 mean", 2),
    ("delta_e_median", "dE00 median", 2),
    ("delta_e_p95", "dE00 95 %", 2),
    ("delta_e_chroma", "dE00 chroma only", 2),
    ("auc", "AuC", 4),
    ("auc_balanced", "AuC balanced", 4),
    ("accuracy_2", "accuracy 2 %", 4),
    ("accuracy_5", "accuracy 5 %", 4),
    ("colorfulness", "CF", 2),
    ("colorfulness_abs", "CF-abs", 2),
    ("colorfulness_difference", "dCF of the set", 2),
    ("colorfulness_difference_each", "dCF each", 2),
    ("chroma_ratio", "chroma ratio", 3),
    ("near_gray_share", "near gray", 3),
)
_TRUTH_FIGURES = {
    "colorfulness": "truth_colorfulness",
    "colorfulness_abs": "truth_colorfulness_abs",
    "near_gray_share": "truth_near_gray_share",
}
_CLIP_FIGURES = (
    ("warp_ab", "warp_ab", 3),
    ("warp_error", "warping error E", 6),
    ("cdc", "CDC", 6),
    ("cdc_ab", "CDC_ab", 6),
    ("tint_jitter", "tint jitter", 3),
    ("tint_drift", "tint drift", 3),
    ("hf_share", "hf share", 3),
    ("resat_events", "color switches", 1),
)
_DERIVED = (
    ("chroma_ratio", "chroma ratio, over time", 3),
    ("cdc_difference", "CDC - CDC of the truth", 6),
    ("warp_ab_ratio", "warp_ab over the truth's", 3),
)


@click.command(name="evaluate")
@click.argument("truth", type=click.Path(path_type=Path))
@click.argument("result", type=click.Path(path_type=Path))
@click.option("--detector", default="ncc", show_default=True, help="ncc; adaptive and hash with [scenedetect].")
@click.option("--csv", "as_csv", is_flag=True, help="Print a row for every shot or picture, comma-separated.")
@click.option("--no-progress", is_flag=True, help="Draw no progress bar.")
@json_option
def command(truth: Path, result: Path, detector: str, as_csv: bool, no_progress: bool, as_json: bool) -> int:
    """Score the colors of RESULT against TRUTH: two films, two pictures, or two folders of pictures.

    Beside the result stand two that do nothing, gray and one mean color, because some figures reward them. See
    docs/evaluation.md.
    """
    from videocolor.evaluate.compare import compare
    from videocolor.progress import make_progress

    comparison = compare(truth, result, detector=detector, progress=make_progress(wanted=not no_progress))
    if as_json:
        print_json(comparison.to_json())
    elif as_csv:
        _print_csv(comparison)
    else:
        _print(comparison)
    return 0


def _print(comparison: "Comparison") -> None:
    from videocolor.evaluate.comparison import derived

    size = "several sizes" if comparison.size is None else f"{comparison.size[1]}x{comparison.size[0]}"
    if comparison.kind == "pictures":
        what = _count(comparison.frame_count, "picture")
    else:
        what = f"{_count(comparison.frame_count, 'frame')} in {_count(len(comparison.shots), 'shot')}"
    click.echo(f"{what}, {size}; PSNR of peak {comparison.peak:g}")
    scores, base = comparison.scores, comparison.baselines
    rows = [
        [
            title,
            *(_text(getattr(part, field), digits) for part in (scores, base.gray, base.mean_color)),
            _text(getattr(scores, _TRUTH_FIGURES[field]), digits) if field in _TRUTH_FIGURES else "",
        ]
        for field, title, digits in _PICTURE_FIGURES
    ]
    clip = comparison.clip
    if clip is not None:
        assert clip.truth is not None
        rows += [
            [title, _text(getattr(clip.result, field), digits), "", "", _text(getattr(clip.truth, field), digits)]
            for field, title, digits in _CLIP_FIGURES
        ]
        rows += [[title, _text(derived(clip)[field], digits), "", "", ""] for field, title, digits in _DERIVED]
    print_table(("", "result", "gray", "mean color", "truth"), rows)
    if base.gray.pictures != scores.pictures:
        click.echo(f"note: gray and mean color on {base.gray.pictures} frames, evenly spread.")
    for note in comparison.notes:
        click.echo(f"note: {note}")


def _print_csv(comparison: "Comparison") -> None:
    rows = list(_flat_rows(comparison))
    writer = csv.DictWriter(sys.stdout, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def _flat_rows(comparison: "Comparison") -> Iterator[dict[str, Any]]:
    """Every shot or picture as one flat row; a clip's figures under `result_` and `truth_`."""
    values = comparison.to_json()
    for row in values["pictures"]:
        yield {key: value for key, value in row.items() if key != "scores"} | row["scores"]
    for row in values["shots"]:
        clip = row["clip"]
        flat = {key: value for key, value in row.items() if key not in ("scores", "clip")} | row["scores"]
        flat |= {key: value for key, value in clip.items() if key not in ("result", "truth", "frame_count")}
        for side in ("result", "truth"):
            # The tints are pairs, for the jump from shot to shot; a table has no place for them.
            flat |= {f"{side}_{key}": value for key, value in clip[side].items() if not isinstance(value, tuple)}
        yield flat


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _text(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
