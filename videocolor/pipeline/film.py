"""A film from source to result: check, plan, colour what is left, mux, check again, publish.

`check_result` comes from the caller, so that this floor does not know the verification above it.
"""

import json
import logging
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from filelock import FileLock, Timeout

from videocolor.core.media import MediaInfo
from videocolor.core.shots import Plan
from videocolor.device import default_batch_size
from videocolor.errors import Interrupted, ResumeError, SettingsError, TargetError
from videocolor.files import check_writable_folder, publish, translated_os_errors, write_text_atomically
from videocolor.journal.fingerprint import check_same_run, make_fingerprint
from videocolor.journal.journal import Journal
from videocolor.journal.plan_file import read_plan, write_plan
from videocolor.media.carry import CarryPlan, check_losses, plan_carry
from videocolor.media.decode import DecodeSettings
from videocolor.media.encode import LumaDigest
from videocolor.media.formats import Encoding, choose_encoding
from videocolor.media.mux import MuxJob, mux_film
from videocolor.media.planes import chroma_of
from videocolor.media.probe import probe_film
from videocolor.media.timing import parse_time_code
from videocolor.merge.merge import MergeSettings
from videocolor.models.adapter import NetworkColorizer
from videocolor.models.loader import load_colorizer
from videocolor.paths import report_path, work_folder
from videocolor.pipeline.batches import network_size, quarter_turns
from videocolor.pipeline.plan import HAS_COLOR, PLAN_FORMAT, check_interlace, make_plan
from videocolor.pipeline.report import RunReport, provenance_tags
from videocolor.pipeline.segment import FilmJob, color_segment
from videocolor.pipeline.source import SegmentSource
from videocolor.pipeline.stage_clock import StageClock
from videocolor.progress import Progress
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
    if target.exists() and source.exists() and target.samefile(source):
        raise SettingsError(f"{target} is the source itself.", "Choose another name for the result.")
    if target.is_dir():
        raise SettingsError(f"{target} is a folder.", f"Name a file in it, for example {target / source.name}.")
    if target.exists() and not options.overwrite:
        raise SettingsError(f"{target} exists already.", "Use --overwrite, or choose another name.")
    check_writable_folder(target.parent)


def colorize_film(
    source: Path,
    target: Path,
    settings: RunSettings,
    options: RunOptions,
    *,
    progress: Progress,
    check_result: CheckResult,
    colorizer: NetworkColorizer | None = None,
) -> RunReport:
    """Colour a film.

    Args:
        source: Any film that libav reads.
        target: The result; appears by rename when everything is done.
        settings: What changes pixels, and what may be lost.
        options: Overwrite, restart, stop.
        progress: Told about phases, frames and shots.
        check_result: Looks at the muxed file before it gets its name.
        colorizer: A loaded model, to colour many files with one; None loads the one that the settings name.

    Raises:
        VideoColorError: See `errors.py`; the work folder is kept and can be resumed unless the plan never began.
    """
    begin = time.perf_counter()
    check_paths(source, target, options)
    info = probe_film(source, video_stream=settings.video_stream, assume_matrix=settings.assume_matrix)
    encoding = choose_encoding(info, settings.encode, target, allow_loss=settings.allow_loss)
    if settings.deinterlace or settings.detelecine:
        encoding = replace(encoding, field_order="progressive")
    carry = plan_carry(info, encoding, target)
    check_losses(carry, target, settings.allow_loss)
    colorizer = colorizer or load_colorizer(
        settings.model, weights=settings.weights, device=settings.device, precision=settings.precision
    )
    job = make_job(info, settings, encoding, colorizer)
    work = work_folder(target)
    with translated_os_errors(work):
        work.mkdir(exist_ok=True)
    try:
        with FileLock(work / "lock", timeout=0):
            report = _run(job, carry, colorizer, work, target, options, progress, check_result)
    except Timeout as error:
        raise ResumeError(f"Another run is working in {work}.", "Wait for it, or end it first.") from error
    shutil.rmtree(work, ignore_errors=True)
    report = replace(report, wall_s=round(time.perf_counter() - begin, 3))
    write_text_atomically(report_path(target), json.dumps(report.to_json(), indent=1))
    return report


def make_job(info: MediaInfo, settings: RunSettings, encoding: Encoding, colorizer: NetworkColorizer) -> FilmJob:
    """Everything that is decided once for a film."""
    device = colorizer.compute.device
    chroma = chroma_of(encoding.pix_fmt)
    return FilmJob(
        info=info,
        settings=settings,
        encoding=encoding,
        merge=MergeSettings(
            source=info.video.layout,
            chroma=chroma,
            steps=encoding.chroma_steps,
            bit_depth=encoding.bit_depth,
            siting=info.video.layout.siting,
            upsample=settings.upsample,
            saturation=settings.saturation,
        ),
        network_size=network_size(info.video, colorizer.card, settings.render_factor),
        turns=quarter_turns(info.video),
        batch_size=settings.batch_size or default_batch_size(device),
        device=device,
    )


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


