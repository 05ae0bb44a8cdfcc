"""The filter on real pictures: color clips whose colors are known, and black-and-white film as it is.

The stand-in for a network gives the true colors with errors of four kinds: coarse noise of deviation 8 that is new on
every frame, a shift of the whole frame of deviation 4, and now and then, for 3 to 8 frames, areas of like lightness
that turn by 25.
"""

from functools import cache
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from textured_scenes import colored, moving, psnr_ab, rms, smoothed

from videocolor.temporal.filters import load_filter
from videocolor.temporal.motion import work_size

MEDIA = Path(__file__).resolve().parents[3] / "shared" / "data" / "media"
CLIPS = ("davis-breakdance", "davis-camel", "davis-car-roundabout", "davis-horsejump-high", "davis-kite-surf")
FILMS = ("bw-chaplin.mp4", "bw-abomb-effects.mp4", "bw-street-gray-h264.mkv")

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not MEDIA.is_dir(), reason="needs the films of ../shared"),
]


def slow(*values):
    return pytest.param(*values, marks=pytest.mark.slow)


@cache
def lumas_of(name, first=0, count=60):
    planes = []
    with av.open(MEDIA / name) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if len(planes) == count:
                break
            if number >= first:
                plane = frame.planes[0]
                rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
                planes.append(rows[:, : plane.width].copy())
    return planes


