"""The report: states, exit, table and JSON."""

import json

import pytest

from videocolor.verification import Finding, VerifyReport, report_from_dict
from videocolor.verification.report import Judge, shortened

REPORT = VerifyReport(
    "a.mkv",
    "b.mkv",
    (
        Finding("luma", "held", "24 of 24 frames bit-exact"),
        Finding("audio 0 packets", "broken", "48 -> 47 packets"),
        Finding("luma digest in tags", "not tested", "no tag"),
    ),
)


def test_a_report_survives_json():
    text = json.dumps(REPORT.to_json())

    assert REPORT == report_from_dict(json.loads(text))
    assert json.loads(text)["broken"] is True


@pytest.mark.parametrize("change", [{"format": 2}, {"findings": [{"promise": "x", "state": "maybe", "detail": ""}]}])
def test_other_reports_are_refused(change):
    with pytest.raises(ValueError, match=r"format|maybe"):
        report_from_dict({**REPORT.to_json(), **change})


def test_the_table_shows_each_finding_and_the_counts():
    lines = REPORT.lines()

    assert 4 == len(lines)
    assert lines[1].startswith("BROKEN")
    assert "1 held, 1 broken, 1 not tested" == lines[-1]
    assert ["0 held, 0 broken, 0 not tested"] == VerifyReport("a", "b", ()).lines()


def test_only_the_allowed_loss_is_forgiven():
    judge = Judge(frozenset({"audio"}))

    assert "not tested" == judge.check("x", False, "gone", loss="audio").state
    assert "broken" == judge.check("x", False, "gone", loss="data").state
    assert "broken" == judge.check("x", False, "gone").state
    assert "held" == judge.check("x", True, "there", loss="audio").state


def test_long_lists_are_cut():
    assert "a, b and 2 more" == shortened("abcd", limit=2)
