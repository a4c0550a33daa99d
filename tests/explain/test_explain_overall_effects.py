"""Partial dependence and accumulated local effects against scikit-learn, brute force and closed forms."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.inspection import partial_dependence as peer_dependence
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import assay
from assay.core.errors import AssayError
from assay.explain.overall.effects import ale, ale_surface, partial_dependence, partial_dependence_surface
from assay.explain.question import question


def function_case(function, frame: pd.DataFrame) -> assay.Case:
    """A Case whose model is a function of the frame."""
    model = assay.wrap_model(function, task="regression", features=list(frame.columns))
    return assay.Case.from_frame(frame.assign(y=0.0), label="y", task="regression", model=model)


def uniform(n: int, names: str = "abc", seed: int = 0) -> pd.DataFrame:
    return pd.DataFrame(np.random.default_rng(seed).random((n, len(names))), columns=list(names))


def mixed(n: int = 300) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"age": rng.integers(18, 80, n).astype(float), "pay": rng.gamma(2, 10, n)})
    return frame.assign(job=rng.choice(["clerk", "cook", "nurse"], n, p=[0.5, 0.3, 0.2]))


def forest_case() -> assay.Case:
    frame = mixed()
    y = frame["age"] * (frame["job"] == "cook") + frame["pay"]
    encoder = make_column_transformer((OneHotEncoder(), ["job"]), remainder="passthrough")
    model = make_pipeline(encoder, RandomForestRegressor(20, random_state=0)).fit(frame, y)
    return assay.Case.from_frame(frame.assign(y=y), label="y", model=assay.wrap_model(model))


@pytest.mark.parametrize("name", ["age", "job", "pay"])
def test_partial_dependence_and_curves_are_those_of_scikit_learn(name):
    case = forest_case()
    found = partial_dependence(case, name)
    frame = mixed()
    grid = found.shown if name == "job" else found.grid
    peer = peer_dependence(
        case.model.estimator,
        frame,
        [name],
        kind="both",
        method="brute",
        categorical_features=["job"],
        custom_values={name: np.array(grid, dtype=object if name == "job" else float)},
    )
    np.testing.assert_allclose(found.mean, peer["average"][0], rtol=1e-12)
    np.testing.assert_allclose(np.sort(found.curves, axis=0), np.sort(peer["individual"][0], axis=0), rtol=1e-12)
    sd = found.curves.std(axis=0, ddof=1) / np.sqrt(300)
    np.testing.assert_allclose([each.standard_error for each in found.means], sd, rtol=1e-9)
    assert (found.centred[:, 0] == 0).all()


def test_the_grid_is_quantiles_of_the_data_and_levels():
    case = forest_case()
    ages = partial_dependence(case, "age", points=5, within=(0.0, 1.0)).grid
    assert set(ages) <= set(mixed()["age"])
    assert (ages[0], ages[-1]) == (mixed()["age"].min(), mixed()["age"].max())
    assert partial_dependence(case, "job").shown == ("clerk", "cook", "nurse")


def test_a_contrast_is_paired():
    """f = 3a + 10b: curves lie far apart, but each rises by the same."""
    case = function_case(lambda f: 3 * f["a"] + 10 * f["b"], uniform(200))
    found = partial_dependence(case, "a", points=2, within=(0.0, 1.0))
    rise = found.contrast(0, -1)
    assert rise.value == pytest.approx(3 * (found.grid[-1] - found.grid[0]))
    assert rise.interval is None
    assert found.means[0].standard_error == pytest.approx(10 * 12**-0.5 / 200**0.5, rel=0.1)
    np.testing.assert_allclose(found.spread, 0, atol=1e-12)


def test_ale_of_a_linear_model_is_its_line_whatever_the_correlation():
    rng = np.random.default_rng(1)
    a = rng.normal(size=3000)
    frame = pd.DataFrame({"a": a, "b": a + 0.1 * rng.normal(size=3000)})
    model = LinearRegression().fit(frame, 2 * frame["a"] - 3 * frame["b"])
    case = assay.Case.from_frame(frame.assign(y=0.0), label="y", task="regression", model=assay.wrap_model(model))
    for name, slope in (("a", 2.0), ("b", -3.0)):
        found = ale(case, name, limit=3000)
        np.testing.assert_allclose(np.diff(found.effect), slope * np.diff(found.ends), rtol=1e-6)
        middle = (found.effect[:-1] + found.effect[1:]) / 2
        assert (found.rows * middle).sum() == pytest.approx(0, abs=1e-8)


def test_ale_of_a_product_of_uniforms_is_half_a_line():
    """f = ab, a and b independent and uniform: the effect of a is (a − 1/2)/2, together (a − 1/2)(b − 1/2)."""
    case = function_case(lambda f: f["a"] * f["b"], uniform(5000))
    one = ale(case, "a", limit=5000)
    np.testing.assert_allclose(one.effect, (one.ends - 0.5) / 2, atol=0.012)
    assert ((one.low <= one.effect) & (one.effect <= one.high)).all()
    inside = (one.low - 0.003 <= (one.ends - 0.5) / 2) & ((one.ends - 0.5) / 2 <= one.high + 0.003)
    assert inside.mean() > 0.8
    both = ale_surface(case, "a", "b")
    expected = np.outer(both.grids[0] - 0.5, both.grids[1] - 0.5)
    assert (np.abs(both.values - expected) <= 4 * both.standard_errors + 0.002).all()
    assert both.standard_errors.max() < 0.01
    assert both.rows.sum() == both.n == 5000


def test_ale_of_a_square_keeps_to_the_data_where_partial_dependence_leaves_them():
    """b follows a closely; the model is wild where b is far from a, where no row is."""
    rng = np.random.default_rng(4)
    a = rng.random(3000)
    frame = pd.DataFrame({"a": a, "b": a + 0.01 * rng.normal(size=3000)})
    case = function_case(lambda f: f["a"] ** 2 + 100 * (np.abs(f["a"] - f["b"]) > 0.2), frame)
    found = ale(case, "a", limit=3000)
    np.testing.assert_allclose(found.effect, found.ends**2 - 1 / 3, atol=0.03)
    assert np.abs(partial_dependence(case, "a").mean - 50).min() < 30


def brute_ale(f, frame: pd.DataFrame, name: str, ends: np.ndarray) -> np.ndarray:
    """Apley & Zhu's estimator row by row."""
    local = [[] for _ in ends[1:]]
    for _, row in frame.iterrows():
        k = next(k for k in range(len(ends) - 1) if row[name] <= ends[k + 1])
        low, high = row.copy(), row.copy()
        low[name], high[name] = ends[k], ends[k + 1]
        local[k].append(f(high) - f(low))
    total = np.concatenate([[0], np.cumsum([np.mean(rises) for rises in local])])
    sizes = np.array([len(rises) for rises in local])
    return total - (sizes * (total[:-1] + total[1:]) / 2).sum() / sizes.sum()


