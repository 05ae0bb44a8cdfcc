"""Luma at the chroma grid against loops that anyone can read."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from videocolor.merge.luma_grid import luma_at_chroma, luma_extremes

STEPS = [(1, 1), (1, 2), (2, 2), (2, 1), (1, 4), (4, 4)]

planes = st.builds(
    lambda height, width, seed, deep: np.random.default_rng(seed).integers(
        0, 65536 if deep else 256, (height, width), dtype=np.uint16 if deep else np.uint8
    ),
    st.integers(1, 11),
    st.integers(1, 11),
    st.integers(0, 1000),
    st.booleans(),
)


def weights_of_sample(index, step, length, cosited):
    """{pixel: weight}: a triangle around the first pixel, or the mean of the sample's own; the edge is repeated."""
    if cosited:
        taps = {index * step + d: (step - abs(d)) / step**2 for d in range(-step + 1, step)}
    else:
        taps = {index * step + d: 1 / step for d in range(step)}
    weights = dict.fromkeys(range(length), 0.0)
    for place, weight in taps.items():
        weights[min(max(place, 0), length - 1)] += weight
    return weights


@given(planes, st.sampled_from(STEPS), st.sampled_from(["left", "center", "topleft"]))
def test_luma_at_chroma_is_the_naive_loop(y, steps, siting):
    found = luma_at_chroma(y, steps, siting)

    height, width = y.shape
    assert (-(-height // steps[0]), -(-width // steps[1])) == found.shape
    for i in range(found.shape[0]):
        down = weights_of_sample(i, steps[0], height, siting == "topleft")
        for j in range(found.shape[1]):
            across = weights_of_sample(j, steps[1], width, siting != "center")
            expected = sum(down[r] * across[c] * float(y[r, c]) for r in range(height) for c in range(width))
            assert expected == pytest.approx(float(found[i, j]), abs=0.02 if y.dtype == np.uint16 else 1e-4)


@given(planes, st.sampled_from(STEPS))
def test_luma_extremes_are_the_naive_loop(y, steps):
    low, high = luma_extremes(y, steps)

    assert low.dtype == high.dtype == y.dtype
    assert (-(-y.shape[0] // steps[0]), -(-y.shape[1] // steps[1])) == low.shape == high.shape
    for i in range(low.shape[0]):
        for j in range(low.shape[1]):
            own = y[i * steps[0] : (i + 1) * steps[0], j * steps[1] : (j + 1) * steps[1]]
            assert (own.min(), own.max()) == (low[i, j], high[i, j])


@pytest.mark.parametrize("steps", STEPS)
def test_views_and_read_only_planes_are_taken_as_they_come(steps):
    """The decoder gives read-only views with line padding; packed formats every second byte."""
    store = np.random.default_rng(0).integers(0, 256, (9, 26), dtype=np.uint8)
    view = store[:, 0:22:2]
    view.flags.writeable = False
    plain = view.copy()

    assert np.array_equal(luma_at_chroma(plain, steps, "left"), luma_at_chroma(view, steps, "left"))
    for expected, found in zip(luma_extremes(plain, steps), luma_extremes(view, steps), strict=True):
        assert np.array_equal(expected, found)
