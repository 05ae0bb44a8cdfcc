"""Reading stills: depth, alpha, orientation, profile and everything beside the pixels."""

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms
from still_samples import (
    GRAY8,
    GRAY16,
    RGB8,
    RGB16,
    RGBA8,
    RGBA16,
    chunk,
    gray_profile,
    made_png,
    made_tiff,
    saved,
    saved_deep,
)

from videocolor.media.still import load_still, read_still
from videocolor.media.still_decode import luma_of_rgb
from videocolor.media.still_probe import probe_still, still_frame_count


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.webp", "a.bmp", "a.pgm"])
def test_gray_8_keeps_its_codes(tmp_path, name):
    """The y plane is the picture itself."""
    frame = read_still(saved(tmp_path / name, GRAY8, **({"lossless": True} if name == "a.webp" else {})))

    np.testing.assert_array_equal(GRAY8, frame.y)
    assert (frame.u, frame.v, frame.alpha, frame.layout.bit_depth, frame.layout.name) == (None, None, None, 8, "gray")
    assert not frame.y.flags.writeable


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.pgm"])
def test_gray_16_keeps_its_codes(tmp_path, name):
    """No clip at 255 and no reduction to 8 bit."""
    frame = read_still(saved_deep(tmp_path / name, GRAY16))

    np.testing.assert_array_equal(GRAY16, frame.y)
    assert frame.y.dtype == np.uint16
    assert (frame.layout.name, frame.layout.bit_depth) == ("gray16le", 16)


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.ppm"])
@pytest.mark.parametrize("rgb", [RGB8, RGB16], ids=["8", "16"])
def test_rgb_gives_its_luma(tmp_path, name, rgb):
    """Depth is kept; color is measured and dropped."""
    still = load_still(saved_deep(tmp_path / name, rgb))

    np.testing.assert_array_equal(luma_of_rgb(rgb), still.frame.y)
    assert rgb.dtype == still.frame.y.dtype
    assert still.keep.mean_chroma > 20
    assert any("already has color" in note for note in still.notes)


@pytest.mark.parametrize("rgba", [RGBA8, RGBA16], ids=["8", "16"])
@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_alpha_is_byte_equal(tmp_path, rgba, name):
    """RGBA of either depth."""
    frame = read_still(saved_deep(tmp_path / name, rgba))

    np.testing.assert_array_equal(rgba[..., 3], frame.alpha)
    np.testing.assert_array_equal(luma_of_rgb(rgba[..., :3]), frame.y)
    assert frame.layout.has_alpha


def test_gray_with_alpha(tmp_path):
    """LA of 8 bit through Pillow, of 16 bit made by hand."""
    eight = read_still(saved(tmp_path / "8.png", Image.fromarray(np.ascontiguousarray(RGBA8[..., :2]), "LA")))
    sixteen = read_still(made_png(tmp_path / "16.png", RGBA16[..., :2], 4))

    for frame, source in ((eight, RGBA8), (sixteen, RGBA16)):
        np.testing.assert_array_equal(source[..., 0], frame.y)
        np.testing.assert_array_equal(source[..., 1], frame.alpha)


def test_transparent_gray_of_16_bit(tmp_path):
    """PNG's transparent color, which OpenCV ignores for gray."""
    key = struct.pack(">H", int(GRAY16[3, 4]))

    frame = read_still(made_png(tmp_path / "a.png", GRAY16, 0, chunk(b"tRNS", key)))

    np.testing.assert_array_equal(np.where(GRAY16[3, 4] == GRAY16, 0, 65535), frame.alpha)
    np.testing.assert_array_equal(GRAY16, frame.y)


