"""What a run tells its watcher: phases, frames, shots. Drawing is tqdm's work."""

import sys
from typing import Protocol

from tqdm import tqdm

_LABELS = {
    "plan": "looking for cuts",
    "references": "carrying references",
    "color": "coloring",
    "mux": "writing",
    "check": "checking",
    "measure": "measuring",
    "examine": "examining",
}


class Progress(Protocol):
    """A run's watcher."""

    def start(self, phase: str, *, total: int | None, done: int = 0, shots: int = 0) -> None:
        """A phase (a key of `_LABELS`) begins, with `total` frames of which `done` are finished."""

    def advance(self, shot: int | None) -> None:
        """One more frame is finished; `shot` is its shot's number where there are shots."""

    def finish(self) -> None:
        """Nothing more will be told."""


class NoProgress:
    """Watches nothing."""

    def start(self, phase: str, *, total: int | None, done: int = 0, shots: int = 0) -> None:
        """Ignore."""

    def advance(self, shot: int | None) -> None:
        """Ignore."""

    def finish(self) -> None:
        """Ignore."""


class BarProgress:
    """A tqdm bar on stderr: frames, frames per second, time left by recent throughput, current shot."""

    def __init__(self) -> None:
        self._bar: tqdm[None] | None = None
        self._shots = 0
        self._shot: int | None = None

    def start(self, phase: str, *, total: int | None, done: int = 0, shots: int = 0) -> None:
        """Begin a new bar."""
        self.finish()
        self._shots = shots
        self._bar = tqdm(
            total=total,
            initial=done,
            desc=_LABELS[phase],
            unit="frame",
            file=sys.stderr,
            # The estimate follows the recent half minute or so: planning and easy shots must not color it.
            smoothing=0.1,
            dynamic_ncols=True,
        )

    def advance(self, shot: int | None) -> None:
        """Draw one more frame."""
        if self._bar is None:
            return
        if shot is not None and shot != self._shot:
            self._shot = shot
            self._bar.set_postfix_str(f"shot {shot + 1}/{self._shots}", refresh=False)
        self._bar.update(1)

    def finish(self) -> None:
        """Close the bar."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def make_progress(*, wanted: bool) -> Progress:
    """A bar where a person looks at stderr, nothing elsewhere."""
    return BarProgress() if wanted and sys.stderr.isatty() else NoProgress()


def byte_bar(label: str, *, total: int | None, done: int, wanted: bool) -> "tqdm[None]":
    """A bar of bytes on stderr, `done` of them there already; drawn only where a person looks. A context manager."""
    return tqdm(
        total=total,
        initial=done,
        desc=label,
        unit="B",
        unit_scale=True,
        file=sys.stderr,
        dynamic_ncols=True,
        disable=not (wanted and sys.stderr.isatty()),
    )
