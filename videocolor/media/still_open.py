"""Opening pictures: what a file is by its first bytes, and every refusal that needs no decoding.

Pillow is asked through its plugins, not through `Image.open`: that has its own, lower and process-wide limit on
pixels. No plugin used here allocates the declared size before `load`.
"""

import re
import struct
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from PIL import Image, ImageFile, TiffImagePlugin

from videocolor.errors import MediaError, MediaNotFound, VideoColorError

MAX_PIXELS = 400_000_000
"""Larger pictures are refused before anything of their size is allocated."""

_HEAD_BYTES = 4096
_AGAIN = "Copy the file again from its source, or repair it with a picture editor."
_CONVERT = "Convert the picture to PNG or TIFF first."
_TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_AVIF_BRANDS = {b"avif", b"avis"}
_HEIF_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"}
# BITMAPCOREHEADER to BITMAPV5HEADER; two letters alone would take any text that begins with "BM".
_BMP_HEADER_SIZES = {12, 40, 52, 56, 64, 108, 124}
# Pictures that this program knows but does not read; libav would show a preview or a tile of some of them.
_UNREADABLE = {"HEIF", "PSD", "DPX", "EXR", "JPEG XL"}

_TAG_REDUCED, _TAG_BITS, _TAG_COMPRESSION, _TAG_PHOTOMETRIC, _TAG_SAMPLES = 254, 258, 259, 262, 277
_TAG_PLANAR, _TAG_SAMPLE_FORMAT, _TAG_DNG_VERSION = 284, 339, 50706
_TAG_WIDTH, _TAG_HEIGHT, _TAG_ROWS_PER_STRIP, _TAG_TILE_WIDTH, _TAG_TILE_HEIGHT = 256, 257, 278, 322, 323
# Where the strips lie and how long they are; the same for tiles.
_STRIPS, _TILES = (273, 279), (324, 325)
_CIELAB, _SEPARATED, _PALETTE = 8, 5, 3


def picture_format(path: Path) -> str | None:
    """The picture format that a file's first bytes show, whatever its name says; None when it is no picture.

    Raises:
        MediaNotFound: There is no such file.
        MediaError: The file cannot be opened.
    """
    if path.exists() and not path.is_file():
        # Reading a pipe or a device could wait for ever.
        raise MediaError(f"{path} is not a plain file.", "Give a picture file.")
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except FileNotFoundError as error:
        raise MediaNotFound(f"{path} does not exist.", "Check the name.") from error
    except OSError as error:
        raise MediaError(f"{path} cannot be read: {error.strerror}.", "Check its permissions.") from error
    return next((name for name, fits in _SIGNS.items() if fits(head)), None)


@contextmanager
def open_picture(path: Path) -> Iterator[ImageFile.ImageFile]:
    """Open a picture without decoding it; what goes wrong inside the block is translated, too.

    Yields:
        Pillow's picture. Its `info["warnings"]` collects what Pillow only warns about.

    Raises:
        MediaNotFound: There is no such file.
        MediaError: Empty, no picture, of a kind that is not read, too large, truncated or corrupt.
    """
    name = picture_format(path)
    _check_format(path, name)
    with translated_picture_errors(path), path.open("rb") as file, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        _check_declared_size(path, name, file)
        if name == "TIFF":
            tags = first_directory(file)
            _check_tiff_kind(path, tags)
            _check_tiff_strips(path, tags)
        picture = _plugin_picture(file, path, str(name))
        check_size(path, picture.width, picture.height)
        picture.info["warnings"] = caught
        yield picture


@contextmanager
def translated_picture_errors(path: Path) -> Iterator[None]:
    """Turn the many errors of picture decoders into one line that names the file.

    Raises:
        MediaError: Whatever a decoder raised.
    """
    try:
        yield
    except VideoColorError:
        raise
    except Image.DecompressionBombError as error:
        raise MediaError(f"{path} declares more pixels than is safe to decode.", "Cut or scale it first.") from error
    except MemoryError as error:
        raise MediaError(
            f"{path} does not fit into memory.", "Scale or cut it first, or use a larger machine."
        ) from error
    except PermissionError as error:
        raise MediaError(f"{path} cannot be read: permission denied.", "Check its permissions.") from error
    # Damaged files make Pillow and OpenCV raise nearly every built-in error (SyntaxError, struct.error, IndexError).
    except Exception as error:
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        kind = "truncated" if re.search(r"truncat|Truncat|EOF|end of file|incomplete", reason) else "damaged"
        raise MediaError(f"{path} is a {kind} picture ({reason}).", _AGAIN) from error


