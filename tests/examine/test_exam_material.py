"""Photographs and clips as an examination gets them: which files, which part, which colours."""

import csv
from hashlib import sha256
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image

from videocolor.color.lab import gray_to_lightness, rgb_to_lab
from videocolor.errors import MediaError, MediaNotFound, SettingsError
from videocolor.examine.material import GROUP_OF_KIND, clip_loaders, load_photos
from videocolor.examine.views import GROUPS

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
VAL, MEDIA = SHARED / "val", SHARED / "media"
needs_val = pytest.mark.skipif(not VAL.is_dir(), reason="needs the photographs of ../shared")
needs_films = pytest.mark.skipif(not MEDIA.is_dir(), reason="needs the films of ../shared")


def photo(path, *, height=12, width=20, seed=0, **save):
    """A picture of random colors; its pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rgb = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(rgb).save(path, **save)
    return rgb


def index(folder, *rows):
    with (folder / "index.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


def test_the_middle_square_by_area_averages(tmp_path):
    whole = photo(tmp_path / "a.png", height=8, width=14)

    (found,), notes = load_photos([tmp_path], side=4)

    blocks = whole[:, 3:11].reshape(4, 2, 4, 2, 3).mean(axis=(1, 3))
    assert np.abs(found.rgb - blocks).max() <= 0.5
    assert (3 / 14, 0, 11 / 14, 1) == found.window
    assert ("a.png", None, None) == (found.name, found.group, found.source)
    assert sha256((tmp_path / "a.png").read_bytes()).hexdigest() == found.sha256
    assert () == notes


def test_a_picture_is_turned_upright_first(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = photo(tmp_path / "turned.png", height=8, width=14, exif=exif)

    (found,), _ = load_photos([tmp_path / "turned.png"], side=8)

    np.testing.assert_array_equal(np.rot90(stored, -1)[3:11], found.rgb)
    assert (0, 3 / 14, 1, 11 / 14) == found.window


def test_folders_are_searched_and_other_files_ignored(tmp_path):
    for number, name in enumerate(["b/2.png", "b/c/3.png", "1.png", ".hidden/4.png"]):
        photo(tmp_path / name, seed=number)
    (tmp_path / "notes.txt").write_text("no picture\n")

    found, _ = load_photos([tmp_path, tmp_path / "1.png"], side=4)

    assert ["1.png", "2.png", "3.png"] == [item.name for item in found]


def test_groups_and_sources_come_from_the_index_beside_a_picture(tmp_path):
    for number in range(6):
        photo(tmp_path / f"{number}.png", seed=number)
    index(
        tmp_path,
        {"file": "0.png", "kind": "portrait", "source": "mine", "group": ""},
        {"file": "1.png", "kind": "portrait", "source": "mine", "group": "nature"},
        {"file": "2.png", "kind": "animals", "source": "", "group": ""},
        {"file": "3.png", "kind": "everyday", "source": "mine", "group": ""},
        {"file": "4.png", "kind": "what nobody knows", "source": "mine", "group": ""},
        {"file": "gone.png", "kind": "portrait", "source": "mine", "group": ""},
    )

    found, _ = load_photos([tmp_path], side=4)
    (alone,), _ = load_photos([tmp_path / "1.png"], side=4)

    assert ["people", "nature", "animals", None, None, None] == [item.group for item in found]
    assert ["mine", "mine", None, "mine", "mine", None] == [item.source for item in found]
    assert ("nature", "mine") == (alone.group, alone.source)


def test_every_kind_leads_to_a_group():
    assert set(GROUPS) == set(GROUP_OF_KIND.values())


@pytest.mark.parametrize(
    ("row", "words"),
    [({"file": "0.png", "group": "peple"}, "'peple'"), ({"name": "0.png", "kind": "portrait"}, "no column file")],
)
def test_a_wrong_index_is_refused(tmp_path, row, words):
    photo(tmp_path / "0.png")
    index(tmp_path, row)

    with pytest.raises(SettingsError, match=words):
        load_photos([tmp_path], side=4)


def test_an_index_that_is_no_text_is_refused(tmp_path):
    photo(tmp_path / "0.png")
    (tmp_path / "index.csv").write_bytes(b"file,kind\n\xff\xfe,\x81\n")

    with pytest.raises(MediaError, match=r"index\.csv cannot be read"):
        load_photos([tmp_path], side=4)


def test_gray_pictures_and_second_copies_are_left_out_with_a_note(tmp_path):
    gray = photo(tmp_path / "a.png", seed=1)[..., :1].repeat(3, axis=2)
    Image.fromarray(gray).save(tmp_path / "gray.png")
    gray[..., 0] ^= 1
    Image.fromarray(gray).save(tmp_path / "nearly.png")
    (tmp_path / "copy.png").write_bytes((tmp_path / "a.png").read_bytes())

    found, notes = load_photos([tmp_path], side=12)

    assert ["a.png"] == [item.name for item in found]
    assert [
        "2 of the photographs have no colour and are left out: gray.png, nearly.png.",
        "1 of the photographs has the content of another and is left out: copy.png.",
    ] == list(notes)


def test_small_pictures_are_enlarged_with_a_note(tmp_path):
    photo(tmp_path / "small.png", height=9, width=9)

    (found,), notes = load_photos([tmp_path], side=16)

    assert (16, 16, 3) == found.rgb.shape
    assert ("1 of the photographs is smaller than 16 pixels and enlarged: small.png.",) == notes


def test_a_few_are_spread_evenly(tmp_path):
    for number in range(10):
        photo(tmp_path / f"{number}.png", seed=number)

    found, _ = load_photos([tmp_path], side=4, limit=2)
    more, _ = load_photos([tmp_path], side=4, limit=99)

    assert ["2.png", "7.png"] == [item.name for item in found]
    assert 10 == len(more)


def test_a_damaged_picture_is_named(tmp_path):
    photo(tmp_path / "whole.png", height=64, width=64)
    data = (tmp_path / "whole.png").read_bytes()
    (tmp_path / "torn.png").write_bytes(data[: len(data) // 2])

    with pytest.raises(MediaError, match=r"torn\.png"):
        load_photos([tmp_path], side=4)


def test_nothing_to_examine_on_is_an_error(tmp_path):
    with pytest.raises(MediaError, match="no photographs"):
        load_photos([tmp_path])
    with pytest.raises(MediaNotFound, match="nowhere"):
        load_photos([tmp_path / "nowhere"])
    (tmp_path / "text.png").write_text("no picture\n" * 30)
    with pytest.raises(MediaError, match=r"text\.png"):
        load_photos([tmp_path / "text.png"])
    (tmp_path / "text.png").unlink()
    Image.new("RGB", (16, 16), (90, 90, 90)).save(tmp_path / "gray.png")
    with pytest.raises(MediaError, match="All photographs are gray"):
        load_photos([tmp_path])


def film(path, shots, *, height=48, width=64, chroma=lambda number: (100, 150)):
    """A film of flat chroma over one texture a shot, lossless."""
    with av.open(f"file:{path}", "w", format="matroska") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.codec_context.width, stream.codec_context.height = width, height
        stream.codec_context.pix_fmt = "yuv420p"
        number = 0
        for shot, count in enumerate(shots):
            texture = np.random.default_rng(shot).integers(60, 180, (height, width), dtype=np.uint8)
            for _ in range(count):
                frame = av.VideoFrame(width, height, "yuv420p")
                planes = (texture, *(np.full((height // 2, width // 2), code, np.uint8) for code in chroma(number)))
                for plane, values in zip(frame.planes, planes, strict=True):
                    np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[:, : values.shape[1]] = values
                frame.pts = number
                container.mux(stream.encode(frame))
                number += 1
        container.mux(stream.encode(None))
    return path


def test_a_clip_is_the_middle_of_the_longest_shot(tmp_path):
    path = film(tmp_path / "film.mkv", [20, 41, 25], chroma=lambda number: (100, 120 + number))

    (load,) = clip_loaders([path], frames=9)
    clip = load()

    # Cr, and with it a*, rises by one code from frame to frame: 20 + (41 - 9) / 2 = 36.
    assert ("film.mkv", 9, True) == (clip.name, len(clip.views), clip.has_truth)
    texture = np.random.default_rng(1).integers(60, 180, (48, 64), dtype=np.uint8)
    for place, view in enumerate(clip.views):
        assert not view.is_still
        luma = torch.from_numpy((texture.astype(np.float32) - 16) / 219)[None]
        torch.testing.assert_close(view.lightness, gray_to_lightness(luma), atol=0.05, rtol=0)
        expected = rgb_to_lab(_rgb(luma, (100 - 128) / 224, (156 + place - 128) / 224)[None])[1][0]
        # R'G'B' of 8 bits.
        assert float((view.ab - expected).abs().mean()) < 0.3


def _rgb(luma, cb, cr):
    """BT.601, which untagged film of this size has."""
    red, blue = luma + 1.402 * cr, luma + 1.772 * cb
    return torch.cat([red, (luma - 0.299 * red - 0.114 * blue) / 0.587, blue]).clamp(0, 1)


def test_a_clip_is_the_same_each_time_and_short_films_whole(tmp_path):
    (load,) = clip_loaders([film(tmp_path / "film.mkv", [5])])

    first, second = load(), load()

    assert 5 == len(first.views)
    for one, other in zip(first.views, second.views, strict=True):
        assert torch.equal(one.lightness, other.lightness)
        assert torch.equal(one.ab, other.ab)


def test_wide_films_are_reduced_by_area_averages(tmp_path):
    (load,) = clip_loaders([film(tmp_path / "film.mkv", [3])], width=32)

    view = load().views[0]

    assert (24, 32) == view.size
    texture = np.random.default_rng(0).integers(60, 180, (48, 64), dtype=np.uint8)
    luma = (texture.reshape(24, 2, 32, 2).mean(axis=(1, 3)) - 16) / 219
    expected = gray_to_lightness(torch.from_numpy(luma.astype(np.float32))[None])
    torch.testing.assert_close(view.lightness, expected, atol=0.1, rtol=0)


def test_a_film_without_color_has_no_truth(tmp_path):
    (load,) = clip_loaders([film(tmp_path / "film.mkv", [4], chroma=lambda number: (128, 129))])

    clip = load()

    assert not clip.has_truth
    assert all(view.ab is None for view in clip.views)


def test_what_is_no_film_is_refused_before_the_work(tmp_path):
    photo(tmp_path / "still.png", height=64, width=64)
    (tmp_path / "text.mkv").write_text("no film\n" * 30)

    with pytest.raises(MediaError, match="is a picture, not a film"):
        clip_loaders([tmp_path / "still.png"])
    with pytest.raises(MediaError, match=r"text\.mkv"):
        clip_loaders([tmp_path / "text.mkv"])
    with pytest.raises(MediaError, match="holds no films"):
        clip_loaders([tmp_path])
    with pytest.raises(MediaNotFound, match="nowhere"):
        clip_loaders([tmp_path / "nowhere.mkv"])

    film(tmp_path / "film.mkv", [3])
    assert ["film.mkv"] == [load.name for load in clip_loaders([tmp_path])]


@pytest.mark.shared
@needs_val
def test_the_validation_photographs():
    found, notes = load_photos([VAL])

    assert (200, ()) == (len(found), notes)
    assert {(256, 256, 3)} == {item.rgb.shape for item in found}
    assert 42 == sum(item.source in ("coco132", "selfex") for item in found)
    # Kinds are mixed; every one of these pictures that its kind would mislead about has a group by eye.
    assert set(GROUPS) == {item.group for item in found}
    groups = {item.name: item.group for item in found}
    assert ("nature", "interiors", "people") == (groups["013.webp"], groups["049.webp"], groups["039.webp"])


@pytest.mark.shared
@needs_films
@pytest.mark.parametrize(
    ("name", "size", "has_truth"),
    [
        ("davis-camel.mp4", (270, 480), True),
        ("bw-chaplin.mp4", (270, 480), False),
        # Turned, anamorphic, and telecined ones.
        ("phone-rot90-audio-first.mov", (480, 272), True),
        ("carphone-sar-ntsc.mp4", (132, 176), True),
        ("bw-street-telecine.vob", (360, 480), False),
    ],
)
def test_clips_of_real_films(name, size, has_truth):
    (load,) = clip_loaders([MEDIA / name])

    clip = load()

    assert 15 <= len(clip.views) <= 24
    assert {size} == {view.size for view in clip.views}
    assert has_truth == clip.has_truth
    assert all(0 <= float(view.lightness.min()) <= float(view.lightness.max()) <= 100 for view in clip.views)
