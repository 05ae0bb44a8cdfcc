"""A picture colored by a model's original program, step for step: for comparisons, not for keeping luma."""

import time
from pathlib import Path

from videocolor.errors import SettingsError
from videocolor.media.still import load_rgb_still
from videocolor.media.still_probe import probe_still
from videocolor.media.still_write import check_still_target, write_rgb_still
from videocolor.models.adapter import DeviceColorizer, NetworkColorizer
from videocolor.models.registry import family_module
from videocolor.pipeline.model import load_model
from videocolor.pipeline.report import StillReport, provenance_tags
from videocolor.settings import RunSettings


def colorize_still_faithfully(
    source: Path, target: Path, settings: RunSettings, *, colorizer: DeviceColorizer | None = None
) -> StillReport:
    """Colour a picture as the model's authors do: squared, 8 bits in between, luma not guarded, float32.

    Args:
        source: A picture of 8 bits.
        target: .png, .tif, .jpg or .webp.
        settings: With `faithful`.
        colorizer: A loaded model, used if it runs in float32.

    Raises:
        SettingsError: The model has no original program, or the picture is not one that it reads.
        VideoColorError: See `errors.py`; nothing is left under the final name.
    """
    begin = time.perf_counter()
    info = probe_still(source)
    check_still_target(info.video, target, allow_loss=settings.allow_loss)
    layout = info.video.layout
    if layout.bit_depth > 8:
        raise SettingsError(
            f"--faithful: {source} has {layout.bit_depth} bits, the original knows 8.", "Leave out --faithful."
        )
    if layout.has_alpha and "alpha" not in settings.allow_loss:
        raise SettingsError(
            f"--faithful: {source} has transparency, which the original drops.",
            "Leave out --faithful, or add --allow-loss alpha.",
        )
    if colorizer is None or colorizer.compute.precision != "float32":
        colorizer = load_model(settings, precision="float32")
    original_rgb = getattr(family_module(colorizer.card.family), "original_rgb", None)
    if original_rgb is None or not isinstance(colorizer, NetworkColorizer):
        raise SettingsError(
            f"--faithful: {colorizer.card.name} has no original program to be faithful to.",
            "Leave out --faithful, or choose a model such as deoldify-artistic.",
        )
    rule = colorizer.card.size_rule
    side = 16 * settings.render_factor if settings.render_factor else rule.still_side or rule.default_side
    rgb, keep, notes = load_rgb_still(source)
    result = original_rgb(colorizer.run_network, rgb, side)
    write_rgb_still(target, result, keep, provenance=provenance_tags(settings, colorizer, luma_digest=None))
    return StillReport(
        source=str(source),
        result=str(target),
        model=colorizer.card.name,
        weights_sha256=colorizer.card.sha256,
        compute=colorizer.compute.label,
        height=info.video.height,
        width=info.video.width,
        bit_depth=8,
        notes=[*info.notes, *notes],
        gamut_limited_share=0.0,
        luma_digest=None,
        wall_s=round(time.perf_counter() - begin, 3),
    )
