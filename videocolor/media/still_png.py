"""PNG files at the level of chunks: reading what decoders drop, writing 8 and 16 bit row by row.

Pillow cannot write 16-bit RGB and OpenCV cannot write text, so the writer is our own; it holds one band of rows.
"""

import struct
import zlib
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from videocolor.media.still_open import damaged

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOR_TYPES = {3: 2, 4: 6}
_ZLIB_LEVEL = 6
_IDAT_BYTES = 1 << 20
_MAX_KEPT_BYTES = 64 << 20
_MAX_TEXT_BYTES = 1 << 20
# Color description that holds for the RGB result as it did for the source; the ICC profile goes its own way.
_COLOR_CHUNKS = {b"gAMA", b"cHRM", b"sRGB", b"cICP"}
# Written from other fields, after their own rules.
_OWN_CHUNKS = {b"eXIf", b"tRNS"}
_XMP_KEYWORD = b"XML:com.adobe.xmp"

Chunk = tuple[bytes, bytes]
Array = npt.NDArray[Any]


def png_bit_depth(file: IO[bytes]) -> int:
    """Bits of a sample, as IHDR says."""
    file.seek(24)
    return file.read(1)[0]


def kept_chunks(file: IO[bytes], path: Path) -> tuple[Chunk, ...]:
    """The ancillary chunks that a changed picture may keep, byte for byte.

    The PNG specification marks them by the case of the fourth letter ("safe to copy"); color descriptions are kept
    besides, because the result's gray axis is the source's.

    Raises:
        MediaError: The file ends before IEND, or a chunk to be kept is damaged.
    """
    kept: list[Chunk] = []
    total = 0
    file.seek(len(_SIGNATURE))
    while True:
        head = file.read(8)
        if len(head) < 8:
            raise damaged(path, "the file ends before its end mark", kind="truncated")
        length, kind = struct.unpack(">I4s", head)
        if kind == b"IEND":
            return tuple(kept)
        if not _is_kept(kind) or total + length > _MAX_KEPT_BYTES:
            file.seek(length + 4, 1)
            continue
        data, checksum = file.read(length), file.read(4)
        if len(checksum) < 4:
            raise damaged(path, "the file ends inside a chunk", kind="truncated")
        if zlib.crc32(kind + data) != int.from_bytes(checksum, "big"):
            raise damaged(path, f"checksum of its {kind.decode('latin-1')} chunk")
        total += length
        if not (kind == b"iTXt" and data.startswith(_XMP_KEYWORD + b"\0")):
            kept.append((kind, data))


def chunk_texts(chunks: Iterable[Chunk]) -> tuple[tuple[str, str], ...]:
    """Keyword and text of all text chunks; those that cannot be read are left out (their bytes stay in the PNG)."""
    texts = []
    for kind, data in chunks:
        keyword, _, rest = data.partition(b"\0")
        if kind == b"tEXt":
            texts.append((keyword.decode("latin-1"), rest.decode("latin-1")))
        elif kind == b"zTXt" and (inflated := _inflate(rest[1:])) is not None:
            texts.append((keyword.decode("latin-1"), inflated.decode("latin-1")))
        elif kind == b"iTXt" and len(rest) > 2:
            body = rest[2:].split(b"\0", 2)[-1]
            plain = _inflate(body) if rest[0] else body
            if plain is not None:
                texts.append((keyword.decode("latin-1"), plain.decode("utf-8", "replace")))
    return tuple(texts)


def text_chunk(keyword: str, text: str) -> Chunk:
    """A text chunk; Latin-1 stays a plain tEXt that every reader knows."""
    key = keyword.encode("latin-1", "replace")[:79]
    try:
        return b"tEXt", key + b"\0" + text.encode("latin-1")
    except UnicodeEncodeError:
        return b"iTXt", key + b"\0\0\0\0\0" + text.encode("utf-8")


def xmp_chunk(xmp: bytes) -> Chunk:
    """XMP as Adobe's specification stores it: uncompressed, so that programs find it by scanning."""
    return b"iTXt", _XMP_KEYWORD + b"\0\0\0\0\0" + xmp


def profile_chunk(icc: bytes) -> Chunk:
    """An ICC profile."""
    return b"iCCP", b"ICC Profile\0\0" + zlib.compress(icc)


def raw_profile_chunk(kind: str, data: bytes) -> Chunk:
    """ImageMagick's convention for data that PNG has no chunk for (IPTC); exiftool reads it, too."""
    text = f"\n{kind}\n{len(data):8d}\n" + "\n".join(data.hex()[i : i + 72] for i in range(0, 2 * len(data), 72)) + "\n"
    return b"zTXt", f"Raw profile type {kind}".encode() + b"\0\0" + zlib.compress(text.encode())


