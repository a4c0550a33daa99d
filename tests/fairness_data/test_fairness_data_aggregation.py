"""One model or a model for each group: the held-out gain, where there is one and where there is none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import log_loss
from threadpoolctl import threadpool_limits

from assay.core.measure import Measure
from assay.data.case import Case
from assay.fairness.checks.data.aggregation import aggregation
from assay.fairness.data_bias.aggregation import Learning, gains
from assay.fairness.data_bias.case_rows import Grouping
from assay.fairness.proxy.features import Coded


def people(rng: np.random.Generator, n: int, *, turned: bool) -> pd.DataFrame:
    """The label follows the test; where `turned`, the other way round for group f."""
    sex = rng.choice(["f", "m"], n, p=[0.4, 0.6])
    grade = rng.integers(0, 6, n)
    sign = np.where((sex == "f") & turned, -1, 1)
    y = rng.random(n) < 1 / (1 + np.exp(-sign * (grade - 2.5)))
    return pd.DataFrame({"sex": sex, "grade": grade, "y": y.astype(int)})


def measured(frame: pd.DataFrame, **roles: object) -> dict[str | None, Measure]:
    given = {"label": "y", "protected": "sex", "features": ["grade"], **roles}
    return {m.slice.get("sex"): m for m in aggregation(Case.from_frame(frame, **given), seed=3)}


def test_a_relation_that_is_turned_round_is_a_gain_for_both() -> None:
    found = measured(people(np.random.default_rng(0), 2000, turned=True))
    for group in ("f", "m", None):
        assert found[group].interval.low > 0.05
        assert found[group].p_value < 1e-6
    assert found["f"].value > found["m"].value
    mean = sum(found[g].value * found[g].n for g in ("f", "m")) / 2000
    assert found[None].value == pytest.approx(mean)
    assert (found[None].over, found[None].n, found[None].family) == (("sex",), 2000, "aggregation_gain")


def test_the_gain_is_the_difference_of_held_out_losses() -> None:
    rng = np.random.default_rng(1)
    frame = people(rng, 800, turned=True)
    group = (frame.sex == "m").to_numpy().astype(np.int64)
    learning = Learning.of(
        [Coded(frame.grade.to_numpy(), True)], frame.y.to_numpy().astype(float), weights=None, units=None, seed=0
    )
    grouping = Grouping(("sex",), group, ({"sex": "f"}, {"sex": "m"}))
    pooled = learning.losses(np.arange(800))
    found = {m.slice.get("sex"): m for m in gains(learning, pooled, grouping, level=0.95, notes=())}

    def loss(mine: np.ndarray) -> float:
        chance = np.zeros(800)
        for fold in range(5):
            model = HistGradientBoostingClassifier(
                max_iter=40, learning_rate=0.1, max_leaf_nodes=8, l2_regularization=1.0, early_stopping=False
            )
            training = mine & (learning.folds != fold)
            model.fit(frame[["grade"]][training].astype(float), frame.y[training])
            testing = learning.folds == fold
            chance[testing] = model.predict_proba(frame[["grade"]][testing].astype(float))[:, 1]
        return log_loss(frame.y[group == 1], chance[group == 1])

    with threadpool_limits(1, user_api="openmp"):
        wanted = loss(np.ones(800, dtype=bool)) - loss(group == 1)
    assert found["m"].value == pytest.approx(wanted, abs=1e-9)


def test_where_one_model_is_right_no_gain_is_claimed() -> None:
    rng = np.random.default_rng(2)
    values, covers, claims = [], [], []
    for _ in range(25):
        found = measured(people(rng, 400, turned=False))[None]
        values.append(found.value)
        covers.append((found.interval.low, found.interval.high))
        claims.append(found.p_value < 0.05)
    assert np.mean(claims) <= 0.05
    assert np.mean(values) < 0
    lows, highs = np.array(covers).T
    assert np.mean((lows <= np.mean(values)) & (np.mean(values) <= highs)) >= 0.85


def test_small_groups_units_weights_and_missing_labels() -> None:
    frame = people(np.random.default_rng(3), 700, turned=True)
    frame.loc[:30, "sex"] = "other"
    frame["y"] = frame.y.astype(float).where(np.arange(700) % 10 > 0)
    found = measured(frame)
    assert found["other"].reason.id == "too-few-rows"
    assert {note.id for note in found[None].notes} == {"rows-left-out", "groups-left-out"}
    assert found[None].n == found["f"].n + found["m"].n < 630
    double = pd.concat([frame, frame]).assign(person=list(range(700)) * 2)
    wide = measured(double, unit="person")["m"].interval
    narrow = measured(double)["m"].interval
    assert wide.high - wide.low > 1.2 * (narrow.high - narrow.low)
    even = measured(frame.assign(w=2.0), weight="w")
    assert even["f"].value == pytest.approx(found["f"].value, abs=0.02)


def test_one_group_is_nothing_to_compare() -> None:
    frame = people(np.random.default_rng(4), 300, turned=False).assign(sex="f")
    found = measured(frame)
    assert found["f"].reason.id == "one-group"
    assert found[None].value is None
