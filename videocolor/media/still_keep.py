"""What a still carries besides its pixels, gathered at reading and handed to the writer untouched.

Orientation has one rule: the pixels stay as stored and the EXIF tag is kept; every target format can hold it, so a
picture is never turned, and never turned twice.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from PIL import ExifTags, Image, ImageFile

from videocolor.media.still_png import Chunk, chunk_texts

log = logging.getLogger(__name__)

ORIENTATION_TAG = int(ExifTags.Base.Orientation)
SOFTWARE_TAG = int(ExifTags.Base.Software)
DESCRIPTION_TAG = int(ExifTags.Base.ImageDescription)
SUB_DIRECTORY_TAGS = (int(ExifTags.IFD.Exif), int(ExifTags.IFD.GPSInfo))
XMP_TAG, PHOTOSHOP_TAG, ICC_TAG = 700, 34377, 34675
# Tags that tell how a TIFF's pixels are stored (they hold for the source only), or that are kept on their own way.
# 37724 is Photoshop's layer stack, a second picture.
STRUCTURAL_TAGS = frozenset(
    {254, 255, 256, 257, 258, 259, 262, 263, 264, 265, 266, 273, 277, 278, 279, 280, 281, 282, 283, 284, 288, 289}
    | {290, 291, 292, 293, 296, 297, 301, 317, 318, 319, 320, 321, 322, 323, 324, 325, 330, 332, 333, 334, 336, 337}
    | {338, 339, 340, 341, 342, 343, 344, 345, 346, 347, 437, 529, 530, 531, 532, 37724}
    | {*range(512, 522), XMP_TAG, PHOTOSHOP_TAG, ICC_TAG}
)
_EXIF_PREFIX = b"Exif\0\0"
_PHOTOSHOP_PREFIX = b"Photoshop 3.0\0"


@dataclass(frozen=True, slots=True, kw_only=True)
class StillKeep:
    """Everything of a picture file that is not luma or alpha."""

    source_format: str
    """"PNG", "JPEG", "TIFF" ..."""
    mode: str
    """Pillow's name of the source's pixel format, for example "L", "RGB", "P", "CMYK", "I;16"."""
    bit_depth_source: int
    """Bits of a sample in the file; 10 and 12 are held in 16."""
    frame_count: int
    """Pictures in the file; only the first is read."""
    mean_chroma: float
    """Mean distance of (Cb, Cr) from gray, in 8-bit codes: 0 for gray, about 2 and more once it has color."""
    orientation: int = 1
    """EXIF's 1..8; the pixels are as stored."""
    exif: bytes | None = None
    """A TIFF structure, without JPEG's prefix."""
    icc: bytes | None = None
    """The profile for the RGB result (see `still_icc`)."""
    xmp: bytes | None = None
    photoshop: bytes | None = None
    """Photoshop's image resources, where press archives keep IPTC captions."""
    dpi: tuple[float, float] | None = None
    texts: tuple[tuple[str, str], ...] = ()
    """Keyword and text, for formats other than PNG."""
    png_chunks: tuple[Chunk, ...] = ()
    """A PNG's own ancillary chunks, byte for byte."""
    comment: str | None = None
    """The comment of a JPEG or GIF."""

    def __repr__(self) -> str:
        return f"StillKeep({self.source_format}, {self.mode}, {self.bit_depth_source} bit)"


def gather_keep(
    picture: ImageFile.ImageFile,
    *,
    bit_depth: int,
    mean_chroma: float,
    orientation: int,
    exif: bytes | None,
    icc: bytes | None,
    png_chunks: tuple[Chunk, ...],
) -> StillKeep:
    """Collect what an opened picture carries.

    Args:
        picture: Pillow's picture; its `info` is read.
        bit_depth: Of the file.
        mean_chroma: Of the decoded pixels.
        orientation: As read before decoding (decoding a TIFF removes it).
        exif: As `exif_of` gave it before decoding.
        icc: The profile that the result shall carry.
        png_chunks: Of a PNG source.
    """
    info = picture.info
    xmp = info.get("xmp")
    return StillKeep(
        source_format=str(picture.format),
        mode=picture.mode,
        bit_depth_source=bit_depth,
        frame_count=int(getattr(picture, "n_frames", 1)),
        mean_chroma=mean_chroma,
        orientation=orientation,
        exif=exif,
        icc=icc,
        xmp=xmp.encode() if isinstance(xmp, str) else xmp,
        photoshop=_photoshop(picture),
        dpi=_density(info),
        texts=chunk_texts(png_chunks),
        png_chunks=png_chunks,
        comment=_comment(info.get("comment")),
    )


