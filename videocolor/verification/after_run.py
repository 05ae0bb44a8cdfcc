"""The check that every run makes before its result gets its name: packets and times, nothing decoded."""

from fractions import Fraction
from pathlib import Path

from videocolor.errors import VerifyError
from videocolor.media.mux import MuxJob
from videocolor.media.packets import StreamPackets, read_packets

_REMEDY = "This is a defect of videocolor: please report it. The work folder is kept."


def check_muxed(job: MuxJob, part: Path) -> None:
    """Compare the finished file's packets with the source's and with the plan.

    Args:
        job: What was muxed.
        part: The file, not yet under its final name.

    Raises:
        VerifyError: A frame's time or a copied packet is not what it must be.
    """
    result = read_packets(part)
    films = [stream for stream in result.values() if stream.kind == "video" and not stream.is_cover]
    if not films:
        raise VerifyError(f"{part} holds no video stream.", _REMEDY)
    _check_times(job, films[0])
    if job.is_cut:
        return
    source = read_packets(job.info.path)
    copied = [item.stream for item in job.carry.carried if item.action == "copy"]
    for kind in ("audio", "subtitle", "data", "video"):
        before = [source[stream.index] for stream in copied if stream.kind == kind]
        after = [stream for stream in result.values() if stream.kind == kind and stream is not films[0]]
        for number, wanted in enumerate(before):
            found = after[number] if number < len(after) else None
            if found is None or (found.count, found.digest) != (wanted.count, wanted.digest):
                count = 0 if found is None else found.count
                raise VerifyError(
                    f"{kind} stream {number} has other packets than the source ({wanted.count} -> {count}).", _REMEDY
                )


def _check_times(job: MuxJob, film: StreamPackets) -> None:
    base = film.time_base or Fraction(1, 1000)
    film_base = job.info.video.time_base
    times = sorted(pts * base for pts in film.pts)
    planned = [(pts - job.offset_pts) * film_base for pts in job.pts]
    if len(times) != len(planned):
        raise VerifyError(f"The result holds {len(times)} frames, {len(planned)} were planned.", _REMEDY)
    # Where sound begins before zero, Matroska moves all streams together.
    shift = times[0] - planned[0]
    # Times are exact in the source: only the result's own tick may round them, here and at the first frame.
    tick = base
    worst = max(abs(time - plan - shift) for time, plan in zip(times, planned, strict=True))
    if worst > tick:
        raise VerifyError(f"A frame of the result is {float(worst):.6f} s away from its time.", _REMEDY)
