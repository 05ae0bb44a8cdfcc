"""Chroma under a luma that stays: the solver inverts a color's own Y'CbCr, the table is near it, gray is gray."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from videocolor.color.lab import lab_to_rgb_unclipped, rgb_to_lab
from videocolor.color.yuv import (
    AB_LIMIT,
    ColorSpace,
    chroma_of_color,
    code_range,
    limit_to_gamut,
    luma_weights,
    solve_chroma,
)

# ITU-R BT.601, BT.709, BT.2020, as their standards print them.
WEIGHTS = {"bt601": (0.299, 0.587, 0.114), "bt709": (0.2126, 0.7152, 0.0722), "bt2020": (0.2627, 0.6780, 0.0593)}
SDR_SPACES = [
    ColorSpace(matrix="bt601", primaries="bt709", transfer="sdr"),
    ColorSpace(matrix="bt709", primaries="bt709", transfer="sdr"),
    ColorSpace(matrix="bt2020", primaries="bt2020", transfer="sdr"),
    ColorSpace(matrix="bt2020", primaries="bt709", transfer="sdr"),
]
PQ = ColorSpace(matrix="bt2020", primaries="bt2020", transfer="pq")
SPACES = [*SDR_SPACES, PQ]


def name_of(space):
    return f"{space.matrix}-{space.primaries}-{space.transfer}"


@pytest.fixture(scope="module", params=SPACES, ids=name_of)
def space(request):
    """One after the other, because a table takes a second to make and only four are kept."""
    return request.param


def ycbcr(rgb, matrix):
    """Y', Cb, Cr of R'G'B' by the standards' formula."""
    kr, kg, kb = WEIGHTS[matrix]
    red, green, blue = rgb[:, 0:1], rgb[:, 1:2], rgb[:, 2:3]
    luma = kr * red + kg * green + kb * blue
    return luma, torch.cat([(blue - luma) / (2 * (1 - kb)), (red - luma) / (2 * (1 - kr))], dim=1)


def rgb_of(luma, chroma, matrix):
    kr, kg, kb = WEIGHTS[matrix]
    blue, red = luma + 2 * (1 - kb) * chroma[:, 0:1], luma + 2 * (1 - kr) * chroma[:, 1:2]
    return torch.cat([red, (luma - kr * red - kb * blue) / kg, blue], dim=1)


def film_colors(space, *, count=40_000, spread=18.0):
    """Colors as photographs have them: any lightness, ab of a normal distribution, inside the gamut."""
    generator = torch.Generator().manual_seed(1)
    lightness = torch.rand(1, 1, 1, count, generator=generator, dtype=torch.float64) * 98 + 1
    ab = torch.randn(1, 2, 1, count, generator=generator, dtype=torch.float64) * spread
    rgb = lab_to_rgb_unclipped(lightness, ab, primaries=space.primaries, transfer=space.transfer)
    inside = ((rgb >= 0) & (rgb <= 1)).all(dim=1).flatten() & (ab.abs() < AB_LIMIT).all(dim=1).flatten()
    return rgb[..., inside], ab[..., inside]


def code_errors(found, expected):
    """Errors in codes of 8 bits, sorted."""
    return ((found.double() - expected) * 255).abs().flatten().sort().values


def test_the_solver_gives_a_colors_own_chroma_back(space):
    """So the luma of the answer is the film's Y', within a thousandth of a code."""
    rgb, ab = film_colors(space)
    luma, chroma = ycbcr(rgb, space.matrix)

    errors = code_errors(solve_chroma(luma, ab, space), chroma)

    assert errors[int(len(errors) * 0.999)] < 1e-3
    # Near black PQ is so steep that a few samples stop a hundredth of a code away.
    assert errors[-1] < (0.02 if space is PQ else 1e-3)


