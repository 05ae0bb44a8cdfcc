"""PySceneDetect's detectors behind our protocol, for those who know them. The only file that says "scene" for "shot".

Both look at luma only: the package's usual scores average hue, saturation and luma, and two of these are 0 in gray.
"""

from collections import deque
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from videocolor.errors import SettingsError
from videocolor.shots.ncc import GRAY_SIZE

_SHORTEST_SHOT = 8

# Frames are numbered, not timed, so that variable rates need no conversion; any rate serves.
_ANY_RATE = 25.0


def load_adaptive() -> "SceneDetector":
    """PySceneDetect's AdaptiveDetector (luma jump against the frames around), luma only.

    Raises:
        SettingsError: The package is missing.
    """
    detectors = _import_detectors()
    return SceneDetector("adaptive", lambda: detectors.AdaptiveDetector(luma_only=True, min_scene_len=_SHORTEST_SHOT))


def load_hash() -> "SceneDetector":
    """PySceneDetect's HashDetector (perceptual hash of neighboring frames).

    Raises:
        SettingsError: The package is missing.
    """
    detectors = _import_detectors()
    return SceneDetector("hash", lambda: detectors.HashDetector(min_scene_len=_SHORTEST_SHOT))


class SceneDetector:
    """Feeds one of PySceneDetect's detectors; see `ShotDetector`. It knows no fades."""

    def __init__(self, kind: str, make: Callable[[], Any]) -> None:
        package = import_module("scenedetect")
        self.name = f"{kind} (scenedetect {package.__version__})"
        # Until 0.6 detectors take and give frame numbers, since 0.7 time codes.
        self._takes_numbers = package.__version__.startswith("0.6")
        self._timecode = package.FrameTimecode
        self._make = make
        self._start_afresh()

    def push(self, pts: int, gray: npt.NDArray[np.uint8]) -> list[tuple[int, str]]:
        """Take the next frame: (54, 96) uint8, as for `NccDetector.push`."""
        if gray.shape != GRAY_SIZE or gray.dtype != np.uint8:
            raise ValueError(f"gray is {gray.shape} {gray.dtype}, expected {GRAY_SIZE} uint8")
        self._recent.append((self._count, pts))
        image = np.repeat(gray[:, :, np.newaxis], 3, axis=2)
        found = self._detector.process_frame(self._position(self._count), image)
        self._count += 1
        return self._as_cuts(found)

    def finish(self) -> list[tuple[int, str]]:
        """Give the last cuts; the detector can then take another film."""
        found = self._as_cuts(self._detector.post_process(self._position(self._count - 1))) if self._count else []
        self._start_afresh()
        return found

    def _start_afresh(self) -> None:
        self._detector = self._make()
        self._count = 0
        # Cuts are reported late by at most the detector's own buffer.
        self._recent: deque[tuple[int, int]] = deque(maxlen=self._detector.event_buffer_length + 2)

    def _position(self, number: int) -> Any:
        return number if self._takes_numbers else self._timecode(timecode=number, fps=_ANY_RATE)

    def _as_cuts(self, found: list[Any]) -> list[tuple[int, str]]:
        pts_of = dict(self._recent)
        numbers = [cut if isinstance(cut, int) else cut.frame_num for cut in found]
        return [(pts_of[number], "cut") for number in numbers if number > 0]


def _import_detectors() -> Any:
    try:
        return import_module("scenedetect.detectors")
    except ModuleNotFoundError as error:
        # It asks for opencv-python, which replaces our opencv-python-headless and needs libGL.so.1 and glib.
        raise SettingsError(
            f"The detectors of PySceneDetect are not installed ({error.name} is missing).",
            'Choose the detector "ncc", or run: pip install "videocolor[scenedetect]" (on a machine without '
            'a desktop: pip install --no-deps "scenedetect<0.8" platformdirs).',
        ) from error
