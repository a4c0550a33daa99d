"""Permutation importance: how much worse the model does where a column says nothing of its row any more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from assay.core.errors import AssayError, Message, unknown
from assay.core.house import Progress
from assay.core.measure import Interval
from assay.explain.columns import Floats
from assay.explain.overall.permuting.belonging import Pair, association, clusters, one_hot, pairs
from assay.explain.overall.permuting.donors import donors, strata
from assay.explain.overall.permuting.exchange import Exchange, Places, exchange, exchanged_losses
from assay.explain.overall.permuting.labelled import Labelled, labelled
from assay.explain.overall.permuting.loss import Loss, chosen_loss, losses
from assay.explain.overall.uncertainty import MeanOverRows, mean_over_rows
from assay.explain.target import BATCH

if TYPE_CHECKING:
    from assay.data.case import Case

Groups = Mapping[str, Sequence[str]]
ROWS = 2000
REPEATS = 5
CORRELATED = 0.7
LEAF = 30


@dataclass(frozen=True, slots=True)
class Reliance:
    """How much the loss rises where the columns of one group are exchanged: `importance`, loss minus loss.

    `interval` and `standard_error` are None where no answer changed. `ratio` is loss over loss, None where the model
    makes no error.
    """

    name: str
    columns: tuple[str, ...]
    importance: float
    standard_error: float | None
    interval: Interval | None
    ratio: float | None


@dataclass(frozen=True, eq=False)
class Importance:
    """The `reliances` of the groups of columns, in their order, and what they were measured with.

    `loss` of the model as it is has the mean `base` over `n` rows; `correlated` are pairs of columns that share what
    they say (unconditional importance counts it for both, or for neither).
    """

    reliances: tuple[Reliance, ...]
    loss: Loss
    base: float
    n: int
    repeats: int
    conditional: bool
    correlated: tuple[Pair, ...]
    asked: int
    notes: tuple[Message, ...] = ()

    def ranked(self) -> tuple[Reliance, ...]:
        """The reliances, the greatest first."""
        return tuple(sorted(self.reliances, key=lambda each: -each.importance))

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON types."""
        return {
            "loss": self.loss,
            "base": self.base,
            "rows": self.n,
            "repeats": self.repeats,
            "conditional": self.conditional,
            "columns": [
                {
                    "name": each.name,
                    "columns": list(each.columns),
                    "importance": each.importance,
                    "standard_error": each.standard_error,
                    "interval": each.interval.to_json() if each.interval else None,
                    "ratio": each.ratio,
                }
                for each in self.ranked()
            ],
            "correlated": [[p.first, p.second, p.association, p.measure] for p in self.correlated],
            "notes": [note.text() for note in self.notes],
        }


def importance(
    case: Case,
    /,
    *,
    groups: Groups | Literal["columns", "correlated"] = "columns",
    conditional: bool = False,
    loss: str | None = None,
    repeats: int = REPEATS,
    level: float = 0.95,
    limit: int = ROWS,
    correlated: float = CORRELATED,
    leaf: int = LEAF,
    seed: int = 0,
    progress: Progress | None = None,
) -> Importance:
    """The permutation importance of the model's columns on at most `limit` held-out rows with a label.

    `groups` says which columns are exchanged together: each alone ("columns"; one-hot columns together), clusters of
    columns that go together by more than `correlated` ("correlated"), or those named. `conditional` exchanges values
    only among rows that are alike in the other columns, in leaves of at least `leaf` rows: what the column says beyond
    the others. See `reliance`.
    """
    about = labelled(case, limit=limit, seed=seed)
    return reliance(
        about,
        groups=groups,
        conditional=conditional,
        loss=loss,
        repeats=repeats,
        level=level,
        correlated=correlated,
        leaf=leaf,
        seed=seed,
        progress=progress,
    )


