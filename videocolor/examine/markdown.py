"""Results of examinations as Markdown: one page over several models, and the section of a model's card."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from videocolor.examine.page import bar_text, material_text, value_text
from videocolor.examine.verdict import Figure

_BEGIN = "<!-- examination: begin; scripts/examine_models.py writes what stands here -->"
_END = "<!-- examination: end -->"
_HEADING = "## Examination"
_HASH_DIGITS = 12
_UNDEFINED = "undefined"

Result = Mapping[str, Any]
"""What `ExamResult.to_json` gives."""


def empty_section() -> str:
    """The section of a card whose weights nobody has examined yet."""
    return _section("These weights were not examined yet.")


def card_section(result: Result, *, date: str) -> str:
    """The section of a model's card: what held, what failed, with figures.

    Args:
        result: Of this model.
        date: Of the examination, for people.
    """
    head = (
        f"`videocolor examine` {result['version']} of {date} on {_material(result)},"
        f" weights {_short_hash(result)}: {_tally(result)}.\n"
        "What each line means: docs/examination.md."
    )
    standing = _ranking_sentence(result)
    rows = [
        (str(line["number"]), _plain(line["title"]), _verdict(line["verdict"]), _judged(line))
        for line in result["lines"]
    ]
    parts = [head, *([standing] if standing else []), _table(("line", "complaint", "verdict", "figures"), rows)]
    return _section("\n\n".join(parts))


def with_section(text: str, section: str) -> str:
    """A card with a new section in place of the old one; without one it comes before the limits, else at the end.

    Args:
        text: The card.
        section: Of `card_section` or `empty_section`.
    """
    if _BEGIN in text and _END in text:
        before, rest = text.split(_BEGIN, 1)
        after = rest.split(_END, 1)[1].lstrip("\n")
        before = before.removesuffix(f"{_HEADING}\n\n")
    else:
        before, mark, after = text.partition("## Limits\n")
        after = mark + after
    return f"{before.rstrip()}\n\n{section}" + (f"\n{after}" if after else "")


def results_page(results: Sequence[Result], *, date: str) -> str:
    """A page over all models, the nearest to the true colors first.

    Args:
        results: One at least; with the same lines.
        date: Of the examinations, for people.
    """
    ordered = sorted(results, key=lambda result: -(_psnr(result["ranking"]) or 0.0))
    parts = [
        "# Results of the examination",
        f"What each line means, and how it is measured: [examination](examination.md). Written on {date} by "
        "`scripts/examine_models.py`.",
        "## Models",
        _models_table(ordered),
        "PSNR in dB where each model has .70 of the true colorfulness (CF); CF ratio and PSNR as it is beside it. "
        "A model that does not beat both mean color and gray has shown nothing.",
        "## Lines",
        _lines_table(ordered),
        "## Figures",
        "Bold: beyond the bar.",
        _figures_table(ordered),
    ]
    if any(result["ranking"] for result in ordered):
        parts += ["## By group", "PSNR at CF .70 less that of the mean color, dB, and the number of photographs."]
        parts += [_groups_table(ordered)]
    return "\n\n".join(parts) + "\n"


def _models_table(results: Sequence[Result]) -> str:
    header = ("model", "weights", "examined on", "held", "failed", "not tested", "PSNR at CF .70", "mean color", "gray")
    rows = []
    for result in results:
        counts = [str(_count(result, verdict)) for verdict in ("held", "failed", "not tested")]
        overall = (result["ranking"] or {}).get("overall")
        ways = [_way(overall, way) for way in ("matched", "mean_color", "gray")]
        shipped = [_way(overall, "shipped", "colorfulness_ratio"), _way(overall, "shipped")]
        rows.append((result["model"], _short_hash(result), _material(result), *counts, *ways, *shipped))
    return _table((*header, "CF ratio", "PSNR as it is"), rows)


def _lines_table(results: Sequence[Result]) -> str:
    rows = []
    for number, title in _line_names(results):
        lines = (_line(result, number) for result in results)
        rows.append(
            (str(number), _plain(title), *("" if line is None else _verdict(line["verdict"]) for line in lines))
        )
    return _table(("line", "complaint", *(result["model"] for result in results)), rows)


def _figures_table(results: Sequence[Result]) -> str:
    rows = []
    for number, _ in _line_names(results):
        lines = [_line(result, number) for result in results]
        columns = [{} if line is None else {item.name: item for item in _figures_of(line)} for line in lines]
        for name in dict.fromkeys(name for column in columns for name in column):
            bars = {bar_text(column[name]) for column in columns if name in column}
            own = len(bars) > 1
            cells = (_value(column[name], with_bar=own) if name in column else "" for column in columns)
            rows.append((str(number), _plain(name), "the model's own" if own else bars.pop(), *cells))
    return _table(("line", "figure", "bar", *(result["model"] for result in results)), rows)


def _groups_table(results: Sequence[Result]) -> str:
    sets = [_sets(result) for result in results]
    names = dict.fromkeys(name for known in sets for name in known)
    rows = [(name, *(_gain(known.get(name)) for known in sets)) for name in names]
    return _table(("photographs", *(result["model"] for result in results)), rows)


def _sets(result: Result) -> dict[str, Any]:
    ranking = result["ranking"]
    if ranking is None:
        return {}
    sources = {f"{name} sources": standing for name, standing in ranking["sources"].items()}
    return {"all": ranking["overall"], **ranking["groups"], **sources}


def _gain(standing: Mapping[str, Any] | None) -> str:
    if standing is None:
        return ""
    matched = standing["matched"]
    if matched is None or matched["psnr"] is None:
        gain = "too gray" if matched is None else _UNDEFINED
    else:
        gain = f"{matched['psnr'] - standing['mean_color']['psnr']:+.2f}"
    return f"{gain} ({standing['photos']})"


def _ranking_sentence(result: Result) -> str:
    ranking = result["ranking"]
    if ranking is None:
        return ""
    overall, psnr = ranking["overall"], _psnr(ranking)
    if overall["matched"] is None:
        return "Too gray to be ranked at .70 of the true colorfulness."
    if psnr is None:
        return f"The PSNR is {_UNDEFINED}: there are answers that are no numbers."
    unseen = _psnr({"overall": ranking["sources"].get("unseen", {"matched": None})})
    apart = "" if unseen is None else f"; {unseen:.2f} dB on photographs of unseen sources"
    return (
        f"PSNR at .70 of the true colorfulness: {psnr:.2f} dB (mean color {_way(overall, 'mean_color')},"
        f" gray {_way(overall, 'gray')}){apart}."
    )


def _psnr(ranking: Mapping[str, Any] | None) -> float | None:
    matched = None if ranking is None else ranking["overall"]["matched"]
    return None if matched is None else matched["psnr"]


def _way(standing: Mapping[str, Any] | None, way: str, figure: str = "psnr") -> str:
    scores = None if standing is None else standing[way]
    return "–" if scores is None or scores[figure] is None else f"{scores[figure]:.2f}"


def _line_names(results: Sequence[Result]) -> list[tuple[int, str]]:
    return sorted({line["number"]: line["title"] for result in results for line in result["lines"]}.items())


def _line(result: Result, number: int) -> Mapping[str, Any] | None:
    return next((line for line in result["lines"] if line["number"] == number), None)


def _figures_of(line: Mapping[str, Any]) -> Iterator[Figure]:
    for values in line["figures"]:
        yield Figure(**{key: value for key, value in values.items() if key != "verdict"})


def _judged(line: Mapping[str, Any]) -> str:
    """The figures that decided, or why there are none."""
    figures = list(_figures_of(line))
    decisive = [item for item in figures if item.verdict in ("held", "failed")]
    if not decisive:
        return _plain("; ".join(dict.fromkeys(item.why_not_tested for item in figures if item.why_not_tested)))
    return "; ".join(f"{_plain(item.name)} {_value(item, with_bar=True)}" for item in decisive)


def _value(figure: Figure, *, with_bar: bool = False) -> str:
    if figure.why_not_tested:
        return f"not tested: {_plain(figure.why_not_tested)}"
    text = _UNDEFINED if figure.value is None and figure.verdict else value_text(figure)
    text = f"**{text}**" if figure.verdict == "failed" else text
    return f"{text} ({bar_text(figure)})" if with_bar and figure.verdict else text


def _verdict(verdict: str) -> str:
    return "**failed**" if verdict == "failed" else verdict


def _tally(result: Result) -> str:
    return ", ".join(f"{_count(result, verdict)} {verdict}" for verdict in ("failed", "held", "not tested"))


def _count(result: Result, verdict: str) -> int:
    return sum(line["verdict"] == verdict for line in result["lines"])


def _material(result: Result) -> str:
    return material_text(result["photos"], len(result["clips"]))


def _short_hash(result: Result) -> str:
    return "unknown" if result["sha256"] is None else str(result["sha256"][:_HASH_DIGITS])


def _section(body: str) -> str:
    return f"{_HEADING}\n\n{_BEGIN}\n\n{body}\n\n{_END}\n"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _plain(text: str) -> str:
    """Text that Markdown takes for nothing else."""
    return re.sub(r"([\\|*<`])", r"\\\1", text)
