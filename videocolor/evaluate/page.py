"""The report as one HTML file that needs nothing else: no scripts, no network, pictures and plots inside."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import Any

from videocolor.evaluate.html import check_target, picture_url, render
from videocolor.evaluate.plots import Band, draw_plots
from videocolor.evaluate.ranking import LOOK_FROM, YARDSTICKS
from videocolor.evaluate.shot_report import FilmReport, ShotReport
from videocolor.examine.exam import ExamResult
from videocolor.examine.page import bar_text, value_text
from videocolor.files import write_text_atomically
from videocolor.media.timing import format_time_code
from videocolor.version import __version__

_TEMPLATE = "page.html"


def check_page(target: Path, film: Path, *, overwrite: bool) -> None:
    """Find out before the work whether the page can be written.

    Raises:
        SettingsError: The name is no page's, is the film's, or belongs to a file that must not be replaced.
        TargetError: The folder cannot be written.
    """
    check_target(target, film=film, overwrite=overwrite)


def write_page(report: FilmReport, target: Path, examined: ExamResult | None = None) -> None:
    """Write the page; a crash leaves no half of it.

    Args:
        report: Of the film.
        target: The page.
        examined: What a model's examination on this film found.

    Raises:
        TargetError: It cannot be written.
    """
    write_text_atomically(target, make_page(report, examined))


def make_page(report: FilmReport, examined: ExamResult | None = None) -> str:
    """The page's HTML. Names are escaped; what is put in as it is are the plots and the pictures, which we made."""
    values = {
        "report": report,
        "name": Path(report.film).name,
        "rate": None if report.rate is None else f"{float(report.rate):.3f}".rstrip("0").rstrip("."),
        "summary": _summary(report.shots),
        "plots": _plots(report),
        "cards": [_card(shot, report) for shot in report.worst_first if shot.shot in report.thumbnails],
        "to_check": [shot for shot in report.worst_first if shot.judgement.needs_look],
        "yardsticks": YARDSTICKS,
        "look_from": LOOK_FROM,
        "has_run": any(shot.run is not None for shot in report.shots),
        "version": __version__,
        "examined": examined,
    }
    filters: dict[str, Callable[..., Any]] = {"clock": format_time_code, "figure": value_text, "bar": bar_text}
    return render(__package__, _TEMPLATE, values, filters=filters)


def _summary(shots: Sequence[ShotReport]) -> dict[str, float | None]:
    """Means over the film: of frames, and of pairs where flicker is concerned."""
    frames = [shot.figures.frames for shot in shots]

    def mean(name: str) -> float | None:
        known = [(getattr(shot.figures, name), count) for shot, count in zip(shots, frames, strict=True)]
        known = [(value, count) for value, count in known if value is not None]
        return fmean([value for value, _ in known], [count for _, count in known]) if known else None

    return {name: mean(name) for name in ("warp_ab", "tint_jitter", "chroma", "colorfulness", "near_gray_share")}


def _plots(report: FilmReport) -> Sequence[Any]:
    bands = [
        Band(label=str(shot.shot), start_s=shot.start_s, end_s=shot.end_s)
        for shot in report.shots
        if shot.judgement.needs_look
    ]
    cuts = [shot.start_s for shot in report.shots[1:]]
    return draw_plots(report.traces, duration_s=report.duration_s, cuts_s=cuts, bands=bands)


def _card(shot: ShotReport, report: FilmReport) -> dict[str, Any]:
    pictures = [picture_url(data) for data in report.thumbnails[shot.shot]]
    alarming = {item.name for item in YARDSTICKS if shot.judgement.severities[item.name] >= 1}
    return {"shot": shot, "pictures": pictures, "alarming": alarming, "run": shot.run and asdict(shot.run)}
