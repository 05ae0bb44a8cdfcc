"""Scores against hand-made cases, and the choice of the decoder."""

import math
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from tiny_training import noise_store

from training.data.batches import to_batch
from training.data.pictures import store_of
from training.evaluate import (
    choose_decoder,
    colorfulness,
    crops,
    evaluate,
    format_scores,
    grain_unsteadiness,
    mean_scores,
    picture_scores,
    psnr,
    psnr_at_ratio,
    report,
    scores_by_kind,
    sweep,
    truth_scores,
)
from training.networks import predict_ab, predict_logits
from videocolor.color.lab import lab_to_rgb
from videocolor.errors import SettingsError
from videocolor.models.compact import build


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    network = build({"decoder_widths": [16, 16, 16], "encoder_width": 0.25}).eval()
    with torch.no_grad():
        network.head.weight.mul_(20)
    return network


def test_psnr_and_colorfulness_have_their_textbook_values():
    """1/10 of the range off everywhere is 20 dB; colorfulness by numpy on 0..255."""
    rgb = torch.rand(2, 3, 8, 8) * 0.8
    assert pytest.approx(psnr(rgb + 0.1, rgb).tolist(), abs=1e-4) == [20.0, 20.0]

    red, green, blue = (rgb[0].double() * 255).numpy()
    rg, yb = red - green, (red + green) / 2 - blue
    wanted = math.hypot(rg.std(), yb.std()) + 0.3 * math.hypot(rg.mean(), yb.mean())
    assert wanted == pytest.approx(colorfulness(rgb)[0].item(), rel=1e-5)


def test_the_truth_is_perfect_and_gray_is_the_baseline():
    batch = to_batch([np.random.default_rng(1).integers(0, 256, (32, 32, 3)).astype(np.uint8)])
    mean = batch.ab.mean(dim=(2, 3))[0, :, None, None]

    fixed = truth_scores(batch, mean)
    truth = mean_scores(picture_scores(batch, batch.ab, fixed))
    gray = mean_scores(picture_scores(batch, torch.zeros_like(batch.ab), fixed))

    assert truth.psnr > 45
    assert pytest.approx(truth.colorfulness_ratio, abs=0.01) == 1.0
    assert 0 == truth.ab_error == truth.gray_holes == truth.false_color
    assert gray.psnr_gain == 0
    assert pytest.approx(gray.colorfulness_ratio, abs=1e-3) == 0
    assert gray.gray_holes == pytest.approx((batch.ab.norm(dim=1) > 12).float().mean().item())


def test_false_color_is_counted_on_neutral_pixels_only():
    batch = to_batch([np.full((8, 8, 3), 120, dtype=np.uint8)])
    ab = torch.zeros(1, 2, 8, 8)
    ab[:, 0, :2] = 13.0
    ab[:, 0, 2:4] = 11.0

    assert picture_scores(batch, ab, torch.zeros(1, 3))[0, 7].item() == 0.25


def test_dull_pictures_and_tinted_neutrals_are_counted():
    """One gray wall and two colorful pictures, of which one stays gray; the wall gets chroma 5."""
    rng = np.random.default_rng(2)
    wall = np.full((16, 16, 3), 120, dtype=np.uint8)
    colorful = [rng.integers(0, 256, (16, 16, 3)).astype(np.uint8) for _ in range(2)]
    batch = to_batch([wall, *colorful])
    ab = batch.ab.clone()
    ab[0, 1] = 5.0
    ab[1] = 0.0

    scores = mean_scores(picture_scores(batch, ab, truth_scores(batch, torch.zeros(2, 1, 1))))

    is_neutral = batch.ab.norm(dim=1) < 4
    assert scores.dull == pytest.approx(0.5)
    assert scores.neutral_chroma == pytest.approx(ab.norm(dim=1)[is_neutral].mean().item(), rel=1e-4)
    faults = replace(scores, cast=1.5, dull=0.01, neutral_chroma=9.0, colorfulness_ratio=0.7)
    assert faults.worst_fault == pytest.approx(1.5)
    assert replace(faults, dull=0.1).worst_fault == pytest.approx(2.0)
    assert replace(faults, colorfulness_ratio=0.35).worst_fault == pytest.approx(3.0), "tint grows with the gain"


