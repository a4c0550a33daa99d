"""In-processing methods: what each promises, its gradient, and that it saves and loads."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from assay.core.errors import AssayError, MissingExtra
from assay.fairness.frontier.classifier import TableClassifier
from assay.fairness.inprocessing.network import one_thread
from assay.fairness.mitigate.mindiff import discrepancy
from assay.fairness.mitigate.prejudice_remover import Loss
from assay.fairness.mitigation.estimators import favourable_scores
from assay.fairness.mitigation.saved.folder import load, save

OWN = ("constrained-logistic-regression", "prejudice-remover", "adversarial-debiasing", "mindiff")
REDUCTIONS = ("exponentiated-gradient", "grid-search")


def _gap(decisions: Any, group: Any) -> float:
    return abs(float(decisions[group == "a"].mean() - decisions[group == "b"].mean()))


def _pipeline() -> Any:
    columns = make_column_transformer((OneHotEncoder(), ["colour"]), (StandardScaler(), ["merit", "near"]))
    return make_pipeline(columns, LogisticRegression())


def _made(parts: Any, id: str, **settings: Any) -> Any:
    return parts[id].make(**({} if id in OWN else {"estimator": _pipeline()}), **settings)


@pytest.mark.parametrize("id", OWN + REDUCTIONS)
def test_gap_shrinks_on_rows_not_fitted_on(parts: Any, rows: Any, fresh: Any, id: str) -> None:
    plain = TableClassifier().fit(rows.x, rows.y).predict(fresh.x)
    made = _made(parts, id).fit(rows.x, rows.y, protected=rows.group)
    found = made.predict(fresh.x, protected=fresh.group, ids=np.arange(len(fresh.y)))
    assert _gap(plain, fresh.group) > 0.2
    assert _gap(found, fresh.group) < _gap(plain, fresh.group) / 2
    assert (found == fresh.y).mean() > 0.62


@pytest.mark.parametrize("id", OWN + REDUCTIONS)
def test_saved_mitigation_decides_alike(parts: Any, rows: Any, fresh: Any, id: str, tmp_path: Path) -> None:
    made = _made(parts, id).fit(rows.x, rows.y, protected=rows.group)
    save(made, tmp_path / "model")
    again = load(tmp_path / "model", parts=parts)
    ids = np.arange(len(fresh.y))
    given = {"protected": fresh.group, "ids": ids}
    np.testing.assert_allclose(again.predict_proba(fresh.x, **given), made.predict_proba(fresh.x, **given), atol=1e-6)
    np.testing.assert_array_equal(again.predict(fresh.x, **given), made.predict(fresh.x, **given))


def test_constrained_regression_without_constraint_is_logistic_regression(parts: Any, rows: Any) -> None:
    made = parts["constrained-logistic-regression"].make(share=1.0, l2=0.01)
    made.fit(rows.x, rows.y, protected=rows.group)
    plain = TableClassifier(settings={"C": 1 / (0.01 * len(rows.y)), "tol": 1e-8}).fit(rows.x, rows.y)
    np.testing.assert_allclose(made.predict_proba(rows.x), plain.predict_proba(rows.x), atol=2e-3)


@pytest.mark.parametrize("share", [0.0, 0.25, 0.7])
def test_constrained_regression_holds_its_covariance(parts: Any, rows: Any, share: float) -> None:
    make = parts["constrained-logistic-regression"].make
    free = make(share=1.0).fit(rows.x, rows.y, protected=rows.group)
    held = make(share=share).fit(rows.x, rows.y, protected=rows.group)
    z = np.log(held.predict_proba(rows.x)[:, 1] / held.predict_proba(rows.x)[:, 0])
    direct = np.cov(rows.group == "a", z, bias=True)[0, 1]
    np.testing.assert_allclose(held.covariances_, [direct, -direct], atol=1e-8)
    np.testing.assert_allclose(np.abs(held.covariances_), share * np.abs(free.covariances_), atol=1e-4)


def _loss(eta: float = 3.0) -> Loss:
    rng = np.random.default_rng(5)
    weight = rng.random(60)
    y = rng.integers(0, 2, 60).astype(float)
    return Loss(rng.normal(size=(60, 4)), y, np.arange(60) % 3, 3, weight / weight.sum(), eta, 0.01)


def test_prejudice_gradient_is_that_of_the_loss() -> None:
    loss, at = _loss(), np.random.default_rng(6).normal(size=12)
    numeric = approx_fprime(at, lambda theta: loss(theta)[0], 1e-7)
    np.testing.assert_allclose(loss(at)[1], numeric, atol=1e-5)


def test_prejudice_index_is_mutual_information() -> None:
    loss, at = _loss(), np.random.default_rng(7).normal(size=12)
    z = (loss.design @ at.reshape(3, 4).T)[np.arange(60), loss.codes]
    p = 1 / (1 + np.exp(-z))
    joint = np.array([[(loss.weight * q)[loss.codes == g].sum() for q in (1 - p, p)] for g in range(3)])
    outer = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0)
    assert loss.prejudice(at) == pytest.approx(float((joint * np.log(joint / outer)).sum()), abs=1e-12)


def test_prejudice_falls_as_eta_grows(parts: Any, rows: Any) -> None:
    make = parts["prejudice-remover"].make
    found = [make(eta=eta).fit(rows.x, rows.y, protected=rows.group).prejudice_ for eta in (0.0, 1.0, 10.0, 100.0)]
    assert found == sorted(found, reverse=True)
    assert found[-1] < found[0] / 20


def test_discrepancy_against_its_definition() -> None:
    rng = np.random.default_rng(8)
    score, group = rng.random(40), rng.integers(0, 2, 40)

    def kernel(a: Any, b: Any) -> float:
        return float(np.exp(-(((a[:, None] - b[None, :]) / 0.3) ** 2) / 2).mean())

    a, b = score[group == 0], score[group == 1]
    direct = kernel(a, a) + kernel(b, b) - 2 * kernel(a, b)
    with one_thread(0) as torch:
        members = torch.tensor(np.stack([group == 0, group == 1]).astype(float))
        found = float(discrepancy(torch, torch.tensor(score), members, 0.3))
        alike = float(discrepancy(torch, torch.full((40,), 0.5, dtype=torch.float64), members, 0.3))
    assert found == pytest.approx(2 * direct, abs=1e-12)
    assert alike == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("id", ["adversarial-debiasing", "mindiff"])
def test_networks_repeat_and_leave_torch_as_it_was(parts: Any, rows: Any, id: str) -> None:
    import torch

    before, state = torch.get_num_threads(), torch.get_rng_state()
    first, second = (parts[id].make(steps=20, seed=4).fit(rows.x, rows.y, protected=rows.group) for _ in range(2))
    np.testing.assert_array_equal(first.predict_proba(rows.x), second.predict_proba(rows.x))
    assert torch.get_num_threads() == before
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("id", ["adversarial-debiasing", "mindiff"])
def test_strength_is_what_shrinks_the_gap(parts: Any, rows: Any, fresh: Any, id: str) -> None:
    free, held = (parts[id].make(strength=s).fit(rows.x, rows.y, protected=rows.group) for s in (0.0, 3.0))
    assert _gap(held.predict(fresh.x), fresh.group) < _gap(free.predict(fresh.x), fresh.group) / 2


@pytest.mark.parametrize("constraint", ["equal-opportunity", "fpr-parity"])
def test_mindiff_for_one_outcome(parts: Any, rows: Any, fresh: Any, constraint: str) -> None:
    among = fresh.y == (constraint == "equal-opportunity")
    plain = TableClassifier().fit(rows.x, rows.y).predict(fresh.x)
    made = parts["mindiff"].make(constraint=constraint, strength=4.0).fit(rows.x, rows.y, protected=rows.group)
    found = made.predict(fresh.x)
    assert _gap(found[among], fresh.group[among]) < _gap(plain[among], fresh.group[among]) * 0.7


def test_adversary_for_equalized_odds(parts: Any, rows: Any, fresh: Any) -> None:
    def widest(decisions: Any) -> float:
        return max(_gap(decisions[fresh.y == y], fresh.group[fresh.y == y]) for y in (0, 1))

    made = parts["adversarial-debiasing"].make(constraint="equalized-odds", strength=2.0)
    found = made.fit(rows.x, rows.y, protected=rows.group).predict(fresh.x)
    assert widest(found) < widest(TableClassifier().fit(rows.x, rows.y).predict(fresh.x)) / 2


def test_mixture_is_the_weighted_mean_of_its_members(parts: Any, rows: Any) -> None:
    made = _made(parts, "exponentiated-gradient").fit(rows.x, rows.y, protected=rows.group)
    members = np.stack([np.asarray(m.predict(rows.x), dtype=float) for m in made.estimator_.estimators_])
    np.testing.assert_allclose(made.selection_probability(rows.x), made.chances_ @ members, atol=1e-9)
    chance = made.selection_probability(rows.x)
    assert _gap(chance, rows.group) < 0.05


def test_mixture_is_fairlearns(parts: Any, rows: Any) -> None:
    from fairlearn.reductions import DemographicParity
    from fairlearn.reductions import ExponentiatedGradient as Peer

    x = rows.x[["merit", "near"]].to_numpy()
    peer = Peer(LogisticRegression(), DemographicParity(difference_bound=0.01), eps=0.01)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        peer.fit(x, rows.y, sensitive_features=rows.group)
        theirs = peer._pmf_predict(x)[:, 1]
    made = parts["exponentiated-gradient"].make(estimator=LogisticRegression())
    ours = made.fit(x, rows.y, protected=rows.group).selection_probability(x)
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_drawn_decisions_follow_the_share_and_stay(parts: Any, rows: Any) -> None:
    made = _made(parts, "exponentiated-gradient", tolerance=0.02).fit(rows.x, rows.y, protected=rows.group)
    ids = np.arange(len(rows.y))
    first, second = made.predict(rows.x, ids=ids), made.predict(rows.x, ids=ids)
    np.testing.assert_array_equal(first, second)
    assert first.mean() == pytest.approx(made.selection_probability(rows.x).mean(), abs=0.03)
    with pytest.raises(AssayError, match="0 subject ids"):
        made.predict(rows.x)


def test_grid_keeps_the_best_trade(parts: Any, rows: Any) -> None:
    made = _made(parts, "grid-search", importance=1.0).fit(rows.x, rows.y, protected=rows.group)
    assert made.chosen_ == int(np.argmin(made.differences_))
    assert favourable_scores(made.estimator_, rows.x).shape == (len(rows.y),)


@pytest.mark.parametrize(
    ("id", "settings"),
    [
        ("mindiff", {"constraint": "odds"}),
        ("adversarial-debiasing", {"constraint": "odds"}),
        ("exponentiated-gradient", {"constraint": "odds"}),
        ("grid-search", {"constraint": "odds"}),
        ("constrained-logistic-regression", {"share": -1.0}),
        ("prejudice-remover", {"eta": float("nan")}),
        ("mindiff", {"steps": 0}),
        ("exponentiated-gradient", {"tolerance": 0.0}),
    ],
)
def test_wrong_settings_are_errors(parts: Any, rows: Any, id: str, settings: dict[str, Any]) -> None:
    with pytest.raises(AssayError) as caught:
        _made(parts, id, **settings).fit(rows.x, rows.y, protected=rows.group)
    assert caught.value.code == "parameter"


@pytest.mark.parametrize("id", OWN)
def test_own_models_take_no_estimator_and_weigh_rows(parts: Any, rows: Any, id: str) -> None:
    with pytest.raises(AssayError, match="takes no estimator"):
        parts[id].make(estimator=_pipeline()).fit(rows.x, rows.y, protected=rows.group)
    with pytest.raises(AssayError, match="same outcome"):
        parts[id].make().fit(rows.x, np.ones(len(rows.y)), protected=rows.group)


@pytest.mark.parametrize("id", ["constrained-logistic-regression", "prejudice-remover"])
def test_whole_weights_are_repeated_rows(parts: Any, rows: Any, id: str) -> None:
    times = np.random.default_rng(9).integers(1, 4, len(rows.y))
    twice = np.repeat(np.arange(len(rows.y)), times)
    x = rows.x[["merit", "near"]].to_numpy()
    weighted = parts[id].make(l2=0.0).fit(x, rows.y, protected=rows.group, sample_weight=times)
    repeated = parts[id].make(l2=0.0).fit(x[twice], rows.y[twice], protected=rows.group[twice])
    given = {"protected": rows.group}
    np.testing.assert_allclose(weighted.predict_proba(x, **given), repeated.predict_proba(x, **given), atol=2e-3)


@pytest.mark.parametrize("id", REDUCTIONS)
def test_reductions_refuse_weights(parts: Any, rows: Any, id: str) -> None:
    with pytest.raises(AssayError, match="no sample_weight"):
        _made(parts, id).fit(rows.x, rows.y, protected=rows.group, sample_weight=np.ones(len(rows.y)))


@pytest.mark.parametrize(
    ("id", "module", "extra"),
    [
        ("mindiff", "torch", "deep"),
        ("adversarial-debiasing", "torch", "deep"),
        ("grid-search", "fairlearn.reductions", "fairness"),
        ("exponentiated-gradient", "fairlearn.reductions", "fairness"),
    ],
)
def test_missing_extra_is_named(
    parts: Any, rows: Any, id: str, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra) as caught:
        _made(parts, id).fit(rows.x, rows.y, protected=rows.group)
    assert caught.value.extra == extra
