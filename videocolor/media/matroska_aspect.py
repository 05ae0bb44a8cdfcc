"""The shape of a Matroska film's pixels, written into the finished file, because PyAV cannot tell the muxer.

Knows EBML as far as the Tracks element needs it; reads no cluster, moves no byte behind Tracks, so any length is cheap.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from videocolor.errors import TargetError
from videocolor.files import translated_os_errors

# Element identities with their length marker, RFC 8794 (EBML) and RFC 9559 (Matroska).
_HEADER, _SEGMENT, _CLUSTER, _CRC32, _VOID = 0x1A45DFA3, 0x18538067, 0x1F43B675, 0xBF, 0xEC
_TRACKS, _TRACK_ENTRY, _TRACK_TYPE, _NAME, _VIDEO = 0x1654AE6B, 0xAE, 0x83, 0x536E, 0xE0
_PIXEL_WIDTH, _PIXEL_HEIGHT = 0xB0, 0xBA
_DISPLAY_WIDTH, _DISPLAY_HEIGHT, _DISPLAY_UNIT = 0x54B0, 0x54BA, 0x54B2
_PIXELS, _RATIO, _UNKNOWN = 0, 3, 4
_VIDEO_TRACK = 1
# Two values of at most 3 + 8 bytes, a unit of 4, a longer size of Video and the smallest Void need 29 bytes.
_ROOM = " [room for the display aspect, videocolor]"
# Codec headers are kilobytes; a damaged size must not fill the memory.
_LARGEST_TRACKS = 1 << 26


def plant_room(title: str | None) -> str:
    """The title that the video stream is muxed with, so that `set_display_aspect` finds the track and has space.

    Example:
        >>> plant_room("Der Film").startswith("Der Film ")
        True
    """
    return (title or "") + _ROOM


def set_display_aspect(path: Path, *, sample_aspect: Fraction) -> None:
    """Tell a finished Matroska or WebM file the shape of its pixels, and give the planted track its own title back.

    The file's length and all offsets stay.

    Args:
        path: Written by libavformat with one video stream whose title comes from `plant_room`.
        sample_aspect: A pixel's width : height, positive.

    Raises:
        TargetError: The file is not built as expected (it is untouched then), or cannot be written.
    """
    if sample_aspect <= 0:
        raise ValueError(f"sample_aspect is {sample_aspect}")
    with translated_os_errors(path), path.open("r+b") as file:
        try:
            start, old = _read_tracks(file)
            new = _with_aspect(old, sample_aspect)
        except ValueError as error:
            raise TargetError(
                f"The shape of the pixels ({sample_aspect}) cannot be written into {path}: {error}.",
                "Name the result .mp4 or .mov, or use --codec h264.",
            ) from error
        file.seek(start)
        file.write(new)


@dataclass(frozen=True, slots=True)
class _Element:
    """One EBML element: `head` is identity and size as they stand in the file."""

    identity: int
    head: bytes
    body: bytes


def _read_tracks(file: BinaryIO) -> tuple[int, bytes]:
    """Where the body of Tracks starts, and its bytes."""
    length = file.seek(0, 2)
    identity, at, size = _head_at(file, 0)
    if identity != _HEADER or size is None:
        raise ValueError("it is no Matroska file")
    identity, at, size = _head_at(file, at + size)
    if identity != _SEGMENT:
        raise ValueError("its segment is missing")
    end = length if size is None else min(length, at + size)
    while at < end:
        identity, at, size = _head_at(file, at)
        if identity == _CLUSTER or size is None or at + size > end:
            break
        if identity == _TRACKS:
            if size > _LARGEST_TRACKS:
                raise ValueError(f"its list of tracks has {size} bytes")
            file.seek(at)
            return at, file.read(size)
        at += size
    raise ValueError("its list of tracks is missing or does not stand before the pictures")


def _head_at(file: BinaryIO, at: int) -> tuple[int, int, int | None]:
    """Identity, place of the body, and the body's size (None: unknown) of the element at a place."""
    file.seek(at)
    identity, used, size = read_head(file.read(12))
    return identity, at + used, size


def _with_aspect(tracks: bytes, sample_aspect: Fraction) -> bytes:
    """The body of Tracks with the planted track repaired and its checksum renewed; as long as before."""
    elements = list(_children(tracks))
    planted = [i for i, item in enumerate(elements) if item.identity == _TRACK_ENTRY and _is_planted(item.body)]
    if len(planted) != 1:
        raise ValueError(f"{len(planted)} tracks have room for it")
    entry = elements[planted[0]]
    elements[planted[0]] = _Element(entry.identity, entry.head, _repaired(entry.body, sample_aspect))
    crc, content = b"", elements
    if elements[0].identity == _CRC32:
        crc, content = elements[0].head, elements[1:]
        if elements[0].body != _checksum(tracks[len(crc) + 4 :]):
            raise ValueError("its list of tracks is damaged")
    joined = b"".join(item.head + item.body for item in content)
    return crc + _checksum(joined) + joined if crc else joined


def _checksum(content: bytes) -> bytes:
    return zlib.crc32(content).to_bytes(4, "little")


def _is_planted(entry: bytes) -> bool:
    return any(item.identity == _NAME and item.body.endswith(_ROOM.encode()) for item in _children(entry))


