"""Frames that hide the scene for a moment: found, bridged, and told apart from cuts and from things in the way."""

from itertools import islice

import numpy as np
import pytest
from textured_scenes import moving, texture, to_luma
from tiny_parts import make_frame

from videocolor.core.motion import Field
from videocolor.temporal.flashes import LONGEST_FLASH, share_out
from videocolor.temporal.motion import with_motion

HEIGHT, WIDTH = 96, 160


def panorama(count, *, seed=0, step=2):
    """The camera goes right."""
    scene = 0.6 * texture(HEIGHT, WIDTH + step * count, seed=seed) + 20
    return [scene[:, step * number : step * number + WIDTH] for number in range(count)]


def blown_up(picture):
    """A gain that leaves little of the picture."""
    return picture * 4 - 40


def half_lit(picture):
    return picture + 150 * (np.arange(WIDTH) < WIDTH // 2)


def spot_lit(picture):
    rows, columns = np.indices(picture.shape)
    return picture + 200 * np.exp(-((columns - 60) ** 2 + (rows - 40) ** 2) / 40**2)


def blank(picture):
    return np.full_like(picture, 250)


def lost(picture):
    """A black frame, as where film was spliced."""
    return np.full_like(picture, 16)


def with_flash(pictures, light, first, length):
    return [
        to_luma(light(picture) if first <= number < first + length else picture)
        for number, picture in enumerate(pictures)
    ]


def flashes_in(found):
    return [number for number, item in enumerate(found) if item.motion.is_flash]


@pytest.mark.parametrize("length", [1, 2, 3, LONGEST_FLASH])
@pytest.mark.parametrize("light", [blown_up, half_lit, spot_lit, blank, lost])
def test_the_motion_goes_on_across_a_flash(light, length):
    """Whole or partial: the fields over it are those of the pan, and trusted."""
    found = moving(with_flash(panorama(14), light, 5, length))

    assert list(range(5, 5 + length)) == flashes_in(found)
    for item in found[1:]:
        assert np.abs(item.motion.to_previous.vectors[20:-20, 30:-30] - (2, 0)).mean() < 0.3
        assert item.motion.to_previous.confidence[20:-20, 30:-30].mean() > 0.9
        assert item.motion.from_previous.confidence[20:-20, 30:-30].mean() > 0.9
    assert np.array_equal(found[4].motion.gray, found[5].motion.gray), "the flash itself shows nothing"
    assert [item.frame.pts for item in found] == list(range(14))


def test_a_flash_that_flow_sees_through_needs_no_help():
    """All of the picture brighter, and nothing burnt out: brightness is normalized anyway."""
    found = moving(with_flash(panorama(10), lambda picture: 0.5 * picture + 120, 5, 2))

    assert [] == flashes_in(found)
    assert all(item.motion.to_previous.confidence[20:-20, 30:-30].mean() > 0.9 for item in found[1:])


def test_six_bright_frames_are_no_flash():
    assert [] == flashes_in(moving(with_flash(panorama(16), blank, 5, LONGEST_FLASH + 1)))


@pytest.mark.parametrize("gain", [0.5, 1.0, 1.5])
def test_a_missed_cut_is_no_flash(gain):
    """Another scene, darker or brighter, is never joined to this one."""
    pictures = [*panorama(6), *(gain * picture for picture in panorama(8, seed=1))]

    found = moving([to_luma(picture) for picture in pictures])

    assert [] == flashes_in(found)
    assert found[6].motion.to_previous.confidence.mean() < 0.2


def test_something_dark_before_the_lens_is_no_flash():
    """It has colors of its own."""
    pictures = panorama(12)
    for number in (5, 6):
        pictures[number] = 0.3 * texture(HEIGHT, WIDTH, seed=3)

    assert [] == flashes_in(moving([to_luma(picture) for picture in pictures]))


def test_a_flash_at_the_end_is_none():
    """Nobody knows what comes after it."""
    found = moving(with_flash(panorama(8), blank, 6, 2))

    assert [] == flashes_in(found)
    assert 8 == len(found)


def test_a_part_may_begin_with_a_flash():
    lumas = with_flash(panorama(14), spot_lit, 5, 3)
    before = moving(lumas[:5])[-1].motion.gray

    whole, part = moving(lumas), moving(lumas[5:], previous=before)

    assert [0, 1, 2] == flashes_in(part)
    for one, other in zip(whole[5:], part, strict=True):
        assert np.array_equal(one.motion.to_previous.confidence, other.motion.to_previous.confidence)
        assert np.array_equal(one.motion.gray, other.motion.gray)


def test_the_look_ahead_is_bounded():
    """Bright frames without end, after which nothing comes back."""
    taken = 0

    def endless():
        nonlocal taken
        for luma in [*(to_luma(picture) for picture in panorama(4)), *[np.full((HEIGHT, WIDTH), 250, np.uint8)] * 50]:
            taken += 1
            yield make_frame(luma.copy(), pts=taken)

    list(islice(with_motion(endless(), (HEIGHT, WIDTH)), 5))

    assert taken <= 5 + LONGEST_FLASH


def test_shares_add_up_to_the_whole():
    rng = np.random.default_rng(0)
    field = Field(
        vectors=rng.normal(0, 5, (4, 6, 2)).astype(np.float32), confidence=rng.random((4, 6)).astype(np.float32)
    )

    share, _ = share_out((field, field), 4)

    assert np.abs(4 * share.vectors - field.vectors).max() < 1e-5
    assert np.abs(share.confidence**4 - field.confidence).max() < 1e-5
