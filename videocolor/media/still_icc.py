"""ICC profiles of stills: which one the RGB result carries, so that its gray axis looks as the source did.

Luma codes are never changed for a profile's sake where there is another way: a gray profile becomes an RGB profile
with the same tone curve.
"""

import io
import struct
from dataclasses import dataclass

from PIL import Image, ImageCms

_HEADER_BYTES = 128
# sRGB's primaries as ICC stores them: XYZ adapted to D50 (IEC 61966-2-1, ICC's sRGB v2 profile).
_SRGB_COLORANTS = {
    b"rXYZ": (0.43607, 0.22249, 0.01392),
    b"gXYZ": (0.38515, 0.71687, 0.09708),
    b"bXYZ": (0.14307, 0.06061, 0.71410),
}
_CURVES = (b"curv", b"para")


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The ICC profile for the result, and what was done to the source's."""

    icc: bytes | None
    note: str | None


def color_space(icc: bytes) -> str:
    """The color space of a profile's device side ("GRAY", "RGB", "CMYK"), or "" when it is no profile."""
    return icc[16:20].decode("latin-1").strip() if len(icc) > _HEADER_BYTES + 4 and icc[36:40] == b"acsp" else ""


def is_matrix_rgb(icc: bytes) -> bool:
    """Whether an RGB profile is primaries and tone curves only, so that R = G = B is gray."""
    tags = _tags(icc)
    return color_space(icc) == "RGB" and {b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC"} <= set(tags) and b"A2B0" not in tags


def profile_for_result(icc: bytes | None) -> Profile:
    """Choose the profile of the RGB result for a source whose pixels stay as they are.

    Args:
        icc: The source's profile.

    Returns:
        The same profile for RGB; for gray an RGB profile with its tone curve and sRGB's primaries; none where the
        profile cannot describe RGB.
    """
    if not icc:
        return Profile(icc=None, note=None)
    space = color_space(icc)
    if space == "RGB":
        note = None if is_matrix_rgb(icc) else "Its ICC profile is a table (LUT), kept as it is: gray may look tinted."
        return Profile(icc=icc, note=note)
    if space == "GRAY":
        made = _rgb_from_gray(icc)
        if made is not None:
            return Profile(icc=made, note="Its gray ICC profile becomes an RGB profile with the same tone curve.")
        return Profile(icc=None, note="Its gray ICC profile has no tone curve and is left out.")
    return Profile(
        icc=None, note=f"Its ICC profile ({space or 'damaged'}) does not fit an RGB picture and is left out."
    )


def to_srgb(picture: Image.Image, icc: bytes) -> Image.Image | None:
    """Convert an 8-bit RGB or CMYK picture through its profile to sRGB; None when the profile is bad."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), picture.mode, "RGB")
        return ImageCms.applyTransform(picture, transform)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None


def lab_to_srgb(picture: Image.Image) -> Image.Image:
    """Convert an 8-bit CIE L*a*b* picture (D50, as TIFF stores it) to sRGB."""
    profiles = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.applyTransform(picture, ImageCms.buildTransform(*profiles, "LAB", "RGB"))
    assert converted is not None
    return converted


def _tags(icc: bytes) -> dict[bytes, bytes]:
    """Tag signature and data; tags that point outside the profile are left out."""
    if not color_space(icc):
        return {}
    count = min(int.from_bytes(icc[_HEADER_BYTES : _HEADER_BYTES + 4], "big"), 200)
    tags = {}
    for number in range(count):
        entry = icc[_HEADER_BYTES + 4 + 12 * number :][:12]
        if len(entry) == 12:
            signature, offset, size = struct.unpack(">4sII", entry)
            if size > 0 and offset + size <= len(icc):
                tags[signature] = icc[offset : offset + size]
    return tags


def _rgb_from_gray(icc: bytes) -> bytes | None:
    tags = _tags(icc)
    curve = tags.get(b"kTRC", b"")
    # With Lab behind the curve, or a table beside it, the curve alone does not say the tone.
    if curve[:4] not in _CURVES or icc[20:24] != b"XYZ " or b"A2B0" in tags:
        return None
    kept: dict[bytes, bytes] = {name: tags[name] for name in (b"desc", b"cprt", b"wtpt", b"chad") if name in tags}
    colorants = {
        name: b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(value * 65536)) for value in xyz)
        for name, xyz in _SRGB_COLORANTS.items()
    }
    kept |= colorants
    kept |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    return _profile_bytes(icc[:_HEADER_BYTES], kept)


def _profile_bytes(header: bytes, tags: dict[bytes, bytes]) -> bytes:
    """A display profile with a gray profile's header; equal data is stored once."""
    start = _HEADER_BYTES + 4 + 12 * len(tags)
    table, body, places = b"", b"", {}
    for signature, data in tags.items():
        if data not in places:
            places[data] = start + len(body)
            body += data + bytes(-len(data) % 4)
        table += struct.pack(">4sII", signature, places[data], len(data))
    size = struct.pack(">I", start + len(body))
    # Device class "mntr", color space "RGB "; the checksum (84..100) is void for the changed profile.
    changed = size + header[4:12] + b"mntrRGB " + header[20:84] + bytes(16) + header[100:]
    return changed + struct.pack(">I", len(tags)) + table + body
