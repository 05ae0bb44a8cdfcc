"""Photographs: cache, split, batches as a function of the step, crops that are averaged, degradation of the input."""

import io
import tarfile

import cv2
import numpy as np
import pytest
import torch
from tiny_training import noise_store

from training.data.batches import (
    CropRule,
    batch_indices,
    center_square,
    random_crop,
    resized,
    to_batch,
    training_batch,
)
from training.data.degrade import (
    DegradeRule,
    blur,
    contrast,
    degrade,
    dirt,
    gamma,
    grain,
    jpeg,
    other_gray_mix,
    rescale,
    sharpen,
    vignette,
)
from training.data.pictures import load_folder, manifest_hash, open_store, repeated, split, store_of
from videocolor.color.lab import rgb_to_lab
from videocolor.errors import MediaError, SettingsError

CROP = CropRule(side=32, area=(0.4, 1.0), aspect=(0.8, 1.25))


@pytest.fixture
def shards(tmp_path):
    """Two tar shards with three PNGs each, the last one gray."""
    folder = tmp_path / "train"
    folder.mkdir()
    rng = np.random.default_rng(5)
    pictures = [rng.integers(0, 256, (20 + n, 30, 3)).astype(np.uint8) for n in range(6)]
    pictures[5][:] = pictures[5][..., :1]
    for shard in range(2):
        with tarfile.open(folder / f"train_{shard}.tar", "w") as archive:
            for n in range(3 * shard, 3 * shard + 3):
                data = cv2.imencode(".png", cv2.cvtColor(pictures[n], cv2.COLOR_RGB2BGR))[1].tobytes()
                member = tarfile.TarInfo(f"{n:06}.png")
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
    return folder, pictures


def test_the_cache_gives_the_pictures_back_and_is_made_once(shards, tmp_path, monkeypatch):
    folder, pictures = shards

    store = open_store(folder, tmp_path / "cache")
    monkeypatch.setattr("training.data.pictures._decode_shards", None)
    again = open_store(folder, tmp_path / "cache")

    for opened in (store, again):
        assert tuple(f"{n:06}.png" for n in range(6)) == opened.names
        assert all(np.array_equal(pictures[n], opened.picture(n)) for n in range(6))
        np.testing.assert_allclose(store_of(pictures).grayness, opened.grayness, atol=1e-3)


