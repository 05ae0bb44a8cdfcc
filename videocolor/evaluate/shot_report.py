"""`report`: a colored film judged without any truth, shot by shot, the shots that need a human first."""

import heapq
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from videocolor.core.frames import Frame
from videocolor.core.media import VideoInfo
from videocolor.core.shots import Shot
from videocolor.evaluate.lab import Rgb
from videocolor.evaluate.ranking import Judgement, judge
from videocolor.evaluate.run_record import RunFigures, RunRecord, read_run_record
from videocolor.evaluate.screen import bounded_size, limited_share, to_rgb
from videocolor.evaluate.shot_meter import FilmTraces, ShotFigures, ShotMeter
from videocolor.evaluate.shot_walk import PlannedShots, by_shot, decoded, plan_shots
from videocolor.media.timing import format_time_code
from videocolor.progress import Progress

FILM_REPORT_FORMAT = 1
DEFAULT_PAIRS = 12
DEFAULT_WIDTH = 480

_THUMBNAILS = 5
_THUMBNAIL_WIDTH = 224
_JPEG_QUALITY = 78
_MOST_STRIPS = 300
"""Shots that keep their thumbnails, the worst ones: some 30 kB each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveySettings:
    """How closely a film is looked at."""

    detector: str = "ncc"
    pairs: int | None = DEFAULT_PAIRS
    """Neighboring frames a shot, evenly spread, at which flicker is measured; None: all of them."""
    width: int = DEFAULT_WIDTH
    """Pixels; wider films are reduced to it before anything is measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShotReport:
    """One shot: where it lies, its figures, and its place."""

    shot: int
    rank: int
    """1 is the worst."""
    start: str
    """Time code from the film's first frame."""
    end: str
    start_s: float
    end_s: float
    cause: str
    figures: ShotFigures
    run: RunFigures | None
    judgement: Judgement


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FilmReport:
    """A film's shots in the order of the film, and what its page shows beside their figures."""

    film: str
    height: int
    width: int
    rate: Fraction | None
    """Frames a second on average."""
    duration_s: float
    frame_count: int
    measured_size: tuple[int, int]
    """Height and width at which colors were measured."""
    settings: SurveySettings
    detector: str
    shots: tuple[ShotReport, ...]
    record: RunRecord | None
    notes: tuple[str, ...]
    traces: FilmTraces
    thumbnails: dict[int, tuple[bytes, ...]]
    """JPEG files by shot, upright, from its first frame to its last; the worst shots have them."""
    format: int = FILM_REPORT_FORMAT

    @property
    def worst_first(self) -> tuple[ShotReport, ...]:
        return tuple(sorted(self.shots, key=lambda shot: shot.rank))

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON: all figures of all shots, without pictures and traces."""
        return {
            "format": self.format,
            "film": self.film,
            "height": self.height,
            "width": self.width,
            "rate": None if self.rate is None else float(self.rate),
            "duration_s": round(self.duration_s, 6),
            "frame_count": self.frame_count,
            "measured_size": list(self.measured_size),
            "pairs_per_shot": self.settings.pairs,
            "detector": self.detector,
            "run": None if self.record is None else {"path": str(self.record.path), "model": self.record.model},
            "notes": list(self.notes),
            "shots_to_check": [shot.shot for shot in self.worst_first if shot.judgement.needs_look],
            "shots": [_row(shot) for shot in self.shots],
        }


def survey_film(path: Path, settings: SurveySettings, *, progress: Progress) -> FilmReport:
    """Look at a colored film.

    Memory: a few small pictures, thumbnails of the worst shots, and a few numbers a frame.

    Raises:
        MediaNotFound: There is no such file.
        MediaError: No film, or nothing that can be decoded.
    """
    film = plan_shots(path, detector=settings.detector, progress=progress)
    record, complaint = read_run_record(path, film.plan.frame_count)
    progress.start("measure", total=film.plan.frame_count, shots=len(film.plan.shots))
    survey = _Survey(film, settings)
    found: list[tuple[Shot, ShotFigures, RunFigures | None, Judgement]] = []
    with closing(decoded(film.info, is_damaged=film.plan.is_damaged)) as frames:
        for shot, part in by_shot(frames, film, lambda frame: frame.pts):
            figures, strip = survey.look_at(shot, part, progress)
            run = None if record is None else record.within(film.seconds(shot.start_pts), film.seconds(shot.end_pts))
            found.append((shot, figures, run, judge(figures, run)))
            survey.keep(shot.index, strip, found[-1][3].score)
    progress.finish()
    places = sorted(range(len(found)), key=lambda number: -found[number][3].score)
    ranks = {number: rank for rank, number in enumerate(places, start=1)}
    video = film.info.video
    return FilmReport(
        film=str(path),
        height=video.height,
        width=video.width,
        rate=video.average_rate,
        duration_s=film.seconds(film.plan.pts[-1]) + float(film.plan.durations[-1] * film.plan.time_base),
        frame_count=film.plan.frame_count,
        measured_size=survey.size,
        settings=settings,
        detector=film.plan.detector,
        shots=tuple(_report(film, ranks[number], *finding) for number, finding in enumerate(found)),
        record=record,
        notes=(*film.plan.notes, *((complaint,) if complaint else ())),
        traces=survey.traces,
        thumbnails=survey.thumbnails(),
    )


class _Survey:
    """One pass over a film's frames, and the thumbnails of the worst shots so far."""

    def __init__(self, film: PlannedShots, settings: SurveySettings) -> None:
        video = film.info.video
        self.size = bounded_size(video.height, video.width, settings.width)
        self.traces = FilmTraces()
        self._film, self._video, self._pairs = film, video, settings.pairs
        self._strips: list[tuple[float, int, tuple[bytes, ...]]] = []

    def look_at(self, shot: Shot, frames: Iterator[Frame], progress: Progress) -> tuple[ShotFigures, tuple[bytes, ...]]:
        """A shot's figures and its thumbnails."""
        meter = ShotMeter(self.traces, pair_every=_pair_every(shot.frame_count, self._pairs))
        wanted = {round(place * (shot.frame_count - 1) / (_THUMBNAILS - 1)) for place in range(_THUMBNAILS)}
        strip = []
        for number, frame in enumerate(frames):
            rgb = to_rgb(frame, self.size)
            meter.push(rgb, self._film.seconds(frame.pts), limited_share(frame))
            if number in wanted:
                strip.append(_thumbnail(rgb, self._video))
            progress.advance(shot.index)
        return meter.finish(), tuple(strip)

    def keep(self, shot: int, strip: tuple[bytes, ...], score: float) -> None:
        """Keep a shot's thumbnails, as long as it is among the worst."""
        # Of equal scores the earlier shot is kept.
        add = heapq.heappushpop if len(self._strips) == _MOST_STRIPS else heapq.heappush
        add(self._strips, (score, -shot, strip))

    def thumbnails(self) -> dict[int, tuple[bytes, ...]]:
        return {-shot: strip for _, shot, strip in self._strips}