def damaged(path: Path, reason: str, *, kind: str = "damaged") -> MediaError:
    """The error for a picture that cannot be decoded whole."""
    return MediaError(f"{path} is a {kind} picture ({reason}).", _AGAIN)


def check_size(path: Path, width: int, height: int) -> None:
    """Refuse empty and over-large pictures by what their header declares.

    Raises:
        MediaError: No pixels, or more than `MAX_PIXELS`.
    """
    if width < 1 or height < 1:
        side = "width" if width < 1 else "height"
        raise MediaError(f"{path} is a picture of zero {side}.", _AGAIN)
    if width * height > MAX_PIXELS:
        raise MediaError(
            f"{path} is a picture of {width} x {height} pixels, over the limit of {MAX_PIXELS}.",
            "Cut or scale it first.",
        )


def first_directory(file: IO[bytes]) -> Mapping[int, Any]:
    """The tags of a TIFF's first page, also of pages whose pixels Pillow does not know."""
    file.seek(0)
    head = file.read(8)
    if head[2:3] == b"+" or head[3:4] == b"+":
        head += file.read(8)
    directory = TiffImagePlugin.ImageFileDirectory_v2(head)
    file.seek(directory.next)
    directory.load(file)
    return directory


def tiff_sample_bits(directory: Mapping[int, Any]) -> int:
    """Bits of a sample on a TIFF's first page (the largest, where channels differ)."""
    bits = directory.get(_TAG_BITS, (1,))
    return int(max(bits)) if isinstance(bits, tuple) else int(bits)


def _plugin_picture(file: IO[bytes], path: Path, name: str) -> ImageFile.ImageFile:
    Image.init()
    file.seek(0)
    factory, _ = Image.OPEN[name]
    return factory(file, str(path))


def _check_format(path: Path, name: str | None) -> None:
    if path.stat().st_size == 0:
        raise MediaError(f"{path} is empty.", "Copy it again from its source.")
    if name is None:
        raise MediaError(f"{path} is not a picture that can be read.", "Look at its content: the name may be wrong.")
    if name in _UNREADABLE:
        raise MediaError(f"{path} is a {name} picture, which is not read.", _CONVERT)
    Image.init()
    if name not in Image.OPEN:
        raise MediaError(f"{path} is {name}, and this build of Pillow lacks {name}.", _CONVERT)


def _check_declared_size(path: Path, name: str | None, file: IO[bytes]) -> None:
    """Pillow itself refuses these two before it tells a size."""
    file.seek(0)
    head = file.read(32)
    if name == "GIF" and len(head) >= 10:
        check_size(path, *struct.unpack("<HH", head[6:10]))
    if name == "PNG" and len(head) >= 24:
        check_size(path, *struct.unpack(">II", head[16:24]))


def _check_tiff_kind(path: Path, tags: Mapping[int, Any]) -> None:
    """Name the kinds of TIFF that would be read wrong or only in part."""
    bits, samples = tiff_sample_bits(tags), int(tags.get(_TAG_SAMPLES, 1))
    formats = tags.get(_TAG_SAMPLE_FORMAT, (1,))
    number = max(formats) if isinstance(formats, tuple) else formats
    photometric = tags.get(_TAG_PHOTOMETRIC, 1)
    if _TAG_DNG_VERSION in tags or int(tags.get(_TAG_REDUCED, 0) or 0) & 1:
        raise MediaError(
            f"{path} is a camera raw file or begins with a preview.", "Develop it to a 16-bit TIFF or PNG first."
        )
    if number == 3:
        raise MediaError(
            f"{path} is a TIFF of {bits}-bit floating point, which is not read.", "Convert it to 16-bit integers first."
        )
    if number == 2 or bits > 16:
        kind = "signed" if number == 2 else "unsigned"
        raise MediaError(
            f"{path} is a TIFF of {bits}-bit {kind} integers, which is not read.", "Convert it to 16 bit first."
        )
    if bits <= 8:
        return
    if photometric in (_SEPARATED, _CIELAB, _PALETTE) or samples not in (1, 3, 4):
        kind = {_SEPARATED: "CMYK", _CIELAB: "Lab", _PALETTE: "palette"}.get(photometric, f"{samples}-channel")
        raise MediaError(
            f"{path} is a {bits}-bit {kind} TIFF, which is not read.", "Convert it to 16-bit gray or RGB, or to PNG."
        )
    # OpenCV 5.0 reads this layout without an error and wrong.
    if samples > 1 and tags.get(_TAG_PLANAR, 1) == 2:
        raise MediaError(
            f"{path} is a {bits}-bit TIFF with separate color planes, which is not read.",
            "Save it with interleaved channels: `tiffcp -p contig in.tif out.tif`.",
        )


