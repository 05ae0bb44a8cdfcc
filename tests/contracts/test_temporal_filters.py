"""What every temporal filter must do (`core/protocols.py`, TemporalFilter), at every strength."""

from dataclasses import replace
from typing import get_args, get_type_hints

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny_parts import tinted_frames

from videocolor.core.shots import LIMIT_BLOCK
from videocolor.settings import RunSettings, Strength
from videocolor.temporal.filters import filter_names, load_filter

LONGEST_DELAY = 64

each_filter = pytest.mark.parametrize(
    "smooth",
    [
        pytest.param(load_filter(name, strength), id=f"{name}-{strength}")
        for name in filter_names()
        for strength in get_args(Strength)
    ],
)


def color(item):
    """What is seen: the network's ab, and what the filter adds at its own size; each is of one color here."""
    added = torch.zeros(2) if item.correction is None else item.correction.mean(dim=(1, 2))
    return item.ab + added[:, None, None]


@each_filter
@given(count=st.integers(0, 70))
def test_frames_keep_their_order_and_count(smooth, count):
    """A temporal filter gives every frame back once, in order, with its own Y plane."""
    frames = tinted_frames(count)

    found = list(smooth(iter(frames)))

    assert [item.frame for item in frames] == [item.frame for item in found]
    assert all(item.ab.shape == (2, 2, 2) and item.ab.dtype == torch.float32 for item in found)


@each_filter
def test_nothing_leaks_into_the_next_shot(smooth):
    """A shot gives the same colors whatever ran before or beside it."""
    alone = [color(item) for item in smooth(tinted_frames(4))]

    list(smooth(tinted_frames(9)))
    one, other = smooth(tinted_frames(4)), smooth(reversed(tinted_frames(4)))
    beside = [color(pair[0]) for pair in zip(one, other, strict=True)]

    assert all(torch.equal(expected, found) for expected, found in zip(alone, beside, strict=True))


@each_filter
def test_a_frame_alone_keeps_its_color_and_gray_stays_gray(smooth):
    frames = tinted_frames(2)
    gray = [frames[0]] * 50

    (alone,) = smooth(frames[1:])

    assert torch.equal(frames[1].ab, color(alone))
    assert all(float(color(item).abs().max()) == 0 for item in smooth(gray))


@each_filter
def test_colors_that_do_not_change_stay(smooth):
    frames = [*tinted_frames(2)[1:]] * 50

    assert all(torch.allclose(frames[0].ab, color(item), atol=1e-5) for item in smooth(frames))


@each_filter
def test_only_a_bounded_number_of_frames_is_held_back(smooth):
    """Memory does not grow with the shot."""
    taken = 0

    def endless():
        nonlocal taken
        while True:
            taken += 1
            yield tinted_frames(2)[1]

    stream = smooth(endless())
    for number in range(100):
        next(stream)
        assert taken <= number + 1 + LONGEST_DELAY
    stream.close()


@each_filter
def test_a_filter_leaves_its_input_as_it_was(smooth):
    frames = tinted_frames(40)
    list(smooth(frames))

    assert list(range(40)) == [float(item.ab.max()) for item in frames]
    assert all(item.correction is None and item.state is None for item in frames)


@each_filter
@pytest.mark.parametrize("count", [2 * LIMIT_BLOCK, 3 * LIMIT_BLOCK + 7])
def test_a_run_can_go_on_at_every_limit_block(smooth, count):
    """With the state from there it gives the same colors, bit for bit; other frames have no state."""
    frames = tinted_frames(count)

    whole = list(smooth(frames))

    for number, item in enumerate(whole, start=1):
        assert (item.state is not None) == (number % LIMIT_BLOCK == 0)
        if item.state is not None:
            again = smooth(frames[number:], item.state)
            assert all(torch.equal(color(one), color(other)) for one, other in zip(whole[number:], again, strict=True))


@each_filter
def test_motion_is_asked_for_by_those_who_need_it(smooth):
    bare = [replace(item, motion=None) for item in tinted_frames(3)]

    if smooth.needs_motion:
        with pytest.raises(ValueError, match="motion"):
            list(smooth(bare))
    else:
        assert 3 == len(list(smooth(bare)))


def test_every_filter_can_be_chosen_and_every_choice_is_a_filter():
    assert set(get_args(get_type_hints(RunSettings)["smoothing"])) == set(filter_names())
