"""A film against the true one: both decoded side by side, scored shot by shot, nothing kept but figures."""

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import zip_longest
from math import sqrt
from pathlib import Path

import cv2
import numpy as np

from videocolor.core.frames import Frame
from videocolor.core.media import MediaInfo
from videocolor.core.shots import Shot
from videocolor.errors import MediaError
from videocolor.evaluate.clips import TemporalMeter, mean_over_shots
from videocolor.evaluate.comparison import Baselines, Comparison, ShotScores, mean_of_parts
from videocolor.evaluate.lab import Rgb, luma, rgb_to_lab, with_ab
from videocolor.evaluate.pictures import PictureMeter
from videocolor.evaluate.screen import to_rgb
from videocolor.evaluate.shot_walk import PlannedShots, by_shot, decoded, plan_shots
from videocolor.media.probe import probe_film
from videocolor.progress import Progress

_BASELINE_FRAMES = 100
"""Frames of the film, evenly spread, that the two results that do nothing are scored on."""

_LARGEST_LUMA_ERROR = 12.0
"""Root mean square, of 255; a colored film keeps its luma, and lossy codecs err by 1 or 2."""

_SAME_PART = "Compare the same part of both: cut one to the other first."


def compare_films(truth: Path, result: Path, *, detector: str, progress: Progress) -> Comparison:
    """Score a colored film; frames are matched by their order, shots are those of the truth's luma.

    Raises:
        MediaError: One cannot be decoded, or sizes or numbers of frames differ.
    """
    after = probe_film(result)
    film = plan_shots(truth, detector=detector, progress=progress)
    _check_sizes(film.info, after)
    every = -(-film.plan.frame_count // _BASELINE_FRAMES)
    progress.start("measure", total=2 * film.plan.frame_count, shots=len(film.plan.shots))
    scorer = _Scorer(film, _BaselineMeters(_mean_ab(film, every, progress), every), progress)
    with closing(_pairs(film, after, result)) as pairs:
        shots = [scorer.score(shot, part) for shot, part in by_shot(pairs, film, lambda pair: pair.truth.pts)]
    progress.finish()
    height, width = film.info.video.height, film.info.video.width
    return Comparison(
        truth=str(truth),
        result=str(result),
        kind="film",
        frame_count=film.plan.frame_count,
        size=(height, width),
        scores=mean_of_parts([shot.scores for shot in shots]),
        baselines=scorer.baselines.finish(),
        clip=mean_over_shots([shot.clip for shot in shots]),
        shots=tuple(shots),
        notes=(*film.plan.notes, *scorer.notes(result)),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Pair:
    number: int
    truth: Frame
    result: Frame


class _BaselineMeters:
    """Scores of what does nothing, on every n-th frame."""

    def __init__(self, mean_ab: tuple[float, float], every: int) -> None:
        self._mean_ab, self._every = mean_ab, every
        self._gray, self._flat = PictureMeter(), PictureMeter()

    def push(self, number: int, true_rgb: Rgb) -> None:
        if number % self._every:
            return
        self._gray.push(with_ab(true_rgb, (0, 0)), true_rgb)
        self._flat.push(with_ab(true_rgb, self._mean_ab), true_rgb)

    def finish(self) -> Baselines:
        return Baselines(gray=self._gray.finish(), mean_color=self._flat.finish(), mean_ab=self._mean_ab)


class _Scorer:
    """Scores shots, and watches whether the two films show the same."""

    def __init__(self, film: PlannedShots, baselines: _BaselineMeters, progress: Progress) -> None:
        self.baselines = baselines
        self._film, self._progress = film, progress
        self._luma_error = 0.0

    def score(self, shot: Shot, pairs: Iterator[_Pair]) -> ShotScores:
        film = self._film
        pictures, clip = PictureMeter(), TemporalMeter(has_truth=True)
        for pair in pairs:
            true_rgb, rgb = to_rgb(pair.truth), to_rgb(pair.result)
            pictures.push(rgb, true_rgb)
            clip.push(rgb, true_rgb)
            self.baselines.push(pair.number, true_rgb)
            self._luma_error += cv2.norm(luma(rgb), luma(true_rgb), cv2.NORM_L2SQR) / (rgb.shape[0] * rgb.shape[1])
            self._progress.advance(shot.index)
        return ShotScores(
            shot=shot.index,
            start=film.time_code(shot.start_pts),
            end=film.time_code(shot.end_pts),
            start_s=round(film.seconds(shot.start_pts), 6),
            end_s=round(film.seconds(shot.end_pts), 6),
            frames=shot.frame_count,
            scores=pictures.finish(),
            clip=clip.finish(),
        )

    def notes(self, result: Path) -> tuple[str, ...]:
        """A warning where the figures compare what does not belong together."""
        error = sqrt(self._luma_error / self._film.plan.frame_count)
        if error <= _LARGEST_LUMA_ERROR:
            return ()
        problem = f"The brightness of {result.name} is {error:.0f} of 255 off the truth's on average"
        return (f"{problem}: is it the same film, and does it begin at the same frame?",)


def _check_sizes(before: MediaInfo, after: MediaInfo) -> None:
    sizes = [f"{info.video.width}x{info.video.height}" for info in (before, after)]
    if sizes[0] != sizes[1]:
        raise MediaError(
            f"{before.path} is {sizes[0]} and {after.path} {sizes[1]}.", "Scale one to the other's size first."
        )


def _mean_ab(film: PlannedShots, every: int, progress: Progress) -> tuple[float, float]:
    """Mean a* and b* of every n-th true frame."""
    total, count = np.zeros(2), 0
    with closing(decoded(film.info, is_damaged=film.plan.is_damaged)) as frames:
        for number, frame in enumerate(frames):
            if number % every == 0:
                total += rgb_to_lab(to_rgb(frame))[..., 1:].mean(axis=(0, 1), dtype=np.float64)
                count += 1
            progress.advance(None)
    a, b = total / count
    return float(a), float(b)


def _pairs(film: PlannedShots, after: MediaInfo, result: Path) -> Generator[_Pair, None, None]:
    """Frames of both films side by side.

    Raises:
        MediaError: One of them ends before the other.
    """
    count = film.plan.frame_count
    with (
        closing(decoded(film.info, is_damaged=film.plan.is_damaged)) as before,
        closing(decoded(after, is_damaged=False)) as made,
    ):
        for number, (truth, frame) in enumerate(zip_longest(before, made)):
            if frame is None:
                raise MediaError(f"{result} ends after {number} of the {count} frames of {film.info.path}.", _SAME_PART)
            if truth is None:
                raise MediaError(f"{result} has more frames than the {count} of {film.info.path}.", _SAME_PART)
            yield _Pair(number=number, truth=truth, result=frame)
