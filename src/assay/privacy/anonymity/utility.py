"""What a model learns from the generalised rows, asked of original rows that it did not see."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from assay.core.errors import AssayError
from assay.core.measure import Interval
from assay.privacy.anonymity.anonymize import Anonymized
from assay.privacy.anonymity.search.recoded import RecodedColumn
from assay.privacy.anonymity.table import CodedColumn, Codes, Floats, check_columns, coded, read_table

TEST_SHARE = 0.3


@dataclass(frozen=True, slots=True)
class Utility:
    """Accuracy on original rows of a model trained on original rows, and of one trained on the generalised ones.

    `loss` is the mean of their differences over the splits, with its interval.
    """

    target: str
    original: float
    generalized: float
    loss: float
    interval: Interval
    seeds: int
    rows: int

    def to_json(self) -> dict[str, Any]:
        """The numbers as JSON types."""
        return asdict(self) | {"interval": self.interval.to_json()}

    def text(self) -> str:
        """The numbers in words."""
        low, high = self.interval.low, self.interval.high
        return (
            f"{self.target} is predicted right in {self.original:.1%} of original rows after training on such rows, "
            f"in {self.generalized:.1%} after training on generalised ones: {self.loss:.1%} lost "
            f"({self.interval.level:.0%} interval {low:.1%} to {high:.1%}, {self.seeds} splits)"
        )


def utility(
    source: Any,
    result: Anonymized,
    /,
    *,
    target: str,
    features: Sequence[str] = (),
    seeds: int = 5,
    rows: int = 10_000,
    level: float = 0.95,
) -> Utility:
    """The Utility of `result`, made of `source`, for predicting the column `target` (classes) from `features`.

    Without `features` the sensitive columns and the quasi-identifiers are read: other columns may give the answer away.

    In each split 30 % of the rows are held out as they were; a logistic regression learns from the others, once as they
    were and once generalised. A range is its middle and a set of categories an equal share of each, so that both models
    read the same columns. Up to `rows` rows, a seeded sample; rows left out of the result are in no training set of it.
    The interval is the corrected resampled t of Nadeau & Bengio 2003 (Machine Learning 52:239), for overlapping splits.
    """
    table = read_table(source)
    if table.num_rows != result.before.rows:
        raise AssayError("This is not the table that the result was made of.", code="utility", hint="Give that one.")
    if seeds < 2:
        raise AssayError(f"{seeds} splits have no spread.", code="seeds", hint="Give 2 or more.")
    quasi = {found.column.name: found for found in result.recoded.columns}
    if target in quasi:
        raise AssayError(
            f"{target!r} is a quasi-identifier, which is generalised.", code="target", hint="Give another."
        )
    read = tuple(features) or (*result.after.sensitive, *quasi)
    check_columns([*read, *(() if target in read else (target,))], table.column_names)
    label = coded(table, target)
    others = [coded(table, name) for name in read if name != target and name not in quasi]
    ours = [found for name, found in quasi.items() if name in read]
    plain = [_plain(column, column.codes) for column in [*others, *(found.column for found in ours)]]
    made = [_plain(column, column.codes) for column in others] + [_spread(found, result) for found in ours]
    before, after = np.hstack(plain), np.hstack(made)
    usable = np.zeros(table.num_rows, dtype=bool)
    usable[result.recoded.kept] = True
    scores = [_split(before, after, label.codes, usable, seed, rows) for seed in range(seeds)]
    first, second = np.mean([s[0] for s in scores]), np.mean([s[1] for s in scores])
    used = min(rows, table.num_rows)
    found = corrected_interval([a - b for a, b in scores], ratio=TEST_SHARE / (1 - TEST_SHARE), level=level)
    return Utility(target, float(first), float(second), float(first - second), found, seeds, used)


def corrected_interval(differences: Sequence[float], /, *, ratio: float, level: float) -> Interval:
    """The interval of the mean of J differences over random splits: variance by (1/J + n_test/n_train), t of J - 1."""
    from scipy.stats import t as student

    count, mean = len(differences), float(np.mean(differences))
    spread = float(np.var(differences, ddof=1))
    half = float(student.ppf((1 + level) / 2, count - 1)) * math.sqrt(spread * (1 / count + ratio))
    return Interval(mean - half, mean + half, level, "corrected resampled t")


def _split(before: Floats, after: Floats, label: Codes, usable: Any, seed: int, rows: int) -> tuple[float, float]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    order = np.random.default_rng(seed).permutation(len(label))[:rows]
    held = max(1, int(TEST_SHARE * len(order)))
    test, train = order[:held], order[held:]
    scores = []
    for matrix, places in ((before, train), (after, train[usable[train]])):
        if len(np.unique(label[places])) < 2:
            raise AssayError("The target has one class in the training rows.", code="target", hint="Give another.")
        model = make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=1000, tol=1e-3))
        model.fit(matrix[places], label[places])
        scores.append(float((model.predict(before[test]) == label[test]).mean()))
    return scores[0], scores[1]


MOST_CATEGORIES = 50


def _plain(column: CodedColumn, codes: Codes) -> Floats:
    """(rows, columns): the position of numbers and times; the most frequent categories as indicators."""
    if column.kind == "category":
        return np.asarray(codes[:, None] == _frequent(column)[None, :], dtype=np.float64)
    return column.positions[codes][:, None]


def _frequent(column: CodedColumn) -> Codes:
    return np.argsort(-column.rows, kind="stable")[:MOST_CATEGORIES]


def _spread(found: RecodedColumn, result: Anonymized) -> Floats:
    """The same columns for the generalised cells; rows left out are 0 and not used."""
    if found.members is None:
        cells = ((found.low + found.high) / 2)[:, None]
    else:
        cells = (found.members / found.members.sum(axis=1, keepdims=True))[:, _frequent(found.column)]
    full = np.zeros((result.before.rows, cells.shape[1]))
    full[result.recoded.kept] = cells[found.groups]
    return full
