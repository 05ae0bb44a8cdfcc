"""The figures beside the lines: what made colorizers get, the baselines, and sets of photographs apart."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from made_colorizers import Gray, Oracle, Tint

from videocolor.color.lab import lab_to_rgb
from videocolor.evaluate.colorfulness import colorfulness
from videocolor.examine.photos import load_photos
from videocolor.examine.ranking import rank
from videocolor.examine.sitting import Sitting
from videocolor.examine.views import Material, Photo

VAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "val"
SIDE = 48


def made_photo(number, *, group=None, source=None):
    """Smooth random colors of middle lightness."""
    rng = np.random.default_rng(number)
    small = torch.from_numpy(rng.uniform(0.35, 0.65, (1, 3, 6, 6)).astype(np.float32))
    large = torch.nn.functional.interpolate(small, (SIDE, SIDE), mode="bilinear")[0]
    rgb = (large * 255).round().byte().permute(1, 2, 0).numpy()
    return Photo(name=f"{number}.png", sha256=f"{number:064x}", rgb=rgb, group=group, source=source)


def photos(count=8):
    groups, sources = ("people", "nature", None), ("ours", "theirs")
    return tuple(made_photo(n, group=groups[n % 3], source=sources[n % 2]) for n in range(count))


def ranked(subject, pictures=None, **options):
    return rank(Sitting(subject, Material(photos=pictures or photos(), side=SIDE)), **options)


def by_hand(photo, ab, factor):
    """PSNR against the photograph's own codes, and colorfulness by the measure of `evaluate`."""
    rgb = lab_to_rgb(photo.view.lightness[None], factor * ab[None])[0].permute(1, 2, 0).numpy()
    error = np.mean((rgb - photo.rgb / 255) ** 2)
    return -10 * np.log10(error), colorfulness((rgb * 255).round().astype(np.uint8))


def test_the_oracle_has_nothing_wrong():
    whole = ranked(Oracle()).overall

    assert whole.shipped.psnr > 65  # of answers kept in half precision
    assert 1 == pytest.approx(whole.shipped.colorfulness_ratio, abs=1e-3)
    assert (0, 0, 0) == (whole.shipped.false_color, whole.shipped.false_color_of_neutral or 0, whole.shipped.holes)
    assert whole.shipped.ab_error < 0.02


def test_matched_is_one_gain_for_all_at_seven_tenths_of_the_colorfulness():
    pictures = photos()
    found = ranked(Oracle(), pictures)

    rows = [by_hand(photo, photo.view.ab, found.gain) for photo in pictures]
    truth = [colorfulness(photo.rgb) for photo in pictures]
    assert 0.7 == pytest.approx(np.mean([row[1] for row in rows]) / np.mean(truth), abs=0.003)
    assert 0.7 == pytest.approx(found.overall.matched.colorfulness_ratio, abs=0.002)
    assert np.mean([row[0] for row in rows]) == pytest.approx(found.overall.matched.psnr, abs=0.01)
    assert [row[0] for row in rows] == pytest.approx([item.psnr for item in found.photos], abs=0.02)


def test_a_gain_on_colors_changes_nothing_at_equal_colorfulness():
    class Loud(Oracle):
        def spoil(self, ab, views):
            return ab * 1.2

    plain, loud = ranked(Oracle()).overall, ranked(Loud()).overall

    assert plain.matched.psnr == pytest.approx(loud.matched.psnr, abs=0.02)
    assert loud.shipped.psnr < plain.shipped.psnr - 20


def test_gray_answers_cannot_be_matched():
    found = ranked(Gray())

    assert (None, None, None) == (found.gain, found.overall.matched, found.overall.shuffled)
    assert {None} == {item.psnr for item in found.photos}
    assert found.overall.gray == found.overall.shipped
    assert 0 == pytest.approx(found.overall.shipped.colorfulness_ratio, abs=1e-5)
    json.dumps(found.to_json(), allow_nan=False)


def test_false_color_and_holes_are_shares_of_pixels():
    """Left half neutral, right half red; the answer has it the other way round."""
    rgb = np.full((SIDE, SIDE, 3), 128, np.uint8)
    rgb[:, SIDE // 2 :] = (200, 60, 60)
    photo = Photo(name="halves", sha256="0" * 64, rgb=rgb)

    class Swapped(Oracle):
        def spoil(self, ab, views):
            return ab.flip(3)

    scores = ranked(Swapped(), (photo,)).overall.shipped

    assert (0.5, 1.0, 0.5) == (scores.false_color, scores.false_color_of_neutral, scores.holes)
    chroma = float(photo.view.ab[:, 0, -1].norm())
    assert chroma == pytest.approx(scores.ab_error, rel=2e-3)


def test_what_is_seen_is_lost_with_another_picture_s_lightness():
    oracle = ranked(Oracle()).overall

    assert 0.7 == pytest.approx(oracle.shuffled.colorfulness_ratio, abs=0.002)
    assert oracle.shuffled.psnr < oracle.mean_color.psnr < oracle.matched.psnr


def test_a_cast_is_not_lost_with_another_picture_s_lightness():
    tint = ranked(Tint())

    assert tint.overall.matched.psnr == pytest.approx(tint.overall.shuffled.psnr, abs=1e-6)
    assert tint.overall.shipped.psnr == pytest.approx(tint.overall.mean_color.psnr, abs=0.01)


def test_one_photograph_has_no_other():
    assert ranked(Oracle(), photos(1)).overall.shuffled is None


def test_groups_and_sources_stand_apart():
    pictures = photos()
    found = ranked(Oracle(), pictures, unseen=("theirs", "nobody's"))

    assert {"people": 3, "nature": 3} == {name: item.photos for name, item in found.groups.items()}
    assert {"known": 4, "unseen": 4} == {name: item.photos for name, item in found.sources.items()}
    unseen = [item.psnr for item in found.photos if item.source == "theirs"]
    assert np.mean(unseen) == pytest.approx(found.sources["unseen"].matched.psnr)
    assert [photo.sha256 for photo in pictures] == [item.sha256 for item in found.photos]
    assert {} == ranked(Oracle(), pictures).sources
    assert ["known"] == list(ranked(Oracle(), pictures, unseen=("nobody's",)).sources)


def test_json_has_the_fields():
    found = ranked(Oracle())

    values = json.loads(json.dumps(found.to_json(), allow_nan=False))

    assert ["gain", "overall", "groups", "sources", "photos"] == list(values)
    assert ["photos", "matched", "shipped", "shuffled", "mean_color", "gray"] == list(values["overall"])
    assert asdict(found.photos[3]) == values["photos"][3]


@pytest.mark.shared
@pytest.mark.skipif(not VAL.is_dir(), reason="needs the photographs of ../shared")
def test_baselines_of_the_validation_photographs():
    pictures, _ = load_photos([VAL])

    whole = ranked(Gray(), pictures).overall

    assert 22.65 == pytest.approx(whole.gray.psnr, abs=0.05)
    assert 22.80 == pytest.approx(whole.mean_color.psnr, abs=0.05)
