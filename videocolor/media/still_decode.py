"""From an opened picture to its luma and alpha planes, in the source's depth. Color is measured, then dropped.

Pillow decodes 8 bit, OpenCV 16 (Pillow has no 16-bit RGB and would answer 8 bit without a word).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile

from videocolor.core.frames import Plane
from videocolor.errors import MediaError
from videocolor.media.still_icc import color_space, is_matrix_rgb, lab_to_srgb, profile_for_result, to_srgb
from videocolor.media.still_open import damaged, first_directory, tiff_sample_bits
from videocolor.media.still_png import png_bit_depth

_BAND_PIXELS = 1 << 20
_MEASURED_PIXELS = 1 << 20
_GRAY_MODES = {"1", "L", "LA", "La", "I;16", "I;16L", "I;16B", "I"}
_COLOR_MODES = {"P", "PA", "RGB", "RGBX", "RGBA", "RGBa", "CMYK", "YCbCr", "LAB"}
_ASSOCIATED_ALPHA = (1,)
_TAG_PHOTOMETRIC, _TAG_EXTRA_SAMPLES, _MIN_IS_WHITE = 262, 338, 0

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pixels:
    """A decoded picture."""

    y: Plane
    """(H, W) uint8 or uint16, full range, BT.601 weights."""
    alpha: Plane | None
    """(H, W) of y's depth."""
    bit_depth: int
    """Of the file: 1, 2, 4, 8, 10, 12 or 16."""
    mean_chroma: float
    """See `StillKeep.mean_chroma`."""
    icc: bytes | None
    """The profile for the result."""
    notes: tuple[str, ...]


def decode_pixels(picture: ImageFile.ImageFile, path: Path, *, orientation: int) -> Pixels:
    """Decode the first picture of a file.

    Args:
        picture: Opened by `open_picture`, not decoded yet.
        path: Its file.
        orientation: EXIF's; both libraries turn a TIFF upright by it, which is undone.

    Raises:
        MediaError: Truncated, corrupt, or a pixel format that is not read.
    """
    depth = _file_depth(picture, path)
    notes: list[str] = []
    profile = picture.info.get("icc_profile")
    if picture.mode not in _GRAY_MODES | _COLOR_MODES:
        raise MediaError(
            f"{path} has pixels of the kind {picture.mode}, which is not read.", "Convert it to 16-bit RGB."
        )
    if depth > 8:
        channels = _read_deep(picture, path, depth, notes)
    else:
        picture.load()
        rgb, profile = _plain_modes(picture, profile, notes)
        channels = np.asarray(rgb)
    if picture.format == "TIFF":
        channels = _as_stored(channels, orientation)
    chosen = profile_for_result(profile)
    notes += [chosen.note] if chosen.note else []
    color, alpha = _split_alpha(channels)
    y = color if color.ndim == 2 else luma_of_rgb(color)
    return Pixels(
        y=_frozen(y),
        alpha=None if alpha is None else _frozen(alpha),
        bit_depth=depth,
        mean_chroma=0.0 if color.ndim == 2 else _mean_chroma(color),
        icc=chosen.icc,
        notes=tuple(notes),
    )


