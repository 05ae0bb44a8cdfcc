"""Writing stills: luma, depth and alpha exact, everything beside the pixels kept, nothing half-written."""

import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from videocolor.errors import LossError, SettingsError, TargetError, VideoColorError
from videocolor.media.still import read_still
from videocolor.media.still_decode import luma_of_rgb
from videocolor.media.still_probe import probe_still
from videocolor.media.still_write import check_still_target, exact_luma_rgb, write_still

RANDOM = np.random.default_rng(11)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF>\xc3\xa9</rdf:RDF></x:xmpmeta>'
DEPTH_LOSS = frozenset({"depth"})
PROVENANCE = {"Software": "videocolor 1.0", "Model": "compact"}


def smooth(shape, dtype):
    """A picture that JPEG and WebP treat well."""
    down, right = np.mgrid[0 : shape[0], 0 : shape[1]]
    top = np.iinfo(dtype).max
    return ((0.5 + 0.4 * np.sin(down / 9) * np.cos(right / 7)) * top).astype(dtype)


def chroma(y):
    unit = (int(np.iinfo(y.dtype).max) + 1) / 8
    return RANDOM.normal(0, unit, y.shape).astype(np.float32), RANDOM.normal(0, unit, y.shape).astype(np.float32)


def source(folder, *, dtype=np.uint8, alpha=False, shape=(23, 31), **options):
    """A gray PNG, read as the pipeline reads it."""
    y = RANDOM.integers(0, np.iinfo(dtype).max + 1, shape, dtype=dtype)
    path = Path(folder) / "source.png"
    if alpha:
        cover = RANDOM.integers(0, np.iinfo(dtype).max + 1, shape, dtype=dtype)
        cv2.imwrite(str(path), np.dstack([y, y, y, cover]))
    elif dtype == np.uint16:
        cv2.imwrite(str(path), y)
    else:
        Image.fromarray(y).save(path, **options)
    return read_still(path)


def write(path, frame, **options):
    cb, cr = chroma(frame.y)
    write_still(path, frame.y, cb, cr, frame.alpha, frame.keep, **options)
    return cb, cr


def read_rgb(path):
    """Read without our reader: OpenCV for 16 bit, Pillow for 8 (there OpenCV premultiplies the alpha of a TIFF)."""
    pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if pixels.dtype == np.uint8:
        with Image.open(path) as picture:
            return np.asarray(picture)
    return cv2.cvtColor(pixels, {3: cv2.COLOR_BGR2RGB, 4: cv2.COLOR_BGRA2RGBA}[pixels.shape[2]])


@pytest.mark.parametrize("suffix", [".png", ".tif", ".TIFF"])
@pytest.mark.parametrize("alpha", [False, True], ids=["opaque", "alpha"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_pixels_are_exact(tmp_path, suffix, alpha, dtype):
    """Read by OpenCV: RGB by the rule, 16 bit stays 16 bit, alpha byte-equal, and luma is the source's."""
    frame = source(tmp_path, dtype=dtype, alpha=alpha)
    cb, cr = write(tmp_path / f"a{suffix}", frame)

    pixels = read_rgb(tmp_path / f"a{suffix}")

    assert pixels.dtype == dtype
    np.testing.assert_array_equal(exact_luma_rgb(frame.y, cb, cr, depth=8 * frame.y.itemsize), pixels[..., :3])
    np.testing.assert_array_equal(frame.y, luma_of_rgb(pixels[..., :3]))
    assert pixels.shape[2] == (4 if alpha else 3)
    if alpha:
        np.testing.assert_array_equal(frame.alpha, pixels[..., 3])


@pytest.mark.parametrize("alpha", [False, True], ids=["opaque", "alpha"])
def test_lossless_webp_is_exact(tmp_path, alpha):
    """Also the color under transparent pixels."""
    frame = source(tmp_path, alpha=alpha)
    write(tmp_path / "a.webp", frame, webp="lossless")

    again = read_still(tmp_path / "a.webp")

    np.testing.assert_array_equal(frame.y, again.y)
    if alpha:
        np.testing.assert_array_equal(frame.alpha, again.alpha)


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".webp"])
def test_lossy_targets_are_close(tmp_path, suffix):
    """Quality 95 on a smooth picture: luma within a few codes."""
    frame = source(tmp_path)
    y = smooth((64, 80), np.uint8)
    flat = np.full(y.shape, 10, np.float32)
    write_still(tmp_path / f"a{suffix}", y, flat, -flat, None, frame.keep)

    again = read_still(tmp_path / f"a{suffix}")

    assert np.abs(again.y.astype(int) - y).max() <= 6
    assert again.keep.mean_chroma > 8


