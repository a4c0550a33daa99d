"""The search for proxies of one protected attribute: each feature alone, then all together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import Message
from assay.core.measure import Measure, Slice
from assay.fairness.proxy.features import Coded, code_groups
from assay.fairness.proxy.held_out import (
    FOLDS,
    Codes,
    Floats,
    assign_folds,
    fitted_scores,
    held_out_auc,
    interval_of,
    p_above_half,
    target_means,
)

GROUPS, GROUP_ROWS = 10, 50
"""Most groups told apart, and the fewest rows one of them may have (ten a fold)."""
JOINT_CELLS, JOINT_ROWS = 300_000, 2_000
"""Rows × features that the model of all features reads at most, and the rows it reads at least."""
TREES = 40
"""Boosting rounds of that model."""


@dataclass(frozen=True)
class Target:
    """One protected attribute: the group of every row, the groups told apart, the fold (and unit) of every row."""

    attribute: str
    groups: Codes
    wanted: tuple[int, ...]
    folds: Codes
    units: Codes | None
    notes: tuple[Message, ...]

    @classmethod
    def of(cls, column: Any, attribute: str, /, *, units: Codes | None, seed: int) -> Target:
        """From the attribute's column; `wanted` is empty where fewer than two groups have rows enough."""
        groups = code_groups(column)
        sizes = np.bincount(groups)
        largest = np.argsort(-sizes, kind="stable")[:GROUPS]
        wanted = tuple(int(group) for group in largest if sizes[group] >= GROUP_ROWS)
        text = "{groups} groups under {rows} rows or beyond the {most} largest stand only with the rest"
        rest = len(sizes) - len(wanted)
        note = Message("groups-with-the-rest", text, {"groups": rest, "rows": GROUP_ROWS, "most": GROUPS})
        folds = assign_folds(groups, units, rng=np.random.default_rng([seed, len(groups)]))
        if len(sizes) < 2 or len(groups) - sizes.max() < GROUP_ROWS:
            wanted = ()
        elif len(sizes) == 2:
            # One group against the other is the same question asked twice.
            wanted = wanted[:1]
        return cls(attribute, groups, wanted, folds, units, (note,) if rest else ())

    def at(self, rows: NDArray[np.int64], /) -> Target:
        """The same attribute on some of the rows."""
        units = None if self.units is None else self.units[rows]
        return replace(self, groups=self.groups[rows], folds=self.folds[rows], units=units)


def proxy_measures(
    features: Mapping[str, Coded | None], target: Target, /, *, level: float, seed: int
) -> Iterator[Measure]:
    """`proxy_auc` of every feature and `proxy_auc_all` for one protected attribute."""
    if not target.wanted:
        reason = Message("one-group", "fewer than two groups have {rows} rows", {"rows": GROUP_ROWS})
        yield Measure("proxy_auc_all", None, len(target.groups), over=(target.attribute,), reason=reason)
        return
    for name, coded in features.items():
        slice_ = {"feature": name}
        if coded is None:
            reason = Message("no-scale", "the column holds neither numbers nor words nor times")
            yield Measure("proxy_auc", None, 0, slice=slice_, over=(target.attribute,), reason=reason)
            continue
        scores = target_means(coded.codes, target.groups, target.wanted, target.folds)
        yield _measure("proxy_auc", target, scores, level=level, slice=slice_, method="target means by bin")
    yield _all_features([coded for coded in features.values() if coded is not None], target, level=level, seed=seed)


def _all_features(features: list[Coded], target: Target, /, *, level: float, seed: int) -> Measure:
    rows = np.arange(len(target.groups))
    most = max(JOINT_ROWS, JOINT_CELLS // max(1, len(features)))
    if len(rows) > most:
        rows = np.sort(np.random.default_rng([seed, most]).choice(rows, most, replace=False))
    part = target.at(rows)
    scores = _tree_scores(features, rows, part, seed)
    return _measure("proxy_auc_all", part, scores, level=level, slice={}, method="gradient-boosted trees")


def _tree_scores(features: list[Coded], rows: NDArray[np.int64], target: Target, seed: int) -> Floats:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    table = np.stack([coded.codes[rows] for coded in features], axis=1).astype(np.float64)
    kinds = np.array([not coded.ordered for coded in features])
    # Groups that are not told apart are one class, "the rest".
    classes = np.where(np.isin(target.groups, target.wanted), target.groups, -1)

    def fit(training: NDArray[np.int64], testing: NDArray[np.int64]) -> Floats:
        out = np.zeros((len(testing), len(target.wanted)))
        if len(np.unique(classes[training])) < 2:
            return out
        model = HistGradientBoostingClassifier(
            max_iter=TREES,
            learning_rate=0.15,
            max_leaf_nodes=15,
            categorical_features=kinds,
            early_stopping=False,
            random_state=seed,
        )
        # Tables this small gain nothing from threads, and lose much where other work shares the cores.
        with threadpool_limits(1, user_api="openmp"):
            model.fit(table[training], classes[training])
            found = model.predict_proba(table[testing])
        for k, group in enumerate(target.wanted):
            if group in model.classes_:
                out[:, k] = found[:, int(np.flatnonzero(model.classes_ == group)[0])]
        return out

    return fitted_scores(fit, target.folds, len(target.wanted))


def _measure(name: str, target: Target, scores: Floats, /, *, level: float, slice: Slice, method: str) -> Measure:
    auc = held_out_auc(scores, target.groups, target.wanted, target.folds, units=target.units)
    reason = Message("empty-fold", "no fold has rows both of the group and of the rest")
    kind = "AUC" if len(target.wanted) == 1 else "mean AUC of one group against the rest"
    return Measure(
        name,
        auc.value if auc else None,
        len(target.groups),
        slice=slice,
        over=(target.attribute,),
        interval=interval_of(auc, level=level) if auc else None,
        p_value=p_above_half(auc) if auc else None,
        family="proxy_auc",
        method=f"{kind}, held-out {method}, {FOLDS} folds",
        reason=None if auc else reason,
        notes=target.notes,
    )
