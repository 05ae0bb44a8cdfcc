"""Colors carried along the motion: chains, weights, what is lost, and which frames must be seen by the network."""

import numpy as np
import pytest

from videocolor.core.motion import Field, Motion
from videocolor.temporal import propagation
from videocolor.temporal.motion import warp
from videocolor.temporal.propagation import carry

HEIGHT, WIDTH = 24, 40
STILL = (0.0, 0.0)


def field(step=STILL, trust=1.0):
    """Every pixel moves by columns, rows; points outside the frame are not trusted, as optical flow has it."""
    vectors = np.broadcast_to(np.array(step, np.float32), (HEIGHT, WIDTH, 2)).copy()
    rows, columns = np.indices((HEIGHT, WIDTH))
    columns, rows = columns + step[0], rows + step[1]
    inside = (columns >= 0) & (columns < WIDTH) & (rows >= 0) & (rows < HEIGHT)
    return Field(vectors=vectors, confidence=np.where(inside, trust, 0).astype(np.float32))


def motion(to_previous=None, from_previous=None, *, gray=None, is_flash=False):
    gray = np.full((HEIGHT, WIDTH), 128, np.uint8) if gray is None else gray
    return Motion(
        gray=gray, to_previous=to_previous or field(), from_previous=from_previous or field(), is_flash=is_flash
    )


def panning(count, step, *, trust=1.0):
    """The picture moves by `step` from frame to frame."""
    columns, rows = step
    return [motion(field((-columns, -rows), trust), field(step, trust)) for _ in range(count)]


def colors(a, b=0.0, confidence=1.0, *, size=(HEIGHT, WIDTH)):
    return np.stack([np.broadcast_to(np.float32(value), size) for value in (a, b, confidence)]).astype(np.float32)


def gray(value=128):
    return np.full((HEIGHT, WIDTH), value, np.uint8)


def hole(moved, rows=slice(4, 20), columns=slice(10, 30)):
    """The field without trust in a part of the picture."""
    confidence = moved.confidence.copy()
    confidence[rows, columns] = 0
    return Field(vectors=moved.vectors, confidence=confidence)


def find_routes(motions, *, is_closed, key=None, most_lost=0.05):
    """Routes of the frames behind a key frame."""
    key, *routes = propagation.find_routes([key or motion(), *motions], is_closed=is_closed, most_lost=most_lost)
    assert key is None
    return routes


def inferred(routes):
    """Positions behind the key frame."""
    return [index for index, route in enumerate(routes) if route is None]


def test_fields_are_composed_so_that_a_chain_of_whole_pixels_is_exact():
    routes = find_routes(panning(5, (3, -1)), is_closed=True, most_lost=1)

    assert routes[-1] is None
    for number, route in enumerate(routes[:-1], start=1):
        assert (route.before.length, route.after.length) == (number, 5 - number)
        inner = (slice(5, -5), slice(15, -15))
        np.testing.assert_array_equal(route.before.field.vectors[inner], np.full((14, 10, 2), (-3 * number, number)))
        np.testing.assert_array_equal(
            route.after.field.vectors[inner], np.full((14, 10, 2), (3 * (5 - number), number - 5))
        )


def test_vectors_are_taken_where_the_step_before_leads_to():
    """A zoom: the sum of the vectors at one place would be another point."""
    rows, columns = np.indices((HEIGHT, WIDTH), dtype=np.float32)
    zoom = Field(
        vectors=np.dstack([-columns / 10, -rows / 10]).astype(np.float32),
        confidence=np.ones((HEIGHT, WIDTH), np.float32),
    )

    route = find_routes([motion(zoom), motion(zoom), motion(zoom)], is_closed=False)[-1]

    np.testing.assert_allclose(route.before.field.vectors[..., 0], columns * (0.9**3 - 1), atol=1e-4)
    np.testing.assert_allclose(route.before.field.vectors[..., 1], rows * (0.9**3 - 1), atol=1e-4)


def test_trust_is_multiplied_along_the_chain():
    routes = find_routes(panning(4, STILL, trust=0.8), is_closed=True)

    found = [float(route.before.field.confidence[5, 5]) for route in routes[:-1]]
    np.testing.assert_allclose(found, [0.8, 0.64, 0.512], rtol=1e-6)
    np.testing.assert_allclose([float(route.confidence[5, 5]) for route in routes[:-1]], [0.8, 0.64, 0.8], rtol=1e-6)


