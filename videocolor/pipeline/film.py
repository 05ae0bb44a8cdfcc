"""A film from source to result: check, plan, color what is left, mux, check again, publish.

`check_result` comes from the caller, so that this floor does not know the verification above it.
"""

import json
import logging
import os
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path

from videocolor.core.media import MediaInfo
from videocolor.core.shots import Plan
from videocolor.errors import Interrupted, SettingsError, TargetError
from videocolor.files import check_writable_folder, publish, write_text_atomically
from videocolor.journal.fingerprint import Fingerprint, make_fingerprint
from videocolor.journal.plan_file import read_plan, write_plan
from videocolor.journal.work import WorkFolder
from videocolor.media.carry import CarryPlan, check_losses, plan_carry
from videocolor.media.decode import DecodeSettings
from videocolor.media.encode import LumaDigest
from videocolor.media.formats import choose_encoding
from videocolor.media.mux import MuxJob, mux_film
from videocolor.media.probe import probe_film
from videocolor.media.timing import parse_time_code
from videocolor.models.adapter import DeviceColorizer
from videocolor.paths import report_path, work_folder
from videocolor.pipeline.job import FilmJob, check_kept_color, keeps_color, make_job
from videocolor.pipeline.model import load_model
from videocolor.pipeline.plan import HAS_COLOR, PLAN_FORMAT, check_interlace, expected_frame_count, make_plan
from videocolor.pipeline.references import CarriedColors, prepare_references
from videocolor.pipeline.report import RunReport, provenance_tags
from videocolor.pipeline.segment import code_segment
from videocolor.pipeline.source import SegmentSource
from videocolor.pipeline.stage_clock import WAIT, StageClock
from videocolor.pipeline.stages import merged_stream
from videocolor.pipeline.stretches import find_stretches
from videocolor.progress import Progress
from videocolor.references.pictures import Picture, find_pictures, picture_hashes
from videocolor.settings import RunSettings

log = logging.getLogger(__name__)

CheckResult = Callable[[MuxJob, Path], None]
"""Raises VerifyError when the muxed file does not hold what it must."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """How a run behaves; none of it changes pixels."""

    overwrite: bool = False
    """Replace an existing result at the end."""
    restart: bool = False
    """Throw away an unfinished run's work."""
    should_stop: Callable[[], bool] = lambda: False
    """Asked after every segment; True ends the run resumably."""


def check_paths(source: Path, target: Path, options: RunOptions) -> None:
    """Find out before the work whether the result can be written.

    Raises:
        SettingsError: The result would replace the source, or a file that must not be replaced.
        TargetError: The target's folder cannot be written.
    """
    if str(source) == "-":
        raise SettingsError("The standard input cannot be colored: it is read twice.", "Save it to a file first.")
    if source.exists() and not source.is_file() and not source.is_dir():
        raise SettingsError(f"{source} is a pipe or device: a film is read twice.", "Save it to a file first.")
    if target.exists() and source.exists() and target.samefile(source):
        raise SettingsError(f"{target} is the source itself.", "Choose another name for the result.")
    if target.is_dir():
        raise SettingsError(f"{target} is a folder.", f"Name a file in it, for example {target / source.name}.")
    if target.exists() and not options.overwrite:
        raise SettingsError(f"{target} exists already.", "Use --overwrite, or choose another name.")
    check_writable_folder(target.parent)


def check_names_beside(target: Path) -> None:
    """Find out before the work whether the work folder and the report can have their names.

    Raises:
        SettingsError: The target's name leaves no room for their endings.
    """
    longest = os.pathconf(target.parent, "PC_NAME_MAX") if hasattr(os, "pathconf") else 255
    for beside in (work_folder(target), report_path(target)):
        excess = len(os.fsencode(beside.name)) - longest
        if excess > 0:
            raise SettingsError(
                f"The name {target.name} is too long: {beside.name} lies beside it.",
                f"Shorten it by {excess} bytes.",
            )


