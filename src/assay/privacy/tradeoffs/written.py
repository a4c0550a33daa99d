"""The trade-off as files and words: a page, a table of all numbers, the picture, and what a terminal shows."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from assay.core.errors import AssayError
from assay.core.measure import Measure
from assay.pictures.picture import Picture
from assay.pictures.wording import clean
from assay.privacy.tradeoffs.drawn import picture
from assay.privacy.tradeoffs.report import Level, Tradeoff
from assay.privacy.tradeoffs.runs import LOST
from assay.privacy.tradeoffs.sentences import explained, summed_up, unmeasured

COLUMNS = ("epsilon", "measure", "attribute", "group", "value", "low", "high", "level", "n", "lose_more", "reason")
TABLES = {
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "accuracy_lost": "Accuracy lost to privacy,",
    "balanced_accuracy_lost": "Balanced accuracy lost to privacy,",
}
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:80rem;margin:2rem auto;padding:0 1rem;color:#1c2128;"
    "background:#fff}img{max-width:100%;height:auto}table{border-collapse:collapse;margin:1rem 0;font-size:14px}"
    "td,th{padding:.2rem .7rem;border-bottom:1px solid #e3e6ea;text-align:right;white-space:nowrap}"
    "td:first-child,th:first-child{text-align:left}.scroll{overflow-x:auto}"
    ".private{border-left:4px solid #d55e00;padding-left:.8rem}caption{text-align:left;font-weight:600}"
)
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
Cells = list[list[str]]


def tables(found: Tradeoff, /) -> dict[str, Cells]:
    """Tables for people by title, the header first: everyone by epsilon, then the groups of each attribute."""
    out = {"Everyone": _everyone(found)}
    for attribute in map(str, found.attributes):
        for name, said in TABLES.items():
            if found.private[0].get(name, slice={}) or found.plain.get(name, slice={}):
                out[f"{said} by {clean(attribute)}"] = _by_group(found, attribute, name)
    return out


def _everyone(found: Tradeoff) -> Cells:
    head = ["epsilon", "noise", "accuracy", "membership AUC", "members at 1 % FPR", "at most"]
    gaps = {
        (name, attribute): f"{said}, {clean(attribute)}"
        for attribute in found.attributes
        for name, said in (("equalized_odds_difference", "odds gap"), ("selection_rate_gap", "selection gap"))
        if found.plain.get(name, over=(attribute,)) is not None
    }
    rows = [[*head, *gaps.values()]]
    for level in found.levels:
        noise = "–" if level.noise is None else f"{level.noise:.3f}"
        names = ("accuracy", "membership_auc", "membership_tpr_at_fpr_1pct")
        most = "–" if level.epsilon is None else f"{level.most_found:.3f}"
        cells = [level.text, noise, *(number(level.get(name)) for name in names), most]
        rows.append([*cells, *(number(level.get(name, over=(attribute,))) for name, attribute in gaps)])
    return rows


def _by_group(found: Tradeoff, attribute: str, name: str) -> Cells:
    """A row a group, the smallest first; a star where privacy takes more of a group than of all others."""
    levels: Sequence[Level] = found.private if name in LOST else found.levels
    rows = [["group", "n trained", "n held out", *(level.text for level in levels)]]
    groups = sorted((g for g in found.groups if attribute in g.slice), key=lambda group: group.held_out)
    for group in groups:
        value = group.slice[attribute]
        cells = []
        for level in levels:
            star = " *" if (level.text, name, attribute, value) in found.marked else ""
            cells.append(number(level.get(name, slice=group.slice)) + star)
        said = "(missing)" if value is None else clean(value)
        rows.append([said, f"{group.trained:,}", f"{group.held_out:,}", *cells])
    if name in LOST:
        n = f"{found.facts['trained']:,}", f"{found.facts['held_out']:,}"
        rows.append(["everyone", *n, *(number(level.get(name)) for level in levels)])
    return rows


def number(measure: Measure | None, /) -> str:
    """A value with its interval, three decimals; a dash where there is none."""
    if measure is None or measure.value is None:
        return "–"
    ends = measure.interval
    found = f"{measure.value:.3f}" + (f" [{ends.low:.3f}, {ends.high:.3f}]" if ends else "")
    return found.replace("-0.000", "0.000")


def text(found: Tradeoff, /) -> str:
    """The tables for a terminal, and how to read them."""
    lines = []
    for title, cells in tables(found).items():
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines += [title, *("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells)]
        lines.append("")
    said = (*summed_up(found), *_missing(found), *explained(found))
    return "\n".join([*lines, *(clean(line, longest=1000) for line in said)])


def table(found: Tradeoff, /) -> str:
    """Every number as CSV, a row each; a text that a spreadsheet would take for a formula has an apostrophe before."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_lines(found))
    return out.getvalue()


