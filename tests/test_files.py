"""Files appear whole or not at all, and the system's complaints become ours with a remedy."""

import errno
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from videocolor import files
from videocolor.errors import DiskFullError, MediaError, MediaNotFound, SettingsError, TargetError
from videocolor.files import (
    atomic_path,
    check_writable_folder,
    file_identity,
    file_sha256,
    publish,
    translated_os_errors,
    write_text_atomically,
)

MIB = 1 << 20


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_final_name_appears_only_when_the_body_has_ended(tmp_path):
    final = tmp_path / "film.mkv"
    with atomic_path(final) as part:
        part.write_bytes(b"half")
        assert not final.exists()
        assert (part.parent, part.suffix) == (tmp_path, ".mkv")
        part.write_bytes(b"whole")

    assert final.read_bytes() == b"whole"
    assert ["film.mkv"] == names_in(tmp_path)


def test_an_error_keeps_the_old_file_and_leaves_nothing_behind(tmp_path):
    final = tmp_path / "film.mkv"
    final.write_bytes(b"old")

    def write_half():
        with atomic_path(final) as part:
            part.write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()

    assert final.read_bytes() == b"old"
    assert ["film.mkv"] == names_in(tmp_path)


def test_publishing_syncs_the_bytes_before_the_name(tmp_path, monkeypatch):
    """In the other order a power cut leaves the final name on an empty file."""
    part, final = tmp_path / ".part", tmp_path / "film.mkv"
    part.write_bytes(b"whole")
    events = []
    monkeypatch.setattr(files, "sync_file", lambda path: events.append(("bytes", path.name, final.exists())))
    monkeypatch.setattr(files, "sync_folder", lambda path: events.append(("names", path.name, final.exists())))

    publish(part, final)

    assert [("bytes", ".part", False), ("names", tmp_path.name, True)] == events


@pytest.mark.parametrize("stem", ["f" * 250, "映画" * 41, "a" + "映" * 82, "ä" * 124])
def test_names_at_the_file_system_s_limit_can_be_written(tmp_path, stem):
    """Names of many Japanese letters got a part name cut inside a letter, which libraries refuse."""
    final = tmp_path / f"{stem}.mkv"
    with atomic_path(final) as part:
        part.name.encode("utf-8")
        part.write_bytes(b"whole")

    assert final.read_bytes() == b"whole"


def test_names_that_are_no_utf8_can_be_written(tmp_path):
    final = tmp_path / os.fsdecode(b"caf\xe9.txt")

    write_text_atomically(final, "café")

    assert final.read_text(encoding="utf-8") == "café"


def test_a_full_disk_is_said_with_its_remedy(tmp_path):
    def fill():
        with translated_os_errors(tmp_path / "film.mkv"):
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(DiskFullError, match=r"film\.mkv is full\. Make room and run the same command again"):
        fill()


def test_a_missing_folder_is_said_with_its_remedy(tmp_path):
    with pytest.raises(TargetError, match=r"cannot be written: No such file.* Check the folder and its permissions"):
        write_text_atomically(tmp_path / "nowhere" / "report.json", "{}")


@pytest.mark.parametrize(
    "error", [MediaNotFound("No film.", "Look."), DiskFullError("Full.", "Empty."), SettingsError("A", "B")]
)
def test_our_own_errors_pass_untranslated(tmp_path, error):
    """MediaNotFound is a FileNotFoundError too: translated, the user read "cannot be written: Look."."""

    def fail():
        with translated_os_errors(tmp_path):
            raise error

    with pytest.raises(type(error)) as caught:
        fail()
    assert caught.value is error


def test_writable_folders_are_found_out_beforehand(tmp_path):
    check_writable_folder(tmp_path)
    assert [] == names_in(tmp_path)
    with pytest.raises(TargetError, match=r"does not exist\. Create it first"):
        check_writable_folder(tmp_path / "nowhere")
    with pytest.raises(TargetError, match="does not exist"):
        check_writable_folder(tmp_path / "nowhere" / "file")


@pytest.mark.parametrize("place", [0, MIB - 1, 2 * MIB, 3 * MIB - 1])
def test_identity_changes_with_size_head_and_tail(tmp_path, place):
    path = tmp_path / "film.mkv"
    data = bytearray(3 * MIB)
    path.write_bytes(data)
    before = file_identity(path)
    data[place] = 1
    path.write_bytes(data)

    assert before != file_identity(path)


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_small_files_are_told_apart_by_all_their_bytes(tmp_path_factory, one, other):
    path = tmp_path_factory.getbasetemp() / "identity.bin"
    path.write_bytes(one)
    first = file_identity(path)
    path.write_bytes(other)

    assert (one == other) == (first == file_identity(path))


def test_identity_knows_the_size_even_where_both_ends_are_equal(tmp_path):
    path = tmp_path / "film.mkv"
    path.write_bytes(bytes(3 * MIB))
    before = file_identity(path)
    path.write_bytes(bytes(3 * MIB + 1))

    assert before != file_identity(path)


def test_a_missing_source_is_an_input_that_cannot_be_read(tmp_path):
    with pytest.raises(MediaNotFound, match=r"does not exist\. Check the name"):
        file_identity(tmp_path / "film.mkv")


def test_an_unreadable_source_is_an_input_that_cannot_be_read(tmp_path):
    """It was reported as a result that cannot be written, with exit code 1 in place of 3."""
    with pytest.raises(MediaError, match=r"cannot be read: Is a directory\. Check its permissions") as caught:
        file_identity(tmp_path)
    assert caught.value.exit_code == 3


def test_sha256_is_the_published_one(tmp_path):
    path = tmp_path / "abc"
    path.write_bytes(b"abc")

    # FIPS 180-4, example 1.
    assert file_sha256(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