def _run(
    job: FilmJob,
    carry: CarryPlan,
    colorizer: NetworkColorizer,
    work: Path,
    target: Path,
    options: RunOptions,
    progress: Progress,
    check_result: CheckResult,
) -> RunReport:
    _check_fingerprint(job, colorizer, work, target, options)
    decode = decode_settings(job.settings)
    plan = _plan(job, decode, work, progress)
    _warn(job, carry, plan)
    segments = work / "segments"
    segments.mkdir(exist_ok=True)
    journal = Journal(work / "journal.jsonl", segments)
    clock = StageClock()
    done = sum(segment.frame_count for segment in plan.segments if journal.find(segment.index))
    resumed = done > 0
    if resumed:
        log.info("Going on after %d of %d finished frames.", done, plan.frame_count)
    progress.start("color", total=plan.frame_count, done=done, shots=len(plan.shots))
    source = SegmentSource(info=job.info, plan=plan, decode=decode, journal=journal, clock=clock)
    for segment, frames in source.segments():
        final = segments / f"{segment.index:06}.{job.encoding.segment_muxer}"
        result = color_segment(
            frames,
            segment,
            plan,
            job,
            colorizer,
            final,
            clock=clock,
            on_frame=lambda shot: progress.advance(shot.index),
        )
        journal.append(result)
        if options.should_stop() and segment is not plan.segments[-1]:
            raise Interrupted(
                f"Stopped after {segment.first_frame + segment.frame_count} of {plan.frame_count} frames.",
                "The same command goes on from there.",
            )
    progress.start("mux", total=None)
    mux = _mux_job(job, carry, plan, journal, segments, colorizer)
    part = work / f"result{target.suffix}"
    mux_film(mux, part)
    progress.start("check", total=None)
    check_result(mux, part)
    publish(part, target)
    progress.finish()
    return RunReport.of(job, carry, plan, journal, colorizer, mux, target, clock=clock, resumed=resumed)


def _check_fingerprint(
    job: FilmJob, colorizer: NetworkColorizer, work: Path, target: Path, options: RunOptions
) -> None:
    """Begin a run, or make sure that going on with the one in the work folder gives the same film."""
    current = make_fingerprint(
        identity=job.info.identity,
        settings=job.settings.pixel_settings(),
        weights_sha256=colorizer.card.sha256,
        precision=colorizer.compute.precision,
        device=colorizer.compute.device.type,
        batch_size=job.batch_size,
        encoding=asdict(job.encoding),
        target_suffix=target.suffix.lower(),
    )
    path = work / "settings.json"
    if path.exists() and not options.restart:
        try:
            saved = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            saved = {}
        check_same_run(saved, current, work)
        return
    for old in (work / "plan.json", work / "journal.jsonl", path):
        old.unlink(missing_ok=True)
    shutil.rmtree(work / "segments", ignore_errors=True)
    write_text_atomically(path, json.dumps(current, indent=1))


def _plan(job: FilmJob, decode: DecodeSettings, work: Path, progress: Progress) -> Plan:
    path = work / "plan.json"
    if path.exists():
        return read_plan(path, expected_format=PLAN_FORMAT)
    progress.start("plan", total=job.info.video.frame_count_header)
    planned = make_plan(job.info, job.settings, decode, on_frame=lambda count: progress.advance(None))
    check_interlace(planned.interlace, job.info, job.settings)
    write_plan(path, planned.plan)
    return planned.plan


def _warn(job: FilmJob, carry: CarryPlan, plan: Plan) -> None:
    for loss in carry.losses:
        log.warning("Left out, as you allowed: %s.", loss.what)
    for note in (*job.info.notes, *carry.notes, *plan.notes):
        log.info("%s", note)
    colored = [shot for shot in plan.shots if shot.source_chroma >= HAS_COLOR]
    if colored and not job.settings.keep_color:
        log.warning(
            "%d of %d shots have colour already, which is replaced; --keep-color keeps it.",
            len(colored),
            len(plan.shots),
        )


def _mux_job(
    job: FilmJob, carry: CarryPlan, plan: Plan, journal: Journal, segments: Path, colorizer: NetworkColorizer
) -> MuxJob:
    digest = LumaDigest()
    files = []
    for segment in plan.segments:
        result = journal.find(segment.index)
        if result is None:
            raise TargetError(f"Segment {segment.index} is missing.", "Run the same command again.")
        digest.add_sum(result.luma_sum)
        files.append((segments / result.file, segment.start_pts))
    is_cut = job.settings.start is not None or job.settings.end is not None
    return MuxJob(
        info=job.info,
        encoding=job.encoding,
        carry=carry,
        segments=files,
        pts=plan.pts,
        durations=plan.durations,
        offset_pts=plan.pts[0] if is_cut else 0,
        end_pts=plan.pts[-1] + plan.durations[-1] if job.settings.end is not None else None,
        tags=provenance_tags(job.settings, colorizer, luma_digest=digest.hex),
    )
