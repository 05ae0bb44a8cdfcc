"""Writing TIFF files: 8 and 16 bit RGB(A) in deflated strips, with the source's tags. Reading is `still_decode`'s.

Pillow has no 16-bit RGB and OpenCV no tags; Pillow's directory class serialises the tags, the strips are ours.
"""

import logging
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy.typing as npt
from PIL import TiffTags
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from videocolor.media.still_keep import (
    DESCRIPTION_TAG,
    ICC_TAG,
    ORIENTATION_TAG,
    PHOTOSHOP_TAG,
    SOFTWARE_TAG,
    STRUCTURAL_TAGS,
    SUB_DIRECTORY_TAGS,
    XMP_TAG,
    StillKeep,
    comment_text,
    parse_exif,
    provenance_lines,
    software_text,
)
from videocolor.media.still_png import spy_first

log = logging.getLogger(__name__)

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _SAMPLES = 256, 257, 258, 259, 262, 277
_STRIP_OFFSETS, _ROWS_PER_STRIP, _STRIP_BYTES, _PLANAR = 273, 278, 279, 284
_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT, _PREDICTOR, _EXTRA_SAMPLES = 282, 283, 296, 317, 338
_DEFLATE, _RGB, _CONTIGUOUS, _INCH, _HORIZONTAL, _UNASSOCIATED = 8, 2, 1, 2, 2, 2
_INTEROP_TAG = 40965
_ZLIB_LEVEL = 6
_HEADER_BYTES = 8
# Type 7: bytes whose meaning the tag knows.
_UNDEFINED = TiffTags.UNDEFINED

Array = npt.NDArray[Any]


def write_tiff(
    path: Path,
    bands: Iterable[Array],
    *,
    height: int,
    width: int,
    keep: StillKeep,
    provenance: Mapping[str, str],
) -> None:
    """Write an RGB or RGBA picture from bands of rows; each band becomes a strip.

    Args:
        path: The new file.
        bands: (rows, W, 3 or 4) uint8 or uint16, all of the same number of rows but the last.
        height: Rows of the picture.
        width: Pixels of a row.
        keep: The source's tags.
        provenance: Goes into the tag Software, and into ImageDescription where the source has none.
    """
    first, bands = spy_first(bands)
    strip_count = -(-height // first.shape[0])
    directory = _directory(keep, provenance)
    _describe_pixels(directory, first, height, width)
    offsets, sizes = [0] * strip_count, [0] * strip_count
    with path.open("wb") as file:
        # The directory stands in front; its length does not depend on the numbers that are known at the end.
        file.write(bytes(_HEADER_BYTES + len(_serialised(directory, offsets, sizes))))
        start = file.tell()
        for number, band in enumerate(bands):
            packed = zlib.compress(_differences(band), _ZLIB_LEVEL)
            offsets[number], sizes[number] = file.tell() - start, len(packed)
            # Offsets should be even.
            file.write(packed + bytes(len(packed) % 2))
        file.seek(0)
        file.write(b"II*\0" + _HEADER_BYTES.to_bytes(4, "little") + _serialised(directory, offsets, sizes))


def _directory(keep: StillKeep, provenance: Mapping[str, str]) -> ImageFileDirectory_v2:
    directory = ImageFileDirectory_v2(b"II*\0\0\0\0\0")
    exif = parse_exif(keep.exif)
    for tag, value in exif.items():
        if tag not in STRUCTURAL_TAGS and tag not in SUB_DIRECTORY_TAGS:
            _set(directory, tag, value)
    for tag in SUB_DIRECTORY_TAGS:
        if values := exif.get_ifd(tag):
            directory[tag] = _sub_directory(values)
    directory[ORIENTATION_TAG] = keep.orientation
    if keep.dpi is not None:
        directory[_X_RESOLUTION], directory[_Y_RESOLUTION] = keep.dpi
        directory[_RESOLUTION_UNIT] = _INCH
    for tag, data in ((ICC_TAG, keep.icc), (XMP_TAG, keep.xmp), (PHOTOSHOP_TAG, keep.photoshop)):
        if data is not None:
            directory.tagtype[tag] = _UNDEFINED if tag == ICC_TAG else TiffTags.BYTE
            directory[tag] = data
    if provenance:
        directory[SOFTWARE_TAG] = software_text(str(exif.get(SOFTWARE_TAG, "")), provenance)
    description = comment_text(keep, {}) or provenance_lines(provenance)
    if description and DESCRIPTION_TAG not in exif:
        directory[DESCRIPTION_TAG] = description
    return directory


def _set(directory: ImageFileDirectory_v2, tag: int, value: Any) -> None:
    try:
        directory[tag] = value
        directory.tagtype[tag]
    except (KeyError, TypeError, ValueError) as error:
        log.warning("TIFF tag %d cannot be carried over: %s", tag, error)


def _sub_directory(values: Mapping[int, Any]) -> dict[int, Any]:
    """EXIF or GPS tags; the interoperability directory inside is a bare offset into the source and stays out."""
    return {tag: value for tag, value in values.items() if tag != _INTEROP_TAG or isinstance(value, dict)}


def _describe_pixels(directory: ImageFileDirectory_v2, band: Array, height: int, width: int) -> None:
    rows, _, samples = band.shape
    numbers = {
        _WIDTH: width,
        _HEIGHT: height,
        _BITS: (8 * band.dtype.itemsize,) * samples,
        _COMPRESSION: _DEFLATE,
        _PHOTOMETRIC: _RGB,
        _SAMPLES: samples,
        _ROWS_PER_STRIP: rows,
        _PLANAR: _CONTIGUOUS,
        _PREDICTOR: _HORIZONTAL,
    }
    for tag, number in numbers.items():
        directory[tag] = number
    if samples == 4:
        directory[_EXTRA_SAMPLES] = _UNASSOCIATED
    directory.tagtype[_STRIP_OFFSETS] = directory.tagtype[_STRIP_BYTES] = TiffTags.LONG


def _serialised(directory: ImageFileDirectory_v2, offsets: list[int], sizes: list[int]) -> bytes:
    """The directory's bytes for place 8; Pillow counts strip offsets from its end, as ours are."""
    directory[_STRIP_OFFSETS], directory[_STRIP_BYTES] = tuple(offsets), tuple(sizes)
    return directory.tobytes(_HEADER_BYTES)


def _differences(band: Array) -> bytes:
    """Predictor 2: each sample minus the one to its left, modulo its range, little endian."""
    changed = band.copy()
    changed[:, 1:] -= band[:, :-1]
    return changed.astype(changed.dtype.newbyteorder("<"), copy=False).tobytes()
