"""Merging: Y is never touched, gray stays gray, a viewer sees the color that was asked for, bands leave no seam."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from skimage.color import rgb2lab
from tiny_parts import make_colored, make_frame, make_layout

from videocolor.merge import merge as merge_module
from videocolor.merge.merge import MergeSettings, merge, merge_frame, source_chroma

STEPS = {"420": (2, 2), "422": (1, 2), "444": (1, 1), "440": (2, 1), "411": (1, 4), "410": (4, 4)}
UPSAMPLES = ("bicubic", "joint-bilateral", "guided")
WEIGHTS = {"bt601": (0.299, 0.587, 0.114), "bt709": (0.2126, 0.7152, 0.0722), "bt2020": (0.2627, 0.6780, 0.0593)}


def make_settings(chroma="420", *, layout=None, depth=None, **changes):
    layout = layout or make_layout(chroma=chroma)
    values = {"source": layout, "chroma": chroma, "steps": STEPS[chroma], "bit_depth": depth or layout.bit_depth}
    return MergeSettings(**{**values, "siting": layout.siting, **changes})


def noise(height, width, *, depth=8, low=16, high=235, seed=0):
    dtype = np.uint8 if depth == 8 else np.uint16
    scale = 1 << (depth - 8)
    return np.random.default_rng(seed).integers(low * scale, high * scale + 1, (height, width)).astype(dtype)


def random_ab(height=6, width=8, *, reach=60.0):
    return (torch.rand(2, height, width, generator=torch.Generator().manual_seed(3)) * 2 - 1) * reach


def displayed_rgb(y, u, v, *, depth, full_range, matrix):
    """R'G'B' as a player computes it; u and v of y's size."""
    kr, kg, kb = WEIGHTS[matrix]
    peak, step = (1 << depth) - 1, 1 << (depth - 8)
    black, span, chroma_span = (0, peak, peak) if full_range else (16 * step, 219 * step, 224 * step)
    luma = (y.astype(float) - black) / span
    cb, cr = ((plane.astype(float) - (1 << (depth - 1))) / chroma_span for plane in (u, v))
    red, blue = luma + 2 * (1 - kr) * cr, luma + 2 * (1 - kb) * cb
    return np.stack([red, (luma - kr * red - kb * blue) / kg, blue], axis=-1)


def spread_over_luma(plane, steps, shape):
    return plane.repeat(steps[0], axis=0).repeat(steps[1], axis=1)[: shape[0], : shape[1]]


@pytest.mark.parametrize("upsample", UPSAMPLES)
@pytest.mark.parametrize("chroma", sorted(STEPS))
def test_luma_is_only_read(chroma, upsample):
    """The plane is the decoder's own, read-only; what comes back is that very frame."""
    y = noise(37, 53)
    before = y.tobytes()
    colored = make_colored(y, random_ab())

    merged = merge_frame(colored, make_settings(chroma, upsample=upsample))

    assert merged.frame is colored.frame
    assert merged.frame.y is y
    assert before == y.tobytes()


