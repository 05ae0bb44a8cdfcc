"""How commands speak: results on stdout, the rest on stderr, one line and the right exit code for every error."""

import inspect
import json
import os
import subprocess
import sys

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from videocolor import errors
from videocolor.cli.main import cli
from videocolor.cli.output import human_bytes, json_option, print_json, print_table, run_command, verbosity_options

CLASSES = [value for _, value in inspect.getmembers(errors, inspect.isclass)]


def group_that_raises(error):
    @click.group()
    def group():
        pass

    @group.command()
    def work():
        raise error

    return group


@pytest.mark.parametrize("cls", CLASSES)
def test_every_error_is_one_line_on_stderr_with_its_exit_code(capsys, cls):
    code = run_command(group_that_raises(cls("It broke.", "Mend it.")), ["work"])

    out, err = capsys.readouterr()
    assert (cls.exit_code, "", "videocolor: It broke. Mend it.\n") == (code, out, err)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_ctrl_c_is_130_without_a_traceback(capsys, error):
    assert run_command(group_that_raises(error), ["work"]) == 130
    # click ends the line that shows ^C first.
    assert capsys.readouterr().err.strip() == "videocolor: Interrupted."


def test_wrong_usage_is_2_and_points_to_help(capsys):
    assert run_command(cli, ["colorize", "--no-such-option"]) == 2
    assert "--help" in capsys.readouterr().err
    assert run_command(cli, ["paint"]) == 2


def test_a_programming_error_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        run_command(group_that_raises(ZeroDivisionError()), ["work"])


def test_a_command_s_own_number_is_the_exit_code():
    @click.group()
    def group():
        pass

    @group.command()
    @click.argument("code", type=int)
    def work(code):
        return code

    assert [0, 5] == [run_command(group, ["work", code]) for code in ("0", "5")]
    assert run_command(cli, ["--version"]) == 0


def test_control_characters_of_file_names_do_not_reach_the_terminal(capsys):
    """A name may hold an escape sequence, or bytes that are no UTF-8."""
    name = "a\x1b[31m\nb\udcff"
    run_command(group_that_raises(errors.MediaError(f"{name} is no film.", "Look.")), ["work"])

    err = capsys.readouterr().err
    assert err == "videocolor: a�[31m b� is no film. Look.\n"


def test_json_is_one_object_that_people_can_read(capsys):
    print_json({"path": "Größe", "n": 1, "x": None, "p": os.fspath("a")})

    out = capsys.readouterr().out
    assert "Größe" in out
    assert out.count("\n") == 1
    assert json.loads(out) == {"path": "Größe", "n": 1, "x": None, "p": "a"}


@pytest.mark.parametrize("call", ["print_json({'path': name})", "print_table(('path',), [(name,)])"])
def test_names_that_are_no_utf8_can_be_printed(call):
    """It ended in a UnicodeEncodeError."""
    program = (
        "import os\nfrom videocolor.cli.output import print_json, print_table\n"
        f"name = os.fsdecode(b'caf\\xe9.mkv')\n{call}"
    )
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8:strict"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, env=environment)

    assert done.returncode == 0, done.stderr
    assert b"caf\\udce9.mkv" in done.stdout


def test_columns_are_aligned(capsys):
    print_table(("name", "n"), [("a", 1), ("longer", 22)])

    assert capsys.readouterr().out == "name    n\na       1\nlonger  22\n"


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (1_400_000_000, "1.4 GB"),
        (999_949, "999.9 kB"),
        (999_960, "1.0 MB"),
        (5e15, "5000.0 TB"),
    ],
)
def test_sizes_are_those_printed_on_disks(count, expected):
    assert expected == human_bytes(count)


@given(st.integers(0, 10**14))
def test_sizes_never_show_four_digits_below_terabytes(count):
    number, unit = human_bytes(count).split()
    assert float(number) < 1000 or unit == "TB"


def test_a_reader_that_leaves_ends_the_program_quietly():
    """`videocolor models list | head -0`."""
    program = f"{sys.executable} -m videocolor models list | true"
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=False)

    assert "Traceback" not in done.stderr
    assert done.stderr == ""


def test_shared_options_have_their_flags():
    @verbosity_options
    @json_option
    def work(verbose, quiet, as_json):
        return verbose, quiet, as_json

    command = click.command()(work)

    assert command.main(["-v", "--json"], standalone_mode=False) == (True, False, True)
    assert command.main(["--quiet"], standalone_mode=False) == (False, True, False)