def test_a_chain_whose_ends_differ_is_not_trusted():
    """Every step looked right, but little by little the chain went astray: half of the picture is another object's."""
    halves = np.full((HEIGHT, WIDTH), 128, np.uint8)
    halves[:, WIDTH // 2 :] = 188

    routes = find_routes([motion(gray=halves)], is_closed=False, most_lost=1)

    found = routes[0].before.field.confidence
    np.testing.assert_allclose(found[:, :17], 1, atol=1e-6)
    np.testing.assert_allclose(found[:, 23:], np.exp(-((60 / 25) ** 2)), atol=1e-6)


def test_a_pan_carries_the_colors_unchanged():
    """However many frames: the key frame is sampled once."""
    rng = np.random.default_rng(0)
    before = rng.uniform(-60, 60, (3, HEIGHT, WIDTH)).astype(np.float32)
    before[2] = 1
    routes = find_routes(panning(6, (2, 1)), is_closed=False, most_lost=1)

    for number, route in enumerate(routes, start=1):
        found = carry(route, gray(), before, None)
        reached = (slice(number, None), slice(2 * number, None))
        expected = before[:, : HEIGHT - number, : WIDTH - 2 * number]
        np.testing.assert_allclose(found[(slice(None), *reached)], expected, atol=1e-4)


def test_colors_change_steadily_from_one_key_frame_to_the_next():
    routes = find_routes(panning(4, STILL), is_closed=True)

    found = [carry(route, gray(), colors(10), colors(30, 40)) for route in routes[:-1]]

    np.testing.assert_allclose([(x[0, 3, 3], x[1, 3, 3]) for x in found], [(15, 10), (20, 20), (25, 30)], atol=1e-3)


def test_a_side_that_is_not_trusted_hardly_counts():
    """Far on the left the next key frame has what the last one does not show."""
    lost = hole(field(), columns=slice(0, 20))
    motions = [motion(lost, field()), motion()]

    found = carry(find_routes(motions, is_closed=True, most_lost=1)[0], gray(), colors(10), colors(30))

    np.testing.assert_allclose(found[0, 8, 5], 30, atol=0.05)
    np.testing.assert_allclose(found[0, 8, 35], 20, atol=0.05)


def test_what_no_key_frame_shows_takes_the_color_of_like_luma_around_it():
    """A bright and a dark half; the hole lies across both, and its carried color is nobody's."""
    halves = np.full((HEIGHT, WIDTH), 200, np.uint8)
    halves[:, : WIDTH // 2] = 60
    before = colors(np.where(halves > 100, 40.0, -40.0))
    before[0, 9:15, 16:24] = 0
    behind = motion(hole(field(), slice(9, 15), slice(16, 24)), gray=halves)
    route = find_routes([behind], key=motion(gray=halves), is_closed=False, most_lost=1)[0]

    found = carry(route, halves, before, None)

    np.testing.assert_allclose(found[0, 9:15, 16:20], -40, atol=4)
    np.testing.assert_allclose(found[0, 9:15, 20:24], 40, atol=4)
    assert (found[2, 9:15, 16:24] == 0).all(), "it is a guess"
    np.testing.assert_allclose(found[0, :6], before[0, :6], atol=1e-4)


def test_a_frame_that_is_lost_as_a_whole_is_not_gray():
    """A flash across a cut that was missed: no chain is trusted, and some color must be given."""
    lost = motion(field(trust=0.0), field(trust=0.0), is_flash=True)

    found = carry(find_routes([lost, motion()], is_closed=True)[0], gray(), colors(30, -20), colors(30, -20))

    np.testing.assert_allclose(found[0], 30, atol=1e-2)
    np.testing.assert_allclose(found[1], -20, atol=1e-2)


def test_the_colorizer_s_confidence_is_carried_and_lessened_by_that_of_the_motion():
    route = find_routes(panning(2, STILL, trust=0.8), is_closed=True)[0]

    found = carry(route, gray(), colors(0, confidence=0.5), colors(0, confidence=0.9))

    np.testing.assert_allclose(found[2], 0.8 * (0.5 + 0.9) / 2, atol=1e-3)


def test_gray_stays_gray():
    route = find_routes(panning(4, (3, 1), trust=0.4), is_closed=True, most_lost=1)[1]

    assert not carry(route, gray(), colors(0), colors(0))[:2].any()


@pytest.mark.parametrize(("down", "across"), [(2, 2), (3, 1), (1, 2)])
def test_colors_may_be_finer_than_the_motion(down, across):
    """A network's answer is finer, or has another aspect: vectors are measured in its pixels."""
    size = HEIGHT * down, WIDTH * across
    before = colors(np.arange(size[1]) * 0.5 + np.arange(size[0])[:, None] * 0.25, size=size)
    routes = find_routes(panning(3, (2, 1)), is_closed=False, most_lost=1)

    found = carry(routes[-1], gray(), before, None)

    assert found.shape == (3, *size)
    inner = (slice(5 * down, -5 * down), slice(10 * across, -10 * across))
    np.testing.assert_allclose(found[0][inner], before[0][inner] - 0.5 * 6 * across - 0.25 * 3 * down, atol=1e-3)


def test_what_can_be_followed_needs_no_further_key_frame():
    assert inferred(find_routes(panning(8, (1, 0)), is_closed=True)) == [7]
    assert inferred(find_routes(panning(8, STILL), is_closed=False)) == []


def test_a_frame_that_neither_key_frame_shows_is_inferred():
    """Something appears in the third frame of the gap and is gone in the fourth."""
    motions = panning(6, STILL)
    motions[2] = motion(hole(field()), field())
    motions[3] = motion(field(), hole(field()))

    assert inferred(find_routes(motions, is_closed=True)) == [2, 5]


def test_what_stays_comes_from_the_key_frame_behind():
    motions = panning(6, STILL)
    motions[2] = motion(hole(field()), field())

    routes = find_routes(motions, is_closed=True)

    assert inferred(routes) == [5]
    assert float(carry(routes[3], gray(), colors(10), colors(30))[0, 10, 20]) == pytest.approx(30, abs=0.1)


def test_behind_the_last_key_frame_the_shot_s_end_is_inferred_where_the_chain_breaks():
    motions = panning(6, STILL)
    motions[2] = motion(hole(field()), field())

    assert inferred(find_routes(motions, is_closed=False)) == [5]


def test_a_small_loss_is_filled_and_a_large_one_is_not():
    def lost(share):
        return hole(field(), slice(0, HEIGHT), slice(0, round(WIDTH * share)))

    def found(share):
        return inferred(find_routes([motion(lost(share), field()), motion(field(), lost(share))], is_closed=True))

    assert found(0.02) == [1]
    assert found(0.1) == [0, 1]


def test_frames_of_a_flash_are_never_inferred():
    broken = [motion(hole(field()), hole(field()), is_flash=True) for _ in range(3)]

    routes = find_routes([*broken, *panning(2, STILL)], is_closed=True)

    assert inferred(routes) == [4]
    assert inferred(find_routes(broken, is_closed=False)) == []


def test_every_frame_of_a_gap_can_become_a_key_frame():
    nothing = field(trust=0.0)

    routes = find_routes([motion(nothing, nothing) for _ in range(9)], is_closed=True)

    assert inferred(routes) == list(range(9))


def test_chains_stay_within_the_key_frames_that_are_added():
    """A chain across a frame that is seen itself would be longer than it must be."""
    motions = panning(8, STILL)
    motions[3] = motion(hole(field()), field())
    motions[4] = motion(field(), hole(field()))

    routes = find_routes(motions, is_closed=True)

    lengths = [None if route is None else (route.before.length, route.after.length) for route in routes]
    assert lengths == [(1, 3), (2, 2), (3, 1), None, (1, 3), (2, 2), (3, 1), None]


def test_the_step_of_a_chain_is_the_frame_s_own_field():
    moved = panning(1, (2, 0))

    route = find_routes(moved, is_closed=False, most_lost=1)[0]

    plane = np.random.default_rng(1).random((HEIGHT, WIDTH)).astype(np.float32)
    np.testing.assert_array_equal(warp(plane, route.before.field.vectors), warp(plane, moved[0].to_previous.vectors))
