"""From checkpoint to weights: what is exported is what was trained, small, whole and described."""

import tomllib

import pytest
import torch
from click.testing import CliRunner
from tiny_training import noise_store, tiny_recipe
from torch import nn

import training.export as export_module
from training.__main__ import main
from training.batch_norm import recompute_batch_norm
from training.export import export, to_toml
from training.families import SIZE_RULE
from training.loops.supervised import train
from training.networks import open_network, predict_ab
from training.sheets import write_sheet
from videocolor.core.cards import ModelCard, SizeRule
from videocolor.errors import SettingsError
from videocolor.examine.markdown import empty_section, with_section
from videocolor.files import file_sha256
from videocolor.models.compact import build
from videocolor.models.weights_file import read_header


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    store = noise_store(12)
    checkpoint = train(tiny_recipe(steps=(2, 0)), store, folder / "run", resume=False, pretrained=False)
    return checkpoint, exported_to(folder / "weights", checkpoint, store)


def exported_to(folder, source, store, **options):
    """Export with a small picture size and without a choice of the decoding."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export_module, "_TUNE_SIDE", 64)
        patch.setattr(export_module, "report", lambda network, val, sides: _figures(network, val))
        # Two steps on noise: whatever color comes out is asked for.
        patch.setattr(export_module, "choose_decoder", lambda network, *_args, **_kw: (network.codec, _Tuned()))
        return export(source, store, noise_store(3, seed=9), folder, colorfulness=0.6, norm_pictures=4, **options)


class _Tuned:
    psnr = 0.0


def _figures(network, val):
    from training.evaluate import report

    return {"256": next(iter(report(network, val, (64,)).values()))}


def test_the_card_describes_the_file(exported):
    _, path = exported
    card = tomllib.loads(path.with_suffix(".toml").read_text(encoding="utf-8"))

    rule = SizeRule(**card.pop("size_rule"))
    read = ModelCard(size_rule=rule, **card)

    assert rule == SIZE_RULE
    assert file_sha256(path) == read.sha256
    assert path.name == read.weights_file
    assert "Apache-2.0" in read.licence
    assert {"psnr_256", "colorfulness_ratio_256"} <= set(read.metrics)
    prose = path.with_suffix(".md").read_text(encoding="utf-8")
    assert "NOTICE" in prose
    assert "ML Illustrated" in prose
    # scripts/examine_models.py fills this in; figures of earlier weights must not stay.
    assert empty_section() in prose
    assert prose == with_section(prose, empty_section())


def test_the_header_rebuilds_the_network(exported):
    checkpoint, path = exported
    header = read_header(path)
    network = open_network(path)
    before = open_network(checkpoint)

    assert header["hyper"]["folded"] is True
    assert {"train", "tune", "val"} == set(header["data"])
    assert header["recipe"]["phases"][0]["name"] == "small crops"
    assert sum(p.numel() for p in network.parameters()) == sum(p.numel() for p in before.parameters())
    lightness = torch.rand(1, 1, 64, 64) * 100
    with torch.inference_mode():
        assert torch.isfinite(predict_ab(network, lightness, rim=16)).all()


def test_an_export_gets_another_decoding_without_touching_a_weight(exported, tmp_path):
    _, path = exported

    again = exported_to(tmp_path, path, noise_store(12), input_smoothing=6.0)

    before, after = read_header(path), read_header(again)
    assert after["hyper"] == {**before["hyper"], "input_smoothing": 6.0}
    assert (after["trained_on"], after["recipe"]) == (before["trained_on"], before["recipe"])
    old, new = open_network(path).state_dict(), open_network(again).state_dict()
    assert old.keys() == new.keys()
    assert all(torch.equal(value, new[key]) for key, value in old.items())


@pytest.fixture(scope="module")
def continued(exported, tmp_path_factory):
    """A run that started from the export, with a rate that moves it."""
    recipe = tiny_recipe(steps=(3, 0), extra=("optimizer.decoder_lr=0.05", "optimizer.average_decay=0.1"))
    return train(recipe, noise_store(12), tmp_path_factory.mktemp("continued"), resume=False, init_from=exported[1])


def answers(path):
    lightness = torch.rand(2, 1, 64, 64, generator=torch.Generator().manual_seed(1)) * 100
    with torch.inference_mode():
        return predict_ab(open_network(path), lightness, rim=16)


def test_an_export_lies_between_the_start_of_the_run_and_its_end(exported, continued, tmp_path):
    store, start = noise_store(12), exported[1]
    mixed = {
        share: exported_to(tmp_path / str(share), continued, store, start=start, start_share=share)
        for share in (0.0, 0.5, 1.0)
    }
    plain = exported_to(tmp_path / "plain", continued, store)

    torch.testing.assert_close(answers(mixed[0.0]), answers(plain), rtol=0, atol=1e-4)
    moved = (answers(plain) - answers(start)).abs().mean()
    # Batch norm is measured on other pictures than the start's was.
    assert (answers(mixed[1.0]) - answers(start)).abs().mean() < 0.1 * moved
    assert 0.1 * moved < (answers(mixed[0.5]) - answers(start)).abs().mean() < moved
    assert "0.5 of the weights are those of compact.safetensors" in read_header(mixed[0.5])["trained_on"]


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [(0, {"start_share": 1.5}, "start-share is 1.5"), (1, {}, "is an export. Give the run's checkpoint")],
)
def test_a_start_that_cannot_be_mixed_in_is_refused(exported, source, options, message, tmp_path):
    with pytest.raises(SettingsError, match=message):
        exported_to(tmp_path, exported[source], noise_store(12), start=exported[1], **options)


def test_a_start_of_another_network_is_refused(exported, tmp_path):
    other = train(
        tiny_recipe(steps=(1, 0), extra=("hyper={decoder_widths=[16, 16, 24], encoder_width=0.25}",)),
        noise_store(12),
        tmp_path / "run",
        resume=False,
        pretrained=False,
    )
    with pytest.raises(SettingsError, match="is of another network"):
        exported_to(tmp_path, other, noise_store(12), start=exported[1])


def test_batch_norm_is_recomputed_to_the_statistics_of_the_pictures():
    """After it, evaluation mode answers like training mode does on the same pictures."""
    torch.manual_seed(0)
    network = build({"decoder_widths": [16, 16, 16], "encoder_width": 0.25})
    store = noise_store(4)

    recompute_batch_norm(network, store, [0, 1, 2, 3])

    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    assert all(norm.num_batches_tracked == 1 for norm in norms)
    assert all(norm.momentum == 0.01 for norm in norms)
    assert not network.training


def test_toml_survives_quotes_and_tables():
    table = {"text": 'say "so"\nand ü', "list": ["a", "b"], "flag": False, "inner": {"x": 1.5, "n": 3}}
    assert table == tomllib.loads(to_toml(table))


def test_a_sheet_is_a_picture_of_triples(exported, tmp_path):
    import cv2

    target = tmp_path / "sheets" / "sheet.png"
    write_sheet(target, open_network(exported[1]), noise_store(3), [0, 1, 2], side=32, columns=2)
    assert cv2.imread(str(target)).shape == (64, 192, 3)


def test_every_command_explains_itself():
    runner = CliRunner()
    for command in main.commands:
        result = runner.invoke(main, [command, "--help"])
        assert result.exit_code == 0, result.output
    assert {"compact", "evaluate", "tune", "sheet", "export"} == set(main.commands)


def test_a_wrong_recipe_key_ends_with_a_remedy(tmp_path):
    """The error reaches the user as one sentence and the exit code of wrong usage."""
    import subprocess
    import sys
    from pathlib import Path

    result = subprocess.run(
        [sys.executable, "-m", "training", "compact", "--set", "color=1", "--run-dir", str(tmp_path)],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    assert "unknown keys: color. Known: " in result.stderr.replace("\n", " ")
