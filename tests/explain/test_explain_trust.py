"""Measures of trust against brute force, other implementations, closed forms and simulated intervals."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import f_oneway, kendalltau, spearmanr
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression

import assay
from assay.core.errors import AssayError
from assay.explain.checks.agreement import measure_agreement
from assay.explain.checks.faithfulness import measure_faithfulness
from assay.explain.checks.randomisation import measure_randomisation
from assay.explain.checks.reliance import measure_reliance
from assay.explain.checks.stability import measure_stability
from assay.explain.columns import Columns
from assay.explain.overall.importance import importance
from assay.explain.question import question
from assay.explain.trust.agreement import agreement
from assay.explain.trust.explaining import explained
from assay.explain.trust.faithfulness import faithfulness
from assay.explain.trust.randomisation import with_permuted_labels
from assay.explain.trust.reliance import explained_by_groups, telling
from assay.explain.trust.sample import means, sample
from assay.explain.trust.shuffled import is_network
from assay.explain.trust.stability import Shaken, shaken, steadiness
from assay.explain.trust.worth import BANDWIDTH, among_real_rows, replaced

SLOPES = np.array([3.0, -2.0, 0.0, 0.0])


def additive_case(n: int = 600, seed: int = 0, **roles) -> assay.Case:
    """The answer is 3a − 2b; c and d are nothing to it. `sex` is not an input, and a goes with it."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(n, 4)), columns=list("abcd"))
    model = LinearRegression().fit(frame, frame @ SLOPES)
    frame["y"] = frame[list("abcd")] @ SLOPES + 0.2 * rng.normal(size=n)
    frame["sex"] = np.where(frame["a"] + 0.3 * rng.normal(size=n) > 0, "f", "m")
    frame["split"] = np.where(np.arange(n) % 2, "test", "train")
    given = {"label": "y", "features": list("abcd"), "protected": ["sex"], "model": assay.wrap_model(model)} | roles
    return assay.Case.from_frame(frame, **given)


def numbers(measures) -> dict[tuple[str, str], float | None]:
    return {(m.name, ",".join(str(v) for v in m.slice.values())): m.value for m in measures}


# -- faithfulness ----------------------------------------------------------------------------------


def test_curves_are_those_of_asking_for_every_set_one_by_one():
    rng = np.random.default_rng(1)
    rows, background, values = rng.normal(size=(3, 4)), rng.normal(size=(6, 4)), rng.normal(size=(3, 4))

    def ask(x):
        return np.sin(x[:, 0]) * x[:, 1] + x[:, 2] ** 2 - x[:, 3]

    found = faithfulness(replaced(ask, rows, background), values, orders=3)
    for i, row in enumerate(rows):
        order = np.argsort(-values[i])
        for k in range(5):
            told, taken = background.copy(), np.tile(row, (6, 1))
            told[:, order[:k]] = row[order[:k]]
            taken[:, order[:k]] = background[:, order[:k]]
            assert found.insertion[i, k] == pytest.approx(ask(told).mean())
            assert found.deletion[i, k] == pytest.approx(ask(taken).mean())


def test_of_an_additive_function_the_exact_order_is_the_best_of_all_and_chance_is_zero():
    asked = question(additive_case(), limit=5, background=50)
    exact = explained(asked, explainer="exact-shap").values
    worth = replaced(asked.target, asked.rows, asked.background)
    best = faithfulness(worth, exact)
    every = [
        faithfulness(worth, np.tile(-np.argsort(order).astype(float), (5, 1))).area for order in permutations(range(4))
    ]
    assert np.allclose(best.area, np.max(every, axis=0))
    assert np.allclose(np.mean(every, axis=0), 0, atol=1e-12)
    assert (best.score == 1).all()
    assert (faithfulness(worth, -exact).score == -1).all()


@settings(max_examples=30)
@given(arrays(float, (4, 5), elements=st.floats(-3, 3)), st.integers(0, 1000))
def test_turning_an_explanation_round_turns_its_score_round(values, seed):
    rng = np.random.default_rng(seed)
    values = values + 1e-3 * rng.normal(size=values.shape)
    rows, background = rng.normal(size=(2, 4, 5))
    worth = replaced(lambda x: x[:, 0] * x[:, 1] + x[:, 2], rows, background)
    one, other = faithfulness(worth, values, seed=seed), faithfulness(worth, -values, seed=seed)
    assert np.allclose(one.area, -other.area)
    assert np.allclose(one.score, -other.score, equal_nan=True)
    assert (np.abs(one.score[~np.isnan(one.score)]) <= 1).all()


def test_a_function_that_is_the_same_everywhere_has_no_score():
    rows = np.zeros((2, 3))
    assert np.isnan(faithfulness(replaced(lambda x: np.ones(len(x)), rows, rows), np.ones((2, 3))).score).all()


