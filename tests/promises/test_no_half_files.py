"""Promise: whatever goes wrong, nothing unfinished stands under the final name, and one line says what to do."""

import shutil
import subprocess
import threading
from contextlib import contextmanager

import pytest
import torch
from made_films import Sound, decode, make_film
from runs import FAST_FFV1, TinyNetwork, colorize, command, leftovers, tiny_colorizer
from test_resume_gives_the_same_film import assert_same_film

from videocolor.errors import DiskFullError, OutOfMemoryError, SettingsError, TargetError


@contextmanager
def small_disk(folder, size):
    """A tmpfs of so many bytes."""
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True)
    if done.returncode:
        pytest.skip(f"mounting a tmpfs needs rights that this user lacks: {done.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.parametrize("size", ["600k", "1200k"], ids=["while coloring", "while writing"])
@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_full_disk(tmp_path, size, suffix):
    """Full while a segment is coded, or while the result is written; with more room the same command finishes."""
    source = make_film(
        tmp_path / "film.mp4", frame_count=80, height=96, width=128, cuts=(20, 40, 60), sounds=[Sound(seconds=3)]
    )
    with small_disk(tmp_path / "disk", size) as disk:
        target = disk / f"out{suffix}"
        arguments = ("colorize", source, "-o", target, "--segment-seconds", "0.8", *FAST_FFV1)

        outcome = command(*arguments)

        assert 1 == outcome.code, outcome
        assert "The disk that holds" in outcome.last
        assert "is full" in outcome.last
        assert "same command" in outcome.last
        assert not target.exists()
        assert "Traceback" not in outcome.err
        subprocess.run(["mount", "-o", "remount,size=20m", disk], check=True)

        outcome = command(*arguments)

        assert 0 == outcome.code, outcome
        assert 80 == len(decode(target).luma)
        assert [target.name, f"{target.name}.report.json"] == leftovers(disk)
        shutil.copy(target, tmp_path / f"resumed{suffix}")
    assert 0 == command("colorize", source, "-o", tmp_path / f"whole{suffix}", *arguments[4:]).code
    assert_same_film(tmp_path / f"whole{suffix}", tmp_path / f"resumed{suffix}")


def test_disk_that_is_full_from_the_start(tmp_path):
    source = make_film(tmp_path / "film.mp4", frame_count=8)
    with small_disk(tmp_path / "disk", "64k") as disk:
        (disk / "filler").write_bytes(bytes(64 << 10))

        outcome = command("colorize", source, "-o", disk / "out.mkv", *FAST_FFV1)

        assert 1 == outcome.code
        assert "is full" in outcome.last
        assert not (disk / "out.mkv").exists()


def test_missing_folder(tmp_path):
    source = make_film(tmp_path / "film.mkv", frame_count=2)

    with pytest.raises(TargetError, match=r"folder .*no does not exist\. Create it first"):
        colorize(source, tmp_path / "no" / "out.mkv")

    assert ["film.mkv"] == leftovers(tmp_path)


def test_folder_that_refuses_files(tmp_path):
    """/proc refuses new files even to root."""
    source = make_film(tmp_path / "film.mkv", frame_count=2)

    outcome = command("colorize", source, "-o", "/proc/self/out.mkv", *FAST_FFV1)

    assert 1 == outcome.code
    assert 1 == len(outcome.lines)
    assert "/proc/self cannot be written" in outcome.last


@pytest.mark.parametrize("existing", ["source", "other", "folder"])
def test_existing_target_is_not_touched(tmp_path, existing):
    source = make_film(tmp_path / "film.mkv", frame_count=2)
    target = {"source": source, "other": tmp_path / "out.mkv", "folder": tmp_path / "out"}[existing]
    if existing == "other":
        target.write_bytes(b"precious")
    elif existing == "folder":
        target.mkdir()
    before = source.read_bytes()

    with pytest.raises(SettingsError):
        colorize(source, target)

    assert before == source.read_bytes()
    assert existing != "other" or b"precious" == target.read_bytes()


def test_overwrite_replaces_only_at_the_end(tmp_path):
    source = make_film(tmp_path / "film.mkv", frame_count=4)
    target = tmp_path / "out.mkv"
    target.write_bytes(b"precious")
    colorizer = tiny_colorizer(Failing(after=1))

    from videocolor.pipeline.film import RunOptions

    with pytest.raises(RuntimeError, match="planted"):
        colorize(source, target, options=RunOptions(overwrite=True), colorizer=colorizer, batch_size=2)
    assert b"precious" == target.read_bytes()

    colorize(source, target, options=RunOptions(overwrite=True), batch_size=2)
    assert 4 == len(decode(target).luma)


class Failing(TinyNetwork):
    """Fails with an unexpected error after some runs."""

    def __init__(self, after):
        super().__init__()
        self.left = after

    def forward(self, x):
        self.left -= 1
        if self.left < 0:
            raise RuntimeError("planted")
        return super().forward(x)


def test_error_in_the_middle_leaves_no_file_and_no_thread(tmp_path):
    """Decoder and network threads of a failed film used to live on for as long as its error was kept."""
    source = make_film(tmp_path / "film.mkv", frame_count=60, cuts=(20, 40))
    before = threading.active_count()

    with pytest.raises(RuntimeError, match="planted") as caught:
        colorize(source, tmp_path / "out.mkv", colorizer=tiny_colorizer(Failing(after=2)), preset="ultrafast")

    assert caught.value.__traceback__ is not None
    assert before == threading.active_count()
    assert not (tmp_path / "out.mkv").exists()
    colorize(source, tmp_path / "out.mkv", preset="ultrafast")
    assert ["film.mkv", "out.mkv", "out.mkv.report.json"] == leftovers(tmp_path)


def test_encoder_that_fails_leaves_no_thread(tmp_path, monkeypatch):
    from videocolor.media.encode import SegmentEncoder

    source = make_film(tmp_path / "film.mkv", frame_count=60)
    before = threading.active_count()
    monkeypatch.setattr(SegmentEncoder, "write", lambda self, merged: (_ for _ in ()).throw(DiskFullError("full", "x")))

    with pytest.raises(DiskFullError) as caught:
        colorize(source, tmp_path / "out.mkv")

    assert caught.value.__traceback__ is not None
    assert before == threading.active_count()


class Small(TinyNetwork):
    """Fits `most` frames."""

    def __init__(self, most):
        super().__init__()
        self.most, self.seen = most, []

    def forward(self, x):
        if len(x) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory (made)")
        self.seen.append(len(x))
        return super().forward(x)


def test_out_of_memory_halves_the_batch(tmp_path, caplog):
    """DeOldify returns the gray frame as if it were colored."""
    source = make_film(tmp_path / "film.mkv", frame_count=22, cuts=(10,))
    network = Small(most=3)

    colorize(source, tmp_path / "halved.mkv", codec="ffv1", batch_size=8, colorizer=tiny_colorizer(network))
    colorize(source, tmp_path / "whole.mkv", codec="ffv1", batch_size=8)

    assert max(network.seen) <= 3
    assert 22 == sum(network.seen)
    assert "colored in two halves" in caplog.text
    halved, whole = decode(tmp_path / "halved.mkv"), decode(tmp_path / "whole.mkv")
    assert min(float(u.std() + v.std()) for u, v in halved.chroma) > 0.5
    worst = max(
        abs(a[i].astype(int) - b[i]).max() for a, b in zip(halved.chroma, whole.chroma, strict=True) for i in (0, 1)
    )
    assert worst <= 1


def test_out_of_memory_for_one_frame_is_an_error(tmp_path):
    source = make_film(tmp_path / "film.mkv", frame_count=6)

    with pytest.raises(OutOfMemoryError, match=r"One frame at render factor 4 .*--render-factor 2"):
        colorize(source, tmp_path / "out.mkv", colorizer=tiny_colorizer(Small(most=0)))

    assert not (tmp_path / "out.mkv").exists()
