"""The record of finished segments: append-only JSON lines, each written after its file is safe on the disk.

Order of events: the segment's `.part` is complete, fsync, rename, then the line, fsync. So a line promises a file;
a file without a line is simply made again.
"""

import json
import logging
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from videocolor.core.motion import FilterState
from videocolor.files import translated_os_errors
from videocolor.journal.state_file import read_state

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShotFigures:
    """What coloring one shot, or one part of a divided one, showed."""

    shot: int
    """Index in the plan."""
    frame_count: int
    inferred_frames: int
    """Frames that the network saw; the others got their colors from key frames."""
    kept_color_frames: int
    """Frames that kept the source's own chroma (--keep-color)."""
    limited_share: float
    """Mean share of chroma samples that were pulled into the gamut."""
    lonely_share: float | None
    """Mean share of pixels that the temporal filter could average with nothing; None without such a filter."""
    correction: float | None
    """Mean distance in ab by which the temporal filter changed the colors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentResult:
    """A finished segment."""

    index: int
    file: str
    """Name in the segments folder."""
    size_bytes: int
    frame_count: int
    pts_sha256: str
    """Of the frames' pts, as they were coded."""
    luma_sum: str
    """Hexadecimal; the segment's share of the film's luma digest."""
    last_luma_sha256: str
    """Of the last frame's Y plane: tells after a seek that decoding goes on where it stopped."""
    state_file: str | None
    """Name in the segments folder of the temporal filter's state, where the next segment goes on with this shot."""
    shots: tuple[ShotFigures, ...]
    wall_s: float


class Journal:
    """The finished segments of one work folder."""

    def __init__(self, path: Path, segments: Path) -> None:
        """Read what is there; a broken last line and lines without their file are dropped.

        Args:
            path: The journal file; need not exist.
            segments: Folder of the segment files.
        """
        self._path = path
        self._segments = segments
        self._results = {result.index: result for result in _read_lines(path) if self._is_whole(result)}
        self._end_last_line()

    @property
    def has_results(self) -> bool:
        """Whether any segment is finished."""
        return bool(self._results)

    def find(self, index: int) -> SegmentResult | None:
        """The result of a segment, or None if it must be made."""
        return self._results.get(index)

    def state_after(self, index: int) -> FilterState | None:
        """What the temporal filter knew at the end of a finished segment; None where its last shot ended, too.

        Raises:
            ResumeError: The state cannot be read.
        """
        result = self.find(index)
        if result is None or result.state_file is None:
            return None
        return read_state(self._segments / result.state_file)

    def append(self, result: SegmentResult) -> None:
        """Record a segment whose file is safe on the disk."""
        line = json.dumps(asdict(result)) + "\n"
        with translated_os_errors(self._path), self._path.open("a", encoding="utf-8") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        self._results[result.index] = result

    def _end_last_line(self) -> None:
        """Cut off a half line that a crash left, or end a whole one, so that the next line begins on its own."""
        if not self._path.exists():
            return
        data = self._path.read_bytes()
        whole_lines = data.rfind(b"\n") + 1
        if whole_lines == len(data):
            return
        with translated_os_errors(self._path), self._path.open("r+b") as file:
            if _parse_line(data[whole_lines:].decode("utf-8", "replace")) is None:
                file.truncate(whole_lines)
            else:
                file.seek(0, os.SEEK_END)
                file.write(b"\n")

    def _is_whole(self, result: SegmentResult) -> bool:
        path = self._segments / result.file
        whole = path.is_file() and path.stat().st_size == result.size_bytes
        if result.state_file is not None:
            whole = whole and (self._segments / result.state_file).is_file()
        if not whole:
            log.warning("Segment %d is recorded but its file is not whole: it is made again.", result.index)
        return whole


def _read_lines(path: Path) -> list[SegmentResult]:
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return [result for line in lines if (result := _parse_line(line)) is not None]


def _parse_line(line: str) -> SegmentResult | None:
    try:
        values = json.loads(line)
        values["shots"] = tuple(ShotFigures(**shot) for shot in values["shots"])
        return SegmentResult(**values)
    except (ValueError, TypeError, KeyError):
        log.debug("a broken line of the journal is dropped")
        return None