def test_what_is_expected_among_real_rows_is_the_mean_over_alike_rows():
    table = pa.table({"x": [1.0, 2.0, 2.0, None, 9.0], "job": ["a", "b", None, "a", "b"]})
    columns = Columns.of(table)
    matrix = columns.encode(table)
    answers = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    known = np.array([[[0, 0], [1, 0], [0, 1], [1, 1]]] * 5, dtype=bool)
    found = among_real_rows(columns, answers, matrix, matrix)(known)
    rank = np.array([0.5, 2.0, 2.0, np.nan, 3.5]) / 4
    for i in range(5):
        for s, told in enumerate(known[i]):
            far = np.zeros(5)
            for k in range(5):
                parts = []
                if told[0]:
                    gone = np.isnan(rank[i]), np.isnan(rank[k])
                    parts.append(float(gone[0] != gone[1]) if any(gone) else (rank[i] - rank[k]) ** 2)
                if told[1]:
                    parts.append(float(table["job"][i].as_py() != table["job"][k].as_py()))
                far[k] = np.mean(parts) if parts else 0.0
            weight = np.exp(-far / (2 * BANDWIDTH**2))
            assert found[i, s] == pytest.approx(np.average(answers, weights=weight))


def test_the_right_columns_of_an_additive_truth_win():
    case = additive_case()
    asked = sample(case, rows=60).question
    shap = explained(asked, explainer="permutation-shap")
    assert set(np.argsort(-shap.importance())[:2]) == {0, 1}
    real = among_real_rows(asked.columns, asked.target(asked.background), asked.rows, asked.background)
    wrong = shap.values[:, [2, 3, 0, 1]]
    right, false = (np.nanmean(faithfulness(real, values).score) for values in (shap.values, wrong))
    assert right > 0.7
    assert false < 0.3


# -- stability and agreement -----------------------------------------------------------------------


def test_the_interval_of_stability_covers():
    rng = np.random.default_rng(5)
    true, hits, every = 1 - 0.3 / (2 / np.sqrt(np.pi)), 0, np.arange(40)
    for _ in range(400):
        moved = rng.exponential(0.3, 40)
        found = steadiness(Shaken(rng.normal(size=(40, 1)), moved, moved, moved), every, every)
        hits += found.interval.low <= true <= found.interval.high
    assert 0.92 <= hits / 400 <= 0.985


def test_moves_respect_the_kinds_of_columns():
    frame = pd.DataFrame({"age": np.arange(40) + 20, "x": np.linspace(0, 1, 40), "job": ["a", "b"] * 20, "one": 1.0})
    frame["y"] = [0, 1, 1, 0] * 10
    model = assay.wrap_model(lambda rows: np.asarray(rows["x"]), classes=["0", "1"], features=list(frame)[:-1])
    asked = question(assay.Case.from_frame(frame, label="y", model=model), limit=40)
    seen = []

    def explain(about):
        seen.append(about.rows.reshape(40, 5, 4))
        return explained(about, explainer="exact-shap")

    shaken(asked, explain)
    rows = seen[0]
    assert (rows[:, :1] == asked.rows[:, None]).all()
    assert (rows[:, :, 0] == np.rint(rows[:, :, 0])).all()
    assert (rows[:, 1:, 1] != rows[:, :1, 1]).mean() > 0.9
    assert (rows[:, :, 2:] == asked.rows[:, None, 2:]).all()
    assert rows[:, :, 0].min() == 20
    assert rows[:, :, 1].max() <= 1


def test_agreement_is_that_of_scipy_and_of_the_definitions():
    rng = np.random.default_rng(2)
    first, second = rng.normal(size=(20, 6)).round(1), rng.normal(size=(20, 6)).round(1)
    found = agreement(first, second, top=3)
    for i in range(20):
        a, b = np.abs(first[i]), np.abs(second[i])
        assert found.spearman[i] == pytest.approx(spearmanr(a, b).statistic)
        assert found.kendall[i] == pytest.approx(kendalltau(a, b).statistic)
        tops = [set(np.argsort(-each, kind="stable")[:3]) for each in (a, b)]
        both = tops[0] & tops[1]
        assert found.overlap[i] == pytest.approx(len(both) / 3)
        assert found.signs[i] == pytest.approx(sum(np.sign(first[i, j]) == np.sign(second[i, j]) for j in both) / 3)


