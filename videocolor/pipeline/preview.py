"""A look before a night's run: one colored still per shot, and an estimate of time and disk from a real trial."""

import logging
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from videocolor.core.frames import Frame
from videocolor.core.shots import Plan, Segment, Shot
from videocolor.errors import SettingsError
from videocolor.files import translated_os_errors
from videocolor.media.carry import check_losses, plan_carry
from videocolor.media.decode import DecodeCounts, open_frames
from videocolor.media.encode import write_picture
from videocolor.media.formats import choose_encoding
from videocolor.media.timing import format_time_code
from videocolor.merge.merge import merge_frame, source_chroma
from videocolor.pipeline.film import RunOptions, check_paths, decode_settings, probe_treated_film
from videocolor.pipeline.job import FilmJob, keeps_color, make_job
from videocolor.pipeline.model import load_model
from videocolor.pipeline.plan import check_interlace, expected_frame_count, make_plan
from videocolor.pipeline.references import check_references
from videocolor.pipeline.segment import code_segment
from videocolor.pipeline.stage_clock import StageClock
from videocolor.pipeline.stages import merged_stream
from videocolor.pipeline.still import color_frame
from videocolor.pipeline.stretches import Stretch
from videocolor.progress import Progress
from videocolor.references.pictures import Picture, find_pictures
from videocolor.settings import RunSettings

log = logging.getLogger(__name__)

_TRIAL_FRAMES = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a preview found out."""

    folder: str
    pictures: list[str]
    frame_count: int
    shot_count: int
    seconds_estimated: float
    """For the whole run on this machine as it is loaded now."""
    result_bytes_estimated: int
    work_bytes_estimated: int
    """Needed while the run lasts: the segments beside the growing result, and the carried colors of references."""
    free_bytes: int
    trial_frames: int

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def preview_film(
    source: Path, target: Path, settings: RunSettings, options: RunOptions, *, progress: Progress
) -> Preview:
    """Color the middle frame of every shot into `<target>.preview/`, and estimate the run by a short trial.

    Raises:
        VideoColorError: Everything that would stop the run itself before its first frame.
    """
    check_paths(source, target, options)
    folder = target.with_name(f"{target.name}.preview")
    references = find_pictures(settings.references)
    _check_apart(references, folder)
    _check_unpainted(folder, options)
    info = probe_treated_film(source, settings)
    encoding = choose_encoding(info, settings.encode, target, allow_loss=settings.allow_loss)
    check_losses(plan_carry(info, encoding, target), target, settings.allow_loss)
    colorizer = load_model(settings)
    job = make_job(info, settings, encoding, colorizer)
    progress.start("plan", total=expected_frame_count(info))
    planned = make_plan(info, settings, decode_settings(settings), on_frame=lambda count: progress.advance(None))
    check_interlace(planned.interlace, info, settings)
    plan = planned.plan
    reference_bytes = check_references(
        references,
        info,
        plan,
        decode_settings(settings),
        keeps=lambda shot: keeps_color(shot, settings),
        progress=progress,
        should_stop=options.should_stop,
    )
    with translated_os_errors(folder):
        folder.mkdir(exist_ok=True)
    if references:
        log.warning("The stills show the network's own colors; references join in the run.")
    progress.start("color", total=len(plan.shots), shots=len(plan.shots))
    pictures = []
    for shot, frame in _middle_frames(job, plan):
        kept = source_chroma(frame, job.merge) if keeps_color(shot, settings) else None
        merged = kept or merge_frame(color_frame(frame, info, settings, colorizer, job.network.sizes), job.merge)
        # By these names a still that was repainted is known again as a reference.
        time_code = format_time_code(float((frame.pts - (info.video.start_pts or 0)) * plan.time_base))
        path = folder / f"shot-{shot.index + 1:04}-{time_code.replace(':', '.')}.png"
        write_picture(path, merged, encoding)
        pictures.append(path.name)
        progress.advance(shot.index)
    progress.finish()
    trial_s, trial_bytes, trial_frames = _trial(job, plan, colorizer)
    result_bytes = round(trial_bytes / trial_frames * plan.frame_count) + _other_bytes(job)
    return Preview(
        folder=str(folder),
        pictures=pictures,
        frame_count=plan.frame_count,
        shot_count=len(plan.shots),
        seconds_estimated=round(trial_s / trial_frames * plan.frame_count, 1),
        result_bytes_estimated=result_bytes,
        work_bytes_estimated=2 * result_bytes + reference_bytes,
        free_bytes=shutil.disk_usage(target.parent).free,
        trial_frames=trial_frames,
    )


def _check_unpainted(folder: Path, options: RunOptions) -> None:
    """Stills of an earlier preview may have been repainted, which is somebody's work of hours.

    Raises:
        SettingsError: There are some, and nobody said that they may be replaced.
    """
    if folder.is_dir() and any(folder.iterdir()) and not options.overwrite:
        raise SettingsError(
            f"{folder} holds stills of an earlier preview, which may have been painted.",
            "Rename it, or use --overwrite.",
        )


def _check_apart(references: Sequence[Picture], folder: Path) -> None:
    """Refuse references that the stills of the same names would overwrite.

    Raises:
        SettingsError: There is one.
    """
    for picture in references:
        if folder.resolve() == picture.path.resolve().parent:
            raise SettingsError(
                f"{picture.path} lies in the folder that --preview writes its stills to.",
                "Color the film without --preview, or move your pictures to another folder first.",
            )


def _middle_frames(job: FilmJob, plan: Plan) -> Iterator[tuple[Shot, Frame]]:
    """The middle frame of every shot, in one linear decode."""
    wanted = {}
    first = 0
    for shot in plan.shots:
        wanted[plan.pts[first + shot.frame_count // 2]] = shot
        first += shot.frame_count
    decode = replace(decode_settings(job.settings), threads=plan.decoding_threads)
    for frame in open_frames(job.info, decode, DecodeCounts()):
        if frame.pts in wanted:
            yield wanted.pop(frame.pts), frame
        if not wanted:
            return


def _trial(job: FilmJob, plan: Plan, colorizer: Any) -> tuple[float, int, int]:
    """Color and encode the film's first frames for real: seconds, bytes and frames."""
    count = min(_TRIAL_FRAMES, plan.shots[0].frame_count)
    shot = replace(plan.shots[0], frame_count=count)
    stretch = Stretch(
        parts=(shot,), shot_start_pts=shot.start_pts, state=None, keeps_color=keeps_color(shot, job.settings)
    )
    segment = Segment(
        index=0, shots=(shot,), start_pts=shot.start_pts, end_pts=shot.end_pts, frame_count=count, first_frame=0
    )
    clock = StageClock()
    frames = open_frames(job.info, decode_settings(job.settings), DecodeCounts())
    with tempfile.TemporaryDirectory(prefix="videocolor-") as folder:
        final = Path(folder) / f"trial.{job.encoding.segment_muxer}"
        with closing(merged_stream(frames, [stretch], job, colorizer, clock)) as merged:
            result = code_segment(merged, segment, plan, job, final, clock=clock)
    return result.wall_s, result.size_bytes, count


def _other_bytes(job: FilmJob) -> int:
    """What the copied streams weigh: the source's size without its picture is not known, a tenth is a fair guess."""
    return round(job.info.size_bytes * 0.1) if job.info.others else 0
