"""The journal after a crash: a line promises a file, a file without a line is made again, nothing is lost."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from videocolor.errors import ResumeError, TargetError
from videocolor.journal.journal import Journal, SegmentResult, ShotFigures
from videocolor.journal.state_file import write_state


def make_figures(shot, **changes):
    values = {
        "shot": shot,
        "frame_count": 5,
        "inferred_frames": 4,
        "kept_color_frames": 0,
        "limited_share": 0.25,
        "lonely_share": 0.125,
        "correction": 1.5,
    }
    return ShotFigures(**{**values, **changes})


def make_result(index, **changes):
    values = {
        "index": index,
        "file": f"{index:06}.mp4",
        "size_bytes": 5,
        "frame_count": 10,
        "pts_sha256": "aa",
        "luma_sum": "bb",
        "last_luma_sha256": "cc",
        "state_file": None,
        "shots": (make_figures(2 * index), make_figures(2 * index + 1, correction=None)),
        "wall_s": 1.5,
    }
    return SegmentResult(**{**values, **changes})


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "segments").mkdir()
    return tmp_path


def open_journal(folder):
    return Journal(folder / "journal.jsonl", folder / "segments")


def finish(folder, journal, index, **changes):
    result = make_result(index, **changes)
    (folder / "segments" / result.file).write_bytes(b"12345")
    journal.append(result)
    return result


def test_what_is_written_is_read_again(folder):
    journal = open_journal(folder)
    results = [finish(folder, journal, index) for index in range(3)]

    again = open_journal(folder)

    assert results == [again.find(index) for index in range(3)]
    assert again.find(3) is None


def test_the_filter_s_state_comes_back_with_its_segment(folder):
    """Two arrays of different types, bit for bit; a segment at a shot's end has none."""
    state = {"sums": np.random.default_rng(0).normal(size=(3, 4, 2)), "gray": np.arange(12, dtype=np.uint8)}
    write_state(folder / "segments" / "000000.state.npz", state)
    journal = open_journal(folder)
    finish(folder, journal, 0, state_file="000000.state.npz")
    finish(folder, journal, 1)

    found = open_journal(folder).state_after(0)

    assert found.keys() == state.keys()
    assert all(np.array_equal(found[name], state[name]) and found[name].dtype == state[name].dtype for name in state)
    assert open_journal(folder).state_after(1) is None
    assert open_journal(folder).state_after(7) is None


def test_a_segment_whose_state_is_gone_is_made_again(folder):
    journal = open_journal(folder)
    finish(folder, journal, 0, state_file="000000.state.npz")

    assert open_journal(folder).find(0) is None


def test_a_damaged_state_is_an_error_with_the_way_on(folder):
    (folder / "segments" / "000000.state.npz").write_bytes(b"PK broken")
    journal = open_journal(folder)
    finish(folder, journal, 0, state_file="000000.state.npz")

    with pytest.raises(ResumeError, match=r"000000\.state\.npz cannot be used.*--restart"):
        journal.state_after(0)


def test_a_new_folder_has_nothing_finished(folder):
    assert open_journal(folder).find(0) is None
    assert not (folder / "journal.jsonl").exists()


def test_every_line_is_one_json_object(folder):
    journal = open_journal(folder)
    results = [finish(folder, journal, index) for index in range(2)]

    lines = (folder / "journal.jsonl").read_text().splitlines()
    assert [json.loads(json.dumps(asdict(result))) for result in results] == [json.loads(line) for line in lines]


def test_a_line_is_on_the_disk_before_append_returns(folder, monkeypatch):
    synced = []
    monkeypatch.setattr("os.fsync", lambda handle: synced.append((folder / "journal.jsonl").read_text()))

    finish(folder, open_journal(folder), 0)

    assert len(synced) == 1
    assert synced[0].endswith("}\n")


@given(cut=st.integers(1, 300))
def test_a_half_line_costs_only_its_own_segment(tmp_path_factory, cut):
    """Power lost while writing the last line, at any byte; then the run goes on twice."""
    folder = tmp_path_factory.mktemp("cut")
    (folder / "segments").mkdir()
    journal = open_journal(folder)
    for index in range(2):
        finish(folder, journal, index)
    path = folder / "journal.jsonl"
    data = path.read_bytes()
    last_line = len(data) - data.rfind(b"\n", 0, -1) - 1
    cut = min(cut, last_line)
    path.write_bytes(data[:-cut])

    journal = open_journal(folder)
    assert journal.find(0) is not None
    # Without its line end alone the last line is whole.
    assert (cut == 1) == (journal.find(1) is not None)
    finish(folder, journal, 2)

    again = open_journal(folder)
    assert [journal.find(index) for index in range(3)] == [again.find(index) for index in range(3)]
    assert again.find(2) is not None


@pytest.mark.parametrize("rubbish", [b"\0\0\0\n", b"[1, 2]\n", b'{"index": 7}\n', b"\xff\xfe\n", b"null\n", b"\n"])
def test_a_broken_line_in_the_middle_costs_nothing_else(folder, rubbish):
    journal = open_journal(folder)
    finish(folder, journal, 0)
    with (folder / "journal.jsonl").open("ab") as file:
        file.write(rubbish)
    finish(folder, journal, 1)

    again = open_journal(folder)
    assert [0, 1] == [again.find(index).index for index in range(2)]
    assert again.find(7) is None


def test_a_missing_or_shortened_file_is_made_again_with_a_warning(folder, caplog):
    journal = open_journal(folder)
    for index in range(3):
        finish(folder, journal, index)
    (folder / "segments" / "000000.mp4").unlink()
    (folder / "segments" / "000001.mp4").write_bytes(b"123")

    again = open_journal(folder)

    assert [None, None] == [again.find(0), again.find(1)]
    assert again.find(2) is not None
    assert ["Segment 0 is recorded", "Segment 1 is recorded"] == [text[:21] for text in caplog.messages]


def test_the_last_of_two_lines_counts(folder):
    """A segment that was made again: its newer size is the one that is compared."""
    journal = open_journal(folder)
    finish(folder, journal, 0, size_bytes=99)
    finish(folder, journal, 0, wall_s=7.0)

    assert open_journal(folder).find(0).wall_s == 7.0


def test_a_journal_that_cannot_be_written_is_said(folder):
    journal = Journal(folder / "nowhere" / "journal.jsonl", folder / "segments")
    with pytest.raises(TargetError, match=r"journal\.jsonl cannot be written"):
        journal.append(make_result(0))