@cache
def truth_of(clip):
    """(2, h, w) float32 of Lab at work size."""
    truth = []
    with av.open(MEDIA / f"{clip}.mp4") as container:
        for frame in container.decode(video=0):
            lab = cv2.cvtColor(frame.to_ndarray(format="rgb24").astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
            height, width = work_size(*lab.shape[:2])
            small = cv2.resize(lab, (width, height), interpolation=cv2.INTER_AREA)
            truth.append(np.ascontiguousarray(small[..., 1:].transpose(2, 0, 1)))
    return truth


@cache
def motions_of(clip):
    return [item.motion for item in moving(lumas_of(f"{clip}.mp4"))]


def coarse_noise(rng, size, deviation):
    noise = cv2.GaussianBlur(rng.standard_normal((*size, 2)).astype(np.float32), (0, 0), size[1] / 36)
    return (noise * (deviation / noise.std())).transpose(2, 0, 1)


def unsteady(truth, grays, seed=1, *, bursts=True):
    """The stand-in network."""
    rng = np.random.default_rng(seed)
    size = truth[0].shape[1:]
    rows, columns = np.indices(size)
    left, found = 0, []
    for ab, gray in zip(truth, grays, strict=True):
        noise = coarse_noise(rng, size, 8) + rng.normal(0, 4, (2, 1, 1)).astype(np.float32)
        if left == 0 and rng.random() < 0.08:
            left, radius = rng.integers(3, 9), rng.uniform(0.15, 0.35) * size[1]
            row, column = (int(extent * rng.uniform(0.2, 0.8)) for extent in size)
            lightness, angle = float(gray[row, column]), rng.uniform(0, 2 * np.pi)
        if left and bursts:
            alike = (np.hypot(rows - row, columns - column) < radius) & (np.abs(gray - lightness) < 25)
            noise += 25 * alike * np.float32([np.cos(angle), np.sin(angle)])[:, None, None]
        left = max(0, left - 1)
        found.append((ab + noise).astype(np.float32))
    return found


def mean_chroma(frames):
    return np.mean([np.hypot(*ab).mean() for ab in frames])


@pytest.mark.parametrize("strength", [slow("light"), "normal", slow("strong")])
@pytest.mark.parametrize("clip", CLIPS)
def test_colors_come_nearer_to_the_truth(clip, strength):
    """By 6.5 dB and more, where the plain mean of neighbors gains 4; saturation stays."""
    truth, motions = truth_of(clip), motions_of(clip)
    frames = unsteady(truth, [motion.gray for motion in motions])

    found = smoothed(load_filter("flow", strength), colored(motions, frames))
    ema = [item.ab.numpy() for item in load_filter("ema")(colored(motions, frames))]

    assert psnr_ab(found, truth) > psnr_ab(frames, truth) + 6.5
    assert psnr_ab(found, truth) > psnr_ab(ema, truth) + 3
    assert 0.9 < mean_chroma(found) / mean_chroma(truth) < 1.15


@pytest.mark.parametrize("clip", [CLIPS[0], *(slow(clip) for clip in CLIPS[1:])])
def test_old_film_s_damage_costs_little(clip):
    """Grain, flicker of brightness and dirt in the luma, on which the motion rests."""
    truth, rng = truth_of(clip), np.random.default_rng(3)
    frames = unsteady(truth, [motion.gray for motion in motions_of(clip)])
    old = [damaged(luma, rng) for luma in lumas_of(f"{clip}.mp4")]

    clean, found = (
        smoothed(load_filter("flow"), colored(motions, frames))
        for motions in (motions_of(clip), [item.motion for item in moving(old)])
    )

    assert psnr_ab(found, truth) > psnr_ab(clean, truth) - 0.8


def damaged(luma, rng):
    picture = luma * rng.normal(1, 0.06) + rng.normal(0, 16, luma.shape)
    for _ in range(rng.integers(0, 4)):
        row, column, radius = rng.integers(luma.shape[0]), rng.integers(luma.shape[1]), int(rng.integers(2, 12))
        cv2.circle(picture, (int(column), int(row)), radius, float(rng.choice([10, 245])), -1)
    return np.clip(picture, 0, 255).astype(np.uint8)


def cross_faded(earlier, later, first, length):
    """Two clips over `length` frames: lumas, true colors, and the earlier one's share in each frame."""
    lumas = [lumas_of(f"{clip}.mp4") for clip in (earlier, later)]
    colors = [truth_of(clip) for clip in (earlier, later)]
    pictures, truth, shares = [], [], []
    for number in range(min(first + length + 20, first + len(lumas[1]))):
        share = 1 - np.clip((number - first + 1) / (length + 1), 0, 1)
        places = min(number, len(lumas[0]) - 1), max(0, number - first)

        def mixed(pair, share=share, places=places):
            return share * pair[0][places[0]] + (1 - share) * pair[1][places[1]]

        pictures.append(mixed(lumas).astype(np.uint8))
        truth.append(mixed(colors).astype(np.float32))
        shares.append(share)
    return pictures, truth, shares


@pytest.mark.parametrize(
    ("earlier", "later", "length"),
    [
        ("davis-camel", "davis-horsejump-high", 8),
        slow("davis-camel", "davis-horsejump-high", 16),
        slow("davis-camel", "davis-horsejump-high", 24),
        slow("davis-kite-surf", "davis-breakdance", 8),
        ("davis-kite-surf", "davis-breakdance", 16),
        slow("davis-kite-surf", "davis-breakdance", 24),
    ],
)
def test_a_dissolve_is_cross_faded(earlier, later, length):
    """A cut that the detector leaves alone: better than unsmoothed all the way, and the old scene is soon gone."""
    first = 14
    pictures, truth, shares = cross_faded(earlier, later, first, length)
    motions = [item.motion for item in moving(pictures)]
    frames = unsteady(truth, [motion.gray for motion in motions], bursts=False)
    # The earlier scene's share as a color: what of it is seen where.
    marked = [np.full(ab.shape, 40 * share) for ab, share in zip(truth, shares, strict=True)]

    found = smoothed(load_filter("flow"), colored(motions, frames))
    seen = smoothed(load_filter("flow"), colored(motions, marked))
    left = [ab[0] / 40 - share for ab, share in zip(seen, shares, strict=True)]

    during, after = slice(first, first + length), slice(first + length, None)
    assert not any(motion.is_flash for motion in motions)
    assert psnr_ab(found[during], truth[during]) > psnr_ab(frames[during], truth[during]) + 5
    assert psnr_ab(found[after], truth[after]) > psnr_ab(frames[after], truth[after]) + 5
    assert np.mean([np.abs(share).mean() for share in left[during]]) < 0.15
    assert left[first + length + 7].mean() < 0.07
    assert left[first + length + 15].mean() < 0.05


def test_a_fade_through_black_lets_no_color_through():
    """12 frames down, 4 black, 12 up, within what was taken for one shot."""
    clips = ("davis-camel", "davis-horsejump-high")
    lumas = [lumas_of(f"{clip}.mp4") for clip in clips]
    gains = [*np.linspace(1, 0, 13)[:-1], 0, 0, 0, 0, *np.linspace(0, 1, 13)[1:]]
    rng = np.random.default_rng(0)
    pictures = [*lumas[0][:10]]
    for number, gain in enumerate(gains):
        scene = lumas[0][10 + number] if number < 14 else lumas[1][number - 14]
        pictures.append(np.clip(16 + gain * (scene - 16.0) + rng.normal(0, 2, scene.shape), 0, 255).astype(np.uint8))
    pictures += lumas[1][14:30]
    motions = [item.motion for item in moving(pictures)]
    marked = [np.full((2, *motions[0].size), 40.0 * (number < 24), np.float32) for number in range(len(motions))]

    found = smoothed(load_filter("flow"), colored(motions, marked))

    black = 10 + 12
    assert np.mean(found[black - 6]) > 0.95 * 40
    assert np.mean(found[black + 4 + 3]) < 0.05 * 40


@pytest.mark.parametrize("length", [slow(1), 3, slow(5)])
@pytest.mark.parametrize("clip", ["davis-camel", slow("davis-horsejump-high")])
def test_a_flash_does_not_break_trajectories(clip, length):
    """Half of the picture burnt out, and the network gray there: colors go on as if nothing had been."""
    truth, clean = truth_of(clip)[:36], motions_of(clip)[:36]
    lumas, frames = list(lumas_of(f"{clip}.mp4")[:36]), unsteady(truth, [motion.gray for motion in clean])
    flash = range(18, 18 + length)
    for number in flash:
        burnt = lumas[number] + 170.0 * (np.arange(lumas[number].shape[1]) < 240)
        lumas[number] = np.clip(burnt, 0, 255).astype(np.uint8)
        frames[number] = np.zeros_like(frames[number])
    motions = [item.motion for item in moving(lumas)]

    undisturbed = smoothed(load_filter("flow"), colored(clean, unsteady(truth, [motion.gray for motion in clean])))
    found = smoothed(load_filter("flow"), colored(motions, frames))

    assert list(flash) == [number for number, motion in enumerate(motions) if motion.is_flash]
    around = [*range(10, 18), *range(18 + length, 18 + length + 8)]
    loss = [psnr_ab([one[number] for number in around], [truth[number] for number in around])
            for one in (undisturbed, found)]  # fmt: skip
    assert loss[1] > loss[0] - 0.8
    on_flash = slice(flash.start, flash.stop)
    assert psnr_ab(found[on_flash], truth[on_flash]) > psnr_ab(frames[on_flash], truth[on_flash]) + 3


@pytest.mark.parametrize("name", FILMS)
def test_old_film_gets_steady_color_and_no_smear(name):
    """Grain, dust, weave: noise of deviation 4 falls to a third and less, and moving things keep their colors."""
    lumas = lumas_of(name, first=60 if "abomb" in name else 0, count=40)
    motions = [item.motion for item in moving(lumas)]
    rng = np.random.default_rng(0)
    truth = [color_of_tone(motion.gray) for motion in motions]
    frames = [ab + coarse_noise(rng, ab.shape[1:], 4) for ab in truth]

    clean, found = (smoothed(load_filter("flow"), colored(motions, abs_)) for abs_ in (truth, frames))

    inner = range(8, 32)
    left = rms([found[number] - clean[number] for number in inner])
    smear = rms([clean[number] - truth[number] for number in inner])
    assert left < 4 / 3
    assert smear < 1.5
    assert not any(motion.is_flash for motion in motions)


def color_of_tone(gray):
    """A color for each tone of the blurred picture, up to 30 units apart."""
    tone = cv2.GaussianBlur(gray.astype(np.float32), (0, 0), 4) / 128 - 1
    return np.stack([15 * tone, -12 * tone + 4 * tone**2]).astype(np.float32)