def test_means_of_bounded_values_have_intervals_within_the_bounds_even_where_all_are_alike():
    drawn = sample(additive_case(), rows=30)
    alike = list(means("m", np.ones(len(drawn.question.rows)), drawn, level=0.95, within=(-1.0, 1.0)))
    assert {m.slice.get("sex") for m in alike} == {None, "f", "m"}
    assert all(m.interval.high == 1 and 0 < m.interval.low < 1 for m in alike)
    n = alike[0].n
    z2 = 1.959964**2
    assert alike[0].interval.low == pytest.approx(2 * n / (n + z2) - 1, abs=1e-6)
    near = np.where(np.arange(len(drawn.question.rows)) % 9, 1.0, -1.0)
    assert next(means("m", near, drawn, level=0.95, within=(-1.0, 1.0))).interval.high <= 1
    assert next(means("m", near * np.nan, drawn, level=0.95)).reason.id == "explain.trust.too_few"


# -- randomisation ---------------------------------------------------------------------------------


def test_only_training_labels_are_permuted():
    case = additive_case(split="split")
    shuffled = with_permuted_labels(case, rows=600)
    before, after = (each.rows(["a", "y", "split"]).to_pandas().sort_values("a") for each in (case, shuffled))
    held_out = (before["split"] == "test").to_numpy()
    assert (before["y"][held_out].to_numpy() == after["y"][held_out].to_numpy()).all()
    train = [each["y"][~held_out].to_numpy() for each in (before, after)]
    assert (train[0] == train[1]).mean() < 0.05
    assert np.array_equal(np.sort(train[0]), np.sort(train[1]))


def straight(frame: pd.DataFrame, labels) -> LinearRegression:
    return LinearRegression().fit(frame, labels)


def test_a_model_that_can_be_trained_again_has_a_gap_near_one():
    found = numbers(measure_randomisation(additive_case(), rows=30))
    assert 0.8 < found["randomisation_gap", ""] < 1.3
    assert found["agreement_with_retrained", ""] > 0.8
    assert abs(found["agreement_with_randomised", ""]) < 0.9


def test_a_function_needs_a_trainer():
    model = assay.wrap_model(lambda rows: np.asarray(rows) @ SLOPES, task="regression", features=list("abcd"))
    case = additive_case(model=model)
    without = list(measure_randomisation(case, rows=20))
    assert all(m.value is None and "trainer" in m.reason.text() for m in without)
    with_one = numbers(measure_randomisation(case, rows=20, trainer=f"{__name__}:straight"))
    assert with_one["randomisation_gap", ""] > 0.8


def test_a_network_has_its_weights_shuffled_and_keeps_them():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    net = torch.nn.Sequential(torch.nn.Linear(4, 16), torch.nn.ReLU(), torch.nn.Linear(16, 1))
    case = additive_case()
    rows = torch.tensor(case.rows(list("abcd")).to_pandas().to_numpy(), dtype=torch.float32)
    target = rows @ torch.tensor(SLOPES, dtype=torch.float32)
    optimiser = torch.optim.Adam(net.parameters(), lr=0.02)
    for _ in range(150):
        optimiser.zero_grad()
        ((net(rows)[:, 0] - target) ** 2).mean().backward()
        optimiser.step()
    before = [each.clone() for each in net.parameters()]
    model = assay.wrap_model(net, features=list("abcd"), task="regression", output="values")
    measures = list(measure_randomisation(additive_case(model=model), rows=20))
    found = {(m.name, m.over): m.value for m in measures if not m.slice}
    assert all(torch.equal(one, other) for one, other in zip(before, net.parameters(), strict=True))
    assert found["randomisation_gap", ()] > 0.5
    assert found["agreement_with_reseeded", ()] > 0.8
    assert found["agreement_with_randomised", ()] < 0.5
    assert found["agreement_with_randomised", ("0",)] == found["agreement_with_randomised", ()]
    assert ("agreement_with_randomised", ("2",)) in found
    empty = assay.wrap_model(torch.nn.Identity(), features=list("abcd"), task="regression", output="values")
    assert not is_network(case.model)
    assert is_network(empty)


# -- reliance --------------------------------------------------------------------------------------


def test_the_share_of_a_protected_input_is_that_of_its_coefficients():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"old": rng.integers(0, 2, 300), "x": rng.normal(size=300), "z": rng.normal(size=300)})
    frame["y"] = (2 * frame["old"] + frame["x"] + rng.normal(size=300) > 1).astype(int)
    features = ["old", "x", "z"]
    fitted = LogisticRegression().fit(frame[features], frame["y"])
    case = assay.Case.from_frame(frame, label="y", features=features, protected=["old"], model=assay.wrap_model(fitted))
    found = numbers(measure_reliance(case))
    drawn = sample(case, rows=400)
    background = explained(drawn.question, explainer="linear-shap")
    size = np.abs(background.values[drawn.everyone])
    assert found["protected_share", ""] == pytest.approx(size[:, 0].sum() / size.sum())
    rows = drawn.question.rows[drawn.everyone]
    ends = [fitted.predict_proba(pd.DataFrame(rows, columns=features).assign(old=v))[:, 1] for v in (0.0, 1.0)]
    assert found["flip_effect", ""] == pytest.approx(np.abs(ends[1] - ends[0]).mean())
    assert found["output_explained", ""] > 0.3
    assert found["protected_importance", ""] == pytest.approx(
        importance(case, groups={"old": ["old"]}).reliances[0].importance, rel=0.2
    )


