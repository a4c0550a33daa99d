"""The checks on whole Cases: the built-in data, predictions without labels, weights and repeated people."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import demographic_parity_difference, demographic_parity_ratio

from assay.core.check import Check
from assay.core.measure import Measure
from assay.data.case import Case
from assay.data.demo import load
from assay.fairness.checks.data.proxies import proxies
from assay.fairness.checks.data.representation import representation
from assay.fairness.checks.error_rates import error_rates
from assay.fairness.checks.selection_rates import selection_rates

Find = Callable[..., Measure]


def ask(check: Check[Any, Any], case: Case, **params: Any) -> list[Measure]:
    assert check.counts is not None
    ((counts,),) = case.count([check.counts])
    return list(check(counts, **params))


def demo(name: str) -> Case:
    found = load(name)
    return Case.from_frame(found.path, name=name, **found.roles)


def test_propublica_from_the_built_in_rows(find: Find) -> None:
    """There the favourable label is no new offence, so that ProPublica's false positives are false negatives here."""
    measures = ask(error_rates, demo("recidivism"), depth=1)
    for race, fnr, fpr, n in (("African-American", 0.4485, 0.2799, 1795), ("Caucasian", 0.2345, 0.4772, 1488)):
        assert find(measures, "fnr", {"race": race}).value == pytest.approx(fnr, abs=5e-5)
        assert find(measures, "fnr", {"race": race}).n == n
        assert find(measures, "fpr", {"race": race}).value == pytest.approx(fpr, abs=5e-5)
    fails = [m for m in measures if m.name == "fnr_gap" and m.over == ("race",)]
    assert fails[0].interval is not None
    assert fails[0].interval.low > 0.10


def test_proxies_of_adult_within_seconds(find: Find) -> None:
    case = demo("income")
    start = time.process_time()
    measures = list(proxies(case))
    assert time.process_time() - start < 10
    by_feature = {m.slice["feature"]: m.value for m in measures if m.name == "proxy_auc" and m.over == ("sex",)}
    assert set(by_feature) == set(case.roles.features)
    assert max(by_feature, key=lambda name: by_feature[name] or 0.0) == "relationship"
    together = find(measures, "proxy_auc_all", over="sex")
    assert together.value == pytest.approx(0.93, abs=0.01)
    assert together.n == 20_000
    assert find(measures, "proxy_auc_all", over="race").method.startswith("mean AUC of one group against the rest")
    few = find(list(proxies(case, rows=2000)), "proxy_auc_all", over="sex")
    assert few.n == 2000
    assert few.value == pytest.approx(0.92, abs=0.03)


def decisions(seed: int, n: int = 800) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    sex = rng.choice(["männlich", "weiblich", None], n, p=[0.55, 0.4, 0.05])
    hired = rng.random(n) < np.where(sex == "weiblich", 0.3, 0.5)
    return pd.DataFrame({"sex": sex, "hired": np.where(hired, "yes", "no")})


def test_predictions_alone_are_enough_for_selection_rates(find: Find) -> None:
    frame = decisions(0)
    case = Case.from_frame(frame, prediction="hired", favourable="yes", protected=["sex"])
    measures = ask(selection_rates, case)
    theirs = {
        "y_true": frame.hired.eq("yes"),
        "y_pred": frame.hired.eq("yes"),
        "sensitive_features": frame.sex.fillna("(none)"),
    }
    gap, ratio = (find(measures, f"selection_rate_{kind}", over="sex") for kind in ("gap", "ratio"))
    assert gap.value == pytest.approx(demographic_parity_difference(**theirs))
    assert ratio.value == pytest.approx(demographic_parity_ratio(**theirs))
    assert find(measures, "selection_rate", {"sex": None}).n == frame.sex.isna().sum()


def test_repeated_people_do_not_narrow_intervals(find: Find) -> None:
    frame = decisions(1).assign(person=np.arange(800))
    four = pd.concat([frame] * 4, ignore_index=True)
    roles: dict[str, Any] = {"prediction": "hired", "favourable": "yes", "protected": ["sex"], "features": []}
    once, copied, told = (
        ask(selection_rates, Case.from_frame(data, **roles, **more))
        for data, more in ((frame.drop(columns="person"), {}), (four, {}), (four, {"unit": "person"}))
    )

    def width(measures: list[Measure], name: str, slice_: dict[str, str | None] | None, over: str) -> float:
        interval = find(measures, name, slice_, over).interval
        assert interval is not None
        return interval.high - interval.low

    for name, slice_, over in (
        ("selection_rate", {"sex": "weiblich"}, ""),
        ("selection_rate_difference", {"sex": "weiblich"}, "sex"),
        ("selection_rate_gap", None, "sex"),
        ("impact_ratio", {"sex": "weiblich"}, "sex"),
    ):
        alone = width(once, name, slice_, over)
        assert width(told, name, slice_, over) == pytest.approx(alone, rel=1e-6)
        assert width(copied, name, slice_, over) < 0.6 * alone


def test_a_population_given_to_the_case(find: Find) -> None:
    frame = decisions(2)
    case = Case.from_frame(
        frame,
        prediction="hired",
        favourable="yes",
        protected=["sex"],
        population={"sex": {"männlich": 0.5, "weiblich": 0.5}},
    )
    measures = ask(representation, case, population=case.roles.population)
    gap = find(measures, "representation_gap", over="sex")
    known = frame.sex.dropna()
    assert gap.value == pytest.approx(abs(known.eq("weiblich").mean() - 0.5))
    assert gap.n == len(known)
