"""Permutation importance against closed forms, all pairs by brute force, scikit-learn, and its own coverage."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.svm import LinearSVC

import assay
from assay.core.errors import AssayError
from assay.explain.columns import Columns
from assay.explain.overall.importance import importance
from assay.explain.overall.permuting.belonging import association, clusters, one_hot
from assay.explain.overall.permuting.donors import donors
from assay.explain.overall.permuting.exchange import exchange


def linear_case(n: int, seed: int, *, noise: float = 0.5, **roles) -> assay.Case:
    """y = 2a − b + noise; the model is exactly 2a − b, and c is nothing to it."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(n, 3)), columns=["a", "b", "c"])
    model = LinearRegression().fit(frame.head(50), frame.head(50) @ np.array([2.0, -1.0, 0.0]))
    model.coef_[:] = [2.0, -1.0, 0.0]
    model.intercept_ = 0.0
    frame["y"] = 2 * frame["a"] - frame["b"] + noise * rng.normal(size=n)
    extra = {name: roles.pop(name) for name in ("person",) if name in roles}
    for name, values in extra.items():
        frame[name] = values
    model_ = assay.wrap_model(model)
    return assay.Case.from_frame(frame, label="y", features=["a", "b", "c"], model=model_, **roles)


def test_the_importance_of_a_linear_model_is_twice_the_squared_slope_times_the_variance():
    found = importance(linear_case(20_000, 1), limit=20_000, repeats=3)
    by_name = {each.name: each for each in found.reliances}
    for name, expected in (("a", 8.0), ("b", 2.0)):
        interval = by_name[name].interval
        assert interval.low < expected < interval.high
        assert by_name[name].importance == pytest.approx(expected, rel=0.03)
        assert by_name[name].ratio == pytest.approx(1 + expected / 0.25, rel=0.05)
    assert by_name["c"].importance == 0
    assert by_name["c"].interval is None
    assert found.loss == "squared-error"
    assert found.base == pytest.approx(0.25, rel=0.03)
    assert [each.name for each in found.ranked()] == ["a", "b", "c"]


def test_intervals_cover_the_true_importance_at_their_level():
    """200 samples of 150 rows: the importance of a is 8, that of b 2."""
    runs = 200
    covered = np.zeros(2)
    for seed in range(runs):
        by_name = {e.name: e.interval for e in importance(linear_case(150, seed), repeats=4, seed=seed).reliances}
        covered += [by_name["a"].low <= 8 <= by_name["a"].high, by_name["b"].low <= 2 <= by_name["b"].high]
    assert (covered / runs >= 0.91).all()
    assert (covered / runs <= 0.99).all()


def test_repeated_people_widen_the_interval():
    rng = np.random.default_rng(2)
    once = pd.DataFrame(rng.normal(size=(100, 3)), columns=["a", "b", "c"])
    once["y"] = 2 * once["a"] + rng.normal(size=100)
    once["person"] = np.arange(100)
    many = pd.concat([once] * 9, ignore_index=True)
    model = assay.wrap_model(LinearRegression().fit(once[["a", "b", "c"]], once["y"]))
    roles = {"label": "y", "features": ["a", "b", "c"], "model": model}
    alone = importance(assay.Case.from_frame(once, **roles), repeats=20).reliances[0]
    thought = importance(assay.Case.from_frame(many, **roles), repeats=20).reliances[0]
    told = importance(assay.Case.from_frame(many, unit="person", **roles), repeats=20).reliances[0]
    assert thought.standard_error < 0.5 * alone.standard_error
    assert told.standard_error == pytest.approx(alone.standard_error, rel=0.15)
    assert told.interval.method == "Student t by unit"


def brute_force(model, frame: pd.DataFrame, names: list[str], loss) -> float:
    """Mean loss over all ordered pairs of different rows, less the mean loss."""
    n = len(frame)
    total = 0.0
    for giver in range(n):
        changed = frame.copy()
        for name in names:
            changed[name] = frame[name].iloc[giver]
        values = loss(model, changed)
        total += values.sum() - values[giver]
    return total / (n * (n - 1)) - loss(model, frame).mean()


def people(n: int) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(
        {"age": rng.integers(20, 70, n), "job": rng.choice(["clerk", "nurse", "cook"], n), "pay": rng.gamma(2, 9, n)}
    )
    frame["y"] = np.where(frame["age"] / 50 + (frame["job"] == "cook") + rng.normal(size=n) > 1.5, "yes", "no")
    return frame


def fitted(frame: pd.DataFrame):
    encoder = make_column_transformer((OneHotEncoder(), ["job"]), remainder="passthrough")
    return make_pipeline(encoder, LogisticRegression(max_iter=5000)).fit(frame[["age", "job", "pay"]], frame["y"])


