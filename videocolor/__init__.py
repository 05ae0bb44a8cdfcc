"""videocolor: colorizes black-and-white film and photographs, and loses nothing of them.

The public names are those of `__all__`; they are imported when first used, so that `import videocolor` is cheap.
"""

import importlib
from typing import TYPE_CHECKING, Any

from videocolor.version import __version__

if TYPE_CHECKING:
    from videocolor.api import colorize, list_models, load_colorizer, probe, verify
    from videocolor.errors import VideoColorError
    from videocolor.settings import EncodeSettings, RunSettings

_HOMES = {
    "EncodeSettings": "videocolor.settings",
    "RunSettings": "videocolor.settings",
    "VideoColorError": "videocolor.errors",
    "colorize": "videocolor.api",
    "list_models": "videocolor.api",
    "load_colorizer": "videocolor.api",
    "probe": "videocolor.api",
    "verify": "videocolor.api",
}

__all__ = [
    "EncodeSettings",
    "RunSettings",
    "VideoColorError",
    "__version__",
    "colorize",
    "list_models",
    "load_colorizer",
    "probe",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