def _repaired(entry: bytes, sample_aspect: Fraction) -> bytes:
    """A TrackEntry's body: title restored, Video grown, the rest of the room filled."""
    items = list(_children(entry))
    kinds = [item.identity for item in items]
    if _CRC32 in kinds or kinds.count(_VIDEO) != 1 or _value(items, _TRACK_TYPE) != _VIDEO_TRACK:
        raise ValueError("the track is built otherwise")
    parts = []
    for item in items:
        if item.identity == _NAME:
            title = item.body.removesuffix(_ROOM.encode())
            parts.append(element_bytes(_NAME, title) if title else b"")
        elif item.identity == _VIDEO:
            parts.append(element_bytes(_VIDEO, _video(list(_children(item.body)), sample_aspect)))
        else:
            parts.append(item.head + item.body)
    body = b"".join(parts)
    return body + void_bytes(len(entry) - len(body))


def _video(items: list[_Element], sample_aspect: Fraction) -> bytes:
    """A Video element's body with the display size set."""
    if any(item.identity == _CRC32 for item in items) or _value(items, _DISPLAY_UNIT) not in (None, _PIXELS, _UNKNOWN):
        raise ValueError("the track is built otherwise")
    # A display size without an aspect of its own is there for stereo only: half the picture, one eye.
    width = _value(items, _DISPLAY_WIDTH) or _value(items, _PIXEL_WIDTH)
    height = _value(items, _DISPLAY_HEIGHT) or _value(items, _PIXEL_HEIGHT)
    if not width or not height:
        raise ValueError("the track has no size")
    width, height, unit = display_size(width, height, sample_aspect)
    display = {_DISPLAY_WIDTH: width, _DISPLAY_HEIGHT: height} | ({_DISPLAY_UNIT: unit} if unit != _PIXELS else {})
    kept = [item.head + item.body for item in items if item.identity not in (*display, _DISPLAY_UNIT)]
    return b"".join(kept + [element_bytes(identity, uint_bytes(value)) for identity, value in display.items()])


def display_size(width: int, height: int, sample_aspect: Fraction) -> tuple[int, int, int]:
    """DisplayWidth, DisplayHeight and DisplayUnit that say an aspect exactly.

    In pixels where one side can stay, because players open their window in that size; else the picture's bare ratio.

    Example:
        >>> display_size(720, 480, Fraction(8, 9)), display_size(176, 144, Fraction(128, 117))
        ((640, 480, 0), (1408, 1053, 3))
    """
    wide, high = width * sample_aspect, height / sample_aspect
    if wide.denominator == 1:
        return wide.numerator, height, _PIXELS
    if high.denominator == 1:
        return width, high.numerator, _PIXELS
    ratio = wide / height
    return ratio.numerator, ratio.denominator, _RATIO


def _value(items: list[_Element], identity: int) -> int | None:
    """The first unsigned number with this identity."""
    return next((int.from_bytes(item.body, "big") for item in items if item.identity == identity), None)


def _children(data: bytes) -> Iterator[_Element]:
    """The elements that fill a master's body."""
    at = 0
    while at < len(data):
        identity, used, size = read_head(data[at : at + 12])
        start = at + used
        if size is None or start + size > len(data):
            raise ValueError("an element is longer than its parent")
        yield _Element(identity, data[at:start], data[start : start + size])
        at = start + size


def read_head(data: bytes) -> tuple[int, int, int | None]:
    """An element's identity (with its marker), the length of both numbers, and the body's size (None: unknown).

    Raises:
        ValueError: No element starts here.
    """
    identity_length = 9 - data[0].bit_length() if data else 9
    size_length = 9 - data[identity_length].bit_length() if len(data) > identity_length else 9
    used = identity_length + size_length
    if identity_length > 4 or size_length > 8 or used > len(data):
        raise ValueError("an element has no readable head")
    ones = (1 << 7 * size_length) - 1
    size = int.from_bytes(data[identity_length:used], "big") & ones
    return int.from_bytes(data[:identity_length], "big"), used, None if size == ones else size


def size_bytes(size: int, length: int | None = None) -> bytes:
    """An EBML size in `length` bytes, or in as few as possible (all ones mean unknown and are never written).

    Raises:
        ValueError: It does not fit.
    """
    for count in range(1, 9) if length is None else (length,):
        if 0 <= size < (1 << 7 * count) - 1:
            return (size | 1 << 7 * count).to_bytes(count, "big")
    raise ValueError(f"{size} is no size of an element")


def uint_bytes(value: int) -> bytes:
    """An EBML unsigned integer in as few bytes as possible, at least one.

    Raises:
        ValueError: More than eight bytes.
    """
    if not 0 <= value < 1 << 64:
        raise ValueError(f"{value} is too large")
    return value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big")


def element_bytes(identity: int, body: bytes) -> bytes:
    """A whole element."""
    return uint_bytes(identity) + size_bytes(len(body)) + body


def void_bytes(length: int) -> bytes:
    """An element of exactly this length that readers skip.

    Raises:
        ValueError: Nothing fits into one byte or less.
    """
    for count in range(1, 9):
        size = length - 1 - count
        if 0 <= size < (1 << 7 * count) - 1:
            return uint_bytes(_VOID) + size_bytes(size, count) + bytes(size)
    raise ValueError("the room is too small")