def _pair_every(frame_count: int, pairs: int | None) -> int:
    """Which pairs are measured, so that there are at most `pairs` of them, evenly spread."""
    return 1 if pairs is None else max(1, -(-(frame_count - 1) // pairs))


def _thumbnail(rgb: Rgb, video: VideoInfo) -> bytes:
    """A small JPEG as a player shows it: square pixels, upright."""
    aspect = float(video.sample_aspect or 1)
    height, width = rgb.shape[0], round(rgb.shape[1] * aspect)
    shrink = min(1.0, _THUMBNAIL_WIDTH / (height if video.rotation % 180 else width))
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    small = np.rot90(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), -(video.rotation // 90))
    done, data = cv2.imencode(".jpg", np.ascontiguousarray(small[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    assert done, "OpenCV cannot write JPEG"
    return data.tobytes()


def _report(
    film: PlannedShots, rank: int, shot: Shot, figures: ShotFigures, run: RunFigures | None, judgement: Judgement
) -> ShotReport:
    return ShotReport(
        shot=shot.index,
        rank=rank,
        start=film.time_code(shot.start_pts),
        end=film.time_code(shot.end_pts),
        start_s=round(film.seconds(shot.start_pts), 6),
        end_s=round(film.seconds(shot.end_pts), 6),
        cause=shot.cause,
        figures=figures,
        run=run,
        judgement=judgement,
    )


def _row(shot: ShotReport) -> dict[str, Any]:
    """A shot as one flat object."""
    values = asdict(shot)
    figures, run, judgement = values.pop("figures"), values.pop("run"), values.pop("judgement")
    worst = figures["worst_pair_s"]
    return {
        **values,
        **judgement,
        **figures,
        "worst_pair": None if worst is None else format_time_code(worst),
        "run": run,
    }