def test_ale_is_the_published_estimator():
    frame = uniform(120)
    frame["a"] = np.round(frame["a"] * 6)  # ties
    case = function_case(lambda f: np.sin(5 * f["a"]) * f["b"] + f["c"] ** f["a"], frame)
    for name in "ab":
        found = ale(case, name, intervals=7)
        expected = brute_ale(
            lambda row: np.sin(5 * row["a"]) * row["b"] + row["c"] ** row["a"], frame, name, found.ends
        )
        np.testing.assert_allclose(found.effect, expected, atol=1e-12)


def test_intervals_of_ale_cover_the_effect_of_all_rows():
    """f = ab: the effect of a at z is (z − 1/2)/2, whichever ends a sample gives."""
    runs, covered = 100, []
    for seed in range(runs):
        found = ale(function_case(lambda f: f["a"] * f["b"], uniform(400, seed=seed)), "a", intervals=8, seed=seed)
        truth = (found.ends - 0.5) / 2
        covered.append(((found.low <= truth) & (truth <= found.high)).mean())
    assert 0.9 <= np.mean(covered) <= 0.99


def test_surfaces_of_an_additive_model_are_flat_and_sums():
    case = function_case(lambda f: np.exp(f["a"]) + f["b"] ** 2, uniform(400))
    np.testing.assert_allclose(ale_surface(case, "a", "b", intervals=6).values, 0, atol=1e-12)
    found = partial_dependence_surface(case, "a", "b", points=4)
    np.testing.assert_allclose(found.values, np.exp(found.grids[0])[:, None] + found.grids[1][None, :] ** 2, rtol=1e-12)
    asked = question(case, limit=300)
    low = found.grids[0][0]
    one = partial_dependence(asked, "a", points=4)
    assert one.mean[0] == pytest.approx(np.exp(low) + (asked.rows[:, 1] ** 2).mean())


def test_empty_cells_take_the_nearest_difference():
    rng = np.random.default_rng(6)
    a = rng.random(2000)
    frame = pd.DataFrame({"a": a, "b": np.clip(a + 0.05 * rng.normal(size=2000), 0, 1)})
    case = function_case(lambda f: 4 * f["a"] * f["b"], frame)
    found = ale_surface(case, "a", "b", intervals=8)
    assert (found.rows == 0).any()
    assert np.isfinite(found.values).all()
    rises = np.diff(np.diff(found.values, axis=0), axis=1)
    size = np.outer(np.diff(found.grids[0]), np.diff(found.grids[1]))
    np.testing.assert_allclose(rises[found.rows > 0], 4 * size[found.rows > 0], rtol=1e-9)


def test_missing_values_are_left_out_of_ale_and_named():
    frame = uniform(200)
    frame.loc[:9, "a"] = np.nan
    case = function_case(lambda f: f["a"].fillna(9) + f["b"], frame)
    found = ale(case, "a")
    assert found.missing == 10
    np.testing.assert_allclose(np.diff(found.effect), np.diff(found.ends), rtol=1e-9)
    assert np.isfinite(partial_dependence(case, "a").mean).all()


def test_mistakes_are_named():
    case = forest_case()
    for wrong, said in (
        (lambda: ale(case, "job"), "without an order"),
        (lambda: partial_dependence(case, "nothing"), "nothing"),
        (lambda: partial_dependence(case, "age", points=1), "two points"),
        (lambda: ale_surface(case, "age", "age"), "itself"),
        (lambda: ale(case, "age", replicates=1), "replicates"),
        (lambda: ale(function_case(lambda f: f["a"], uniform(9).assign(a=1.0)), "a"), "one value"),
    ):
        with pytest.raises(AssayError, match=said):
            wrong()
