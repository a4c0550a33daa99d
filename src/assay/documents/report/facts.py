"""What was judged: rows, roles, groups with their sizes, and the sources by digest."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.core.finding import Run
from assay.core.policy import Rules
from assay.documents.escape import Name, Shown, attributes, visible_name
from assay.documents.language import Language, Sentence
from assay.documents.report.made import Fact
from assay.documents.suppression import Cell, GroupRows, group_rows, suppress

LISTED = 40
"""So many columns or classes are named."""

MOST = 100
"""So many groups of one attribute are listed."""


@dataclass(frozen=True)
class GroupSize:
    """A group, its rows in words and its share of all rows in per cent; None where it is hidden."""

    group: Shown
    rows: str
    share: float | None
    percent: str


@dataclass(frozen=True)
class Attribute:
    """A protected attribute with its groups, largest first."""

    name: Shown
    groups: tuple[GroupSize, ...]
    left_out: Sentence | None = None


@dataclass(frozen=True)
class Source:
    """Where data or a model came from."""

    name: str
    kind: str
    digest: str


def facts(run: Run, /, *, language: Language) -> tuple[Fact, ...]:
    """What is known of the subject, in the order a reader asks; facts without a label of ours keep their own."""
    given = run.subject_facts
    out: list[Fact] = []
    if isinstance(given.get("rows"), int):
        out.append(Fact(language.word("fact.rows"), (language.count(given["rows"]),)))
    if given.get("task"):
        task = str(given["task"])
        out.append(Fact(language.word("fact.task"), (language.messages.get(f"task.{task}", task),)))
    for name, value in sorted(given.items()):
        if name in ("rows", "task", "groups") or value in (None, "", [], (), {}):
            continue
        label = language.messages.get(f"fact.{name}", name[:1].upper() + name[1:].replace("_", " "))
        lines = map(str, value) if name == "notes" and isinstance(value, list) else _lines(value)
        out.append(Fact(label, tuple(lines)))
    return tuple(out)


def promise(run: Run, /, *, language: Language) -> Sentence | None:
    """By which promise of privacy the numbers were published; None where they are exact."""
    terms = run.subject_facts.get("differential_privacy")
    if not isinstance(terms, Mapping):
        return None
    amounts = [f"{name} {terms[name]}" for name in ("epsilon", "delta", "rho") if terms.get(name) not in (None, "0")]
    told = {name: Name((str(terms.get(name, "")),)) for name in ("neighbours", "unit", "ledger", "mechanism")}
    return Sentence("gate.private", {"amounts": Name((", ".join(amounts),)), **told})


def _lines(value: Any) -> Iterable[Shown]:
    """A fact as lines of names; a mapping gives one line a key."""
    if isinstance(value, Mapping):
        for key, item in sorted(value.items()):
            if item not in (None, "", [], (), {}):
                yield f"{key}: {_listed(item if isinstance(item, list | tuple) else [item])}"
    elif isinstance(value, list | tuple):
        yield _listed(value)
    else:
        yield Name((str(value),))


def _listed(items: Sequence[Any]) -> str:
    """The first of `items` by name, and how many more."""
    named = ", ".join(visible_name(str(item)) for item in items[:LISTED])
    return f"{named}, … (+{len(items) - LISTED})" if len(items) > LISTED else named


def group_sizes(run: Run, /, *, language: Language, rules: Rules, prefer: Collection[Cell]) -> tuple[Attribute, ...]:
    """The groups of every protected attribute, small ones hidden, and those in `prefer` where one more must be."""
    given: Mapping[str, object] = run.subject_facts.get("groups") or {}
    found = {name: group_rows(given[name]) for name in sorted(given)}
    return tuple(_attribute(name, groups, language, rules, prefer) for name, groups in found.items() if groups)


def _attribute(
    name: str, found: Sequence[GroupRows], language: Language, rules: Rules, prefer: Collection[Cell]
) -> Attribute:
    total = sum(g.rows for g in found)
    cells: dict[Cell, int] = {frozenset({(name, g.group)}): g.rows for g in found}
    hidden = suppress(cells | {frozenset(): total}, min_cell=rules.min_cell, prefer=prefer)
    largest = sorted(found, key=lambda g: -g.rows)
    rows = []
    for g in largest[:MOST]:
        own: Cell = frozenset({(name, g.group)})
        if own in hidden:
            id = "figure.under" if own in hidden.small else "figure.hidden"
            rows.append(GroupSize(Name((g.group,)), language.say(id, min_cell=str(rules.min_cell)), None, ""))
        else:
            share = g.rows / total if total else 0.0
            text = language.percent(share)
            rows.append(GroupSize(Name((g.group,)), language.count(g.rows), round(100 * share, 2), text))
    left = len(largest) - len(rows)
    more = language.counted("figure.more", left, over=attributes((name,))) if left else None
    return Attribute(attributes((name,)), tuple(rows), more)


def sources(run: Run, /, *, language: Language) -> tuple[Source, ...]:
    """Identities of the data and the model, as the Run recorded them."""
    return tuple(_source(source) for source in run.sources)


_NAMES, _DIGESTS = ("source", "path", "name", "uri"), ("sha256", "snapshot", "digest")


def _source(source: Mapping[str, Any]) -> Source:
    named = next((str(source[key]) for key in _NAMES if source.get(key)), "")
    found = {key: str(source[key]) for key in _DIGESTS if source.get(key)}
    digests = [
        value if key == "digest" or value.startswith(f"{key}:") else f"{key}: {value}" for key, value in found.items()
    ]
    rest = [
        f"{key}: {value}"
        for key, value in sorted(source.items())
        if key not in (*_NAMES, "kind", *_DIGESTS) and value not in (None, "")
    ]
    return Source(named, str(source.get("kind", "")), "; ".join(digests + rest))
