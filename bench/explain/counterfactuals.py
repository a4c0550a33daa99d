"""Counterfactuals of Adult against DiCE: seconds, validity, proximity, sparsity, violations, model calls a row.

Both get the same rows, the same model (fitted in each process in the same way, and compared) and the same constraints.
DiCE runs in the Python that DICE_PYTHON names; without one only assay is measured.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).parent))
from _dice import fitted

import assay
from assay.explain.question import Question, question
from assay.explain.recourse.constraints import Constraints
from assay.explain.recourse.counterfactual import Recourse
from assay.explain.recourse.goal import goal_for
from assay.explain.recourse.plausibility import Neighbourhood
from assay.explain.recourse.search import counterfactuals
from assay.explain.recourse.space import Space, space_of

QUERIES, COUNT, FIXED = 100, 4, ("marital_status", "relationship")
FEW = 10
"""Queries for what is slow: DiCE's genetic method, and one query a request."""


@dataclass(frozen=True)
class Line:
    """What one method made for the first `asked` queries."""

    method: str
    asked: int
    seconds: float
    cpu: float
    calls: float
    before: np.ndarray
    after: np.ndarray
    query: np.ndarray


def data() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Training rows and queries of Adult without missing values, which DiCE refuses."""
    demo = assay.demo("income", with_model=True)
    frame = demo.rows([*demo.model_columns, "income", "split"]).to_pandas().dropna()
    train = frame[frame["split"] == "train"].drop(columns="split").sample(8000, random_state=0)
    queries = frame[frame["split"] != "train"].drop(columns=["split", "income"]).sample(QUERIES, random_state=1)
    train["income"] = (train["income"] == ">50K").astype(int)
    for name in [c for c in train if not pd.api.types.is_numeric_dtype(train[c])]:
        train[name] = train[name].astype(object)
        queries[name] = queries[name].astype(object)
    return train.reset_index(drop=True), queries.reset_index(drop=True)


def asked(kind: str, train: pd.DataFrame, queries: pd.DataFrame) -> Question:
    """The question about the queries with the fitted model."""
    model = assay.wrap_model(fitted(kind, train, "income"))
    case = assay.Case.from_frame(train, label="income", favourable=1, model=model)
    return question(case, queries, background=2000)


class Watch:
    """Wall and CPU seconds a query; the machine may be shared, and then only the second can be compared."""

    def __init__(self) -> None:
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def a_query(self, n: int) -> tuple[float, float]:
        """Seconds since it was made, by `n`."""
        return (time.perf_counter() - self.wall) / n, (time.process_time() - self.cpu) / n


def ours(q: Question) -> list[Line]:
    """assay: all queries in one request, some in one, and each in a request of its own."""
    counterfactuals(q.of(q.rows[:1]))  # imports are not timed on either side
    lines = []
    for n in (QUERIES, FEW):
        watch = Watch()
        made = counterfactuals(q.of(q.rows[:n]), constraints={"immutable": FIXED}, count=COUNT)
        lines.append(made_line(f"assay, {n} queries a request", watch.a_query(n), made))
    watch, calls = Watch(), []
    for row in q.rows[:FEW]:
        calls.append(counterfactuals(q.of(row[None]), constraints={"immutable": FIXED}, count=COUNT).calls)
    alone = made_line("assay, 1 query a request", watch.a_query(FEW), made)
    return [*lines, replace(alone, calls=float(np.mean(calls)))]


def made_line(method: str, seconds: tuple[float, float], made: Recourse) -> Line:
    """A Line from what assay found."""
    pairs = [(i, one) for i, ways in enumerate(made.ways) for one in ways.found]
    before, after = (np.array([getattr(one, side) for _, one in pairs]) for side in ("before", "after"))
    return Line(method, len(made), *seconds, made.calls, before, after, np.array([i for i, _ in pairs]))


def theirs(kind: str, method: str, q: Question, train: pd.DataFrame, queries: pd.DataFrame) -> Line:
    """DiCE's counterfactuals, from its own process; the models of both processes must agree."""
    queries = queries if method == "random" else queries[:FEW]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        train.to_parquet(folder / "train.parquet")
        queries.to_parquet(folder / "queries.parquet")
        numbers = [c for c in queries if pd.api.types.is_numeric_dtype(queries[c])]
        request = {"label": "income", "numbers": numbers, "model": kind, "method": method, "count": COUNT}
        request["vary"] = [c for c in queries if c not in FIXED]
        (folder / "request.json").write_text(json.dumps(request))
        script = str(Path(__file__).parent / "_dice.py")
        subprocess.run(
            [os.environ["DICE_PYTHON"], script, str(folder)],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        found = json.loads((folder / "found.json").read_text())
        frame = pd.read_parquet(folder / "found.parquet")
    np.testing.assert_allclose(found["chance"], q.target(q.rows[: len(queries)]), atol=1e-5)
    query = frame.pop("query").to_numpy()
    typed = pd.DataFrame(
        {c: frame[c].astype(float if c in numbers else object).to_numpy() for c in q.columns.names}
    ).astype({c: queries[c].dtype for c in numbers})
    after = q.columns.encode(pa.Table.from_pandas(typed, preserve_index=False))
    n, seconds = len(queries), float(np.mean(found["seconds"]))
    return Line(f"DiCE {method}", n, seconds, found["cpu"], found["calls"] / n, q.rows[query], after, query)


def report(q: Question, lines: list[Line]) -> None:
    """One line a method, all measured on the same scale, and the ratio to DiCE's fastest."""
    space = space_of(Constraints.parse({"immutable": FIXED}), q.columns, q.background)
    near = Neighbourhood.of(space, q.background)
    goal = goal_for(q.target, q.rows, None)
    theirs_ = [line for line in lines if line.method.startswith("DiCE")]
    fastest, least = (
        min((getattr(line, name) for line in theirs_), default=float("nan")) for name in ("seconds", "cpu")
    )
    for line in lines:
        valid = goal.ask(line.after, line.query).met.mean()
        broken = space.violations(line.before, line.after).any.sum()
        distance, sparsity = space.distance(line.before, line.after), space.sparsity(line.before, line.after)
        first = np.lexsort((distance, line.query))
        first = first[np.r_[True, np.diff(line.query[first]) != 0]]
        said = {
            "ms a query": f"{line.seconds * 1e3:.1f} ({fastest / line.seconds:.1f}×)",
            "CPU": f"{line.cpu * 1e3:.1f} ({least / line.cpu:.1f}×)",
            "found": f"{len(line.query)} for {len(set(line.query))} of {line.asked}",
            "valid": f"{valid:.0%}",
            "distance (nearest)": f"{distance.mean():.2f} ({distance[first].mean():.2f})",
            "changes (nearest)": f"{sparsity.mean():.2f} ({sparsity[first].mean():.2f})",
            "plausible": f"{near.plausible(line.after).mean():.0%}",
            "more of the same": f"{repeated(space, line)}",
            "violations": f"{broken}",
            "calls a row": f"{line.calls:,.0f}",
        }
        print(f"{line.method:30} " + " · ".join(f"{name} {value}" for name, value in said.items()), flush=True)


def repeated(space: Space, line: Line) -> int:
    """How many do all that another one for the same query does, and more."""
    moved, step = space.changed(line.before, line.after), line.after - line.before
    found = 0
    for i in range(len(line.query)):
        others = (line.query == line.query[i]) & (np.arange(len(line.query)) != i)
        further = ~space.nominal & (step[i] * np.sign(step) >= np.abs(step))
        found += bool((others & (~moved | (line.after == line.after[i]) | further).all(axis=1)).any())
    return found


def main() -> None:
    """Both models, every method."""
    train, queries = data()
    for kind in ("logistic regression", "XGBoost"):
        print(f"-- {kind}, {QUERIES} queries, {COUNT} counterfactuals each", flush=True)
        q = asked(kind, train, queries)
        lines = ours(q)
        if "DICE_PYTHON" in os.environ:
            lines += [theirs(kind, method, q, train, queries) for method in ("random", "genetic")]
        report(q, lines)


if __name__ == "__main__":
    main()
