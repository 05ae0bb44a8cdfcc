"""What a run leaves behind in words and numbers: tags in the result, and the report beside it."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from videocolor.core.media import MediaInfo
from videocolor.core.shots import Plan
from videocolor.journal.journal import Journal, ShotFigures
from videocolor.media.carry import CarryPlan
from videocolor.media.mux import MuxJob
from videocolor.media.timing import format_time_code
from videocolor.models.adapter import DeviceColorizer
from videocolor.pipeline.job import FilmJob
from videocolor.pipeline.stage_clock import WAIT, StageClock
from videocolor.settings import RunSettings
from videocolor.version import __version__

LUMA_TAG = "VIDEOCOLOR_LUMA"
PROVENANCE_TAG = "VIDEOCOLOR"
FIELDS_TAG = "VIDEOCOLOR_FIELDS"
REPORT_FORMAT = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """The record of one finished run."""

    source: str
    result: str
    model: str
    weights_sha256: str | None
    settings: dict[str, Any]
    compute: str
    frame_count: int
    inferred_frames: int
    """Frames that the network saw; with --keyframes the others got their colors from these."""
    shots: list[dict[str, Any]]
    least_steady_shots: list[int]
    """Their indices, least steady first; empty without a filter that can tell."""
    segment_count: int
    resumed: bool
    network_sizes: tuple[tuple[int, int], ...]
    codec: str
    pix_fmt: str
    losses: list[str]
    notes: list[str]
    damaged_packets: int
    corrupt_frames: int
    kept_color_frames: int
    gamut_limited_share: float
    """Mean share of chroma samples that were pulled into the gamut."""
    luma_digest: str
    stage_busy_s: dict[str, float]
    """This run's; finished segments of an earlier one are not in it."""
    stage_cpu_s: dict[str, float]
    """Processor seconds of the stages' own threads; helper threads of torch and codecs are not in it."""
    color_s: float
    """From the first segment's begin to the last one's end, this run's."""
    wall_s: float = 0.0
    format: int = REPORT_FORMAT
    version: str = field(default=__version__)

    @classmethod
    def of(
        cls,
        job: FilmJob,
        carry: CarryPlan,
        plan: Plan,
        journal: Journal,
        colorizer: DeviceColorizer,
        mux: MuxJob,
        target: Path,
        *,
        clock: StageClock,
        color_s: float,
        resumed: bool,
    ) -> "RunReport":
        """Gather the report of a film."""
        results = [result for segment in plan.segments if (result := journal.find(segment.index)) is not None]
        figures = [shot for result in results for shot in result.shots]
        limited = sum(shot.limited_share * shot.frame_count for shot in figures) / plan.frame_count
        return cls(
            source=str(job.info.path),
            result=str(target),
            model=colorizer.card.name,
            weights_sha256=colorizer.card.sha256,
            settings={key: str(value) for key, value in job.settings.pixel_settings().items()},
            compute=colorizer.compute.label,
            frame_count=plan.frame_count,
            inferred_frames=sum(shot.inferred_frames for shot in figures),
            shots=[row | _figure_columns(shot) for row, shot in zip(shot_rows(plan), figures, strict=True)],
            least_steady_shots=least_steady_shots(figures),
            segment_count=len(plan.segments),
            resumed=resumed,
            network_sizes=job.network.sizes,
            codec=job.encoding.codec,
            pix_fmt=job.encoding.pix_fmt,
            losses=[loss.what for loss in carry.losses],
            notes=[*job.info.notes, *carry.notes, *plan.notes],
            damaged_packets=plan.damaged_packets,
            corrupt_frames=plan.corrupt_frames,
            kept_color_frames=sum(shot.kept_color_frames for shot in figures),
            gamut_limited_share=round(limited, 5),
            luma_digest=mux.tags[LUMA_TAG],
            stage_busy_s={stage: round(busy, 3) for stage, busy in clock.busy_s.items() if stage != WAIT},
            stage_cpu_s={stage: round(cpu, 3) for stage, cpu in clock.cpu_s.items() if stage != WAIT},
            color_s=round(color_s, 3),
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class StillReport:
    """The record of one colored picture."""

    source: str
    result: str
    model: str
    weights_sha256: str | None
    compute: str
    height: int
    width: int
    bit_depth: int
    notes: list[str]
    gamut_limited_share: float
    luma_digest: str | None
    """None where the luma is not the source's (--faithful)."""
    wall_s: float
    format: int = REPORT_FORMAT
    version: str = field(default=__version__)

    @classmethod
    def of(
        cls,
        info: MediaInfo,
        target: Path,
        colorizer: DeviceColorizer,
        *,
        notes: Iterable[str],
        limited_share: float,
        luma_digest: str | None,
        wall_s: float,
    ) -> "StillReport":
        """The report of a picture that was written; notes that came twice stand in it once."""
        return cls(
            source=str(info.path),
            result=str(target),
            model=colorizer.card.name,
            weights_sha256=colorizer.card.sha256,
            compute=colorizer.compute.label,
            height=info.video.height,
            width=info.video.width,
            bit_depth=info.video.layout.bit_depth,
            notes=list(dict.fromkeys((*info.notes, *notes))),
            gamut_limited_share=round(limited_share, 5),
            luma_digest=luma_digest,
            wall_s=round(wall_s, 3),
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def shot_rows(plan: Plan) -> list[dict[str, Any]]:
    """The shots as a table: times in seconds and as time codes, counted from the film's first frame."""
    origin = plan.pts[0]
    rows = []
    for shot in plan.shots:
        start, end = ((pts - origin) * plan.time_base for pts in (shot.start_pts, shot.end_pts))
        rows.append(
            {
                "shot": shot.index,
                "start": format_time_code(float(start)),
                "end": format_time_code(float(end)),
                "start_s": round(float(start), 6),
                "end_s": round(float(end), 6),
                "start_pts": shot.start_pts,
                "end_pts": shot.end_pts,
                "frames": shot.frame_count,
                "cause": shot.cause,
                "source_chroma": shot.source_chroma,
            }
        )
    return rows


def least_steady_shots(figures: Iterable[ShotFigures], *, most: int = 10) -> list[int]:
    """The order in which a person should look at shots: where the network wavered and nothing could be averaged first.

    By correction x lonely share; an order, no alarm. `videocolor report` measures what is left in the result.

    Args:
        figures: Of every shot.
        most: Length of the list.
    """
    scores = [
        (shot.correction * shot.lonely_share, shot.correction, shot.shot)
        for shot in figures
        if shot.correction is not None and shot.lonely_share is not None
    ]
    return [index for _, _, index in sorted(scores, key=lambda score: (-score[0], -score[1], score[2]))[:most]]


def _figure_columns(shot: ShotFigures) -> dict[str, Any]:
    columns = asdict(shot)
    return {name: columns[name] for name in ("inferred_frames", "limited_share", "lonely_share", "correction")}


def provenance_tags(settings: RunSettings, colorizer: DeviceColorizer, *, luma_digest: str | None) -> dict[str, str]:
    """Tags for the result: how its color was made (unless the settings forbid it), and what `verify` recomputes."""
    tags = {PROVENANCE_TAG: _provenance(settings, colorizer)} if settings.provenance else {}
    if luma_digest is not None:
        tags[LUMA_TAG] = luma_digest
    if settings.deinterlace or settings.detelecine:
        tags[FIELDS_TAG] = "deinterlaced" if settings.deinterlace else "detelecined"
    return tags


def _provenance(settings: RunSettings, colorizer: DeviceColorizer) -> str:
    """Program, model, weights and the settings that shape the colors, on one line."""
    weights = "+".join((part.card.sha256 or "?")[:16] for part in colorizer.members)
    facts = [f"videocolor {__version__}", f"model {colorizer.card.name}", f"weights {weights}"]
    if settings.render_factor is not None:
        facts.append(f"render factor {settings.render_factor}")
    if settings.faithful:
        return "; ".join([*facts, "as the original program"])
    if len(colorizer.members) > 1:
        facts.append(f"blend {settings.blend_weight:g} {settings.blend_method or 'plain'}")
    facts += [
        f"saturation {settings.saturation:g}",
        f"upsample {settings.upsample}",
        f"smoothing {settings.smoothing}" + ("" if settings.smoothing == "none" else f" {settings.smoothing_strength}"),
    ]
    if settings.keyframes is not None:
        facts.append(f"keyframes {settings.keyframes}")
    if settings.references:
        facts.append("reference frames by hand")
    return "; ".join(facts)
