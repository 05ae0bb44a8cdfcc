"""Enlarging: a straight line stays that line at the very places where chroma samples lie. Half a pixel off fails."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from videocolor.color import resample
from videocolor.color.resample import enlarge, enlarging_matrix, guided_coefficients, joint_bilateral

STEPS = {"420": (2, 2), "422": (1, 2), "444": (1, 1), "440": (2, 1), "411": (1, 4), "410": (4, 4)}
SITINGS = ("left", "center", "topleft")


def places(count, step, cosited):
    """Where chroma samples lie, in pixels from the picture's edge: a pixel's middle is at .5."""
    first = 0.5 if cosited else step / 2
    return torch.arange(count, dtype=torch.float32) * step + first


def ramps(source, luma):
    """(1, 2, h, w): the vertical and the horizontal place of every sample of the small picture, in luma pixels."""
    down = (torch.arange(source[0]) + 0.5) * luma[0] / source[0]
    across = (torch.arange(source[1]) + 0.5) * luma[1] / source[1]
    return torch.stack(torch.meshgrid(down, across, indexing="ij"))[None]


@pytest.mark.parametrize("siting", SITINGS)
@pytest.mark.parametrize("chroma", sorted(STEPS))
@pytest.mark.parametrize("luma", [(96, 128), (95, 127)])
def test_a_ramp_has_its_own_value_at_every_chroma_sample(chroma, siting, luma):
    rows, columns = STEPS[chroma]
    source = (24, 32)

    found = enlarge(ramps(source, luma), luma, (rows, columns), siting)[0]

    down = places(found.shape[1], rows, siting == "topleft")
    across = places(found.shape[2], columns, siting != "center")
    # Within some small samples of the border the replicated edge bends the line, each by an eighth of the one before.
    inner_rows = (down > 6 * luma[0] / 24) & (down < luma[0] - 6 * luma[0] / 24)
    inner_columns = (across > 6 * luma[1] / 32) & (across < luma[1] - 6 * luma[1] / 32)
    assert inner_rows.sum() > 8
    assert inner_columns.sum() > 8
    expected_down, expected_across = torch.meshgrid(down, across, indexing="ij")
    torch.testing.assert_close(found[0][inner_rows], expected_down[inner_rows], atol=2e-4, rtol=0)
    torch.testing.assert_close(found[1][:, inner_columns], expected_across[:, inner_columns], atol=2e-4, rtol=0)


@pytest.mark.parametrize(("siting", "place"), [("center", 7.0), ("left", 7.25)])
def test_an_impulse_lies_where_the_siting_says(siting, place):
    """Sample 7 of 16 lies at 15.0 of 32 pixels: chroma sample j at 2 j + 1 (center) or 2 j + 0.5 (left)."""
    small = torch.zeros(1, 1, 1, 16)
    small[..., 7] = 1

    row = enlarge(small, (1, 32), (1, 2), siting)[0, 0, 0]

    assert place == pytest.approx(float((row * torch.arange(16)).sum() / row.sum()), abs=1e-4)


@given(st.integers(1, 40), st.integers(1, 200), st.sampled_from([1, 2, 4]), st.booleans())
def test_rows_of_the_matrix_sum_to_one(source, luma, step, cosited):
    """A constant stays that constant, at borders and at every size down to one pixel."""
    matrix = enlarging_matrix(source, luma, step, cosited)

    assert (-(-luma // step), source) == tuple(matrix.shape)
    torch.testing.assert_close(matrix.sum(dim=1), torch.ones(len(matrix)), atol=1e-6, rtol=0)


def test_the_same_size_is_the_same_picture():
    small = torch.rand(2, 2, 7, 9)

    torch.testing.assert_close(enlarge(small, (7, 9), (1, 1), "center"), small, atol=1e-6, rtol=0)


@pytest.mark.parametrize("chroma", ["420", "444"])
def test_the_averages_over_the_network_s_samples_are_its_answer(chroma):
    """A curve through the answer would average it once more: an edge of one sample became one of nearly two."""
    small = torch.rand(1, 2, 6, 8, generator=torch.Generator().manual_seed(0))
    rows, columns = STEPS[chroma]

    grown = enlarge(small, (96, 128), (rows, columns), "center")

    torch.testing.assert_close(F.avg_pool2d(grown, (16 // rows, 16 // columns)), small, atol=1e-5, rtol=0)


def test_chroma_samples_of_the_network_s_size_are_its_answer():
    small = torch.rand(1, 2, 6, 8, generator=torch.Generator().manual_seed(0))

    torch.testing.assert_close(enlarge(small, (12, 16), (2, 2), "center"), small, atol=1e-6, rtol=0)


def test_fewer_chroma_samples_are_averages_of_the_answer():
    small = torch.rand(1, 2, 6, 8, generator=torch.Generator().manual_seed(0))

    torch.testing.assert_close(enlarge(small, (3, 4), (1, 1), "center"), F.avg_pool2d(small, 2), atol=1e-5, rtol=0)


@pytest.mark.parametrize("edge", range(152, 168))
def test_a_sharp_edge_rings_little_and_not_far(edge):
    """It is what keeping the averages costs; photographs, whose edges are softer, gain (scripts/bench_upsample.py)."""
    truth = (torch.arange(320) >= edge).float()
    small = F.avg_pool1d(truth[None], 16)[None, None, 0, None]

    grown = enlarge(small, (1, 320), (1, 1), "center")[0, 0, 0]

    assert -0.18 < grown.min()
    assert grown.max() < 1.18
    assert (grown - truth).abs().sum() < 8.5
    assert (grown - truth)[: edge - 48].abs().max() < 0.02


@pytest.mark.parametrize("siting", SITINGS)
def test_bands_are_the_whole_picture(siting):
    small = torch.rand(1, 2, 9, 7, generator=torch.Generator().manual_seed(0))
    whole = enlarge(small, (75, 61), (2, 2), siting)

    bands = [enlarge(small, (75, 61), (2, 2), siting, slice(top, top + 5)) for top in range(0, 38, 5)]

    torch.testing.assert_close(torch.cat(bands, dim=2), whole, atol=1e-6, rtol=0)


def test_a_matrix_made_in_inference_mode_can_be_trained_through():
    resample.enlarging_matrix.cache_clear()
    with torch.inference_mode():
        enlarge(torch.rand(1, 2, 3, 3), (8, 8), (2, 2), "left")
    small = torch.rand(1, 2, 3, 3, requires_grad=True)

    enlarge(small, (8, 8), (2, 2), "left").sum().backward()

    assert float(small.grad.sum()) == pytest.approx(2 * 4 * 4, rel=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (2, 5), (3, 3), (9, 4)])
def test_joint_bilateral_keeps_a_constant_at_every_size(size):
    ab, guide = torch.full((1, 2, *size), 30.0), torch.rand(1, 1, *size) * 100

    torch.testing.assert_close(joint_bilateral(ab, guide), ab)


def test_joint_bilateral_stops_at_edges_of_the_guide():
    """Two halves of other color: they mix where the guide is flat, and stay apart where it has an edge."""
    ab = torch.zeros(1, 2, 8, 8)
    ab[..., 4:] = 40
    edge = torch.zeros(1, 1, 8, 8)
    edge[..., 4:] = 60

    assert joint_bilateral(ab, torch.zeros_like(edge))[0, 0, 4, 3] > 5
    torch.testing.assert_close(joint_bilateral(ab, edge), ab, atol=1e-3, rtol=0)


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (16, 20)])
def test_the_guided_filter_finds_a_linear_relation(size):
    """ab = 30 * guide - 10 is what its model can say exactly; a flat guide gives the mean."""
    guide = torch.rand(1, 1, *size, generator=torch.Generator().manual_seed(0))
    ab = torch.cat([30 * guide - 10, -20 * guide], dim=1)

    slope, offset = guided_coefficients(ab, guide, epsilon=1e-9)

    torch.testing.assert_close(slope * guide + offset, ab, atol=0.05, rtol=0)
