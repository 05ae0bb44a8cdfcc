"""Packets of a file without decoding: what `mux` must have kept, read back in one pass."""

import hashlib
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av

from videocolor.core.media import StreamKind
from videocolor.media.opening import open_input
from videocolor.media.probe import describe_stream


@dataclass(slots=True)
class StreamPackets:
    """All packets of one stream, in the file's order."""

    kind: StreamKind
    is_cover: bool
    time_base: Fraction | None
    count: int = 0
    digest: str = ""
    """sha256 over the packets' sizes and bytes."""
    pts: list[int] = field(default_factory=list)
    """Kept for video streams only."""


def read_packets(path: Path) -> dict[int, StreamPackets]:
    """Demux a file and digest every stream's packets.

    A file that breaks off in the middle gives the packets before that point, as the mux stage copies them.

    Returns:
        Stream index to packets; attachments have none.
    """
    with open_input(path) as container:
        found: dict[int, StreamPackets] = {}
        hashes = {}
        for stream in container.streams:
            described = describe_stream(stream)
            found[stream.index] = StreamPackets(described.kind, described.is_cover, stream.time_base)
            hashes[stream.index] = hashlib.sha256()
        packets = container.demux()
        while True:
            try:
                packet = next(packets)
            except (StopIteration, av.FFmpegError):
                break
            if packet.size == 0:
                continue
            entry = found[packet.stream.index]
            entry.count += 1
            hashes[packet.stream.index].update(packet.size.to_bytes(8, "little"))
            hashes[packet.stream.index].update(packet)  # type: ignore[arg-type]
            if entry.kind == "video" and packet.pts is not None:
                entry.pts.append(packet.pts)
    for index, entry in found.items():
        entry.digest = hashes[index].hexdigest()
    return found
