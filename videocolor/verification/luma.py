"""Luma and alpha: the source's planes, decoded by PyAV, against the result's, decoded by the ffmpeg program.

Both films are read once, side by side; two frames are in memory.
"""

import math
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from videocolor.core.frames import Frame
from videocolor.core.media import MediaInfo
from videocolor.media.encode import LumaDigest
from videocolor.verification.report import Finding, Judge

LOWEST_PSNR_DB = 36.0
"""What the worst frame's luma must reach where a lossy codec was chosen."""

LOSSLESS_CODECS = frozenset({"ffv1", "ffvhuff", "huffyuv", "utvideo", "rawvideo", "magicyuv", "png", "v210"})
"""Codecs that cannot lose: one different sample breaks the promise."""

Plane = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class ResultPlanes:
    """One decoded frame of the result."""

    y: Plane
    alpha: Plane | None


@dataclass(slots=True)
class LumaMeasure:
    """What one pass over both films found out."""

    result_count: int = 0
    exact_count: int = 0
    compared_count: int = 0
    first_different: int | None = None
    worst_psnr: float = math.inf
    worst_frame: int | None = None
    squared_error: float = 0.0
    """Sum over frames of the mean squared error, peak 1."""
    alpha_different: int = 0
    first_alpha_different: int | None = None
    digest: LumaDigest = field(default_factory=LumaDigest)
    source_pts: "array[int]" = field(default_factory=lambda: array("q"))
    source_durations: "array[int]" = field(default_factory=lambda: array("q"))

    @property
    def source_count(self) -> int:
        return len(self.source_pts)

    @property
    def average_psnr(self) -> float:
        """Of the mean error over all frames, as ffmpeg's psnr filter gives it."""
        return _psnr(self.squared_error / self.compared_count) if self.compared_count else math.inf


def measure_luma(
    source: Iterable[Frame], result: Iterable[ResultPlanes], *, source_depth: int, result_depth: int
) -> LumaMeasure:
    """Compare two films frame by frame, paired by order.

    Args:
        source: The source's frames.
        result: The result's planes.
        source_depth: Bits of the source's luma.
        result_depth: Bits of the result's; a deeper result holds exactly scaled values (Y << difference).
    """
    measure = LumaMeasure()
    for number, (frame, planes) in enumerate(zip_longest(source, result)):
        measure.result_count += planes is not None
        if frame is None:
            continue
        measure.digest.add(number, frame.y)
        measure.source_pts.append(frame.pts)
        measure.source_durations.append(frame.duration)
        if planes is None or planes.y.shape != frame.y.shape:
            continue
        _compare(measure, number, frame, planes, source_depth, result_depth)
    return measure


def check_luma(measure: LumaMeasure, source: MediaInfo, result: MediaInfo, reader: str, judge: Judge) -> Finding:
    """Bit-exact, or near enough for a lossy codec."""
    video, made = source.video, result.video
    notes = [f"result read by {reader}"]
    if video.layout.chroma == "rgb":
        notes.append(f"{video.layout.name} has no luma: Y is that of the one conversion to Y'CbCr")
    if made.layout.bit_depth > video.layout.bit_depth:
        notes.append(f"{video.layout.bit_depth} bits scaled exactly to {made.layout.bit_depth}")
    note = f" ({'; '.join(notes)})"
    if (video.height, video.width) != (made.height, made.width):
        return judge.check("luma", False, "the frames have different sizes and cannot be compared")
    if not measure.compared_count:
        return judge.check("luma", False, f"no frame could be compared{note}")
    exact = f"{measure.exact_count} of {measure.compared_count} frames bit-exact"
    if measure.exact_count == measure.compared_count:
        return judge.check("luma", True, exact + note)
    psnr = (
        f"PSNR-Y average {measure.average_psnr:.2f} dB, worst {measure.worst_psnr:.2f} dB at frame "
        f"{measure.worst_frame}"
    )
    if made.codec in LOSSLESS_CODECS and made.layout.bit_depth >= video.layout.bit_depth:
        where = f"{made.codec} is lossless, but only {exact}, the first other is {measure.first_different}"
        return judge.check("luma", False, f"{where}; {psnr}{note}")
    is_held = measure.worst_psnr >= LOWEST_PSNR_DB
    return judge.check("luma", is_held, f"{psnr} (at least {LOWEST_PSNR_DB:g} dB asked), {exact}{note}")


