"""What is decided once for a film, before its first frame."""

import hashlib
from dataclasses import dataclass

from videocolor.core.media import MediaInfo
from videocolor.core.motion import Size
from videocolor.core.protocols import TemporalFilter
from videocolor.core.shots import Plan, Shot
from videocolor.device import default_batch_size
from videocolor.errors import SettingsError
from videocolor.media.formats import Encoding
from videocolor.media.planes import chroma_of
from videocolor.merge.merge import MergeSettings, has_source_grid
from videocolor.models.adapter import DeviceColorizer
from videocolor.pipeline.batches import NetworkInput, network_sizes, quarter_turns
from videocolor.pipeline.plan import HAS_COLOR
from videocolor.settings import RunSettings
from videocolor.temporal.filters import load_filter
from videocolor.temporal.motion import work_size


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmJob:
    """What is the same for every segment of a film."""

    info: MediaInfo
    settings: RunSettings
    encoding: Encoding
    merge: MergeSettings
    network: NetworkInput
    smooth: TemporalFilter
    motion_size: Size | None
    """Of the optical flow, in stored orientation; None where nothing asks for motion."""


def make_job(info: MediaInfo, settings: RunSettings, encoding: Encoding, colorizer: DeviceColorizer) -> FilmJob:
    """Decide it."""
    video, device = info.video, colorizer.compute.device
    sizes = network_sizes(video, colorizer, settings.render_factor)
    pixels = max(height * width for height, width in sizes)
    smooth = load_filter(settings.smoothing, settings.smoothing_strength)
    needs_motion = smooth.needs_motion or settings.keyframes not in (None, 1)
    return FilmJob(
        info=info,
        settings=settings,
        encoding=encoding,
        merge=MergeSettings(
            source=video.layout,
            chroma=chroma_of(encoding.pix_fmt),
            steps=encoding.chroma_steps,
            bit_depth=encoding.bit_depth,
            siting=video.layout.siting,
            upsample=settings.upsample,
            saturation=settings.saturation,
        ),
        network=NetworkInput(
            sizes=sizes,
            turns=quarter_turns(video),
            batch_size=settings.batch_size or default_batch_size(device, pixels),
            device=device,
        ),
        smooth=smooth,
        motion_size=work_size(video.height, video.width) if needs_motion else None,
    )


def keeps_color(shot: Shot, settings: RunSettings) -> bool:
    """Whether a shot goes through with the source's own chroma."""
    return settings.keep_color and shot.source_chroma >= HAS_COLOR


def check_kept_color(plan: Plan, job: FilmJob) -> None:
    """Find out before the first segment whether --keep-color can keep the color of the shots that have some.

    Raises:
        SettingsError: The result's chroma grid is not the source's.
    """
    if any(keeps_color(shot, job.settings) for shot in plan.shots) and not has_source_grid(job.merge):
        raise SettingsError(
            f"--keep-color: {job.info.video.layout.name} and {job.encoding.pix_fmt} have different chroma grids.",
            "Choose a --codec or --pix-fmt with the source's sub-sampling, such as --codec ffv1 with a .mkv target.",
        )


def shot_seed(run_seed: int, start_pts: int) -> int:
    """Seed of a shot: a function of the run's seed and the shot's first pts, never of batch, thread or worker."""
    digest = hashlib.sha256(f"{run_seed}:{start_pts}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1
