"""The ffmpeg program as the second pair of eyes: pipes that are read while it runs, so memory stays flat.

It is built from other sources than PyAV's libraries, so a mistake of ours in reading or muxing cannot hide in it.
"""

import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import IO

from videocolor.media.ffmpeg_program import ffmpeg_program
from videocolor.media.opening import libav_name

_STREAM_LINE = re.compile(r"\s*Stream #0:(\d+)\S*: (.*)")
_SAMPLE_ASPECT = re.compile(r"\bSAR (\d+):(\d+)")
_FOUR_CC = re.compile(r"^Data: \S+ \((\w{4}) / 0x")
_MOST_COMPLAINTS = 1 << 16


class FfmpegPipe:
    """A running ffmpeg program; made by `ffmpeg_pipe`."""

    def __init__(self, process: "subprocess.Popen[bytes]", stderr: IO[bytes]) -> None:
        assert process.stdout is not None
        self.stdout: BufferedReader = process.stdout  # type: ignore[assignment]
        self._process = process
        self._stderr = stderr

    def finish(self) -> int:
        """Wait for the program's end and return its exit status."""
        return self._process.wait()

    def complaints(self) -> list[str]:
        """The error lines it printed (the first 64 KiB of them)."""
        self._stderr.seek(0)
        text = self._stderr.read(_MOST_COMPLAINTS).decode("utf-8", "replace")
        return [line.strip() for line in text.splitlines() if line.strip()]


@contextmanager
def ffmpeg_pipe(arguments: Sequence[str]) -> Iterator[FfmpegPipe]:
    """Start ffmpeg with its stdout as a pipe; leaving the block ends the program.

    Raises:
        EncoderError: There is no ffmpeg program.
    """
    command = [ffmpeg_program(), "-nostdin", "-hide_banner", "-v", "error", "-y", *arguments]
    with tempfile.TemporaryFile() as stderr:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr)
        try:
            yield FfmpegPipe(process, stderr)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


def stream_lines(path: Path) -> dict[int, str]:
    """What ffmpeg says about each stream, by index: "Video: h264 (High), yuv420p(tv), 640x360 [SAR 1:1 ..." """
    done = subprocess.run(
        [ffmpeg_program(), "-nostdin", "-hide_banner", "-i", libav_name(path)],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    matches = (_STREAM_LINE.match(line) for line in done.stderr.splitlines())
    return {int(match[1]): match[2] for match in matches if match}


def sample_aspect_text(line: str) -> str:
    """The sample aspect in a video stream's line, "1:1" where none is given."""
    match = _SAMPLE_ASPECT.search(line)
    return f"{match[1]}:{match[2]}" if match and int(match[1]) else "1:1"


def data_tag(line: str) -> str:
    """The four-character code of a QuickTime data track, such as "tmcd" or "text"; empty for others."""
    match = _FOUR_CC.match(line)
    return match[1] if match else ""
