"""The shipped list of weight files is whole, honest and strict; cards and list say the same."""

import pytest

from videocolor.errors import WeightsError
from videocolor.models.registry import list_cards, load_card, model_names
from videocolor.models.store.manifest import WeightFile, read_manifest
from videocolor.paths import weights_folder

HASH = "0123456789abcdef" * 4
GOOD = f"""
format = 1

["a.pth"]
size_bytes = 1_000
sha256 = "{HASH}"
licence = "MIT"
sources = ["https://one.example/a.pth", "https://two.example/a.pth?dl=1"]
hash_from = "A list."
note = "A note."

["b.pth"]
licence = "MIT"
sources = ["https://one.example/b.pth"]
"""


def read(folder, text):
    path = folder / "manifest.toml"
    path.write_text(text, encoding="utf-8")
    return read_manifest(path)


def test_a_manifest_is_read_in_its_order(tmp_path):
    files = read(tmp_path, GOOD)

    assert ["a.pth", "b.pth"] == list(files)
    assert files["a.pth"] == WeightFile(
        name="a.pth",
        licence="MIT",
        sources=("https://one.example/a.pth", "https://two.example/a.pth?dl=1"),
        size_bytes=1000,
        sha256=HASH,
        hash_from="A list.",
        note="A note.",
    )
    assert (None, None) == (files["b.pth"].sha256, files["b.pth"].size_bytes)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("format = 1", "format = 2"),
        ("format = 1", ""),
        ("note =", "remark ="),
        ("note =", "name ="),
        ('note = "A note."', "note = 3"),
        ('licence = "MIT"', ""),
        ('licence = "MIT"', 'licence = " "'),
        ("https://one.example/a.pth", "http://one.example/a.pth"),
        ("https://one.example/a.pth", "https://"),
        ('sources = ["https://one.example/b.pth"]', "sources = []"),
        ('sources = ["https://one.example/b.pth"]', 'sources = "https://one.example/b.pth"'),
        ('sources = ["https://one.example/b.pth"]', ""),
        (HASH, HASH[:-1]),
        (HASH, HASH.upper()),
        ('hash_from = "A list."', ""),
        ("1_000", "0"),
        ("1_000", "true"),
        ("1_000", '"1 kB"'),
        ('"a.pth"', '"../a.pth"'),
        ('"a.pth"', '".a.pth"'),
        ('["b.pth"]', '"c.pth" = 3\n["b.pth"]'),
        ("format = 1", "format ="),
    ],
)
def test_a_wrong_manifest_is_refused_with_its_keys(tmp_path, old, new):
    assert old in GOOD

    with pytest.raises(WeightsError, match=r"The manifest .*manifest\.toml is wrong: .*\. A file's keys are licence, "):
        read(tmp_path, GOOD.replace(old, new))


def test_a_missing_manifest_is_said(tmp_path):
    with pytest.raises(WeightsError, match="manifest"):
        read_manifest(tmp_path / "manifest.toml")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"size_bytes": 874_066_230, "size_about_mb": 1}, "874 MB"),
        ({"size_about_mb": 912}, "about 912 MB"),
        ({}, "size unknown"),
    ],
)
def test_a_size_says_how_well_it_is_known(values, expected):
    assert expected == WeightFile(name="a", licence="MIT", sources=("https://a/b",), **values).size_text


def test_the_shipped_manifest_has_the_published_files():
    kinds = [f"{part}_{end}" for end in ("gen", "crit") for part in ("{}", "{}_PretrainOnly")]
    deoldify = {f"Colorize{kind.format(name)}.pth" for name in ("Artistic", "Stable", "Video") for kind in kinds}
    ddcolor = {f"ddcolor_{name}.pth" for name in ("paper_tiny", "paper", "modelscope", "artistic")}

    assert deoldify | ddcolor == read_manifest().keys()


def test_a_mirror_is_named_only_where_a_hash_ties_it_to_the_original():
    assert [] == [file.name for file in read_manifest().values() if file.sha256 is None and len(file.sources) > 1]


def test_every_address_ends_in_the_file():
    """Dropbox gives the file only with dl=1."""
    for file in read_manifest().values():
        for source in file.sources:
            ending = f"/{file.name}?dl=1" if "dropbox.com" in source else f"/{file.name}"
            assert source.endswith(ending)


def test_the_manifest_is_no_card():
    assert "manifest" not in model_names()
    assert len(model_names()) == len(list_cards())


@pytest.mark.parametrize("name", model_names())
def test_card_and_manifest_say_the_same(name):
    """A file that is not shipped can be fetched, and is the one that the card means."""
    card = load_card(name)
    if card.weights_file is None or (weights_folder() / card.weights_file).is_file():
        return
    file = read_manifest()[card.weights_file]

    assert card.sha256 == file.sha256
    assert card.licence.split()[0].rstrip(".,;:") == file.licence