def test_a_proxy_carries_what_an_attribute_outside_the_model_does():
    measures = list(measure_reliance(additive_case()))
    found = {m.name: m for m in measures if not m.slice}
    assert found["protected_share"].value is None
    assert found["protected_share"].reason.id == "not-an-input"
    assert 0.5 < found["proxy_share"].value < 0.7
    assert found["proxy_share"].attachments["columns"].data.index(b'"a"') > 0
    assert found["output_explained"].interval.low > 0.3
    assert found["proxy_importance"].interval.low > 1
    assert "protected_importance" not in found


def test_what_groups_explain_is_the_correlation_ratio_and_its_interval_covers():
    rng = np.random.default_rng(3)
    groups = rng.integers(0, 3, 300)
    answers = np.array([0.0, 0.5, 1.0])[groups] + rng.normal(size=300)
    f = f_oneway(*(answers[groups == g] for g in range(3))).statistic
    expected = (2 * f / (2 * f + 297)) - (1 - 2 * f / (2 * f + 297)) * 2 / 297
    assert explained_by_groups(answers, groups, level=0.95).value == pytest.approx(expected)
    true = (1 / 6) / (1 / 6 + 1)
    hits = 0
    for _ in range(300):
        groups = rng.integers(0, 3, 300)
        answers = np.array([0.0, 0.5, 1.0])[groups] + rng.normal(size=300)
        interval = explained_by_groups(answers, groups, level=0.95).interval
        hits += interval.low <= true <= interval.high
    assert 0.92 <= hits / 300 <= 0.985
    assert explained_by_groups(np.ones(300), groups, level=0.95) is None


def test_what_tells_a_group_comes_first():
    rng = np.random.default_rng(4)
    groups = rng.integers(0, 2, 500)
    table = pa.table(
        {"noise": rng.normal(size=500), "near": groups + rng.normal(size=500), "same": np.array(["u", "v"])[groups]}
    )
    columns = Columns.of(table)
    found = telling(columns, columns.encode(table), groups)
    assert [each.column for each in found] == ["same", "near", "noise"]
    assert found[0].strength == pytest.approx(1.0)
    assert found[2].strength < 0.15


# -- checks ----------------------------------------------------------------------------------------

CHECKS = (measure_faithfulness, measure_stability, measure_agreement, measure_randomisation, measure_reliance)


@pytest.mark.parametrize("measure", CHECKS, ids=lambda check: check.id)
def test_a_model_of_one_column_has_nothing_to_choose_from(measure):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=50), "y": rng.normal(size=50), "sex": ["f", "m"] * 25})
    model = assay.wrap_model(LinearRegression().fit(frame[["x"]], frame["y"]))
    case = assay.Case.from_frame(frame, label="y", features=["x"], protected=["sex"], model=model)
    assert {m.value for m in measure(case)} == {None}


def test_a_constant_model_is_unmeasured_and_never_a_number():
    model = LinearRegression().fit(np.zeros((3, 4)), np.ones(3))
    case = additive_case(model=assay.wrap_model(model))
    for measure in CHECKS:
        values = {m.name: m.value for m in measure(case) if not m.slice}
        assert values.get("faithfulness") is None
        assert values.get("stability") is None
        assert values.get("randomisation_gap") is None
        assert values.get("output_explained") is None


def test_rare_groups_have_rows_of_their_own_and_the_overall_number_does_not_change():
    case = additive_case(n=2000)
    frame = case.rows().to_pandas()
    frame["rare"] = np.where(np.arange(2000) % 100 == 0, "yes", "no")
    model = RandomForestClassifier(5, random_state=0).fit(frame[list("abcd")], frame["y"] > 0)
    made = {"features": list("abcd"), "label": "good", "model": assay.wrap_model(model)}
    frame["good"] = (frame["y"] > 0).astype(str)
    with_groups = list(measure_agreement(assay.Case.from_frame(frame, protected=["rare"], favourable="True", **made)))
    without = list(measure_agreement(assay.Case.from_frame(frame, favourable="True", **made)))
    assert {m.n for m in with_groups if m.slice == {"rare": "yes"}} == {20}
    assert numbers(without).items() <= numbers(with_groups).items()


def test_an_unknown_explainer_and_senseless_numbers_are_errors():
    case = additive_case()
    with pytest.raises(AssayError, match="shapp"):
        list(measure_faithfulness(case, explainer="shapp"))
    with pytest.raises(AssayError):
        list(measure_stability(case, noise=0.0))
    with pytest.raises(AssayError):
        list(measure_agreement(case, first="lime", second="lime"))