def _lines(found: Tradeoff) -> Iterator[list[object]]:
    for level in found.levels:
        for m in level.measures:
            attribute = next(iter((*m.slice, *m.over)), "")
            value = m.slice.get(attribute, "")
            group = "" if not m.slice else "(missing)" if value is None else value
            ends = [None] * 3 if m.interval is None else [m.interval.low, m.interval.high, m.interval.level]
            star = bool(m.slice) and (level.text, m.name, attribute, value) in found.marked
            yield [
                level.text,
                m.name,
                _plain(attribute),
                _plain(group or ""),
                m.value,
                *ends,
                " ".join(map(str, m.rows)),
                "yes" if star else "",
                m.reason.text() if m.reason else "",
            ]


def _plain(cell: str) -> str:
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


def page(found: Tradeoff, drawn: Picture, /) -> str:
    """A page that stands alone: every text is escaped, the picture is an image, nothing is asked from anywhere."""
    first, *rest = explained(found)
    said = "".join(f"<p>{escape(line)}</p>" for line in (*_missing(found), *rest))
    told = f"<p>{escape(clean(' '.join(summed_up(found)), longest=1000))}</p>"
    shown = "".join(_html(title, cells) for title, cells in tables(found).items())
    facts = ", ".join(f"{name} {value}" for name, value in found.facts.items() if name != "measures")
    title = escape(clean(drawn.title, longest=200))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}"><title>{title}</title>'
        f'<style>{_STYLE}</style></head><body><h1>{title}</h1><p class="private"><strong>{escape(first)}</strong></p>'
        f"{told}{drawn.html()}{shown}{said}<p>Made with: {escape(clean(facts, longest=1000))}.</p></body></html>\n"
    )


def _html(title: str, cells: Cells) -> str:
    head, *body = cells
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    rows = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in body)
    caption = f"<caption>{escape(title)}</caption>"
    return f'<div class="scroll"><table>{caption}<thead><tr>{top}</tr></thead><tbody>{rows}</tbody></table></div>'


def _missing(found: Tradeoff) -> list[str]:
    """What is not in the tables, and why."""
    n = found.suppressed
    few = [f"{n} groups have so few held-out rows that they are left out."] if n else []
    return [*few, *unmeasured(found)]


FILES = ("index.html", "table.csv", "plot.svg", "tradeoff.json")


def write(found: Tradeoff, folder: str | Path, /) -> list[Path]:
    """The files of the report in a new folder; one that is there already is an error."""
    from assay.privacy.training.saved import check_new

    path = Path(folder)
    check_new(path)
    drawn = picture(found)
    whole = json.dumps(found.to_json(), indent=1, allow_nan=False)
    try:
        path.mkdir(parents=True)
        for name, content in zip(FILES, (page(found, drawn), table(found), drawn.svg(), whole), strict=True):
            (path / name).write_text(content, encoding="utf-8")
    except OSError as error:
        raise AssayError(f"The folder {str(path)!r} cannot be written: {error.strerror}.", code="file") from error
    return [path / name for name in FILES]
