"""Fetching: resumed, checked before a file gets its name, one address after another, honest about unknown hashes."""

import io
import json
import logging
import sys
import threading

import pooch
import pytest
import requests
from weight_host import CONTENT, NAME, closed_port, serving, visible_files, weight_file

from videocolor.errors import DiskFullError, TargetError, WeightsError
from videocolor.models.store.fetch import fetch_weights
from videocolor.models.store.recorded import read_record
from videocolor.models.store.resumable import ResumableDownloader, SourceError, part_path
from videocolor.version import __version__

CUT = 4 << 16
REST = len(CONTENT) - CUT


@pytest.fixture(autouse=True)
def _direct_and_heard(monkeypatch, caplog):
    """No proxy between the test and its own host; log lines are kept."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    caplog.set_level(logging.DEBUG, logger="videocolor")


def test_a_file_is_fetched_and_nothing_else_stays(tmp_path):
    with serving(content=CONTENT) as host:
        path = fetch_weights(weight_file(host.url()), folder=tmp_path / "new" / "cache")

    assert path == tmp_path / "new" / "cache" / NAME
    assert path.read_bytes() == CONTENT
    assert [NAME] == visible_files(path.parent)


def test_a_file_that_is_here_is_not_asked_for(tmp_path):
    (tmp_path / NAME).write_bytes(CONTENT)
    with serving(content=CONTENT) as host:
        fetch_weights(weight_file(host.url()), folder=tmp_path)

    assert [] == host.asked


def test_a_damaged_file_that_is_here_is_replaced(tmp_path, caplog):
    (tmp_path / NAME).write_bytes(CONTENT[:-1])
    with serving(content=CONTENT) as host:
        path = fetch_weights(weight_file(host.url()), folder=tmp_path)

    assert path.read_bytes() == CONTENT
    assert "is not the file that it should be" in caplog.text


def test_the_host_learns_nothing_about_the_user(tmp_path):
    with serving(content=CONTENT) as host:
        fetch_weights(weight_file(host.url()), folder=tmp_path)

    headers = host.asked[0]["headers"]
    assert f"videocolor/{__version__}" == headers["user-agent"]
    assert {"host", "user-agent", "accept-encoding", "accept", "connection"} == headers.keys()


def test_redirects_are_followed(tmp_path):
    with serving(content=CONTENT, redirect_to="/storage/abc") as host:
        path = fetch_weights(weight_file(host.url()), folder=tmp_path)

    assert path.read_bytes() == CONTENT
    assert ["/weights.pth", "/storage/abc"] == [request["path"] for request in host.asked]


def test_a_wrong_hash_never_gets_the_name(tmp_path):
    with serving(content=CONTENT[::-1]) as host, pytest.raises(WeightsError, match="does not match the known hash"):
        fetch_weights(weight_file(host.url()), folder=tmp_path)

    assert [] == visible_files(tmp_path)


def test_after_a_wrong_hash_the_next_address_is_asked(tmp_path, caplog):
    with serving(content=CONTENT[::-1]) as wrong, serving(content=CONTENT) as right:
        path = fetch_weights(weight_file(wrong.url(), right.url()), folder=tmp_path)

    assert path.read_bytes() == CONTENT
    assert f"{wrong.url()}: SHA256 hash" in caplog.text


def test_a_wrong_size_is_refused_before_the_body(tmp_path):
    with serving(content=CONTENT + b"more") as host, pytest.raises(WeightsError, match=r"offers 512004 bytes"):
        fetch_weights(weight_file(host.url()), folder=tmp_path)

    assert [] == visible_files(tmp_path)


def test_a_wrong_size_without_a_length_is_refused_after_it(tmp_path):
    with (
        serving(content=CONTENT[:-1], tells_length=False) as host,
        pytest.raises(WeightsError, match="gave 511999 bytes, the file has 512000"),
    ):
        fetch_weights(weight_file(host.url()), folder=tmp_path)

    assert [] == visible_files(tmp_path)


def test_a_cut_download_asks_only_for_the_rest(tmp_path):
    with serving(content=CONTENT, cuts=[CUT]) as host:
        path = fetch_weights(weight_file(host.url()), folder=tmp_path)

    assert path.read_bytes() == CONTENT
    assert [CUT, REST] == [request["sent"] for request in host.asked]
    assert [f"bytes={CUT}-", '"one"'] == [host.asked[1]["headers"][key] for key in ("range", "if-range")]


def test_a_cut_costs_less_than_a_chunk(tmp_path):
    with serving(content=CONTENT, cuts=[CUT + 1000]) as host:
        path = fetch_weights(weight_file(host.url()), folder=tmp_path)

    assert path.read_bytes() == CONTENT
    assert [CUT + 1000, REST] == [request["sent"] for request in host.asked]


def test_the_next_run_goes_on_with_the_part(tmp_path):
    with serving(content=CONTENT, cuts=[CUT, 0, 0]) as host:
        with pytest.raises(WeightsError, match=r"cut after 262144 of 512000 bytes\)\. Run the same command again"):
            fetch_weights(weight_file(host.url()), folder=tmp_path)
        assert NAME not in visible_files(tmp_path)
        path = fetch_weights(weight_file(host.url()), folder=tmp_path)

    assert path.read_bytes() == CONTENT
    assert [CUT, 0, 0, REST] == [request["sent"] for request in host.asked]
    assert [NAME] == visible_files(tmp_path)


def test_without_ranges_it_begins_anew(tmp_path):
    with serving(content=CONTENT, takes_ranges=False, cuts=[CUT]) as host:
        path = fetch_weights(weight_file(host.url()), folder=tmp_path)

    assert path.read_bytes() == CONTENT
    assert [CUT, 512_000] == [request["sent"] for request in host.asked]


@pytest.mark.parametrize("takes_if_range", [True, False])
def test_another_etag_begins_anew(tmp_path, takes_if_range):
    """Also from a host that ignores If-Range and sends the rest of the new file."""
    with serving(content=CONTENT[::-1], takes_if_range=takes_if_range, cuts=[CUT, 0, 0]) as host:
        unknown = weight_file(host.url(), content=None)
        with pytest.raises(WeightsError):
            fetch_weights(unknown, folder=tmp_path)
        host.content, host.etag = CONTENT, '"two"'
        path = fetch_weights(unknown, folder=tmp_path)

    assert path.read_bytes() == CONTENT


def test_another_range_than_the_asked_one_begins_anew(tmp_path):
    with serving(content=CONTENT, cuts=[CUT], rest_begins_late=1000) as host:
        path = fetch_weights(weight_file(host.url()), folder=tmp_path)

    assert path.read_bytes() == CONTENT
    assert "range" not in host.asked[-1]["headers"]


def test_another_length_begins_anew(tmp_path):
    """The host gives no ETag, as Hugging Face's storage; the file became longer between two runs."""
    longer = CONTENT + b"more"
    with serving(content=CONTENT[::-1], etag=None, cuts=[CUT, 0, 0]) as host:
        file = weight_file(host.url(), content=longer, size_bytes=None)
        with pytest.raises(WeightsError):
            fetch_weights(file, folder=tmp_path)
        host.content = longer
        path = fetch_weights(file, folder=tmp_path)

    assert path.read_bytes() == longer


