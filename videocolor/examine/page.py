"""The examination's result as one HTML file: verdicts, figures against their bars, and the worst pictures."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from videocolor.color.lab import lab_to_rgb
from videocolor.evaluate.html import NOT_KNOWN, check_target, number, picture_url, render
from videocolor.examine.advice import ADVICE
from videocolor.examine.exam import ExamResult
from videocolor.examine.ranking import Ranking, Standing
from videocolor.examine.sitting import MATCHED_RATIO
from videocolor.examine.verdict import Example, Figure, LineResult, Verdict
from videocolor.examine.views import GROUPS, LEAST_OF_A_GROUP
from videocolor.files import write_text_atomically

_TEMPLATE = "page.html"
_VERDICTS: tuple[Verdict, ...] = ("failed", "held", "not tested")
_MOST_EXAMPLES = 6
_THUMBNAIL_SIDE = 224
_JPEG_QUALITY = 80
_HASH_DIGITS = 12
_MOST_DIGITS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """A figure beside its bar as a picture, in percent of the gauge's width."""

    value: float
    """Where the value is; 0 or 100 also for what lies beyond."""
    zone_start: float
    """Where what is allowed begins ..."""
    zone_width: float
    """... and how wide it is."""


def check_page(target: Path, *, overwrite: bool) -> None:
    """Find out before the work whether the page can be written.

    Raises:
        SettingsError: The name is no page's, or belongs to a file that must not be replaced.
        TargetError: The folder cannot be written.
    """
    check_target(target, overwrite=overwrite)


def write_page(result: ExamResult, target: Path) -> None:
    """Write the page; a crash leaves no half of it.

    Raises:
        TargetError: It cannot be written.
    """
    write_text_atomically(target, make_page(result))


def make_page(result: ExamResult) -> str:
    """The page's HTML. Names are escaped."""
    cards = [_card(line) for line in result.lines]
    values = {
        "result": result,
        "short_hash": None if result.sha256 is None else result.sha256[:_HASH_DIGITS],
        "material": material_text(result.photos, len(result.clips)),
        "minutes": _duration(result.seconds),
        "settings": [_setting(name, value) for name, value in result.settings.items() if value not in (None, [])],
        "cards": cards,
        "sections": [(verdict, [card for card in cards if card["line"].verdict == verdict]) for verdict in _VERDICTS],
        "rows": () if result.ranking is None else _standings(result.ranking),
        "ratio": f"{MATCHED_RATIO:.2f}".lstrip("0"),
        "least_of_a_group": LEAST_OF_A_GROUP,
    }
    return render(__package__, _TEMPLATE, values, filters={"figure": figure_text, "number": _number})


def gauge(figure: Figure) -> Gauge | None:
    """Place a figure beside its bar; None for information, and for what has no value."""
    low, high, value = figure.low, figure.high, figure.value
    if value is None or not isfinite(value) or (low is None and high is None):
        return None
    start, end = _ends(low, high)

    def place(number: float) -> float:
        return round(100 * min(1.0, max(0.0, (number - start) / (end - start))), 1)

    zone_start = 0.0 if low is None else place(low)
    zone_end = 100.0 if high is None else place(high)
    return Gauge(value=place(value), zone_start=zone_start, zone_width=round(zone_end - zone_start, 1))


def _ends(low: float | None, high: float | None) -> tuple[float, float]:
    """Of a gauge that shows as much forbidden as allowed ground beside a single bar, and each side of a double one."""
    if low is not None and high is not None:
        margin = (high - low) or 1.0
        return low - margin, high + margin
    bar = high if low is None else low
    assert bar is not None
    # A bar of 0 has no scale of its own.
    return (min(0.0, 2 * bar), max(0.0, 2 * bar)) if bar else (0.0, 1.0)


