"""Attention over all positions, in parts: the same numbers, and no matrix of all pairs."""

import pytest
import torch

from videocolor.models.blocks.attention import SelfAttention
from videocolor.models.blocks.norms import fold_weight_norms


@pytest.mark.parametrize("at_once", [1, 7, 64])
def test_parts_are_the_whole(at_once, monkeypatch):
    torch.manual_seed(0)
    attention = SelfAttention(32).eval()
    torch.nn.init.ones_(attention.gamma)
    x = torch.randn(2, 32, 6, 8)
    with torch.no_grad():
        flat = x.flatten(2)
        pairs = torch.bmm(attention.query(flat).transpose(1, 2), attention.key(flat)).softmax(dim=1)
        expected = torch.bmm(attention.value(flat), pairs).reshape(x.shape) + x
        monkeypatch.setattr("videocolor.models.blocks.attention._ASKS_AT_ONCE", at_once)

        torch.testing.assert_close(attention(x), expected, atol=1e-3, rtol=1e-3)


def test_memory_grows_with_the_positions_and_not_with_their_square():
    """At render factor 45 there are 8,100 positions; all pairs would be 262 MB of numbers, and as much again."""
    attention = SelfAttention(64).eval().requires_grad_(False)
    fold_weight_norms(attention)

    def largest(side):
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
            attention(torch.randn(1, 64, side, side))
        return max(event.cpu_memory_usage for event in profile.events())

    assert largest(90) < 3 * largest(64), "twice the positions must not cost four times the memory"
    assert largest(90) < 0.5 * 4 * 8100**2