def test_an_interrupted_decoding_leaves_no_cache(shards, tmp_path):
    folder, _ = shards
    with tarfile.open(folder / "train_1.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("empty.png"), io.BytesIO(b""))

    with pytest.raises(MediaError, match=r"empty\.png cannot be decoded"):
        open_store(folder, tmp_path / "cache")

    assert not list((tmp_path / "cache").glob("*.json"))


def test_a_folder_without_shards_is_named(tmp_path):
    with pytest.raises(MediaError, match=r"holds no \.tar files\. .*--data"):
        open_store(tmp_path, tmp_path / "cache")


def test_split_is_by_seed_without_gray_pictures(shards, tmp_path):
    store = open_store(shards[0], tmp_path / "cache")

    train, tune = split(store, seed=1, tune_count=2, min_grayness=3.0)

    assert sorted(train + tune) == [0, 1, 2, 3, 4]
    assert (train, tune) == split(store, seed=1, tune_count=2, min_grayness=3.0)
    assert manifest_hash(store, train) != manifest_hash(store, tune)


def test_pictures_of_some_sources_are_shown_more_often(shards, tmp_path):
    folder, _ = shards
    rows = [f"{n:06}.png,{'faces' if n < 2 else 'streets'}" for n in range(5)]
    (folder / "index.csv").write_text("\n".join(["file,source", *rows]), encoding="utf-8")
    store = open_store(folder, tmp_path / "cache")

    assert store.sources == ("faces", "faces", "streets", "streets", "streets", "")
    assert repeated(store, [0, 1, 2, 5], {"faces": 3}) == [0, 0, 0, 1, 1, 1, 2, 5]
    assert repeated(store, [0, 1, 2, 5], {}) == [0, 1, 2, 5]
    with pytest.raises(SettingsError, match=r"No training picture comes from animals\. Name sources of index\.csv"):
        repeated(store, [0, 1, 2], {"animals": 2})


def test_an_epoch_sees_every_picture_once_and_drops_the_rest():
    """P11: a partial batch would spoil batch norm."""
    members = list(range(100, 110))
    epoch = [batch_indices(members, seed=3, step=step, size=3) for step in range(3)]
    following = [batch_indices(members, seed=3, step=step, size=3) for step in range(3, 6)]

    assert len({n for batch in epoch for n in batch}) == 9
    assert all(len(batch) == 3 for batch in epoch)
    assert epoch != following
    with pytest.raises(ValueError, match="make no batch of 11"):
        batch_indices(members, seed=3, step=0, size=11)


def test_a_batch_depends_on_the_step_alone():
    store = noise_store(8)
    batch = training_batch(store, list(range(8)), CROP, seed=1, step=5, size=4)
    again = training_batch(store, list(range(8)), CROP, seed=1, step=5, size=4)
    other = training_batch(store, list(range(8)), CROP, seed=1, step=6, size=4)

    assert torch.equal(batch.rgb, again.rgb)
    assert not torch.equal(batch.rgb, other.rgb)
    assert tuple(batch.rgb.shape) == (4, 3, 32, 32)


def test_lab_of_a_batch_is_ours_to_a_rounding():
    """P8: OpenCV's float Lab of RGB in 0..1; its tables differ from the exact formula by less than half a unit."""
    batch = training_batch(noise_store(8), list(range(8)), CROP, seed=1, step=0, size=8)

    lightness, ab = rgb_to_lab(batch.rgb)

    torch.testing.assert_close(batch.lightness, lightness, atol=0.5, rtol=0)
    torch.testing.assert_close(batch.ab, ab, atol=0.8, rtol=0)


def test_crops_are_averaged_not_sampled():
    """P4: a checkerboard of single pixels becomes its mean, not one of its colors."""
    board = np.indices((64, 64)).sum(axis=0) % 2
    picture = np.where(board[..., None] == 1, [255, 0, 0], [0, 0, 255]).astype(np.uint8)

    crop = center_square(picture, 32)

    assert (np.abs(crop.astype(int) - [128, 0, 128]) <= 1).all()


def test_targets_are_averaged_not_sampled():
    """P4 at the network's output size: a picture whose every fourth pixel differs keeps its mean color."""
    from training.loops.step_losses import target_bins
    from videocolor.color.codec import ab_bins
    from videocolor.models.compact import build

    picture = np.full((32, 32, 3), 128, dtype=np.uint8)
    picture[:, ::4] = [255, 40, 40]
    batch = to_batch([picture])

    indices, weights = target_bins(build({"decoder_widths": [8, 8, 8], "encoder_width": 0.25}), batch)

    colors = (ab_bins()[indices] * weights[..., None]).sum(dim=1)
    assert (colors[..., 0] - batch.ab[:, 0].mean()).abs().max() < 4
    assert batch.ab[:, 0].mean() < 0.4 * batch.ab[:, 0].max()


def test_crops_keep_their_rule_and_are_mirrored_half_the_time():
    picture = np.zeros((100, 150, 3), dtype=np.uint8)
    picture[:, :75] = 255
    rng = np.random.default_rng(0)
    left_is_bright = [
        crop[:, 0].mean() > crop[:, -1].mean()
        for crop in (
            random_crop(picture, CropRule(side=16, area=(0.9, 1.0), aspect=(1.0, 1.5)), rng) for _ in range(60)
        )
    ]
    assert 15 < sum(left_is_bright) < 45


def test_small_pictures_are_enlarged_without_blocks():
    ramp = np.repeat(np.linspace(0, 255, 16).astype(np.uint8)[None, :, None], 16, axis=0).repeat(3, axis=2)
    enlarged = center_square(ramp, 64)[32, :, 0].astype(int)
    assert np.abs(np.diff(enlarged)).max() <= 6


PARTS = [
    gamma,
    contrast,
    blur,
    rescale,
    sharpen,
    dirt,
    vignette,
    jpeg,
    lambda x, rng: grain(x, rng, strongest=8.0),
]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_every_part_changes_the_input_and_repeats_with_its_seed(part):
    batch = training_batch(noise_store(8), list(range(8)), CROP, seed=1, step=0, size=4)

    one = part(batch.lightness, torch.Generator().manual_seed(7))
    same = part(batch.lightness, torch.Generator().manual_seed(7))

    assert torch.equal(one, same)
    assert batch.lightness.shape == one.shape
    assert torch.isfinite(one).all()
    assert (one - batch.lightness).abs().mean() > 0.02


def test_degradation_leaves_colors_and_the_clean_share_alone():
    batch = training_batch(noise_store(8), list(range(8)), CROP, seed=1, step=0, size=8)
    before, ab = batch.lightness.clone(), batch.ab.clone()

    clean = degrade(batch.lightness, batch.rgb, DegradeRule(clean_share=1.0), torch.Generator().manual_seed(1))
    worn = degrade(
        batch.lightness, batch.rgb, DegradeRule(clean_share=0.0, grain_share=1.0), torch.Generator().manual_seed(1)
    )

    assert torch.equal(before, clean)
    assert torch.equal(before, batch.lightness)
    assert torch.equal(ab, batch.ab)
    assert ((worn - before).abs().mean(dim=(1, 2, 3)) > 0.2).all()
    assert worn.min() >= 0
    assert worn.max() <= 100


def test_grain_has_its_strength_and_spares_black_and_white():
    flat = torch.full((4, 1, 64, 64), 50.0)
    rng = torch.Generator().manual_seed(2)
    middle = (grain(flat, rng, strongest=1.0) - flat).std()
    white = (grain(flat + 50, rng, strongest=1.0) - flat - 50).std()

    assert pytest.approx(middle.item(), abs=0.02) == 1.0
    assert pytest.approx(white.item(), abs=0.02) == 0.5


def test_sharpening_lifts_edges_and_leaves_flat_areas():
    lightness = torch.full((2, 1, 32, 32), 30.0)
    lightness[:, :, :, 16:] = 60.0

    result = sharpen(lightness, torch.Generator().manual_seed(1))

    torch.testing.assert_close(result[:, :, :, :8], lightness[:, :, :, :8])
    assert (result[:, :, :, 15] < 29).all()
    assert (result[:, :, :, 16] > 61).all()


def test_other_gray_mixes_keep_gray_and_move_red():
    rng = torch.Generator().manual_seed(3)
    gray = torch.full((6, 3, 4, 4), 0.5)
    red = torch.zeros(6, 3, 4, 4)
    red[:, 0] = 1.0

    torch.testing.assert_close(other_gray_mix(gray, rng), torch.full((6, 1, 4, 4), 53.389), atol=1e-2, rtol=0)
    assert other_gray_mix(red, rng).std() > 5


def test_jpeg_at_high_quality_is_nearly_the_picture(monkeypatch):
    smooth = (torch.linspace(10, 90, 40)[None, :] + torch.zeros(24, 1))[None, None]
    monkeypatch.setattr(
        "training.data.degrade._uniform", lambda like, _low, _high, _rng: torch.full((len(like), 1, 1, 1), 95.0)
    )

    result = jpeg(smooth, torch.Generator())

    assert smooth.shape == result.shape
    assert (result - smooth).abs().max() < 2


def test_the_jpeg_of_opencv_agrees():
    """The same luminance table at the same quality: errors of one size, in the same places."""
    rng = np.random.default_rng(4)
    gray = cv2.GaussianBlur(rng.integers(0, 256, (64, 64)).astype(np.uint8), (0, 0), 2)
    gray = cv2.normalize(gray, None, 0, 255, cv2.NORM_MINMAX)
    coded = cv2.imencode(".jpg", gray, [cv2.IMWRITE_JPEG_QUALITY, 30])[1]
    wanted = cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE).astype(np.float32)
    lightness = torch.from_numpy(gray.astype(np.float32) / 2.55)[None, None]
    import training.data.degrade as module

    plain = module._uniform
    module._uniform = lambda like, _low, _high, _rng: torch.full((len(like), 1, 1, 1), 30.0)
    try:
        result = jpeg(lightness, torch.Generator())[0, 0].numpy() * 2.55
    finally:
        module._uniform = plain

    assert np.abs(wanted - gray).mean() > 2
    assert np.abs(result - wanted).mean() < 0.6