@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("depth", [8, 10, 12, 16])
@pytest.mark.parametrize("upsample", UPSAMPLES)
def test_no_color_is_exactly_the_middle_code(depth, full_range, upsample):
    """Every luma code of 8 bits, and as many of deeper films."""
    y = np.arange(0, 1 << depth, 1 << (depth - 8)).reshape(16, 16).astype(np.uint8 if depth == 8 else np.uint16)
    layout = make_layout(bit_depth=depth, full_range=full_range)

    merged = merge_frame(make_colored(y, torch.zeros(2, 4, 4)), make_settings(layout=layout, upsample=upsample))

    for plane in (merged.u, merged.v):
        assert plane.dtype == y.dtype
        assert (plane == 1 << (depth - 1)).all()
    assert merged.limited_share == 0


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (7, 1), (2, 2), (63, 95)])
@pytest.mark.parametrize("upsample", UPSAMPLES)
@pytest.mark.parametrize("chroma", sorted(STEPS))
def test_odd_and_tiny_sizes_round_up(chroma, upsample, size):
    merged = merge_frame(make_colored(noise(*size), random_ab()), make_settings(chroma, upsample=upsample))

    expected = (-(-size[0] // STEPS[chroma][0]), -(-size[1] // STEPS[chroma][1]))
    assert expected == merged.u.shape == merged.v.shape


@pytest.mark.parametrize("upsample", UPSAMPLES)
@pytest.mark.parametrize(
    ("matrix", "full_range", "depth"), [("bt601", True, 8), ("bt709", False, 8), ("bt709", False, 10)]
)
def test_a_viewer_sees_the_color_that_was_asked_for(matrix, full_range, depth, upsample):
    """Decoded by a player's formula and measured by scikit-image, over the middle lumas."""
    code = np.linspace(60, 200, 24 * 24).reshape(24, 24)
    y = (code * (1 << (depth - 8))).astype(np.uint8 if depth == 8 else np.uint16)
    ab = torch.tensor([12.0, -20.0]).view(2, 1, 1).expand(2, 6, 6)
    layout = make_layout(chroma="444", matrix=matrix, full_range=full_range, bit_depth=depth)

    merged = merge_frame(make_colored(y, ab), make_settings("444", layout=layout, upsample=upsample))

    rgb = displayed_rgb(y, merged.u, merged.v, depth=depth, full_range=full_range, matrix=matrix)
    assert rgb.min() > 0
    assert rgb.max() < 1
    found = rgb2lab(rgb)[..., 1:]
    # Half a code of 8 bits is up to 0.4 in b*; the guided filter smooths.
    assert np.abs(found - [12, -20]).max() < (0.8 if depth == 8 else 0.4)


def test_saturation_is_a_factor_on_ab():
    y, ab = noise(16, 16, low=100, high=150), random_ab(reach=20.0)

    halved = merge_frame(make_colored(y, ab), make_settings("444", saturation=0.5))
    smaller = merge_frame(make_colored(y, ab * 0.5), make_settings("444"))
    none = merge_frame(make_colored(y, ab), make_settings("444", saturation=0.0))

    assert np.array_equal(smaller.u, halved.u)
    assert np.array_equal(smaller.v, halved.v)
    assert (none.u == 128).all()


@pytest.mark.parametrize("matrix", sorted(WEIGHTS))
@pytest.mark.parametrize("chroma", sorted(STEPS))
def test_no_pixel_leaves_the_gamut(chroma, matrix):
    """Strong color on hard noise, 16 bits so that rounding does not hide anything: every pixel, not every sample."""
    y = noise(41, 67, depth=16)
    layout = make_layout(chroma=chroma, bit_depth=16, matrix=matrix)

    merged = merge_frame(make_colored(y, random_ab(reach=110.0)), make_settings(chroma, layout=layout))

    u, v = (spread_over_luma(plane, STEPS[chroma], y.shape) for plane in (merged.u, merged.v))
    rgb = displayed_rgb(y, u, v, depth=16, full_range=False, matrix=matrix)
    assert rgb.min() > -1e-4
    assert rgb.max() < 1 + 1e-4
    assert merged.limited_share > 0.1


def test_super_black_and_super_white_get_no_color_and_do_no_harm():
    """Studio range leaves codes below 16 and above 235 in the film: legal luma for the color maths is clipped."""
    y = np.array([[0, 255], [5, 250]], np.uint8)

    merged = merge_frame(make_colored(y, random_ab(reach=100.0)), make_settings("444"))

    assert np.abs(merged.u.astype(int) - 128).max() <= 1
    assert np.abs(merged.v.astype(int) - 128).max() <= 1


@pytest.mark.parametrize("siting", ["left", "center", "topleft"])
@pytest.mark.parametrize("upsample", UPSAMPLES)
@pytest.mark.parametrize("chroma", ["420", "410", "444"])
def test_bands_are_the_whole_picture(monkeypatch, chroma, upsample, siting):
    """Large stills are merged in bands of rows: a seam would be a line across the picture."""
    settings = make_settings(chroma, layout=make_layout(chroma=chroma, siting=siting), upsample=upsample)
    colored = make_colored(noise(83, 30), random_ab(), lightness=torch.rand(1, 12, 16) * 100)
    whole = merge_frame(colored, settings)

    monkeypatch.setattr(merge_module, "_BAND_SAMPLES", 3 * whole.u.shape[1])
    bands = merge_frame(colored, settings)

    # The order of float additions may differ in the last bit, which can tip a rounding by one code.
    for expected, found in ((whole.u, bands.u), (whole.v, bands.v)):
        difference = np.abs(expected.astype(int) - found.astype(int))
        assert difference.max() <= 1
        assert (difference > 0).mean() < 0.01
    assert whole.limited_share == pytest.approx(bands.limited_share, abs=1e-3)


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from(sorted(STEPS)), st.integers(0, 99))
def test_any_size_merges_to_legal_codes(height, width, chroma, seed):
    y = noise(height, width, low=0, high=255, seed=seed)

    merged = merge_frame(make_colored(y, random_ab(3, 5, reach=110.0)), make_settings(chroma))

    assert merged.u.dtype == np.uint8
    assert 16 <= min(merged.u.min(), merged.v.min())
    assert max(merged.u.max(), merged.v.max()) <= 240


def test_a_left_sited_edge_is_colored_a_quarter_sample_further_left_than_a_centered_one():
    """The chroma of a step in ab keeps its place in the picture, so its samples differ with the siting."""
    y = np.full((64, 64), 128, np.uint8)
    ab = torch.zeros(2, 32, 32)
    ab[0, :, 16:] = 40

    left, center = (
        merge_frame(make_colored(y, ab), make_settings(siting=siting)).v.astype(float) - 128
        for siting in ("left", "center")
    )

    # Colored area in samples: what is left of the first sample's own place is cut off.
    assert (left[16].sum() - center[16].sum()) / left[16].max() == pytest.approx(-0.25, abs=0.05)


def test_frames_keep_their_order():
    colored = [make_colored(noise(8, 8), random_ab(), pts=pts) for pts in (7, 11, 30)]

    assert [7, 11, 30] == [merged.frame.pts for merged in merge(colored, make_settings())]


def test_inference_mode_does_not_leak_between_bands():
    colored, settings = make_colored(noise(8, 8), random_ab()), make_settings()

    for _ in merge_module.chroma_bands(colored, settings):
        assert not torch.is_inference_mode_enabled()


def test_source_chroma_is_copied_and_widened():
    """The copy matters: the encoder writes into the very frame that the planes are views of."""
    u, v = noise(4, 4, seed=1), noise(4, 4, seed=2)
    frame = make_frame(noise(8, 8), u=u, v=v)

    same = source_chroma(frame, make_settings())
    deeper = source_chroma(frame, make_settings(depth=10))

    assert same.keeps_color
    assert np.array_equal(u, same.u)
    assert not np.shares_memory(u, same.u)
    assert np.array_equal(v.astype(np.uint16) * 4, deeper.v)
    assert deeper.v.dtype == np.uint16


def test_source_chroma_needs_a_source_grid_like_the_results():
    gray = make_frame(noise(8, 8), layout=make_layout(chroma="400", name="gray"))
    colored = make_frame(noise(8, 8), u=noise(4, 4), v=noise(4, 4))

    assert source_chroma(gray, make_settings()) is None
    assert source_chroma(colored, make_settings("444", layout=make_layout())) is None