def colorize_film(
    source: Path,
    target: Path,
    settings: RunSettings,
    options: RunOptions,
    *,
    progress: Progress,
    check_result: CheckResult,
    colorizer: DeviceColorizer | None = None,
) -> RunReport:
    """Color a film.

    Args:
        source: Any film that libav reads.
        target: The result; appears by rename when everything is done.
        settings: What changes pixels, and what may be lost.
        options: Overwrite, restart, stop.
        progress: Told about phases, frames and shots.
        check_result: Looks at the muxed file before it gets its name.
        colorizer: A loaded model, to color many files with one; None loads the one that the settings name.

    Raises:
        VideoColorError: See `errors.py`; the work folder is kept and can be resumed unless the plan never began.
    """
    begin = time.perf_counter()
    check_paths(source, target, options)
    check_names_beside(target)
    pictures = find_pictures(settings.references)
    info = probe_treated_film(source, settings)
    encoding = choose_encoding(info, settings.encode, target, allow_loss=settings.allow_loss)
    carry = plan_carry(info, encoding, target)
    check_losses(carry, target, settings.allow_loss)
    work = WorkFolder(work_folder(target))
    with work.held():
        colorizer = _matching_colorizer(colorizer, settings, None if options.restart else work.fingerprint())
        run = _FilmRun(
            job=make_job(info, settings, encoding, colorizer),
            carry=carry,
            colorizer=colorizer,
            pictures=pictures,
            work=work,
            target=target,
            options=options,
            progress=progress,
        )
        work.begin(_fingerprint(run), restart=options.restart)
        plan = _plan(run)
        carried = _carry_references(run, plan)
        clock = StageClock()
        color_s, resumed = _color(run, plan, carried, clock)
        mux = _mux(run, plan, check_result)
        report = RunReport.of(
            run.job, carry, plan, work.journal(), colorizer, mux, target, clock=clock, color_s=color_s, resumed=resumed
        )
        # The result has its name: from here on nothing can be lost, and the report must not depend on the work folder.
        report = replace(report, wall_s=round(time.perf_counter() - begin, 3))
        write_text_atomically(report_path(target), json.dumps(report.to_json(), indent=1))
        work.discard()
    return report


@dataclass(frozen=True, slots=True, kw_only=True)
class _FilmRun:
    """What the steps of one run share."""

    job: FilmJob
    carry: CarryPlan
    colorizer: DeviceColorizer
    pictures: tuple[Picture, ...]
    """Frames that a person colored."""
    work: WorkFolder
    target: Path
    options: RunOptions
    progress: Progress


def probe_treated_film(source: Path, settings: RunSettings) -> MediaInfo:
    """Probe a film as it will leave the filters that the settings ask for: progressive, at the rate they give.

    Raises:
        MediaError: See `probe_film`.
        SettingsError: No such video stream, or a setting that films do not have.
    """
    info = probe_film(source, video_stream=settings.video_stream, assume_matrix=settings.assume_matrix)
    if settings.faithful:
        raise SettingsError(f"--faithful is for pictures, {source} is a film.", "Leave it out: films keep their luma.")
    if not (settings.deinterlace or settings.detelecine):
        return info
    rate = info.video.average_rate
    if settings.detelecine and rate is not None:
        rate = rate * 4 / 5
    return replace(info, video=replace(info.video, field_order="progressive", average_rate=rate))


def _matching_colorizer(
    colorizer: DeviceColorizer | None, settings: RunSettings, saved: Fingerprint | None
) -> DeviceColorizer:
    """The model; with --precision auto an unfinished run goes on in the format that it began with."""
    precision: str = settings.precision
    if precision == "auto" and saved is not None and isinstance(saved.get("precision"), str):
        precision = str(saved["precision"])
    if colorizer is not None and precision in ("auto", colorizer.compute.precision):
        return colorizer
    return load_model(settings, precision=precision)


def decode_settings(settings: RunSettings) -> DecodeSettings:
    """How the film is decoded, from the run's settings.

    Raises:
        SettingsError: A time code that cannot be read, or an end before the start.
    """
    start = None if settings.start is None else parse_time_code(settings.start, "--start")
    end = None if settings.end is None else parse_time_code(settings.end, "--end")
    if end is not None and end <= (start or 0):
        raise SettingsError(f"--end {settings.end} is not after --start {settings.start or 0}.", "Swap them.")
    name = "deinterlace" if settings.deinterlace else "detelecine" if settings.detelecine else None
    return DecodeSettings(max_damaged=settings.max_damaged, field_filter=name, start=start, end=end)


def _fingerprint(run: _FilmRun) -> dict[str, object]:
    """What must be equal for going on with a run."""
    return make_fingerprint(
        identity=run.job.info.identity,
        settings=run.job.settings.pixel_settings(),
        weights_sha256=run.colorizer.card.sha256,
        precision=run.colorizer.compute.precision,
        device=run.colorizer.compute.device.type,
        threads=run.colorizer.compute.threads,
        batch_size=run.job.network.batch_size,
        encoding=asdict(run.job.encoding),
        target_suffix=run.target.suffix.lower(),
        references=picture_hashes(run.pictures),
    )


