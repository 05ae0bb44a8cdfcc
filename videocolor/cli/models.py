"""`videocolor models`. Reads cards only; torch is not imported."""

from dataclasses import asdict

import click

from videocolor.cli.output import human_bytes, json_option, print_json, print_table
from videocolor.models.registry import list_cards
from videocolor.paths import weights_folder


@click.group(name="models")
def command() -> None:
    """List the models and their weights."""


@command.command(name="list")
@json_option
def list_models(as_json: bool) -> int:
    """Print every model with its licence, size and where its weights are."""
    cards = list_cards()
    if as_json:
        print_json({"models": [asdict(card) for card in cards]})
        return 0
    rows = []
    for card in cards:
        path = None if card.weights_file is None else weights_folder() / card.weights_file
        found = path is not None and path.is_file()
        size = human_bytes(path.stat().st_size) if found and path is not None else "-"
        parameters = f"{card.parameters / 1e6:.1f} M" if card.parameters else "-"
        rows.append([card.name, card.family, parameters, size, "ready" if found else "missing", card.summary])
    print_table(("name", "family", "parameters", "weights", "state", "summary"), rows)
    return 0
