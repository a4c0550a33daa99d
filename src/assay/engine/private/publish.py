"""A private audit: what to publish is planned from what was declared, published once, and only that is audited."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from assay.core.errors import AssayError
from assay.core.house import Ledger
from assay.core.policy import Policy
from assay.core.subject import Subject
from assay.data.counts import NOISE, Counts, N
from assay.data.declared.declared import SCORE_BINS, Declared, declare
from assay.data.declared.published import Published
from assay.data.plan import Wanted
from assay.engine.areas import Registry, registry
from assay.engine.plan import plan
from assay.engine.policies import default_policy, known_ids

KIND = "private-counts"
"""Catalogue of the Parts that publish counts: `make(declared, wanted, data, **privacy)` gives a Subject."""


EVEN = 100
"""Rows in each cell of the tables that checks are asked of before there are any."""


@dataclass(frozen=True)
class Public:
    """What may be said of the data without looking: the values of columns, bins of scores, a number of rows."""

    keys: Mapping[str, Sequence[Any]]
    score_bins: int = SCORE_BINS
    rows: int | None = None


@dataclass(frozen=True)
class Spending:
    """How much privacy an audit may cost and who pays: epsilon, or epsilon and delta, or rho; a Ledger, or none.

    Amounts are decimals or fractions as text, or numbers. `adjacency` ("add-or-remove" or "replace") belongs to an
    audit without a ledger.
    """

    ledger: Ledger | None
    who: str | None = None
    epsilon: Any = None
    delta: Any = None
    rho: Any = None
    adjacency: str | None = None


def publish(
    name: str,
    roles: Mapping[str, Any],
    data: Any,
    /,
    *,
    public: Public,
    spending: Spending,
    checks: Sequence[str] = (),
    params: Mapping[str, Mapping[str, Any]] | None = None,
    policy: Policy | None = None,
    model: bool = False,
    known: Registry | None = None,
) -> Subject:
    """The noisy tables of `data` (paths, or a Case) that `checks` need, as a Subject to run those checks on.

    Every mistake in what was asked is an AssayError before anything is reserved: the checks are asked of even counts
    first. The same `checks`, `params` and `policy` must be given to the run. `model` says that there is one.
    """
    known, policy = known or registry(), policy or default_policy()
    known_ids(policy, params or {}, known.checks)
    if model and not (roles.get("prediction") or roles.get("score")):
        raise AssayError(
            "A private audit judges recorded predictions: running the model could tell of the rows it fails on.",
            code="private-model",
            hint="Write its answers into the data, and give prediction= and score=.",
        )
    declared = declare(name, roles, public.keys, score_bins=public.score_bins)
    asked = [known.check(id) for id in checks] if checks else list(known.checks.values())
    todo = plan(declared, checks=asked, params=params or {}, rules=policy.rules, seed=0)
    if not todo.counting:
        why = todo.skipped[0].reason.text() if len(todo.skipped) == 1 else "all of them need more"
        raise AssayError(
            f"None of these checks can be asked of noisy counts: {why}.",
            code="private-checks",
            hint="Checks of rates, such as fairness.selection_rates, can.",
        )
    wanted = [table for request in todo.requests for table in declared.wanted(request)]
    even = Published(declared, tuple(_even(declared, table) for table in dict.fromkeys(wanted)), {})
    for planned, (counts,) in zip(todo.counting, even.count(todo.requests), strict=True):
        deque(planned.check.function(counts, **planned.arguments), maxlen=0)
    (part,) = list(known.parts(KIND).values())[:1]
    found: Subject = part.make(
        declared, wanted, data, rows=public.rows, **{f.name: getattr(spending, f.name) for f in fields(Spending)}
    )
    return found


def _even(declared: Declared, table: Wanted) -> Counts:
    """The table with as many rows in each cell, as if they were noisy."""
    dims = [declared.by_key[dim].dim for dim in table.dims]
    codes = np.argwhere(np.ones([len(dim.levels) for dim in dims], dtype=bool)).astype(np.int32)
    sums = {name: np.full(len(codes), value, dtype=np.int64) for name, value in ((N, EVEN), (NOISE, 1))}
    return Counts.from_codes(dims, codes, sums, scales={NOISE: 1})


def roles_of(case: Any, /) -> dict[str, Any]:
    """The roles of a Case, as a case file writes them."""
    roles = case.roles
    plain = ("label", "prediction", "score", "protected", "weight", "split", "unit", "observed", "randomised")
    found = {name: getattr(roles, name) for name in (*plain, "reference", "population")}
    if case.task in ("binary", "multiclass"):
        found["favourable"] = roles.favourable
    threshold = None if roles.prediction is not None else roles.threshold
    return found | {"threshold": threshold, "task": case.task}


def public_of(
    table: Mapping[str, Any], /, *, keys: Sequence[str] = (), score_bins: int | None = None, rows: int | None = None
) -> Public:
    """The Public of a `[public]` table, overlaid with flags; `keys` are written `sex=Female,Male` or `sex=groups.csv`.

    A text in the table is the path of a file as well: one value a line, the first column of a CSV file; a first line
    that is the name of the column is its header.
    """
    given = table.get("keys", {})
    if not isinstance(given, Mapping):
        raise AssayError("[public] keys must be a table of columns.", code="public-keys", hint="Write [public.keys].")
    found = {column: _values_in(column, value) if isinstance(value, str) else value for column, value in given.items()}
    for item in keys:
        column, equals, written = item.partition("=")
        if not equals or not column:
            raise AssayError(f"--keys {item!r} is not of the form COLUMN=VALUE,VALUE.", code="usage")
        is_file = written.lower().endswith((".csv", ".txt"))
        found[column] = _values_in(column, written) if is_file else written.split(",")
    bins = score_bins if score_bins is not None else table.get("score_bins", SCORE_BINS)
    return Public(found, bins, rows if rows is not None else table.get("rows"))


def _values_in(column: str, path: str) -> list[str]:
    """The values that a file lists."""
    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as stream:
            lines = [line[0] for line in csv.reader(stream) if line]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise AssayError(f"The public values in {path!r} cannot be read: {error}.", code="public-keys") from None
    return lines[1:] if lines[:1] == [column] else lines
