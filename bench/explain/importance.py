"""Permutation importance on Adult: against the bare model on the same rows, and scikit-learn with `n_jobs=2`.

The bare model answers ready batches of 65,536 rows: once every row that is drawn (columns x repeats x rows), once only
the rows that assay asks for, which leaves out exchanges of equal values and asks equal rows once. scikit-learn gets the
same estimator, rows, repeats and loss. Medians of pairs, in one run.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

import assay
from assay.explain.overall.importance import importance
from assay.explain.overall.permuting.labelled import Labelled, labelled
from assay.explain.target import BATCH


def adult() -> tuple[pd.DataFrame, list[str], list[str]]:
    """The rows of the income demo with the label as y, the names of its categories and of its numbers."""
    case = assay.demo("income", with_model=True)
    features = list(case.model_columns)
    frame = case.rows([*features, "income"]).to_pandas()
    numbers = [name for name in features if pd.api.types.is_numeric_dtype(frame[name])]
    frame["y"] = (frame.pop("income").astype(str) == ">50K").astype(int)
    categories = [name for name in features if name not in numbers]
    frame[categories] = frame[categories].fillna("missing").astype(object)
    return frame, categories, numbers


def models(categories: list[str], numbers: list[str]) -> dict[str, Any]:
    hot = make_column_transformer((OneHotEncoder(), categories), (StandardScaler(), numbers))
    codes = make_column_transformer((OrdinalEncoder(), categories), remainder="passthrough")
    plain = make_column_transformer((OrdinalEncoder(), categories), remainder="passthrough")
    return {
        "logistic regression": make_pipeline(hot, LogisticRegression(max_iter=2000)),
        "random forest": make_pipeline(codes, RandomForestClassifier(100, min_samples_leaf=5, random_state=0)),
        "LightGBM": make_pipeline(plain, LGBMClassifier(n_estimators=200, n_jobs=2, verbose=-1)),
    }


def all_rows(about: Labelled, repeats: int) -> list[pa.Table]:
    """Every drawn row of every column, nothing left out, as batches that are ready."""
    rng, n = np.random.default_rng(0), len(about)
    tables = []
    for place, name in enumerate(about.table.column_names):
        for _ in range(repeats):
            values = about.table.column(name).take(pa.array(rng.permutation(n)))
            tables.append(about.table.set_column(place, about.table.field(place), values))
    return ready(pa.concat_tables(tables))


def ready(table: pa.Table) -> list[pa.Table]:
    return [table.slice(start, BATCH).combine_chunks() for start in range(0, table.num_rows, BATCH)]


class Recording:
    """A model that keeps what it is asked."""

    def __init__(self, model: Any) -> None:
        self.name, self.digest, self.task = model.name, model.digest, model.task
        self.features, self.classes, self.model = model.features, model.classes, model
        self.asked: list[pa.Table] = []

    def predict(self, table: pa.Table, /) -> Any:
        if not self.classes:
            self.asked.append(table)
        return self.model.predict(table)

    def scores(self, table: pa.Table, /) -> Any:
        self.asked.append(table)
        return self.model.scores(table)


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


@dataclass(frozen=True)
class Contest:
    """A fitted estimator and the rows, with their label y, on which it is looked at; `favourable` of a classifier."""

    name: str
    estimator: Any
    test: pd.DataFrame
    favourable: int | None = None

    @property
    def features(self) -> list[str]:
        return [name for name in self.test if name != "y"]

    def case(self, model: Any) -> assay.Case:
        task = "binary" if self.favourable is not None else "regression"
        roles = {"label": "y", "favourable": self.favourable, "features": self.features}
        return assay.Case.from_frame(self.test, model=model, task=task, **roles)


def contests(rows: int) -> Iterator[Contest]:
    frame, categories, numbers = adult()
    features = [*categories, *numbers]
    train, test = frame.head(30_000), frame.tail(len(frame) - 30_000).head(rows)
    for name, estimator in models(categories, numbers).items():
        yield Contest(name, estimator.fit(train[features], train["y"]), test[[*features, "y"]], 1)
    # Nothing is asked twice here, and the second model costs next to nothing: all overhead shows.
    plain = pd.DataFrame(np.random.default_rng(0).normal(size=(rows, 10)), columns=[f"c{i}" for i in range(10)])
    y = plain["c0"] + plain["c1"] * plain["c2"]
    boosted = LGBMRegressor(n_estimators=200, n_jobs=2, verbose=-1)
    for name, estimator in (("LightGBM on normals", boosted), ("linear regression on normals", LinearRegression())):
        yield Contest(name, estimator.fit(plain, y), plain.assign(y=y))


def asked_rows(contest: Contest, model: Any, repeats: int) -> list[pa.Table]:
    """What assay asks the model, as batches that are ready."""
    spy = Recording(model)
    importance(contest.case(spy), repeats=repeats, limit=len(contest.test))
    return ready(pa.concat_tables([table for table in spy.asked if table.num_rows > 1]))


def compare(contest: Contest, repeats: int, runs: int) -> None:
    model = assay.wrap_model(contest.estimator)
    case, n = contest.case(model), len(contest.test)
    every, same = all_rows(labelled(case, limit=n), repeats), asked_rows(contest, model, repeats)

    def bare(batches: list[pa.Table]) -> None:
        for batch in batches:
            model.outputs(batch.slice(0))  # another object each time, so that no answer is remembered

    def ours() -> Any:
        return importance(case, repeats=repeats, limit=n)

    def theirs() -> Any:
        return permutation_importance(
            contest.estimator,
            contest.test[contest.features],
            contest.test["y"],
            scoring="neg_mean_squared_error" if contest.favourable is None else "neg_brier_score",
            n_repeats=repeats,
            n_jobs=2,
            random_state=0,
        )

    found, peer = ours(), theirs()
    works: list[Callable[[], object]] = [lambda: bare(every), lambda: bare(same), ours, theirs]
    times = np.array([[seconds(work) for work in works] for _ in range(runs)])
    alone, asked, own, other = (statistics.median(column) for column in times.T)
    ratios = [float(np.median(times[:, 2] / times[:, column])) for column in (0, 1, 3)]
    off = max(abs(e.importance - m) for e, m in zip(found.reliances, peer.importances_mean, strict=True))
    print(f"{contest.name}: {len(contest.features)} columns x {repeats} repeats x {n:,} rows; assay {own:.2f} s")
    print(f"  bare model on all {sum(b.num_rows for b in every):,} rows {alone:.2f} s, ratio {ratios[0]:.2f}")
    print(f"  bare model on the {found.asked:,} rows that assay asks {asked:.2f} s, ratio {ratios[1]:.2f}")
    print(f"  scikit-learn n_jobs=2 {other:.2f} s, ratio {ratios[2]:.2f}")
    print(f"  farthest importance from scikit-learn's: {off:.5f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    for contest in contests(given.rows):
        compare(contest, given.repeats, given.runs)


if __name__ == "__main__":
    main()
