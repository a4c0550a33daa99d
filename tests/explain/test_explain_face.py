"""One call each: the public face over the methods."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import assay
from assay import explain


@pytest.fixture(scope="module")
def case() -> assay.Case:
    rng = np.random.default_rng(0)
    n = 600
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 80, n),
            "sex": rng.choice(["woman", "man"], n),
            "job": rng.choice(["clerk", "cook", "nurse"], n),
            "income": rng.normal(30, 8, n),
        }
    )
    logit = 0.15 * (frame["income"] - 30) + (frame["job"] == "nurse") - 0.5 * (frame["sex"] == "man")
    frame["repaid"] = (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(int)
    encoder = make_column_transformer((OneHotEncoder(), ["sex", "job"]), (StandardScaler(), ["age", "income"]))
    model = make_pipeline(encoder, LogisticRegression()).fit(frame[["age", "sex", "job", "income"]], frame["repaid"])
    return assay.Case.from_frame(
        frame, label="repaid", favourable=1, protected=["sex"], features=["age", "sex", "job", "income"],
        model=assay.wrap_model(model), name="loans",
    )  # fmt: skip


def test_shap_and_lime_name_the_same_column(case: assay.Case) -> None:
    exact = explain.shap(case, [3, 4])
    assert exact.method == "linear-shap"
    assert exact.scale == "log-odds"
    assert exact.holds.all()
    local = explain.lime(case, [3, 4])
    assert local.values.shape == exact.values.shape
    assert explain.shap(case, [3], method="permutation-shap").scale == "probability"


def test_counterfactuals_leave_protected_attributes_and_what_is_immutable_alone(case: assay.Case) -> None:
    found = explain.counterfactuals(case, [0, 1, 2], immutable=["age"], count=2)
    changed = {change.column for ways in found.ways for one in ways.found for change in one.changes}
    assert changed
    assert not changed & {"age", "sex"}
    assert [ways.found for ways in found] == [ways.found for ways in found.ways]
    assert "data:image/svg+xml" in found._repr_html_()
    best = explain.cheapest_counterfactuals(case, [0, 1, 2], immutable=["age"])
    for exact, heuristic in zip(best.ways, found.ways, strict=True):
        assert exact.found[0].cost <= heuristic.found[0].cost + 1e-9


def test_the_model_as_a_whole(case: assay.Case) -> None:
    measured = explain.importance(case, limit=300)
    assert measured
    assert explain.partial_dependence(case, "income", limit=100)
    assert explain.ale(case, "income", limit=100)


def test_an_anchor_keeps_the_decision(case: assay.Case) -> None:
    (rule,) = explain.anchors(case, [5], precision=0.8)
    assert rule.text()


def test_a_network_is_explained_by_its_gradients() -> None:
    import torch

    torch.manual_seed(0)
    torch.set_num_threads(1)
    net = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2))
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.normal(size=(60, 3)), columns=["a", "b", "c"]).assign(y=rng.integers(0, 2, 60))
    model = assay.wrap_model(net, classes=["0", "1"], features=["a", "b", "c"], output="logits")
    case = assay.Case.from_frame(frame, label="y", favourable=1, features=["a", "b", "c"], model=model)
    found = explain.gradients(case, [0, 1])
    assert np.abs(found.residual).max() < 2e-3
    assert explain.shap(case, [0, 1]).method == "exact-shap"


def test_a_decision_in_words(case: assay.Case) -> None:
    (said,) = explain.paragraphs(case, [3], audience="analyst", words={"units": {"income": "thousand a year"}})
    assert "linear-shap" in said.text


def test_a_black_box_of_many_columns_is_sampled() -> None:
    names = [f"x{i}" for i in range(6)]
    frame = pd.DataFrame(np.random.default_rng(2).normal(size=(300, 6)), columns=names)
    model = assay.wrap_model(lambda rows: rows.to_numpy().prod(axis=1), task="regression", features=names)
    case = assay.Case.from_frame(frame.assign(y=frame["x0"]), label="y", features=names, model=model)
    found = explain.shap(case, [0, 1])
    assert found.method == "permutation-shap"
    assert found.errors is not None
    assert found.holds.all()
