"""Writing stills: luma and chroma become RGB so that the rounded luma of every pixel is the source's.

The rule (matrix BT.601, see `exact_luma_rgb`): scale the chroma into the gamut, round R and B, then choose G last. No
channel is ever clipped, because clipping moves luma.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from videocolor.core.frames import Plane
from videocolor.core.media import VideoInfo
from videocolor.errors import LossError, SettingsError, TargetError
from videocolor.files import atomic_path, translated_os_errors
from videocolor.media.still_keep import (
    DESCRIPTION_TAG,
    ORIENTATION_TAG,
    SOFTWARE_TAG,
    StillKeep,
    comment_text,
    exif_bytes,
    parse_exif,
    software_text,
)
from videocolor.media.still_png import (
    Chunk,
    density_chunk,
    profile_chunk,
    raw_profile_chunk,
    text_chunk,
    write_png,
    xmp_chunk,
)
from videocolor.media.still_tiff import write_tiff

log = logging.getLogger(__name__)

STILL_SUFFIXES = (".png", ".tif", ".tiff", ".jpg", ".jpeg", ".webp")
_EIGHT_BIT_SUFFIXES = (".jpg", ".jpeg", ".webp")
_NO_ALPHA_SUFFIXES = (".jpg", ".jpeg")
_LARGEST_SIDE = {".jpg": 65500, ".jpeg": 65500, ".webp": 16383}
_LOSSY_QUALITY = 95
# A JPEG segment's length is 16 bits and counts itself.
_JPEG_SEGMENT = 65533
_BAND_PIXELS = 1 << 19

# BT.601, exact: Y = (299 R + 587 G + 114 B) / 1000; R - Y = 2 (1 - Kr) Cr, B - Y = 2 (1 - Kb) Cb.
_KR, _KG, _KB = 299, 587, 114
_CR_TO_R = 2 * (1000 - _KR) / 1000
_CB_TO_B = 2 * (1000 - _KB) / 1000

Float = npt.NDArray[np.float32]
Array = npt.NDArray[Any]


def exact_luma_rgb(y: Plane, cb: Float, cr: Float, *, depth: int) -> Plane:
    """Convert full-range Y'CbCr (BT.601) to R'G'B' whose luma, rounded, is y in every pixel.

    `(299 R + 587 G + 114 B + 500) // 1000 == y` holds exactly: with R and B rounded first, G is the integer nearest to
    what luma asks for, so luma misses y by at most 0.587 / 2 codes. A color outside the gamut loses chroma, never luma
    or hue.

    Args:
        y: (H, W) uint8 or uint16, 0..2^depth - 1.
        cb: (H, W) float, code values centered on 0, -2^(depth-1)..2^(depth-1).
        cr: Like cb.
        depth: 8 or 16.

    Returns:
        (H, W, 3) of y's dtype.
    """
    top = np.float32(2**depth - 1)
    luma = y.astype(np.float32)
    red = np.float32(_CR_TO_R) * cr.astype(np.float32, copy=False)
    blue = np.float32(_CB_TO_B) * cb.astype(np.float32, copy=False)
    green = (np.float32(_KR) * red + np.float32(_KB) * blue) / np.float32(-_KG)
    scale = np.ones_like(luma)
    for distance in (red, green, blue):
        room = np.where(distance > 0, top - luma, luma)
        # A distance of 0 needs no room; the smallest normal number keeps the division finite enough.
        np.minimum(scale, room / np.maximum(np.abs(distance), np.float32(1e-30)), out=scale)
    # The clip only removes float32's last-digit overshoot at the gamut's edge, before rounding.
    r = np.rint(np.clip(luma + scale * red, 0, top)).astype(np.int32)
    b = np.rint(np.clip(luma + scale * blue, 0, top)).astype(np.int32)
    wanted = 1000 * y.astype(np.int32) - _KR * r - _KB * b
    rgb = np.empty((*y.shape, 3), y.dtype)
    rgb[..., 0], rgb[..., 2] = r, b
    rgb[..., 1] = (2 * wanted + _KG) // (2 * _KG)
    return rgb


def check_still_target(video: VideoInfo, path: Path, *, allow_loss: frozenset[str] = frozenset()) -> None:
    """Find out before the work whether a picture format can hold the result.

    Args:
        video: The source, as probed.
        path: The target; its suffix is the format.
        allow_loss: "depth" and "alpha" permit to lose these.

    Raises:
        SettingsError: A suffix that is not written.
        LossError: The format lacks the source's depth or alpha, and losing it is not allowed.
        TargetError: The picture is too large for the format.
    """
    suffix = _known_suffix(path)
    largest = _LARGEST_SIDE.get(suffix)
    if largest is not None and max(video.height, video.width) > largest:
        raise TargetError(
            f"{path}: {suffix} holds at most {largest} pixels a side, the picture is {video.width} x {video.height}.",
            "Choose .png or .tif.",
        )
    _check_loss(path, suffix, video.layout.bit_depth, video.layout.has_alpha, allow_loss)


def write_still(
    path: Path,
    y: Plane,
    cb: Float,
    cr: Float,
    alpha: Plane | None,
    keep: StillKeep,
    *,
    provenance: Mapping[str, str] | None = None,
    allow_loss: frozenset[str] = frozenset(),
    webp: Literal["quality95", "lossless"] = "quality95",
) -> None:
    """Write a colored picture whole or not at all.

    Args:
        path: The target; its suffix is the format. An existing file is replaced at the end.
        y: (H, W) uint8 or uint16, the source's luma.
        cb: (H, W) float32 in y's code values, centered on 0.
        cr: Like cb.
        alpha: (H, W) of y's dtype, or None; written byte for byte.
        keep: What the source carried besides.
        provenance: How the color was made; written as text where the format has text.
        allow_loss: As in `check_still_target`.
        webp: "lossless", or JPEG-like quality (whose luma is not exact); for .webp only.

    Raises:
        SettingsError: A suffix that is not written.
        LossError: The format lacks the depth or alpha, or the source's EXIF or XMP is too long for it.
        TargetError: The file cannot be written.
        DiskFullError: No space left.
    """
    suffix = _known_suffix(path)
    if not (y.shape == cb.shape == cr.shape) or (alpha is not None and alpha.shape != y.shape):
        raise ValueError(f"planes differ: y {y.shape}, cb {cb.shape}, cr {cr.shape}")
    _check_loss(path, suffix, 8 * y.dtype.itemsize, alpha is not None, allow_loss)
    if suffix in _NO_ALPHA_SUFFIXES:
        alpha = None
    bands = _rgb_bands(y, cb, cr, alpha, eight_bits=suffix in _EIGHT_BIT_SUFFIXES)
    channels = 3 if alpha is None else 4
    _write_bands(path, bands, (*y.shape, channels), keep, dict(provenance or {}), lossless=webp == "lossless")


def write_rgb_still(
    path: Path, rgb: npt.NDArray[np.uint8], keep: StillKeep, *, provenance: Mapping[str, str] | None = None
) -> None:
    """Write a picture of which every channel is given, whole or not at all; WebP without loss.

    Args:
        path: The target; its suffix is the format.
        rgb: (H, W, 3) uint8.
        keep: What the source carried besides.
        provenance: As in `write_still`.

    Raises:
        SettingsError, LossError, TargetError, DiskFullError: As `write_still`.
    """
    _write_bands(path, iter([rgb]), rgb.shape, keep, dict(provenance or {}), lossless=True)


def _write_bands(
    path: Path,
    bands: Iterator[Array],
    shape: tuple[int, ...],
    keep: StillKeep,
    facts: dict[str, str],
    *,
    lossless: bool,
) -> None:
    """Rows of pixels into the format of the path's suffix."""
    suffix = _known_suffix(path)
    if suffix in _NO_ALPHA_SUFFIXES:
        _check_jpeg_segments(path, keep)
    height, width, channels = shape
    with translated_os_errors(path), atomic_path(path) as part:
        if suffix == ".png":
            write_png(part, bands, height=height, width=width, chunks=_png_chunks(keep, facts))
        elif suffix in (".tif", ".tiff"):
            write_tiff(part, bands, height=height, width=width, keep=keep, provenance=facts)
        else:
            picture = Image.fromarray(_assembled(bands, height, width, channels))
            if suffix == ".webp":
                _save_webp(picture, part, keep, facts, lossless=lossless)
            else:
                _save_jpeg(picture, part, keep, facts)


