"""Copied streams: every packet, by hash, in order. The reader is the ffmpeg program, PyAV where that fails."""

import hashlib
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from videocolor.media.opening import libav_name, open_input
from videocolor.media.timing import to_fraction
from videocolor.verification.program import ffmpeg_pipe
from videocolor.verification.report import Finding, Judge

NO_TIME = -(1 << 63)
"""Stands for a packet without pts, in an array of 64-bit integers (AV_NOPTS_VALUE)."""


@dataclass(slots=True)
class PacketTrack:
    """The packets of one stream, 24 bytes each, so that a long film's audio stays a few MiB."""

    time_base: Fraction = Fraction(1)
    hashes: "array[int]" = field(default_factory=lambda: array("Q"))
    """First 64 bits of each packet's MD5: enough against accidents, which is all that is looked for."""
    pts: "array[int]" = field(default_factory=lambda: array("q"))
    durations: "array[int]" = field(default_factory=lambda: array("q"))
    byte_count: int = 0

    def add(self, pts: int | None, duration: int, size: int, md5_hex: str) -> None:
        """Append a packet."""
        self.hashes.append(int(md5_hex[:16], 16))
        self.pts.append(NO_TIME if pts is None else pts)
        self.durations.append(duration)
        self.byte_count += size

    def part(self, numbers: Iterable[int]) -> "PacketTrack":
        """Some of the packets, as a track of their own (its bytes are not counted)."""
        track = PacketTrack(self.time_base)
        for number in numbers:
            track.hashes.append(self.hashes[number])
            track.pts.append(self.pts[number])
            track.durations.append(self.durations[number])
        return track

    @property
    def packet_count(self) -> int:
        return len(self.hashes)

    def time(self, number: int) -> Fraction | None:
        """A packet's pts in seconds."""
        return None if self.pts[number] == NO_TIME else self.pts[number] * self.time_base

    @property
    def first_time(self) -> Fraction | None:
        """The earliest pts, in seconds."""
        known = [pts for pts in self.pts if pts != NO_TIME]
        return min(known) * self.time_base if known else None

    @property
    def end_time(self) -> Fraction | None:
        """Where the last packet to end ends, in seconds."""
        ends = [p + d for p, d in zip(self.pts, self.durations, strict=True) if p != NO_TIME]
        return max(ends) * self.time_base if ends else None


@dataclass(frozen=True, slots=True)
class PacketReading:
    """The packets of a file's streams, by stream index, and who read them."""

    tracks: Mapping[int, PacketTrack]
    reader: str
    """"ffmpeg" or "PyAV"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CutRange:
    """The part of a film that was colored, in seconds of the source's clock; half open."""

    start: Fraction
    end: Fraction | None
    slack: Fraction
    """A packet this near to an end may lie on either side: packets are cut whole, by frames' clocks."""

    def must_hold(self, time: Fraction) -> bool:
        """Whether the result has to hold a packet of this time."""
        return time >= self.start + self.slack and (self.end is None or time < self.end - self.slack)

    def may_hold(self, time: Fraction) -> bool:
        """Whether the result may hold a packet of this time."""
        return time >= self.start - self.slack and (self.end is None or time < self.end + self.slack)


def read_packets(path: Path, indexes: Sequence[int]) -> PacketReading:
    """Hash all packets of some streams in one pass over the file.

    Raises:
        MediaError: PyAV, the second choice, cannot open the file either.
    """
    if not indexes:
        return PacketReading({}, "ffmpeg")
    tracks = _read_by_program(path, indexes)
    if tracks is not None:
        return PacketReading(tracks, "ffmpeg")
    return PacketReading(_read_by_pyav(path, indexes), "PyAV")


