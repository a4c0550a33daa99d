"""Exact counterfactuals of Adult: seconds and proofs of 20 rows, the heuristic's cost over the optimum, and HiGHS.

The peer is a mixed-integer program of the same trees (one ordered binary for each threshold that trees share, one for
each value of a category, leaves between 0 and 1, cut off at the heuristic's cost), solved by HiGHS for a few rows with
a gap of 0: optima must be equal where it finishes.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pandas as pd

import assay
from assay.explain.question import Question, question
from assay.explain.recourse.constraints import Constraints
from assay.explain.recourse.exact.boxes.bits import reached
from assay.explain.recourse.exact.cells import cells_of
from assay.explain.recourse.exact.choices import Choice, choices_of, rows_of
from assay.explain.recourse.exact.program import Program
from assay.explain.recourse.exact.reading import reading_of
from assay.explain.recourse.exact.requirement import requirement_of
from assay.explain.recourse.exact.search import optimal
from assay.explain.recourse.goal import goal_for
from assay.explain.recourse.search import counterfactuals
from assay.explain.recourse.space import space_of

ROWS, PEERS, WIDE, SECONDS = 20, 3, 6, 60.0
SETTINGS: dict[str, dict[str, Any]] = {
    "free": {},
    "family fixed": {"immutable": ["marital_status", "relationship"], "one_way": ["age=up", "education_number=up"]},
    "no capital": {
        "immutable": ["marital_status", "relationship", "capital_gain", "capital_loss"],
        "one_way": ["age=up", "education_number=up"],
    },
}


def fitted(kind: str, train: pd.DataFrame) -> Any:
    """A logistic regression, or 100 trees of depth 6 by XGBoost, on one-hot columns."""
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler
    from xgboost import XGBClassifier

    rows, truth = train.drop(columns="income"), train["income"]
    texts = [name for name in rows if not pd.api.types.is_numeric_dtype(rows[name])]
    numbers = [name for name in rows if name not in texts]
    encode = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), texts), (StandardScaler(), numbers), sparse_threshold=0
    )
    model = LogisticRegression(max_iter=2000) if kind == "logistic" else XGBClassifier(max_depth=6, n_jobs=1)
    return make_pipeline(encode, model).fit(rows, truth)


def cases() -> dict[str, assay.Case]:
    """The models by name."""
    demo = assay.demo("income", with_model=True)
    frame = demo.rows([*demo.model_columns, "income", "split"]).to_pandas().dropna()
    train = frame[frame["split"] == "train"].drop(columns="split").sample(8000, random_state=0).reset_index(drop=True)
    for name in [c for c in train if not pd.api.types.is_numeric_dtype(train[c])]:
        train[name] = train[name].astype(object)
    train["income"] = (train["income"] == ">50K").astype(int)
    out = {"LightGBM of the demo": demo}
    for kind in ("xgboost", "logistic"):
        model = assay.wrap_model(fitted(kind, train))
        out[kind] = assay.Case.from_frame(train, label="income", favourable=1, model=model)
    return out


def wide() -> assay.Case:
    """100 trees of depth 6 on 30 numbers, half of which matter: many small changes instead of a few large ones."""
    from sklearn.datasets import make_classification
    from xgboost import XGBClassifier

    rows, truth = make_classification(4000, n_features=30, n_informative=15, random_state=0)
    frame = pd.DataFrame(rows, columns=[f"x{i}" for i in range(30)])
    model = XGBClassifier(n_estimators=100, max_depth=6, n_jobs=1, learning_rate=0.1).fit(frame, truth)
    return assay.Case.from_frame(frame.assign(y=truth), label="y", favourable=1, model=assay.wrap_model(model))


def peer(asked: Question, given: dict[str, Any], row: int, limit: float) -> str:
    """What HiGHS says of one row of trees, and how long it takes."""
    reading = reading_of(asked)
    assert reading.trees is not None
    space = space_of(Constraints.parse(given), asked.columns, asked.background)
    before = asked.rows[row]
    choices = choices_of(reading, space, cells_of(reading, space, asked.background), before)
    line = requirement_of(goal_for(asked.target, asked.rows, None), reading.form, row)
    program, trees = Program(), reading.trees
    picked = [_picked(program, choice) for choice in choices]
    movable = [np.isin(reading.owner, choice.places) for choice in choices]
    fixed = ~np.logical_or.reduce(movable)
    open_ = [reached(reading, reading.encode(rows_of(c, before)), m) for c, m in zip(choices, movable, strict=True)]
    still = reached(reading, reading.encode(before[None]), fixed)[0]
    alive = np.logical_and.reduce([still, *(part.any(axis=0) for part in open_)])
    value = trees.value @ line.weights[0]
    score: dict[int, float] = {}
    ends = np.append(trees.roots[1:], trees.nodes)
    for first, last in zip(trees.roots, ends, strict=True):
        leaves = first + np.flatnonzero((trees.left[first:last] < 0) & alive[first:last])
        variables = {int(leaf): program.variable(0, 1) for leaf in leaves}
        program.line(dict.fromkeys(variables.values(), 1.0), low=1, high=1)
        score |= {v: float(value[leaf]) for leaf, v in variables.items()}
        for sets, options in zip(open_, picked, strict=True):
            _linked(program, sets[:, leaves], list(variables.values()), options)
    program.line(score, low=float(line.bounds[0] - trees.base @ line.weights[0]))
    program.line({v: c for v, c in enumerate(program.cost) if c}, high=limit * (1 + 1e-9))
    start = time.perf_counter()
    found = program.solve(seconds=SECONDS)
    took = time.perf_counter() - start
    said = "no solution" if found.values is None else f"cost {float(np.dot(program.cost, found.values)):.6f}"
    return f"{took:.1f} s, {said}, bound {found.bound:.6f}, finished {found.finished}"


def _picked(program: Program, choice: Choice) -> list[int]:
    options = [program.variable(0, 1, cost=float(cost), whole=True) for cost in choice.cost]
    program.line(dict.fromkeys(options, 1.0), low=1, high=1)
    return options


def _linked(program: Program, sets: np.ndarray, leaves: list[int], options: list[int]) -> None:
    """Leaves with the same options are picked no more than these options are."""
    kinds, which = np.unique(sets, axis=1, return_inverse=True)
    for k in range(kinds.shape[1]):
        if not kinds[:, k].all():
            line = {leaves[i]: 1.0 for i in np.flatnonzero(which.ravel() == k)}
            program.line(line | {options[o]: -1.0 for o in np.flatnonzero(kinds[:, k])}, high=0)


def measured(name: str, asked: Question, label: str, given: dict[str, Any], *, peers: int) -> list[float]:
    """Prints a line, and one for each row that HiGHS gets too; the heuristic's costs over the optima."""
    heuristic, made = counterfactuals(asked, constraints=given, count=1), optimal(asked, constraints=given)
    proofs = [ways.proof for ways in made.ways if ways.proof and not ways.already]
    seconds = np.array([proof.seconds for proof in proofs])
    both = ~np.isnan(heuristic.costs) & ~np.isnan(made.costs)
    ratio = heuristic.costs[both] / made.costs[both]
    counts = {s: sum(p.status == s for p in proofs) for s in ("optimal", "infeasible", "time limit")}
    print(
        f"{name:21} {label:13} {np.median(seconds):7.3f} s median, {seconds.max():7.3f} s worst, {counts}, "
        f"heuristic / optimum {np.median(ratio):.4f} median, {ratio.max():.3f} worst, calls {made.calls:.0f}",
        flush=True,
    )
    for row in range(peers):
        said = peer(asked, given, row, heuristic.costs[row])
        ours = made.ways[row].proof
        print(
            f"    row {row}: HiGHS {said}; assay {ours and ours.seconds:.3f} s, cost {made.costs[row]:.6f}", flush=True
        )
    return [*ratio]


def main() -> None:
    """All models and constraints."""
    ratios: list[float] = []
    for name, case in cases().items():
        asked = question(case, limit=ROWS, background=1000, seed=1)
        optimal(asked.of(asked.rows[:1]))  # imports are not timed
        for label, given in SETTINGS.items():
            ratios += measured(name, asked, label, given, peers=PEERS if name == "xgboost" else 0)
    print(f"heuristic / optimum: median {np.median(ratios):.4f}, 90th percentile {np.quantile(ratios, 0.9):.3f}")
    measured("30 numbers, xgboost", question(wide(), list(range(WIDE)), background=1000), "free", {}, peers=0)


if __name__ == "__main__":
    main()
