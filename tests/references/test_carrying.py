"""A painted frame's color along the motion, in scenes whose motion is known."""

import numpy as np
import pytest
from moving_scenes import HEIGHT, WIDTH, Scene, square_scene, texture, two_tone

from videocolor.references.carry import Colors, blended, carry, painted_over

RED, GREEN = (40.0, 25.0), (-30.0, 20.0)
WHOLE = np.ones((HEIGHT, WIDTH), np.float32)


def source_of(scene, number=0, weight=WHOLE):
    return painted_over(two_tone(scene.inside(number), RED, GREEN), weight, None)


def forward(scene, count, source=None):
    motions = scene.motions(count)
    steps = ((motion.gray, motion.to_previous) for motion in motions[1:])
    return list(carry(source or source_of(scene), motions[0].gray, steps))


def test_a_still_scene_keeps_the_painting():
    """Sharp edges too, after any number of frames."""
    scene = square_scene()

    *_, last = forward(scene, 20)

    assert np.allclose(two_tone(scene.inside(0), RED, GREEN), last.ab, atol=0.01)
    assert (last.weight > 0.999).all()
    assert np.allclose(19, last.age)


@pytest.mark.parametrize("pan", [0, 2])
def test_moving_objects_keep_their_color_exactly(pan):
    scene = square_scene(lambda number: (30 + number, 20 + 3 * number), pan)

    for number, colors in enumerate(forward(scene, 12), start=1):
        inside, outside = scene.inside(number, less=16), scene.outside(number, less=16)
        error = np.abs(colors.ab[inside] - RED)
        assert np.median(error) < 1e-4
        assert error.max() < 0.5
        assert (colors.weight[inside] > 0.99).all()
        # What the square uncovered was never painted, and has little weight.
        trusted = outside & (colors.weight > 0.9)
        assert trusted.sum() > 0.9 * outside.sum()
        assert (np.abs(colors.ab[trusted] - GREEN).max(axis=1) < 0.1).mean() > 0.96


def test_backward_is_forward_in_a_mirror():
    scene = square_scene(lambda number: (30, 20 + 3 * number))
    motions = scene.motions(9)
    steps = ((motions[number].gray, motions[number + 1].from_previous) for number in range(7, -1, -1))

    *_, first = carry(source_of(scene, 8), motions[8].gray, steps)

    assert np.allclose(RED, first.ab[scene.inside(0, less=16)], atol=0.05)


def test_what_comes_in_later_is_not_painted():
    """A square that enters from the left keeps the color that the network gives it."""
    scene = square_scene(lambda number: (30, -64 + 12 * number))

    colors = forward(scene, 9)[-1]

    assert scene.inside(8, less=16).any()
    assert colors.weight[scene.inside(8, less=16)].mean() < 0.2
    assert colors.weight[scene.outside(8, less=16)].mean() > 0.97


def test_an_object_that_appears_is_not_painted():
    """From one frame to the next, as behind a splice."""
    scene = square_scene(lambda number: (30, 50) if number > 3 else (-80, -80))

    for colors in forward(scene, 9)[3:]:
        assert colors.weight[scene.inside(5, less=8)].mean() < 0.2


def test_color_comes_back_behind_what_passed_by():
    passing = square_scene(lambda number: (30, -64 + 25 * number))
    still = source_of(Scene(passing.background, passing.square, lambda number: (-80, -80)))

    colors = forward(passing, 16, still)[-1]

    assert np.abs(colors.ab - GREEN).max() < 1
    assert colors.weight[30:90, 40:160].mean() > 0.9


def test_weights_fall_where_nothing_is_alike():
    """Another scene altogether, as behind a cut that was missed."""
    before, after = square_scene().motions(2), Scene(texture(7), texture(8, 64, 64), lambda number: (10, 10)).motions(2)
    from videocolor.temporal.motion import link, make_estimator

    to_previous, _ = link(before[1].gray, after[0].gray, make_estimator())

    (colors,) = carry(source_of(square_scene()), before[1].gray, [(after[0].gray, to_previous)])

    assert colors.weight.mean() < 0.5


def test_transparent_parts_travel_as_such():
    scene = square_scene(lambda number: (30, 20 + 3 * number))
    weight = scene.inside(0).astype(np.float32)

    colors = forward(scene, 9, source_of(scene, 0, weight))[-1]

    assert np.allclose(RED, colors.ab[scene.inside(8, less=16)], atol=0.05)
    assert (colors.weight[scene.inside(8, less=16)] > 0.99).all()
    assert colors.weight[scene.outside(8, less=16)].mean() < 0.03


def plain(ab, weight, age):
    shape = (2, 3)
    return Colors(
        ab=np.broadcast_to(np.float32(ab), (*shape, 2)).copy(),
        weight=np.full(shape, weight, np.float32),
        age=np.full(shape, age, np.float32),
    )


def test_through_a_painting_s_transparent_parts_the_carried_colors_show():
    below = plain(GREEN, 0.8, 7)
    weight = np.array([[1, 0, 0.5]] * 2, np.float32)

    over = painted_over(np.broadcast_to(np.float32(RED), (2, 3, 2)).copy(), weight, below)

    assert np.allclose([RED, GREEN], over.ab[0, :2])
    assert np.allclose([1, 0.8, 0.9], over.weight[0])
    assert np.allclose([0, 7, 7 * 0.4 / 0.9], over.age[0])


@pytest.mark.parametrize(("ages", "share"), [((0, 10), 0), ((10, 0), 1), ((5, 5), 0.5), ((2, 6), 0.25)])
def test_of_two_paintings_the_nearer_counts_for_more(ages, share):
    both = blended(plain(RED, 1, ages[0]), plain(GREEN, 1, ages[1]))

    assert np.allclose(np.float32(RED) * (1 - share) + np.float32(GREEN) * share, both.ab, atol=0.01)
    assert (1 == both.weight).all()


def test_a_side_that_has_nothing_adds_nothing():
    nothing, something = plain((99, 99), 0, 0), plain(GREEN, 0.7, 12)

    for both in (blended(nothing, something), blended(something, nothing)):
        assert np.allclose(GREEN, both.ab, atol=1e-3)
        assert np.allclose(0.7, both.weight)
        assert np.allclose(12, both.age)
