"""Frames that a person colored, in a run.

A pass before coloring carries their colors through their shots, and writes them to the work folder; on the way of
the data these join the colors of the network.
"""

import hashlib
import json
import logging
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from videocolor.color.resample import enlarge
from videocolor.core.frames import ColoredFrame, Frame
from videocolor.core.media import MediaInfo
from videocolor.core.motion import Size
from videocolor.core.shots import Plan, Shot
from videocolor.errors import DiskFullError, Interrupted
from videocolor.files import publish, translated_os_errors, write_text_atomically
from videocolor.media.decode import DecodeSettings
from videocolor.pipeline.frame_ranges import PlannedFrames
from videocolor.pipeline.read_ahead import read_ahead
from videocolor.pipeline.reference_fits import Watch, film_clock, fit_pictures, fitting_steps, place_pictures
from videocolor.progress import Progress
from videocolor.references.carry import Colors
from videocolor.references.load import Painting
from videocolor.references.names import FilmClock
from videocolor.references.pictures import Picture
from videocolor.references.store import BackwardFile, ColorFile, backward_file_bytes, color_file_bytes, read_colors
from videocolor.references.through_shot import carry_through_shot, step_count
from videocolor.temporal.motion import with_motion, work_size
from videocolor.version import __version__

log = logging.getLogger(__name__)

_FORMAT = 1
_DECODED_AHEAD, _MOVING_AHEAD = 8, 4
# Against 1 of the network's color, for the temporal filter. Measured on five clips: with 20 alike the painted frame
# itself changes by a mean of 1.7 in ab, with 1000 for it by .4, at .2 dB for frames further away.
_PAINTED_CONFIDENCE, _CARRIED_CONFIDENCE = 1000.0, 20.0
_PAINTED_AGE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class _GuidedShot:
    """A shot that has references, with all parts of a divided one."""

    first: int
    """Index of its first frame in the plan."""
    frame_count: int
    pictures: dict[int, Picture]
    """By the frame's place in the shot."""

    @property
    def frames(self) -> range:
        return range(self.first, self.first + self.frame_count)


class CarriedColors:
    """A person's colors for every frame that they reach, on the disk."""

    def __init__(self, files: Iterable[tuple[Path, Sequence[int]]], size: Size) -> None:
        """Know where each frame's colors lie.

        Args:
            files: Finished `ColorFile`s and the pts of their frames.
            size: Work size of the film.
        """
        self._places = {pts: (path, index) for path, all_pts in files for index, pts in enumerate(all_pts)}
        self._size = size

    def guided(self, frames: Iterable[ColoredFrame]) -> Iterator[ColoredFrame]:
        """Put a person's colors over the network's, as far as they are trusted.

        Frames of shots without references pass as they are; all frames of another shot get ab of one size.
        """
        for colored in frames:
            place = self._places.get(colored.frame.pts)
            yield colored if place is None else _guide(colored, read_colors(*place, self._size))


def _guide(colored: ColoredFrame, colors: Colors) -> ColoredFrame:
    device = colored.ab.device
    height, width = colors.weight.shape
    # The finer of the two grids, so that neither color loses detail.
    size = max(height, colored.ab.shape[1]), max(width, colored.ab.shape[2])
    confidence = np.where(colors.age < _PAINTED_AGE, _PAINTED_CONFIDENCE, _CARRIED_CONFIDENCE) * colors.weight
    planes = np.stack([*np.moveaxis(colors.ab * colors.weight[..., None], 2, 0), colors.weight, confidence])
    with torch.inference_mode():
        grown = _grown(torch.from_numpy(planes).float().to(device)[None], size)[0]
        ab = _grown(colored.ab[None], size)[0] * (1 - grown[2:3]) + grown[:2]
        own = torch.ones_like(grown[3:]) if colored.confidence is None else _grown(colored.confidence[None], size)[0]
        return replace(colored, ab=ab, confidence=torch.maximum(own, grown[3:]))


