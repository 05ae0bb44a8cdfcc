"""The trajectory mean by closed forms: what it weighs, how far it sees, where it goes on."""

import numpy as np
import pytest
import torch
from textured_scenes import (
    colored,
    constant,
    moving,
    rms,
    shifting_motion,
    smoothed,
    still_colored,
    texture,
    to_luma,
)

from videocolor.core.shots import LIMIT_BLOCK
from videocolor.temporal.filters import load_filter
from videocolor.temporal.trajectory import BLOCK, TrajectoryMean

SIZE = (48, 64)
STRENGTHS = ("light", "normal", "strong")

each_strength = pytest.mark.parametrize("strength", STRENGTHS)


def plain(strength="normal"):
    """Without the damping of drift, which has its own tests."""
    smooth = load_filter("flow", strength)
    return TrajectoryMean(decay=smooth.decay, look_ahead=smooth.look_ahead, damps_drift=False)


def noise(count, *, deviation=1.0, size=SIZE, seed=0):
    rng = np.random.default_rng(seed)
    return [deviation * rng.standard_normal((2, *size)).astype(np.float32) for _ in range(count)]


def weighted_mean(values, weights, smooth):
    """The filter's definition for a scene that stands still, one number a frame, without any recursion."""
    count = len(values)
    numbers = np.arange(count)

    def future(at, end):
        reach = numbers[at:end]
        factors = smooth.decay ** (reach - at) * weights[at:end]
        return np.array([np.sum(factors * values[at:end]), np.sum(factors)])

    found = []
    for at in range(count):
        block = at // BLOCK
        near, far = (future(at, min(count, end * BLOCK + smooth.look_ahead)) for end in (block + 1, block + 2))
        share = (at - block * BLOCK) / BLOCK
        past = smooth.decay ** (at - numbers[:at]) * weights[:at]
        sums = (1 - share) * near + share * far + [np.sum(past * values[:at]), np.sum(past)]
        found.append(sums[0] / sums[1])
    return np.array(found)


@each_strength
@pytest.mark.parametrize("count", [1, 2, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5, 100])
def test_each_color_is_the_weighted_mean_of_past_and_future(strength, count):
    smooth, rng = plain(strength), np.random.default_rng(count)
    values, weights = rng.normal(0, 20, count), rng.uniform(0.1, 2, count)
    confidences = [np.full((1, *SIZE), weight, np.float32) for weight in weights]

    items = still_colored([constant(SIZE, value, -value) for value in values], confidences=confidences)
    found = np.stack(smoothed(smooth, items))

    expected = weighted_mean(values, weights, smooth)
    assert np.abs(expected[:, None, None] - found[:, 0]).max() < 1e-4
    assert np.abs(expected[:, None, None] + found[:, 1]).max() < 1e-4


@pytest.mark.parametrize(
    ("strength", "future", "expected"), [("normal", 8, 0.149), ("normal", 0, 0.160), ("light", 4, 0.280)]
)
def test_noise_is_reduced_by_the_published_factor(strength, future, expected):
    """White noise on a scene that stands still, long past, so many future frames."""
    frames = noise(140)

    found = smoothed(plain(strength), still_colored(frames))

    assert expected == pytest.approx(rms(found[-1 - future]), abs=0.005)


@each_strength
def test_blocks_leave_no_beat(strength):
    """The step from frame to frame is no larger where a backward pass ends than elsewhere."""
    found = np.stack(smoothed(load_filter("flow", strength), still_colored(noise(10 * BLOCK))))

    steps = np.array([rms(step) for step in np.diff(found, axis=0)])[BLOCK : 8 * BLOCK]
    at_border = steps[BLOCK - 1 :: BLOCK]
    assert np.mean(at_border) < 1.15 * np.mean(steps)