def _known_suffix(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix not in STILL_SUFFIXES:
        raise SettingsError(
            f"{path}: pictures are not written as “{suffix or 'no suffix'}”.", f"Choose {', '.join(STILL_SUFFIXES)}."
        )
    return suffix


def _check_loss(path: Path, suffix: str, depth: int, has_alpha: bool, allow_loss: frozenset[str]) -> None:
    if depth > 8 and suffix in _EIGHT_BIT_SUFFIXES and "depth" not in allow_loss:
        raise LossError(
            f"{path}: {suffix} holds 8 bit, the picture has {depth}.", "Choose .png or .tif, or --allow-loss depth."
        )
    if has_alpha and suffix in _NO_ALPHA_SUFFIXES and "alpha" not in allow_loss:
        raise LossError(
            f"{path}: {suffix} has no transparency, the picture has.",
            "Choose .png, .tif or .webp, or --allow-loss alpha.",
        )


def _rgb_bands(y: Plane, cb: Float, cr: Float, alpha: Plane | None, *, eight_bits: bool) -> Iterator[Array]:
    """The result in bands of rows, so that temporary memory does not grow with the picture."""
    rows = max(1, _BAND_PIXELS // y.shape[1])
    for top in range(0, y.shape[0], rows):
        span = slice(top, top + rows)
        luma, blueness, redness = y[span], cb[span], cr[span]
        cover = None if alpha is None else alpha[span]
        if not (np.isfinite(blueness).all() and np.isfinite(redness).all()):
            raise ValueError(f"chroma of rows {top}.. is not finite")
        if eight_bits and luma.dtype == np.uint16:
            luma, cover = _to_eight_bits(luma), None if cover is None else _to_eight_bits(cover)
            blueness, redness = blueness * np.float32(255 / 65535), redness * np.float32(255 / 65535)
        rgb = exact_luma_rgb(luma, blueness, redness, depth=8 * luma.dtype.itemsize)
        yield rgb if cover is None else np.dstack([rgb, cover])


def _to_eight_bits(plane: Plane) -> npt.NDArray[np.uint8]:
    return ((plane.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)


def _assembled(bands: Iterator[Array], height: int, width: int, channels: int) -> npt.NDArray[np.uint8]:
    whole = np.empty((height, width, channels), np.uint8)
    top = 0
    for band in bands:
        whole[top : top + band.shape[0]] = band
        top += band.shape[0]
    return whole


def _png_chunks(keep: StillKeep, provenance: Mapping[str, str]) -> list[Chunk]:
    own = {key.encode("latin-1", "replace") for key in provenance}
    is_repeated = [
        kind in (b"tEXt", b"zTXt", b"iTXt") and data.split(b"\0", 1)[0] in own for kind, data in keep.png_chunks
    ]
    chunks = [chunk for chunk, repeated in zip(keep.png_chunks, is_repeated, strict=True) if not repeated]
    if keep.icc is not None:
        # The specification allows one of both; the profile is the one that says more.
        chunks = [chunk for chunk in chunks if chunk[0] != b"sRGB"]
        chunks.append(profile_chunk(keep.icc))
    if keep.dpi is not None and all(kind != b"pHYs" for kind, _ in chunks):
        chunks.append(density_chunk(keep.dpi))
    if keep.exif is not None:
        chunks.append((b"eXIf", keep.exif))
    if keep.xmp is not None:
        chunks.append(xmp_chunk(keep.xmp))
    if keep.photoshop is not None:
        chunks.append(raw_profile_chunk("8bim", keep.photoshop))
    if keep.comment is not None:
        chunks.append(text_chunk("Comment", keep.comment))
    chunks += [text_chunk(key, value) for key, value in provenance.items()]
    return chunks


def _check_jpeg_segments(path: Path, keep: StillKeep) -> None:
    """EXIF and XMP must each fit a segment of a JPEG; nothing is cut off in silence."""
    for name, data in (("EXIF", keep.exif), ("XMP", keep.xmp), ("IPTC", keep.photoshop)):
        # The longest of the names that stand in front of the data has 29 bytes.
        if data is not None and len(data) > _JPEG_SEGMENT - 32:
            raise LossError(f"{path}: {len(data)} bytes of {name} do not fit a JPEG.", "Choose .png or .tif.")


def _save_jpeg(picture: Image.Image, part: Path, keep: StillKeep, provenance: Mapping[str, str]) -> None:
    options: dict[str, Any] = {}
    if keep.exif is not None:
        options["exif"] = b"Exif\0\0" + keep.exif
    if keep.photoshop is not None:
        body = b"Photoshop 3.0\0" + keep.photoshop
        options["extra"] = b"\xff\xed" + (len(body) + 2).to_bytes(2, "big") + body
    if comment := comment_text(keep, provenance):
        options["comment"] = comment.encode("utf-8")[: _JPEG_SEGMENT - 2]
    picture.save(
        part,
        "JPEG",
        quality=_LOSSY_QUALITY,
        subsampling=0,
        **options,
        **_common_options(keep),
    )


def _save_webp(
    picture: Image.Image, part: Path, keep: StillKeep, provenance: Mapping[str, str], *, lossless: bool
) -> None:
    exif = _exif_for_webp(keep, provenance)
    options = {"exif": exif_bytes(exif)} if len(exif) else {}
    if keep.photoshop is not None:
        log.warning("WebP has no place for IPTC: %d bytes are left out", len(keep.photoshop))
    # `exact` keeps the color under transparent pixels.
    picture.save(
        part,
        "WEBP",
        quality=_LOSSY_QUALITY,
        lossless=lossless,
        exact=True,
        **options,
        **_common_options(replace(keep, dpi=None)),
    )


def _exif_for_webp(keep: StillKeep, provenance: Mapping[str, str]) -> Image.Exif:
    """WebP has no comments: the provenance goes into the tag Software, texts into ImageDescription."""
    exif = parse_exif(keep.exif)
    if provenance:
        exif[SOFTWARE_TAG] = software_text(str(exif.get(SOFTWARE_TAG, "")), provenance)
    text = comment_text(keep, {})
    if text and DESCRIPTION_TAG not in exif:
        exif[DESCRIPTION_TAG] = text
    if keep.orientation != 1:
        exif[ORIENTATION_TAG] = keep.orientation
    return exif


def _common_options(keep: StillKeep) -> dict[str, Any]:
    options = {"icc_profile": keep.icc, "xmp": keep.xmp, "dpi": keep.dpi}
    return {name: value for name, value in options.items() if value is not None}