def luma_of_rgb(rgb: Array) -> Plane:
    """BT.601 luma of R'G'B', rounded: the integer rule (299 R + 587 G + 114 B + 500) // 1000.

    Args:
        rgb: (H, W, 3) uint8 or uint16.

    Returns:
        (H, W) of the same dtype; exact in integers.
    """
    y = np.empty(rgb.shape[:2], rgb.dtype)
    rows = max(1, _BAND_PIXELS // max(1, rgb.shape[1]))
    for top in range(0, rgb.shape[0], rows):
        band = rgb[top : top + rows].astype(np.uint32)
        y[top : top + rows] = (299 * band[..., 0] + 587 * band[..., 1] + 114 * band[..., 2] + 500) // 1000
    return cast(Plane, y)


def _file_depth(picture: ImageFile.ImageFile, path: Path) -> int:
    """Bits of a sample in the file; Pillow's mode does not tell them."""
    with path.open("rb") as file:
        if picture.format == "PNG":
            return png_bit_depth(file)
        if picture.format == "TIFF":
            return tiff_sample_bits(first_directory(file))
        head = file.read(1 << 16)
    if picture.format == "AVIF":
        # AV1 codec configuration: high_bitdepth and twelve_bit stand in its third byte.
        place = head.find(b"av1C")
        flags = head[place + 6] if 0 <= place < len(head) - 6 else 0
        return (12 if flags & 0x20 else 10) if flags & 0x40 else 8
    if picture.format == "JPEG2000":
        # The first component's Ssiz in the SIZ segment behind the start of the codestream.
        place = head.find(b"\xff\x4f\xff\x51")
        return (head[place + 42] & 0x7F) + 1 if 0 <= place < len(head) - 42 else 8
    if picture.format == "PPM":
        args = picture.tile[0].args
        largest = args[1] if isinstance(args, tuple) and isinstance(args[1], int) else 255
        return 16 if largest > 255 or picture.mode == "I" else 8
    return 1 if picture.mode == "1" else 8


def _plain_modes(
    picture: ImageFile.ImageFile, profile: bytes | None, notes: list[str]
) -> tuple[Image.Image, bytes | None]:
    """Bring 8-bit modes to L, RGB or RGBA, and say what was converted."""
    if picture.mode == "CMYK":
        converted = to_srgb(picture, profile) if profile and color_space(profile) == "CMYK" else None
        how = "through its ICC profile" if converted else "without a profile"
        notes.append(f"CMYK was converted to RGB {how}.")
        return converted or picture.convert("RGB"), None
    if picture.mode == "LAB":
        notes.append("CIE Lab was converted to sRGB.")
        return lab_to_srgb(picture), None
    if picture.mode in ("RGBa", "La"):
        notes.append("Premultiplied alpha was undone.")
    if picture.mode in ("P", "PA"):
        notes.append("A palette was expanded.")
    wanted = "RGBA" if picture.has_transparency_data else "L" if picture.mode in ("1", "L") else "RGB"
    plain = picture if picture.mode == wanted else picture.convert(wanted)
    if wanted == "RGB" and profile and color_space(profile) == "RGB" and not is_matrix_rgb(profile):
        converted = to_srgb(plain, profile)
        if converted is not None:
            notes.append("Its ICC profile is a table (LUT): the picture was converted to sRGB.")
            return converted, None
    return plain, profile


def _read_deep(picture: ImageFile.ImageFile, path: Path, depth: int, notes: list[str]) -> Array:
    """Decode more than 8 bits into uint16: (H, W), (H, W, 3) or (H, W, 4), RGB order."""
    if picture.format == "PPM":
        return _read_deep_pnm(picture, path)
    if picture.format == "JPEG2000" or (picture.format == "TIFF" and depth < 16):
        if picture.mode not in _GRAY_MODES:
            raise MediaError(
                f"{path} is a {picture.format} picture of {depth}-bit color, which is not read.",
                "Convert it to 16-bit PNG or TIFF first.",
            )
        return _widened(np.asarray(picture), depth if picture.format == "TIFF" else 16, notes)
    array = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if array is None:
        raise damaged(path, "the pixels cannot be decoded")
    # A TIFF may have been turned upright, so only the pair of sides can be compared.
    if array.dtype != np.uint16 or sorted(array.shape[:2]) != sorted(picture.size):
        raise MediaError(
            f"{path} was decoded to {array.dtype} {array.shape}, not to {depth} bit.", "Convert it to PNG."
        )
    if array.ndim == 3:
        array = cv2.cvtColor(array, cv2.COLOR_BGR2RGB if array.shape[2] == 3 else cv2.COLOR_BGRA2RGBA)
    if picture.format == "TIFF":
        return _repaired_tiff(array, path, notes)
    key = picture.info.get("transparency")
    if array.ndim == 2 and isinstance(key, int):
        # OpenCV applies a transparent color of RGB but not of gray.
        opaque = np.where(array == key, 0, 65535).astype(np.uint16)
        array = np.dstack([array, array, array, opaque])
    return _widened(array, depth, notes)


def _read_deep_pnm(picture: ImageFile.ImageFile, path: Path) -> Array:
    """PGM and PPM with values above 255: Pillow scales color down to 8 bit."""
    tile = picture.tile[0]
    plain = tile.codec_name == "ppm_plain"
    if plain and picture.mode != "I":
        raise MediaError(f"{path} is a 16-bit PPM in plain text, which is not read.", "Convert it to PNG first.")
    if plain:
        return np.asarray(picture).astype(np.uint16)
    largest = int(tile.args[1]) if isinstance(tile.args, tuple) and isinstance(tile.args[1], int) else 65535
    shape = (picture.height, picture.width) if picture.mode == "I" else (picture.height, picture.width, 3)
    count = int(np.prod(shape))
    with path.open("rb") as file:
        values = np.fromfile(file, ">u2", count, offset=tile.offset)
    if values.size < count:
        raise damaged(path, f"{count - values.size} values are missing", kind="truncated")
    wide = values.astype(np.uint32)
    return ((wide.clip(0, largest) * 65535 + largest // 2) // largest).astype(np.uint16).reshape(shape)


def _repaired_tiff(array: Array, path: Path, notes: list[str]) -> Array:
    """What OpenCV leaves to its caller: inverted gray and premultiplied alpha."""
    with path.open("rb") as file:
        tags = first_directory(file)
    if tags.get(_TAG_PHOTOMETRIC) == _MIN_IS_WHITE and array.ndim == 2:
        notes.append("White is stored as 0 in this TIFF; it was inverted.")
        return 65535 - array
    if array.ndim == 3 and array.shape[2] == 4 and tuple(tags.get(_TAG_EXTRA_SAMPLES, ())) == _ASSOCIATED_ALPHA:
        notes.append("Premultiplied alpha was undone.")
        alpha = array[..., 3:].astype(np.uint32)
        scaled = (array[..., :3].astype(np.uint32) * 65535 + alpha // 2) // np.maximum(alpha, 1)
        array[..., :3] = np.minimum(scaled, 65535)
    return array


def _widened(array: Array, depth: int, notes: list[str]) -> Array:
    """10 and 12 bits in 16: the upper bits are repeated below, so black and white stay and the way back is exact."""
    if depth == 16:
        return array.astype(np.uint16)
    notes.append(f"{depth}-bit samples are held in 16 bits.")
    wide = array.astype(np.uint16)
    return (wide << (16 - depth)) | (wide >> (2 * depth - 16))


def _as_stored(array: Array, orientation: int) -> Array:
    """Undo the turn that both libraries apply to a TIFF: EXIF 2-8, from upright back to the stored rows."""
    undone = {
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.swapaxes(0, 1),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
        8: lambda a: np.rot90(a, -1),
    }
    return undone[orientation](array) if orientation in undone else array


def _split_alpha(channels: Array) -> tuple[Array, Array | None]:
    if channels.ndim == 2 or channels.shape[2] == 3:
        return channels, None
    return channels[..., :3], channels[..., 3]


def _mean_chroma(rgb: Array) -> float:
    """Mean of hypot(Cb, Cr), BT.601, in 8-bit codes, over a grid of at most about a million pixels."""
    step = max(1, round((rgb.shape[0] * rgb.shape[1] / _MEASURED_PIXELS) ** 0.5))
    sample = rgb[::step, ::step].astype(np.float32) * (255 / np.iinfo(rgb.dtype).max)
    y = sample @ np.array([0.299, 0.587, 0.114], np.float32)
    cb, cr = (sample[..., 2] - y) / 1.772, (sample[..., 0] - y) / 1.402
    return float(np.hypot(cb, cr).mean())


def _frozen(plane: Array) -> Plane:
    """A contiguous, read-only plane of native byte order."""
    solid = np.ascontiguousarray(plane, dtype=plane.dtype.newbyteorder("="))
    if solid is plane or solid.base is not None:
        solid = solid.copy() if not solid.flags.owndata else solid
    solid.flags.writeable = False
    return cast(Plane, solid)