def prepare_references(
    pictures: Sequence[Picture],
    info: MediaInfo,
    plan: Plan,
    decode: DecodeSettings,
    folder: Path,
    *,
    keeps: Callable[[Shot], bool],
    progress: Progress,
    should_stop: Callable[[], bool] = lambda: False,
) -> CarriedColors | None:
    """Carry the colors of pictures through their shots, or take up what an earlier run has finished of it.

    Args:
        pictures: From `references.pictures.find_pictures`.
        info: The film.
        plan: Its plan.
        decode: As in the planning pass.
        folder: For the carried colors; made here, and kept for a resume.
        keeps: Whether a shot keeps the source's own color.
        progress: Told about the phase "references" where there is something to do.
        should_stop: Asked after every frame.

    Returns:
        The colors; None where no picture lies in a shot that is colored.

    Raises:
        SettingsError: A picture has no frame in this run, or does not show the one that it is named after.
        MediaError: A picture or the film cannot be read.
        DiskFullError: No space left, or less than all the carried colors will take.
        Interrupted: `should_stop` said so.
    """
    if not pictures:
        return None
    film = PlannedFrames(info=info, plan=plan, decode=decode)
    size = work_size(info.video.height, info.video.width)
    clock = film_clock(film, pictures, Watch(progress=progress, should_stop=should_stop))
    shots = _guided_shots(plan, place_pictures(pictures, clock), keeps)
    if not shots:
        return None
    with translated_os_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    carrying = _Carrying(film=film, size=size, folder=folder, progress=progress, should_stop=should_stop)
    todo = [shot for shot in shots if not carrying.is_finished(shot)]
    if todo:
        carrying.carry_all(todo, clock)
    return CarriedColors(
        ((carrying.path(shot), plan.pts[shot.frames.start : shot.frames.stop]) for shot in shots), size
    )


def check_references(
    pictures: Sequence[Picture],
    info: MediaInfo,
    plan: Plan,
    decode: DecodeSettings,
    *,
    keeps: Callable[[Shot], bool],
    progress: Progress,
    should_stop: Callable[[], bool] = lambda: False,
) -> int:
    """Look at pictures as a run would, and carry nothing.

    Args:
        pictures, info, plan, decode, keeps, progress, should_stop: As in `prepare_references`.

    Returns:
        Bytes that the run will need for them in its work folder, at most.

    Raises:
        SettingsError, MediaError, Interrupted: As in `prepare_references`.
    """
    if not pictures:
        return 0
    film = PlannedFrames(info=info, plan=plan, decode=decode)
    size = work_size(info.video.height, info.video.width)
    watch = Watch(progress=progress, should_stop=should_stop)
    clock = film_clock(film, pictures, watch)
    shots = _guided_shots(plan, place_pictures(pictures, clock), keeps)
    wanted = _pictures_of(shots)
    progress.start("references", total=fitting_steps(wanted, plan.frame_count))
    fit_pictures(wanted, film, clock, size, watch)
    progress.finish()
    return _needed_bytes(shots, size)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Carrying:
    """The pass over the shots that have references."""

    film: PlannedFrames
    size: Size
    folder: Path
    progress: Progress
    should_stop: Callable[[], bool]

    def path(self, shot: _GuidedShot) -> Path:
        """Of the shot's `ColorFile`; its record lies beside it."""
        return self.folder / f"frames-{shot.first:08}.colors"

    def is_finished(self, shot: _GuidedShot) -> bool:
        """Whether an earlier run carried the same pictures over the same frames."""
        path = self.path(shot)
        try:
            record = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
            return record == self._record(shot) and path.stat().st_size == color_file_bytes(shot.frame_count, self.size)
        except (OSError, ValueError):
            return False

    def carry_all(self, todo: Sequence[_GuidedShot], clock: FilmClock) -> None:
        """Look at every picture before the first is carried, so that a wrong one is known soon; then shot by shot."""
        self._check_room(todo)
        wanted = _pictures_of(todo)
        steps = sum(step_count(shot.frame_count, max(shot.pictures)) for shot in todo)
        self.progress.start("references", total=fitting_steps(wanted, self.film.plan.frame_count) + steps)
        watch = Watch(progress=self.progress, should_stop=self.should_stop)
        fitted = fit_pictures(wanted, self.film, clock, self.size, watch)
        decoded = self.film.of([shot.frames for shot in todo], on_dropped=self._check_stop)
        with closing(read_ahead(decoded, _DECODED_AHEAD)) as frames:
            for shot in todo:
                self._carry(shot, frames, {place: fitted[shot.first + place].painting for place in shot.pictures})
        self.progress.finish()

    def _carry(
        self, shot: _GuidedShot, frames: Iterator[Frame], paintings: Mapping[int, Callable[[], Painting]]
    ) -> None:
        path = self.path(shot)
        part = path.with_name(f".{path.name}.part")
        # The flow of the frames ahead is found in a thread of its own, beside the carrying.
        moving = read_ahead(with_motion(islice(frames, shot.frame_count), self.size), _MOVING_AHEAD)
        try:
            with closing(moving), ColorFile(part, self.size) as target, BackwardFile(self.folder, self.size) as scratch:
                carry_through_shot(moving, shot.frame_count, paintings, target, scratch, on_step=self._on_step)
            publish(part, path)
        finally:
            part.unlink(missing_ok=True)
        write_text_atomically(path.with_suffix(".json"), json.dumps(self._record(shot)))

    def _check_room(self, todo: Sequence[_GuidedShot]) -> None:
        """Tell before hours of work that they would end on a full disk."""
        needed, free = _needed_bytes(todo, self.size), shutil.disk_usage(self.folder).free
        if needed > free:
            raise DiskFullError(
                f"The carried colors of the references need {needed / 1e6:,.1f} MB in {self.folder}, "
                f"{free / 1e6:,.1f} MB are free.",
                "Make room and run the same command again, or give references for fewer shots.",
            )

    def _on_step(self) -> None:
        self.progress.advance(None)
        self._check_stop()

    def _check_stop(self) -> None:
        if self.should_stop():
            raise Interrupted(
                "Stopped while references were carried through their shots.",
                "The same command goes on with the shot that is not finished.",
            )

    def _record(self, shot: _GuidedShot) -> dict[str, object]:
        """All that carried colors depend on."""
        pts = self.film.plan.pts[shot.frames.start : shot.frames.stop]
        return {
            "format": _FORMAT,
            "videocolor": __version__,
            "opencv": cv2.__version__,
            "source": self.film.plan.identity,
            "field filter": self.film.decode.field_filter,
            "size": list(self.size),
            "pts": hashlib.sha256(json.dumps(pts).encode()).hexdigest(),
            "references": {str(place): picture.sha256 for place, picture in sorted(shot.pictures.items())},
        }