def value_text(figure: Figure) -> str:
    """A figure's value for people, with as many digits as show on which side of its bar it is."""
    if figure.value is None or not isfinite(figure.value):
        return figure_text(figure.value)
    for digits in range(_digits(figure.value), _MOST_DIGITS):
        text = f"{figure.value:.{digits}f}"
        if replace(figure, value=float(text)).verdict == figure.verdict:
            return text
    return f"{figure.value:g}"


def figure_text(value: float | None) -> str:
    """A number for people, with about three digits that count; whole numbers are counts, most often."""
    return NOT_KNOWN if value is None or not isfinite(value) else f"{value:.{_digits(value)}f}"


def _number(value: float | None) -> str:
    """As the templates' own filter, which knows finite numbers only."""
    return NOT_KNOWN if value is None or not isfinite(value) else number(value)


def _digits(value: float) -> int:
    """Decimals to show."""
    size = abs(value)
    return 0 if size >= 100 or value == round(value) else 1 if size >= 10 else 2 if size >= 1 else 3


def bar_text(figure: Figure) -> str:
    """What a figure must be, in words; empty for information."""
    low, high = figure.low, figure.high
    if low is None and high is None:
        return ""
    if low is None:
        return f"at most {high:.3g}"
    return f"at least {low:.3g}" if high is None else f"{low:.3g} to {high:.3g}"


def material_text(photos: int, clips: int) -> str:
    """What was examined on, in words: "200 photographs and 1 clip"."""
    counts = ((photos, "photograph"), (clips, "clip"))
    return " and ".join(f"{count} {what}{'' if count == 1 else 's'}" for count, what in counts if count)


def _card(line: LineResult) -> dict[str, Any]:
    columns = tuple(dict.fromkeys(name for group in line.groups.values() for name in group))
    return {
        "line": line,
        "title": line.title[:1].upper() + line.title[1:],
        "advice": ADVICE.get(line.number),
        "judged": [_measured(item) for item in line.figures if item.verdict is not None],
        "informal": [_measured(item) for item in line.figures if item.verdict is None],
        "columns": columns,
        "split": "By group" if set(line.groups) <= set(GROUPS) else "By clip",
        "why": "; ".join(dict.fromkeys(item.why_not_tested for item in line.figures if item.why_not_tested)),
        "examples": [_strip(example) for example in line.examples[:_MOST_EXAMPLES]],
    }


def _measured(figure: Figure) -> dict[str, Any]:
    return {"figure": figure, "gauge": gauge(figure), "value": value_text(figure), "bar": bar_text(figure)}


def _strip(example: Example) -> dict[str, Any]:
    """Gray, answer and, where it is known, truth."""
    gray = torch.zeros_like(example.ab)
    kinds: Iterable[tuple[str, Tensor | None]] = (("gray", gray), ("answer", example.ab), ("truth", example.truth))
    pictures = [(kind, picture_url(_thumbnail(example.lightness, ab))) for kind, ab in kinds if ab is not None]
    return {"name": example.name, "badness": example.badness, "pictures": pictures}


def _thumbnail(lightness: Tensor, ab: Tensor) -> bytes:
    """A small JPEG of (1, H, W) L* and (2, H, W) ab."""
    rgb = lab_to_rgb(lightness[None].float(), ab[None].float())[0]
    pixels = (rgb * 255).round().clamp(0, 255).byte().permute(1, 2, 0).numpy()
    shrink = min(1.0, _THUMBNAIL_SIDE / max(pixels.shape[:2]))
    size = (max(1, round(pixels.shape[1] * shrink)), max(1, round(pixels.shape[0] * shrink)))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    done, data = cv2.imencode(".jpg", np.ascontiguousarray(small[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    assert done, "OpenCV cannot write JPEG"
    return data.tobytes()


def _standings(ranking: Ranking) -> Sequence[tuple[str, Standing]]:
    sources = ((f"{name} sources", standing) for name, standing in ranking.sources.items())
    return (("all photographs", ranking.overall), *ranking.groups.items(), *sources)


def _setting(name: str, value: Any) -> str:
    words = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
    return f"{name.replace('_', ' ')} {words}"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