def reliance(
    about: Labelled,
    /,
    *,
    groups: Groups | Literal["columns", "correlated"] = "columns",
    conditional: bool = False,
    loss: str | None = None,
    repeats: int = REPEATS,
    level: float = 0.95,
    correlated: float = CORRELATED,
    leaf: int = LEAF,
    seed: int = 0,
    progress: Progress | None = None,
) -> Importance:
    """The Importance of groups of columns: mean loss with their values exchanged between rows, less the mean loss.

    The value of a column that the model ignores is exactly 0. Unconditional exchange makes rows that may not exist
    where columns are correlated; the pairs above `correlated` are named. The error bar is that of a U-statistic: rows
    matter as receivers and as givers of values, by unit where people have several rows; the drawn pairs' own noise is
    counted twice over `repeats`, so that the interval is somewhat wide rather than narrow. It is about this model, not
    about another one fitted anew. Source: Breiman (2001), Machine Learning 45:5; Fisher, Rudin & Dominici (2019), JMLR
    20(177), eq. 3.3; Hoeffding (1948) for the error.
    """
    asked = about.question
    chosen = chosen_loss(asked.target, loss)
    together = association(asked.columns, asked.rows)
    named = _groups(about, together, groups, above=correlated)
    rng = np.random.default_rng(seed)
    everybody = donors(np.zeros(len(about), dtype=np.int64), repeats=repeats, rng=rng)
    drawn = []
    for columns in named.values():
        places = asked.columns.places(columns)
        givers = everybody
        if conditional:
            alike = strata(asked.columns, asked.rows, places, least=max(leaf, repeats + 1), seed=seed)
            givers = donors(alike, repeats=repeats, rng=rng)
        drawn.append(_Drawn(givers, exchange(asked.rows, places, givers)))
    base = _base(about, chosen)
    answers = exchanged_losses(about, [each.exchange for each in drawn], chosen, progress=progress)
    found = tuple(
        _reliance(name, tuple(columns), _rises(each, base, new), base, about, level)
        for (name, columns), each, new in zip(named.items(), drawn, answers, strict=True)
    )
    near = pairs(asked.columns, together, above=correlated)
    return Importance(
        found, chosen, float(base.mean()), len(about), repeats, conditional, near, asked.target.calls.rows, about.notes
    )


@dataclass(frozen=True, eq=False)
class _Drawn:
    givers: Places
    exchange: Exchange


def _groups(about: Labelled, together: Floats, groups: Groups | str, *, above: float) -> dict[str, tuple[str, ...]]:
    """Name -> columns that are exchanged together."""
    columns, rows = about.question.columns, about.question.rows
    if isinstance(groups, Mapping):
        for name, members in groups.items():
            columns.places(members)
            if not members:
                raise AssayError(f"The group {name!r} has no column.", code="groups", hint="Name one or more.")
        return {name: tuple(members) for name, members in groups.items()}
    if groups == "correlated":
        return {" + ".join(names): names for names in clusters(columns, together, above=above)}
    if groups != "columns":
        raise unknown("way to group columns", str(groups), ("columns", "correlated"), code="groups")
    joined = {name: names for names in one_hot(columns, rows) for name in names}
    return {" + ".join(joined.get(name, (name,))): joined.get(name, (name,)) for name in columns.names}


def _base(about: Labelled, loss: Loss) -> Floats:
    parts = range(0, len(about), BATCH)
    target, table, labels = about.question.target, about.table, about.labels
    return np.concatenate([losses(target, table.slice(i, BATCH), labels[i : i + BATCH], loss) for i in parts])


@dataclass(frozen=True, eq=False)
class _Rises:
    """(rows,) mean rise of the loss of each row as receiver, and over the rows that it gave its value to."""

    received: Floats
    given: Floats


def _rises(drawn: _Drawn, base: Floats, answers: Floats) -> _Rises:
    place = drawn.exchange.answer
    rise = np.zeros(place.shape)
    rise[place >= 0] = answers[place[place >= 0]]
    rise -= np.where(place >= 0, base, 0.0)
    given = np.empty_like(rise)
    np.put_along_axis(given, drawn.givers, rise, axis=1)
    return _Rises(rise.mean(axis=0), given.mean(axis=0))


def _reliance(
    name: str, columns: tuple[str, ...], rises: _Rises, base: Floats, about: Labelled, level: float
) -> Reliance:
    value, error = float(rises.received.mean()), float(base.mean())
    # First-order projections of a U-statistic of order two: both roles of a row vary together.
    found: MeanOverRows = mean_over_rows(rises.received + rises.given - value, units=about.units, level=level)
    ratio = 1 + value / error if error > 0 else None
    return Reliance(name, columns, value, found.standard_error, found.interval, ratio)