@pytest.mark.parametrize("space", SDR_SPACES, ids=name_of)
def test_the_solver_keeps_its_promise_in_float32_and_for_every_saturation(space):
    rgb = torch.rand(1, 3, 1, 20_000, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    luma, chroma = ycbcr(rgb, space.matrix)
    _, ab = rgb_to_lab(rgb, primaries=space.primaries)

    assert code_errors(solve_chroma(luma.float(), ab.float(), space), chroma)[-1] < 2e-3


def test_the_solver_never_leaves_the_bracket(space):
    """Colors that no screen shows, at the ends of luma: finite, and not far outside."""
    luma = torch.linspace(0, 1, 33).view(1, 1, 1, -1).expand(4, -1, -1, -1)
    ab = torch.tensor([[110.0, 110], [110, -110], [-110, 110], [-110, -110]]).view(4, 2, 1, 1).expand(-1, -1, -1, 33)

    chroma = solve_chroma(luma, ab, space)

    assert torch.isfinite(chroma).all()
    assert chroma.abs().max() < 3


def test_the_table_is_as_near_as_it_says(space):
    """On average under a twentieth of an 8-bit code, 99 % within a third of one; PQ is coarser near black."""
    rgb, ab = film_colors(space)
    luma, chroma = ycbcr(rgb, space.matrix)
    found = chroma_of_color(luma.float(), ab.float(), space)

    errors = code_errors(found, chroma)
    assert errors.mean() < 0.05
    if space is PQ:
        bright = (luma > 0.3).flatten()
        assert code_errors(found[..., bright], chroma[..., bright])[-1] < 2.5
    else:
        assert errors[int(len(errors) * 0.99)] < 0.35
        assert errors[int(len(errors) * 0.999)] < 1


def test_neutral_stays_exactly_neutral_at_every_luma(space):
    """Bits, not tolerances: a rounding error here would tint all gray film."""
    luma = torch.cat([torch.linspace(-0.1, 1.1, 20_001), torch.arange(1024) / 1023]).view(1, 1, 1, -1)

    chroma = chroma_of_color(luma, torch.zeros(1, 2, 1, luma.shape[3]), space)

    assert torch.equal(chroma, torch.zeros_like(chroma))


def test_ab_beyond_the_limit_is_cut_there(space):
    luma, far = torch.full((1, 1, 1, 1), 0.5), torch.tensor([500.0, -500.0]).view(1, 2, 1, 1)

    torch.testing.assert_close(
        chroma_of_color(luma, far, space), chroma_of_color(luma, far.clamp(-AB_LIMIT, AB_LIMIT), space)
    )


@given(
    st.floats(-0.5, 0.5),
    st.floats(-0.5, 0.5),
    st.tuples(st.floats(0, 1), st.floats(0, 1)),
    st.floats(0, 1),
    st.sampled_from(sorted(WEIGHTS)),
)
def test_limited_chroma_is_legal_under_every_luma_that_shares_it(cb, cr, lumas, place, matrix):
    low, high = sorted(lumas)
    chroma = torch.tensor([cb, cr]).view(1, 2, 1, 1)
    one = torch.ones(1, 1, 1, 1)

    limited, factor = limit_to_gamut(chroma, one * low, one * high, matrix)

    assert 0 <= float(factor) <= 1
    torch.testing.assert_close(limited, chroma * factor, atol=0, rtol=0)
    rgb = rgb_of(one * (low + place * (high - low)), limited, matrix)
    assert -2e-6 <= float(rgb.min())
    assert float(rgb.max()) <= 1 + 2e-6


@given(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5), st.floats(0, 1))
def test_legal_chroma_is_not_touched(cb, cr, luma):
    """And what is limited keeps all that fits: a little more would leave the gamut."""
    chroma, one = torch.tensor([cb, cr]).view(1, 2, 1, 1), torch.ones(1, 1, 1, 1)
    limited, factor = limit_to_gamut(chroma, one * luma, one * luma, "bt709")

    rgb = rgb_of(one * luma, chroma, "bt709")
    if rgb.min() >= 0 and rgb.max() <= 1:
        assert float(factor) > 1 - 1e-4
    elif float(factor) < 0.99:
        fuller = rgb_of(one * luma, chroma * (factor + 0.01), "bt709")
        assert fuller.min() < 1e-6 or fuller.max() > 1 - 1e-6
    assert limited.shape == chroma.shape


def test_gray_black_and_white_are_not_limited():
    """The report said that a part of every gray film was pulled into the gamut: its black bars and white titles."""
    ends = torch.tensor([0.0, 1.0]).view(1, 1, 1, 2)

    _, factor = limit_to_gamut(torch.zeros(1, 2, 1, 2), ends, ends, "bt709")

    assert factor.flatten().tolist() == [1, 1]


@pytest.mark.parametrize(
    ("depth", "full_range", "expected"),
    [
        (8, False, (16, 219, 224)),
        (10, False, (64, 876, 896)),
        (16, False, (4096, 56064, 57344)),
        (8, True, (0, 255, 255)),
        (10, True, (0, 1023, 1023)),
    ],
)
def test_code_ranges_are_those_of_the_standards(depth, full_range, expected):
    assert expected == code_range(depth, full_range)


@pytest.mark.parametrize("matrix", sorted(WEIGHTS))
def test_weights_are_those_of_the_standards(matrix):
    assert WEIGHTS[matrix] == pytest.approx(luma_weights(matrix), abs=1e-12)