def test_jpeg_has_full_chroma(tmp_path):
    """4:4:4: no sub-sampling."""
    write(tmp_path / "a.jpg", source(tmp_path))

    with Image.open(tmp_path / "a.jpg") as picture:
        assert [layer[1:3] for layer in picture.layer] == [(1, 1)] * 3


@pytest.mark.parametrize("shape", [(1, 1), (16, 16), (1, 200), (200, 1)])
@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg", ".webp"])
def test_smallest_sizes(tmp_path, suffix, shape):
    """One pixel, one row, one column."""
    frame = source(tmp_path, shape=shape)
    write(tmp_path / f"a{suffix}", frame)

    again = read_still(tmp_path / f"a{suffix}")

    assert again.y.shape == shape
    if suffix in (".png", ".tif"):
        np.testing.assert_array_equal(frame.y, again.y)


def test_many_bands_join_without_a_seam(tmp_path, monkeypatch):
    """Bands of few rows: PNG's filters and TIFF's strips reach over their borders."""
    monkeypatch.setattr("videocolor.media.still_write._BAND_PIXELS", 100)
    frame = source(tmp_path, dtype=np.uint16, shape=(50, 31))

    for suffix in (".png", ".tif"):
        write(tmp_path / f"a{suffix}", frame)
        np.testing.assert_array_equal(frame.y, luma_of_rgb(read_rgb(tmp_path / f"a{suffix}")))


def full_exif():
    exif = Image.Exif()
    exif[271], exif[315], exif[274] = "Ernemann", "A. Photographer", 6
    exif.get_ifd(0x8769)[36867] = "1926:07:01 12:00:00"
    exif.get_ifd(0x8825)[1] = "N"
    return exif


@pytest.mark.parametrize("origin", [".png", ".jpg", ".tif", ".webp"])
@pytest.mark.parametrize("target", [".png", ".jpg", ".tif", ".webp"])
def test_exif_icc_xmp_and_density_go_everywhere(tmp_path, origin, target):
    """From each format into each: tags, sub-directories, profile, XMP, dots per inch."""
    y = smooth((24, 40), np.uint8)
    # Pillow writes no EXIF directory into a TIFF and no XMP into a PNG: those two are made by hand.
    path = tmp_path / f"origin{'.jpg' if origin == '.tif' else origin}"
    Image.fromarray(np.dstack([y] * 3)).save(path, exif=full_exif(), icc_profile=SRGB, dpi=(300, 300), xmp=XMP)
    if origin == ".png":
        insert_xmp(path)
    frame = read_still(path)
    if origin == ".tif":
        write(tmp_path / "origin.tif", frame)
        frame = read_still(tmp_path / "origin.tif")
    write(tmp_path / f"a{target}", frame, provenance=PROVENANCE)

    with Image.open(tmp_path / f"a{target}") as picture:
        exif = picture.getexif()
        assert exif[271].rstrip("\0") == "Ernemann"
        assert exif[274] == 6
        assert exif.get_ifd(0x8769)[36867].rstrip("\0") == "1926:07:01 12:00:00"
        assert exif.get_ifd(0x8825)[1].rstrip("\0") == "N"
        assert picture.info["icc_profile"] == SRGB
        xmp = picture.info["xmp"]
        assert (xmp.encode() if isinstance(xmp, str) else xmp) == XMP
        if ".webp" not in (origin, target):
            assert picture.info["dpi"] == pytest.approx((300, 300), abs=0.01)
    assert read_still(tmp_path / f"a{target}").y.shape == y.shape


def insert_xmp(path):
    data = b"XML:com.adobe.xmp\0\0\0\0\0" + XMP
    chunk = struct.pack(">I", len(data)) + b"iTXt" + data + struct.pack(">I", zlib.crc32(b"iTXt" + data))
    whole = path.read_bytes()
    if b"XML:com.adobe.xmp" not in whole:
        path.write_bytes(whole[:33] + chunk + whole[33:])


