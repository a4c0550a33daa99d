"""Wilson, Newcombe, Katz and Koopman against published values and statsmodels; the quantiles under them."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import studentized_range
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from assay.core.errors import AssayError
from assay.core.measure import Share
from assay.stats.quantiles import studentised_range, two_sided, two_sided_p
from assay.stats.rates import koopman, newcombe, ratio, wilson, wilson_bounds


def share(hits: int, rows: int) -> Share:
    return Share(hits, rows, rows, rows)


@st.composite
def shares(draw: st.DrawFn, least: int = 0) -> Share:
    rows = draw(st.integers(1, 10_000))
    return share(draw(st.integers(min(least, rows), rows)), rows)


def test_newcombe_gives_the_published_interval() -> None:
    # Newcombe (1998), table II, contrast (a), method 10
    got = newcombe(share(56, 70), share(48, 80))
    assert (round(got.low, 4), round(got.high, 4)) == (0.0524, 0.3339)
    assert got.method == "Newcombe 10"


@pytest.mark.parametrize(
    ("hits", "expected"),
    [((9, 10, 3, 10), (0.1705, 0.8090)), ((6, 7, 2, 7), (0.0582, 0.8062)), ((10, 10, 0, 10), (0.6075, 1.0))],
)
def test_newcombe_gives_the_other_published_contrasts(
    hits: tuple[int, int, int, int], expected: tuple[float, float]
) -> None:
    # Newcombe (1998), table II, contrasts (b), (c) and (h), method 10
    x, n, y, m = hits
    got = newcombe(share(x, n), share(y, m))
    assert (round(got.low, 4), round(got.high, 4)) == expected


@pytest.mark.parametrize(("hits", "rows"), [(0, 10), (1, 10), (7, 20), (20, 20), (3, 50_000), (499, 500)])
@pytest.mark.parametrize("level", [0.8, 0.95, 0.999])
def test_wilson_agrees_with_statsmodels(hits: int, rows: int, level: float) -> None:
    got = wilson(share(hits, rows), level=level)
    expected = proportion_confint(hits, rows, alpha=1 - level, method="wilson")
    assert (got.low, got.high) == pytest.approx(expected, abs=1e-12)


PAIRS = [(56, 70, 48, 80), (1, 30, 7, 20), (10, 10, 5, 20), (3, 5000, 9, 5000), (700, 1000, 20, 30)]


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_two_rates_agree_with_statsmodels(pair: tuple[int, int, int, int], level: float) -> None:
    a, b = share(*pair[:2]), share(*pair[2:])

    def expected(**how: object) -> tuple[float, float]:
        low, high = confint_proportions_2indep(*pair, alpha=1 - level, correction=False, **how)
        return float(low), float(high)

    difference = newcombe(a, b, level=level)
    assert (difference.low, difference.high) == pytest.approx(expected(compare="diff", method="newcomb"), abs=1e-12)
    log = ratio(a, b, level=level)
    assert log is not None
    assert (log.low, log.high) == pytest.approx(expected(compare="ratio", method="log"), rel=1e-12)
    score = koopman(a, b, level=level)
    assert score is not None
    assert (score.low, score.high) == pytest.approx(expected(compare="ratio", method="score"), rel=1e-6)


def test_koopman_answers_where_the_log_method_cannot() -> None:
    assert ratio(share(0, 20), share(5, 30)) is None
    none_of_a = koopman(share(0, 20), share(5, 30))
    assert none_of_a is not None
    assert none_of_a.low == 0
    assert none_of_a.high == pytest.approx(1.03499, abs=1e-5)
    assert ratio(share(20, 20), share(30, 30)) is None
    both_full = koopman(share(20, 20), share(30, 30))
    assert both_full is not None
    assert both_full.low < 1 < both_full.high
    assert koopman(share(5, 20), share(0, 30)) is None
    assert koopman(share(0, 20), share(1, 30), level=0.2) is not None


def test_an_empty_share_is_refused_with_words() -> None:
    empty = Share(0, 0, 0, 0)
    for call in (lambda: wilson(empty), lambda: newcombe(empty, share(1, 2)), lambda: koopman(share(1, 2), empty)):
        with pytest.raises(AssayError, match="without rows") as caught:
            call()
        assert caught.value.code == "empty-denominator"
    with pytest.raises(AssayError, match="level 95"):
        wilson(share(1, 2), level=95)


def test_weights_widen_through_the_effective_n() -> None:
    weighted = Share(hits=400.0, total=1000.0, rows=200, effective=50.0)
    assert wilson(weighted) == wilson(share(20, 50))
    assert newcombe(weighted, share(20, 50)) == newcombe(share(20, 50), share(20, 50))


@given(shares())
def test_wilson_holds_the_value_and_mirrors(a: Share) -> None:
    got, mirrored = wilson(a), wilson(share(int(a.total - a.hits), int(a.total)))
    assert 0 <= got.low <= a.hits / a.total <= got.high <= 1
    assert (got.low, got.high) == pytest.approx((1 - mirrored.high, 1 - mirrored.low), abs=1e-12)
    assert wilson(a, level=0.99).low <= got.low


@given(shares(), shares())
def test_newcombe_changes_sign_with_its_arguments(a: Share, b: Share) -> None:
    there, back = newcombe(a, b), newcombe(b, a)
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low), abs=1e-12)
    assert there.low <= a.hits / a.total - b.hits / b.total <= there.high


@given(shares(1), shares(1))
def test_koopman_inverts_with_its_arguments_and_holds_the_value(a: Share, b: Share) -> None:
    there, back = koopman(a, b), koopman(b, a)
    assert there is not None
    assert back is not None
    assert there.low == pytest.approx(1 / back.high, rel=1e-6)
    assert there.low <= a.hits / a.total / (b.hits / b.total) * (1 + 1e-9)
    assert there.high >= a.hits / a.total / (b.hits / b.total) * (1 - 1e-9)


@given(shares())
def test_array_and_scalar_wilson_agree(a: Share) -> None:
    low, high = wilson_bounds(np.array([a.hits / a.total]), np.array([a.total]), two_sided(0.95))
    got = wilson(a)
    assert (got.low, got.high) == pytest.approx((low[0], high[0]), abs=1e-14)


@pytest.mark.parametrize("k", [2, 3, 10, 60, 1000])
@pytest.mark.parametrize("p", [0.05, 0.97, 0.9999])
def test_the_studentised_range_agrees_with_scipy(k: int, p: float) -> None:
    assert studentised_range(p, k) == pytest.approx(float(studentized_range.ppf(p, k, math.inf)), abs=1e-8)


def test_two_sided_p_holds_far_into_the_tail() -> None:
    assert two_sided_p(two_sided(0.95)) == pytest.approx(0.05, abs=1e-15)
    assert two_sided_p(-30.0) == pytest.approx(9.813671e-198, rel=1e-6)


def test_a_studentised_range_needs_two_groups() -> None:
    with pytest.raises(AssayError, match="k=1"):
        studentised_range(0.95, 1)


def test_importing_every_module_loads_no_heavy_library() -> None:
    names = "auc bootstrap calibration equivalence families gaps moments quantiles rates shrinkage tests weighted"
    imports = "; ".join(f"import assay.stats.{name}" for name in names.split())
    program = f"{imports}; import sys; print(sorted(m for m in sys.modules if m.split('.')[0] in ('scipy', 'pandas')))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
