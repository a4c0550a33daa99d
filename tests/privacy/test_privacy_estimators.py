"""Private scikit-learn estimators: sensitivities, noise, accuracy, and scikit-learn's own checks."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB as PlainNB
from sklearn.utils.estimator_checks import check_estimator

from assay import privacy
from assay.core.errors import AssayError
from assay.privacy.estimators import GaussianNB, LinearRegression, LogisticRegression
from assay.privacy.estimators.noisy_sums import Promise
from assay.privacy.estimators.public import LEVELS, box, codes_of, known_classes
from assay.privacy.loss.adjacency import Adjacency
from assay.privacy.loss.conversion import epsilon_of_zcdp
from assay.privacy.noise.entropy import Entropy

BOUNDS = (-2.0, 3.0)
ONE_CLASS = "the classes are public and there is one only: an AssayError says so"
NOT_MEANINGFUL = {
    "check_classifiers_one_label": ONE_CLASS,
    "check_fit2d_1sample": ONE_CLASS,
}


class Recorded:
    """Stands for `Promise.release` and keeps what was to be released, with the distances that were named."""

    def __init__(self, monkeypatch):
        self.asked: list[tuple[np.ndarray, Fraction, int, int]] = []
        true = Promise.release

        def release(promise, sums, /, *, share, l1, l2_squared):
            self.asked.append((np.array([int(one) for one in sums], dtype=object), share, l1, l2_squared))
            return true(promise, sums, share=share, l1=l1, l2_squared=l2_squared)

        monkeypatch.setattr(Promise, "release", release)

    def take(self) -> list[tuple[np.ndarray, Fraction, int, int]]:
        found, self.asked = self.asked, []
        return found


@pytest.mark.parametrize("kind", ["nb", "linear"])
@pytest.mark.parametrize("seed", range(4))
def test_one_row_changes_the_exact_sums_by_no_more_than_was_named(monkeypatch, kind, seed):
    rng, record = np.random.default_rng(seed), Recorded(monkeypatch)
    x = np.concatenate([rng.uniform(-4, 5, (12, 3)), [[-99, -99, -99], [99, 99, 99], [-2, 3, -2]]])
    y = rng.integers(0, 2, 15) if kind == "nb" else np.concatenate([rng.normal(size=12) * 9, [-50, 50, 50]])
    made = (
        GaussianNB(1, bounds=BOUNDS, delta="1e-6")
        if kind == "nb"
        else LinearRegression(1, bounds=BOUNDS, target_bounds=(-7, 5))
    )
    made.fit(x, y)
    whole = record.take()
    assert sum(share for _, share, _, _ in whole) == 1
    widest = 0.0
    for dropped in range(15):
        kept = np.arange(15) != dropped
        made.fit(x[kept], y[kept])
        for (a, _, l1, l2), (b, _, _, _) in zip(whole, record.take(), strict=True):
            assert sum(abs(a - b)) <= l1
            assert sum((a - b) ** 2) <= l2
            widest = max(widest, sum((a - b) ** 2) / l2)
    assert widest > 0.9  # the named distances are reached: no noise is wasted


def test_the_released_sums_are_those_of_the_rows(monkeypatch):
    record, rng = Recorded(monkeypatch), np.random.default_rng(0)
    x, y = rng.uniform(-2, 3, (20, 2)), rng.integers(0, 2, 20)
    GaussianNB(1, bounds=BOUNDS).fit(x, y)
    steps = np.rint((x - 0.5) / 2.5 * LEVELS)
    counts, sums, squares = (values for values, *_ in record.take())
    np.testing.assert_array_equal(counts, [(y == 0).sum(), (y == 1).sum()])
    np.testing.assert_array_equal(sums, np.concatenate([steps[y == k].sum(axis=0) for k in (0, 1)]))
    np.testing.assert_array_equal(squares, np.concatenate([(steps[y == k] ** 2).sum(axis=0) for k in (0, 1)]))
    target = rng.uniform(-1, 1, 20)
    LinearRegression(1, bounds=BOUNDS, target_bounds=(-1, 1)).fit(x, target)
    v = np.column_stack([np.full(20, LEVELS), steps, np.rint(target * LEVELS)])
    ((gram, *_),) = record.take()
    np.testing.assert_array_equal(
        gram, [v[:, i] @ v[:, j] for i, j in itertools.combinations_with_replacement(range(4), 2)]
    )


@settings(max_examples=40)
@given(
    values=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=8),
    low=st.floats(-1e6, 1e6),
    width=st.floats(1e-3, 1e6),
)
def test_whatever_the_value_it_counts_as_an_integer_within_the_levels(values, low, width):
    steps = box((low, low + width), columns=1).steps(np.array(values)[:, None])
    assert np.abs(steps).max() <= LEVELS


def test_epsilon_and_delta_become_a_rho_that_keeps_them():
    promise = Promise.of("0.7", "1e-6", source=Entropy())
    assert epsilon_of_zcdp(promise.rho, delta=Fraction(1, 10**6)) <= Fraction(7, 10)
    event = promise.event("x")
    assert (event.epsilon, event.delta, event.adjacency) == (
        Fraction(7, 10),
        Fraction(1, 10**6),
        Adjacency.ADD_REMOVE,
    )
    pure = Promise.of(1, None, source=Entropy()).event("x")
    assert (pure.epsilon, pure.delta, pure.rho) == (1, 0, None)


@pytest.mark.parametrize("delta", [None, "1e-5"])
def test_much_privacy_loss_gives_the_plain_naive_bayes(delta):
    x, y = load_digits(return_X_y=True)
    plain = PlainNB(var_smoothing=0.01 * 64 / x.var(axis=0).max()).fit(x, y)
    ours = GaussianNB(10**7, delta=delta, bounds=(0, 16), classes=range(10)).fit(x, y)
    np.testing.assert_allclose(ours.theta_, plain.theta_, atol=0.02)
    np.testing.assert_allclose(ours.class_prior_, plain.class_prior_, atol=1e-3)
    wide = plain.var_ > 2
    np.testing.assert_allclose(ours.var_[wide], (plain.var_ - plain.epsilon_)[wide], rtol=0.05)
    assert abs(ours.score(x, y) - plain.score(x, y)) < 0.05


@pytest.mark.parametrize("delta", [None, "1e-6"])
def test_much_privacy_loss_gives_least_squares(delta):
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (3000, 4)) * [1, 2, 3, 4]
    y = x @ [1, -2, 0.5, 0] + 7 + rng.normal(0, 0.1, 3000)
    high = np.array([1.0, 2, 3, 4])
    ours = LinearRegression(10**5, delta=delta, bounds=(-high, high), target_bounds=(-5, 19)).fit(x, y)
    np.testing.assert_allclose([*ours.coef_, ours.intercept_], [1, -2, 0.5, 0, 7], atol=0.02)
    assert ours.penalty_ == 0
    little = LinearRegression("0.001", delta=delta, bounds=(-high, high), target_bounds=(-5, 19)).fit(x, y)
    assert little.penalty_ > 0
    assert np.isfinite(little.coef_).all()


def test_private_models_are_as_good_as_they_should_be():
    x, y = load_breast_cancer(return_X_y=True)
    bounds = (np.zeros(30), np.ceil(x.max(axis=0) * 1.2))
    train_x, test_x, train_y, test_y = train_test_split(x, y, test_size=0.3, random_state=0)
    logistic = LogisticRegression(3.0, delta=1e-4, bounds=bounds, examples=398, insecure_seed=1).fit(train_x, train_y)
    assert logistic.score(test_x, test_y) > 0.88
    assert logistic.statement_.epsilon <= 3
    scores = [
        GaussianNB(3, delta="1e-4", bounds=bounds, insecure_seed=s).fit(train_x, train_y).score(test_x, test_y)
        for s in range(8)
    ]
    assert np.mean(scores) > 0.82


def test_the_coefficients_say_what_is_predicted_on_the_users_scale():
    x, y = load_digits(return_X_y=True)
    made = LogisticRegression(
        5.0, delta=1e-4, bounds=(0, 16), classes=range(10), examples=1797, insecure_seed=0, accountant="rdp"
    )
    made.fit(x, y)
    margins = made.decision_function(x)
    np.testing.assert_allclose(margins, x @ made.coef_.T + made.intercept_)
    np.testing.assert_array_equal(made.predict(x), made.predict_proba(x).argmax(axis=1))
    assert made.score(x, y) > 0.85
    assert made.private_ is False
    assert (
        LogisticRegression(5.0, delta=1e-4, bounds=(0, 16), examples=300, epochs=1, accountant="rdp")
        .fit(x, y % 2)
        .private_
        is True
    )


def test_examples_that_are_not_public_are_counted_and_paid_for():
    x, y = np.random.default_rng(0).uniform(size=(500, 2)), np.arange(500) % 2
    made = LogisticRegression(2.0, delta=1e-4, bounds=(0, 1), epochs=1, accountant="rdp").fit(x, y)
    assert any("counted with geometric noise" in note for note in made.statement_.notes)
    assert made.statement_.epsilon <= 2
    assert made.statement_.plan.examples != 0


@pytest.mark.parametrize("kind", [LogisticRegression, GaussianNB])
def test_classes_do_not_come_from_the_labels(kind):
    x = np.random.default_rng(0).uniform(size=(60, 2))
    more = {"delta": 1e-3, "examples": 60, "epochs": 1, "accountant": "rdp"} if kind is LogisticRegression else {}
    made = kind(1.0, bounds=(0, 1), **more)
    with pytest.raises(AssayError) as caught:
        made.fit(x, np.arange(60) % 3)
    assert caught.value.code == "classes"
    assert clone(made).fit(x, np.zeros(60, int)).classes_.tolist() == [0, 1]
    named = kind(1.0, bounds=(0, 1), classes=["b", "a", "c"], **more).fit(x, np.array(["a", "b", "z"] * 20))
    assert named.classes_.tolist() == ["a", "b", "c"]
    assert named.predict_proba(x).shape == (60, 3)
    assert kind(1.0, bounds=(0, 1), classes="public", **more).fit(x, np.arange(60) % 3).classes_.tolist() == [0, 1, 2]


def test_rows_of_unknown_labels_count_for_nothing(monkeypatch):
    record, x = Recorded(monkeypatch), np.random.default_rng(0).uniform(size=(30, 2))
    y = np.arange(30) % 3
    GaussianNB(1, bounds=(0, 1), classes=[0, 1]).fit(x, y)
    whole = record.take()
    GaussianNB(1, bounds=(0, 1), classes=[0, 1]).fit(x[y < 2], y[y < 2])
    for (a, *_), (b, *_) in zip(whole, record.take(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert codes_of(np.array(["z", "a"]), np.array(["a", "b"])).tolist() == [-1, 0]
    assert known_classes(None, np.array([True, True])).tolist() == [False, True]


@pytest.mark.parametrize(
    "made",
    [
        LogisticRegression(1.0, delta=1e-4, examples=30),
        GaussianNB(1),
        LinearRegression(1, target_bounds=(0, 1)),
        LinearRegression(1, bounds=(0, 1)),
        GaussianNB(1, bounds=(1, 0)),
        GaussianNB(1, bounds=(0, np.inf)),
        GaussianNB(1, bounds=([0, 0, 0], [1, 1, 1])),
        GaussianNB(1, bounds=3),
    ],
)
def test_bounds_that_are_missing_or_impossible_are_an_error(made):
    with pytest.raises(AssayError) as caught:
        made.fit(np.random.default_rng(0).uniform(size=(30, 2)), np.arange(30) % 2)
    assert caught.value.code == "bounds"


@pytest.mark.parametrize("epsilon", [0, -1, "many"])
@pytest.mark.parametrize("kind", [GaussianNB, LinearRegression])
def test_epsilon_must_be_a_number_above_zero(kind, epsilon):
    more = {"target_bounds": (0, 1)} if kind is LinearRegression else {}
    with pytest.raises(AssayError, match="epsilon"):
        kind(epsilon, bounds=(0, 1), **more).fit(np.ones((4, 1)), [0, 1, 0, 1])


def test_a_seed_repeats_the_noise_and_takes_the_promise_away():
    x, y = np.random.default_rng(0).uniform(size=(40, 2)), np.arange(40) % 2
    for kind, more in ((GaussianNB, {}), (LinearRegression, {"target_bounds": (0, 1)})):
        seeded = [kind(1, bounds=(0, 1), insecure_seed=3, **more).fit(x, y) for _ in range(2)]
        np.testing.assert_array_equal(seeded[0].predict(x), seeded[1].predict(x))
        assert seeded[0].private_ is False
        free = [kind(1, bounds=(0, 1), **more).fit(x, y) for _ in range(2)]
        assert free[0].private_ is True
        name = "theta_" if kind is GaussianNB else "coef_"
        assert not np.array_equal(getattr(free[0], name), getattr(free[1], name))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "made",
    [
        LogisticRegression(
            50.0,
            delta=1e-3,
            bounds=(-10, 10),
            classes="public",
            insecure_seed=0,
            examples=100,
            batch=50,
            epochs=20,
            accountant="rdp",
        ),
        GaussianNB(1000, bounds=(-10, 10), classes="public", insecure_seed=0),
        LinearRegression(10**4, bounds=(-10, 10), target_bounds=(-100, 100), insecure_seed=0),
    ],
    ids=lambda made: type(made).__name__,
)
def test_scikit_learns_checks_hold_as_far_as_they_are_meaningful(made):
    expected = {} if isinstance(made, LinearRegression) else NOT_MEANINGFUL
    found = check_estimator(made, expected_failed_checks=expected, on_skip=None)
    assert sum(result["status"] == "passed" for result in found) > 45


def test_they_are_names_of_the_area():
    assert privacy.LogisticRegression is LogisticRegression
    assert privacy.LinearRegression is LinearRegression
    assert privacy.GaussianNB is GaussianNB