def density_chunk(dpi: tuple[float, float]) -> Chunk:
    """Dots per inch as pixels per metre."""
    return b"pHYs", struct.pack(">IIB", *(round(value / 0.0254) for value in dpi), 1)


def write_png(path: Path, bands: Iterable[Array], *, height: int, width: int, chunks: Sequence[Chunk]) -> None:
    """Write an RGB or RGBA picture from bands of rows.

    Args:
        path: The new file.
        bands: (rows, W, 3 or 4) uint8 or uint16 each, `height` rows in all.
        height: Rows of the picture.
        width: Pixels of a row.
        chunks: Ancillary chunks, written between the header and the pixels.
    """
    first, bands = spy_first(bands)
    depth, step = 8 * first.dtype.itemsize, first.shape[2] * first.dtype.itemsize
    header = struct.pack(">IIBBBBB", width, height, depth, _COLOR_TYPES[first.shape[2]], 0, 0, 0)
    # The low bytes of 16 bit hold no matches: looking for runs only is 5 times faster, and not larger.
    strategy = zlib.Z_RLE if depth == 16 else zlib.Z_DEFAULT_STRATEGY
    packer = zlib.compressobj(_ZLIB_LEVEL, zlib.DEFLATED, 15, 9, strategy)
    above = np.zeros(width * step, np.uint8)
    packed = bytearray()
    with path.open("wb") as file:
        file.write(_SIGNATURE + _chunk_bytes(b"IHDR", header))
        file.writelines(_chunk_bytes(kind, data) for kind, data in chunks)
        for band in bands:
            rows = _row_bytes(band)
            packed += packer.compress(_filtered(rows, above, step).data)
            above = rows[-1]
            if len(packed) >= _IDAT_BYTES:
                file.write(_chunk_bytes(b"IDAT", bytes(packed)))
                packed.clear()
        packed += packer.flush()
        file.write(_chunk_bytes(b"IDAT", bytes(packed)) + _chunk_bytes(b"IEND", b""))


def spy_first(bands: Iterable[Array]) -> tuple[Array, Iterable[Array]]:
    """The first band, and all bands again, the first included."""
    waiting = iter(bands)
    first = next(waiting)
    return first, chain((first,), waiting)


def _is_kept(kind: bytes) -> bool:
    if kind in _COLOR_CHUNKS:
        return True
    is_ancillary, is_safe = bool(kind[0] & 0x20), bool(kind[3] & 0x20)
    return is_ancillary and is_safe and kind not in _OWN_CHUNKS


def _inflate(data: bytes) -> bytes | None:
    try:
        return zlib.decompressobj().decompress(data, _MAX_TEXT_BYTES)
    except zlib.error:
        return None


def _chunk_bytes(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))


def _row_bytes(band: Array) -> npt.NDArray[np.uint8]:
    big_endian = np.ascontiguousarray(band, dtype=band.dtype.newbyteorder(">"))
    return big_endian.reshape(band.shape[0], -1).view(np.uint8)


def _filtered(rows: npt.NDArray[np.uint8], above: npt.NDArray[np.uint8], step: int) -> npt.NDArray[np.uint8]:
    """Rows with their filter byte in front: for each the filter of least absolute sum (the specification's advice)."""
    up = np.empty_like(rows)
    up[0], up[1:] = above, rows[:-1]
    left = np.zeros_like(rows)
    left[:, step:] = rows[:, :-step]
    corner = np.zeros_like(rows)
    corner[:, step:] = up[:, :-step]
    candidates = ((1, left), (2, up), (4, _paeth(left, up, corner)))
    best = np.empty((rows.shape[0], rows.shape[1] + 1), np.uint8)
    least = np.full(rows.shape[0], np.iinfo(np.int64).max)
    for number, guess in candidates:
        rest = rows - guess
        # A byte counts as signed: 255 is -1. The smaller of v and -v is its size, in uint8 throughout.
        cost = np.minimum(rest, 0 - rest).sum(axis=1, dtype=np.int64)
        better = cost < least
        best[better, 0] = number
        best[better, 1:] = rest[better]
        least = np.minimum(least, cost)
    return best


def _paeth(
    left: npt.NDArray[np.uint8], up: npt.NDArray[np.uint8], corner: npt.NDArray[np.uint8]
) -> npt.NDArray[np.uint8]:
    a, b, c = left.astype(np.int16), up.astype(np.int16), corner.astype(np.int16)
    to_left, to_up = b - c, a - c
    to_corner = np.abs(to_left + to_up)
    to_left, to_up = np.abs(to_left), np.abs(to_up)
    use_left = (to_left <= to_up) & (to_left <= to_corner)
    return np.where(use_left, left, np.where(to_up <= to_corner, up, corner))