def check_packets(
    name: str, source: PacketTrack, result: PacketTrack, cut: CutRange | None, judge: Judge, *, note: str = ""
) -> Finding:
    """Compare two streams packet by packet.

    Args:
        name: How the stream is called in the report.
        source: All packets of the source's stream.
        result: All packets of the result's stream.
        cut: What part was kept, or None for all.
        judge: Makes the finding.
        note: Appended to the detail.
    """
    promise = f"{name} packets"
    if cut is None:
        first = first_difference(source.hashes, result.hashes)
        counts = f"{source.packet_count} -> {result.packet_count} packets, {source.byte_count} bytes"
        where = "" if first is None else f", packet {first} is the first that differs"
        return judge.check(promise, first is None, f"{counts}{where}{note}")
    pairs = align_cut(source, result, cut)
    needed = _needed(source, cut)
    missing = len(needed.difference(pair[0] for pair in pairs))
    strange = result.packet_count - len(pairs)
    detail = f"{result.packet_count} of {source.packet_count} packets lie in the cut"
    if missing or strange:
        detail = f"{missing} packets of the cut are missing, {strange} are not the source's"
    return judge.check(promise, not missing and not strange, detail + note)


def align_cut(source: PacketTrack, result: PacketTrack, cut: CutRange) -> list[tuple[int, int]]:
    """Pairs (source packet, result packet) of equal packets in equal order, within the cut."""
    pairs: list[tuple[int, int]] = []
    wanted = 0
    previous: Fraction | None = None
    for number in range(source.packet_count):
        time = source.time(number)
        # A packet without a time goes where its neighbor goes.
        previous = time if time is not None else previous
        if previous is not None and not cut.may_hold(previous):
            continue
        if wanted < result.packet_count and source.hashes[number] == result.hashes[wanted]:
            pairs.append((number, wanted))
            wanted += 1
    return pairs


def first_difference(left: Sequence[int], right: Sequence[int]) -> int | None:
    """The first place where two sequences differ, their lengths included; None if they are equal."""
    if left == right:
        return None
    return next(
        (number for number, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right))
    )


def _needed(source: PacketTrack, cut: CutRange) -> set[int]:
    times = ((number, source.time(number)) for number in range(source.packet_count))
    return {number for number, time in times if time is not None and cut.must_hold(time)}


def _read_by_program(path: Path, indexes: Sequence[int]) -> dict[int, PacketTrack] | None:
    maps = [word for index in indexes for word in ("-map", f"0:{index}")]
    # Without these three ffmpeg leaves out leading packets, or refuses streams that it has no codec for.
    keep_all = ["-copyinkf", "-copypriorss", "1", "-copy_unknown"]
    arguments = ["-copyts", "-i", libav_name(path), *maps, "-c", "copy", *keep_all, "-f", "framemd5", "pipe:1"]
    tracks = [PacketTrack() for _ in indexes]
    with ffmpeg_pipe(arguments) as pipe:
        for line in _text_lines(pipe.stdout):
            if line.startswith("#tb "):
                number, _, base = line[4:].partition(":")
                tracks[int(number)].time_base = Fraction(base.strip())
            elif line and not line.startswith("#"):
                # stream, dts, pts, duration, size, hash, and side data that only some demuxers invent
                words = [word.strip() for word in line.split(",")]
                pts = None if words[2] == "NOPTS" else int(words[2])
                tracks[int(words[0])].add(pts, int(words[3]), int(words[4]), words[5])
        if pipe.finish() != 0:
            return None
    return dict(zip(indexes, tracks, strict=True))


def _text_lines(stream: Iterator[bytes]) -> Iterator[str]:
    for line in stream:
        yield line.decode("ascii", "replace").strip()


def _read_by_pyav(path: Path, indexes: Sequence[int]) -> dict[int, PacketTrack]:
    tracks = {index: PacketTrack() for index in indexes}
    with open_input(path) as container:
        streams = [container.streams[index] for index in indexes]
        for stream in streams:
            tracks[stream.index].time_base = to_fraction(stream.time_base) or Fraction(1, 1000)
        try:
            for packet in container.demux(streams):
                if packet.size:
                    digest = hashlib.md5(bytes(packet), usedforsecurity=False).hexdigest()
                    tracks[packet.stream.index].add(packet.pts, packet.duration or 0, packet.size, digest)
        except (OSError, ValueError, RuntimeError):
            # libav's errors are these; what lies behind a hole cannot be compared, the count shows it.
            return tracks
    return tracks