LOSSES = {
    "brier": lambda p, y: (p - y) ** 2,
    "log-loss": lambda p, y: -np.log(np.where(y == 1, p, 1 - p)),
    "error": lambda p, y: ((p >= 0.5) != (y == 1)).astype(float),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_with_all_pairs_it_is_the_mean_over_all_pairs(loss):
    """n − 1 repeats give each row the value of every other."""
    frame = people(40)
    model = fitted(frame)
    case = assay.Case.from_frame(
        frame, label="y", favourable="yes", features=["age", "job", "pay"], model=assay.wrap_model(model)
    )
    y = (frame["y"] == "yes").to_numpy().astype(float)

    def of(model, rows):
        return LOSSES[loss](model.predict_proba(rows[["age", "job", "pay"]])[:, 1], y)

    wanted = {"both": ["age", "job"], "job": ["job"], "pay": ["pay"]}
    found = importance(case, repeats=39, loss=loss, groups=wanted)
    for each in found.reliances:
        assert each.importance == pytest.approx(brute_force(model, frame, wanted[each.name], of), abs=1e-12)


def test_losses_of_three_classes_and_of_a_model_without_probabilities():
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.normal(size=(30, 2)), columns=["a", "b"])
    frame["y"] = np.where(frame["a"] > 0.5, "x", np.where(frame["b"] > 0, "y", "z"))
    model = LogisticRegression().fit(frame[["a", "b"]], frame["y"])
    place = [list(model.classes_).index(label) for label in frame["y"]]

    def brier(model, rows):
        return ((model.predict_proba(rows[["a", "b"]]) - np.eye(3)[place]) ** 2).sum(axis=1)

    def log_loss(model, rows):
        return -np.log(model.predict_proba(rows[["a", "b"]])[np.arange(30), place])

    roles = {"label": "y", "task": "multiclass", "features": ["a", "b"]}
    case = assay.Case.from_frame(frame, model=assay.wrap_model(model), **roles)
    for loss, of in (("brier", brier), ("log-loss", log_loss)):
        found = importance(case, repeats=29, loss=loss)
        assert found.base == pytest.approx(of(model, frame).mean())
        assert found.reliances[0].importance == pytest.approx(brute_force(model, frame, ["a"], of))
    svm = LinearSVC().fit(frame[["a", "b"]], frame["y"])
    found = importance(assay.Case.from_frame(frame, model=assay.wrap_model(svm), **roles), repeats=29)
    assert found.loss == "error"
    wrong = brute_force(svm, frame, ["a"], lambda m, rows: (m.predict(rows[["a", "b"]]) != frame["y"]).to_numpy() * 1.0)
    assert found.reliances[0].importance == pytest.approx(wrong)


def test_scikit_learn_finds_the_same():
    case = linear_case(3000, 4)
    found = importance(case, limit=3000, repeats=10)
    table = case.rows(["a", "b", "c", "y"]).to_pandas()
    peer = permutation_importance(
        case.model.estimator,
        table[["a", "b", "c"]],
        table["y"],
        scoring="neg_mean_squared_error",
        n_repeats=10,
        random_state=0,
    )
    ours = np.array([each.importance for each in found.reliances])
    spread = np.array([each.standard_error or 0.0 for each in found.reliances])
    assert (np.abs(ours - peer.importances_mean) <= 2 * spread + 1e-12).all()


def correlated_case() -> assay.Case:
    """y depends on a alone; twin goes with a by 0.95, and a forest leans on both; far is free of either."""
    rng = np.random.default_rng(8)
    a = rng.normal(size=4000)
    frame = pd.DataFrame({"a": a, "twin": a + 0.33 * rng.normal(size=4000), "far": rng.normal(size=4000)})
    frame["y"] = a + 0.5 * frame["far"] + 0.3 * rng.normal(size=4000)
    forest = RandomForestRegressor(30, max_features=1, min_samples_leaf=5, random_state=0)
    forest.fit(frame[["a", "twin", "far"]].head(2000), frame["y"].head(2000))
    return assay.Case.from_frame(
        frame.tail(2000), label="y", features=["a", "twin", "far"], model=assay.wrap_model(forest)
    )


def test_conditional_importance_of_a_correlated_irrelevant_column_is_about_nothing():
    case = correlated_case()
    plain, given_others = importance(case), importance(case, conditional=True, leaf=20)
    before = {each.name: each.importance for each in plain.reliances}
    after = {each.name: each.importance for each in given_others.reliances}
    assert before["twin"] > 0.1
    assert after["twin"] < 0.06 * before["twin"]
    assert after["a"] > 3 * after["twin"]
    assert after["far"] == pytest.approx(before["far"], rel=0.25)
    assert [(p.first, p.second) for p in plain.correlated] == [("a", "twin")]
    together = importance(case, groups="correlated")
    assert [each.columns for each in together.reliances] == [("a", "twin"), ("far",)]
    assert together.reliances[0].importance > before["a"] + before["twin"]