def _guided_shots(plan: Plan, placed: dict[int, Picture], keeps: Callable[[Shot], bool]) -> list[_GuidedShot]:
    """The shots with references, parts of a divided one joined; pictures of shots that keep their color are told."""
    used = _used(plan, placed, keeps)
    found: list[_GuidedShot] = []
    first = 0
    for shot in plan.whole_shots:
        frames = range(first, first + shot.frame_count)
        pictures = {index - first: picture for index, picture in used.items() if index in frames}
        if pictures:
            found.append(_GuidedShot(first=first, frame_count=shot.frame_count, pictures=pictures))
        first = frames.stop
    return found


def _used(plan: Plan, placed: dict[int, Picture], keeps: Callable[[Shot], bool]) -> dict[int, Picture]:
    """The pictures without those of shots, or parts of a divided one, that keep their color."""
    used = dict(placed)
    first = 0
    for shot in plan.shots:
        frames = range(first, first + shot.frame_count)
        if keeps(shot):
            for index in [index for index in placed if index in frames]:
                log.warning("%s is not used: its shot keeps its own color (--keep-color).", used.pop(index).path)
        first = frames.stop
    return used


def _pictures_of(shots: Sequence[_GuidedShot]) -> dict[int, Picture]:
    """By index in the plan, rising."""
    return {shot.first + place: picture for shot in shots for place, picture in sorted(shot.pictures.items())}


def _needed_bytes(shots: Sequence[_GuidedShot], size: Size) -> int:
    """The carried colors of all shots, and what the way back through the longest takes meanwhile."""
    scratch = max((backward_file_bytes(max(shot.pictures) + 1, size) for shot in shots), default=0)
    return scratch + sum(color_file_bytes(shot.frame_count, size) for shot in shots)


def _grown(planes: Tensor, size: Size) -> Tensor:
    """(N, C, h, w) enlarged to a size; as it is where it has that size."""
    return planes if planes.shape[2:] == size else enlarge(planes, size, (1, 1), "center")
