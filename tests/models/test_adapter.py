"""Around every network: what comes back covers exactly the picture, memory that ends costs time and not color."""

import gc
import weakref
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny_parts import FLOAT32, CopyNetwork, make_batch, make_card

from videocolor.core.cards import SizeRule
from videocolor.errors import OutOfMemoryError
from videocolor.models.adapter import NetworkColorizer, crop_to_window, pad_for_network


def colorizer(network=None, **rule):
    card = make_card()
    card = replace(card, size_rule=replace(card.size_rule, **rule))
    return NetworkColorizer(network or CopyNetwork(), card, FLOAT32)


def noise(count, height, width):
    return torch.rand(count, 1, height, width, generator=torch.Generator().manual_seed(0)) * 100


rules = st.builds(
    SizeRule,
    multiple_of=st.sampled_from([1, 8, 32]),
    minimum=st.sampled_from([1, 16, 64]),
    square=st.just(False),
    default_side=st.just(64),
    rim=st.sampled_from([0, 4, 16]),
)


@given(st.integers(1, 70), st.integers(1, 70), rules)
def test_a_network_that_copies_gives_every_size_back_exactly(height, width, rule):
    """Rim, multiples and minimum are added and cut off again; the rim may be larger than the picture."""
    lightness = noise(2, height, width)
    card = replace(make_card(), size_rule=rule)

    answer = NetworkColorizer(CopyNetwork(), card, FLOAT32).predict(make_batch(lightness))

    assert torch.equal(lightness, answer.ab[:, :1])
    assert torch.equal(-lightness, answer.ab[:, 1:])
    assert torch.equal(lightness / 100, answer.confidence)


@given(st.integers(1, 70), st.integers(1, 70), rules)
def test_networks_get_only_sizes_they_allow(height, width, rule):
    padded, window = pad_for_network(noise(1, height, width), replace(make_card(), size_rule=rule))

    for side, (first, last), length in zip(padded.shape[2:], (window[:2], window[2:]), (height, width), strict=True):
        assert side % rule.multiple_of == 0 or side == rule.minimum
        assert side >= rule.minimum
        assert side >= length + 2 * rule.rim
        assert (last - first) * side == pytest.approx(length)
        assert first * side >= rule.rim - 1e-9


def test_the_rim_is_a_reflection_without_a_doubled_edge():
    row = torch.arange(4.0).view(1, 1, 1, 4)
    padded, _ = pad_for_network(
        row, replace(make_card(), size_rule=replace(make_card().size_rule, rim=6, multiple_of=1))
    )

    middle = padded[0, 0, 0]
    assert [0, 1, 2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1, 2, 3] == middle.tolist()


