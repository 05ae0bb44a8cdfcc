"""Slow drift of color: damped where a scene stays in view, and nothing else is touched."""

import numpy as np
import pytest
from textured_scenes import colored, constant, moving, psnr_ab, smoothed, still_colored, texture, to_luma

from videocolor.temporal.filters import load_filter
from videocolor.temporal.trajectory import TrajectoryMean

COUNT = 240
SIZE = (72, 128)

NORMAL = load_filter("flow")
UNDAMPED = TrajectoryMean(decay=NORMAL.decay, look_ahead=NORMAL.look_ahead, damps_drift=False)

DIRECTION = np.array([20, 10], np.float32)[:, None, None]


def network_noise(rng, size=SIZE):
    """New on every frame: coarse in space, and a shift of the whole frame."""
    coarse = rng.normal(0, 8, (2, 8, 14)).astype(np.float32)
    spread = np.kron(coarse, np.ones((1, -(-size[0] // 8), -(-size[1] // 14)), np.float32))
    return spread[:, : size[0], : size[1]] + rng.normal(0, 4, (2, 1, 1)).astype(np.float32)


def scene_of_objects(size, seed=0):
    """Luma, and colors that know nothing of it: discs of like lightness differ in color."""
    rng = np.random.default_rng(seed)
    luma, tones = texture(*size, seed=seed), constant(size, 10, -5)
    rows, columns = np.indices(size)
    for _ in range(size[1] // 30):
        disc = np.hypot(rows - rng.uniform(0, size[0]), columns - rng.uniform(0, size[1])) < rng.uniform(8, 25)
        tones[:, disc] = rng.uniform(-30, 30, (2, 1))
        luma[disc] += rng.choice([-40, 40])
    return luma, tones


def swaying(reach=12):
    """A camera that goes to and fro for 240 frames: motions, and the true colors."""
    luma, tones = scene_of_objects((SIZE[0], SIZE[1] + 2 * reach))
    lefts = [round(reach + reach * np.sin(2 * np.pi * number / 80)) for number in range(COUNT)]
    rng = np.random.default_rng(1)
    pictures = [to_luma(luma[:, left : left + SIZE[1]], rng=rng, grain=3.0) for left in lefts]
    return [item.motion for item in moving(pictures)], [tones[:, :, left : left + SIZE[1]] for left in lefts]


def still():
    truth = constant(SIZE, 10, -5)
    return [item.motion for item in still_colored([truth] * COUNT)], [truth] * COUNT


def drifting(truth, drift, *, seed=2):
    """What an unsteady network makes of it: `drift(number)` times a direction in ab, and noise."""
    rng = np.random.default_rng(seed)
    return [ab + drift(number) * DIRECTION + network_noise(rng) for number, ab in enumerate(truth)]


def bias(found, truth, frames):
    """Mean shift along the drift, as a share of its direction's length."""
    errors = np.mean([found[number] - truth[number] for number in frames], axis=(0, 2, 3))
    return float(np.dot(errors, DIRECTION.ravel()) / np.dot(DIRECTION.ravel(), DIRECTION.ravel()))


@pytest.mark.parametrize(("scene", "most"), [(still, 0.8), (swaying, 0.9)])
def test_a_steady_drift_is_held_back(scene, most):
    """22 units of ab in ten seconds: of what is left without damping, at most this share stays."""
    motions, truth = scene()
    frames = drifting(truth, lambda number: number / COUNT)

    damped, plain = (smoothed(smooth, colored(motions, frames)) for smooth in (NORMAL, UNDAMPED))

    last = range(COUNT - 30, COUNT)
    assert bias(plain, truth, last) > 0.85
    assert bias(damped, truth, last) < most * bias(plain, truth, last)
    assert psnr_ab(damped, truth) > psnr_ab(plain, truth) + 0.3


@pytest.mark.parametrize(("scene", "most"), [(still, 0.6), (swaying, 0.8)])
def test_slow_breathing_is_damped(scene, most):
    """Swings of 11 units over four seconds, which the trajectory mean follows."""
    motions, truth = scene()
    frames = drifting(truth, lambda number: 0.5 * np.sin(2 * np.pi * number / 100))

    damped, plain = (smoothed(smooth, colored(motions, frames)) for smooth in (NORMAL, UNDAMPED))

    def swing(found):
        shifts = [bias(found, truth, [number]) for number in range(COUNT // 2, COUNT)]
        return max(shifts) - min(shifts)

    assert swing(damped) < most * swing(plain)


@pytest.mark.parametrize("step", [0.5, 1.5, 4])
def test_a_pan_to_new_objects_costs_nothing(step):
    """They are as light as those that were there before, and of another color."""
    width = SIZE[1] + int(step * 160) + 2
    luma, tones = scene_of_objects((SIZE[0], width), seed=3)
    rng = np.random.default_rng(4)
    lefts = [step * number for number in range(160)]
    motions = [item.motion for item in moving([to_luma(between(luma, left), rng=rng, grain=3.0) for left in lefts])]
    truth = [between(tones, left) for left in lefts]
    frames = [ab + network_noise(rng) for ab in truth]

    damped, plain = (smoothed(smooth, colored(motions, frames)) for smooth in (NORMAL, UNDAMPED))

    assert psnr_ab(damped, truth) > psnr_ab(plain, truth) - 0.02
    entering = [ab[..., -40:] for ab in truth]
    assert (
        psnr_ab([ab[..., -40:] for ab in damped], entering) > psnr_ab([ab[..., -40:] for ab in plain], entering) - 0.1
    )


def between(plane, left):
    """A window of a picture, at a fraction of a pixel."""
    first, share = int(left), left - int(left)
    return (1 - share) * plane[..., first : first + SIZE[1]] + share * plane[..., first + 1 : first + 1 + SIZE[1]]


def test_a_wrong_beginning_is_forgotten():
    """The first second was off by 22 units: soon after it the damping costs little, later nothing."""
    motions, truth = still()
    frames = drifting(truth, lambda number: float(number < 24))

    damped = smoothed(NORMAL, colored(motions, frames))

    assert bias(damped, truth, range(90, 110)) < 0.15
    assert bias(damped, truth, range(200, COUNT)) < 0.1


def test_a_true_change_is_followed():
    """A lamp is lit in the middle of the shot: its color stays."""
    motions, truth = still()
    lit = [ab + (number >= COUNT // 2) * DIRECTION for number, ab in enumerate(truth)]

    damped = smoothed(NORMAL, colored(motions, lit))

    assert bias(damped, truth, range(COUNT // 2 + 50, COUNT // 2 + 70)) > 0.75
    assert bias(damped, truth, range(COUNT - 20, COUNT)) > 0.85


def test_without_drift_the_long_memory_takes_noise_away():
    motions, truth = swaying()
    frames = drifting(truth, lambda number: 0.0)

    damped, plain = (smoothed(smooth, colored(motions, frames)) for smooth in (NORMAL, UNDAMPED))

    assert psnr_ab(damped, truth) > psnr_ab(plain, truth)
