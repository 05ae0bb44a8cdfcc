"""What README and docs tell people to type is accepted by the program, and their links lead somewhere."""

import ast
import re
import shlex
from dataclasses import fields
from inspect import signature
from pathlib import Path

import click
import pytest

import videocolor
from videocolor import api
from videocolor.cli.colorize import command as colorize_command
from videocolor.cli.main import cli
from videocolor.cli.options import build_settings
from videocolor.settings import EncodeSettings, RunSettings

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]

_BLOCK = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?P<target>[^)#\s]+)")


def blocks(page: Path, *languages: str) -> list[str]:
    return [match["text"] for match in _BLOCK.finditer(page.read_text()) if match["language"] in languages]


def command_lines() -> list[str]:
    lines = []
    for page in PAGES:
        for block in blocks(page, "sh"):
            # `.venv/bin/videocolor` is the same program.
            found = (re.match(r"(?:\S*/)?(videocolor \S.*?)\s*(?:#.*)?$", line) for line in block.splitlines())
            lines += [match[1] for match in found if match]
    return list(dict.fromkeys(lines))


def parse(words: list[str]) -> tuple[click.Command, click.Context]:
    """Parse as the program does, without running anything."""
    command: click.Command = cli
    while isinstance(command, click.Group):
        name = words.pop(0)
        found = command.get_command(click.Context(command), name)
        assert found is not None, f"there is no command {name}"
        command = found
    return command, command.make_context(name, words)


def test_the_readme_shows_every_command():
    """Somebody who reads only the README meets every command."""
    shown = " ".join(command_lines())

    assert [] == [name for name in cli.list_commands(click.Context(cli)) if f"videocolor {name}" not in shown]


@pytest.mark.parametrize("line", command_lines())
def test_a_shown_command_is_accepted(line):
    """A user who copies a line gets no usage error."""
    command, context = parse(shlex.split(line)[1:])

    if command is colorize_command:
        own = {option.name for option in colorize_command.params} - {item.name for item in fields(RunSettings)}
        own -= {item.name for item in fields(EncodeSettings)} | {"no_provenance"}
        build_settings({name: value for name, value in context.params.items() if name not in own})


def test_the_option_table_is_complete():
    """The README's table by purpose names every option of `colorize`, and no other."""
    table = (ROOT / "README.md").read_text().split("## Options")[1].split("\n## ")[0]
    shown = re.findall(r"`(--[a-z-]+)`", table)

    assert sorted(set(shown)) == sorted(shown)
    assert {max(param.opts, key=len) for param in colorize_command.params if param.name != "source"} == set(shown)


@pytest.mark.parametrize("code", blocks(ROOT / "README.md", "python"))
def test_shown_python_uses_public_names(code):
    """The README's Python parses, and calls what there is with arguments that there are."""
    settings = {item.name for item in (*fields(RunSettings), *fields(EncodeSettings))}
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "videocolor":
            assert node.attr in videocolor.__all__
        called = node.func if isinstance(node, ast.Call) else None
        if isinstance(called, ast.Attribute) and called.attr in videocolor.__all__:
            known = set(signature(getattr(api, called.attr)).parameters) | settings
            assert [] == [word.arg for word in node.keywords if word.arg not in known]


def test_public_names_stay_what_they_are():
    """`videocolor.verify` is the function, even after something imported the folder of that name."""
    names = [name for name in dir(api) if name in videocolor.__all__]

    assert {name: getattr(api, name) for name in names} == {name: getattr(videocolor, name) for name in names}


def test_the_low_level_example_runs():
    """The README's example of the bare network gives ab for its lightness."""
    example = next(code for code in blocks(ROOT / "README.md", "python") if "load_colorizer" in code)
    names: dict[str, object] = {}
    exec(compile(example, "README.md", "exec"), names)

    ab = names["ab"]
    assert (1, 2) == tuple(ab.shape[:2])


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md"], ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    """Every relative link and picture of a page exists."""
    targets = [match["target"] for match in _LINK.finditer(page.read_text())]

    assert [] == [target for target in targets if "://" not in target and not (page.parent / target).exists()]


def test_shown_scripts_can_be_run():
    """The README's two commands, and what continuous integration starts, are there and executable."""
    for name in ("scripts/demo", "scripts/test", ".ci/run"):
        assert (ROOT / name).stat().st_mode & 0o111, f"{name} is not executable"
