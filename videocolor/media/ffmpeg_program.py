"""The ffmpeg program, where a whole run of it is the better tool: an independent reader, and facts PyAV hides.

Arguments go to the program as a list, never through a shell.
"""

import re
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import imageio_ffmpeg

from videocolor.errors import EncoderError, MediaError
from videocolor.media.opening import libav_name

# libavutil's names in the order of AVChromaLocation.
_LOCATIONS = {"left": 1, "center": 2, "topleft": 3, "top": 4, "bottomleft": 5, "bottom": 6}


@cache
def ffmpeg_program() -> str:
    """Path of the ffmpeg program: the wheel's own, or the system's (IMAGEIO_FFMPEG_EXE overrides both).

    Raises:
        EncoderError: There is none.
    """
    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise EncoderError("The ffmpeg program was not found.", "Install it, or pip install imageio-ffmpeg.") from error


def run_ffmpeg(arguments: Sequence[str], *, subject: Path) -> "subprocess.CompletedProcess[str]":
    """Run ffmpeg to its end and return what it printed.

    Raises:
        MediaError: It failed; the message carries its last line.
    """
    done = subprocess.run(
        [ffmpeg_program(), "-nostdin", "-hide_banner", *arguments],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise MediaError(f"ffmpeg cannot read {subject}: {last[0]}", "Check that the file is whole.")
    return done


def chroma_location(path: Path, stream_index: int) -> int:
    """The stream's chroma siting as AVChromaLocation, 0 where it is not tagged (PyAV does not expose it)."""
    done = subprocess.run(
        [ffmpeg_program(), "-nostdin", "-hide_banner", "-v", "verbose", "-i", libav_name(path)],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    for line in done.stderr.splitlines():
        if re.match(rf"\s*Stream #0:{stream_index}\b.*Video:", line):
            match = re.search(rf"\b({'|'.join(_LOCATIONS)})\), \d+x\d+", line)
            return _LOCATIONS[match[1]] if match else 0
    return 0
