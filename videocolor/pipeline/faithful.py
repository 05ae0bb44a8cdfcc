"""A picture colored by a model's original program, step for step: for comparisons, not for keeping luma."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from torch import Tensor

from videocolor.core.media import PixelLayout
from videocolor.errors import SettingsError
from videocolor.media.still import load_rgb_still
from videocolor.media.still_probe import probe_still
from videocolor.media.still_write import check_still_target, write_rgb_still
from videocolor.models.adapter import DeviceColorizer, NetworkColorizer
from videocolor.models.loader import model_parts
from videocolor.models.registry import family_module, load_card
from videocolor.pipeline.model import load_model
from videocolor.pipeline.report import StillReport, provenance_tags
from videocolor.settings import RunSettings

OriginalProgram = Callable[[Callable[[Tensor], Tensor], npt.NDArray[np.uint8], int], npt.NDArray[np.uint8]]
"""A family's `original_rgb`: the network, a picture (H, W, 3) uint8 and the side of the network's square."""


def colorize_still_faithfully(
    source: Path, target: Path, settings: RunSettings, *, colorizer: DeviceColorizer | None = None
) -> StillReport:
    """Color a picture as the model's authors do: squared, 8 bits in between, luma not guarded, float32.

    Args:
        source: A picture of 8 bits.
        target: .png, .tif, .jpg or .webp.
        settings: With `faithful`.
        colorizer: A loaded model, in float32.

    Raises:
        SettingsError: The model has no original program, or the picture is not one that it reads.
        VideoColorError: See `errors.py`; nothing is left under the final name.
    """
    begin = time.perf_counter()
    original_rgb = check_faithful(settings)
    info = probe_still(source)
    check_still_target(info.video, target, allow_loss=settings.allow_loss)
    _check_readable(source, info.video.layout, settings)
    colorizer = colorizer or load_model(settings)
    assert isinstance(colorizer, NetworkColorizer), "a blend has no original"
    side = colorizer.card.size_rule.side(settings.render_factor, is_still=True)
    rgb, keep, notes = load_rgb_still(source)
    result = original_rgb(colorizer.run_network, rgb, side)
    write_rgb_still(target, result, keep, provenance=provenance_tags(settings, colorizer, luma_digest=None))
    return StillReport.of(
        info,
        target,
        colorizer,
        notes=notes,
        limited_share=0.0,
        luma_digest=None,
        wall_s=time.perf_counter() - begin,
    )


def check_faithful(settings: RunSettings) -> OriginalProgram:
    """What the model's authors do with a picture; asked before large weights are read.

    Raises:
        SettingsError: Nothing that is rebuilt here, or not at this render factor.
    """
    names = model_parts(settings.model)
    card = load_card(names[0])
    original = getattr(family_module(card.family), "original_rgb", None) if len(names) == 1 else None
    if original is None:
        raise SettingsError(
            f"--faithful: {settings.model} has no original program to be faithful to.",
            "Leave out --faithful, or choose a model such as deoldify-artistic.",
        )
    step = max(1, card.size_rule.multiple_of // 16)
    if settings.render_factor is not None and settings.render_factor % step:
        raise SettingsError(
            f"--faithful: {settings.model} takes no --render-factor {settings.render_factor}.",
            f"Choose a multiple of {step}.",
        )
    program: OriginalProgram = original
    return program


def _check_readable(source: Path, layout: PixelLayout, settings: RunSettings) -> None:
    """Whether the original would read all of a picture.

    Raises:
        SettingsError: It has more bits, or transparency that may not be lost.
    """
    if layout.bit_depth > 8:
        raise SettingsError(
            f"--faithful: {source} has {layout.bit_depth} bits, the original knows 8.", "Leave out --faithful."
        )
    if layout.has_alpha and "alpha" not in settings.allow_loss:
        raise SettingsError(
            f"--faithful: {source} has transparency, which the original drops.",
            "Leave out --faithful, or add --allow-loss alpha.",
        )
