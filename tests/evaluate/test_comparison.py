"""`evaluate`: films and pictures against the true ones."""

import json
import shutil

import numpy as np
import pytest
from colored_films import colored_film, flickering, steady
from PIL import Image

from videocolor.errors import MediaError, MediaNotFound, SettingsError
from videocolor.evaluate.compare import compare
from videocolor.evaluate.comparison import mean_of_parts
from videocolor.progress import NoProgress


def scores(truth, result):
    return compare(truth, result, detector="ncc", progress=NoProgress())


@pytest.fixture(scope="module")
def truth(tmp_path_factory):
    return colored_film(tmp_path_factory.mktemp("truth") / "truth.mkv", [steady(14), steady(7, (10, 12))])


@pytest.fixture
def photos(tmp_path):
    """A folder of three pictures, one of them in a folder below."""
    rng = np.random.default_rng(8)
    folder = tmp_path / "truth"
    (folder / "more").mkdir(parents=True)
    for name in ("a.png", "b.png", "more/c.png"):
        small = Image.fromarray(rng.integers(0, 256, (4, 6, 3), dtype=np.uint8))
        small.resize((48, 32), Image.Resampling.BICUBIC).save(folder / name)
    return folder


def recolored(folder, target, change):
    """The folder's pictures with other colors, as JPEG."""
    for path in folder.rglob("*.png"):
        made = target / path.relative_to(folder).with_suffix(".jpg")
        made.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(path) as picture:
            change(picture).convert("RGB").save(made, quality=95)
    return target


def test_a_film_against_itself(truth):
    """Nothing differs: PSNR at its cap, SSIM 1, no distance, and the ratios over time are 1."""
    found = scores(truth, truth)

    own = found.scores
    assert (100, 100, 0, 1, 0, 0, 1) == (
        own.psnr,
        own.psnr_ab,
        own.rmse_ab,
        own.ssim,
        own.delta_e_mean,
        own.delta_e_p95,
        own.auc,
    )
    assert found.clip.chroma_ratio == pytest.approx(1)
    assert (0, 1) == (found.clip.cdc_difference, found.clip.warp_ab_ratio)
    assert ("film", 21, (72, 96), 255) == (found.kind, found.frame_count, found.size, found.peak)
    assert () == found.notes


def test_shots_are_scored_for_themselves(tmp_path, truth):
    """One shot right, one of the wrong color: the film's figures are the means, weighted by frames."""
    result = colored_film(tmp_path / "result.mkv", [steady(14), steady(7, (-10, -12))])

    found = scores(truth, result)

    first, second = found.shots
    assert [(0, 14, "00:00:00.000"), (1, 7, "00:00:00.560")] == [
        (shot.shot, shot.frames, shot.start) for shot in found.shots
    ]
    assert (0, 100) == (first.scores.delta_e_mean, first.scores.psnr)
    assert second.scores.delta_e_mean > 10
    assert found.scores.delta_e_mean == pytest.approx(second.scores.delta_e_mean / 3)
    assert found.scores.psnr == pytest.approx((14 * 100 + 7 * second.scores.psnr) / 21)


def test_flicker_shows_beside_the_truth(tmp_path, truth):
    result = colored_film(tmp_path / "result.mkv", [flickering(14), steady(7, (10, 12))])

    found = scores(truth, result)

    # Eight codes of Cb and Cr to and fro.
    assert found.shots[0].clip.result.warp_ab > 5
    assert found.shots[0].clip.warp_ab_ratio > 5
    assert found.shots[1].clip.warp_ab_ratio == pytest.approx(1)
    assert found.clip.result.tint_jitter > found.clip.truth.tint_jitter


def test_two_results_that_do_nothing_stand_beside_it(truth):
    found = scores(truth, truth)

    gray, flat = found.baselines.gray, found.baselines.mean_color
    assert 21 == gray.pictures == flat.pictures
    assert 0 == gray.colorfulness
    assert gray.chroma_ratio < 1e-5
    assert gray.psnr_ab < flat.psnr_ab < found.scores.psnr_ab
    assert gray.truth_colorfulness == pytest.approx(found.scores.truth_colorfulness)


def test_baselines_of_a_long_film_are_measured_on_frames_spread_over_it(tmp_path):
    path = colored_film(tmp_path / "film.mkv", [steady(230)], height=16, width=16)

    found = scores(path, path)

    assert (230, 77) == (found.scores.pictures, found.baselines.gray.pictures)


def test_another_film_of_the_same_size_is_noticed(tmp_path, truth):
    """Frames are matched by order only: where the pictures differ, the figures mean nothing."""
    other = colored_film(tmp_path / "other.mkv", [steady(7), steady(14)])

    (note,) = scores(truth, other).notes

    assert "is it the same film" in note


@pytest.mark.parametrize(
    ("shots", "word"),
    [
        ([steady(14), steady(6)], "ends after 20 of the 21 frames"),
        ([steady(14), steady(8)], "more frames than the 21"),
    ],
)
def test_another_number_of_frames_is_refused(tmp_path, truth, shots, word):
    result = colored_film(tmp_path / "result.mkv", shots)

    with pytest.raises(MediaError, match=rf"{word}.*Compare the same part"):
        scores(truth, result)


