"""How commands speak: results on stdout, everything else on stderr, errors as one line with an exit code."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from videocolor.errors import VideoColorError


def run_command(group: click.Group, args: Sequence[str] | None = None) -> int:
    """Run the command line and turn every expected error into one line on stderr.

    Returns:
        The exit code: 0 done, else the error's own (docs/cli.md).
    """
    try:
        code = group.main(args=args, prog_name="videocolor", standalone_mode=False)
    except VideoColorError as error:
        click.echo(f"videocolor: {_one_line(str(error))}", err=True)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("videocolor: Interrupted.", err=True)
        return 130
    except BrokenPipeError:
        # The reader of our output has left; its own exit code tells why.
        sys.stderr.close()
        return 1
    except OSError as error:
        # What no module translates, such as a name that is too long to ask for.
        click.echo(f"videocolor: {_one_line(f'{error.filename}: {error.strerror}')}. Check the name.", err=True)
        return 1
    return code if isinstance(code, int) else 0


def print_json(value: Mapping[str, Any]) -> None:
    """One JSON object on stdout."""
    _echo(json.dumps(value, ensure_ascii=False, allow_nan=False, default=str))


def print_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Columns for people, on stdout."""
    cells = [[str(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    for row in cells:
        _echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def human_bytes(count: float) -> str:
    """`1.4 GB`, in powers of ten as disks are sold."""
    for unit in ("B", "kB", "MB", "GB"):
        if round(count, 1) < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def json_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--json`: one JSON object on stdout, and nothing else there."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")(function)


def verbosity_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """`-v` and `-q`; the log goes to stderr."""
    function = click.option("-q", "--quiet", is_flag=True, help="Say only errors.")(function)
    return click.option("-v", "--verbose", is_flag=True, help="Say more on stderr.")(function)


def _echo(text: str) -> None:
    """File names that are no UTF-8 arrive as lone surrogates, which stdout refuses; `\\udcff` is JSON's own escape."""
    click.echo(text.encode("utf-8", "backslashreplace").decode("utf-8"))


def _one_line(text: str) -> str:
    """Names and foreign messages may hold line breaks and control characters; a terminal must not see them."""
    return "".join(char if char.isprintable() else "�" for char in " ".join(text.split()))
