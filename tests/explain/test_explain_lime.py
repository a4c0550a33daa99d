"""LIME for rows of a table, against `lime`'s definition written out, a linear truth, seeds and awkward tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr, truncnorm
from sklearn.linear_model import Ridge

import assay
from assay.core.errors import AssayError
from assay.explain.local.stability import rank_agreement, top_overlap
from assay.explain.local.tabular import conditions, lime, repeat
from assay.explain.question import question


def table(n: int = 600, seed: int = 5) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "age": rng.integers(18, 80, n),
            "job": rng.choice(["clerk", "nurse", "cook"], n),
            "income": rng.gamma(2.0, 10.0, n),
            "noise": rng.normal(size=n),
            "y": rng.integers(0, 2, n),
        }
    )


def asked(function, rows, *, frame=None, classes=None, background=2000, **given):
    data = table() if frame is None else frame
    features = [name for name in data.columns if name != "y"]
    kind = {"classes": classes} if classes else {"task": "regression"}
    label = data.assign(y=np.resize(classes, len(data))) if classes else data
    model = assay.wrap_model(function, features=features, **kind)
    extra = {"task": "multiclass"} if classes else {}
    case = assay.Case.from_frame(label, label="y", features=features, model=model, **extra)
    return question(case, rows, background=background, **given)


def linear(frame):
    return 3.0 + 0.5 * frame["age"] - 0.25 * frame["income"] + 4.0 * (frame["job"] == "nurse")


def curved(frame):
    return np.sin(frame["age"] / 9) + np.log1p(frame["income"]) * (frame["job"] == "nurse") + 0.1 * frame["noise"]


@pytest.mark.parametrize("around", ["data", "instance"])
def test_a_linear_model_is_recovered_exactly(around):
    nurse = int(np.flatnonzero(table()["job"] == "nurse")[0])
    found = lime(asked(linear, [nurse]), discretize=False, around=around, ridge=0, samples=500)
    apart = found.rows[0] - np.nanmean(asked(linear, [nurse]).background, axis=0)
    np.testing.assert_allclose(found.values[0], [0.5 * apart[0], 4.0, -0.25 * apart[2], 0.0], atol=1e-9)
    np.testing.assert_allclose(found.residual, 0, atol=1e-9)
    np.testing.assert_allclose(found.facts["weighted_r_squared"], 1, atol=1e-12)
    assert found.errors.max() < 1e-9


def test_the_fit_is_the_weighted_ridge_of_scikit_learn_on_the_same_samples():
    from assay.explain.local.neighbourhood import draw_bins, neighbourhood

    about = asked(curved, [3, 40])
    found = lime(about, samples=1000, ridge=1.0, within="data")
    near = neighbourhood(about.columns, about.background)
    drawn = draw_bins(near, about.rows, samples=200, repeats=5, seed=0)
    for i in range(2):
        z = drawn.design[i].transpose(0, 2, 1).reshape(-1, 5)[:, 1:]
        y = about.target.of_table(drawn.table.slice(i * 1000, 1000))
        weights = np.sqrt(np.exp(-((z == 0).sum(axis=1)) / (0.75**2 * 4)))
        weights /= weights.max()
        peer = Ridge(alpha=1.0).fit(z, y, sample_weight=weights)
        np.testing.assert_allclose(found.values[i], peer.coef_, atol=1e-10)
        assert found.base[i] == pytest.approx(peer.intercept_, abs=1e-10)
        assert found.facts["weighted_r_squared"][i] == pytest.approx(peer.score(z, y, weights), abs=1e-10)
        assert found.base[i] + found.values[i].sum() == pytest.approx(peer.predict(np.ones((1, 4)))[0])


def test_a_feature_is_one_where_the_bin_or_the_category_is_that_of_the_row():
    cook = int(np.flatnonzero(table()["job"] == "cook")[0])
    about = asked(lambda f: 2.0 * (f["job"] == "cook"), [cook])
    found = lime(about, samples=2000, ridge=0)
    np.testing.assert_allclose(found.values[0], [0, 2, 0, 0], atol=1e-10)
    said = conditions(about)[0]
    assert said[1] == "job = cook"
    quarters = np.quantile(about.background[:, 0], [0.25, 0.5, 0.75])
    about = about.of(np.array([[edge, *about.rows[0, 1:]] for edge in (*quarters, quarters[2] + 1)]))
    a, b, c = (f"{edge:.6g}" for edge in quarters)
    assert [row[0] for row in conditions(about)] == [
        f"age <= {a}",
        f"{a} < age <= {b}",
        f"{b} < age <= {c}",
        f"age > {c}",
    ]


def test_the_same_top_columns_as_the_reference_algorithm_written_out():
    """Algorithm 1 of the paper by a loop, with normals cut to the bins as `lime` draws them."""
    frame = table(2000)
    about = asked(curved, [7], frame=frame)
    x, rng = frame.drop(columns="y"), np.random.default_rng(0)
    row, n = x.iloc[7], 20_000
    z, drawn = np.ones((n, 4)), {}
    for j, name in enumerate(x.columns):
        if name == "job":
            drawn[name] = rng.choice(x[name], n)
            z[:, j] = drawn[name] == row[name]
            continue
        edges = np.quantile(x[name], [0.25, 0.5, 0.75])
        bins, picked = np.searchsorted(edges, x[name]), rng.integers(4, size=n)
        centre = np.array([x[name][bins == b].mean() for b in range(4)])[picked]
        width = np.array([x[name][bins == b].std() for b in range(4)])[picked]
        low, high = np.r_[x[name].min(), edges][picked], np.r_[edges, x[name].max()][picked]
        drawn[name] = truncnorm.rvs((low - centre) / width, (high - centre) / width, centre, width, random_state=rng)
        z[:, j] = picked == np.searchsorted(edges, row[name])
    weights = np.exp(-(4 - z.sum(axis=1)) / (2 * 0.75**2 * 4))
    peer = Ridge(alpha=1.0).fit(z, curved(pd.DataFrame(drawn)), sample_weight=weights)
    found = lime(about, samples=20_000)
    assert np.argsort(-np.abs(found.values[0])).tolist() == np.argsort(-np.abs(peer.coef_)).tolist()
    assert (np.abs(found.values[0] - peer.coef_) < 4 * np.sqrt(2) * found.errors[0]).all()
    real = lime(about, samples=20_000, within="data")
    assert spearmanr(np.abs(real.values[0]), np.abs(peer.coef_)).statistic >= 0.8


def test_one_row_has_one_explanation_alone_in_a_batch_and_in_any_order():
    together = lime(asked(curved, [3, 40, 9, 3]), samples=400)
    again = lime(asked(curved, [9, 3, 3]), samples=400)
    np.testing.assert_allclose(together.values[[2, 0, 3]], again.values, atol=1e-12)
    np.testing.assert_allclose(together.values[1], lime(asked(curved, [40]), samples=400).values[0], atol=1e-12)
    other = lime(asked(curved, [40]), samples=400, seed=1)
    assert np.abs(other.values[0] - together.values[1]).max() > 1e-4
    assert other.settings["seed"] == 1


def test_rows_go_to_the_model_together():
    about = asked(curved, list(range(30)))
    lime(about, samples=1000)
    assert (about.target.calls.batches, about.target.calls.rows) == (1, 30 * 1001)


def test_the_errors_are_those_of_sampling_again():
    about = asked(curved, [3, 17])
    made = [lime(about, samples=300, seed=seed) for seed in range(150)]
    spread = np.stack([found.values for found in made]).std(axis=0, ddof=1)
    said = np.mean([found.errors for found in made], axis=0)
    np.testing.assert_allclose(said, spread, rtol=0.2)


def test_stability_tells_a_clear_explanation_from_noise():
    clear = lime(asked(linear, [3], background=500), samples=5000, discretize=False)
    rng = np.random.default_rng(1)
    noise = lime(asked(lambda f: rng.normal(size=len(f)), [3]), samples=500)
    assert clear.facts["stability"][0] > 0.85
    assert noise.facts["stability"][0] < 0.6
    assert noise.facts["weighted_r_squared"][0] < 0.1
    again = repeat(asked(linear, [3, 4]), seeds=3, samples=200)
    assert again.shape == (3, 2, 4)


def test_the_stability_indices_have_their_definitions():
    repeated = np.array([[[3.0, -2.0, 1.0], [3.0, 1.0, 2.0]]])
    expected = spearmanr(np.abs(repeated[0, 0]), np.abs(repeated[0, 1])).statistic
    np.testing.assert_allclose(rank_agreement(repeated), expected)
    np.testing.assert_allclose(top_overlap(repeated, top=2), 0.5)
    np.testing.assert_allclose(rank_agreement(np.zeros((1, 2, 3))), 1)
    np.testing.assert_allclose(rank_agreement(np.array([[[0.0, 0.0], [0.0, 1.0]]])), 0)


def test_missing_values_are_a_value_of_their_own():
    frame = table()
    frame.loc[::3, "income"] = np.nan
    frame.loc[::4, "job"] = None

    def absent(f):
        return 1.0 * f["income"].isna() + 2.0 * f["job"].isna()

    for discretize in (True, False):
        about = asked(absent, [0, 1], frame=frame)
        found = lime(about, samples=1000, discretize=discretize, ridge=0)
        np.testing.assert_allclose(found.values[0], [0, 2, 1, 0], atol=1e-9)
    assert conditions(about)[0][1:3] == ("job = missing", "income = missing")


@pytest.mark.parametrize("discretize", [True, False])
def test_constant_columns_one_category_and_few_rows(discretize):
    frame = pd.DataFrame({"flat": [2.0] * 6, "same": ["x"] * 6, "a": range(6), "y": [0.0, 1, 2, 3, 4, 5]})
    found = lime(asked(lambda f: 2.0 * f["a"] + f["flat"], [5], frame=frame), discretize=discretize, samples=200)
    assert found.values[0, :2].tolist() == [0.0, 0.0]
    assert found.values[0, 2] > 1
    still = lime(asked(lambda f: np.full(len(f), 7.0), [0], frame=frame), discretize=discretize, samples=200)
    np.testing.assert_allclose(still.values, 0, atol=1e-12)
    np.testing.assert_allclose(still.base, 7)
    assert still.facts["weighted_r_squared"].tolist() == [1.0]
    assert still.facts["stability"].tolist() == [1.0]


def test_a_class_of_several_is_explained_by_its_name():
    def scores(f):
        nurse, old = 0.5 * (f["job"] == "nurse"), 0.4 * (f["age"] > 50)
        return np.column_stack([nurse, old, 1 - nurse - old])

    nurse = int(np.flatnonzero(table()["job"] == "nurse")[0])
    found = lime(asked(scores, [nurse], classes=["a", "b", "c"], output="a"), samples=1000, ridge=0)
    assert (found.target, found.scale) == ("P(a)", "probability")
    np.testing.assert_allclose(found.values[0], [0, 0.5, 0, 0], atol=1e-9)
    other = lime(asked(scores, [nurse], classes=["a", "b", "c"], output="b"), samples=1000)
    assert int(np.abs(other.values[0]).argmax()) == 0


@pytest.mark.parametrize("select", ["highest-weights", "forward"])
def test_the_columns_that_count_are_chosen(select):
    found = lime(asked(linear, [3, 8], background=500), samples=2000, discretize=False, features=2, select=select)
    assert ((found.values != 0).sum(axis=1) <= 2).all()
    assert (found.values[:, 3] == 0).all()


def test_narrow_types_and_rare_values_keep_their_range():
    frame = table().assign(age=lambda f: f["age"].astype("int8"))
    seen = []
    about = asked(lambda f: seen.append(f) or 1.0 * f["age"], [0], frame=frame)
    lime(about, samples=1000, discretize=False)
    assert min(f["age"].min() for f in seen) >= 18
    assert max(f["age"].max() for f in seen) <= 79


@pytest.mark.parametrize(
    "wrong", [{"samples": 3}, {"ridge": -1.0}, {"kernel_width": 0.0}, {"bins": 1}, {"features": 0}, {"seed": -1}]
)
def test_mistakes_are_named(wrong):
    with pytest.raises(AssayError):
        lime(asked(linear, [0]), **wrong)
    with pytest.raises(AssayError, match="forward"):
        lime(asked(linear, [0]), select="best")
    with pytest.raises(AssayError, match="instance"):
        lime(asked(linear, [0]), around="here")


def test_the_explainer_is_a_part():
    from assay.explain.explainers.lime import lime as declared

    about = asked(curved, [3])
    assert (declared.id, declared.kind) == ("lime", "explainer")
    np.testing.assert_array_equal(declared.make(about, samples=200).values, lime(about, samples=200).values)
    found = declared.make(about, samples=200)
    assert not found.additive
    assert found.to_json()["rows"][0]["weighted_r_squared"] == pytest.approx(found.facts["weighted_r_squared"][0])


def test_an_estimator_is_asked_for_probabilities_alone():
    asked_for = []

    class Estimator:
        classes_ = np.array([0, 1])

        def predict(self, x):
            asked_for.append("predict")
            return np.zeros(len(x), dtype=int)

        def predict_proba(self, x):
            asked_for.append("predict_proba")
            p = np.asarray(x[:, 0] > 40, dtype=float)
            return np.column_stack([1 - p, p])

    frame = table().drop(columns="job")
    model = assay.wrap_model(Estimator(), features=["age", "income", "noise"])
    about = question(assay.Case.from_frame(frame, label="y", favourable=1, model=model), [0], background=200)
    asked_for.clear()
    found = lime(about, samples=200)
    assert asked_for == ["predict_proba"]
    assert int(np.abs(found.values[0]).argmax()) == 0
    assert model.predict(about.columns.decode(about.rows)).tolist() == ["0"]


def test_a_foreign_model_is_asked_with_the_texts_of_the_data():
    """Codes are for adapters that say so; another model sees the types of the data, and the answer is the same."""

    class Foreign:
        name, classes, features, task = "foreign", ("no", "yes"), ("job", "size"), "binary"
        digest, pickled = "not digested", False

        def predict(self, table, /):
            return np.where(self.scores(table)[:, 1] > 0.5, "yes", "no")

        def scores(self, table, /):
            kinds.add(str(table.schema.field("job").type))
            job = np.array(table.column("job").to_pylist(), dtype=object)
            yes = 0.3 * (job == "cook") + 0.2 * np.tanh(table.column("size").to_numpy()) + 0.3
            return np.stack([1 - yes, yes], axis=1)

    class Willing(Foreign):
        takes_coded_texts = True

    rng = np.random.default_rng(0)
    data = pd.DataFrame({"job": rng.choice(["cook", "clerk"], 200), "size": rng.normal(size=200)})
    data["y"] = rng.choice(["no", "yes"], 200)
    found = []
    for model in (Foreign(), Willing()):
        kinds: set[str] = set()
        case = assay.Case.from_frame(data, label="y", favourable="yes", features=["job", "size"], model=model)
        about = question(case, [0, 1, 2], background=100)
        kinds.clear()
        found.append(lime(about, samples=500).values)
        assert all(("dictionary" in kind) == isinstance(model, Willing) for kind in kinds)
        assert kinds
    np.testing.assert_array_equal(found[0], found[1])
