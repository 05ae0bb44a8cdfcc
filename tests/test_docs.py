"""The documentation says what the code does: generated pages are fresh, named functions exist."""

import ast
import importlib.util
import re
from pathlib import Path
from types import ModuleType

import click
import pytest

from videocolor import errors
from videocolor.cli.main import cli
from videocolor.media.formats import CODECS, CONTAINERS
from videocolor.media.still_open import _SIGNS, _UNREADABLE
from videocolor.media.still_write import STILL_SUFFIXES
from videocolor.settings import LOSSES

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
STALE = "is out of date: run python scripts/make_docs.py"


@pytest.fixture(scope="module")
def make_docs() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_docs", ROOT / "scripts" / "make_docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_cli_page_is_fresh(make_docs):
    """docs/cli.md is what the options and errors of today give."""
    assert make_docs.make_cli_page() == (DOCS / "cli.md").read_text(), f"docs/cli.md {STALE}"


def test_the_format_tables_are_fresh(make_docs):
    """The tables of docs/formats.md are those of media/formats.py and of the installed encoders."""
    page = (DOCS / "formats.md").read_text()

    assert make_docs.with_tables(page, make_docs.make_format_tables()) == page, f"docs/formats.md {STALE}"


def all_options() -> list[tuple[str, str]]:
    found = []

    def walk(command: click.Command, path: str) -> None:
        if isinstance(command, click.Group):
            context = click.Context(command)
            for name in command.list_commands(context):
                child = command.get_command(context, name)
                assert child is not None
                walk(child, f"{path} {name}")
            return
        found.extend((path, flag) for param in command.params for flag in param.opts if flag.startswith("-"))

    walk(cli, "videocolor")
    return found


def test_every_option_is_documented():
    """docs/cli.md has each option under its command; whoever looks it up finds it."""
    sections = {part.split("`")[1]: part for part in (DOCS / "cli.md").read_text().split("\n## ")[1:] if "`" in part}

    missing = [(path, flag) for path, flag in all_options() if not re.search(rf"[`\s]{flag}[`,\s]", sections[path])]
    assert [] == missing


def test_every_exit_code_is_documented():
    """docs/cli.md lists the exit code of every error that can end the program."""
    table = (DOCS / "cli.md").read_text().split("## Exit codes")[1]
    rows = {int(match[1]): match[2] for match in re.finditer(r"^\| (\d+) \| [^|]+ \| ([^|]*)\|$", table, re.MULTILINE)}
    classes = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)]

    assert classes
    assert [] == [item.__name__ for item in classes if f"`{item.__name__}`" not in rows.get(item.exit_code, "")]
    assert 0 in rows


def test_every_loss_and_suffix_is_documented():
    """docs/formats.md names every word of --allow-loss and every suffix that a result can have."""
    page = (DOCS / "formats.md").read_text()

    words = [*LOSSES, *CONTAINERS, *STILL_SUFFIXES, *CODECS]
    assert [] == [word for word in words if f"`{word}`" not in page]


def test_the_picture_formats_are_documented():
    """docs/formats.md lists the pictures that are read, and those that are known and refused."""
    section = (DOCS / "formats.md").read_text().split("## Pictures")[1]
    read, refused = (line.replace(" ", "").upper() for line in section.splitlines()[2:4])

    names = {name: name.replace(" ", "").upper() for name in _SIGNS}
    assert [] == [name for name, word in names.items() if word not in (refused if name in _UNREADABLE else read)]


def test_columns_follow_the_order_of_choice():
    """docs/formats.md says that `auto` goes through the columns from left to right; so the code must."""
    order = list(CODECS)
    for form in CONTAINERS.values():
        assert sorted(form.codecs, key=order.index) == list(form.codecs)


def _names_of(path: Path) -> set[str]:
    names = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names


def test_named_functions_exist():
    """docs/architecture.md leads to functions that are there: `media/decode.open_frames` is in media/decode.py."""
    page = (DOCS / "architecture.md").read_text()
    missing = []
    for module, name in re.findall(r"`((?:\w+/)?\w+)\.([A-Za-z_]\w*)`", page):
        if name in ("py", "md", "cfg", "json") or module in ("torch", "videocolor"):
            continue
        path = ROOT / "videocolor" / f"{module}.py"
        if not path.exists() or name not in _names_of(path):
            missing.append(f"{module}.{name}")
    diagram = page.split("```")[1]
    for module, names in re.findall(r"(\w+/\w+)\.(\w+(?:, \w+)*)", diagram):
        path = ROOT / "videocolor" / f"{module}.py"
        if path.parent.is_dir():
            known = _names_of(path) if path.exists() else set()
            missing += [f"{module}.{name}" for name in names.split(", ") if name not in known]

    assert [] == missing


def test_every_folder_is_described():
    """docs/architecture.md says what each folder of the package owns."""
    table = (DOCS / "architecture.md").read_text().split("## Folders")[1].split("### ")[0]
    folders = [path.parent.name for path in sorted((ROOT / "videocolor").glob("*/__init__.py"))]

    assert [] == [folder for folder in folders if f"`{folder}/`" not in table]
