"""`videocolor models`: what there is, how to get it, whether it is right. Nothing here asks another machine."""

import json
import logging
import os
import subprocess
import sys

import pytest

from videocolor.cli.main import cli
from videocolor.cli.output import run_command
from videocolor.models.registry import list_cards
from videocolor.models.store.manifest import read_manifest
from videocolor.paths import weights_folder

CRITIC = "ColorizeVideo_crit.pth"  # no hash of it is known
GENERATOR = "ColorizeVideo_gen.pth"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache of its own, a proxy that does not answer, and the log as it was."""
    monkeypatch.setenv("VIDEOCOLOR_WEIGHTS", str(tmp_path / "cache"))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    logger = logging.getLogger("videocolor")
    before = (logger.handlers[:], logger.level, logger.propagate)
    yield tmp_path / "cache"
    logger.handlers[:], logger.level, logger.propagate = before


def run(capsys, *args):
    code = run_command(cli, ["models", *args])
    out, err = capsys.readouterr()
    return code, out, err


@pytest.fixture
def own_critic(tmp_path):
    path = tmp_path / "own.pth"
    path.write_bytes(b"critic")
    return path


def test_the_list_says_what_is_ready(capsys):
    code, out, _ = run(capsys, "list")
    lines = {line.split()[0]: line for line in out.splitlines()}

    assert 0 == code
    assert {"name", *(card.name for card in list_cards())} == lines.keys()
    assert ["compact", "compact", "MIT", "12.2", "MB", "ready"] == lines["compact"].split()[:6]
    for card in list_cards():
        if card.weights_file in read_manifest():
            assert f"fetch with: videocolor models fetch {card.name}" in lines[card.name]


def test_the_list_as_json_has_cards_and_states(capsys):
    code, out, err = run(capsys, "list", "--json")
    compact = next(item for item in json.loads(out)["models"] if item["name"] == "compact")

    assert (0, "") == (code, err)
    assert ("ready", str(weights_folder() / "compact.safetensors")) == (compact["state"], compact["path"])
    assert 6_101_226 == compact["parameters"]


def test_the_list_imports_neither_torch_nor_the_network():
    code = (
        "import sys\nfrom videocolor.cli.main import cli\nfrom videocolor.cli.output import run_command\n"
        "run_command(cli, ['models', 'list'])\n"
        "print(sorted({'torch', 'pooch', 'requests', 'urllib3', 'filelock'} & sys.modules.keys()), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "[]\n" == done.stderr


def test_a_file_without_a_hash_is_recorded_and_told(capsys, cache, own_critic):
    code, out, err = run(capsys, "fetch", CRITIC, "--from", str(own_critic))

    assert (0, f"{cache / CRITIC}\n") == (code, out)
    assert f"{CRITIC}: size unknown, licence MIT" in err
    assert "no published hash is known: recorded sha256" in err
    assert (cache / CRITIC).read_bytes() == b"critic"


def test_quiet_says_only_the_path(capsys, cache, own_critic):
    assert (0, f"{cache / CRITIC}\n", "") == run(capsys, "fetch", "-q", CRITIC, "--from", str(own_critic))


def test_a_wrong_file_is_not_brought(capsys, cache, own_critic):
    code, out, err = run(capsys, "fetch", GENERATOR, "--from", str(own_critic))

    assert (4, "") == (code, out)
    assert "is not ColorizeVideo_gen.pth: 6 bytes, not 874066230" in err
    assert not (cache / GENERATOR).exists()


def test_from_takes_one_name(capsys, own_critic):
    code, _, err = run(capsys, "fetch", CRITIC, GENERATOR, "--from", str(own_critic))

    assert 2 == code
    assert "--from brings one file" in err


def test_what_is_shipped_need_not_be_fetched(capsys):
    assert (0, f"{weights_folder() / 'compact.safetensors'}\n") == run(capsys, "fetch", "compact")[:2]


@pytest.mark.parametrize("args", [["fetch", "paint"], ["verify", "paint"], ["path", "paint"], ["fetch"]])
def test_unknown_names_are_wrong_usage(capsys, args):
    assert 2 == run(capsys, *args)[0]


def test_a_failed_fetch_names_every_address_and_the_way_out(capsys):
    code, out, err = run(capsys, "fetch", GENERATOR)

    assert (4, "") == (code, out)
    last = err.splitlines()[-1]
    for source in read_manifest()[GENERATOR].sources:
        assert f"warning: {source}: the proxy cannot be reached" in err
        assert source in last
    assert f"videocolor models fetch {GENERATOR} --from FILE" in last
    assert "Traceback" not in err


def test_verify_compares_all_that_is_here(capsys, cache, own_critic):
    run(capsys, "fetch", CRITIC, "--from", str(own_critic))
    code, out, _ = run(capsys, "verify")
    rows = {line.split()[0]: line.split()[1:] for line in out.splitlines()}

    assert 0 == code
    assert ["same", "card"] == rows["compact.safetensors"][:2]
    assert ["same", "first", "use"] == rows[CRITIC][:3]


def test_a_file_that_changed_fails_verification(capsys, cache, own_critic):
    run(capsys, "fetch", CRITIC, "--from", str(own_critic))
    (cache / CRITIC).write_bytes(b"Critic")
    (cache / GENERATOR).write_bytes(b"cut")
    code, out, _ = run(capsys, "verify", "--json")
    found = {os.path.basename(item["path"]): (item["state"], item["against"]) for item in json.loads(out)["files"]}

    assert 5 == code
    assert found.items() >= {CRITIC: ("differs", "first use"), GENERATOR: ("differs", "manifest")}.items()
    assert 0 == run(capsys, "verify", "compact")[0]
    assert 5 == run(capsys, "verify", "compact", GENERATOR)[0]


def test_a_file_of_which_nothing_is_known_is_not_called_right(capsys, cache):
    cache.mkdir()
    (cache / CRITIC).write_bytes(b"critic")
    code, out, _ = run(capsys, "verify", CRITIC)

    assert 0 == code
    assert f"{CRITIC}  no hash known  -" in out


def test_a_named_file_must_be_here(capsys):
    for verb in ("verify", "path"):
        code, out, err = run(capsys, verb, GENERATOR)
        assert (4, "") == (code, out)
        assert "Fetch it (874 MB, MIT) with: videocolor models fetch ColorizeVideo_gen.pth" in err


def test_paths_are_printed(capsys, cache):
    assert (0, f"{cache}\n", "") == run(capsys, "path")
    assert (0, f"{weights_folder() / 'compact.safetensors'}\n", "") == run(capsys, "path", "compact")
