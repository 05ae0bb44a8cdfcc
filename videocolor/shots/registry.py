"""The shot detectors by name. Optional ones are imported when they are asked for."""

from collections.abc import Callable

from videocolor.core.protocols import ShotDetector
from videocolor.errors import SettingsError
from videocolor.shots.ncc import NccDetector

DEFAULT_DETECTOR = "ncc"


def detector_names() -> tuple[str, ...]:
    """All names that `load_detector` knows, the default first."""
    return tuple(_MAKERS)


def load_detector(name: str = DEFAULT_DETECTOR) -> ShotDetector:
    """Make a fresh detector for one film.

    Raises:
        SettingsError: The name is unknown, or the detector's package is missing.
    """
    if name not in _MAKERS:
        raise SettingsError(f"There is no shot detector {name!r}.", f"Choose one of {', '.join(_MAKERS)}.")
    return _MAKERS[name]()


def _make_adaptive() -> ShotDetector:
    from videocolor.shots.scenedetect import load_adaptive

    return load_adaptive()


def _make_hash() -> ShotDetector:
    from videocolor.shots.scenedetect import load_hash

    return load_hash()


_MAKERS: dict[str, Callable[[], ShotDetector]] = {
    DEFAULT_DETECTOR: NccDetector,
    "adaptive": _make_adaptive,
    "hash": _make_hash,
}
