"""SHAP by answers only: exact where all coalitions are asked for, and honest about its error where they are not."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
import shap
from hypothesis import given, settings
from hypothesis import strategies as st

import assay
from assay.core.errors import AssayError
from assay.explain.question import question
from assay.explain.shapley.coalitions import all_coalitions, coalition_means, enumerated_values
from assay.explain.shapley.explain import explain
from assay.explain.shapley.interactions import interactions
from assay.explain.shapley.kernel import kernel_values
from assay.explain.shapley.permutation import permutation_values

RNG = np.random.default_rng(8)
ROWS, BACKGROUND = RNG.normal(size=(4, 6)), np.round(RNG.normal(size=(9, 6)))
ROWS[1, 2] = BACKGROUND[0, 2]


def curved(matrix):
    """Not additive, not symmetric; the sixth column plays no part."""
    a, b, c, d, e = matrix.T[:5]
    return a * b * c + np.abs(c - d) + np.sin(3 * e) * a + b


def truth(answer, rows=ROWS, background=BACKGROUND):
    columns = rows.shape[1]
    return enumerated_values(coalition_means(answer, rows, background, all_coalitions(columns)), columns)


class Formula:
    """A model behind nothing but its answers."""

    name, digest, task, features, classes = "formula", "not digested", "binary", tuple("abcdef"), ("no", "yes")

    def predict(self, inputs):
        return np.array(self.classes, dtype=object)[self.scores(inputs).argmax(axis=1)]

    def scores(self, inputs):
        matrix = np.column_stack([inputs.column(name).to_numpy() for name in self.features])
        yes = 1 / (1 + np.exp(-curved(np.nan_to_num(matrix))))
        return np.column_stack([1 - yes, yes])


def about(**settings):
    data = pd.DataFrame(BACKGROUND, columns=list("abcdef")).assign(y=["yes", "no"] * 4 + ["yes"])
    case = assay.Case.from_frame(data, label="y", favourable="yes", features=list("abcdef"), model=Formula())
    return question(case, pd.DataFrame(ROWS, columns=list("abcdef")), **settings)


def test_enumeration_is_the_mean_over_all_orders():
    means = coalition_means(curved, ROWS, BACKGROUND, all_coalitions(6))
    total = np.zeros(ROWS.shape)
    for order in permutations(range(6)):
        there = 0
        for column in order:
            total[:, column] += means[:, there | 1 << column] - means[:, there]
            there |= 1 << column
    np.testing.assert_allclose(truth(curved), total / 720, atol=1e-12)
    np.testing.assert_allclose(means[:, 0], curved(BACKGROUND).mean())
    np.testing.assert_allclose(means[:, -1], curved(ROWS))


@settings(max_examples=20)
@given(st.integers(0, 10_000), st.floats(-2, 2), st.floats(-2, 2))
def test_values_are_linear_symmetric_and_nothing_for_dummies(seed, first, second):
    def other(matrix):
        return np.cos(matrix[:, 0] + matrix[:, 1]) * matrix[:, 2]

    def both(matrix):
        return first * curved(matrix) + second * other(matrix)

    np.testing.assert_allclose(truth(both), first * truth(curved) + second * truth(other), atol=1e-10)
    twins = np.random.default_rng(seed).normal(size=(5, 3))
    twins[:, 1] = twins[:, 0]
    values = truth(other, twins, np.roll(twins, 1, axis=0))
    np.testing.assert_allclose(values[:, 0], values[:, 1], atol=1e-12)
    assert not truth(curved)[:, 5].any()


@pytest.mark.parametrize("sampled", ["permutation", "kernel"])
def test_sampled_values_sum_exactly_and_converge(sampled):
    for size in (40, 4000):
        if sampled == "permutation":
            found = permutation_values(curved, ROWS, BACKGROUND, pairs=size // 20, seed=1)
        else:
            found = kernel_values(curved, ROWS, BACKGROUND, samples=size, seed=1)
        np.testing.assert_allclose(found.base + found.values.sum(axis=1), found.outputs, atol=1e-12)
    np.testing.assert_allclose(found.values, truth(curved), atol=0.1 if sampled == "permutation" else 1e-10)
    assert (np.abs(found.values - truth(curved)) <= 4.5 * found.errors + 1e-9).all()


def test_a_kernel_of_all_coalitions_is_exact_and_has_no_error():
    found = kernel_values(curved, ROWS, BACKGROUND, samples=62, seed=0)
    np.testing.assert_allclose(found.values, truth(curved), atol=1e-10)
    assert not found.errors.any()
    single = kernel_values(lambda m: m[:, 0] ** 2, ROWS[:, :1], BACKGROUND[:, :1], samples=9, seed=0)
    np.testing.assert_allclose(single.values[:, 0], ROWS[:, 0] ** 2 - (BACKGROUND[:, 0] ** 2).mean())


@pytest.mark.parametrize("sampled", ["permutation", "kernel"])
def test_the_standard_errors_are_honest(sampled):
    """Over seeds the values spread as the errors say around the truth, and two errors cover about 95 %.

    Values by permutations are unbiased; those of a regression on few coalitions are a little off, of order 1/samples.
    """
    rng = np.random.default_rng(3)
    rows, background = rng.normal(size=(2, 8)), rng.normal(size=(12, 8))
    weights = rng.normal(size=(8, 8))

    def answer(matrix):
        return np.tanh(matrix @ weights).prod(axis=1) * 5 + matrix[:, 0] * matrix[:, 1]

    exact, values, errors = truth(answer, rows, background), [], []
    for seed in range(300):
        if sampled == "permutation":
            found = permutation_values(answer, rows, background, pairs=4, seed=seed)
        else:
            found = kernel_values(answer, rows, background, samples=150, seed=seed)
        values.append(found.values)
        errors.append(found.errors)
    spread, claimed = np.std(values, axis=0), np.sqrt(np.mean(np.square(errors), axis=0))
    assert 0.85 < (claimed / spread).min() <= (claimed / spread).max() < 1.2
    off = 4 / np.sqrt(300) if sampled == "permutation" else 0.35
    assert (np.abs(np.mean(values, axis=0) - exact) < off * spread).all()
    covered = np.mean(np.abs(np.array(values) - exact) <= 2 * np.array(errors))
    assert 0.92 < covered < 0.98


def test_the_same_seed_gives_the_same_values_and_equal_columns_are_not_asked_for():
    first, again, other = (explain(about(seed=seed), method="permutation-shap", pairs=3) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.values, again.values)
    assert not np.array_equal(first.values, other.values)
    asked: list[int] = []

    def counting(matrix):
        asked.append(len(matrix))
        return curved(matrix)

    same = BACKGROUND[:1].copy()
    same[0, 0] += 1
    found = permutation_values(counting, same, BACKGROUND[:1], pairs=50, seed=0)
    assert sum(asked) == 2
    np.testing.assert_allclose(found.values[0, 1:], 0, atol=0)


def test_missing_values_are_values():
    rows = ROWS.copy()
    rows[0, 1] = np.nan
    found = permutation_values(lambda m: np.nan_to_num(m, nan=3.0).sum(axis=1), rows, rows, pairs=2, seed=0)
    filled = np.nan_to_num(rows, nan=3.0)
    np.testing.assert_allclose(found.values, filled - filled.mean(axis=0), atol=1e-12)


def test_a_black_box_is_explained_by_its_probability():
    assert explain(about()).method == "exact-shap"
    found = explain(about(), method="permutation-shap")
    assert (found.method, found.scale, found.target) == ("permutation-shap", "probability", "P(yes)")
    assert found.errors is not None
    assert found.holds.all()
    exact = explain(about(), method="exact-shap")
    assert exact.errors is None
    assert (np.abs(found.values - exact.values) <= 5 * found.errors + 1e-9).all()
    kernel = explain(about(), method="kernel-shap")
    np.testing.assert_allclose(kernel.values, exact.values, atol=1e-9)
    theirs = shap.KernelExplainer(lambda matrix: about().target(matrix), BACKGROUND)
    np.testing.assert_allclose(exact.values, theirs.shap_values(ROWS, silent=True), atol=1e-6)
    pairs = interactions(about())
    assert pairs.method == "exact-interactions"
    np.testing.assert_allclose(pairs.shap, exact.values, atol=1e-12)


def test_what_a_black_box_cannot_give_is_refused():
    wide = np.zeros((1, 16))
    with pytest.raises(AssayError, match="at most 15"):
        all_coalitions(wide.shape[1])
    with pytest.raises(AssayError, match="gives no log-odds"):
        explain(about(), scale="log-odds")
    with pytest.raises(AssayError, match="not known as a sum of trees"):
        explain(about(), method="tree-shap")
    with pytest.raises(AssayError, match="too few"):
        kernel_values(lambda m: m.sum(axis=1), wide, wide, samples=20, seed=0)


def test_batches_of_all_sizes_give_the_same_answers(monkeypatch):
    whole = [explain(about(), method=method).values for method in ("exact-shap", "permutation-shap")]
    for module in ("coalitions", "permutation"):
        monkeypatch.setattr(f"assay.explain.shapley.{module}.BATCH", 100)
    small = [explain(about(), method=method).values for method in ("exact-shap", "permutation-shap")]
    for one, other in zip(whole, small, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)


@pytest.mark.parametrize("columns", [2, 3])
def test_few_columns_are_exact_by_the_kernel_too(columns):
    rows, background = ROWS[:, :columns], BACKGROUND[:, :columns]

    def answer(matrix):
        return np.exp(matrix[:, 0]) * matrix[:, 1] + matrix[:, -1]

    found = kernel_values(answer, rows, background, samples=8, seed=0)
    np.testing.assert_allclose(found.values, truth(answer, rows, background), atol=1e-12)


class Listener:
    """Writes down what long work says of itself."""

    def __init__(self):
        self.heard = []

    def started(self, task, /, *, total):
        self.heard.append(("started", task, total))

    def advanced(self, task, /, *, done, note=""):
        self.heard.append(("advanced", task, done))

    def ended(self, task, /, *, note=""):
        self.heard.append(("ended", task, 0))


@pytest.mark.parametrize("method", ["permutation-shap", "kernel-shap", "exact-shap"])
def test_long_work_says_how_far_it_is(method):
    listener = Listener()
    explain(about(), method=method, progress=listener)
    first, *_, before, last = listener.heard
    assert (first[0], before[0], last[0]) == ("started", "advanced", "ended")
    assert first[2] == before[2]
    assert len({task for _, task, _ in listener.heard}) == 1
