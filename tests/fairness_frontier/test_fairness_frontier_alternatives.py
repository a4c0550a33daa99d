"""The search for less discriminatory alternatives: what is kept, and what flips, against the models themselves."""

from __future__ import annotations

import json

import numpy as np
import pytest

from assay.core.errors import AssayError
from assay.data.case import Case
from assay.fairness.frontier.alternatives import CHOOSING, alternatives
from assay.fairness.frontier.classifier import TableClassifier
from assay.fairness.frontier.rows import divided
from assay.fairness.frontier.search import Search


@pytest.fixture(scope="module")
def search(recidivism: Case) -> Search:
    return alternatives(recidivism, n=12, attributes=("sex",), tolerance=0.02, seed=2, jobs=1)


def test_kept_are_near_the_best_on_rows_set_aside(search: Search) -> None:
    best = max(model.chosen_by for model in search.models)
    assert search.models[search.best].chosen_by == best
    assert [model.kept for model in search.models] == [model.chosen_by >= best - 0.02 for model in search.models]
    assert len(search.kept) > 1
    assert search.models[search.alternative].kept
    assert all((model.outcome is not None) == model.kept for model in search.models)


def test_numbers_are_those_of_the_models_made_again(search: Search, recidivism: Case) -> None:
    rows = divided(recidivism, attributes=("sex",), seed=2)
    aside = np.random.default_rng(2).random(len(rows.train)) < CHOOSING
    fit, choose = rows.train.only(np.flatnonzero(~aside)), rows.train.only(np.flatnonzero(aside))
    decided = []
    for model in search.kept:
        made = TableClassifier(model.kind, settings=dict(model.settings), seed=model.seed).fit(fit.x, fit.y)
        assert (made.predict(choose.x) == choose.y).mean() == pytest.approx(model.chosen_by)
        decided.append(made.predict(rows.test.x))
    table, sex = np.stack(decided), rows.test.protected["sex"].to_numpy()
    split = (table != table[0]).any(axis=0)
    assert [flip.slice for flip in search.flips] == [{}, {"sex": "Female"}, {"sex": "Male"}]
    direct = [split.mean(), split[sex == "Female"].mean(), split[sex == "Male"].mean()]
    assert [flip.value for flip in search.flips] == pytest.approx(direct)
    gaps = [abs(float(d[sex == "Female"].mean() - d[sex == "Male"].mean())) for d in decided]
    assert (search.lowest, search.highest) == pytest.approx((min(gaps), max(gaps)))


def test_search_is_a_record_and_repeats(search: Search, recidivism: Case) -> None:
    again = alternatives(recidivism, n=12, attributes=("sex",), tolerance=0.02, seed=2, jobs=2)
    assert json.dumps(search.to_json(), allow_nan=False) == json.dumps(again.to_json(), allow_nan=False)
    assert search.to_json()["gap"]["kept"] == len(search.kept)
    assert search.reduction.before >= 0


def test_only_the_best_is_kept_without_tolerance(recidivism: Case) -> None:
    found = alternatives(recidivism, n=4, attributes=("sex",), tolerance=0.0, seed=3, jobs=1)
    assert [model.number for model in found.kept] == [found.best] == [found.alternative]
    assert found.flips[0].value == 0
    assert found.lowest == found.highest == found.reduction.before == found.reduction.after


@pytest.mark.parametrize(("n", "tolerance"), [(1, 0.01), (10, -0.1), (10, 1.0)])
def test_wrong_requests_are_errors(recidivism: Case, n: int, tolerance: float) -> None:
    with pytest.raises(AssayError, match="says nothing"):
        alternatives(recidivism, n=n, tolerance=tolerance)