def test_palette_with_transparency(tmp_path):
    """The palette is expanded; transparency becomes an alpha plane."""
    image = Image.fromarray((GRAY8 % 4).astype(np.uint8)).convert("P")
    image.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 40, 50, 60])
    still = load_still(saved(tmp_path / "a.png", image, transparency=bytes([255, 0, 128, 7])))

    index = GRAY8 % 4
    luma = luma_of_rgb(np.uint8([[[0, 0, 0], [255, 0, 0], [0, 255, 0], [40, 50, 60]]]))[0]
    np.testing.assert_array_equal(luma[index], still.frame.y)
    np.testing.assert_array_equal(np.uint8([255, 0, 128, 7])[index], still.frame.alpha)
    assert "A palette was expanded." in still.notes


def test_bilevel_becomes_gray_8(tmp_path):
    """Also CCITT group 4."""
    bits = Image.fromarray(np.where(GRAY8 > 127, 255, 0).astype(np.uint8)).convert("1")

    for name, options in (("a.png", {}), ("a.tif", {"compression": "group4"})):
        np.testing.assert_array_equal(
            np.where(GRAY8 > 127, 255, 0), read_still(saved(tmp_path / name, bits, **options)).y
        )


def test_cmyk_jpeg_has_the_right_polarity(tmp_path):
    """Black ink is dark."""
    ink = np.zeros((16, 16, 4), np.uint8)
    ink[:, 8:, 3] = 255
    still = load_still(saved(tmp_path / "a.jpg", Image.fromarray(ink, "CMYK"), quality=95))

    assert still.frame.y[:, :6].min() > 250
    assert still.frame.y[:, 10:].max() < 5
    assert any("CMYK" in note for note in still.notes)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("samples", [GRAY16, RGB16, RGBA16], ids=["gray", "rgb", "rgba"])
def test_tiff_of_16_bit_in_both_byte_orders(tmp_path, order, samples):
    """Big endian is what scanners on old Macs wrote."""
    path = made_tiff(tmp_path / "a.tif", samples, order=order, **({"t338": 2} if samples is RGBA16 else {}))

    np.testing.assert_array_equal(GRAY16 if samples is GRAY16 else luma_of_rgb(samples[..., :3]), read_still(path).y)


@pytest.mark.parametrize("samples", [GRAY8, GRAY16], ids=["8", "16"])
def test_white_is_zero_is_inverted_once(tmp_path, samples):
    """TIFF's MinIsWhite: OpenCV leaves it, Pillow inverts 8 bit only."""
    top = np.iinfo(samples.dtype).max

    np.testing.assert_array_equal(top - samples, read_still(made_tiff(tmp_path / "a.tif", samples, t262=0)).y)


