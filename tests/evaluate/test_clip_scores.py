"""A shot in one pass equals the figures of its list of frames, and a film is the mean over its shots."""

from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest

from videocolor.evaluate.clips import TemporalMeter, mean_over_shots
from videocolor.evaluate.colorfulness import colorfulness
from videocolor.evaluate.distribution import cdc, cdc_ab
from videocolor.evaluate.flicker import tint_jitter
from videocolor.evaluate.lab import luma, rgb_to_lab, with_ab
from videocolor.evaluate.warping import PairMotion, mean_square

HEIGHT, WIDTH = 48, 64


def shot(count, seed=0, shift=2):
    """A soft texture that moves sideways."""
    noise = np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH * 2, 3), np.uint8)
    scene = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 3), None, 10, 245, cv2.NORM_MINMAX)
    return [np.ascontiguousarray(scene[:, shift * t : shift * t + WIDTH]) for t in range(count)]


def flickering(frames, seed=0):
    """A new tint for every frame."""
    tints = np.random.default_rng(seed).normal(0, 10, (len(frames), 2))
    return [with_ab(frame, tuple(tint)) for frame, tint in zip(frames, tints, strict=True)]


def scores(frames, truths=None, **options):
    meter = TemporalMeter(has_truth=truths is not None, **options)
    for number, frame in enumerate(frames):
        meter.push(frame, None if truths is None else truths[number])
    return meter.finish()


def test_one_pass_is_the_same_as_the_lists():
    frames, truths = flickering(shot(9)), shot(9)

    found = scores(frames, truths)

    assert (9, 8, 8) == (found.frame_count, found.pair_count, found.warp_pair_count)
    for stream, pictures in ((found.result, frames), (found.truth, truths)):
        labs = [rgb_to_lab(picture) for picture in pictures]
        tints = np.array([lab[..., 1:].mean(axis=(0, 1), dtype=float) for lab in labs])
        motions = [PairMotion.of(luma(one), luma(other)) for one, other in pairwise(truths)]
        squares = [mean_square(labs[t][..., 1:], labs[t + 1][..., 1:], motion) for t, motion in enumerate(motions)]
        assert cdc(pictures) == stream.cdc
        assert cdc_ab(pictures) == stream.cdc_ab
        assert pytest.approx(np.mean([colorfulness(picture) for picture in pictures])) == stream.colorfulness
        assert pytest.approx(tint_jitter(tints)) == stream.tint_jitter
        assert pytest.approx(np.sqrt(np.mean(squares))) == stream.warp_ab
        assert pytest.approx(tints[0]) == stream.first_tint
        assert pytest.approx(tints[-1]) == stream.last_tint


def test_identical_frames_are_perfectly_steady():
    found = scores(shot(1) * 9).result

    assert 0 == found.cdc == found.cdc_ab == found.warp_ab == found.warp_error == found.tint_jitter
    assert 0 == found.tint_drift == found.hf_share == found.resat_events


def test_the_truth_against_itself():
    found = scores(shot(6), shot(6))

    assert found.result == found.truth
    assert 1 == found.chroma_ratio == found.warp_ab_ratio
    assert 0 == found.cdc_difference


def test_flicker_is_seen_and_a_tint_is_not():
    truth = shot(9)
    steady, unsteady = scores([with_ab(frame, (8, 8)) for frame in truth], truth), scores(flickering(truth), truth)

    assert steady.result.warp_ab < 1 < 5 < unsteady.result.warp_ab
    assert steady.result.tint_jitter < 1 < unsteady.result.tint_jitter
    assert unsteady.result.resat_events > 0 == steady.result.resat_events
    assert unsteady.cdc_difference > steady.cdc_difference


def test_gray_wins_every_measure_of_flicker_and_has_no_chroma():
    """Why the ratio of chroma stands beside them."""
    truth = shot(6)
    found = scores([with_ab(frame, (0, 0)) for frame in truth], truth)

    assert found.truth.warp_ab > 0.1
    assert 0 == found.chroma_ratio == found.result.colorfulness == found.result.cdc_ab == found.result.warp_ab


def test_motion_is_of_the_gray_that_is_given():
    """A result's own luma may flicker; the clean gray does not."""
    truth = shot(3)
    meter = TemporalMeter()
    for frame in truth:
        meter.push(np.full_like(frame, 99), gray=luma(frame))

    assert 2 == meter.finish().warp_pair_count