def test_a_file_that_became_shorter_than_the_part_begins_anew(tmp_path):
    with serving(content=CONTENT, etag=None, cuts=[CUT, 0, 0]) as host:
        file = weight_file(host.url(), content=CONTENT[:100_000], size_bytes=None)
        with pytest.raises(WeightsError):
            fetch_weights(file, folder=tmp_path)
        host.content = CONTENT[:100_000]
        path = fetch_weights(file, folder=tmp_path)

    assert path.read_bytes() == CONTENT[:100_000]


@pytest.mark.parametrize("etag", [None, 'W/"weak"'])
def test_without_a_strong_etag_the_hash_is_the_guard(tmp_path, etag):
    """A part is gone on with where the whole file's hash is known, and thrown away where it is not."""
    with serving(content=CONTENT, etag=etag, cuts=[CUT]) as host:
        fetch_weights(weight_file(host.url()), folder=tmp_path / "known")
    with serving(content=CONTENT, etag=etag, cuts=[CUT]) as other:
        fetch_weights(weight_file(other.url(), content=None), folder=tmp_path / "unknown")

    assert [CUT, REST] == [request["sent"] for request in host.asked]
    assert "if-range" not in host.asked[1]["headers"]
    assert [CUT, 512_000] == [request["sent"] for request in other.asked]


def test_parts_of_two_origins_do_not_mix(tmp_path):
    """The mirror begins at its first byte, and the first address later goes on with its own part."""
    with serving(content=CONTENT, cuts=[CUT, 0, 0]) as first, serving(content=CONTENT, cuts=[10] * 3) as second:
        with pytest.raises(WeightsError):
            fetch_weights(weight_file(first.url(), second.url()), folder=tmp_path)
        assert "range" not in second.asked[0]["headers"]
        fetch_weights(weight_file(first.url(), second.url()), folder=tmp_path)

    assert first.asked[-1]["headers"]["range"] == f"bytes={CUT}-"
    assert [NAME] == visible_files(tmp_path)


def test_a_part_without_its_note_is_not_trusted(tmp_path):
    with serving(content=CONTENT) as host:
        part = part_path(tmp_path / NAME, host.url())
        part.write_bytes(b"anything")
        part.with_name(f"{part.name}.json").write_text("[]")
        path = fetch_weights(weight_file(host.url()), folder=tmp_path)

    assert path.read_bytes() == CONTENT
    assert "range" not in host.asked[0]["headers"]


def test_every_address_is_named_with_its_reason(tmp_path, caplog):
    with serving(status=404) as gone, serving(status=503) as busy:
        dead = closed_port()
        with pytest.raises(WeightsError) as caught:
            fetch_weights(weight_file(gone.url(), dead, busy.url()), folder=tmp_path)

    for reason in (
        f"{gone.url()} (it answers 404 Not Found)",
        f"{dead} (the host cannot be reached)",
        f"{busy.url()} (it answers 503 Service Unavailable)",
    ):
        assert reason in caught.value.problem
    assert f"videocolor models fetch {NAME} --from FILE" in caught.value.remedy
    assert f"{gone.url()}: it answers 404 Not Found" in caplog.text


