"""The ab bins are the rule's, encoding is exact, decoding is the softmax mean in float32."""

from math import log

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from videocolor.color.codec import AB_LIMIT, BIN_COUNT, BinCodec, ab_bins
from videocolor.color.lab import rgb_to_lab


def softmax_mean(logits, temperature, gain):
    """Reference in float64: the textbook formula."""
    p = torch.softmax(logits.double() / temperature, dim=1)
    return torch.einsum("nqhw,qc->nchw", p, ab_bins().double()) * gain


def test_bins_are_the_grid_nodes_that_at_least_100_colors_round_to():
    """All 2^24 sRGB colors, rounded to the grid of 10; 99 colors at a node do not make a bin."""
    counts = torch.zeros(25, 25, dtype=torch.int64)
    levels = torch.arange(256, dtype=torch.float64) / 255
    green, blue = torch.meshgrid(levels, levels, indexing="ij")
    for red in levels:
        rgb = torch.stack([red.expand_as(green), green, blue])[None]
        _, ab = rgb_to_lab(rgb)
        nodes = torch.floor(ab[0] / 10 + 0.5).long() + 12
        counts += torch.bincount(nodes[0].flatten() * 25 + nodes[1].flatten(), minlength=625).reshape(25, 25)

    wanted = (torch.nonzero(counts >= 100) - 12) * 10

    assert wanted.tolist() == ab_bins().long().tolist()
    assert BIN_COUNT == len(wanted) == 258
    # How far the decision is from the limit: no rounding of Lab's constants can move it.
    assert int(counts[counts < 100].max()) < 80
    assert int(counts[counts >= 100].min()) > 110


def test_encoding_takes_the_five_nearest_of_all_bins():
    """The short list of candidates never misses a bin that is nearer."""
    torch.manual_seed(0)
    _, ab = rgb_to_lab(torch.rand(2, 3, 60, 60).round(decimals=1))

    indices, weights = BinCodec().encode(ab)

    colors = ab.permute(0, 2, 3, 1).reshape(-1, 2)
    distances = (colors[:, None] - ab_bins()).square().sum(dim=2)
    nearest, _ = distances.topk(5, dim=1, largest=False)
    found = distances.gather(1, indices.permute(0, 2, 3, 1).reshape(-1, 5))
    torch.testing.assert_close(found, nearest)
    wanted = torch.exp(-nearest / 50)
    torch.testing.assert_close(
        weights.permute(0, 2, 3, 1).reshape(-1, 5), wanted / wanted.sum(dim=1, keepdim=True), atol=1e-4, rtol=0
    )


@settings(max_examples=50, deadline=None)
@given(a=st.floats(-60, 60), b=st.floats(-30, 60))
def test_encoding_keeps_the_color(a, b):
    """Mean of the bins under the weights is the color itself, to a third of the grid."""
    ab = torch.tensor([a, b]).reshape(1, 2, 1, 1)
    if (ab_bins() - ab[0, :, 0, 0]).norm(dim=1).topk(5, largest=False).values.max() > 15:
        return  # at the rim of the gamut the neighbors lie on one side

    indices, weights = BinCodec().encode(ab)

    assert weights.sum().item() == pytest.approx(1, abs=1e-6)
    mean = (ab_bins()[indices[0, :, 0, 0]] * weights[0, :, 0, 0, None]).sum(dim=0)
    assert (mean - ab[0, :, 0, 0]).norm().item() < 3.4


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(("temperature", "gain"), [(1.0, 1.0), (0.38, 1.25), (0.1, 0.5)])
def test_decoding_is_the_softmax_mean(temperature, gain, layout):
    torch.manual_seed(1)
    logits = (torch.randn(2, BIN_COUNT, 6, 9) * 4).contiguous(memory_format=layout)

    ab, confidence = BinCodec(temperature=temperature, gain=gain).decode(logits)

    assert tuple(ab.shape) == (2, 2, 6, 9)
    wanted = softmax_mean(logits, temperature, gain).clamp(-AB_LIMIT, AB_LIMIT)
    torch.testing.assert_close(ab.double(), wanted, atol=1e-4, rtol=0)
    p = torch.softmax(logits.double() / temperature, dim=1)
    entropy = -(p * p.clamp_min(1e-300).log()).sum(dim=1, keepdim=True)
    torch.testing.assert_close(confidence.double(), 1 - entropy / log(BIN_COUNT), atol=1e-5, rtol=0)


def test_decoding_never_happens_in_half_precision():
    """In bfloat16 ab would be off by up to 3 units: neither bfloat16 logits nor an outer autocast lead there."""
    torch.manual_seed(2)
    logits = (torch.randn(1, BIN_COUNT, 16, 16) * 4).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        ab, confidence = BinCodec().decode(logits)

    assert ab.dtype == confidence.dtype == torch.float32
    wanted = softmax_mean(logits.float(), 0.38, 1.25).clamp(-AB_LIMIT, AB_LIMIT)
    torch.testing.assert_close(ab.double(), wanted, atol=1e-4, rtol=0)


def test_confidence_is_0_for_a_flat_and_1_for_a_certain_answer():
    flat = torch.zeros(1, BIN_COUNT, 1, 1)
    certain = flat.clone()
    certain[0, 100] = 1000

    assert BinCodec().decode(flat)[1].item() == pytest.approx(0, abs=1e-5)
    assert BinCodec().decode(certain)[1].item() == pytest.approx(1, abs=1e-6)


def test_decoding_gives_a_certain_bin_back_and_keeps_the_limit():
    bins = ab_bins()
    logits = torch.full((1, BIN_COUNT, 1, BIN_COUNT), -1000.0)
    logits[0, torch.arange(BIN_COUNT), 0, torch.arange(BIN_COUNT)] = 1000.0

    plain, _ = BinCodec(gain=1.0).decode(logits)
    boosted, _ = BinCodec(gain=2.0).decode(logits)

    torch.testing.assert_close(plain[0, :, 0].T, bins)
    torch.testing.assert_close(boosted[0, :, 0].T, (2 * bins).clamp(-AB_LIMIT, AB_LIMIT))


def test_decoding_survives_huge_logits():
    logits = torch.zeros(1, BIN_COUNT, 1, 2)
    logits[0, 3, 0, 0] = 1e30
    ab, confidence = BinCodec().decode(logits)
    assert torch.isfinite(ab).all()
    assert torch.isfinite(confidence).all()


def test_an_unsure_answer_loses_the_mean_color_and_a_sure_one_keeps_all():
    unsure, sure = torch.zeros(1, 258, 1, 1), torch.full((1, 258, 1, 1), -100.0)
    sure[0, 30] = 100.0
    codec = BinCodec(gain=2.0, unsure_ab=(3.0, 8.0))

    mean = ab_bins().mean(dim=0)

    assert codec.decode(unsure)[0].flatten().tolist() == pytest.approx(
        (2 * (mean - torch.tensor([3.0, 8.0]))).tolist(), abs=1e-3
    )
    assert codec.decode(sure)[0].flatten().tolist() == pytest.approx((2 * ab_bins()[30]).tolist(), abs=1e-3)


@pytest.mark.parametrize("wrong", [{"temperature": 0.0}, {"temperature": -1.0}, {"gain": -0.1}])
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(ValueError, match="must be above 0"):
        BinCodec(**wrong)
