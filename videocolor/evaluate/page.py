"""The report as one HTML file that needs nothing else: no scripts, no network, pictures and plots inside."""

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from statistics import fmean
from typing import Any

from videocolor.errors import SettingsError
from videocolor.evaluate.plots import Band, draw_plots
from videocolor.evaluate.ranking import LOOK_FROM, YARDSTICKS
from videocolor.evaluate.shot_report import FilmReport, ShotReport
from videocolor.files import check_writable_folder, write_text_atomically
from videocolor.media.timing import format_time_code
from videocolor.version import __version__

_TEMPLATE = "page.html"
_SUFFIXES = (".html", ".htm")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


def check_page(target: Path, film: Path, *, overwrite: bool) -> None:
    """Find out before the work whether the page can be written.

    Raises:
        SettingsError: The name is no page's, is the film's, or belongs to a file that must not be replaced.
        TargetError: The folder cannot be written.
    """
    if target.suffix.lower() not in _SUFFIXES:
        raise SettingsError(f"{target} is no name of a page.", f"Name it {target.name}.html.")
    if target.is_dir():
        raise SettingsError(f"{target} is a folder.", f"Name a file in it, for example {target / 'report.html'}.")
    if target.exists() and film.exists() and target.samefile(film):
        raise SettingsError(f"{target} is the film itself.", "Choose another name for the page.")
    if target.exists() and not overwrite:
        raise SettingsError(f"{target} exists already.", "Use --overwrite, or choose another name.")
    check_writable_folder(target.parent)


def write_page(report: FilmReport, target: Path) -> None:
    """Write the page; a crash leaves no half of it.

    Raises:
        TargetError: It cannot be written.
    """
    write_text_atomically(target, make_page(report))


def make_page(report: FilmReport) -> str:
    """The page's HTML. Names are escaped; what is put in as it is are the plots and the pictures, which we made."""
    # Here, because no other command needs it.
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"percent": _percent, "number": _number, "clock": format_time_code}
    template = environment.from_string((files(__package__) / _TEMPLATE).read_text(encoding="utf-8"))
    page = template.render(
        report=report,
        name=Path(report.film).name,
        rate=None if report.rate is None else f"{float(report.rate):.3f}".rstrip("0").rstrip("."),
        summary=_summary(report.shots),
        plots=_plots(report),
        cards=[_card(shot, report) for shot in report.worst_first if shot.shot in report.thumbnails],
        to_check=[shot for shot in report.worst_first if shot.judgement.needs_look],
        yardsticks=YARDSTICKS,
        look_from=LOOK_FROM,
        has_run=any(shot.run is not None for shot in report.shots),
        version=__version__,
    )
    # File names that are no UTF-8 arrive as lone surrogates, and names may hold control characters.
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", page.encode("utf-8", "backslashreplace").decode("utf-8"))


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
    pictures = [f"data:image/jpeg;base64,{b64encode(data).decode()}" for data in report.thumbnails[shot.shot]]
    alarming = {item.name for item in YARDSTICKS if shot.judgement.severities[item.name] >= 1}
    return {"shot": shot, "pictures": pictures, "alarming": alarming, "run": shot.run and asdict(shot.run)}


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %" if share < 0.1 else f"{100 * share:.0f} %"


def _number(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else f"{value:.{digits}f}"
