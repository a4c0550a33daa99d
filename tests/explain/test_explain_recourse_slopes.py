"""Counterfactuals along gradients: cheaper where the model has them, within the constraints, else nothing new."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import assay
from assay.explain.question import Question, question
from assay.explain.recourse.constraints import Constraints
from assay.explain.recourse.counterfactual import Recourse
from assay.explain.recourse.search import counterfactuals
from assay.explain.recourse.space import space_of
from assay.explain.recourse.steps import hunt
from assay.explain.recourse.steps.hunt import Effort

COLUMNS = [f"c{i}" for i in range(30)]
WITHOUT = Effort(slopes=0)


@functools.cache
def data() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(800, 30))
    signal = np.tanh(x @ rng.normal(size=(30, 8)) / 2) @ rng.normal(size=8) + x[:, 0] * x[:, 1]
    frame = pd.DataFrame(x, columns=COLUMNS)
    frame["c3"] = np.rint(3 * frame["c3"])
    frame["y"] = np.digitize(signal, np.quantile(signal, [0.3, 0.7]))
    return frame


@functools.cache
def asked(kind: str) -> Question:
    """60 rows of a network of one logit, of three, or of a value."""
    frame = data()
    x = torch.tensor(frame[COLUMNS].to_numpy(), dtype=torch.float32)
    y = torch.tensor(frame["y"].to_numpy())
    torch.manual_seed(0)
    torch.set_num_threads(1)
    width = 3 if kind == "three" else 1
    network = torch.nn.Sequential(torch.nn.Linear(30, 32), torch.nn.ReLU(), torch.nn.Linear(32, width))
    optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
    losses: dict[str, Any] = {
        "one": lambda out: torch.nn.functional.binary_cross_entropy_with_logits(out[:, 0], (y == 2).float()),
        "three": lambda out: torch.nn.functional.cross_entropy(out, y),
        "value": lambda out: ((out[:, 0] - y) ** 2).mean(),
    }
    for _ in range(120):
        optimiser.zero_grad()
        losses[kind](network(x)).backward()
        optimiser.step()
    labels = {"one": np.where(frame["y"] == 2, "yes", "no"), "three": np.array(["a", "b", "c"])[frame["y"]]}
    classes = {"one": ["no", "yes"], "three": ["a", "b", "c"], "value": None}[kind]
    model = assay.wrap_model(
        network, classes=classes, features=COLUMNS, output="values" if kind == "value" else "logits"
    )
    full = frame.assign(y=labels.get(kind, frame["y"].astype(float)))
    favourable = "yes" if kind == "one" else None
    case = assay.Case.from_frame(full, label="y", features=COLUMNS, model=model, favourable=favourable)
    return question(case, list(range(60)), background=500)


TARGETS: dict[str, Any] = {"one": None, "three": "c", "value": (1.0, 1.2)}
CONSTRAINTS: dict[str, Any] = {"immutable": COLUMNS[:2], "one_way": dict.fromkeys(COLUMNS[3:9], "up")}


def made(kind: str, effort: Effort | None = None) -> Recourse:
    return counterfactuals(asked(kind), constraints=CONSTRAINTS, target=TARGETS[kind], effort=effort)


@pytest.mark.parametrize("kind", TARGETS)
def test_slopes_make_ways_cheaper_and_break_nothing(kind: str) -> None:
    about, along, without = asked(kind), made(kind), made(kind, WITHOUT)
    both = np.isfinite(along.costs) & np.isfinite(without.costs)
    assert np.isfinite(along.costs).sum() >= np.isfinite(without.costs).sum()
    assert along.costs[both].mean() < without.costs[both].mean()
    space = space_of(Constraints.parse(CONSTRAINTS), about.columns, about.background)
    found = [(i, one.after) for i, ways in enumerate(along.ways) for one in ways.found]
    rows, after = about.rows[[i for i, _ in found]], np.array([after for _, after in found])
    assert not space.violations(rows, after).any.any()
    said = about.target.model.predict(about.columns.decode(after))
    if kind == "one":
        assert (said != about.target.model.predict(about.columns.decode(rows))).all()
    elif kind == "three":
        assert (said == "c").all()
    else:
        assert ((said >= 1.0) & (said <= 1.2)).all()
    again = made(kind)
    np.testing.assert_array_equal(again.costs, along.costs)


def test_a_slope_alone_leads_to_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any other start most rows are led to the wanted answer: sign and scale of the slope are right."""
    monkeypatch.setattr(hunt, "_started", lambda problem, base, *_: base.take(np.zeros(0, dtype=np.int64)))
    monkeypatch.setattr(hunt, "_without_main", lambda problem, good, *_: good)
    for kind in ("one", "three"):
        found = made(kind, Effort(pushes=0, rounds=0))
        assert np.isfinite(found.costs).mean() > 0.8


def test_a_model_without_gradients_is_searched_as_before() -> None:
    about = asked("one")
    inner = about.target.model
    features = list(COLUMNS)
    plain = assay.wrap_model(
        lambda rows: inner.scores(about.columns.decode(rows.to_numpy(dtype=float))),
        classes=["no", "yes"],
        features=features,
    )
    frame = data().assign(y=np.where(data()["y"] == 2, "yes", "no"))
    case = assay.Case.from_frame(frame, label="y", features=features, model=plain, favourable="yes")
    black = question(case, list(range(20)), background=500)
    first, second = (counterfactuals(black, effort=effort).to_json() for effort in (None, WITHOUT))
    assert first == second