def test_association_is_spearman_or_cramers_v():
    frame = people(500).drop(columns="y")
    frame["twice"] = frame["age"] ** 3
    frame["trade"] = frame["job"].str.upper()
    frame.loc[::7, "pay"] = np.nan
    import pyarrow as pa

    table = pa.Table.from_pandas(frame)
    columns = Columns.of(table)
    rows = columns.encode(table)
    found = association(columns, rows)
    at = columns.places
    known = frame["pay"].notna()
    expected = abs(spearmanr(frame["age"][known], frame["pay"][known]).statistic)
    assert found[at(["age"])[0], at(["pay"])[0]] == pytest.approx(expected, abs=1e-12)
    assert found[at(["age"])[0], at(["twice"])[0]] == pytest.approx(1)
    assert found[at(["job"])[0], at(["trade"])[0]] == pytest.approx(1, abs=0.01)
    assert found[at(["job"])[0], at(["age"])[0]] < 0.2
    np.testing.assert_array_equal(found, found.T)
    assert clusters(columns, found, above=0.7) == (("age", "twice"), ("job", "trade"), ("pay",))


def test_one_hot_columns_are_shuffled_together():
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 3, 300)
    frame = pd.DataFrame({f"kind_{level}": (kind == i).astype(float) for i, level in enumerate("abc")})
    frame["flag_x"] = rng.integers(0, 2, 300)
    frame["y"] = kind * 1.0
    model = LinearRegression().fit(frame.drop(columns="y"), frame["y"])
    case = assay.Case.from_frame(frame, label="y", task="regression", model=assay.wrap_model(model))
    found = importance(case)
    assert [each.columns for each in found.reliances] == [("kind_a", "kind_b", "kind_c"), ("flag_x",)]
    assert found.reliances[0].importance == pytest.approx(2 * kind.var(), rel=0.1)
    import pyarrow as pa

    table = pa.Table.from_pandas(frame.assign(kind_a=0.0).drop(columns="y"))
    columns = Columns.of(table)
    assert one_hot(columns, columns.encode(table)) == ()


@given(st.lists(st.integers(5, 12), min_size=1, max_size=4), st.integers(1, 4), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_everybody_gets_and_gives_once_within_the_stratum_and_no_pair_comes_twice(sizes, repeats, seed):
    strata = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    drawn = donors(strata, repeats=repeats, rng=np.random.default_rng(seed))
    n = len(strata)
    for givers in drawn:
        assert sorted(givers) == list(range(n))
        assert (givers != np.arange(n)).all()
        assert (strata[givers] == strata).all()
    assert len({(i, int(g)) for givers in drawn for i, g in enumerate(givers)}) == repeats * n


def test_pairs_that_change_nothing_are_not_asked_and_equal_ones_once():
    rows = np.array([[0.0, 1.0], [0.0, 2.0], [1.0, 3.0], [np.nan, 4.0], [np.nan, 5.0]])
    drawn = donors(np.zeros(5, dtype=np.int64), repeats=4, rng=np.random.default_rng(0))
    made = exchange(rows, [0], drawn)
    codes = np.array([0, 0, 1, 2, 2])
    assert len(made.receivers) == sum(len({codes[j] for j in range(5)} - {codes[i]}) for i in range(5))
    for r, i in np.ndindex(drawn.shape):
        at = made.answer[r, i]
        assert (at < 0) == (codes[drawn[r, i]] == codes[i])
        if at >= 0:
            assert made.receivers[at] == i
            assert codes[made.givers[at]] == codes[drawn[r, i]]


def test_training_rows_and_unlabelled_rows_are_left_out():
    frame = people(400)
    frame["split"] = np.where(np.arange(400) < 250, "train", "test")
    frame.loc[300:320, "y"] = None
    model = fitted(frame.dropna())
    roles = {"label": "y", "favourable": "yes", "features": ["age", "job", "pay"], "model": assay.wrap_model(model)}
    found = importance(assay.Case.from_frame(frame, split="split", **roles))
    assert found.n == 150 - 21
    texts = " ".join(note.text() for note in found.notes)
    assert "21 rows without a label" in texts
    assert "129 held-out rows" in texts


def test_mistakes_are_named():
    case = linear_case(30, 0)
    for wrong, said in (
        ({"loss": "brier"}, "does not fit"),
        ({"loss": "hinge"}, "hinge"),
        ({"groups": {"g": ["nothing"]}}, "nothing"),
        ({"groups": {"g": []}}, "no column"),
        ({"repeats": 30}, "30 repeats"),
        ({"repeats": 0}, "0 repeats"),
    ):
        with pytest.raises(AssayError, match=said):
            importance(case, **wrong)
    frame = people(20)
    unlabelled = assay.Case.from_frame(
        frame.drop(columns="y"),
        favourable="yes",
        features=["age", "job", "pay"],
        model=assay.wrap_model(fitted(frame)),
    )
    with pytest.raises(AssayError, match="no label"):
        importance(unlabelled)


def test_the_same_seed_gives_the_same_numbers():
    case = linear_case(200, 3)
    assert importance(case, seed=4).to_json() == importance(case, seed=4).to_json()
    assert importance(case, seed=4).to_json() != importance(case, seed=5).to_json()
