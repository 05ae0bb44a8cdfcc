"""Schedule, average, losses and checkpoints."""

import pytest
import torch
from torch import nn

from training.engine.average import MovingAverage
from training.engine.checkpoint import load_checkpoint, save_checkpoint
from training.engine.precision import autocast
from training.engine.schedule import cosine_between, warm_up
from training.losses.soft_bins import divergence, rebalancing_weights, soft_bin_loss
from videocolor.color.codec import BinCodec, ab_bins
from videocolor.errors import ResumeError


def test_the_rate_warms_up_and_follows_half_a_cosine():
    assert [warm_up(step, 4) for step in range(5)] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert warm_up(0, 0) == 1.0
    assert cosine_between(1.0, 0.2, 0.0) == 1.0
    assert pytest.approx(cosine_between(1.0, 0.2, 0.5)) == 0.6
    assert pytest.approx(cosine_between(1.0, 0.2, 1.0)) == 0.2


def test_the_average_covers_batch_norm_and_stays_float32():
    """P10."""
    network = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2))
    average = MovingAverage(network, decay=0.5)
    with torch.no_grad():
        network[0].weight += 2.0
        network[1].running_mean += 4.0
    network[1].num_batches_tracked += 7
    before = average.state["0.weight"].clone()

    average.update(network, step=100)

    torch.testing.assert_close(average.state["0.weight"], before + 1.0)
    torch.testing.assert_close(average.state["1.running_mean"], torch.full((2,), 2.0))
    assert average.state["1.num_batches_tracked"].item() == 7
    assert all(value.dtype == torch.float32 for value in average.state.values() if value.is_floating_point())


def test_the_average_forgets_faster_at_the_start():
    network = nn.Linear(1, 1, bias=False)
    average = MovingAverage(network, decay=0.999)
    with torch.no_grad():
        network.weight.fill_(1.0)
        average.state["weight"].zero_()

    average.update(network, step=0)

    assert pytest.approx(average.state["weight"].item()) == 0.9


def test_the_loss_is_the_dense_cross_entropy():
    """P5: the same number without a dense target."""
    torch.manual_seed(0)
    logits = torch.randn(2, 258, 3, 5) * 3
    indices, weights = BinCodec().encode(torch.randn(2, 2, 3, 5) * 20)
    dense = torch.zeros_like(logits).scatter_(1, indices, weights)

    torch.testing.assert_close(
        soft_bin_loss(logits, indices, weights), nn.functional.cross_entropy(logits, dense), atol=1e-5, rtol=1e-5
    )
    halved = soft_bin_loss(logits, indices, weights, torch.full((2, 3, 5), 0.5))
    torch.testing.assert_close(halved, soft_bin_loss(logits, indices, weights) / 2)


def test_the_divergence_is_torchs_and_0_for_equal_answers():
    torch.manual_seed(1)
    one, other = torch.randn(1, 258, 2, 2), torch.randn(1, 258, 2, 2)
    wanted = nn.functional.kl_div(other.log_softmax(1), one.log_softmax(1), log_target=True, reduction="none").sum(1)

    torch.testing.assert_close(divergence(one, other), wanted.mean())
    assert pytest.approx(divergence(one, one + 3).item(), abs=1e-6) == 0


@pytest.mark.parametrize(("large", "small"), [(6, 3), (3, 6), (6, 4)])
def test_the_divergence_of_answers_of_two_sizes_compares_shares(large, small):
    """Averaged to fewer samples, interpolated to more; 0 for one that is the same everywhere."""
    torch.manual_seed(2)
    one, other = torch.randn(2, 258, large, large), torch.randn(2, 258, small, small)
    mode = "area" if small < large else "bilinear"
    shares = nn.functional.interpolate(one.softmax(1), (small, small), mode=mode)
    wanted = nn.functional.kl_div(other.log_softmax(1), shares, reduction="none").sum(1)
    everywhere = torch.randn(2, 258, 1, 1)

    torch.testing.assert_close(divergence(one, other), wanted.mean())
    flat = divergence(everywhere.expand(-1, -1, large, large), everywhere.expand(-1, -1, small, small))
    assert pytest.approx(flat.item(), abs=1e-5) == 0


def test_a_share_of_0_adds_nothing_to_the_divergence():
    certain = torch.full((1, 258, 4, 4), -1e4)
    certain[:, 7] = 0

    assert torch.isfinite(divergence(certain, torch.zeros(1, 258, 2, 2)))


@pytest.mark.parametrize(("mix", "ratio"), [(1.0, 1.0), (0.95, 4.0)])
def test_rebalancing_is_mild_near_1_and_keeps_the_mean(mix, ratio):
    bins = ab_bins()
    frequencies = torch.exp(-bins.norm(dim=1) / 12)
    frequencies /= frequencies.sum()

    weights = rebalancing_weights(frequencies, bins, mix=mix)

    assert weights.max() / weights.min() <= ratio * 1.5
    kernel = torch.exp(-0.5 * (torch.cdist(bins, bins) / 5) ** 2)
    smooth = kernel @ frequencies
    assert pytest.approx(((smooth / smooth.sum()) * weights).sum().item(), abs=1e-4) == 1


def test_precision_is_a_name():
    x = torch.ones(2, 2)
    with autocast("bfloat16"):
        assert torch.bfloat16 == (x @ x).dtype
    with autocast("float32"):
        assert torch.float32 == (x @ x).dtype


def test_a_checkpoint_comes_back_and_a_failed_one_leaves_the_last(tmp_path):
    path = tmp_path / "run" / "checkpoint.pt"
    save_checkpoint(path, {"step": 3, "network": {"a": torch.ones(2)}})

    class Unsavable:
        def __reduce__(self):
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        save_checkpoint(path, {"step": 4, "network": Unsavable()})

    assert [path] == list(path.parent.iterdir())
    assert load_checkpoint(path)["step"] == 3


def test_a_checkpoint_of_another_format_is_refused(tmp_path):
    path = tmp_path / "old.pt"
    torch.save({"format": 0}, path)
    with pytest.raises(ResumeError, match="expected 1"):
        load_checkpoint(path)
