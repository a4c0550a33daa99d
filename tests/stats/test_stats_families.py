"""Adjusted p-values against statsmodels, and the error rates they promise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from assay.core.errors import AssayError
from assay.stats.families import benjamini_hochberg, benjamini_yekutieli, holm

METHODS = {"holm": holm, "fdr_bh": benjamini_hochberg, "fdr_by": benjamini_yekutieli}


@pytest.mark.parametrize("name", METHODS)
@settings(max_examples=25, deadline=None)
@given(p=st.lists(st.floats(0, 1, allow_subnormal=False), min_size=1, max_size=40))
def test_adjusted_p_values_agree_with_statsmodels(name: str, p: list[float]) -> None:
    assert METHODS[name](p) == pytest.approx(multipletests(p, method=name)[1], abs=1e-12)


@pytest.mark.parametrize("name", METHODS)
def test_ties_and_order_are_kept_and_nothing_is_changed_in_place(name: str) -> None:
    p = np.array([0.04, 0.001, 0.04, 0.5, 0.001])
    before = p.copy()
    got = METHODS[name](p)
    assert np.array_equal(p, before)
    assert got[0] == got[2]
    assert got[1] == got[4]
    assert (got >= p).all()
    assert METHODS[name]([]).shape == (0,)


def test_what_is_no_p_value_is_refused() -> None:
    for wrong in ([0.1, float("nan")], [1.2], [-0.1], [[0.1, 0.2]]):
        with pytest.raises(AssayError, match="numbers between 0 and 1"):
            holm(wrong)


def test_false_alarms_stay_at_five_percent() -> None:
    rng = np.random.default_rng(1)
    any_alarm = dict.fromkeys(METHODS, 0)
    for p in rng.uniform(size=(3000, 20)):
        for name, method in METHODS.items():
            any_alarm[name] += bool((method(p) < 0.05).any())
    rates = {name: count / 3000 for name, count in any_alarm.items()}
    assert rates["holm"] == pytest.approx(0.05, abs=0.012)
    assert rates["fdr_bh"] == pytest.approx(0.05, abs=0.012)
    assert rates["fdr_by"] < 0.03


def test_among_real_effects_holm_keeps_the_family_and_bh_the_share_of_false_ones() -> None:
    from scipy.special import ndtr

    rng = np.random.default_rng(2)
    family, shares, found = 0, [], 0
    for z in rng.standard_normal((2000, 30)) + np.r_[np.full(10, 3.2), np.zeros(20)]:
        p = 2 * ndtr(-np.abs(z))
        family += bool((holm(p)[10:] < 0.05).any())
        chosen = benjamini_hochberg(p) < 0.1
        shares.append(chosen[10:].sum() / max(1, chosen.sum()))
        found += int(chosen[:10].sum())
    assert family / 2000 <= 0.05 + 0.015
    assert np.mean(shares) == pytest.approx(0.1 * 20 / 30, abs=0.012)
    assert found / 2000 > 7