def test_a_dead_address_is_followed_by_the_next(tmp_path):
    with serving(content=CONTENT) as host:
        path = fetch_weights(weight_file(closed_port(), host.url()), folder=tmp_path)

    assert path.read_bytes() == CONTENT


def test_a_silent_host_is_given_up(tmp_path):
    with serving(content=CONTENT, delay_s=1.0) as host, pytest.raises(WeightsError, match=r"no answer within 0\.2 s"):
        fetch_weights(weight_file(host.url()), folder=tmp_path, timeout_s=(0.2, 0.2))


def test_a_web_page_is_no_file(tmp_path):
    """Hosts answer so for a file that is gone, hotels for everything; without a hash it would have been recorded."""
    with (
        serving(content=b"<html>", content_type="text/html; charset=utf-8") as host,
        pytest.raises(WeightsError, match="answers with a web page"),
    ):
        fetch_weights(weight_file(host.url(), content=None), folder=tmp_path)

    assert {} == read_record(tmp_path)


def test_an_end_that_nothing_proves_is_refused(tmp_path):
    with (
        serving(content=CONTENT, tells_length=False) as host,
        pytest.raises(WeightsError, match="does not say how long the file is"),
    ):
        fetch_weights(weight_file(host.url(), content=None), folder=tmp_path)


def test_https_does_not_lead_to_http():
    response, hop = requests.Response(), requests.Response()
    hop.url, response.url = "https://host/weights.pth", "http://host/weights.pth"
    response.history = [hop]
    downloader = ResumableDownloader(
        final=None, size_bytes=None, is_hash_known=True, show_bar=False, timeout_s=(1.0, 1.0)
    )

    with pytest.raises(SourceError, match="without https"):
        downloader._checked_total(hop.url, response, 0)


def test_a_full_disk_stops_at_once_and_says_so(tmp_path):
    """/dev/full answers every write with "no space left"."""
    with serving(content=CONTENT) as host, serving(content=CONTENT) as mirror:
        part_path(tmp_path / NAME, host.url()).symlink_to("/dev/full")
        with pytest.raises(DiskFullError, match=r"is full\. Make room, .* what has arrived is kept"):
            fetch_weights(weight_file(host.url(), mirror.url()), folder=tmp_path)

    assert [] == mirror.asked
    assert NAME not in visible_files(tmp_path)


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with serving(content=CONTENT) as host, pytest.raises(TargetError, match="cannot be written"):
        fetch_weights(weight_file(host.url()), folder=tmp_path / "file" / "cache")


def test_two_that_fetch_one_file_ask_once(tmp_path, caplog):
    with serving(content=CONTENT, delay_s=0.5) as host:
        file = weight_file(host.url())
        threads = [threading.Thread(target=fetch_weights, args=(file,), kwargs={"folder": tmp_path}) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert (tmp_path / NAME).read_bytes() == CONTENT
    assert 1 == len(host.asked)
    assert "another process is fetching weights.pth; waiting for it" in caplog.text


def test_the_environment_chooses_the_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("VIDEOCOLOR_WEIGHTS", str(tmp_path / "mine"))
    with serving(content=CONTENT) as host:
        path = fetch_weights(weight_file(host.url()))

    assert path == tmp_path / "mine" / NAME
    assert path.is_file()


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("stderr", "is_drawn"), [(Terminal(), True), (io.StringIO(), False)])
def test_a_bar_is_drawn_only_for_a_person(tmp_path, monkeypatch, stderr, is_drawn):
    monkeypatch.setattr(sys, "stderr", stderr)
    with serving(content=CONTENT) as host:
        fetch_weights(weight_file(host.url()), folder=tmp_path, show_bar=True)

    assert is_drawn == (NAME in stderr.getvalue())
    assert is_drawn == ("512k/512k" in stderr.getvalue())


def test_pooch_says_nothing_of_its_own(tmp_path, caplog):
    """Its hint to pass `known_hash` to `pooch.retrieve` helps nobody who types commands."""
    pooch.get_logger().addHandler(caplog.handler)
    try:
        with serving(content=CONTENT) as host:
            fetch_weights(weight_file(host.url(), content=None), folder=tmp_path)
    finally:
        pooch.get_logger().removeHandler(caplog.handler)

    assert "known_hash" not in caplog.text


def test_the_note_beside_a_part_says_where_it_is_from(tmp_path):
    with serving(content=CONTENT, cuts=[CUT, 0, 0]) as host, pytest.raises(WeightsError):
        fetch_weights(weight_file(host.url()), folder=tmp_path)

    part = part_path(tmp_path / NAME, host.url())
    note = json.loads(part.with_name(f"{part.name}.json").read_text())
    assert {"format": 1, "source": host.url(), "etag": '"one"', "total": 512_000} == note
    assert CONTENT[:CUT] == part.read_bytes()
