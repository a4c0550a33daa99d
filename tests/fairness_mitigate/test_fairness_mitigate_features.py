"""Mitigations that change features: published answers, theorems, and proof that they change something."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp

from assay.core.errors import AssayError
from assay.fairness.mitigate.correlation_remover import CorrelationRemover
from assay.fairness.mitigate.disparate_impact_remover import DisparateImpactRemover
from assay.fairness.mitigate.suppression import Suppression
from assay.fairness.mitigate.synthesis import MixedSpace, Synthesis
from assay.fairness.mitigation.columns.association import associations, linear_auc


class Keeper:
    """Keeps the features it is fitted on and asked for."""

    classes_ = np.array([0, 1])

    def get_params(self, deep=True):
        return {}

    def fit(self, X, y, sample_weight=None):
        self.X, self.y = X, y
        return self

    def predict(self, X):
        self.asked = X
        return np.zeros(len(X), dtype=int)

    def predict_proba(self, X):
        self.asked = X
        return np.column_stack([np.ones(len(X)), np.zeros(len(X))])


# -- disparate-impact remover ----------------------------------------------------------------------------------


def test_full_repair_makes_each_number_alike_in_all_groups_and_keeps_the_order(table):
    fitted = DisparateImpactRemover(Keeper()).fit(table.x, table.y, protected=table.s)
    repaired = fitted.estimator_.X
    of = {g: table.s == g for g in ("a", "b")}
    assert ks_2samp(*(table.x["income"][of[g]] for g in of)).statistic > 0.3
    assert ks_2samp(*(repaired["income"][of[g]] for g in of)).statistic < 0.06
    for g in of:
        order = np.argsort(table.x["income"][of[g]], kind="stable")
        assert (np.diff(repaired["income"][of[g]].to_numpy()[order]) >= -1e-9).all()
    assert fitted.moved_["income"] > 0.2
    assert (repaired["area"] == table.x["area"]).all()


def test_two_uniform_groups_meet_halfway_and_the_level_is_linear():
    line = (np.arange(2_000) + 0.5) / 2_000
    x, s = np.concatenate([line, line + 1])[:, None], np.repeat([0, 1], 2_000)
    y = np.tile([0, 1], 2_000)
    full = DisparateImpactRemover(Keeper()).fit(x, y, protected=s).estimator_.X[:, 0]
    assert full == pytest.approx(np.tile(line + 0.5, 2), abs=2e-3)
    part = DisparateImpactRemover(Keeper(), level=0.25).fit(x, y, protected=s).estimator_.X[:, 0]
    assert part == pytest.approx(0.75 * x[:, 0] + 0.25 * full)
    none = DisparateImpactRemover(Keeper(), level=0.0).fit(x, y, protected=s)
    assert none.estimator_.X[:, 0] == pytest.approx(x[:, 0])
    assert none.moved_ == {"0": pytest.approx(0)}


def test_the_median_of_three_groups_is_the_goal():
    line = (np.arange(1_000) + 0.5) / 1_000
    x, s = np.concatenate([line, line + 5, line + 6])[:, None], np.repeat([0, 1, 2], 1_000)
    full = DisparateImpactRemover(Keeper()).fit(x, np.tile([0, 1], 1_500), protected=s).estimator_.X[:, 0]
    assert full == pytest.approx(np.tile(line + 5, 3), abs=2e-3)


def test_new_rows_are_repaired_by_their_group_and_names_can_be_dropped(table):
    fitted = DisparateImpactRemover(Keeper(), columns=["income"], drop_names=True).fit(
        table.x, table.y, protected=table.s
    )
    assert list(fitted.estimator_.X.columns) == ["skill", "income"]
    assert np.array_equal(fitted.estimator_.X["skill"], table.x["skill"])
    new = table.x.iloc[:2].assign(income=[30, 30])
    fitted.predict(new, protected=["a", "b"])
    moved = fitted.estimator_.asked["income"].to_numpy()
    assert moved[0] > 30 > moved[1]
    with pytest.raises(AssayError, match="needs the protected attribute at decision time"):
        fitted.predict(new)


def test_what_cannot_be_repaired_is_an_error(table):
    with pytest.raises(AssayError, match="No column holds numbers"):
        DisparateImpactRemover(Keeper()).fit(table.x[["area"]], table.y, protected=table.s)
    with pytest.raises(AssayError, match="Unknown numeric column 'area'"):
        DisparateImpactRemover(Keeper(), columns=["area"]).fit(table.x, table.y, protected=table.s)
    with pytest.raises(AssayError, match="missing or infinite in 'skill'"):
        DisparateImpactRemover(Keeper()).fit(table.x.assign(skill=np.nan), table.y, protected=table.s)
    with pytest.raises(AssayError, match="is not in \\[0, 1\\]"):
        DisparateImpactRemover(Keeper(), level=1.5).fit(table.x, table.y, protected=table.s)


# -- correlation remover ---------------------------------------------------------------------------------------


def test_the_four_rows_of_fairlearn():
    x = np.array([[1.0, 0.1], [1.0, 0.2], [2.0, 1.2], [2.0, 1.1]])
    removed = CorrelationRemover(Keeper()).fit(x, [0, 1, 0, 1], protected=[0, 0, 1, 1]).estimator_.X
    assert removed == pytest.approx(np.array([[1.5, 0.6], [1.5, 0.7], [1.5, 0.7], [1.5, 0.6]]))


def test_correlation_remover_is_fairlearns_also_on_new_rows():
    from fairlearn.preprocessing import CorrelationRemover as Peer

    rng = np.random.default_rng(0)
    s = rng.integers(0, 3, 300)
    x = rng.normal(size=(300, 4)) + s[:, None] * [1, 0, 2, -1]
    dummies = np.column_stack([s == 1, s == 2]).astype(float)
    both = np.column_stack([dummies, x])
    peer = Peer(sensitive_feature_ids=[0, 1], alpha=0.7).fit(both[:200])
    ours = CorrelationRemover(Keeper(), alpha=0.7).fit(x[:200], rng.integers(0, 2, 200), protected=s[:200])
    removed = ours.estimator_.X
    assert removed == pytest.approx(peer.transform(both[:200]))
    ours.predict(x[200:], protected=s[200:])
    assert ours.estimator_.asked == pytest.approx(peer.transform(both[200:]))


def test_no_encoded_column_is_correlated_with_the_group(table):
    weight = np.random.default_rng(1).random(600) + 0.1
    removed = CorrelationRemover(Keeper()).fit(table.x, table.y, protected=table.s, sample_weight=weight).estimator_.X
    assert removed.shape == (600, 4)
    for column in removed.T:
        means = [np.average(column[table.s == g], weights=weight[table.s == g]) for g in ("a", "b")]
        assert means[0] == pytest.approx(means[1], abs=1e-9)


# -- suppression -----------------------------------------------------------------------------------------------


def test_suppression_shows_what_it_does(table, model):
    fitted = Suppression(model, association=0.3).fit(table.x, table.y, protected=table.s)
    assert set(fitted.constants_) == {"income", "area"}
    assert fitted.constants_["area"] in ("north", "south")
    assert isinstance(fitted.constants_["income"], int)
    effect = fitted.effect_
    assert effect["group_auc"]["all"] > 0.8
    assert 0.4 < effect["group_auc"]["left"] < 0.6
    assert effect["selection_rate_gap"]["left"] < effect["selection_rate_gap"]["all"]
    assert effect["selection_rate_gap"]["reduction"]["low"] > 0
    assert effect["accuracy"]["left"] < effect["accuracy"]["all"]
    alone = fitted.predict_proba(table.x[["skill"]])
    assert np.array_equal(alone, fitted.predict_proba(table.x))  # what is suppressed need not be there


def test_a_column_that_tells_little_changes_little_and_that_is_shown(table, model):
    fitted = Suppression(model, columns=["area"], association=None).fit(table.x, table.y, protected=table.s)
    assert set(fitted.constants_) == {"area"}
    assert fitted.effect_["group_auc"]["left"] > 0.75
    assert fitted.effect_["selection_rate_gap"]["reduction"]["low"] < 0.05


def test_suppressing_everything_or_what_is_not_there_is_an_error(table, model):
    with pytest.raises(AssayError, match="none would be left"):
        Suppression(model, association=-1.0).fit(table.x, table.y, protected=table.s)
    with pytest.raises(AssayError, match="Did you mean 'income'"):
        Suppression(model, columns=["incomes"]).fit(table.x, table.y, protected=table.s)


def test_association_and_what_a_linear_model_tells():
    rng = np.random.default_rng(4)
    codes = rng.integers(0, 2, 4_000)
    x = pd.DataFrame(
        {"same": codes.astype(str), "noise": rng.normal(size=4_000), "one": 1.0, "gap": np.where(codes, np.nan, 0.5)}
    )
    found = associations(x, codes)
    assert found["same"] == pytest.approx(1, abs=1e-3)
    assert found["gap"] == pytest.approx(1, abs=1e-3)
    assert found["noise"] < 0.1
    assert found["one"] == 0
    fold = np.arange(4_000) % 4
    assert linear_auc(x[["same"]], codes, fold) == 1
    assert linear_auc(x[["noise"]], codes, fold) == pytest.approx(0.5, abs=0.05)
    assert linear_auc(x[[]], codes, fold) is None


# -- synthesis -------------------------------------------------------------------------------------------------


def test_the_distance_of_chawla_et_al():
    """Section 6.1: (1 2 3 A B C) and (4 6 5 A D E) are √(3² + 4² + 2² + Med² + Med²) apart, Med being the median
    standard deviation; here numbers are compared in standard deviations of all rows."""
    x = pd.DataFrame(
        [[1, 2, 3, "A", "B", "C"], [4, 6, 5, "A", "D", "E"], [3, 5, 6, "A", "B", "K"]], columns=list("123456")
    )
    space = MixedSpace(x, ["4", "5", "6"])
    places = space.places(np.arange(3))
    sd = x[["1", "2", "3"]].to_numpy(dtype=float).std(axis=0)
    expected = np.sqrt(((np.array([3, 4, 2]) / sd) ** 2).sum() + 2 * 1.0**2)
    assert np.linalg.norm(places[0] - places[1]) == pytest.approx(expected)
    assert np.linalg.norm(places[0] - places[2]) == pytest.approx(
        np.sqrt(((np.array([2, 3, 3]) / sd) ** 2).sum() + 1.0)
    )


def test_synthetic_rows_give_every_group_the_overall_base_rate(table):
    fitted = Synthesis(Keeper(), seed=1).fit(table.x, table.y, protected=table.s)
    made, y = fitted.estimator_.X, fitted.estimator_.y
    added = np.array(fitted.added_)
    assert len(made) == 600 + added.sum()
    assert np.array_equal(made.iloc[:600]["income"], table.x["income"])
    counts = np.array([[((table.s == g) & (table.y == v)).sum() for v in (0, 1)] for g in ("a", "b")]) + added
    rates = counts[:, 1] / counts.sum(axis=1)
    assert rates == pytest.approx([table.y.mean()] * 2, abs=0.003)
    assert y[600:].sum() == added[:, 1].sum()
    assert made.dtypes.to_dict() == table.x.dtypes.to_dict()


def test_a_synthetic_row_lies_between_rows_of_its_cell_and_takes_their_names(table):
    fitted = Synthesis(Keeper(), target="balanced", seed=2).fit(table.x, table.y, protected=table.s)
    counts = np.array([[((table.s == g) & (table.y == v)).sum() for v in (0, 1)] for g in ("a", "b")])
    assert (counts + fitted.added_ == counts.max()).all()
    made, at = fitted.estimator_.X.iloc[600:], 0
    for g, group in enumerate(("a", "b")):
        for v in (0, 1):
            cell = table.x[(table.s == group) & (table.y == v)]
            new = made.iloc[at : at + fitted.added_[g][v]]
            at += len(new)
            for name in ("skill", "income"):
                assert new[name].between(cell[name].min(), cell[name].max()).all()
            assert set(new["area"]) <= set(cell["area"])
            if len(new):
                assert not new["skill"].isin(cell["skill"]).all()


def test_one_row_is_its_own_neighbour_and_synthesis_is_repeatable():
    x = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0, 5.0], "b": list("uvuvu")})
    y, s = np.array([1, 1, 0, 1, 0]), np.array([0, 0, 0, 1, 1])
    fits = [Synthesis(Keeper(), target="balanced", seed=3).fit(x, y, protected=s).estimator_.X for _ in range(2)]
    pd.testing.assert_frame_equal(*fits)
    assert fits[0].iloc[5:].isin({"a": [3.0, 4.0, 5.0], "b": ["u", "v"]}).all().all()


def test_nothing_is_made_up_from_nothing():
    x, y, s = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0]}), [1, 0, 1, 1], list("ppqq")
    with pytest.raises(AssayError, match="1 groups have rows of one outcome only: 'q'"):
        Synthesis(Keeper()).fit(x, y, protected=s)
    with pytest.raises(AssayError, match="missing or infinite in 'a'"):
        Synthesis(Keeper()).fit(pd.DataFrame({"a": [1.0, np.nan, 2.0, 3.0]}), [0, 1, 0, 1], protected=list("ppqq"))
