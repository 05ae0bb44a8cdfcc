"""scripts/examine_models.py: one page over all models, and a section in each card that belongs to the weights."""

import hashlib
import importlib.util
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from made_results import made_result

from videocolor.examine.lines.registry import LINES
from videocolor.examine.markdown import card_section, empty_section, results_page, with_section

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("examine_models", ROOT / "scripts" / "examine_models.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def cards(tmp_path):
    """A copy of compact's card."""
    folder = tmp_path / "cards"
    folder.mkdir()
    for suffix in (".md", ".toml"):
        shutil.copy(ROOT / "weights" / f"compact{suffix}", folder)
    return folder


def plain(**changes):
    return json.loads(json.dumps(made_result(**changes).to_json()))


def keep(folder, result, options=()):
    folder.mkdir(exist_ok=True)
    (folder / f"{result['model']}.json").write_text(json.dumps(result | {"options": list(options)}))


def test_a_stopped_evening_goes_on_with_what_is_there(script, tmp_path, cards, capsys):
    """Kept results are read, not made again; page and card are written from them."""
    sha256 = script.read_card(cards / "compact.toml").sha256
    keep(tmp_path / "results", plain(sha256=sha256))
    target = tmp_path / "page.md"

    options = f"--models compact --results {tmp_path}/results --target {target} --cards {cards} --date 2026-01-31"
    code = script.main(options.split())

    assert 0 == code
    assert "compact: taken from" in capsys.readouterr().err
    page = target.read_text()
    assert page == results_page([plain(sha256=sha256)], date="2026-01-31")
    section = card_section(plain(sha256=sha256), date="2026-01-31")
    assert section in (cards / "compact.md").read_text()
    assert ["compact.md", "compact.toml"] == sorted(path.name for path in cards.iterdir())


@pytest.mark.parametrize(
    ("changes", "kept_options"), [({}, ["photos", "--lines", "10"]), ({"sha256": "0" * 64}, ["nowhere"])]
)
def test_a_result_of_other_weights_or_options_is_made_again(script, tmp_path, cards, capfd, changes, kept_options):
    sha256 = script.read_card(cards / "compact.toml").sha256
    results = tmp_path / "results"
    keep(results, plain(**{"sha256": sha256} | changes), kept_options)
    before = (results / "compact.json").read_text()

    code = script.main(["--models", "compact", "--results", str(results), "--cards", str(cards), "--", "nowhere"])

    # What was asked for cannot be done, and nothing stands in for it.
    assert 0 != code
    assert "other weights or options" in (heard := capfd.readouterr()).err
    assert "nowhere does not exist" in heard.err
    assert before == (results / "compact.json").read_text()


def test_weights_that_an_option_names_are_those_that_are_compared(script, tmp_path):
    one, two = tmp_path / "one.pth", tmp_path / "two=.pth"
    one.write_bytes(b"1")
    two.write_bytes(b"2")
    digests = {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in (one, two)}

    assert digests[one] == script.weights_digest("compact", ["photos", "--weights", str(one), "--few", "3"])
    assert digests[two] == script.weights_digest("compact", [f"--weights={two}"])
    named = ["--weights", f"compact={two}", "--weights", f"ddcolor={one}"]
    assert f"{digests[one]}+{digests[two]}" == script.weights_digest("ddcolor+compact", named)


def test_models_that_need_guides_are_left_out(script, cards):
    """As `videocolor examine all` does: they answer nothing without."""
    text = (cards / "compact.toml").read_text().replace('name = "compact"', 'name = "guided"')
    (cards / "guided.toml").write_text(text.replace("needs = []", 'needs = ["reference"]'))

    assert ["compact"] == script.models_here(cards)


@pytest.mark.skipif(not LINES, reason="no line is registered")
def test_a_model_is_examined_and_its_card_says_so(script, tmp_path, cards, capsys):
    """The whole way once: compact on two made pictures and one cheap line. The second time it is there."""
    drawn = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for number in range(2):
        blocks = drawn.integers(0, 256, (8, 8, 3), np.uint8)
        cv2.imwrite(str(tmp_path / "photos" / f"{number}.png"), np.kron(blocks, np.ones((32, 32, 1), np.uint8)))
    options = f"--models compact --results {tmp_path}/results --target {tmp_path}/page.md --cards {cards}"

    whole = [*options.split(), "--", str(tmp_path / "photos"), "--lines", "10", "--no-progress"]
    code = script.main(whole)
    written = (tmp_path / "results" / "compact.json").stat().st_mtime_ns
    again = script.main(whole)

    assert (0, 0) == (code, again)
    assert 1 == capsys.readouterr().err.count("compact: taken from")
    assert written == (tmp_path / "results" / "compact.json").stat().st_mtime_ns
    assert ["compact.html", "compact.json"] == sorted(path.name for path in (tmp_path / "results").iterdir())
    assert "2 photographs" in (tmp_path / "page.md").read_text()
    sha256 = script.read_card(cards / "compact.toml").sha256
    assert f"on 2 photographs, weights {sha256[:12]}" in (cards / "compact.md").read_text()


def test_the_card_of_other_weights_is_left_alone(script, tmp_path, cards, capsys):
    """A checkpoint's figures must not stand in the card of the shipped weights."""
    before = (cards / "compact.md").read_text()

    script.write_card(plain(sha256="0" * 64), cards, day="2026-01-31")

    assert before == (cards / "compact.md").read_text()
    assert "other weights" in capsys.readouterr().err


def test_a_wrong_option_ends_with_the_program_s_own_words(script, tmp_path, cards, capfd):
    code = script.main(["--models", "compact", "--cards", str(cards), "--", str(tmp_path / "nowhere"), "--no-progress"])

    assert 0 != code
    assert "nowhere does not exist" in capfd.readouterr().err


def test_the_section_is_replaced_not_repeated(cards):
    text = (cards / "compact.md").read_text()
    first = with_section(text, card_section(plain(), date="2026-01-31"))
    second = with_section(first, card_section(plain(version="0.2.0"), date="2026-02-01"))

    assert 1 == first.count("## Examination") == second.count("## Examination")
    assert "0.1.0 of 2026-01-31" in first
    assert "2026-01-31" not in second
    # What stood around it is as it was.
    assert with_section(text, empty_section()) == with_section(second, empty_section())
    assert first.index("## Figures") < first.index("## Examination") < first.index("## Limits")
    assert first == with_section(first, card_section(plain(), date="2026-01-31"))


def test_a_card_without_limits_gets_its_section_at_the_end():
    assert f"# tiny\n\nText.\n\n{empty_section()}" == with_section("# tiny\n\nText.\n", empty_section())


def test_the_section_says_what_failed_and_on_what():
    section = card_section(plain(), date="2026-01-31")

    assert "on 200 photographs and 1 clip, weights 453aab20453a: 2 failed, 1 held, 1 not tested." in section
    assert "23.71 dB (mean color 22.80, gray 22.65); 23.71 dB on photographs of unseen sources." in section
    assert "| 1 | flicker | **failed** | sd of ab alone **1.62** (at most 1); sd of ab smoothed 0.310" in section
    assert "| 9 | cast | **failed** | r2 **undefined** (at least 0.3) |" in section
    # What decided nothing is left to the page over all models.
    assert "| 12 | gray rims, tinted bars | held | rim over inside 1.02 (0.8 to 1.25) |" in section
    assert "| 15 | new shot takes the old one's colors | not tested | there is no clip |" in section


def test_the_page_has_the_nearest_model_first_and_failures_in_bold():
    results = [plain(model="clips only", ranking=None, photos=0), plain(model="compact")]
    results[0]["lines"] = results[0]["lines"][:2]

    page = results_page(results, date="2026-01-31")

    assert "| line | complaint | compact | clips only |" in page
    assert "| 1 | flicker | **failed** | **failed** |" in page
    assert "| 9 | cast | **failed** |  |" in page
    assert "| 1 | sd of ab alone | at most 1 | **1.62** | **1.62** |" in page
    assert (
        "| compact | 453aab20453a | 200 photographs and 1 clip | 1 | 2 | 1 | 23.71 | 22.80 | 22.65 | 0.72 | 23.60 |"
        in page
    )
    assert "| interiors | -0.70 (12) |  |" in page
    assert "| nature | too gray (40) |  |" in page


def test_a_bar_that_differs_between_models_stands_beside_each_figure():
    """Some bars are made from the truth or from the model's other figures."""
    results = [plain(), plain(model="other")]
    results[1]["lines"][0]["figures"][0]["high"] = 2.0

    page = results_page(results, date="2026-01-31")

    assert "| 1 | sd of ab alone | the model's own | **1.62** (at most 1) | 1.62 (at most 2) |" in page


def test_a_model_whose_answers_are_no_numbers_has_its_row():
    """JSON has null for what is no number."""
    result = plain()
    for standing in (result["ranking"]["overall"], *result["ranking"]["groups"].values()):
        for way in ("matched", "shipped", "shuffled"):
            standing[way] = standing[way] and dict.fromkeys(standing[way])

    page, section = results_page([result], date="2026-01-31"), card_section(result, date="2026-01-31")

    assert "| – | 22.80 | 22.65 | – | – |" in page
    assert "| all | undefined (200) |" in page
    assert "undefined" in section


def test_signs_in_names_do_not_break_the_tables():
    result = plain()
    result["lines"][0]["title"] = "a|b"
    result["lines"][0]["figures"][0]["name"] = "mean |a*| < 5"

    for text in (results_page([result], date="2026-01-31"), card_section(result, date="2026-01-31")):
        assert r"mean \|a\*\| \< 5" in text
        assert r"a\|b" in text
