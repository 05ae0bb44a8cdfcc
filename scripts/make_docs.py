#!/usr/bin/env python
"""Writes the parts of the documentation that the code knows: docs/cli.md, and the tables of docs/formats.md.

    python scripts/make_docs.py              # write them
    python scripts/make_docs.py --check      # only say which of them are out of date

tests/test_docs.py compares the files with what is made here.
"""

import argparse
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import click

from videocolor import errors
from videocolor.cli.main import cli
from videocolor.core.media import Chroma
from videocolor.media.formats import CODECS, CONTAINERS, encoder_formats
from videocolor.media.planes import bit_depth, chroma_of, has_alpha

DOCS = Path(__file__).resolve().parents[1] / "docs"

_GENERATED = "<!-- Made by scripts/make_docs.py; change the code, or that script, and run it again. -->"
_CLI_HEAD = f"""{_GENERATED}

# Command line

`videocolor COMMAND --help` says the same as this page; `videocolor --version` prints the version.
Results go to stdout, everything else (progress, log, warnings) to stderr.
With `--json` one JSON object stands on stdout and nothing else.
A progress bar is drawn only where stderr is a terminal.
"""
_CODES = {
    0: "done",
    1: "something failed, or some files of a folder did",
    2: "wrong usage: an option is unknown, wrong, or contradicts another one",
    3: "an input cannot be read as film or picture, or is interlaced and nobody said how to treat it",
    4: "weights or an encoder are missing or damaged",
    5: "verification found a broken promise",
    130: "interrupted by Ctrl+C; the same command goes on where it stopped",
}
_CLI_EXIT_TEXT = """
The first Ctrl+C ends the run after the segment in work, the second one at once; both can be [resumed](resume.md).
An error is one line on stderr: what is wrong with which file, and what to do.
"""


def make_cli_page() -> str:
    """docs/cli.md."""
    parts = [_CLI_HEAD, *_commands(cli, "videocolor"), "## Exit codes\n", _exit_table(), _CLI_EXIT_TEXT.lstrip("\n")]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def make_format_tables() -> dict[str, str]:
    """The tables of docs/formats.md by the name of their place."""
    return {"containers": _container_table(), "codecs": _codec_table(), "pixel formats": _pixel_format_table()}


def with_tables(page: str, tables: dict[str, str]) -> str:
    """A page with each table put between its marks `<!-- begin NAME -->` and `<!-- end NAME -->`."""
    for name, table in tables.items():
        begin, end = f"<!-- begin {name} -->\n", f"<!-- end {name} -->"
        pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
        if not pattern.search(page):
            raise ValueError(f"the page has no place for {name!r}")
        page = pattern.sub(lambda _, text=begin + table + end: text, page)  # type: ignore[misc]
    return page


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _commands(group: click.Group, path: str) -> Iterator[str]:
    context = click.Context(group, info_name=path)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from _commands(command, f"{path} {name}")
        else:
            yield _command(command, f"{path} {name}")


def _command(command: click.Command, path: str) -> str:
    arguments = " ".join(
        param.human_readable_name.upper() for param in command.params if isinstance(param, click.Argument)
    )
    options = [param for param in command.params if isinstance(param, click.Option)]
    text = inspect.cleandoc(command.help or "")
    paragraphs = [" ".join(part.split()) for part in text.split("\n\n")]
    sentences = "\n\n".join(re.sub(r"(?<=[.:]) (?=[A-Z`])", "\n", part) for part in paragraphs)
    required = " ".join(
        _flags(option).split(", ")[0] + " " + _flags(option).split()[-1] for option in options if option.required
    )
    usage = " ".join(filter(None, (path, "[OPTIONS]" if options else "", required, arguments)))
    rows = [(f"`{_flags(option)}`", _default(option), _escaped(option.help or "")) for option in options]
    return f"## `{path}`\n\n```\n{usage}\n```\n\n{sentences}\n\n" + table(("option", "default", "meaning"), rows)


def _flags(option: click.Option) -> str:
    flags = ", ".join(option.opts)
    if option.is_flag:
        return flags
    if option.metavar:
        value = option.metavar
    elif isinstance(option.type, click.Choice):
        value = "|".join(str(choice) for choice in option.type.choices)
    else:
        value = {"integer": "N", "float": "X", "path": "PATH"}.get(option.type.name, "NAME")
    return f"{flags} {value}".replace("|", "\\|")


def _default(option: click.Option) -> str:
    if option.required:
        return "required"
    known = option.show_default and not option.is_flag and isinstance(option.default, (str, int, float))
    return f"`{option.default}`" if known and option.default != "" else ""


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def _exit_table() -> str:
    classes = [
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, errors.VideoColorError)
    ]
    rows = []
    for code, meaning in _CODES.items():
        names = [f"`{item.__name__}`" for item in classes if item.exit_code == code]
        rows.append((str(code), meaning, ", ".join(names)))
    return table(("code", "meaning", "errors in Python"), rows)


def _container_table() -> str:
    rows = []
    for suffix, form in CONTAINERS.items():
        marks = ["default" if form.codecs[0] == codec else "yes" if codec in form.codecs else "" for codec in CODECS]
        rows.append((f"`{suffix}`", form.muxer, *marks))
    return table(("suffix", "container", *(f"`{codec}`" for codec in CODECS)), rows)


def _codec_table() -> str:
    rows = []
    for codec, form in CODECS.items():
        rows.append(
            (
                f"`{codec}`",
                form.encoder,
                "yes" if form.is_lossless else "`--crf 0`" if codec in ("h264", "h265") else "no",
                "" if form.default_crf is None else str(form.default_crf),
                "" if form.default_preset is None else form.default_preset,
                "yes" if form.takes_odd_sizes else "4:4:4 only" if _has_444(codec) else "no",
            )
        )
    return table(("codec", "encoder", "lossless", "CRF", "preset", "odd sizes"), rows)


def _has_444(codec: str) -> bool:
    return any(chroma_of(name) == "444" for name in encoder_formats(codec))


def _pixel_format_table() -> str:
    grids: tuple[Chroma, ...] = ("420", "422", "444")
    rows = []
    for codec in CODECS:
        names = encoder_formats(codec)
        rows.append((f"`{codec}`", *(_depths(names, grid) for grid in grids), _depths_with_alpha(names)))
    return table(("codec", "4:2:0", "4:2:2", "4:4:4", "with alpha"), rows)


def _depths(names: Sequence[str], grid: Chroma) -> str:
    return _numbers(names, lambda name: chroma_of(name) == grid and not has_alpha(name))


def _depths_with_alpha(names: Sequence[str]) -> str:
    return _numbers(names, has_alpha)


def _numbers(names: Sequence[str], fits: Callable[[str], bool]) -> str:
    return ", ".join(str(depth) for depth in sorted({bit_depth(name) for name in names if fits(name)}))


def main() -> int:
    """Read the command line; write the pages, or say which are out of date."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="Write nothing; exit with 1 if a page is out of date.")
    check_only = parser.parse_args().check
    formats = DOCS / "formats.md"
    pages = {DOCS / "cli.md": make_cli_page(), formats: with_tables(formats.read_text(), make_format_tables())}
    stale = [path for path, text in pages.items() if not path.exists() or path.read_text() != text]
    for path in stale:
        print(f"{path.name} is out of date" if check_only else f"{path.name} written")
        if not check_only:
            path.write_text(pages[path])
    return 1 if stale and check_only else 0


if __name__ == "__main__":
    sys.exit(main())