def test_moved_colors_are_the_colors_of_the_scene():
    """A textured scene of objects of one color each moves by whole pixels: nothing changes."""
    gray = to_luma(texture(60, 200))
    tones = np.random.default_rng(0).uniform(-40, 40, (2, 15, 50)).astype(np.float32)
    scene = np.kron(tones, np.ones((1, 4, 4), np.float32))
    windows = [np.s_[..., 3 * number : 3 * number + 80] for number in range(40)]
    motions = [shifting_motion(gray[window], -3, 0, is_first=number == 0) for number, window in enumerate(windows)]

    found = smoothed(plain(), colored(motions, [scene[window] for window in windows]))

    assert max(np.abs(ab - scene[window]).max() for ab, window in zip(found, windows, strict=True)) < 1e-4


def test_estimated_motion_keeps_colors_inside_objects():
    """The same with optical flow: away from the edges of objects, colors stay."""
    scene = texture(96, 300)
    rows, columns = np.indices(scene.shape)
    tones = constant(scene.shape, 20, -10)
    inner = np.zeros(scene.shape, bool)
    for row, column, radius in ((30, 90, 22), (64, 160, 26), (40, 220, 18)):
        distance = np.hypot(rows - row, columns - column)
        scene[distance < radius] += 50
        tones[:, distance < radius] = [[-30], [25]]
        inner |= distance < radius - 6
    windows = [np.s_[..., 2 * number : 2 * number + 160] for number in range(40)]
    motions = [item.motion for item in moving([to_luma(scene[window]) for window in windows])]

    found = smoothed(load_filter("flow"), colored(motions, [tones[window] for window in windows]))

    for ab, window in zip(found, windows, strict=True):
        assert np.abs(ab - tones[window])[:, inner[window]].mean() < 0.5


def test_gray_stays_gray():
    items = still_colored([np.zeros((2, *SIZE), np.float32)] * 40)

    for item in load_filter("flow")(items):
        assert torch.count_nonzero(item.correction) == 0
        assert 0.0 == item.steadiness.correction


def test_a_frame_alone_keeps_its_color():
    (item,) = load_filter("flow")(still_colored(noise(1)))

    assert torch.count_nonzero(item.correction) == 0
    assert 1.0 == item.steadiness.lonely_share


@each_strength
def test_a_frame_is_given_before_the_frames_beyond_its_look_ahead_are_asked_for(strength):
    smooth, taken = load_filter("flow", strength), 0

    def counted():
        nonlocal taken
        for item in still_colored(noise(150, size=(16, 16))):
            taken += 1
            yield item

    for number, item in enumerate(smooth(counted())):
        assert number == item.frame.pts
        assert taken <= number + 2 * BLOCK + smooth.look_ahead
    assert 150 == taken


def test_a_new_start_gives_the_same_bits():
    """At each multiple of the limit block, from that frame's state; drift damping and all."""
    scene, rng = texture(64, 400), np.random.default_rng(0)
    pictures = [to_luma(scene[:, 2 * number : 2 * number + 96], rng=rng, grain=4.0) for number in range(110)]
    motions = [item.motion for item in moving(pictures)]
    items = list(colored(motions, [ab + 20 for ab in noise(110, deviation=8, size=(64, 96))]))
    smooth = load_filter("flow")

    whole = list(smooth(items))

    last = [number for number, item in enumerate(whole) if item.state is not None]
    assert [LIMIT_BLOCK - 1, 2 * LIMIT_BLOCK - 1, 3 * LIMIT_BLOCK - 1] == last
    for number in last:
        again = list(smooth(items[number + 1 :], whole[number].state))
        assert len(whole) - number - 1 == len(again)
        for one, other in zip(whole[number + 1 :], again, strict=True):
            assert torch.equal(one.correction, other.correction)
            assert one.steadiness == other.steadiness


def test_a_state_is_not_changed_by_going_on():
    whole = list(load_filter("flow")(still_colored(noise(70))))

    kept = {name: array.copy() for name, array in whole[LIMIT_BLOCK - 1].state.items()}
    list(load_filter("flow")(list(still_colored(noise(70)))[LIMIT_BLOCK:], whole[LIMIT_BLOCK - 1].state))

    for name, array in kept.items():
        assert np.array_equal(array, whole[LIMIT_BLOCK - 1].state[name])


