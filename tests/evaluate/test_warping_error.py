"""Warping error: masks and error as in the published programs, on flows of which everything is known."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from videocolor.evaluate.lab import rgb_to_lab
from videocolor.evaluate.warping import (
    PairMotion,
    WarpMeter,
    farneback_flow,
    leaves_frame,
    mean_square,
    motion_boundaries,
    occlusions,
    visible,
    warp,
)


def flow_of(columns, rows=0.0, shape=(1, 1)):
    return np.broadcast_to(np.array([columns, rows], np.float32), (*shape, 2)).copy()


def row_picture(*values):
    return np.array(values, np.float32)[None, :, None]


def texture(height=96, width=128, seed=0):
    noise = np.random.default_rng(seed).uniform(0, 255, (height, width)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 3)
    return cv2.normalize(smooth, smooth, 20, 235, cv2.NORM_MINMAX).astype(np.uint8)


@pytest.mark.parametrize(
    ("flow", "returned", "is_occluded"),
    [(10, -9, False), (10, -8, True), (1, -0.2, True), (1, -0.3, False), (0, 0, False)],
)
def test_occlusion_compares_squares(flow, returned, is_occluded):
    """Plain magnitudes would hide the second and the third pair's difference."""
    assert [[is_occluded]] == occlusions(flow_of(flow), flow_of(returned)).tolist()
    assert [[is_occluded]] == occlusions(flow_of(0, flow), flow_of(0, returned)).tolist()


@pytest.mark.parametrize(
    ("base", "step", "is_boundary"),
    [(0, 0.05, True), (0, 0.04, False), (2, 0.2, False), (2, 0.3, True)],
)
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("component", [0, 1])
def test_boundaries_are_forward_differences(base, step, is_boundary, axis, component):
    """The pixel before the step is marked, the one behind it is not; the last column and row never are."""
    flow = flow_of(base, shape=(3, 3))
    later = [slice(None), slice(None), component]
    later[axis] = slice(2, None)
    flow[tuple(later)] -= step

    found = motion_boundaries(flow)

    wanted = np.zeros((3, 3), bool)
    wanted[(slice(None), 1) if axis == 1 else (1, slice(None))] = is_boundary
    assert wanted.tolist() == found.tolist()


def test_vectors_that_leave_the_frame():
    """The published script takes a border pixel for them."""
    flow = np.zeros((4, 5, 2), np.float32)
    flow[0, 4] = (0.5, 0)
    flow[3, 0] = (0, 0.01)
    flow[1, 1] = (-1, -1)
    flow[2, 2] = (-2.01, 0)

    assert [[0, 4], [2, 2], [3, 0]] == np.argwhere(leaves_frame(flow)).tolist()


def test_the_opposite_flow_is_read_where_the_vector_ends():
    """On the same pixel it belongs to another scene point."""
    forward, backward = flow_of(2, shape=(1, 7)), flow_of(-2, shape=(1, 7))
    backward[0, :2] = (5, 0)

    assert [True] * 5 + [False] * 2 == visible(forward, backward)[0].tolist()


def test_warp_takes_the_other_frame_at_the_vector_s_end():
    picture = row_picture(10, 10, 20, 30, 44)

    assert [10, 20, 30, 44] == warp(picture, flow_of(1, shape=(1, 5)))[0, :4, 0].tolist()
    assert pytest.approx([10, 15, 25, 37]) == warp(picture, flow_of(0.5, shape=(1, 5)))[0, :4, 0]


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_warp_of_any_channels(channels):
    picture = np.random.default_rng(0).uniform(size=(20, 30, channels)).astype(np.float32)
    flow = np.random.default_rng(1).uniform(-40, 40, (20, 30, 2)).astype(np.float32)

    warped = warp(picture, flow)

    assert (20, 30, channels) == warped.shape
    assert 0 <= warped.min() <= warped.max() <= 1
    assert (picture[3:, 2:] == warp(picture, flow_of(2, 3, (20, 30)))[:-3, :-2]).all()


