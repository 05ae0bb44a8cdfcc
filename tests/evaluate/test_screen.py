"""Frames as a screen shows them: known colors, libav as an independent judge, and what the gamut cuts off."""

from pathlib import Path

import numpy as np
import pytest
import torch
from made_films import make_film

from videocolor.color.yuv import limit_to_gamut
from videocolor.core.frames import Frame
from videocolor.core.media import PixelLayout
from videocolor.evaluate.screen import bounded_size, limited_share, to_rgb
from videocolor.media.decode import DecodeCounts, DecodeSettings, open_frames
from videocolor.media.probe import probe_film

# BT.601 and BT.709 studio-range codes of pure colors, from the standards' own tables (75 % and 100 % bars).
PURE = [
    ("bt601", (81, 90, 240), (255, 0, 0)),
    ("bt601", (145, 54, 34), (0, 255, 0)),
    ("bt601", (41, 240, 110), (0, 0, 255)),
    ("bt709", (63, 102, 240), (255, 0, 0)),
    ("bt709", (173, 42, 26), (0, 255, 0)),
    ("bt709", (32, 240, 118), (0, 0, 255)),
    ("bt709", (235, 128, 128), (255, 255, 255)),
    ("bt709", (16, 128, 128), (0, 0, 0)),
]


def layout(
    chroma="420", *, matrix="bt601", depth=8, full_range=False, siting="left", transfer="sdr", primaries="bt709"
):
    return PixelLayout(
        name=f"yuv{chroma}p",
        bit_depth=depth,
        chroma=chroma,
        full_range=full_range,
        matrix=matrix,
        primaries=primaries,
        transfer=transfer,
        siting=siting,
    )


def frame(y, u, v, form):
    dtype = np.uint8 if form.bit_depth == 8 else np.uint16
    planes = [None if plane is None else np.asarray(plane, dtype) for plane in (y, u, v)]
    return Frame(pts=0, duration=1, y=planes[0], u=planes[1], v=planes[2], alpha=None, layout=form)


def flat(codes, form, height=8, width=12, step=2):
    y, u, v = codes
    small = (height // step, width // step)
    return frame(np.full((height, width), y), np.full(small, u), np.full(small, v), form)


@pytest.mark.parametrize(("matrix", "codes", "rgb"), PURE)
@pytest.mark.parametrize("depth", [8, 10])
def test_pure_colors(matrix, codes, rgb, depth):
    """Codes of the standards' color bars, which are rounded to integers."""
    made = to_rgb(flat([code << (depth - 8) for code in codes], layout(matrix=matrix, depth=depth)))

    assert np.abs(made.astype(int) - rgb).max() <= 3


def test_gray_formats_are_gray():
    y = np.arange(96).reshape(8, 12) * 2

    made = to_rgb(frame(y, None, None, layout("400", full_range=True)))

    assert np.array_equal(made, np.repeat(y[..., None], 3, axis=2))


def test_chroma_is_taken_from_where_it_lies():
    """A ramp of co-sited chroma is a ramp of color at the luma pixels, without a shift."""
    columns = np.arange(12) * 4 + 100
    ramp = np.repeat(columns[None], 8, axis=0)
    small = np.repeat(columns[None, ::2], 4, axis=0)
    neutral = np.full_like(small, 128)
    y = np.full((8, 12), 120)

    left = to_rgb(frame(y, small, neutral, layout(siting="left")))
    whole = to_rgb(frame(y, ramp, np.full_like(ramp, 128), layout("444")))

    assert np.abs(left[:, :-1].astype(int) - whole[:, :-1]).max() <= 1


def test_a_small_picture_is_the_average_of_the_large_one():
    """Averages of Y', Cb and Cr are the average of R'G'B', but for the rounding of each of them to a code."""
    rng = np.random.default_rng(3)
    form = layout("444")
    item = frame(rng.integers(90, 160, (24, 32)), *rng.integers(110, 146, (2, 24, 32)), form)

    small = to_rgb(item, (12, 16)).astype(float)
    averaged = to_rgb(item).astype(float).reshape(12, 2, 16, 2, 3).mean(axis=(1, 3))

    assert np.abs(small - averaged).max() <= 2.2
    assert abs((small - averaged).mean()) < 0.4


def test_pq_white_is_white_and_its_colors_are_cut_to_srgb():
    """203 nits, the level of diffuse white, is code 0.5807 of PQ (ITU-R BT.2408)."""
    form = layout("444", matrix="bt2020", depth=10, transfer="pq", primaries="bt2020")
    white = flat((64 + 0.5807 * 876, 512, 512), form, step=1)
    red = flat((64 + 0.2 * 876, 470, 800), form, step=1)

    assert to_rgb(white).min() >= 253
    r, g, b = to_rgb(red)[0, 0].astype(int)
    assert (r > 150, g, b < 40) == (True, 0, True)


def test_libav_shows_the_same(tmp_path: Path):
    """Another program's conversion of a tinted film; it cuts off where we round, and interpolates differently."""
    path = make_film(tmp_path / "film.mkv", frame_count=2, codec="ffv1", options={}, tinted=(0,))
    info = probe_film(path)
    for item in open_frames(info, DecodeSettings(), DecodeCounts()):
        theirs = item.keep.to_ndarray(format="rgb24", src_colorspace="ITU601").astype(int)
        assert np.abs(to_rgb(item).astype(int) - theirs).mean() < 2


def test_bounded_size():
    assert (270, 480) == bounded_size(1080, 1920, 480)
    assert (240, 320) == bounded_size(240, 320, 480)
    assert (1, 480) == bounded_size(1, 5000, 480)


@pytest.mark.parametrize("chroma", ["420", "422", "444"])
def test_colors_that_were_limited_to_the_gamut_are_found(chroma):
    """What `merge` pulls to the border of the gamut counts; the same colors at half strength do not."""
    height, width = 16, 24
    rows, columns = {"420": (8, 12), "422": (16, 12), "444": (16, 24)}[chroma]
    y = np.full((height, width), 120)
    luma = torch.full((1, 1, rows, columns), (120 - 16) / 219)
    angle = torch.linspace(0, 6.2, rows * columns).view(1, 1, rows, columns)
    wild = torch.cat([angle.cos(), angle.sin()], dim=1)
    limited, _ = limit_to_gamut(wild, luma, luma, "bt601")

    def share(strength):
        codes = (limited[0] * strength * 224 + 128).round().numpy()
        return limited_share(frame(y, codes[0], codes[1], layout(chroma)))

    assert 1.0 == share(1.0)
    assert 0.0 == share(0.5)


@pytest.mark.parametrize("codes", [(120, 128, 128), (16, 128, 128), (235, 128, 128), (17, 90, 150), (234, 120, 135)])
def test_neutral_samples_and_black_and_white_are_not_limited(codes):
    assert 0.0 == limited_share(flat(codes, layout()))


def test_gray_formats_have_nothing_to_limit():
    assert 0.0 == limited_share(frame(np.full((8, 8), 235), None, None, layout("400")))


def test_odd_sizes_have_chroma_beyond_their_luma():
    item = frame(np.full((9, 13), 120), np.full((5, 7), 240), np.full((5, 7), 110), layout())

    assert (9, 13, 3) == to_rgb(item).shape
    assert 1.0 == limited_share(item)


@pytest.mark.parametrize(("height", "width"), [(1, 8), (8, 1), (1, 1)])
def test_films_of_one_row_or_column_have_no_whole_sample(height, width):
    small = (-(-height // 2), -(-width // 2))

    found = limited_share(frame(np.full((height, width), 90), np.full(small, 250), np.full(small, 250), layout()))

    assert found == 0.0