@pytest.mark.parametrize("samples", [RGB8, RGB16, GRAY16], ids=["rgb8", "rgb16", "gray16"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_tiff_pixels_stay_as_stored(tmp_path, orientation, samples):
    """Both libraries turn a TIFF by its tag; the tag is kept, so the pixels must not be turned."""
    frame = read_still(made_tiff(tmp_path / "a.tif", samples, t274=orientation))

    np.testing.assert_array_equal(samples if samples is GRAY16 else luma_of_rgb(samples), frame.y)
    assert orientation == frame.keep.orientation


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_kept_and_not_applied(tmp_path, name, orientation):
    """And the probe describes it like a film's display matrix."""
    exif = Image.Exif()
    exif[274] = orientation
    path = saved(tmp_path / name, GRAY8, exif=exif)

    info = probe_still(path)

    assert (info.video.width, info.video.height) == (17, 12)
    assert orientation == read_still(path).keep.orientation
    assert {1: 0, 3: 180, 6: 90, 8: 270}.get(orientation, info.video.rotation) == info.video.rotation
    assert (orientation == 1) == (info.video.display_matrix is None)


@pytest.mark.parametrize("gamma", [1.0, 1.8, 2.2])
def test_gray_profile_becomes_an_rgb_profile_of_the_same_tone(tmp_path, gamma):
    """Codes stay, and Little CMS shows the gray of the result as the source's curve says."""
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    still = load_still(saved(tmp_path / "a.png", ramp, icc_profile=gray_profile(gamma)))

    source = ImageCms.ImageCmsProfile(io.BytesIO(still.keep.icc))
    shown = ImageCms.profileToProfile(Image.fromarray(np.dstack([ramp] * 3)), source, ImageCms.createProfile("sRGB"))

    light = (ramp / 255) ** gamma
    srgb = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055) * 255
    np.testing.assert_array_equal(ramp, still.frame.y)
    assert np.abs(np.asarray(shown) - srgb[..., None]).max() <= 1.01
    assert any("gray ICC profile becomes" in note for note in still.notes)


def test_rgb_profile_is_kept_byte_for_byte(tmp_path):
    """A matrix profile describes the result as it described the source."""
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

    assert icc == read_still(saved(tmp_path / "a.png", RGB8, icc_profile=icc)).keep.icc


def test_damaged_profile_is_left_out_with_a_note(tmp_path):
    """No crash, no silent copy of garbage."""
    still = load_still(saved(tmp_path / "a.png", GRAY8, icc_profile=b"no profile at all"))

    assert still.keep.icc is None
    assert any("ICC" in note and "left out" in note for note in still.notes)


@pytest.mark.parametrize("name", ["a.gif", "a.png", "a.webp", "a.tif"])
def test_first_of_several_pictures_with_a_warning(tmp_path, name):
    """Never a silent first frame."""
    pages = [Image.fromarray(np.full((8, 8), level, np.uint8)) for level in (40, 120, 200)]
    pages[0].save(
        tmp_path / name, save_all=True, append_images=pages[1:], **({"lossless": True} if "webp" in name else {})
    )

    info = probe_still(tmp_path / name)

    assert 3 == still_frame_count(tmp_path / name) == info.video.frame_count_header
    assert any("2 left out" in note for note in info.notes)
    assert np.all(read_still(tmp_path / name).y == 40)


@pytest.mark.parametrize("shape", [(1, 1), (16, 16), (1, 300), (300, 1)])
def test_smallest_sizes(tmp_path, shape):
    """One pixel, one row, one column."""
    picture = np.full(shape, 77, np.uint8)

    np.testing.assert_array_equal(picture, read_still(saved(tmp_path / "a.png", picture)).y)


def test_stereo_and_gain_map_jpegs_say_that_one_picture_is_read(tmp_path):
    """MPO: several JPEGs in one file, as phones write them."""
    pictures = [Image.fromarray(RGB8), Image.fromarray(255 - RGB8)]
    pictures[0].save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=pictures[1:])

    info = probe_still(tmp_path / "a.jpg")

    assert info.video.frame_count_header == 2
    assert any("1 left out" in note for note in info.notes)


def test_rgb_profile_that_is_a_table_is_kept_with_a_note_when_it_cannot_be_applied(tmp_path):
    """Neither dropped nor trusted in silence."""
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes().replace(b"rXYZ", b"zXYZ", 1)

    still = load_still(saved(tmp_path / "a.png", RGB8, icc_profile=icc))

    assert icc == still.keep.icc
    assert any("LUT" in note for note in still.notes)


def test_12_bit_gray_is_held_in_16_and_can_go_back(tmp_path):
    """Black stays black, white stays white, the upper 12 bits are the source."""
    samples = np.array([[0, 4095], [1, 2048]], np.uint16)
    packed = bytes([0x00, 0x0F, 0xFF, 0x00, 0x18, 0x00])
    path = made_tiff(tmp_path / "a.tif", np.frombuffer(packed, np.uint8).reshape(2, 3), t256=2, t258=12)

    frame = read_still(path)

    np.testing.assert_array_equal(samples, frame.y >> 4)
    assert frame.y[0, 1] == 65535


def test_non_square_pixels_become_a_sample_aspect(tmp_path):
    """Twice as many dots across as down: a pixel is half as wide as high."""
    info = probe_still(saved(tmp_path / "a.tif", GRAY8, dpi=(600, 300)))

    assert info.video.sample_aspect == pytest.approx(0.5)
    assert probe_still(saved(tmp_path / "b.tif", GRAY8, dpi=(300, 300))).video.sample_aspect is None
