"""Batches check their own shapes; layouts print shapes, never pixels."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny_parts import make_batch, make_context, make_frame

from videocolor.core.cards import SizeRule
from videocolor.core.frames import ChromaBatch, LumaBatch
from videocolor.core.media import StreamInfo


@pytest.mark.parametrize("shape", [(2, 1, 4, 4), (3, 3, 4, 4), (3, 1, 4)])
def test_a_batch_of_another_length_or_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r"expected \(3, 1, h, w\)"):
        LumaBatch(lightness=torch.zeros(shape), pts=(0, 1, 2), context=make_context())


def test_an_answer_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"expected \(N, 2, h, w\)"):
        ChromaBatch(ab=torch.zeros(1, 3, 4, 4))
    with pytest.raises(ValueError, match="differ in their number"):
        ChromaBatch(ab=torch.zeros(2, 2, 4, 4), confidence=torch.zeros(1, 1, 4, 4))


def test_names_are_shapes_not_pixels():
    assert repr(make_frame(np.zeros((4, 6), np.uint8), pts=9)) == "Frame(pts=9, yuv420p, 4x6)"
    assert repr(make_batch(torch.zeros(2, 1, 4, 6))) == "LumaBatch((2, 1, 4, 6), pts 0..1)"
    assert repr(ChromaBatch(ab=torch.zeros(2, 2, 4, 6))) == "ChromaBatch((2, 2, 4, 6))"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"language": "eng", "title": "Notes"}, "#2 subtitle mov_text (eng) “Notes”"),
        ({"codec": "", "tag": "tmcd"}, "#2 subtitle tmcd"),
        ({"codec": "", "tag": ""}, "#2 subtitle unknown"),
    ],
)
def test_a_stream_s_label_is_what_messages_call_it(changes, expected):
    values = {"index": 2, "kind": "subtitle", "codec": "mov_text", "tag": "tx3g", "language": None, "title": None}

    assert expected == StreamInfo(**{**values, **changes}, dispositions=()).label


@given(
    st.integers(1, 5000),
    st.integers(1, 5000),
    st.integers(4, 64).map(lambda factor: 16 * factor),
    st.sampled_from([1, 8, 32]),
    st.booleans(),
)
def test_network_sizes_are_allowed_and_of_the_wanted_area(height, width, side, multiple, square):
    rule = SizeRule(multiple_of=multiple, minimum=64, square=square, default_side=256)

    found = rule.network_size(height, width, side)

    assert all(length % multiple == 0 and length >= 64 for length in found)
    if square:
        assert found[0] == found[1]
    elif side >= 256:
        # Rounding each side to a multiple of 32, at most a quarter of the short side of a 4:1 picture.
        assert 0.7 < found[0] * found[1] / side**2 < 1.35
