"""Which features a task could do without: what is lost when each is dropped or made coarser."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.core.errors import AssayError
from assay.core.measure import Interval
from assay.privacy.anonymity.table import CodedColumn, Codes, Floats
from assay.privacy.anonymity.utility import TEST_SHARE, corrected_interval

MOST_CODES = 200
COARSE = 4
"""Numbers become quarters of equal size, categories the three most frequent and all others."""


@dataclass(frozen=True, slots=True)
class FeatureNeed:
    """Accuracy lost without a feature, and with its coarse form; `interval` is that of `lost`."""

    features: tuple[str, ...]
    form: str
    lost: float
    interval: Interval


@dataclass(frozen=True)
class Minimised:
    """The accuracy with all features, what each is worth, and what can be dropped together."""

    accuracy: float
    needs: tuple[FeatureNeed, ...]
    together: FeatureNeed | None
    rows: int


def minimise(
    columns: Sequence[CodedColumn], label: Codes, /, *, loss: float, seeds: int, seed: int, level: float
) -> Minimised:
    """The Minimised of a task: a boosted tree model is fitted anew without, and with a coarse form of, each feature.

    In each of `seeds` splits 30 % of the rows are held out; the interval of the mean loss of accuracy is the corrected
    resampled t (Nadeau & Bengio 2003). `together` is found by dropping features one after another, the least needed
    first, as long as the interval of what all dropped ones lose lies below `loss`; then it is asked again on other
    splits of the same rows, and the last are taken back until these agree. None where no feature can go.
    """
    if seeds < 2:
        raise AssayError(f"{seeds} splits have no spread.", code="seeds", hint="Give 2 or more.")
    judge = _Judge(columns, label, seeds, seed)
    whole = judge.scores([])
    needs = []
    for place, column in enumerate(columns):
        for form in ("dropped", "coarse"):
            scores = judge.scores([place] if form == "dropped" else [], [] if form == "dropped" else [place])
            needs.append(_need((column.name,), form, whole, scores, level))
    order = sorted(range(len(columns)), key=lambda place: needs[2 * place].interval.high)
    gone: list[int] = []
    for place in order[: len(columns) - 1]:
        if _without([*gone, place], judge, whole, level).interval.high <= loss:
            gone.append(place)
    together = _confirmed(gone, _Judge(columns, label, seeds, seed + 1), loss, level)
    return Minimised(float(np.mean(whole)), tuple(needs), together, len(label))


def _confirmed(gone: list[int], fresh: _Judge, loss: float, level: float) -> FeatureNeed | None:
    """As many of the first of `gone` as splits that did not choose them agree to."""
    whole = fresh.scores([])
    for count in range(len(gone), 0, -1):
        found = _without(gone[:count], fresh, whole, level)
        if found.interval.high <= loss:
            return found
    return None


def _without(gone: Sequence[int], judge: _Judge, whole: Floats, level: float) -> FeatureNeed:
    return _need(tuple(judge.names[place] for place in gone), "dropped", whole, judge.scores(gone), level)


def _need(names: tuple[str, ...], form: str, whole: Floats, scores: Floats, level: float) -> FeatureNeed:
    lost = whole - scores
    interval = corrected_interval(lost.tolist(), ratio=TEST_SHARE / (1 - TEST_SHARE), level=level)
    return FeatureNeed(names, form, float(lost.mean()), interval)


class _Judge:
    """Fits the same model on the same splits with some features gone or coarse."""

    def __init__(self, columns: Sequence[CodedColumn], label: Codes, seeds: int, seed: int) -> None:
        self.plain = np.stack([_fine(column) for column in columns], axis=1)
        self.coarse = np.stack([_coarse(column) for column in columns], axis=1)
        self.categorical = [column.kind == "category" for column in columns]
        self.names = [column.name for column in columns]
        self.label = label
        rng = np.random.default_rng(seed)
        held = max(1, int(TEST_SHARE * len(label)))
        orders = [rng.permutation(len(label)) for _ in range(seeds)]
        self.splits = [(order[held:], order[:held]) for order in orders]

    def scores(self, gone: Sequence[int], coarse: Sequence[int] = ()) -> Floats:
        """(seeds,) accuracy on the held-out rows of each split."""
        matrix = self.plain.copy()
        matrix[:, list(coarse)] = self.coarse[:, list(coarse)]
        kept = [place for place in range(matrix.shape[1]) if place not in gone]
        categorical = [at for at, place in enumerate(kept) if self.categorical[place]]
        return np.array([self._score(matrix[:, kept], categorical, train, test) for train, test in self.splits])

    def _score(self, matrix: Floats, categorical: list[int], train: Codes, test: Codes) -> float:
        import lightgbm as lgb

        classes = int(self.label.max()) + 1
        settings: dict[str, Any] = (
            {"objective": "binary"} if classes == 2 else {"objective": "multiclass", "num_class": classes}
        )
        settings |= {"verbose": -1, "num_threads": 1, "num_leaves": 15, "min_data_in_leaf": 20, "deterministic": True}
        data = lgb.Dataset(matrix[train], self.label[train], categorical_feature=categorical, params={"verbose": -1})
        found = np.asarray(lgb.train(settings, data, num_boost_round=40).predict(matrix[test]))
        guessed = found > 0.5 if classes == 2 else np.argmax(found, axis=1)
        return float(np.mean(guessed == self.label[test]))


def _fine(column: CodedColumn) -> Floats:
    """(rows,) numbers as they are, NaN for missing; the most frequent categories by frequency, all others as one."""
    if column.values is not None:
        return column.values[column.codes]
    if column.kind == "time":
        return column.positions[column.codes]
    rank = np.empty(column.size, dtype=np.int64)
    rank[np.argsort(-column.rows, kind="stable")] = np.arange(column.size)
    return np.minimum(rank, MOST_CODES)[column.codes].astype(np.float64)


def _coarse(column: CodedColumn) -> Floats:
    fine = _fine(column)
    if column.kind == "category":
        return np.minimum(fine, COARSE - 1)
    known = fine[~np.isnan(fine)]
    edges = np.unique(np.quantile(known, np.arange(1, COARSE) / COARSE)) if len(known) else np.zeros(0)
    return np.where(np.isnan(fine), np.nan, np.searchsorted(edges, fine, side="right"))