def exif_of(picture: ImageFile.ImageFile) -> tuple[bytes | None, int]:
    """EXIF as a TIFF structure, and the orientation; must be called before the pixels are decoded.

    A TIFF's own tags are its EXIF: those that describe the scene go into the structure, those that describe the
    storage do not.
    """
    try:
        exif = picture.getexif()
        tag = exif.get(ORIENTATION_TAG, 1)
        orientation = tag if isinstance(tag, int) and 1 <= tag <= 8 else 1
    # Broken EXIF raises nearly every built-in error; the picture itself is fine.
    except Exception as error:
        log.warning("EXIF that cannot be read is copied as it is: %s", error)
        return _without_prefix(picture.info.get("exif")), 1
    if picture.format == "TIFF":
        return _exif_of_tiff(exif), orientation
    return _without_prefix(picture.info.get("exif")), orientation


def parse_exif(data: bytes | None) -> Image.Exif:
    """EXIF tags of a TIFF structure; none when it is damaged."""
    exif = Image.Exif()
    if data:
        try:
            exif.load(_EXIF_PREFIX + data)
            # Tags are decoded on demand: find damage here, not inside a writer.
            dict(exif)
        except Exception as error:
            log.warning("EXIF cannot be carried over: %s", error)
            return Image.Exif()
    return exif


def exif_bytes(exif: Image.Exif) -> bytes:
    """A TIFF structure without JPEG's prefix."""
    return exif.tobytes().removeprefix(_EXIF_PREFIX)


def provenance_lines(provenance: Mapping[str, str]) -> str:
    """Provenance for formats that know only one text: a line for each entry."""
    return "\n".join(f"{key}: {value}" for key, value in provenance.items())


def comment_text(keep: StillKeep, provenance: Mapping[str, str]) -> str:
    """The comment of a result: the source's comment and texts, then the provenance (which replaces an older one)."""
    own = tuple(f"{key}:" for key in provenance)
    lines = [line for line in (keep.comment or "").splitlines() if not line.startswith(own)]
    lines += [
        f"{key}: {text}" for key, text in keep.texts if key not in provenance and not key.startswith("Raw profile")
    ]
    return "\n".join([*lines, *filter(None, [provenance_lines(provenance)])])


def software_text(old: str, provenance: Mapping[str, str]) -> str:
    """The tag Software: what stood there, then the provenance, which is not repeated when it is there already."""
    new = "; ".join(f"{key}={value}" for key, value in provenance.items())
    before = old.rstrip("\0 ")
    return before if new in before else f"{before}; {new}" if before else new


def _exif_of_tiff(tags: Image.Exif) -> bytes | None:
    kept = Image.Exif()
    for tag, value in tags.items():
        if tag not in STRUCTURAL_TAGS and tag not in SUB_DIRECTORY_TAGS:
            kept[tag] = value
    for tag in SUB_DIRECTORY_TAGS:
        if directory := tags.get_ifd(tag):
            kept[tag] = dict(directory)
    return exif_bytes(kept) if len(kept) else None


def _without_prefix(exif: Any) -> bytes | None:
    return exif.removeprefix(_EXIF_PREFIX) if isinstance(exif, bytes) and exif else None


def _photoshop(picture: ImageFile.ImageFile) -> bytes | None:
    """Image resources: the raw APP13 segments of a JPEG, or a TIFF's tag."""
    if picture.format == "TIFF":
        value = getattr(picture, "tag_v2", {}).get(PHOTOSHOP_TAG)
        return value if isinstance(value, bytes) else None
    segments = [data for marker, data in getattr(picture, "applist", ()) if marker == "APP13"]
    parts = [data.removeprefix(_PHOTOSHOP_PREFIX) for data in segments if data.startswith(_PHOTOSHOP_PREFIX)]
    return b"".join(parts) or None


def _density(info: Mapping[Any, Any]) -> tuple[float, float] | None:
    dpi = info.get("dpi")
    # Below 2 dpi it is a ratio or a default ("resolution 1"), not a density.
    if not isinstance(dpi, tuple) or len(dpi) != 2 or not all(2 <= float(value) < 1e6 for value in dpi):
        return None
    return float(dpi[0]), float(dpi[1])


def _comment(value: Any) -> str | None:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").rstrip("\0") or None
    return value if isinstance(value, str) and value else None