def test_what_a_person_painted_counts_more():
    """One frame of weight 50 among forty: its color is found some twenty frames away."""
    colors = [constant(SIZE, 0, 0) for _ in range(41)]
    colors[20] = constant(SIZE, 40, 0)
    weights = [np.full((1, *SIZE), 50.0 if number == 20 else 1.0, np.float32) for number in range(41)]

    found = smoothed(plain(), still_colored(colors, confidences=weights))

    assert found[20][0].min() > 0.5 * 40
    assert found[10][0].min() > 0.3 * 40
    assert weighted_mean(
        np.array([ab[0, 0, 0] for ab in colors]), np.array([weight[0, 0, 0] for weight in weights]), plain()
    )[0] == pytest.approx(found[0][0, 0, 0], abs=1e-3)


def test_a_colorizer_that_knows_nothing_is_no_harm():
    """Confidence 0 everywhere, in some frames or in all."""
    frames = noise(20)
    nothing = np.zeros((1, *SIZE), np.float32)

    found = smoothed(load_filter("flow"), still_colored(frames, confidences=[nothing] * 20))
    mixed = smoothed(load_filter("flow"), still_colored(frames, confidences=[nothing, None] * 10))

    assert all(np.isfinite(ab).all() for ab in (*found, *mixed))
    assert rms(found[10]) < 0.4


def test_a_flash_takes_its_color_from_around_it():
    """Colorizers go white or gray there."""
    colors = [constant(SIZE, 30, 10) for _ in range(30)]
    for number in (14, 15, 16):
        colors[number] = constant(SIZE, 0, 0)

    marked = smoothed(plain(), still_colored(colors, flashes=(14, 15, 16)))
    unmarked = smoothed(plain(), still_colored(colors))

    assert min(ab[0].min() for ab in marked) > 29.7
    assert min(ab[0].min() for ab in unmarked) < 28


def test_lonely_pixels_are_those_with_nothing_to_average():
    """Where the motion is not trusted, in half of the picture."""
    items = list(still_colored(noise(20)))
    for item in items[1:]:
        for field in (item.motion.to_previous, item.motion.from_previous):
            field.confidence[:, SIZE[1] // 2 :] = 0

    found = list(load_filter("flow")(items))

    assert {0.5} == {item.steadiness.lonely_share for item in found}


def test_low_confidence_alone_makes_nobody_lonely():
    """All frames count little, but there are many of them; what a person painted needs no company."""
    low = np.full((1, *SIZE), 0.2, np.float32)
    steady = [item.steadiness for item in plain()(still_colored(noise(20), confidences=[low] * 20))]
    painted = next(iter(plain()(still_colored(noise(1), confidences=[50 * low]))))

    assert {0.0} == {item.lonely_share for item in steady}
    assert 0.0 == painted.steadiness.lonely_share


def test_the_correction_measures_how_unsteady_the_colors_were():
    for deviation in (1.0, 4.0):
        found = [item.steadiness for item in plain()(still_colored(noise(60, deviation=deviation)))]
        # Mean length of two independent normal components: sqrt(pi / 2) deviations.
        expected = deviation * np.sqrt(np.pi / 2)
        assert expected == pytest.approx(np.mean([item.correction for item in found]), rel=0.05)


@pytest.mark.parametrize("size", [SIZE, (96, 128), (24, 32), (64, 64), (20, 100), (7, 5)])
def test_colors_of_any_size_are_taken_and_left_alone(size):
    """A square network's answer too; the correction has the motion's size."""
    motions = [item.motion for item in still_colored(noise(30))]
    rng = np.random.default_rng(0)
    abs_ = [constant(size, 12 + shift, -7) for shift in rng.normal(0, 4, 30)]

    found = list(load_filter("flow")(colored(motions, abs_)))

    for item, ab in zip(found, abs_, strict=True):
        assert np.array_equal(ab, item.ab.numpy())
        assert (2, *SIZE) == item.correction.shape
        assert item.correction.dtype == torch.float32
    middle = found[15]
    assert abs(float(middle.ab[0, 0, 0] + middle.correction[0].mean()) - 12) < 2


def test_a_frame_without_motion_is_refused():
    (item,) = colored([None], noise(1))

    with pytest.raises(ValueError, match="has no motion"):
        list(load_filter("flow")([item]))