def test_another_size_is_refused(tmp_path, truth):
    result = colored_film(tmp_path / "result.mkv", [steady(21)], width=98)

    with pytest.raises(MediaError, match=r"is 96x72 and .* 98x72\. Scale one"):
        scores(truth, result)


def test_folders_are_matched_by_name_whatever_the_suffix(tmp_path, photos):
    result = recolored(photos, tmp_path / "result", lambda picture: picture)
    (result / "notes.txt").write_text("not a picture")
    Image.new("RGB", (5, 5)).save(result / "extra.png")

    found = scores(photos, result)

    assert ["a", "b", "more/c"] == [picture.name for picture in found.pictures]
    assert (3, (32, 48), "pictures", None) == (found.frame_count, found.size, found.kind, found.clip)
    assert found.scores.psnr > 30
    (note,) = found.notes
    assert "left out (1): extra." in note


def test_gray_pictures_score_as_the_gray_baseline(tmp_path, photos):
    """Luma under gamma is not lightness: close, not equal."""
    result = recolored(photos, tmp_path / "result", lambda picture: picture.convert("L"))

    found = scores(photos, result)

    assert found.scores.chroma_ratio < 1e-5
    assert found.scores.psnr_ab == pytest.approx(found.baselines.gray.psnr_ab, abs=1e-6)


def test_one_picture(photos):
    found = scores(photos / "a.png", photos / "a.png")

    assert (1, 100, "a.png") == (found.frame_count, found.scores.psnr, found.pictures[0].name)


@pytest.mark.parametrize("mode", ["I;16", "L", "RGBA", "P"])
def test_every_kind_of_picture_is_compared_in_8_bits(tmp_path, mode):
    """Deep gray is scaled, not clipped; alpha is left out."""
    ramp = np.arange(32 * 48).reshape(32, 48)
    if mode == "I;16":
        Image.fromarray((ramp * 42).astype(np.uint16)).save(tmp_path / "a.png")
        expected = ramp * 42 / 257
    else:
        Image.fromarray((ramp // 6).astype(np.uint8)).convert(mode).save(tmp_path / "a.png")
        expected = ramp // 6
    Image.fromarray(np.repeat(np.rint(expected).astype(np.uint8)[..., None], 3, axis=2)).save(tmp_path / "b.png")

    assert scores(tmp_path / "a.png", tmp_path / "b.png").scores.psnr == 100


def test_missing_results_are_refused(tmp_path, photos):
    result = shutil.copytree(photos, tmp_path / "result")
    (result / "more" / "c.png").unlink()

    with pytest.raises(MediaError, match=r"lacks 1 of the 3 pictures of .*: more/c\. Color them"):
        scores(photos, result)


def test_two_pictures_of_one_name_are_refused(photos):
    shutil.copy(photos / "a.png", photos / "a.jpg")

    with pytest.raises(SettingsError, match="have the same name"):
        scores(photos, photos)


def test_pictures_of_different_sizes_are_refused(tmp_path, photos):
    result = recolored(photos, tmp_path / "result", lambda picture: picture.resize((20, 30)))

    with pytest.raises(MediaError, match=r"is 48x32 and .* 20x30\. Scale one"):
        scores(photos, result)


def test_what_does_not_belong_together_is_refused(tmp_path, photos, truth):
    with pytest.raises(MediaError, match=r"is a picture and .* a film\. Give two films"):
        scores(photos / "a.png", truth)
    with pytest.raises(MediaError, match=r"is a folder and .* a picture"):
        scores(photos, photos / "a.png")
    with pytest.raises(MediaNotFound, match="does not exist"):
        scores(truth, tmp_path / "nowhere.mkv")
    (tmp_path / "empty").mkdir()
    with pytest.raises(MediaError, match="holds no pictures"):
        scores(tmp_path / "empty", photos)


def test_json_is_complete_and_has_no_nan(tmp_path, truth):
    values = json.loads(json.dumps(scores(truth, truth).to_json(), allow_nan=False))

    assert 2 == len(values["shots"])
    for part in (values, *values["shots"]):
        assert {"cdc_difference", "chroma_ratio", "warp_ab_ratio", "result", "truth"} <= set(part["clip"])
    assert {"gray", "mean_color", "mean_ab"} == set(values["baselines"])
    assert [72, 96] == values["size"]


def test_what_a_shot_does_not_know_is_left_out_of_the_mean():
    from videocolor.evaluate.pictures import PictureMeter

    def of(size):
        meter = PictureMeter()
        meter.push(np.full((*size, 3), 90, np.uint8), np.full((*size, 3), 100, np.uint8))
        return meter.finish()

    tiny, normal = of((5, 5)), of((20, 20))
    assert tiny.ssim is None

    mean = mean_of_parts([tiny, normal])

    assert normal.ssim == mean.ssim
    assert 2 == mean.pictures