def check_bit_depth(source: MediaInfo, result: MediaInfo, judge: Judge) -> Finding:
    """The result's luma must not be coarser than the source's."""
    before, after = source.video.layout, result.video.layout
    detail = f"{before.name} ({before.bit_depth} bit) -> {after.name} ({after.bit_depth} bit)"
    return judge.check("bit depth", after.bit_depth >= before.bit_depth, detail, loss="depth")


def check_frame_size(source: MediaInfo, result: MediaInfo, judge: Judge) -> Finding:
    """Coded width and height."""
    before, after = source.video, result.video
    same = (before.height, before.width) == (after.height, after.width)
    return judge.check("frame size", same, f"{before.width}x{before.height} -> {after.width}x{after.height}")


def check_alpha(measure: LumaMeasure, source: MediaInfo, result: MediaInfo, judge: Judge) -> Iterator[Finding]:
    """The alpha plane, byte for byte; nothing where the source has none."""
    if not source.video.layout.has_alpha:
        return
    if not result.video.layout.has_alpha:
        yield judge.check("alpha", False, "the result has no alpha plane", loss="alpha")
        return
    count, codec = measure.alpha_different, result.video.codec
    detail = f"{measure.compared_count - count} of {measure.compared_count} frames bit-exact"
    if count:
        detail += f", the first other is {measure.first_alpha_different}"
    if count and codec not in LOSSLESS_CODECS:
        yield judge.skip("alpha", f"{detail}; {codec} codes alpha with loss")
        return
    yield judge.check("alpha", not count and measure.compared_count > 0, detail, loss="alpha")


def check_digest(measure: LumaMeasure, *, tagged: str | None, reported: str | None, judge: Judge) -> Iterator[Finding]:
    """The digest that the run left in the result, against the source's as it is now."""
    found = measure.digest.hex
    for promise, stored in (("luma digest in tags", tagged), ("luma digest in report", reported)):
        if stored is None:
            place = "tag VIDEOCOLOR_LUMA" if promise.endswith("tags") else "report file beside it"
            yield judge.skip(promise, f"the result has no {place}")
        else:
            same = stored.strip().lower() == found
            detail = f"{found[:16]}… in both" if same else f"the source gives {found[:16]}…, stored is {stored[:16]}…"
            yield judge.check(promise, same, detail)


def _compare(
    measure: LumaMeasure, number: int, frame: Frame, planes: ResultPlanes, source_depth: int, result_depth: int
) -> None:
    shift = result_depth - source_depth
    before, after = _lifted(frame.y, shift), _lifted(planes.y, -shift)
    measure.compared_count += 1
    if np.array_equal(before, after) and shift >= 0:
        measure.exact_count += 1
    else:
        if measure.first_different is None:
            measure.first_different = number
        peak = (1 << max(source_depth, result_depth)) - 1
        error = float(cv2.norm(before, after, cv2.NORM_L2SQR)) / before.size / peak**2
        measure.squared_error += error
        psnr = _psnr(error)
        if psnr < measure.worst_psnr:
            measure.worst_psnr, measure.worst_frame = psnr, number
    if frame.alpha is not None and planes.alpha is not None:
        same = np.array_equal(_lifted(frame.alpha, shift), _lifted(planes.alpha, -shift))
        if not same:
            measure.alpha_different += 1
            if measure.first_alpha_different is None:
                measure.first_alpha_different = number


def _lifted(plane: Plane, shift: int) -> Plane:
    """Exact scaling into a deeper format; planes of one depth, or the deeper of two, stay as they are."""
    if shift <= 0:
        return np.ascontiguousarray(plane)
    return np.left_shift(plane, shift, dtype=np.uint16)


def _psnr(mean_squared_error: float) -> float:
    """Decibels for an error relative to the peak."""
    return math.inf if mean_squared_error == 0 else -10 * math.log10(mean_squared_error)