def test_error_of_one_row():
    """The last pixel leaves the frame; with it the error would be another."""
    frame, later = row_picture(10, 20, 30, 40, 50), row_picture(10, 10, 20, 30, 44)
    forward, backward = flow_of(1, shape=(1, 5)), flow_of(-1, shape=(1, 5))
    motion = PairMotion(forward=forward, visible=visible(forward, backward))

    assert [True] * 4 + [False] == motion.visible[0].tolist()
    assert pytest.approx(6.15148e-5, rel=1e-5) == mean_square(frame / 255, later / 255, motion)


def test_chroma_of_one_row():
    """Both channels count, and the root is taken of the mean over pairs, not pair by pair."""
    frame, later = row_picture(10, 20, 30, 40, 50), row_picture(10, 10, 20, 30, 44)
    ab, later_ab = (np.concatenate([a, np.zeros_like(a)], axis=2) for a in (frame, later))
    forward, backward = flow_of(1, shape=(1, 5)), flow_of(-1, shape=(1, 5))
    motion = PairMotion(forward=forward, visible=visible(forward, backward))
    meter = WarpMeter()

    meter.push(mean_square(ab, later_ab, motion))
    assert pytest.approx(1.414214, rel=1e-6) == meter.root
    meter.push(0.0)
    assert pytest.approx(1.0, rel=1e-6) == meter.root


def test_pairs_without_visible_pixels_are_left_out():
    """The published script counts them as error 0."""
    frame = row_picture(1, 2, 3)
    hidden = PairMotion(forward=flow_of(0, shape=(1, 3)), visible=np.zeros((1, 3), bool))
    meter = WarpMeter()

    meter.push(mean_square(frame, frame, hidden))

    assert meter.mean is None
    assert meter.root is None
    assert 0 == meter.count


@given(st.integers(-6, 6), st.integers(-4, 4))
def test_the_flow_finds_a_shift(columns, rows):
    gray = texture()
    later = np.roll(gray, (rows, columns), (0, 1))

    flow = farneback_flow(gray, later)

    assert np.abs(flow[16:-16, 16:-16] - (columns, rows)).mean() < 0.2


def test_a_moving_picture_has_little_error_and_a_still_one_none():
    rng = np.random.default_rng(0)
    color = cv2.GaussianBlur(rng.integers(0, 256, (96, 128, 3), np.uint8), (0, 0), 4)
    gray = texture()
    moved, moved_color = np.roll(gray, 3, 1), np.roll(color, 3, 1)
    ab, later_ab = rgb_to_lab(color)[..., 1:], rgb_to_lab(moved_color)[..., 1:]

    still, moving = PairMotion.of(gray, gray), PairMotion.of(gray, moved)

    assert 0 == mean_square(ab, ab, still)
    assert mean_square(ab, later_ab, moving) < 0.05 * mean_square(ab, later_ab, still)


def test_noise_of_the_chroma_is_measured():
    """Independent noise of deviation s on both channels gives sqrt(2) s, whatever moves."""
    rng = np.random.default_rng(0)
    motion = PairMotion.of(texture(), texture())
    meter = WarpMeter()
    for _ in range(4):
        noise = rng.normal(0, 5, (2, 96, 128, 2)).astype(np.float32)
        meter.push(mean_square(noise[0], noise[1], motion))

    assert pytest.approx(5 * 2**0.5, rel=0.02) == meter.root


def test_a_mirrored_pair_has_nearly_the_same_error():
    """But for the boundaries' forward differences."""
    gray, color = texture(), texture(seed=1).astype(np.float32)[..., None]
    moved, moved_color = np.roll(gray, (1, 2), (0, 1)), np.roll(color, (2, 1), (0, 1))

    value = mean_square(color, moved_color, PairMotion.of(gray, moved))
    flipped = PairMotion.of(*(np.ascontiguousarray(plane[:, ::-1]) for plane in (gray, moved)))

    assert pytest.approx(value, rel=0.02) == mean_square(color[:, ::-1], moved_color[:, ::-1], flipped)
