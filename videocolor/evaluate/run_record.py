"""What the run that made a film wrote about its shots, where its report still lies beside the film."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from videocolor.paths import report_path


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFigures:
    """What a run says about one shot; None where it says nothing."""

    inferred_share: float | None
    """Share of frames that the network saw; the others got their colors from key frames."""
    limited_share: float | None
    """Share of chroma samples that were pulled into the gamut."""
    lonely_share: float | None
    """Share of pixels that the temporal filter could average with nothing: color may flicker there."""
    correction: float | None
    """Mean distance in ab by which the temporal filter changed the colors: how unsteady the colorizer was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """A run's report as far as it can be understood."""

    path: Path
    model: str
    settings: dict[str, str]
    rows: tuple[Mapping[str, Any], ...]

    def within(self, start_s: float, end_s: float) -> RunFigures | None:
        """The mean of the run's rows within a span of the film, weighted by frames; None where they say nothing.

        Times are compared, not pts: the run's are in the clock of its source.
        """
        rows = [row for row in self.rows if start_s <= (row["start_s"] + row["end_s"]) / 2 < end_s]

        def mean(name: str) -> float | None:
            return _mean([(row[name], row["frames"]) for row in rows if _is_number(row.get(name))])

        counted = [row for row in rows if _is_number(row.get("inferred_frames"))]
        figures = RunFigures(
            inferred_share=_mean([(row["inferred_frames"] / row["frames"], row["frames"]) for row in counted]),
            limited_share=mean("limited_share"),
            lonely_share=mean("lonely_share"),
            correction=mean("correction"),
        )
        return figures if any(value is not None for value in asdict(figures).values()) else None


def read_run_record(film: Path, frame_count: int) -> tuple[RunRecord | None, str | None]:
    """Read `<film>.report.json`; a report that is damaged, or of another film, is no reason to stop.

    Args:
        film: The colored film.
        frame_count: How many frames it has.

    Returns:
        The record and None, or None and why there is none as a sentence; both None where no such file lies there.
    """
    path = report_path(film)
    if not path.is_file():
        return None, None
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        rows = tuple(row for row in values["shots"] if _is_row(row))
        count, settings = values["frame_count"], values.get("settings", {})
        record = RunRecord(
            path=path,
            model=str(values.get("model", "?")),
            settings={str(key): str(value) for key, value in settings.items()},
            rows=rows,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None, f"{path.name} cannot be read as the report of a run; it is left out."
    if count != frame_count:
        return None, f"{path.name} is of a film of {count} frames, not of these {frame_count}; it is left out."
    return record, None


def _is_row(row: object) -> bool:
    return (
        isinstance(row, dict)
        and _is_number(row.get("start_s"))
        and _is_number(row.get("end_s"))
        and isinstance(row.get("frames"), int)
        and row["frames"] > 0
    )


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def _mean(weighted: Sequence[tuple[float, int]]) -> float | None:
    weights = sum(weight for _, weight in weighted)
    return sum(value * weight for value, weight in weighted) / weights if weights else None
