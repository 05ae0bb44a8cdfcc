"""A still is a film of one frame: the same network, the same color maths, another container."""

import time
from pathlib import Path

import numpy as np

from videocolor.color.yuv import code_range
from videocolor.core.frames import ColoredFrame, Frame, MovingFrame, ShotContext
from videocolor.core.media import MediaInfo
from videocolor.core.motion import Size
from videocolor.core.shots import Shot
from videocolor.media.encode import LumaDigest
from videocolor.media.still import load_still
from videocolor.media.still_probe import probe_still
from videocolor.media.still_write import check_still_target, write_still
from videocolor.merge.merge import MergeSettings, chroma_bands
from videocolor.models.adapter import DeviceColorizer
from videocolor.pipeline.batches import NetworkInput, color_batch, network_sizes, quarter_turns
from videocolor.pipeline.job import shot_seed
from videocolor.pipeline.model import load_model
from videocolor.pipeline.report import StillReport, provenance_tags
from videocolor.settings import RunSettings


def colorize_still(
    source: Path,
    target: Path,
    settings: RunSettings,
    *,
    colorizer: DeviceColorizer | None = None,
) -> StillReport:
    """Color a picture.

    Args:
        source: Any picture that `media/still.py` reads.
        target: .png, .tif, .jpg or .webp.
        settings: Those about films only are ignored.
        colorizer: A loaded model, to color many pictures with one.

    Raises:
        VideoColorError: See `errors.py`; nothing is left under the final name.
    """
    begin = time.perf_counter()
    info = probe_still(source)
    check_still_target(info.video, target, allow_loss=settings.allow_loss)
    colorizer = colorizer or load_model(settings)
    still = load_still(source)
    sizes = network_sizes(info.video, colorizer, settings.render_factor, is_still=True)
    colored = color_frame(still.frame, info, settings, colorizer, sizes)
    cb, cr, limited = still_chroma(colored, settings)
    digest = LumaDigest()
    digest.add(0, still.frame.y)
    tags = provenance_tags(settings, colorizer, luma_digest=digest.hex)
    write_still(
        target,
        still.frame.y,
        cb,
        cr,
        still.frame.alpha,
        still.keep,
        provenance=tags,
        allow_loss=settings.allow_loss,
        webp="lossless" if still.keep.source_format not in ("JPEG", "WEBP") else "quality95",
    )
    return StillReport.of(
        info,
        target,
        colorizer,
        notes=still.notes,
        limited_share=limited,
        luma_digest=digest.hex,
        wall_s=time.perf_counter() - begin,
    )


def color_frame(
    frame: Frame, info: MediaInfo, settings: RunSettings, colorizer: DeviceColorizer, sizes: tuple[Size, ...]
) -> ColoredFrame:
    """Run the model on one frame that stands for itself; `sizes` as in `NetworkInput`."""
    shot = Shot(index=0, start_pts=frame.pts, end_pts=frame.pts + 1, frame_count=1, cause="start")
    how = NetworkInput(sizes=sizes, turns=quarter_turns(info.video), batch_size=1, device=colorizer.compute.device)
    context = ShotContext(shot=shot, seed=shot_seed(settings.seed, shot.start_pts))
    (colored,) = color_batch([MovingFrame(frame=frame, motion=None)], colorizer, context, how)
    return colored


def still_chroma(colored: ColoredFrame, settings: RunSettings) -> tuple[np.ndarray, np.ndarray, float]:  # type: ignore[type-arg]
    """Full-size chroma of a picture, unrounded: its writer makes RGB of it without losing luma.

    Returns:
        Cb and Cr, (H, W) float32 in code values of the picture's depth around 0, and the share of samples that
        were pulled into the gamut.
    """
    layout = colored.frame.layout
    _, _, span = code_range(layout.bit_depth, layout.full_range)
    merge = MergeSettings(
        source=layout,
        chroma="444",
        steps=(1, 1),
        bit_depth=layout.bit_depth,
        siting="center",
        upsample=settings.upsample,
        saturation=settings.saturation,
    )
    planes = np.empty((2, *colored.frame.y.shape), np.float32)
    top, limited = 0, 0.0
    for band in chroma_bands(colored, merge):
        rows = slice(top, top + band.chroma.shape[1])
        planes[:, rows] = (band.chroma * span).cpu().numpy()
        limited += float((band.factor < 0.999).sum())
        top = rows.stop
    return planes[0], planes[1], limited / colored.frame.y.size
