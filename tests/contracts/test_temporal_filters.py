"""What every temporal filter must do (`core/protocols.py`, TemporalFilter)."""

from typing import get_args, get_type_hints

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny_parts import tinted_frames

from videocolor.settings import RunSettings
from videocolor.temporal.filters import filter_names, load_filter

LONGEST_DELAY = 64

each_filter = pytest.mark.parametrize("name", filter_names())


@each_filter
@given(count=st.integers(0, 12))
def test_frames_keep_their_order_and_count(name, count):
    """A temporal filter gives every frame back once, in order, with its own Y plane."""
    frames = tinted_frames(count)

    found = list(load_filter(name)(iter(frames)))

    assert [item.frame for item in frames] == [item.frame for item in found]
    assert all(item.ab.shape == (2, 2, 2) and item.ab.dtype == torch.float32 for item in found)


@each_filter
def test_nothing_leaks_into_the_next_shot(name):
    """A shot gives the same colours whatever ran before or beside it."""
    smooth = load_filter(name)
    alone = [item.ab for item in smooth(tinted_frames(4))]

    list(smooth(tinted_frames(9)))
    one, other = smooth(tinted_frames(4)), smooth(reversed(tinted_frames(4)))
    beside = [pair[0].ab for pair in zip(one, other, strict=True)]

    assert all(torch.equal(expected, found) for expected, found in zip(alone, beside, strict=True))


@each_filter
def test_a_first_frame_keeps_its_color_and_gray_stays_gray(name):
    frames = tinted_frames(1)
    gray = [frames[0]] * 5

    assert torch.equal(frames[0].ab, next(iter(load_filter(name)(frames))).ab)
    assert all(float(item.ab.abs().max()) == 0 for item in load_filter(name)(gray))


@each_filter
def test_only_a_bounded_number_of_frames_is_held_back(name):
    """Memory does not grow with the shot."""
    taken = 0

    def endless():
        nonlocal taken
        while True:
            taken += 1
            yield tinted_frames(1)[0]

    stream = load_filter(name)(endless())
    next(stream)
    stream.close()

    assert taken <= LONGEST_DELAY


@each_filter
def test_a_filter_leaves_its_input_as_it_was(name):
    frames = tinted_frames(4)
    list(load_filter(name)(frames))

    assert [0.0, 1.0, 2.0, 3.0] == [float(item.ab.max()) for item in frames]


def test_every_filter_can_be_chosen_and_every_choice_is_a_filter():
    assert set(get_args(get_type_hints(RunSettings)["smoothing"])) == set(filter_names())
