"""Attribute inference: a memoriser leaks, a model that does not use the attribute says nothing, intervals hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

import assay
from assay.core.measure import Interval, Measure
from assay.engine.run import run
from assay.privacy.checks.attribute_inference import attribute_inference
from assay.privacy.inference.attribute.levels import Attribute, attribute_of
from assay.privacy.inference.attribute.measures import advice
from assay.privacy.inference.paired import difference_of, mcnemar, paired_difference
from assay.privacy.membership.scoring import Rate

COLUMNS = ["a", "b", "s"]


def frame_of(n: int = 1200, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    made = pd.DataFrame({"a": rng.normal(size=n), "b": rng.normal(size=n), "s": rng.choice(["p", "q", "r"], n)})
    made["y"] = rng.integers(0, 3, n)
    made["part"] = np.where(np.arange(n) % 2 == 0, "train", "test")
    return made


class Coded:
    """An estimator on a, b and the code of s, as a function of the frame."""

    def __init__(self, estimator: Any, frame: pd.DataFrame) -> None:
        self.estimator = estimator.fit(self.coded(frame), frame["y"])

    @staticmethod
    def coded(frame: pd.DataFrame) -> np.ndarray:
        return np.column_stack([frame["a"], frame["b"], frame["s"].map({"p": 0.0, "q": 1.0, "r": 2.0}).fillna(3.0)])

    def __call__(self, frame: pd.DataFrame) -> np.ndarray:
        return np.asarray(self.estimator.predict_proba(self.coded(frame)))


def case_of(frame: pd.DataFrame, model: Any, **roles: Any) -> assay.Case:
    given = {"label": "y", "split": "part", "protected": ["s"], "features": COLUMNS}
    wrapped = assay.wrap_model(model, classes=["0", "1", "2"], features=COLUMNS) if callable(model) else model
    return assay.Case.from_frame(frame, model=wrapped, **{**given, **roles})


def by_name(measures: Any) -> dict[str, Measure]:
    return {m.name: m for m in measures}


def members(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["part"] == "train"]


def test_a_memoriser_tells_the_attribute_of_members_and_of_nobody_else():
    frame = frame_of()
    tree = DecisionTreeClassifier(max_features=1, random_state=0)
    done = run(case_of(frame, Coded(tree, members(frame))), checks=("privacy.attribute_inference",))
    found = {f.measure.name: f for f in done.findings}
    assert found["advantage"].measure.value > 0.15
    assert found["advantage"].verdict == found["advantage_gap"].verdict == "fail"
    assert found["advantage"].p_adjusted < 1e-6
    others = found["advantage_others"].measure.interval
    assert others.low < 0 < others.high
    assert [note.id for note in found["advantage"].measure.notes] == ["attribute-remembered"]
    assert found["advantage"].measure.n == 600
    assert found["advantage_gap"].measure.n == (600, 300)


@pytest.mark.parametrize("seed", range(4))
def test_a_model_that_does_not_use_the_attribute_adds_nothing(seed):
    frame = frame_of(600, seed)
    frame["s"] = np.where(frame["a"] + frame["y"] > 1, "p", "q")
    mine = members(frame)
    fitted = LogisticRegression().fit(mine[["a", "b"]].to_numpy(), mine["y"])
    found = by_name(attribute_inference(case_of(frame, lambda f: fitted.predict_proba(f[["a", "b"]].to_numpy()))))
    assert found["advantage"].value == found["advantage_others"].value == 0
    assert found["advantage"].interval.low <= 0 <= found["advantage"].interval.high
    assert found["advantage"].p_value == 1
    assert found["imputation_accuracy"].value > 0.75, "the baseline knows the label"


def test_a_model_that_learned_the_population_is_seldom_called_a_leak():
    """The attribute is worth knowing, and the model knows that of everyone alike."""
    outside = 0
    for seed in range(20):
        frame = frame_of(600, seed)
        noise = np.random.default_rng(seed + 99).normal(size=600)
        frame["y"] = (frame["a"] + (frame["s"] == "p") + noise > 0.3).astype(int)
        model = assay.wrap_model(Coded(LogisticRegression(), members(frame)), classes=["0", "1"], features=COLUMNS)
        found = by_name(attribute_inference(case_of(frame, model, favourable="1"), seed=seed))
        gap = found["advantage_gap"].interval
        outside += not gap.low <= 0 <= gap.high
    assert outside <= 3


def test_labels_alone_are_attacked_by_how_often_they_are_right():
    frame = frame_of()
    tree = DecisionTreeClassifier(max_features=1, random_state=0)
    case = case_of(frame, Coded(tree, members(frame)))
    found = by_name(attribute_inference(case, defence="top-one"))
    assert "labels" in found["advantage"].method
    bare = by_name(attribute_inference(case))
    assert found["advantage"].value < bare["advantage"].value
    assert found["accuracy"].value == bare["accuracy"].value
    mine = members(frame)
    silent = LinearSVC().fit(mine[["a", "b"]], mine["y"])
    numbers = assay.Case.from_frame(
        frame, model=assay.wrap_model(silent), label="y", split="part", features=["a", "b"], protected=["s"]
    )
    judged = by_name(attribute_inference(numbers, attributes=("a",)))
    assert judged["advantage"].value is not None


def test_numbers_are_guessed_by_fifths_and_rare_values_not_at_all():
    import pyarrow as pa

    rng = np.random.default_rng(3)
    told = np.arange(500)
    table = pa.table(
        {
            "number": rng.normal(size=1000),
            "zeros": np.where(rng.random(1000) < 0.9, 0.0, rng.exponential(size=1000)),
            "few": [None if i % 10 == 0 else "only" if i == 501 else "ab"[i % 2] for i in range(1000)],
            "one": ["x"] * 1000,
        }
    )
    number = attribute_of(table, "number", told)
    assert isinstance(number, Attribute)
    assert number.size == 5
    assert np.bincount(number.codes[told]).tolist() == [100] * 5
    assert np.array_equal(number.codes[number.places], number.level)
    zeros = attribute_of(table, "zeros", told)
    assert zeros.size == 2
    assert np.array_equal(zeros.codes == 1, table["zeros"].to_numpy() > 0)
    few = attribute_of(table, "few", told)
    assert few.size == 2
    assert few.codes[501] == -1
    assert (few.codes[::10] == -1).all()
    assert attribute_of(table, "one", told).id == "one-value"


def test_what_cannot_be_asked_says_why():
    frame = frame_of(300)
    model = Coded(LogisticRegression(), members(frame))
    (first, other) = list(attribute_inference(case_of(frame, model), attributes=("part",)))
    assert first.name == "accuracy"
    assert "part is neither" in other.reason.text()
    frame.loc[frame["s"] == "p", "s"] = None
    frame.loc[:250, "s"] = None
    *_, few = attribute_inference(case_of(frame, model, protected=[]), attributes=("s",))
    assert few.value is None
    (only,) = attribute_inference(case_of(frame_of(120), model))
    assert "100 are needed" in only.reason.text()


# -- attributes that the model is not fed ----------------------------------------------------------


def unfed(frame: pd.DataFrame, score: Any, **roles: Any) -> assay.Case:
    model = assay.wrap_model(score, classes=["0", "1", "2"], features=["a", "b"])
    given = {"label": "y", "split": "part", "protected": ["s"], "features": ["a", "b"]}
    return assay.Case.from_frame(frame, model=model, **{**given, **roles})


def test_answers_that_carry_an_attribute_give_it_away_though_it_is_not_fed():
    """The model remembers by a and b who is in which group, and says so in its probabilities."""
    frame = frame_of(2000)
    group = {tuple(row): s for row, s in zip(frame[["a", "b"]].to_numpy(), frame["s"], strict=True)}
    codes = {"p": [0.5, 0.3, 0.2], "q": [0.2, 0.5, 0.3], "r": [0.3, 0.2, 0.5]}

    def carries(rows: pd.DataFrame) -> np.ndarray:
        return np.array([codes[group[tuple(row)]] for row in rows[["a", "b"]].to_numpy()])

    found = by_name(attribute_inference(unfed(frame, carries)))
    assert found["attack_accuracy"].value == 1.0
    assert found["advantage"].interval.low > 0.5
    assert "beside the columns" in found["advantage"].method


@pytest.mark.parametrize("seed", range(3))
def test_answers_of_the_other_columns_say_no_more_than_these(seed):
    frame = frame_of(800, seed)
    frame["s"] = np.where(frame["a"] > 0, "p", "q")
    mine = members(frame)
    fitted = LogisticRegression().fit(mine[["a", "b"]].to_numpy(), mine["y"])
    found = by_name(
        attribute_inference(unfed(frame, lambda f: fitted.predict_proba(f[["a", "b"]].to_numpy())), seed=seed)
    )
    for name in ("advantage", "advantage_others", "advantage_gap"):
        assert found[name].interval.low <= 0.02
        assert found[name].interval.high >= -0.02
    assert found["imputation_accuracy"].value > 0.95
    silent = by_name(
        attribute_inference(
            unfed(frame, lambda f: fitted.predict_proba(f[["a", "b"]].to_numpy())), defence="top-one", seed=seed
        )
    )
    assert silent["advantage"].interval.low <= 0.02


def test_texts_have_attributes_too():
    from assay.data.inputs import TextInputs

    frame = frame_of(600).assign(text=[f"text {i}" for i in range(600)])
    marks = dict(zip(frame["text"], frame["s"] == "p", strict=True))
    model = assay.wrap_model(lambda texts: np.array([0.9 if marks[t] else 0.1 for t in texts]), classes=["no", "yes"])
    frame["y"] = np.where(frame["y"] > 0, "yes", "no")
    roles: dict[str, Any] = {"label": "y", "split": "part", "protected": ["s"], "favourable": "yes", "features": []}
    case = assay.Case.from_frame(frame, model=model, inputs=TextInputs("text"), **roles)
    found = by_name(attribute_inference(case))
    assert found["advantage"].interval.low > 0.1
    bare = assay.Case.from_frame(frame, model=model, inputs=TextInputs("text"), **{**roles, "protected": []})
    *_, none = attribute_inference(bare)
    assert none.reason.id == "no-attribute"


# -- intervals -------------------------------------------------------------------------------------


def right(both: int, one: int, other: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    cells = [(True, True)] * both + [(True, False)] * one + [(False, True)] * other + [(False, False)] * neither
    array = np.array(cells)
    return array[:, 0], array[:, 1]


@pytest.mark.parametrize(
    ("cells", "low", "high"),
    [((36, 12, 2, 0), 0.0569, 0.3404), ((53, 0, 1, 0), -0.0977, 0.0496), ((0, 54, 0, 0), 0.9064, 1.0)],
)
def test_paired_intervals_of_newcombe_1998(cells, low, high):
    """The first is in the paper; of the others one Wilson limit is the whole of a side, so that they are seen."""
    found = paired_difference(*right(*cells))
    assert (found.interval.low, found.interval.high) == pytest.approx((low, high), abs=0.0006)


def test_paired_intervals_cover():
    rng = np.random.default_rng(5)
    inside = 0
    for _ in range(2000):
        draw = rng.multinomial(200, [0.5, 0.12, 0.08, 0.3])
        found = paired_difference(*right(*draw))
        inside += found.interval.low <= 0.04 <= found.interval.high
    assert 0.935 <= inside / 2000 <= 0.975


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
@settings(max_examples=60, deadline=None)
def test_paired_differences_turn_with_their_sides(pairs):
    from scipy.stats import binomtest

    first, second = np.array(pairs).T
    there, back = paired_difference(first, second), paired_difference(second, first)
    assert there.value == -back.value == pytest.approx(first.mean() - second.mean())
    assert there.interval.low == pytest.approx(-back.interval.high)
    assert there.interval.low <= there.value <= there.interval.high
    one, other = int((first & ~second).sum()), int((~first & second).sum())
    expected = binomtest(one, one + other).pvalue if one + other else 1.0
    assert mcnemar(first, second) == pytest.approx(expected)
    both = difference_of(there, back)
    assert both.interval.low <= both.value <= both.interval.high


# -- other libraries -------------------------------------------------------------------------------


def lightgbm_memoriser() -> Any:
    import lightgbm

    settings: dict[str, Any] = {
        "num_leaves": 200,
        "min_child_samples": 1,
        "min_sum_hessian_in_leaf": 1e-3,
        "min_data_in_bin": 1,
    }
    return lightgbm.LGBMClassifier(n_estimators=30, learning_rate=0.3, verbose=-1, n_jobs=1, **settings)


def xgboost_memoriser() -> Any:
    import xgboost

    return xgboost.XGBClassifier(
        n_estimators=40,
        learning_rate=0.5,
        max_depth=12,
        min_child_weight=0,
        reg_lambda=0,
        n_jobs=1,
        tree_method="exact",
    )


def torch_memoriser(frame: pd.DataFrame) -> Any:
    """A network that knows every training row: the nearest one answers."""
    import torch

    torch.set_num_threads(1)

    class Nearest(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rows = torch.tensor(frame[["a", "b", "s"]].to_numpy(), dtype=torch.float32)
            self.labels = torch.tensor(frame["y"].to_numpy())

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            nearest = torch.cdist(x, self.rows).argmin(dim=1)
            return 5.0 * torch.nn.functional.one_hot(self.labels[nearest], 3).float()

    return assay.wrap_model(Nearest(), classes=["0", "1", "2"], features=COLUMNS, output="logits")


@pytest.mark.parametrize("library", ["lightgbm", "xgboost", "torch"])
def test_boosters_and_networks_are_attacked_alike(library):
    frame = frame_of(800)
    frame["s"] = frame["s"].map({"p": 0, "q": 1, "r": 2})
    cells = np.random.default_rng(7).integers(0, 12, (2, 800))
    frame["a"], frame["b"] = cells[0], cells[1]  # few enough that rows are told apart by s
    mine = members(frame)
    if library == "torch":
        model = torch_memoriser(mine)
    else:
        fitted = (lightgbm_memoriser() if library == "lightgbm" else xgboost_memoriser()).fit(mine[COLUMNS], mine["y"])
        model = assay.wrap_model(fitted, classes=["0", "1", "2"])
    found = by_name(attribute_inference(case_of(frame, model)))
    assert found["advantage_gap"].interval.low > 0.05
    assert found["advantage"].interval.low > 0.05


def test_what_follows_depends_on_who_is_exposed_and_how():
    def rate(value: float) -> Rate:
        return Rate(value, Interval(value - 0.03, value + 0.03, 0.95, "made up"))

    told = [
        [note.id for note in advice(rate(mine), rate(gap), fed=fed)]
        for mine, gap, fed in (
            (0.2, 0.2, True),
            (0.2, 0.0, True),
            (0.2, 0.0, False),
            (0.04, 0.04, True),
            (-0.1, 0.1, True),
        )
    ]
    assert told == [["attribute-remembered"], ["attribute-of-everyone"], ["attribute-in-answers"], [], []]
