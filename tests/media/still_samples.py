"""Small pictures of every kind, made at test time, for the tests of stills."""

import struct
import zlib

import cv2
import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

RANDOM = np.random.default_rng(7)
GRAY8 = RANDOM.integers(0, 256, (12, 17), dtype=np.uint8)
RGB8 = RANDOM.integers(0, 256, (12, 17, 3), dtype=np.uint8)
RGBA8 = RANDOM.integers(0, 256, (12, 17, 4), dtype=np.uint8)
GRAY16 = RANDOM.integers(0, 65536, (12, 17), dtype=np.uint16)
RGB16 = RANDOM.integers(0, 65536, (12, 17, 3), dtype=np.uint16)
RGBA16 = RANDOM.integers(0, 65536, (12, 17, 4), dtype=np.uint16)


def saved(path, array_or_image, **options):
    image = array_or_image if isinstance(array_or_image, Image.Image) else Image.fromarray(array_or_image)
    image.save(path, **options)
    return path


def saved_deep(path, rgb):
    """16 bit through OpenCV, whose order is BGR."""
    order = {2: [0, 1, 2], 3: [2, 1, 0], 4: [2, 1, 0, 3]}
    cv2.imwrite(str(path), rgb if rgb.ndim == 2 else np.ascontiguousarray(rgb[..., order[rgb.shape[2]]]))
    return path


def made_tiff(path, samples, *, order="<", **tags):
    """An uncompressed TIFF with one strip, for kinds that no library here writes."""
    data = np.ascontiguousarray(samples).astype(samples.dtype.newbyteorder(order)).tobytes()
    directory = ImageFileDirectory_v2(b"II*\0\0\0\0\0" if order == "<" else b"MM\0*\0\0\0\0")
    count = 1 if samples.ndim == 2 else samples.shape[2]
    bits = 8 * samples.dtype.itemsize
    numbers = {256: samples.shape[1], 257: samples.shape[0], 258: (bits,) * count, 259: 1, 262: 1 if count < 3 else 2}
    numbers |= {277: count, 278: samples.shape[0], 284: 1} | {int(tag[1:]): value for tag, value in tags.items()}
    for tag, number in numbers.items():
        directory[tag] = number
    directory.tagtype[273] = directory.tagtype[279] = 4
    directory[273], directory[279] = 0, tags.get("t279", len(data))
    body = directory.tobytes(8)
    head = b"II*\0\x08\0\0\0" if order == "<" else b"MM\0*\0\0\0\x08"
    path.write_bytes(head + body + data)
    return path


def made_png(path, samples, color_type, extra=b"", depth=16):
    rows = b"".join(b"\0" + row.astype(">u2" if depth == 16 else "u1").tobytes() for row in samples)
    header = struct.pack(">IIBBBBB", samples.shape[1], samples.shape[0], depth, color_type, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    first, *rest = [chunk(kind, data) for kind, data in parts]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + first + extra + b"".join(rest))
    return path


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def gray_profile(gamma):
    """A gray ICC profile with one power curve, made by hand: Pillow makes none."""
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    white = b"XYZ \0\0\0\0" + struct.pack(">iii", 63190, 65536, 54061)
    text = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"gray\0" + bytes(78)
    tags = [(b"desc", text), (b"wtpt", white), (b"kTRC", curve), (b"cprt", b"text\0\0\0\0free\0")]
    table, body, start = b"", b"", 132 + 12 * len(tags)
    for name, data in tags:
        table += struct.pack(">4sII", name, start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    head = struct.pack(">I", start + len(body)) + b"lcms" + struct.pack(">I", 0x02100000) + b"mntrGRAYXYZ "
    head += bytes(12) + b"acsp" + bytes(28) + struct.pack(">iii", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body
