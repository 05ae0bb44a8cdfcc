"""Photographs as an examination gets them: which files, which part, which groups."""

import csv
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from videocolor.errors import MediaError, MediaNotFound, SettingsError
from videocolor.examine.photos import GROUP_OF_KIND, load_photos
from videocolor.examine.views import GROUPS, Photo, indices_by_group

VAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "val"


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


def test_an_index_of_a_spreadsheet_begins_with_a_mark(tmp_path):
    photo(tmp_path / "0.png")
    (tmp_path / "index.csv").write_bytes(b"\xef\xbb\xbffile,group,source\r\n0.png,nature,mine\r\n")

    (found,), _ = load_photos([tmp_path], side=4)

    assert ("nature", "mine") == (found.group, found.source)


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
        "2 of the photographs have no color and are left out: gray.png, nearly.png.",
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


def test_groups_stand_in_their_own_order():
    """Whatever the order of the pictures; those of none are left out."""
    rgb = np.zeros((2, 2, 3), np.uint8)
    photos = [Photo(name="", sha256="", rgb=rgb, group=group) for group in ("nature", None, "people", "nature")]

    assert [("people", [2]), ("nature", [0, 3])] == list(indices_by_group(photos).items())


@pytest.mark.shared
@pytest.mark.skipif(not VAL.is_dir(), reason="needs the photographs of ../shared")
def test_the_validation_photographs():
    found, notes = load_photos([VAL])

    assert (200, ()) == (len(found), notes)
    assert {(256, 256, 3)} == {item.rgb.shape for item in found}
    assert 42 == sum(item.source in ("coco132", "selfex") for item in found)
    # Kinds are mixed; every one of these pictures that its kind would mislead about has a group by eye.
    assert set(GROUPS) == {item.group for item in found}
    groups = {item.name: item.group for item in found}
    assert ("nature", "interiors", "people") == (groups["013.webp"], groups["049.webp"], groups["039.webp"])
