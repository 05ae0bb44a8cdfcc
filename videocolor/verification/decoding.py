"""Decoding a result by the ffmpeg program: raw luma through a pipe, time stamps through a small file beside it.

No step may convert: filters that would are forbidden, and what ffmpeg cannot extract as it is, PyAV reads.
"""

import logging
import re
import tempfile
from array import array
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from io import BufferedReader
from pathlib import Path

import numpy as np

from videocolor.core.media import MediaInfo
from videocolor.media.decode import DecodeCounts, DecodeSettings, open_frames
from videocolor.media.opening import libav_name
from videocolor.verification.luma import Plane, ResultPlanes
from videocolor.verification.packets import NO_TIME
from videocolor.verification.program import ffmpeg_pipe

log = logging.getLogger(__name__)

UNLIMITED_DAMAGE = 1 << 62
"""Verification reads on where a run would give up: the counts tell."""

# Decoders that ffmpeg prefers and that complain under another name than their codec's.
_OTHER_NAMES = {"av1": "libdav1d"}


@dataclass(slots=True)
class ResultReading:
    """What is known after the result's frames were read to the end."""

    reader: str = "ffmpeg"
    tick: Fraction = Fraction(1)
    """Of `pts`, in seconds."""
    pts: "array[int]" = field(default_factory=lambda: array("q"))
    """Presentation times in order, NO_TIME where there is none."""
    complaints: list[str] = field(default_factory=list)
    """What the decoder said about damage."""


@contextmanager
def open_result(info: MediaInfo, reading: ResultReading, *, with_alpha: bool) -> Iterator[Iterator[ResultPlanes]]:
    """The result's luma planes (and alpha, where asked), frame by frame; `reading` is complete at their end.

    Args:
        info: The probed result.
        reading: Filled while reading.
        with_alpha: Give the alpha plane, too; the result must have one.
    """
    layout = info.video.layout
    if layout.chroma == "rgb":
        with closing(_planes_by_pyav(info, reading)) as slow_planes:
            yield slow_planes
        return
    with tempfile.TemporaryDirectory(prefix="videocolor-") as folder:
        times = Path(folder) / "times.txt"
        with ffmpeg_pipe(_arguments(info, times, with_alpha=with_alpha)) as pipe:
            planes = _raw_planes(pipe.stdout, info, with_alpha=with_alpha)
            first = next(planes, None)
            if first is not None:

                def all_planes() -> Iterator[ResultPlanes]:
                    yield first
                    yield from planes
                    pipe.finish()
                    with times.open(encoding="ascii", errors="replace") as lines:
                        reading.pts, reading.tick = _parsed_times(lines)
                    reading.complaints = _about_decoding(pipe.complaints(), info.video.codec)

                yield all_planes()
                return
            log.debug("%s: ffmpeg gave no luma: %s", info.path, pipe.complaints())
    with closing(_planes_by_pyav(info, reading)) as slow_planes:
        yield slow_planes


def frames_by_program(info: MediaInfo) -> tuple["array[int]", Fraction] | None:
    """The pts of all frames that the ffmpeg program decodes, and their tick; a pass of its own. None if it fails."""
    arguments = ["-copyts", "-threads", "1", "-noautorotate", "-i", libav_name(info.path)]
    arguments += ["-map", f"0:{info.video.index}", "-fps_mode", "passthrough", "-enc_time_base", "demux"]
    with ffmpeg_pipe([*arguments, "-f", "framecrc", "pipe:1"]) as pipe:
        pts, tick = _parsed_times(line.decode("ascii", "replace") for line in pipe.stdout)
        return (pts, tick) if pipe.finish() == 0 else None


def _arguments(info: MediaInfo, times: Path, *, with_alpha: bool) -> list[str]:
    place = f"[0:{info.video.index}]"
    graph = f"{place}extractplanes=y+a[y][a];[y][a]vstack[p]" if with_alpha else f"{place}extractplanes=y[p]"
    as_they_come = ["-fps_mode", "passthrough", "-enc_time_base", "filter"]
    return [
        *("-copyts", "-threads", "1", "-noautorotate", "-noauto_conversion_filters", "-i", libav_name(info.path)),
        *("-filter_complex", f"{graph};[p]split[planes][times]"),
        *("-map", "[planes]", *as_they_come, "-f", "rawvideo", "pipe:1"),
        *("-map", "[times]", *as_they_come, "-f", "framecrc", libav_name(times)),
    ]


def _about_decoding(lines: list[str], codec: str) -> list[str]:
    """The lines of the picture's decoder: "[h264 @ 0x5581] error while decoding MB 3 4", "[dec:h264 @ ...] ..."."""
    name = re.escape(_OTHER_NAMES.get(codec, codec))
    return [line for line in lines if re.search(rf"\[(?:\S*[:/])?(?:{name}|{re.escape(codec)}) @", line)]


def _raw_planes(stream: BufferedReader, info: MediaInfo, *, with_alpha: bool) -> Iterator[ResultPlanes]:
    height, width = info.video.height, info.video.width
    deep = np.dtype(">u2" if info.video.layout.name.endswith("be") else "<u2")
    dtype = np.dtype(np.uint8) if info.video.layout.bit_depth == 8 else deep
    rows = 2 * height if with_alpha else height
    while True:
        buffer = np.empty((rows, width), dtype)
        if stream.readinto(buffer.reshape(-1).view(np.uint8).data) != buffer.nbytes:
            return
        native: Plane = buffer if dtype.isnative else buffer.astype(np.uint16)
        yield ResultPlanes(native[:height], native[height:] if with_alpha else None)


def _planes_by_pyav(info: MediaInfo, reading: ResultReading) -> Generator[ResultPlanes]:
    reading.tick = info.video.time_base
    reading.reader = "PyAV, as ffmpeg cannot extract its luma unchanged"
    counts = DecodeCounts()
    settings = DecodeSettings(threads=1, max_damaged=UNLIMITED_DAMAGE)
    with closing(open_frames(info, settings, counts)) as frames:  # type: ignore[type-var]
        for frame in frames:
            reading.pts.append(frame.pts)
            yield ResultPlanes(frame.y, frame.alpha)
    if counts.damaged_packets:
        reading.complaints = [f"{counts.damaged_packets} damaged packets"]


def _parsed_times(lines: Iterable[str]) -> tuple["array[int]", Fraction]:
    """The pts of framecrc's rows (stream, dts, pts, duration, size, checksum), and their tick."""
    tick = Fraction(1)
    pts = array("q")
    for line in lines:
        if line.startswith("#tb 0:"):
            tick = Fraction(line[6:].strip())
        elif line.strip() and not line.startswith("#"):
            word = line.split(",")[2].strip()
            pts.append(NO_TIME if word == "NOPTS" else int(word))
    return pts, tick