def test_png_texts_are_kept_with_the_provenance(tmp_path):
    """Texts of the source stay, in every script; an older provenance is replaced, not repeated."""
    from PIL.PngImagePlugin import PngInfo

    texts = PngInfo()
    texts.add_text("Title", "Straße")
    texts.add_itxt("Caption", "Кино", "ru", "Подпись")
    texts.add_text("Author", "long " * 50, zip=True)
    texts.add_text("Model", "older")
    frame = source(tmp_path, pnginfo=texts)
    write(tmp_path / "a.png", frame, provenance=PROVENANCE | {"Note": "映画"})

    with Image.open(tmp_path / "a.png") as picture:
        picture.load()
        assert picture.text["Title"] == "Straße"
        assert (picture.text["Caption"], picture.text["Caption"].lang) == ("Кино", "ru")
        assert picture.text["Author"] == "long " * 50
        assert (picture.text["Software"], picture.text["Model"]) == ("videocolor 1.0", "compact")
        assert picture.text["Note"] == "映画"
    assert (tmp_path / "a.png").read_bytes().count(b"Model\0") == 1


def test_png_texts_go_into_the_comment_of_a_jpeg(tmp_path):
    """And coloring the result again replaces the provenance instead of piling it up."""
    from PIL.PngImagePlugin import PngInfo

    texts = PngInfo()
    texts.add_itxt("Caption", "Кино")
    write(tmp_path / "a.jpg", source(tmp_path, pnginfo=texts), provenance=PROVENANCE)
    write(tmp_path / "b.jpg", read_still(tmp_path / "a.jpg"), provenance=PROVENANCE | {"Model": "large"})

    comment = read_still(tmp_path / "b.jpg").keep.comment
    assert comment.splitlines() == ["Caption: Кино", "Software: videocolor 1.0", "Model: large"]


def test_provenance_in_tiff_jpeg_and_webp(tmp_path):
    """Software tag or comment; what the source said there stays."""
    exif = Image.Exif()
    exif[305], exif[270] = "Scanner 3", "Grandmother, 1926"
    frame = source(tmp_path, exif=exif)
    for suffix in (".tif", ".jpg", ".webp"):
        write(tmp_path / f"a{suffix}", frame, provenance=PROVENANCE)

    with Image.open(tmp_path / "a.tif") as picture:
        assert picture.tag_v2[305] == "Scanner 3; Software=videocolor 1.0; Model=compact"
        assert picture.tag_v2[270] == "Grandmother, 1926"
    with Image.open(tmp_path / "a.jpg") as picture:
        assert picture.info["comment"] == b"Software: videocolor 1.0\nModel: compact"
        assert picture.getexif()[270].rstrip("\0") == "Grandmother, 1926"
    with Image.open(tmp_path / "a.webp") as picture:
        assert "Model=compact" in picture.getexif()[305]


def test_iptc_of_a_press_photo_is_kept(tmp_path):
    """Photoshop's image resources, where captions live: JPEG to JPEG, TIFF and PNG, and back from TIFF."""
    caption = b"\x1c\x02\x78\x00\x05hello"
    resources = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(caption)) + caption
    body = b"Photoshop 3.0\0" + resources
    segment = b"\xff\xed" + struct.pack(">H", len(body) + 2) + body
    Image.fromarray(smooth((16, 16), np.uint8)).save(tmp_path / "o.jpg", extra=segment)
    frame = read_still(tmp_path / "o.jpg")
    for suffix in (".jpg", ".tif", ".png"):
        write(tmp_path / f"a{suffix}", frame)
    write(tmp_path / "b.jpg", read_still(tmp_path / "a.tif"))

    assert all(resources in (tmp_path / name).read_bytes() for name in ("a.jpg", "a.tif", "b.jpg"))
    with Image.open(tmp_path / "a.png") as picture:
        assert resources.hex() in picture.text["Raw profile type 8bim"].replace("\n", "")


def test_gamma_chunk_is_kept(tmp_path):
    """The gray axis of the result is the source's, so what describes it still holds."""
    frame = source(tmp_path)
    data = (tmp_path / "source.png").read_bytes()
    gamma = struct.pack(">I4sI", 4, b"gAMA", 45455)
    (tmp_path / "g.png").write_bytes(data[:33] + gamma + struct.pack(">I", zlib.crc32(gamma[4:])) + data[33:])
    write(tmp_path / "a.png", read_still(tmp_path / "g.png"))

    with Image.open(tmp_path / "a.png") as picture:
        assert picture.info["gamma"] == pytest.approx(0.45455)
    assert frame.y.shape == (23, 31)


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_16_bit_into_8_needs_leave(tmp_path, suffix):
    """Refused before the work, with the way out in the remedy; with leave it is rounded."""
    frame = source(tmp_path, dtype=np.uint16)
    info = probe_still(tmp_path / "source.png")

    with pytest.raises(LossError, match=r"holds 8 bit.*allow-loss depth"):
        check_still_target(info.video, tmp_path / f"a{suffix}")
    with pytest.raises(LossError):
        write(tmp_path / f"a{suffix}", frame)
    check_still_target(info.video, tmp_path / f"a{suffix}", allow_loss=DEPTH_LOSS)
    cb, cr = chroma(frame.y)
    options = {"webp": "lossless"} if suffix == ".webp" else {}
    write_still(tmp_path / f"a{suffix}", frame.y, cb, cr, None, frame.keep, allow_loss=DEPTH_LOSS, **options)

    again = read_still(tmp_path / f"a{suffix}")
    if suffix == ".webp":
        np.testing.assert_array_equal(np.rint(frame.y / 257), again.y)


