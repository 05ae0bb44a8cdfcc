"""8-bit RGB to L*a*b* for metrics: the textbook's values, and exact where OpenCV's own conversion is not."""

import cv2
import numpy as np
import pytest
from skimage.color import rgb2lab

from videocolor.evaluate.chroma import chroma_of, chroma_ratio, near_gray_share
from videocolor.evaluate.lab import check_rgb, luma, rgb_to_lab, with_ab

NOISE = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [
        ((255, 0, 0), (53.2406, 80.0923, 67.2028)),
        ((0, 0, 255), (32.2957, 79.1856, -107.8573)),
        ((128, 128, 128), (53.585, 0, 0)),
        ((255, 255, 255), (100, 0, 0)),
        ((0, 0, 0), (0, 0, 0)),
        ((1, 1, 1), (0.2742, 0, 0)),
    ],
)
def test_known_colors(rgb, lab):
    """The white of scikit-image is rounded to five digits, which moves saturated colors by .01."""
    pixel = np.full((2, 3, 3), rgb, np.uint8)

    assert pytest.approx(np.broadcast_to(lab, (2, 3, 3)), abs=0.012) == rgb_to_lab(pixel)


def test_all_of_noise_is_near_scikit_image():
    dark = NOISE // 16
    for rgb in (NOISE, dark):
        assert np.abs(rgb2lab(rgb) - rgb_to_lab(rgb)).max() < 0.015


def test_opencv_s_float_conversion_is_too_coarse_for_metrics():
    """It would give grays a chroma, and move colors by tenths."""
    grays = np.arange(256, dtype=np.uint8)[None, :, None].repeat(3, axis=2)

    by_opencv = cv2.cvtColor(grays.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)

    assert np.abs(by_opencv[..., 1:]).max() > 0.01
    assert not rgb_to_lab(grays)[..., 1:].any()


def test_eight_bit_lab_is_not_used():
    """8-bit OpenCV Lab is rounded: red would be (136, 208, 195)."""
    red = np.full((1, 1, 3), (255, 0, 0), np.uint8)

    assert [136, 208, 195] == cv2.cvtColor(red, cv2.COLOR_RGB2LAB)[0, 0].tolist()
    assert rgb_to_lab(red)[0, 0, 1] % 1 != 0


@pytest.mark.parametrize(
    "picture",
    [
        NOISE.astype(np.float32) / 255,
        NOISE[..., :2],
        NOISE[..., 0],
        NOISE[:0],
        NOISE.astype(np.uint16),
    ],
)
def test_what_is_no_8_bit_rgb_picture_is_refused(picture):
    """Scaled to 0..1, colorfulness would be a plausible 0.36 in place of 91.9."""
    with pytest.raises(ValueError, match="expected uint8"):
        check_rgb(picture)
    with pytest.raises(ValueError, match="expected uint8"):
        rgb_to_lab(picture)


def test_pictures_of_different_size_are_refused():
    with pytest.raises(ValueError, match="cannot be compared"):
        check_rgb(NOISE, NOISE[:-1])


def test_the_gray_row_has_no_color_and_the_same_lightness():
    gray = with_ab(NOISE, (0, 0))

    assert (gray == gray[..., :1]).all()
    assert np.abs(rgb_to_lab(gray)[..., 0] - rgb_to_lab(NOISE)[..., 0]).max() < 0.25


def test_the_mean_color_row_has_one_color_where_the_gamut_allows():
    middle = np.full((4, 4, 3), 120, np.uint8)

    assert (
        pytest.approx(np.broadcast_to((12, -9), (4, 4, 2)), abs=0.5) == rgb_to_lab(with_ab(middle, (12, -9)))[..., 1:]
    )


def test_luma_weighs_red_green_and_blue():
    """A swap of red and blue would go unseen by everything but this."""
    assert [[76, 150, 29]] == luma(np.array([[(255, 0, 0), (0, 255, 0), (0, 0, 255)]], np.uint8)).tolist()


def test_chroma_and_its_share_near_gray():
    ab = np.array([[(0, 0), (3, 0), (0, -4), (3, 4)]], np.float32)

    assert [[0, 3, 4, 5]] == chroma_of(ab).tolist()
    assert 0.5 == near_gray_share(chroma_of(ab))


def test_a_gray_reference_has_no_ratio():
    assert chroma_ratio(5.0, 4e-5) is None
    assert 0.5 == chroma_ratio(5.0, 10.0)
