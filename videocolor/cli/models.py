"""`videocolor models`. Lists by reading cards; torch is never imported, the network's libraries only by `fetch`."""

import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from videocolor.cli.convert import command as convert_command
from videocolor.cli.output import human_bytes, json_option, print_json, print_table, verbosity_options
from videocolor.core.cards import ModelCard
from videocolor.errors import SettingsError, VerifyError
from videocolor.log import set_up_log
from videocolor.models.registry import list_cards
from videocolor.models.store.manifest import WeightFile, read_manifest
from videocolor.models.store.place import find_weights, present_weights, weights_file_of
from videocolor.paths import weights_cache

log = logging.getLogger(__name__)


@click.group(name="models")
def command() -> None:
    """List the models; fetch and check their weights."""


@command.command(name="list")
@json_option
def list_models(as_json: bool) -> int:
    """Print every model with its licence, size and where its weights are."""
    manifest = read_manifest()
    states = [_state(card, manifest) for card in list_cards()]
    if as_json:
        print_json({"models": states})
        return 0
    rows = [
        (item["name"], item["family"], _short(item["licence"]), item["size"], item["state"], item["summary"])
        for item in states
    ]
    print_table(("name", "family", "licence", "weights", "state", "summary"), rows)
    return 0


@command.command(name="fetch")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Take this file instead; needs no network.",
)
@click.option("--no-progress", is_flag=True, help="Draw no progress bar.")
@verbosity_options
def fetch(names: tuple[str, ...], source: Path | None, no_progress: bool, verbose: bool, quiet: bool) -> int:
    """Get the weights of models, by their names or by file names of the manifest.

    A cut download goes on where it stopped. Size and sha256 are checked before a file gets its name (docs/weights.md).
    """
    set_up_log(verbosity=int(verbose) - int(quiet))
    if source is not None and len(names) != 1:
        raise SettingsError("--from brings one file.", "Name the one model or file that it is.")
    manifest = read_manifest()
    for name, file_name in [(name, weights_file_of(name)) for name in names]:
        if file_name in manifest:
            path = _fetched(manifest[file_name], source, show_bar=not (no_progress or quiet))
        elif source is not None:
            raise SettingsError(f"--from: the weights of {name} come with videocolor.", "Leave it out.")
        else:
            path = present_weights(name)
        click.echo(path)
    return 0


def _fetched(file: WeightFile, source: Path | None, *, show_bar: bool) -> Path:
    from videocolor.models.store.fetch import bring_weights, fetch_weights

    log.info("%s: %s, licence %s", file.name, file.size_text, file.licence)
    return fetch_weights(file, show_bar=show_bar) if source is None else bring_weights(file, source)


@command.command(name="verify")
@click.argument("names", nargs=-1, metavar="[NAME...]")
@json_option
def verify(names: tuple[str, ...], as_json: bool) -> int:
    """Compare the weight files that are here with the known hashes; without names, all of them."""
    from videocolor.models.store.check import check_weights

    checked = check_weights(names)
    if as_json:
        print_json({"files": [asdict(item) for item in checked]})
    else:
        rows = [
            (item.path.name, item.state, item.against or "-", item.sha256[:16], item.path.parent) for item in checked
        ]
        print_table(("file", "state", "against", "sha256", "folder"), rows)
    return VerifyError.exit_code if any(item.state == "differs" for item in checked) else 0


@command.command(name="path")
@click.argument("name", required=False)
def path_of(name: str | None) -> int:
    """Print where the weights of a model are, or, without a name, the folder of fetched weights."""
    click.echo(weights_cache() if name is None else present_weights(name))
    return 0


def _state(card: ModelCard, manifest: dict[str, WeightFile]) -> dict[str, Any]:
    """A card, and beside it where its weights are and how to get them."""
    path = None if card.weights_file is None else find_weights(card.weights_file)
    file = None if card.weights_file is None else manifest.get(card.weights_file)
    if path is not None:
        state, size = "ready", human_bytes(path.stat().st_size)
    elif file is not None:
        state, size = f"fetch with: videocolor models fetch {card.name}", file.size_text
    else:
        state, size = ("bring --weights" if card.weights_file is None else "missing: install again"), "-"
    return {**asdict(card), "state": state, "size": size, "path": path}


def _short(licence: str) -> str:
    """A card's licence begins with its short name, and goes on in words."""
    return (licence.split() or ["-"])[0].rstrip(".,;:")


command.add_command(convert_command)
