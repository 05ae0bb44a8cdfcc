"""The pictures of a run, from files and folders."""

import numpy as np
import pytest
from PIL import Image

from videocolor.errors import MediaError, MediaNotFound, SettingsError
from videocolor.references.names import FrameNumber
from videocolor.references.pictures import find_pictures, picture_hashes


def make_picture(path, value=0):
    Image.fromarray(np.full((4, 6, 3), value, np.uint8)).save(path)
    return path


def test_files_and_folders(tmp_path):
    folder = tmp_path / "painted"
    folder.mkdir()
    make_picture(folder / "frame_000007.png")
    single = make_picture(tmp_path / "frame-3.tif")

    found = find_pictures([str(single), str(folder)])

    assert [FrameNumber(3), FrameNumber(7)] == [picture.moment for picture in found]


def test_what_is_no_picture_is_passed_over_with_a_line(tmp_path, caplog):
    caplog.set_level("INFO")
    make_picture(tmp_path / "frame_1.png")
    (tmp_path / "notes.txt").write_text("frame 2 is next")
    (tmp_path / "frame_1.psd").write_bytes(b"8BPS" + bytes(100))
    (tmp_path / "._frame_1.png").write_bytes(b"\0\5\x16\7")
    (tmp_path / "old").mkdir()

    assert 1 == len(find_pictures([str(tmp_path)]))
    assert 4 == caplog.text.count("is passed over")


def test_a_folder_without_pictures_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("none yet")

    with pytest.raises(MediaError, match="has no picture"):
        find_pictures([str(tmp_path)])


def test_two_pictures_of_one_frame_are_refused(tmp_path):
    make_picture(tmp_path / "frame_12.png")
    make_picture(tmp_path / "shot-0001-frame_000012.png")

    with pytest.raises(SettingsError, match="are pictures of one frame, frame 12"):
        find_pictures([str(tmp_path)])


def test_a_picture_that_is_named_twice_counts_once(tmp_path):
    path = make_picture(tmp_path / "frame_12.png")

    assert 1 == len(find_pictures([str(path), str(tmp_path), str(tmp_path)]))


def test_a_picture_whose_name_tells_nothing_is_refused_by_name(tmp_path):
    make_picture(tmp_path / "best version.png")

    with pytest.raises(SettingsError, match=r"The name best version\.png tells no frame"):
        find_pictures([str(tmp_path)])


def test_missing_and_unreadable_files(tmp_path):
    (tmp_path / "frame_1.png").write_text("no picture")

    with pytest.raises(MediaNotFound):
        find_pictures([str(tmp_path / "frame_2.png")])
    with pytest.raises(MediaError, match="is not a picture"):
        find_pictures([str(tmp_path / "frame_1.png")])


def test_hashes_name_frames_and_follow_the_bytes(tmp_path):
    path = make_picture(tmp_path / "frame_12.png")
    make_picture(tmp_path / "00-00-01.500.png")
    before = picture_hashes(find_pictures([str(tmp_path)]))

    make_picture(path, value=9)
    after = picture_hashes(find_pictures([str(tmp_path)]))

    assert {"frame 12", "00:00:01.500"} == set(before)
    assert ["frame 12"] == [name for name in before if before[name] != after[name]]