def test_alpha_into_jpeg_needs_leave(tmp_path):
    """As with depth."""
    frame = source(tmp_path, alpha=True)
    info = probe_still(tmp_path / "source.png")

    with pytest.raises(LossError, match=r"no transparency.*\.png"):
        check_still_target(info.video, tmp_path / "a.jpg")
    check_still_target(info.video, tmp_path / "a.jpg", allow_loss=frozenset({"alpha"}))
    write(tmp_path / "a.jpg", frame, allow_loss=frozenset({"alpha"}))

    assert read_still(tmp_path / "a.jpg").alpha is None


@pytest.mark.parametrize("name", ["a.gif", "a.mkv", "a", "a.bmp"])
def test_unknown_suffixes_name_the_known(tmp_path, name):
    """Wrong usage, with the list of suffixes."""
    source(tmp_path)

    with pytest.raises(SettingsError, match=r"\.png, \.tif, \.tiff, \.jpg"):
        check_still_target(probe_still(tmp_path / "source.png").video, tmp_path / name)


def test_too_large_for_webp_is_said_before_the_work(tmp_path):
    """WebP ends at 16383 pixels a side."""
    Image.fromarray(np.zeros((1, 16384), np.uint8)).save(tmp_path / "a.png")

    with pytest.raises(TargetError, match="at most 16383"):
        check_still_target(probe_still(tmp_path / "a.png").video, tmp_path / "a.webp")


def test_long_metadata_is_not_cut_off_in_a_jpeg(tmp_path):
    """EXIF over 64 KiB: refused, not shortened."""
    exif = Image.Exif()
    exif[270] = "long " * 20000
    frame = source(tmp_path, exif=exif)

    with pytest.raises(LossError, match="EXIF do not fit"):
        write(tmp_path / "a.jpg", frame)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg", ".webp"])
def test_nothing_is_left_after_an_error(tmp_path, monkeypatch, suffix):
    """An error in the last band: no file under the final name, none beside it, an older file untouched."""
    monkeypatch.setattr("videocolor.media.still_write._BAND_PIXELS", 100)
    frame = source(tmp_path)
    cb, cr = chroma(frame.y)
    cb[-1, -1] = np.nan
    (tmp_path / "old.txt").write_text("older")
    os.rename(tmp_path / "old.txt", tmp_path / f"old{suffix}")

    for name in (f"new{suffix}", f"old{suffix}"):
        with pytest.raises(ValueError, match="not finite"):
            write_still(tmp_path / name, frame.y, cb, cr, None, frame.keep)

    assert {"source.png", f"old{suffix}"} == {path.name for path in tmp_path.iterdir()}
    assert (tmp_path / f"old{suffix}").read_text() == "older"


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg"])
def test_missing_folder_is_our_error(tmp_path, suffix):
    """Not a bare FileNotFoundError."""
    with pytest.raises(VideoColorError):
        write(tmp_path / "missing" / f"a{suffix}", source(tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg"])
def test_48_megapixels(tmp_path, suffix):
    """8000 x 6000 of 16 bit goes through; temporary memory comes in bands."""
    y = cv2.resize(smooth((600, 800), np.uint16), (8000, 6000))
    cv2.imwrite(str(tmp_path / "o.png"), y)
    frame = read_still(tmp_path / "o.png")
    tint = np.full(y.shape, 3000, np.float32)
    write_still(tmp_path / f"a{suffix}", frame.y, tint, -tint, None, frame.keep, allow_loss=DEPTH_LOSS)

    again = read_still(tmp_path / f"a{suffix}")

    assert again.y.shape == (6000, 8000)
    if suffix != ".jpg":
        np.testing.assert_array_equal(y, again.y)