def test_a_folder_of_pictures_comes_with_kinds(tmp_path):
    picture = np.full((8, 10, 3), (10, 200, 30), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "0.png"), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    (tmp_path / "index.csv").write_text("file,kind\n0.png,nature\n", encoding="utf-8")

    store, kinds = load_folder(tmp_path)

    assert kinds == {"0.png": "nature"}
    assert np.array_equal(picture, store.picture(0))


@pytest.mark.shared
def test_the_shared_validation_set_has_200_pictures():
    from pathlib import Path

    folder = Path(__file__).resolve().parents[3] / "shared" / "data" / "val"
    if not folder.is_dir():
        pytest.skip("needs ../shared/data")
    store, kinds = load_folder(folder)
    assert 200 == len(store) == len(kinds)


def test_crops_of_another_size_keep_their_means_and_their_own_size_is_free():
    batch = to_batch([noise_store(1).picture(0)[:64, :64]])
    half, double = resized(batch, 32), resized(batch, 128)

    assert resized(batch, 64) is batch
    torch.testing.assert_close(half.ab, torch.nn.functional.avg_pool2d(batch.ab, 2))
    for name in ("rgb", "lightness", "ab"):
        plane = getattr(batch, name)
        assert (getattr(half, name).shape[-1], getattr(double, name).shape[-1]) == (32, 128)
        torch.testing.assert_close(getattr(double, name).mean(), plane.mean(), rtol=0.02, atol=0.1)