@pytest.mark.parametrize("stride", [2, 4])
@pytest.mark.parametrize("size", [(64, 48), (61, 45), (37, 83)])
def test_a_coarse_answer_covers_exactly_the_picture(stride, size):
    """A ramp stays in its place, whether the window falls between the output's samples or not.

    torch's bicubic kernel (a = -0.75) bends a straight line by up to a twentieth of a sample; a drift is half of one.
    """
    ramp = torch.arange(size[1], dtype=torch.float32).expand(1, 1, size[0], -1).contiguous()

    answer = colorizer(CopyNetwork(stride)).predict(make_batch(ramp)).ab[0, 0]

    rows, columns = answer.shape
    assert abs(rows - size[0] / stride) <= 1
    assert abs(columns - size[1] / stride) <= 1
    places = (torch.arange(columns) + 0.5) * size[1] / columns - 0.5
    inner = slice(3, -3)
    torch.testing.assert_close(answer[rows // 2, inner], places[inner], atol=0.06 * stride, rtol=0)


def test_a_window_on_the_grid_is_cut_not_resampled():
    x = torch.rand(1, 2, 8, 8)

    assert torch.equal(x[:, :, 2:6, 1:7], crop_to_window(x, (0.25, 0.75, 0.125, 0.875)))


class SmallMemory(CopyNetwork):
    """Fits a given number of frames."""

    def __init__(self, frames, error):
        super().__init__()
        self.frames, self.error, self.runs = frames, error, []

    def forward(self, x):
        self.runs.append(len(x))
        if len(x) > self.frames:
            raise self.error
        return super().forward(x)


ENDS_OF_MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory."),
    MemoryError(),
    RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried"),
]


@pytest.mark.parametrize("error", ENDS_OF_MEMORY, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize(
    ("fits", "runs"), [(4, [7, 4, 3]), (2, [7, 4, 2, 2, 3, 2, 1]), (1, [7, 4, 2, 1, 1, 2, 1, 1, 3, 2, 1, 1, 1])]
)
def test_short_memory_halves_the_batch_and_changes_no_color(caplog, error, fits, runs):
    network, lightness = SmallMemory(fits, error), noise(7, 20, 30)

    answer = colorizer(network).predict(make_batch(lightness))

    assert runs == network.runs
    assert torch.equal(lightness, answer.ab[:, :1])
    assert torch.equal(lightness / 100, answer.confidence)
    assert "Memory is short: 7 frames are colored in two halves." in caplog.messages


@pytest.mark.parametrize("error", ENDS_OF_MEMORY, ids=lambda error: type(error).__name__)
def test_one_frame_that_does_not_fit_names_a_smaller_render_factor(error):
    """Never a gray frame. 120 pixels and twice the rim of 4 are render factor 8."""
    with pytest.raises(
        OutOfMemoryError, match=r"at render factor 8 does not fit .* of cpu\. Use --render-factor 5\.$"
    ) as caught:
        colorizer(SmallMemory(0, error)).predict(make_batch(noise(2, 120, 120)))

    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    ("side", "minimum", "remedy"), [(88, 64, "--render-factor 4"), (56, 64, "Close other programs")]
)
def test_the_render_factor_in_the_remedy_is_one_that_the_model_takes(side, minimum, remedy):
    """At the smallest factor of a model the advice was one that the next run refused."""
    network = SmallMemory(0, MemoryError())
    with pytest.raises(OutOfMemoryError, match=remedy):
        colorizer(network, minimum=minimum).predict(make_batch(noise(1, side, side)))


def test_other_errors_of_a_network_are_not_taken_for_short_memory():
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        colorizer(SmallMemory(0, RuntimeError("shapes cannot be multiplied"))).predict(make_batch(noise(2, 16, 16)))


def test_the_failed_run_is_free_before_the_halves_begin():
    """Held by the exception's traceback, its tensors would make the halves fail as well."""
    gc.disable()
    try:
        living = []

        class Greedy(CopyNetwork):
            def forward(self, x):
                living.append([ref for ref in living_refs if ref() is not None])
                living_refs.append(weakref.ref(x))
                if len(x) > 1:
                    raise torch.OutOfMemoryError("CUDA out of memory.")
                return super().forward(x)

        living_refs = []
        colorizer(Greedy()).predict(make_batch(noise(2, 16, 16)))
    finally:
        gc.enable()

    assert [[], [], []] == living


def test_inference_mode_is_only_around_the_network():
    """It leaks through `yield`: a generator that predicts would put its reader into inference mode."""
    seen = []

    class Watcher(CopyNetwork):
        def forward(self, x):
            seen.append(torch.is_inference_mode_enabled())
            return super().forward(x)

    one = colorizer(Watcher())

    def stream():
        for _ in range(2):
            yield one.predict(make_batch(noise(1, 16, 16)))

    for _ in stream():
        assert not torch.is_inference_mode_enabled()
    assert seen == [True, True]


def test_a_network_without_confidence_is_fine():
    class Unsure(SmallMemory):
        def to_ab(self, output, lightness):
            return replace(super().to_ab(output, lightness), confidence=None)

    answer = colorizer(Unsure(1, MemoryError())).predict(make_batch(noise(3, 16, 16)))

    assert answer.confidence is None
    assert len(answer.ab) == 3
