"""`assay explain`: the model as a whole, one row of the data, or the rows that stand for the others."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.core.errors import AssayError, unknown
from assay.core.finding import Finding, Run
from assay.core.house import House
from assay.core.part import Answer, command
from assay.explain.commands.local import Local, explain_row
from assay.explain.commands.page import write_page
from assay.explain.overall.representative import Representatives
from assay.explain.overall.representative import representatives as choose
from assay.explain.words.vocabulary import Vocabulary
from assay.pictures.wording import clean

if TYPE_CHECKING:
    from assay.data.case import Case
    from assay.explain.words.paragraph import Audience

CHECKS = tuple(f"explain.{name}" for name in ("importance", "shap_summary", "effects", "interactions", "surrogate"))
"""What the model as a whole is asked; whether that can be believed is asked by the other checks of the area."""
SHOWN = 8


@command(title="Why the model decides as it does: as a whole, or for one row", needs_model=True)
def explain(
    house: House,
    case: Case,
    /,
    *,
    row: int | None = None,
    representative: int | None = None,
    method: str = "auto",
    output: str | None = None,
    target: str | None = None,
    count: int = 3,
    exact: bool = False,
    immutable: tuple[str, ...] = (),
    one_way: tuple[str, ...] = (),
    ranges: tuple[str, ...] = (),
    rules: tuple[str, ...] = (),
    costs: tuple[str, ...] = (),
    audience: str | None = None,
    words: str | None = None,
    believe: bool = False,
    background: int = 200,
    out: str | None = None,
    seed: int = 0,
) -> Answer:
    """Without `--row`, the model as a whole (importance, effects, interactions, SHAP, surrogate) as a stored Run;
    `--out` writes the report, `--believe` also asks whether explanations can be believed.

    `--row 17` explains the row at place 17 of the data, counted from 0: what each column added (`--method` auto, a SHAP
    method, or lime), up to `--count` changes that would turn the decision, and the nearest rows decided otherwise;
    `--out` writes a page. `--audience customer`, `analyst` or `regulator` says it in a paragraph, in the words of
    `--words FILE`, a TOML file with the tables labels, units, categories and classes.

    Changes keep to `--immutable age`, `--one-way age=up`, `--ranges hours=0:60`, `--rules "rent <= income"`, `--costs
    job=3`, and never touch protected attributes; `--exact` proves the cheapest one (linear models and trees). A
    regression needs `--target low:high`. `--representative 10` shows ten rows of each decision and group that
    stand best for the others.
    """
    _one_question(row, representative)
    if representative is not None:
        return _Representative(choose(case, count=representative, seed=seed, progress=house.progress))
    if row is None:
        return _overview(house, case, believe=believe, out=out, seed=seed)
    given = {"immutable": immutable, "one_way": one_way, "ranges": ranges, "rules": rules, "costs": costs}
    found = explain_row(
        case,
        row,
        method=method,
        explainers=house.parts("explainer"),
        output=output,
        target=_target(target, case),
        exact=exact,
        count=count,
        background=background,
        constraints={name: list(value) for name, value in given.items() if value},
        audience=_audience(audience),
        vocabulary=_vocabulary(words),
        seed=seed,
        progress=house.progress,
    )
    return _Row(found, write_page(found.html(), out) if out else "")


def _one_question(row: int | None, representative: int | None) -> None:
    if row is not None and representative is not None:
        raise AssayError("A row and representatives are two questions.", code="usage", hint="Ask one at a time.")


def _overview(house: House, case: Case, *, believe: bool, out: str | None, seed: int) -> _Overview:
    run = house.audit(case, checks=sorted({*CHECKS, *(_TRUST if believe else ())}), seed=seed)
    return _Overview(run, tuple(house.report(run, out)) if out else ())


def _audience(text: str | None) -> Audience | None:
    known: dict[str, Audience] = {"customer": "customer", "analyst": "analyst", "regulator": "regulator"}
    if text is not None and text not in known:
        raise unknown("audience", text, known, code="audience")
    return None if text is None else known[text]


def _vocabulary(path: str | None) -> Vocabulary:
    """The words in a TOML file; none where there is no file."""
    try:
        return Vocabulary.parse(tomllib.loads(Path(path).read_text(encoding="utf-8")) if path else {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise AssayError(f"{path!r} cannot be read: {error}.", code="words", hint="Give a TOML file.") from None


_TRUST = tuple(f"explain.{name}" for name in ("faithfulness", "stability", "agreement", "randomisation", "reliance"))


def _target(text: str | None, case: Case) -> str | tuple[float | None, float | None] | None:
    """A class, or the interval "low:high" of a regression."""
    if text is None or case.model is None or case.model.classes:
        return text
    low, separator, high = text.partition(":")
    try:
        ends = tuple(float(end) if end.strip() else None for end in (low, high))
    except ValueError:
        ends = (None, None)
    if not separator or ends == (None, None):
        raise AssayError(
            f"{text!r} is no interval.", code="target", hint="Write --target 10:20, --target 10: or --target :20."
        )
    return ends[0], ends[1]


@dataclass(frozen=True)
class _Row:
    found: Local
    written: str

    def text(self) -> str:
        return self.found.text() + (f"\n\nWrote {self.written}" if self.written else "")

    def to_json(self) -> Any:
        return self.found.to_json() | ({"written": self.written} if self.written else {})


@dataclass(frozen=True)
class _Representative:
    found: Representatives

    def text(self) -> str:
        lines = self.found.text().split("\n")
        return "\n".join("  " * line.startswith("  ") + clean(line.strip(), longest=400) for line in lines)

    def to_json(self) -> Any:
        return self.found.to_json()


@dataclass(frozen=True)
class _Overview:
    run: Run
    written: Sequence[str]

    def text(self) -> str:
        """The largest numbers of every check, and where the rest is."""
        lines: list[str] = []
        for check, facts in self.run.checks.items():
            found = [f for f in self.run.findings if f.check == check and not f.measure.slice]
            lines += [f"{check}  {facts['title']}", *_largest(found), ""]
        lines += [f"Wrote {path}" for path in self.written]
        lines.append(f"Run {self.run.id}. See it again, with all numbers: assay run show {self.run.id} --all")
        return "\n".join(lines)

    def to_json(self) -> Any:
        return self.run.to_json() | {"written": list(self.written)}


def _largest(found: Sequence[Finding]) -> list[str]:
    """The findings with a number, the largest first within each measure, and reasons where there is none."""
    known = [f for f in found if f.measure.value is not None]
    order = list(dict.fromkeys(f.measure.name for f in known))
    known.sort(key=lambda f: (order.index(f.measure.name), -abs(f.measure.value or 0.0)))
    width = max((len(name) for name in order), default=0)
    lines = []
    for name in order:
        some = [f for f in known if f.measure.name == name]
        lines += [f"  {_line(f, width)}" for f in some[:SHOWN]]
        if len(some) > SHOWN:
            lines.append(f"  … and {len(some) - SHOWN} more {name}")
    reasons = dict.fromkeys(f.measure.reason.text() for f in found if f.measure.reason is not None)
    return [*lines, *(f"  not measured: {clean(text, longest=300)}" for text in reasons)]


def _line(f: Finding, width: int) -> str:
    m = f.measure
    against = " against ".join(
        " · ".join(f"{name} {'missing' if level is None else level}" for name, level in group.items())
        for group in m.groups
    )
    where = against or " × ".join(m.over) or "overall"
    span = f" [{m.interval.low:.4g}, {m.interval.high:.4g}]" if m.interval else ""
    return f"{m.name:<{width}}  {clean(where, longest=64):<48} {m.value:.4g}{span}"
