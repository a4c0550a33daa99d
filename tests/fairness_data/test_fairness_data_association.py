"""Association of features with protected attributes: Bergsma's V, a test that holds in sparse tables, an interval."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2_contingency
from scipy.stats.contingency import association as plain_v

from assay.core.measure import Measure
from assay.core.subject import each
from assay.data.case import Case
from assay.fairness.checks.data.association import association
from assay.fairness.data_bias.association import independence, interval_of
from assay.stats.tests import cramers_v


def measured(frame: pd.DataFrame, **roles: object) -> dict[tuple[str, str], Measure]:
    case = Case.from_frame(frame, protected=["sex", "race"], **roles)
    (tables,) = case.count([each("feature", "protected")])
    return {(str(m.slice["feature"]), m.over[0]): m for m in association(tables)}


@pytest.fixture(scope="module")
def people() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    n = 1500
    sex, race = rng.choice(["f", "m"], n), rng.choice(["a", "b", "c"], n, p=[0.6, 0.3, 0.1])
    job = np.where(rng.random(n) < 0.4, np.where(sex == "f", "nurse", "driver"), rng.choice(["clerk", "cook"], n))
    return pd.DataFrame(
        {
            "sex": sex,
            "race": race,
            "job": np.where(rng.random(n) < 0.1, None, job),
            "height": np.where(sex == "f", 165, 175) + rng.normal(0, 8, n),
            "one": "x",
        }
    )


def test_the_value_is_bergsmas_and_close_to_the_plain_one(people: pd.DataFrame) -> None:
    found = measured(people)
    table = pd.crosstab(people["job"].fillna("missing"), people["sex"]).to_numpy()
    n, (r, c) = table.sum(), table.shape
    phi = max(0.0, chi2_contingency(table, correction=False).statistic / n - (r - 1) * (c - 1) / (n - 1))
    wanted = math.sqrt(phi / (min(r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)) - 1))
    job = found["job", "sex"]
    assert job.value == pytest.approx(wanted)
    assert job.value == pytest.approx(plain_v(table, method="cramer"), abs=0.01)
    assert job.n == len(people)
    assert found["height", "sex"].p_value < 1e-20
    assert found["job", "race"].p_value > 0.01
    assert found["one", "sex"].value is None
    assert found["one", "sex"].reason.id == "constant"
    assert {m.family for m in found.values() if m.value is not None} == {"protected_association"}


def test_the_p_value_is_that_of_shuffling_one_column() -> None:
    rng = np.random.default_rng(2)
    for groups, n in (([0.5, 0.5], 60), ([0.02, 0.3, 0.68], 300), ([0.2, 0.8], 500)):
        feature, group = rng.integers(0, 30, n), rng.choice(len(groups), n, p=groups)
        if len(np.unique(feature)) < 30:
            feature = np.unique(feature, return_inverse=True)[1]
        table = np.zeros((feature.max() + 1, group.max() + 1))
        np.add.at(table, (feature, group), 1)
        observed = chi2_contingency(table, correction=False).statistic
        shuffled = []
        for _ in range(2000):
            other = np.zeros_like(table)
            np.add.at(other, (rng.permutation(feature), group), 1)
            expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / n
            shuffled.append(((other - expected) ** 2 / expected).sum())
        assert independence(table) == pytest.approx(np.mean(np.array(shuffled) >= observed), abs=0.04)


def test_the_p_value_of_a_full_table_is_the_chi_square_test() -> None:
    table = np.array([[2000.0, 2100], [1500, 1400], [900, 930]])
    assert independence(table) == pytest.approx(chi2_contingency(table).pvalue, rel=2e-3)


SHAPES = {
    "independent, 2 x 2": np.outer([0.5, 0.5], [0.3, 0.7]),
    "independent, sparse": np.outer(np.ones(64), [0.02, 0.3, 0.68]) / 64,
    "weak": np.array([[0.3, 0.2], [0.2, 0.3]]),
    "skewed": np.array([[0.08, 0.02], [0.1, 0.8]]),
    "strong": np.array([[0.45, 0.05], [0.05, 0.45]]),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_intervals_cover_and_independence_is_rarely_rejected(shape: str) -> None:
    p = SHAPES[shape]
    product = p.sum(axis=1, keepdims=True) * p.sum(axis=0, keepdims=True)
    truth = math.sqrt(((p - product) ** 2 / product).sum() / (min(p.shape) - 1))
    rng = np.random.default_rng(8)
    covered, rejected = [], []
    for n in (100, 400, 2000):
        for _ in range(200):
            table = rng.multinomial(n, p.ravel()).reshape(p.shape).astype(float)
            value, p_value = cramers_v(table), independence(table)
            assert value is not None
            interval = interval_of(table, value, p_value, level=0.95)
            covered.append(interval.low <= truth + 1e-6 and truth - 1e-6 <= interval.high)
            rejected.append(p_value < 0.05)
            assert interval.high > interval.low
    assert np.mean(covered) >= 0.94
    if truth < 1e-6:
        assert np.mean(rejected) <= 0.065


def test_weights_of_one_change_nothing(people: pd.DataFrame) -> None:
    plain, weighted = measured(people), measured(people.assign(w=1.0), weight="w")
    for key, measure in plain.items():
        assert (weighted[key].value, weighted[key].p_value) == (
            pytest.approx(measure.value) if measure.value is not None else None,
            pytest.approx(measure.p_value) if measure.p_value is not None else None,
        )
