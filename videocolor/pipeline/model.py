"""From a run's settings to its colorizer."""

from videocolor.models.adapter import DeviceColorizer
from videocolor.models.loader import load_colorizer
from videocolor.models.merged import Blend
from videocolor.settings import RunSettings


def load_model(settings: RunSettings, *, precision: str | None = None) -> DeviceColorizer:
    """The colorizer that the settings name.

    Args:
        settings: Model, weights, device, precision, and how two models are blended.
        precision: In place of the settings', by which the original's own steps run in float32.

    Raises:
        SettingsError: No such model or device.
        WeightsError: Weights missing, damaged, or of another network.
    """
    return load_colorizer(
        settings.model,
        weights=settings.weights,
        device=settings.device,
        precision=precision or ("float32" if settings.faithful else settings.precision),
        blend=Blend(weight=settings.blend_weight, method=settings.blend_method or "plain") if settings.blends else None,
    )