def _check_tiff_strips(path: Path, tags: Mapping[int, Any]) -> None:
    """Refuse a page whose strips or tiles do not cover it or lie beyond the file's end: Pillow leaves those black."""
    height, width = int(tags.get(_TAG_HEIGHT, 0)), int(tags.get(_TAG_WIDTH, 0))
    check_size(path, width, height)
    is_tiled = _TILES[0] in tags
    offsets, lengths = (_numbers(tags.get(tag)) for tag in (_TILES if is_tiled else _STRIPS))
    if is_tiled:
        across, down = int(tags.get(_TAG_TILE_WIDTH, 0)), int(tags.get(_TAG_TILE_HEIGHT, 0))
        needed = -(-width // max(across, 1)) * -(-height // max(down, 1))
    else:
        needed = -(-height // max(int(tags.get(_TAG_ROWS_PER_STRIP, height)), 1))
    if tags.get(_TAG_PLANAR, 1) == 2:
        needed *= int(tags.get(_TAG_SAMPLES, 1))
    if len(offsets) < needed:
        raise damaged(path, f"{len(offsets)} of {needed} strips or tiles are there")
    # A single strip may come without its length.
    ends = (offset + length for offset, length in zip(offsets, lengths, strict=False))
    if max(ends, default=0) > path.stat().st_size:
        raise damaged(path, "its pixels lie beyond the end of the file", kind="truncated")


def _numbers(value: Any) -> tuple[int, ...]:
    return value if isinstance(value, tuple) else () if value is None else (int(value),)


def _is_bmp(head: bytes) -> bool:
    return head[:2] == b"BM" and len(head) > 18 and int.from_bytes(head[14:18], "little") in _BMP_HEADER_SIZES


def _brands(head: bytes) -> set[bytes]:
    if head[4:8] != b"ftyp":
        return set()
    box = head[8 : max(16, min(int.from_bytes(head[:4], "big"), 256))]
    return {box[:4], *(box[i : i + 4] for i in range(8, len(box) - 3, 4))}


def _is_heif(head: bytes) -> bool:
    return head[8:12] in _HEIF_BRANDS and bool(_brands(head))


# In this order: an AVIF file may name HEIF's general brand as its first.
_SIGNS: dict[str, Callable[[bytes], bool]] = {
    "PNG": lambda head: head.startswith(b"\x89PNG\r\n\x1a\n"),
    "JPEG": lambda head: head.startswith(b"\xff\xd8\xff"),
    "TIFF": lambda head: head[:4] in _TIFF_MAGIC,
    "GIF": lambda head: head[:6] in (b"GIF87a", b"GIF89a"),
    "WEBP": lambda head: head[:4] == b"RIFF" and head[8:12] == b"WEBP",
    "BMP": _is_bmp,
    "PPM": lambda head: re.match(rb"P[1-6]\s", head) is not None,
    "JPEG2000": lambda head: head[4:12] == b"jP  \r\n\x87\n" or head.startswith(b"\xff\x4f\xff\x51"),
    "AVIF": lambda head: bool(_brands(head) & _AVIF_BRANDS),
    "HEIF": _is_heif,
    "PSD": lambda head: head.startswith(b"8BPS"),
    "DPX": lambda head: head[:4] in (b"SDPX", b"XPDS"),
    "EXR": lambda head: head.startswith(b"v/1\x01"),
    "JPEG XL": lambda head: head.startswith(b"\xff\x0a") or head[4:12] == b"JXL \r\n\x87\n",
}