def _plan(run: _FilmRun) -> Plan:
    """The plan of the work folder, or a new one; warns of everything that the user may want to act on."""
    job, path = run.job, run.work.plan

    def on_planned_frame(count: int) -> None:
        run.progress.advance(None)
        if run.options.should_stop():
            raise Interrupted(f"Stopped while looking for cuts, after {count} frames.", "The same command begins anew.")

    if path.exists():
        plan = read_plan(path, expected_format=PLAN_FORMAT)
    else:
        run.progress.start("plan", total=expected_frame_count(job.info))
        planned = make_plan(job.info, job.settings, decode_settings(job.settings), on_frame=on_planned_frame)
        check_interlace(planned.interlace, job.info, job.settings)
        plan = planned.plan
        check_kept_color(plan, job)
        write_plan(path, plan)
    _warn(job, run.carry, plan)
    return plan


def _carry_references(run: _FilmRun, plan: Plan) -> CarriedColors | None:
    """A person's colors, carried through their shots before the first segment."""
    settings = run.job.settings
    return prepare_references(
        run.pictures,
        run.job.info,
        plan,
        decode_settings(settings),
        run.work.references,
        keeps=lambda shot: keeps_color(shot, settings),
        progress=run.progress,
        should_stop=run.options.should_stop,
    )


def _color(run: _FilmRun, plan: Plan, carried: CarriedColors | None, clock: StageClock) -> tuple[float, bool]:
    """Color every segment that is not finished; seconds, and whether some were finished before."""
    journal = run.work.journal()
    source = SegmentSource(
        info=run.job.info, plan=plan, decode=decode_settings(run.job.settings), journal=journal, clock=clock
    )
    todo = source.todo
    done = plan.frame_count - sum(segment.frame_count for segment in todo)
    if done:
        log.info("Going on after %d of %d finished frames.", done, plan.frame_count)
    run.progress.start("color", total=plan.frame_count, done=done, shots=len(plan.shots))
    stretches = find_stretches(todo, plan, journal, run.job.settings)
    begin = time.perf_counter()
    stream = merged_stream(source.frames(), stretches, run.job, run.colorizer, clock, carried=carried)
    # Closed here, not by the collector: a second Ctrl+C while the decoder ends would be lost in a generator's end.
    with closing(clock.timed(WAIT, stream)) as frames:
        for segment in todo:
            result = code_segment(
                islice(frames, segment.frame_count),
                segment,
                plan,
                run.job,
                run.work.segments / f"{segment.index:06}.{run.job.encoding.segment_muxer}",
                clock=clock,
                on_frame=lambda shot: run.progress.advance(shot.index),
            )
            journal.append(result)
            if run.options.should_stop() and segment is not plan.segments[-1]:
                raise Interrupted(
                    f"Stopped after {segment.first_frame + segment.frame_count} of {plan.frame_count} frames.",
                    "The same command goes on from there.",
                )
    return time.perf_counter() - begin, done > 0


def _mux(run: _FilmRun, plan: Plan, check_result: CheckResult) -> MuxJob:
    """Join the segments with everything else, look at the file, give it its name."""
    run.progress.start("mux", total=None)
    job = _mux_job(run, plan)
    part = run.work.result(run.target.suffix)
    mux_film(job, part)
    run.progress.start("check", total=None)
    check_result(job, part)
    publish(part, run.target)
    run.progress.finish()
    return job


def _warn(job: FilmJob, carry: CarryPlan, plan: Plan) -> None:
    for loss in carry.losses:
        log.warning("Left out, as you allowed: %s.", loss.what)
    for note in (*job.info.notes, *carry.notes, *plan.notes):
        log.info("%s", note)
    colored = [shot for shot in plan.shots if shot.source_chroma >= HAS_COLOR]
    if colored and not job.settings.keep_color:
        log.warning(
            "%d of %d shots have color or a tint already, which is replaced; --keep-color keeps it.",
            len(colored),
            len(plan.shots),
        )


def _mux_job(run: _FilmRun, plan: Plan) -> MuxJob:
    settings, journal = run.job.settings, run.work.journal()
    digest = LumaDigest()
    files = []
    for segment in plan.segments:
        result = journal.find(segment.index)
        if result is None:
            raise TargetError(f"Segment {segment.index} is missing.", "Run the same command again.")
        digest.add_sum(result.luma_sum)
        files.append((run.work.segments / result.file, segment.start_pts))
    decode, video = decode_settings(settings), run.job.info.video
    is_cut = decode.start is not None or decode.end is not None
    return MuxJob(
        info=run.job.info,
        encoding=run.job.encoding,
        carry=run.carry,
        segments=files,
        pts=plan.pts,
        durations=plan.durations,
        offset_pts=plan.pts[0] if is_cut else 0,
        end_pts=None if decode.end is None else (video.start_pts or 0) + int(decode.end / video.time_base),
        tags=provenance_tags(settings, run.colorizer, luma_digest=digest.hex),
    )
