"""A person's picture on the grid of the film: any kind of file, any fitting size, the film's own orientation."""

from fractions import Fraction

import cv2
import numpy as np
import pytest
import torch
from PIL import Image, ImageCms
from tiny_parts import make_video

from videocolor.color.lab import rgb_to_lab
from videocolor.errors import SettingsError
from videocolor.references.load import ColorPicture, at_work_size, read_picture, stored_views

RED, GREEN = (200, 60, 60), (60, 160, 70)


def ab_of(rgb):
    return rgb_to_lab(torch.tensor(rgb, dtype=torch.float32).view(1, 3, 1, 1) / 255)[1].flatten().numpy()


def two_colors(height=36, width=64):
    """Red on the left, green on the right, brighter below."""
    rgb = np.empty((height, width, 3), np.uint8)
    rgb[:, : width // 2], rgb[:, width // 2 :] = RED, GREEN
    rgb[height // 2 :] += 20
    return rgb


def picture_of(rgb, alpha=None):
    return ColorPicture(rgb=rgb, alpha=np.full(rgb.shape[:2], 255, np.uint8) if alpha is None else alpha)


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp", "webp"])
def test_eight_bits(tmp_path, suffix):
    path = tmp_path / f"frame_1.{suffix}"
    Image.fromarray(two_colors()).save(path, **({"lossless": True} if suffix == "webp" else {}))

    assert np.array_equal(two_colors(), read_picture(path).rgb)
    assert (255 == read_picture(path).alpha).all()


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits(tmp_path, suffix):
    path = tmp_path / f"frame_1.{suffix}"
    cv2.imwrite(str(path), (two_colors()[..., ::-1].astype(np.uint16) * 257))

    assert np.abs(two_colors().astype(int) - read_picture(path).rgb).max() <= 1


def test_palette_and_gray(tmp_path):
    Image.fromarray(two_colors()).quantize(16).save(tmp_path / "palette.png")
    Image.fromarray(two_colors()[..., 0]).save(tmp_path / "gray.png")
    cv2.imwrite(str(tmp_path / "gray16.png"), two_colors()[..., 0].astype(np.uint16) * 257)

    assert np.abs(two_colors().astype(int) - read_picture(tmp_path / "palette.png").rgb).max() <= 8
    for name in ("gray.png", "gray16.png"):
        assert np.array_equal(np.dstack([two_colors()[..., 0]] * 3), read_picture(tmp_path / name).rgb)


def test_transparency(tmp_path):
    alpha = np.zeros((36, 64), np.uint8)
    alpha[:, :20] = 255
    Image.fromarray(np.dstack([two_colors(), alpha])).save(tmp_path / "a.png")

    assert np.array_equal(alpha, read_picture(tmp_path / "a.png").alpha)


def test_exif_orientation(tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(np.rot90(two_colors())).save(tmp_path / "a.png", exif=exif)
    Image.fromarray(np.rot90(two_colors())).save(tmp_path / "a.tif", exif=exif)

    for name in ("a.png", "a.tif"):
        assert np.array_equal(two_colors(), read_picture(tmp_path / name).rgb)


def test_a_profile_is_applied(tmp_path):
    """A linear-light profile with sRGB's primaries: code 55 is what sRGB writes as 128."""
    linear = Image.fromarray(np.full((4, 4, 3), 55, np.uint8))
    plain = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    made = bytearray(plain)
    curve = b"curv\0\0\0\0\0\0\0\0"
    count = int.from_bytes(made[128:132], "big")
    for number in range(count):
        entry = 132 + 12 * number
        if made[entry : entry + 4] in (b"rTRC", b"gTRC", b"bTRC"):
            offset = int.from_bytes(made[entry + 4 : entry + 8], "big")
            made[offset : offset + len(curve)] = curve
            made[entry + 8 : entry + 12] = len(curve).to_bytes(4, "big")
    linear.save(tmp_path / "a.png", icc_profile=bytes(made))

    assert np.abs(read_picture(tmp_path / "a.png").rgb.astype(int) - 128).max() <= 2


def test_color_and_gray_at_work_size():
    painting = at_work_size(picture_of(two_colors(360, 640)), (36, 64))

    assert np.allclose(painting.ab[2:16, 2:30], ab_of(RED), atol=0.01)
    assert np.allclose(painting.ab[20:34, 34:62], ab_of([v + 20 for v in GREEN]), atol=0.01)
    assert (1 == painting.weight).all()
    assert painting.gray[30, 5] > painting.gray[5, 5]
    assert painting.has_color


def test_a_small_picture_is_enlarged():
    assert np.allclose(at_work_size(picture_of(two_colors(18, 32)), (36, 64)).ab[5, 5], ab_of(RED), atol=0.01)


def test_transparent_pixels_add_no_color():
    """Editors leave black, white or anything where alpha is 0."""
    rgb, alpha = two_colors(360, 640), np.zeros((360, 640), np.uint8)
    alpha[:, :203] = 255
    rgb[:, 203:] = 255

    painting = at_work_size(picture_of(rgb, alpha), (36, 64))

    assert np.allclose(painting.ab[2:16, :21], ab_of(RED), atol=0.01)
    assert np.allclose([1, 1, 0.3, 0], painting.weight[5, [0, 19, 20, 21]], atol=0.01)
    assert (0 == painting.ab[:, 21:]).all()


def test_gray_has_no_color():
    assert not at_work_size(picture_of(np.dstack([two_colors()[..., 1]] * 3)), (36, 64)).has_color


@pytest.mark.parametrize("size", [(576, 720), (576, 768), (288, 384), (1152, 1536), (575, 760)])
def test_stored_display_and_other_sizes_of_the_aspect(size):
    video = make_video(height=576, width=720, sample_aspect=Fraction(16, 15))

    assert 1 == len(stored_views(picture_of(two_colors(*size)), video, "a.png"))


@pytest.mark.parametrize("size", [(500, 720), (576, 640), (720, 576), (400, 400)])
def test_another_aspect_is_refused(size):
    video = make_video(height=576, width=720, sample_aspect=Fraction(16, 15))

    with pytest.raises(SettingsError, match=rf"a\.png has {size[1]}x{size[0]} pixels, the film is shown with 768x576"):
        stored_views(picture_of(two_colors(*size)), video, "a.png")


def test_an_upright_picture_of_a_turned_film_is_turned_back():
    """The film is stored on its side: a player turns it clockwise by 90 degrees; so must the picture have been."""
    video = make_video(height=36, width=64, rotation=90)
    upright = picture_of(np.rot90(two_colors(), -1))

    (view,) = stored_views(upright, video, "a.png")

    assert np.array_equal(two_colors(), view.rgb)


def test_a_picture_of_a_turned_film_may_lie_as_it_is_stored():
    (view,) = stored_views(picture_of(two_colors()), make_video(height=36, width=64, rotation=90), "a.png")

    assert np.array_equal(two_colors(), view.rgb)


def test_where_the_aspect_does_not_tell_both_ways_are_tried():
    views = stored_views(picture_of(two_colors()), make_video(height=36, width=64, rotation=180), "a.png")

    assert [True, False] == [np.array_equal(two_colors(), view.rgb) for view in views]
    assert np.array_equal(two_colors()[::-1, ::-1], views[1].rgb)


def test_a_mirrored_film():
    mirror = (-65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30)
    views = stored_views(
        picture_of(two_colors()[:, ::-1]), make_video(height=36, width=64, rotation=180, display_matrix=mirror), "a.png"
    )

    assert any(np.array_equal(two_colors(), view.rgb) for view in views)
