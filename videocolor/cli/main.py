"""`videocolor`: the group of commands. Each is imported when it is asked for, so that --help costs nothing."""

import importlib
import os
import sys

import click

from videocolor.memory import keep_freed_memory
from videocolor.version import __version__

_COMMANDS = {
    "colorize": "Color a film, a picture or a folder of both.",
    "evaluate": "Score a result against the true colors.",
    "examine": "Test a model for what users complain of.",
    "models": "List the models and their weights.",
    "probe": "Say what a film is, what was guessed, and what a target will not hold.",
    "report": "Judge a colored film without truth; the shots that need a human first.",
    "shots": "Find the cuts of a film.",
    "verify": "Prove what a result kept of its source.",
}


class _LazyGroup(click.Group):
    """A group that knows its commands' names and one-liners without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"videocolor.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(_COMMANDS.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="videocolor")
def cli() -> None:
    """Color black-and-white film and photographs, and lose nothing of them."""


def main() -> None:
    """Entry point of the console script."""
    # Read once, when torch loads its OpenMP: by default its threads spin while they wait for each other. Beside the
    # decoder's and the encoder's threads on the same processors that made the network up to ten times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    keep_freed_memory()
    from videocolor.cli.output import run_command

    sys.exit(run_command(cli))


if __name__ == "__main__":
    main()