def test_warping_can_be_sampled_or_left_out():
    frames = shot(8)
    every, some, never = (scores(frames, warp_every=step) for step in (1, 3, 0))

    assert (7, 3, 0) == (every.warp_pair_count, some.warp_pair_count, never.warp_pair_count)
    assert never.result.warp_ab is None
    assert never.result.warp_error is None
    assert pytest.approx(every.result.warp_ab, rel=0.5) == some.result.warp_ab
    assert every.result.cdc == some.result.cdc == never.result.cdc


def test_a_buffer_that_is_used_again_does_no_harm():
    frames = shot(5)
    buffer, meter = np.empty_like(frames[0]), TemporalMeter()
    for frame in frames:
        buffer[:] = frame
        meter.push(buffer)

    assert scores(frames) == meter.finish()


def test_a_shot_of_one_frame():
    found = scores(shot(1), shot(1))

    assert found.result.cdc is None
    assert found.result.warp_ab is None
    assert found.result.tint_jitter is None
    assert found.cdc_difference is None
    assert found.warp_ab_ratio is None
    assert found.result.first_tint == found.result.last_tint


def test_without_truth_nothing_is_relative():
    found = scores(shot(4))

    assert found.truth is None
    assert found.chroma_ratio is None
    assert found.cdc_difference is None
    assert found.warp_ab_ratio is None


def test_a_film_weighs_its_shots_by_their_pairs():
    one, other = scores(shot(3), shot(3)), scores(flickering(shot(9, 1)), shot(9, 1))

    film = mean_over_shots([one, other])

    assert (12, 10, 10) == (film.frame_count, film.pair_count, film.warp_pair_count)
    assert pytest.approx((2 * one.result.warp_ab + 8 * other.result.warp_ab) / 10) == film.result.warp_ab
    assert pytest.approx((2 * one.truth.cdc + 8 * other.truth.cdc) / 10) == film.truth.cdc
    assert one.result.resat_events + other.result.resat_events == film.result.resat_events
    assert (one.result.first_tint, other.result.last_tint) == (film.result.first_tint, film.result.last_tint)


def test_what_a_shot_cannot_say_is_left_out():
    """A shot of three frames has no spectrum, one of a single frame no weight."""
    short, long, single = scores(shot(3)), scores(flickering(shot(9, 1))), scores(shot(1, 2))

    film = mean_over_shots([short, long, single])

    assert long.result.hf_share == film.result.hf_share
    assert pytest.approx((2 * short.result.colorfulness + 8 * long.result.colorfulness) / 10) == (
        film.result.colorfulness
    )


def test_single_frames_alone_weigh_the_same():
    one, other = scores(shot(1)), scores(shot(1, 1))

    film = mean_over_shots([one, other])

    assert pytest.approx((one.result.chroma + other.result.chroma) / 2) == film.result.chroma
    assert film.result.cdc is None


def test_nothing_is_compared_across_a_cut():
    """One meter over both shots would take the cut for flicker."""
    dark, bright = shot(5), [255 - frame for frame in shot(5, 1)]

    apart = mean_over_shots([scores(dark), scores(bright)])

    assert apart.result.cdc < scores([*dark, *bright]).result.cdc


def test_mistakes_are_refused():
    frame = shot(1)[0]
    with pytest.raises(ValueError, match="no frame"):
        TemporalMeter().finish()
    with pytest.raises(ValueError, match="truth is missing"):
        TemporalMeter(has_truth=True).push(frame)
    with pytest.raises(ValueError, match="without truth"):
        TemporalMeter().push(frame, frame)
    with pytest.raises(ValueError, match="compared"):
        TemporalMeter(has_truth=True).push(frame, frame[1:])
    with pytest.raises(ValueError, match="gray is"):
        TemporalMeter().push(frame, gray=luma(frame)[1:])
    with pytest.raises(ValueError, match="warp_every"):
        TemporalMeter(warp_every=-1)
    with pytest.raises(ValueError, match="no shot"):
        mean_over_shots([])
    alone, with_truth = scores([frame]), scores([frame], [frame])
    with pytest.raises(ValueError, match="1 of 2"):
        mean_over_shots([alone, with_truth])
    meter = TemporalMeter()
    meter.push(frame)
    with pytest.raises(ValueError, match="follows"):
        meter.push(frame[:-2])


def test_scores_can_be_replaced_for_a_comparison():
    """Ratios follow their parts: half the chroma is half the ratio."""
    found = scores(shot(3), shot(3))

    dull = replace(found, result=replace(found.result, chroma=found.result.chroma / 2))

    assert pytest.approx(0.5) == dull.chroma_ratio
