"""The reliability curve of a group: right numbers, no small bins, hidden with the group."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from assay.engine.casefile import of_demo
from assay.engine.run import run
from assay.fairness.scores.reliability import FEWEST, reliability

N = np.array([100.0, 9.0, 50.0])
HITS = np.array([20.0, 9.0, 45.0])
SCORES = np.array([30.0, 4.5, 40.0])


def drawn(**more: float) -> dict[str, object]:
    effective = more.pop("effective", 1.0) * N
    return reliability(N, HITS, SCORES, {"sex": "x<y>"}, effective=effective, level=0.9)


def test_the_table_has_mean_score_rate_and_wilson_bounds_of_every_bin_that_is_large_enough() -> None:
    table = json.loads(drawn()["reliability_table"].data)
    assert [row[:2] + row[4:] for row in table["rows"]] == [[0.3, 0.2, 100], [0.8, 0.9, 50]]
    for row, (hits, n) in zip(table["rows"], [(20, 100), (45, 50)], strict=True):
        assert row[2:4] == pytest.approx(proportion_confint(hits, n, alpha=0.1, method="wilson"), abs=1e-8)
    assert table["caption"] == "Scores and rates for sex = x<y>"


def test_weights_widen_the_intervals() -> None:
    full, half = (json.loads(drawn(effective=e)["reliability_table"].data)["rows"][0] for e in (1.0, 0.5))
    assert half[2] < full[2] < full[3] < half[3]


def test_no_bin_of_few_rows_is_drawn_and_no_curve_without_a_bin() -> None:
    picture = ElementTree.fromstring(drawn()["reliability"].data)
    assert len(picture.findall(".//{*}path")) == 2 + 1  # two bins and the key of the legend
    assert FEWEST > 9
    assert drawn(effective=0.05) == {}


def test_the_groups_of_single_attributes_have_curves_and_combinations_have_none() -> None:
    findings = run(of_demo("credit").case(), checks=("fairness.calibration",), seed=1).findings
    with_curves = [dict(f.measure.slice) for f in findings if f.attachments]
    assert sorted(map(str, with_curves)) == sorted(
        map(
            str,
            [{"sex": "female"}, {"sex": "male"}, {"age_band": "25 and under"}, {"age_band": "over 25"}],
        )
    )
    assert {f.measure.name for f in findings if f.attachments} == {"calibration_error"}
    again = run(of_demo("credit").case(), checks=("fairness.calibration",), seed=1).findings
    assert [f.id for f in findings] == [f.id for f in again]
