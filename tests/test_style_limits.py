"""Limits of the house style that a program can check."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted(path for folder in ("videocolor", "training") for path in (ROOT / folder).rglob("*.py"))
LONGEST = 400
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "manager", "misc", "common", "constants"}
# Programs print; so does the log of a training run.
PRINTERS = {"training/__main__.py"}


def name_of(path):
    return path.relative_to(ROOT).as_posix()


each_file = pytest.mark.parametrize("path", FILES, ids=name_of)


def test_there_are_files():
    assert len(FILES) > 90


@each_file
def test_a_file_can_be_read_in_one_sitting(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST


@each_file
def test_a_file_s_name_says_what_is_in_it(path):
    assert path.stem not in VAGUE_NAMES
    assert not path.stem.endswith(("_utils", "_helpers", "_manager"))


@each_file
def test_the_first_line_says_what_the_module_owns(path):
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


@each_file
def test_the_library_does_not_print(path):
    calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    prints = [node.lineno for node in calls if isinstance(node.func, ast.Name) and node.func.id == "print"]

    assert name_of(path) in PRINTERS or not prints, f"{name_of(path)} prints in lines {prints}"