def test_gray_pictures_are_left_out():
    """P13 of the card's A8: a gray truth has an infinite gray PSNR."""
    store = store_of([np.full((40, 40, 3), 99, dtype=np.uint8), *(noise_store(1).picture(0),)])
    assert sum(len(batch.rgb) for batch in crops(store, [0, 1], 32)) == 1


def test_the_rim_is_cut_off_where_it_was_added(network):
    """With a rim the answer still covers the picture: a shifted answer would not match the rimless middle."""
    ramp = torch.linspace(0, 100, 128).expand(128, 128)[None, None]
    with torch.inference_mode():
        bare = predict_logits(network, ramp, rim=0)
        rimmed = predict_logits(network, ramp, rim=32)
        assert bare.shape == rimmed.shape
        assert tuple(predict_ab(network, ramp, rim=32).shape) == (1, 2, 128, 128)
    inner = (slice(None), slice(None), slice(8, 24), slice(8, 24))
    right = (rimmed[inner] - bare[inner]).abs().mean()
    shifted = (rimmed[:, :, 8:24, 4:20] - bare[inner]).abs().mean()
    assert right < shifted


def test_an_impossible_side_is_refused_with_a_remedy(network):
    with pytest.raises(SettingsError, match="multiple of 32"):
        predict_logits(network, torch.zeros(1, 1, 176, 176), rim=16)


def test_scores_do_not_depend_on_the_batch(network):
    store = noise_store(9)
    together = evaluate(network, store, list(range(9)), side=32)
    apart = [evaluate(network, store, [n], side=32) for n in range(9)]

    assert together.pictures == 9
    assert together.psnr == pytest.approx(sum(score.psnr for score in apart) / 9, abs=1e-3)


def test_the_decoder_is_chosen_at_the_wanted_colorfulness(network):
    """On the pictures it was chosen on, the chosen setting gives about the ratio that was asked for."""
    store = noise_store(6)
    members = list(range(6))
    reached = evaluate(network, store, members, side=32).colorfulness_ratio

    codec, tuned = choose_decoder(network, store, members, side=32, ratio=reached)
    chosen = evaluate(network.with_hyper(**asdict(codec)), store, members, side=32)

    assert reached == pytest.approx(chosen.colorfulness_ratio, rel=0.03)
    assert tuned.psnr == pytest.approx(chosen.psnr, abs=0.05)
    assert tuned.psnr >= evaluate(network, store, members, side=32).psnr - 0.05
    with pytest.raises(SettingsError, match="ask for less"):
        choose_decoder(network, store, members, side=32, ratio=50.0)


def test_the_psnr_at_a_ratio_lies_on_the_curve(network):
    store = noise_store(4)
    members = list(range(4))
    curve = sweep(network, store, members, side=32, codecs=[network.codec], gains=(0.5, 1.25, 2.0))
    own = evaluate(network, store, members, side=32)

    assert psnr_at_ratio(curve, own.colorfulness_ratio) == pytest.approx(own.psnr, abs=1e-3)
    assert math.isnan(psnr_at_ratio(curve, 99.0))


def test_unsteadiness_grows_with_the_noise(network):
    store = noise_store(4)
    moves = [grain_unsteadiness(network, store, [0, 1, 2, 3], side=32, noise=noise) for noise in (0.0, 1.0, 4.0)]
    assert moves[0] == 0
    assert 0 < moves[1] < moves[2]


def test_reports_are_plain_numbers_and_tables(network):
    store = noise_store(3)
    figures = report(network, store, (32,))
    kinds = scores_by_kind(network, store, dict.fromkeys(store.names, "noise"), side=32)

    assert {"psnr", "psnr_gain", "psnr_at_ratio_0.70", "grain_unsteadiness", "metric_version"} <= set(figures["32"])
    assert all(isinstance(value, int | float) for value in figures["32"].values())
    assert kinds["noise"].pictures == 3
    assert "| noise | 3 |" in format_scores(kinds)


def test_gray_of_a_result_is_the_input():
    """Color changes no lightness: L* of the colored picture is the input's where the gamut allows it."""
    from videocolor.color.lab import rgb_to_lab

    lightness = torch.full((1, 1, 4, 4), 60.0)
    rgb = lab_to_rgb(lightness, torch.full((1, 2, 4, 4), 15.0))
    torch.testing.assert_close(rgb_to_lab(rgb)[0], lightness, atol=1e-3, rtol=0)
