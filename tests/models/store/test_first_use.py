"""A file without a published hash, and a file that the user brings: recorded when first seen, compared from then on."""

import logging

import pytest
from weight_host import CONTENT, NAME, closed_port, serving, sha256, visible_files, weight_file

from videocolor.errors import WeightsError
from videocolor.models.store.fetch import bring_weights, fetch_weights
from videocolor.models.store.recorded import read_record


@pytest.fixture(autouse=True)
def _direct_and_heard(monkeypatch, caplog):
    """No proxy between the test and its own host; log lines are kept."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    caplog.set_level(logging.DEBUG, logger="videocolor")


def test_without_a_hash_the_first_use_is_recorded(tmp_path, caplog):
    with serving(content=CONTENT) as host:
        fetch_weights(weight_file(host.url(), content=None), folder=tmp_path)

    seen = read_record(tmp_path)[NAME]
    assert (sha256(CONTENT), len(CONTENT), host.url()) == (seen.sha256, seen.size_bytes, seen.source)
    assert seen.date.endswith("+00:00")
    assert f"no published hash is known: recorded sha256 {sha256(CONTENT)} and 512000 bytes on first use" in caplog.text


def test_after_the_first_use_the_record_decides(tmp_path):
    with serving(content=CONTENT) as host:
        file = weight_file(host.url(), content=None)
        fetch_weights(file, folder=tmp_path).unlink()
        host.content = CONTENT[::-1]
        with pytest.raises(WeightsError, match=r"known hash: expected .*take its entry out of .*recorded\.json"):
            fetch_weights(file, folder=tmp_path)
        host.content = CONTENT
        path = fetch_weights(file, folder=tmp_path)

    assert path.read_bytes() == CONTENT


def test_a_file_put_there_by_hand_is_recorded_not_fetched(tmp_path):
    (tmp_path / NAME).write_bytes(CONTENT)
    with serving(content=b"other") as host:
        fetch_weights(weight_file(host.url(), content=None), folder=tmp_path)

    assert [] == host.asked
    assert sha256(CONTENT) == read_record(tmp_path)[NAME].sha256


@pytest.mark.parametrize("text", ["", "[]", '{"format": 2, "files": {}}', '{"format": 1, "files": {"a": {"x": 1}}}'])
def test_a_damaged_record_is_said(tmp_path, text):
    (tmp_path / "recorded.json").write_text(text)

    with pytest.raises(WeightsError, match=r"The record .*recorded\.json cannot be read: .*Mend or remove it"):
        fetch_weights(weight_file("http://127.0.0.1/", content=None), folder=tmp_path)


def test_the_user_s_own_file_is_copied_after_the_checks(tmp_path):
    own = tmp_path / "download (1).pth"
    own.write_bytes(CONTENT)
    path = bring_weights(weight_file(closed_port()), own, folder=tmp_path / "cache")

    assert path == tmp_path / "cache" / NAME
    assert path.read_bytes() == own.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("content", "message"),
    [(CONTENT[:-1], "511999 bytes, not 512000"), (CONTENT[::-1], f"sha256 {sha256(CONTENT[::-1])}, not")],
)
def test_the_user_s_wrong_file_is_refused(tmp_path, content, message):
    own = tmp_path / "own.pth"
    own.write_bytes(content)

    with pytest.raises(WeightsError, match=message):
        bring_weights(weight_file(closed_port()), own, folder=tmp_path / "cache")
    assert [] == visible_files(tmp_path / "cache")


def test_the_user_s_file_without_a_known_hash_is_recorded_and_then_compared(tmp_path):
    own = tmp_path / "own.pth"
    own.write_bytes(CONTENT)
    file = weight_file(closed_port(), content=None)
    bring_weights(file, own, folder=tmp_path / "cache")
    own.write_bytes(CONTENT[::-1])

    assert str(own) == read_record(tmp_path / "cache")[NAME].source
    with pytest.raises(WeightsError, match=r"is not the weights\.pth that was recorded on first use"):
        bring_weights(file, own, folder=tmp_path / "cache")
    assert (tmp_path / "cache" / NAME).read_bytes() == CONTENT


@pytest.mark.parametrize("name", ["absent.pth", "."])
def test_the_user_s_file_must_be_a_file(tmp_path, name):
    with pytest.raises(WeightsError, match=r"cannot be read: .*\. Check --from"):
        bring_weights(weight_file(closed_port()), tmp_path / name, folder=tmp_path / "cache")
