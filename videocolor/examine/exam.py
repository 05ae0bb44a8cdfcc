"""One examination from beginning to end: ranking, lines, and the result that is printed, stored and drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from time import perf_counter
from typing import Any

from videocolor.examine.lines.registry import LINES, Line
from videocolor.examine.ranking import Ranking, rank
from videocolor.examine.sitting import ExamSettings, Sitting
from videocolor.examine.subject import Subject
from videocolor.examine.verdict import LineResult, not_tested
from videocolor.examine.views import Material
from videocolor.progress import NoProgress, Progress
from videocolor.version import __version__

RESULT_FORMAT = 1
"""Of `ExamResult.to_json`; a reader refuses others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExamResult:
    """What came out for one colorizer."""

    model: str
    sha256: str | None
    """Of the weights, where somebody said; of two blended models none."""
    version: str
    """Of this program."""
    settings: dict[str, Any]
    """Plain values by name: those of `ExamSettings`, and how the model was run."""
    photos: int
    """How many photographs there were."""
    clips: tuple[str, ...]
    """Names of the clips."""
    ranking: Ranking | None
    """None without photographs."""
    lines: tuple[LineResult, ...]
    """Those that were asked for, in order."""
    seconds: float
    """Wall-clock time of all."""
    notes: tuple[str, ...] = field(default=())
    """What a reader must know about the material, in sentences."""

    def to_json(self) -> dict[str, Any]:
        """Plain data without pictures.

        Keys: format, model, sha256, version, settings, photos, clips, ranking (`Ranking.to_json`, or null), lines
        (`LineResult.to_json` of each), seconds, notes.
        """
        return {
            "format": RESULT_FORMAT,
            "model": self.model,
            "sha256": self.sha256,
            "version": self.version,
            "settings": self.settings,
            "photos": self.photos,
            "clips": list(self.clips),
            "ranking": None if self.ranking is None else self.ranking.to_json(),
            "lines": [line.to_json() for line in self.lines],
            "seconds": round(self.seconds, 1),
            "notes": list(self.notes),
        }


def examine(
    subject: Subject,
    material: Material,
    settings: ExamSettings | None = None,
    *,
    lines: Sequence[Line] = LINES,
    unseen: Sequence[str] = (),
    sha256: str | None = None,
    run_as: Mapping[str, Any] | None = None,
    notes: Sequence[str] = (),
    progress: Progress | None = None,
) -> ExamResult:
    """Examine one colorizer.

    Args:
        subject: Who is examined.
        material: Photographs, clips, or both.
        settings: How thoroughly.
        lines: Which lines; one that needs true colors is "not tested" without photographs.
        unseen: Sources of photographs that the colorizer cannot know; they are ranked apart.
        sha256: Of its weights, for the result.
        run_as: How it was run (device, size), for the result.
        notes: About the material, for the result.
        progress: Told about every photograph and every line.

    Raises:
        MediaError: A clip cannot be read.
        OutOfMemoryError: One picture alone does not fit.
    """
    began = perf_counter()
    settings, progress = settings or ExamSettings(), progress or NoProgress()
    sitting = Sitting(subject, material, settings, progress)
    progress.start("examine", total=len(material.photos) + len(lines))
    ranking = rank(sitting, unseen=unseen) if material.photos else None
    results = []
    for line in lines:
        results.append(_run(line, sitting))
        progress.advance(None)
    progress.finish()
    return ExamResult(
        model=subject.name,
        sha256=sha256,
        version=__version__,
        settings={**asdict(settings), "side": material.side, "unseen": list(unseen), **(run_as or {})},
        photos=len(material.photos),
        clips=tuple(getattr(load, "name", "clip") for load in material.clips),
        ranking=ranking,
        lines=tuple(results),
        seconds=perf_counter() - began,
        notes=tuple(notes),
    )


def _run(line: Line, sitting: Sitting) -> LineResult:
    lacks_truth = line.needs_truth and not sitting.photos
    outcome = not_tested("needs photographs in color") if lacks_truth else line.run(sitting)
    return LineResult(
        number=line.number,
        title=line.title,
        figures=outcome.figures,
        groups=outcome.groups,
        examples=outcome.examples,
    )
