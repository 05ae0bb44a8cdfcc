"""`videocolor models convert`: one file in, one file out, and on stdout what was verified."""

import json
import os
import subprocess
import sys

import click
import pytest
from tiny_networks import published_bytes, tiny_network

from videocolor.cli.convert import command
from videocolor.cli.output import run_command
from videocolor.models.weights_file import read_header


def run(*args):
    group = click.Group(commands=[command])
    return run_command(group, ["convert", *map(str, args)])


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "published.pth"
    path.write_bytes(published_bytes({"params": tiny_network("ddcolor").state_dict()}))
    return path


def test_the_result_lies_beside_the_source_in_float16(source, capsys):
    assert run(source) == 0

    result = source.with_suffix(".safetensors")
    assert read_header(result)["precision"] == "float16"
    out, err = capsys.readouterr()
    assert err == ""
    for word in (str(result), "ddcolor", "queries 5", "the same to the last bit", "folded norms", "float16"):
        assert word in out


def test_json_is_the_report(source, tmp_path, capsys):
    target = tmp_path / "own.safetensors"

    assert run(source, "-o", target, "--precision", "float32", "--json") == 0

    report = json.loads(capsys.readouterr().out)
    assert (str(target), "float32", 0.0) == (report["target"], report["precision"], report["precision_difference"])
    assert target.exists()


def test_an_existing_result_needs_overwrite(source, capsys):
    assert run(source) == 0
    assert run(source) == 2
    assert "Use --overwrite" in capsys.readouterr().err
    assert run(source, "--overwrite") == 0


def test_hostile_and_missing_files_end_with_4_and_one_line(tmp_path, capsys):
    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "was-run"),)

    (tmp_path / "bomb.pth").write_bytes(published_bytes({"params": Bomb()}))

    assert run(tmp_path / "bomb.pth") == 4
    assert run(tmp_path / "nowhere.pth") == 4

    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert "wants posix.mkdir" in lines[0]
    assert "does not exist" in lines[1]
    assert [tmp_path / "bomb.pth"] == list(tmp_path.iterdir())


@pytest.mark.parametrize("args", [["--precision", "int4"], ["-o", "."], ["-o", ""], ["-o", "result.pth"]])
def test_options_that_cannot_be_are_wrong_usage(source, args):
    assert run(source, *args) == 2


@pytest.mark.parametrize("name", ["", ".", "/"])
def test_a_folder_is_no_source(name):
    assert run(name) == 2


def test_names_that_are_no_utf8_can_be_printed(source, capsys):
    name = source.with_name(os.fsdecode(b"caf\xe9.pth"))
    source.rename(name)

    assert run(name) == 0
    assert r"caf\udce9.safetensors" in capsys.readouterr().out


def test_asking_for_help_costs_no_torch():
    program = "import sys, videocolor.cli.convert; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
