"""Stills: the luma of the colored picture, pixel by pixel, its alpha plane and everything around the pixels.

A colored still is RGB. Its luma is (299 R + 587 G + 114 B + 500) // 1000, computed here from what the ffmpeg program
decodes, so that neither our reader nor our writer is asked about itself.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from videocolor.media.opening import libav_name
from videocolor.media.still import Still, load_still
from videocolor.media.still_keep import STRUCTURAL_TAGS, SUB_DIRECTORY_TAGS, StillKeep, parse_exif
from videocolor.verification.luma import LOWEST_PSNR_DB
from videocolor.verification.program import ffmpeg_pipe
from videocolor.verification.report import Finding, Judge, VerifyReport, shortened

Pixels = npt.NDArray[Any]

_LOSSLESS_FORMATS = frozenset({"PNG", "TIFF"})
# Rows at a time, so that the weights' 32-bit products do not need four times the picture.
_BAND_ROWS = 256
# Tags in which the result says how it was made.
_OUR_TAGS = frozenset({"Software", "ImageDescription"})
_DPI_SLACK = 0.5


def verify_still(source: Path, result: Path, *, allow_loss: frozenset[str] = frozenset()) -> VerifyReport:
    """Check every promise about a colored picture against its source.

    Args:
        source: The black-and-white picture.
        result: What `colorize` made of it.
        allow_loss: Names of LOSSES that the user gave up.

    Raises:
        MediaNotFound: One of the files does not exist.
        MediaError: One of the files cannot be read as a picture.
    """
    judge = Judge(allow_loss)
    before, after = load_still(source), load_still(result)
    findings = [_size(before, after, judge), _depth(before, after, judge)]
    if before.frame.y.shape == after.frame.y.shape:
        colors, reader = _read_pixels(result, after)
        findings += [*_luma(before, after, colors, reader, judge), *_alpha(before, after, colors, judge)]
    else:
        findings.append(judge.check("luma", False, "the pictures have different sizes and cannot be compared"))
    findings += _surroundings(before.keep, after.keep, judge)
    return VerifyReport(str(source), str(result), tuple(findings))


def _size(before: Still, after: Still, judge: Judge) -> Finding:
    sizes = [f"{still.frame.y.shape[1]}x{still.frame.y.shape[0]}" for still in (before, after)]
    return judge.check("picture size", sizes[0] == sizes[1], " -> ".join(sizes))


def _depth(before: Still, after: Still, judge: Judge) -> Finding:
    depths = before.frame.layout.bit_depth, after.frame.layout.bit_depth
    detail = f"{before.keep.bit_depth_source} bit read as {depths[0]} -> {depths[1]} bit"
    return judge.check("bit depth", depths[0] <= depths[1], detail, loss="depth")


def _read_pixels(path: Path, still: Still) -> tuple[Pixels | None, str]:
    """(H, W, 3 or 4) as the ffmpeg program decodes them; None where the format is lossy or ffmpeg disagrees."""
    if still.keep.source_format not in _LOSSLESS_FORMATS or still.keep.mode in ("P", "L"):
        return None, "our own reader"
    height, width = still.frame.y.shape
    deep = still.frame.y.dtype == np.uint16
    channels = 3 if still.frame.alpha is None else 4
    name = ("rgb" if channels == 3 else "rgba") + {(3, False): "24", (3, True): "48le", (4, True): "64le"}.get(
        (channels, deep), ""
    )
    arguments = [
        "-noautorotate",
        "-i",
        libav_name(path),
        "-frames:v",
        "1",
        "-pix_fmt",
        name,
        "-f",
        "rawvideo",
        "pipe:1",
    ]
    with ffmpeg_pipe(arguments) as pipe:
        data = pipe.stdout.read()
        pipe.finish()
    dtype = np.dtype("<u2" if deep else np.uint8)
    if len(data) != height * width * channels * dtype.itemsize:
        return None, "our own reader, as ffmpeg cannot decode it"
    return np.frombuffer(data, dtype).reshape(height, width, channels), "ffmpeg"


def _luma(before: Still, after: Still, colors: Pixels | None, reader: str, judge: Judge) -> Iterator[Finding]:
    wanted = before.frame.y
    made: Pixels = after.frame.y if colors is None else _integer_luma(colors)
    depths = 8 * wanted.dtype.itemsize, 8 * made.dtype.itemsize
    note = f" (result read by {reader})"
    if depths[0] > depths[1]:
        # The writer's own rounding from 16 to 8 bits.
        wanted = ((wanted.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)
        note = f" (after rounding 16 bits to 8; result read by {reader})"
    elif depths[0] < depths[1]:
        wanted = wanted.astype(np.uint16) * 257
    wrong = int(np.count_nonzero(wanted != made))
    detail = f"{wanted.size - wrong} of {wanted.size} pixels equal"
    if after.keep.source_format in _LOSSLESS_FORMATS or not wrong:
        yield judge.check("luma", not wrong, detail + note)
        return
    error = float(np.mean((wanted.astype(np.float32) - made.astype(np.float32)) ** 2, dtype=np.float64))
    psnr = 10 * math.log10(float(np.iinfo(made.dtype).max) ** 2 / error)
    detail = f"PSNR-Y {psnr:.2f} dB (at least {LOWEST_PSNR_DB:g} dB asked), {after.keep.source_format} is lossy"
    yield judge.check("luma", psnr >= LOWEST_PSNR_DB, detail + note)


def _integer_luma(colors: Pixels) -> Pixels:
    """BT.601 luma of RGB, rounded, in integers."""
    luma = np.empty(colors.shape[:2], colors.dtype)
    weights = np.array([299, 587, 114], np.uint32)
    for top in range(0, colors.shape[0], _BAND_ROWS):
        band = colors[top : top + _BAND_ROWS, :, :3].astype(np.uint32)
        luma[top : top + _BAND_ROWS] = (band @ weights + 500) // 1000
    return luma


def _alpha(before: Still, after: Still, colors: Pixels | None, judge: Judge) -> Iterator[Finding]:
    wanted = before.frame.alpha
    if wanted is None:
        return
    made: Pixels | None = after.frame.alpha if colors is None else colors[..., 3] if colors.shape[2] == 4 else None
    if made is None and wanted.min() == np.iinfo(wanted.dtype).max:
        yield judge.check("alpha", True, "fully opaque, so the format left it out")
        return
    if made is None:
        yield judge.check("alpha", False, "the result has no alpha plane", loss="alpha")
        return
    if wanted.dtype.itemsize > made.dtype.itemsize:
        wanted = ((wanted.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)
    wrong = int(np.count_nonzero(wanted != made))
    yield judge.check("alpha", not wrong, f"{wanted.size - wrong} of {wanted.size} pixels equal", loss="alpha")


def _surroundings(before: StillKeep, after: StillKeep, judge: Judge) -> Iterator[Finding]:
    """What belongs to the picture besides its pixels; only what the source has is asked for."""
    turns = before.orientation, after.orientation
    yield judge.check("orientation", turns[0] == turns[1], f"EXIF {turns[0]} -> {turns[1]}")
    if before.icc is not None or after.icc is not None:
        # The reader gives the profile that the result shall carry, which for gray sources is not the file's own.
        same = before.icc == after.icc
        sizes = [0 if item.icc is None else len(item.icc) for item in (before, after)]
        yield judge.check("ICC profile", same, f"{sizes[0]} -> {sizes[1]} bytes", loss="color")
    if before.exif is not None:
        yield _exif(before.exif, after.exif, judge)
    if before.xmp is not None:
        same = after.xmp is not None and before.xmp.strip() == after.xmp.strip()
        yield judge.check("XMP", same, f"{len(before.xmp)} -> {len(after.xmp or b'')} bytes", loss="data")
    if before.photoshop is not None:
        # PNG keeps it as hexadecimal text.
        as_text = before.photoshop.hex() in "".join(_all_texts(after).split())
        same = as_text or before.photoshop == after.photoshop
        detail = f"{len(before.photoshop)} -> {len(before.photoshop if as_text else after.photoshop or b'')} bytes"
        yield judge.check("IPTC", same, detail, loss="data")
    if before.dpi is not None:
        near = after.dpi is not None and all(
            abs(x - y) <= _DPI_SLACK for x, y in zip(before.dpi, after.dpi, strict=True)
        )
        yield judge.check("density", near, f"{before.dpi} -> {after.dpi} dpi", loss="data")
    texts = [text for _, text in before.texts] + ([before.comment] if before.comment else [])
    if texts:
        everything = _all_texts(after)
        lost = [text[:30] for text in texts if text.strip() not in everything]
        detail = f"{len(texts)} -> {len(texts) - len(lost)}" + (f", lost: {shortened(lost)}" if lost else "")
        yield judge.check("texts", not lost, detail, loss="data")


def _exif(before: bytes, after: bytes | None, judge: Judge) -> Finding:
    """Every tag about the scene; those about storage, and where the result signs itself, may change."""
    wanted, made = _scene_tags(before), _scene_tags(after)
    wrong = [name for name, value in wanted.items() if made.get(name) != value and not _is_signed(name, value, made)]
    detail = f"{len(wanted)} -> {len(wanted) - len(wrong)} tags" + (f", changed: {shortened(wrong)}" if wrong else "")
    return judge.check("EXIF", not wrong, detail, loss="data")


def _scene_tags(data: bytes | None) -> dict[str, str]:
    from PIL import ExifTags

    exif = parse_exif(data)
    found = {
        ExifTags.TAGS.get(tag, str(tag)): str(value)
        for tag, value in exif.items()
        if tag not in STRUCTURAL_TAGS and tag not in SUB_DIRECTORY_TAGS
    }
    for directory in SUB_DIRECTORY_TAGS:
        found |= {
            f"{directory}.{tag}": str(value)
            for tag, value in exif.get_ifd(directory).items()
            # The interoperability directory inside is an offset into its own file.
            if tag != ExifTags.IFD.Interop
        }
    return found


def _is_signed(name: str, value: str, made: dict[str, str]) -> bool:
    """Whether the result has only added to a text."""
    return name in _OUR_TAGS and value.rstrip("\0 ") in made.get(name, "")


def _all_texts(keep: StillKeep) -> str:
    parts = [text for _, text in keep.texts] + ([keep.comment] if keep.comment else [])
    return "\n".join([*parts, *_scene_tags(keep.exif).values()])
