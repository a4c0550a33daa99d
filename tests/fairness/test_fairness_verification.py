"""Errors of one-to-one comparison, against brute force over the raw scores."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.core.measure import Measure
from assay.data.case import Case
from assay.engine.areas import registry
from assay.engine.run import measures_of
from assay.fairness.scores.histogram import Histogram
from assay.fairness.scores.matching import equal_error_rate

Array = NDArray[np.float64]


def pairs(n: int, *, seed: int, threshold: float = 0.5, steps: int = 400) -> tuple[pa.Table, Case]:
    rng = np.random.default_rng(seed)
    same, group = rng.random(n) < 0.4, rng.choice(["a", "b", "c"], n, p=[0.5, 0.3, 0.2])
    spread = np.select([group == "a", group == "b"], [0.8, 1.1], 1.5)
    score = np.round(1 / (1 + np.exp(-rng.normal(np.where(same, 1.5, -1.5), spread))) * steps) / steps
    table = pa.table({"same": same.astype(int), "score": score, "group": group})
    case = Case.from_frame(
        table, label="same", score="score", protected=["group"], features=(), threshold=threshold, favourable=1
    )
    return table, case


def measured(case: Case, check: str, **params: object) -> dict[tuple[str, str], Measure]:
    found: Iterator[Measure] = measures_of(registry().check(check), case, verification=True, **params)
    return {(m.name, " ".join(f"{k}={v}" for k, v in m.slice.items())): m for m in found if not m.name.endswith("ce")}


def parts(table: pa.Table) -> Iterator[tuple[str, Array, Array]]:
    score, same, group = (table[name].to_numpy(zero_copy_only=False) for name in ("score", "same", "group"))
    for name in ("", "a", "b", "c"):
        own = (group == name) | (name == "")
        yield name, score[own & (same == 1)], score[own & (same == 0)]


@pytest.mark.parametrize("seed", range(3))
def test_rates_at_the_threshold_are_counted(seed: int) -> None:
    table, case = pairs(3000, seed=seed, threshold=0.6)
    found = measured(case, "fairness.verification_rates")
    values = {}
    for name, mated, other in parts(table):
        where = f"group={name}" if name else ""
        values[name] = float(np.mean(other >= 0.6))
        assert found["fmr", where].value == pytest.approx(values[name], abs=1e-12)
        assert found["fnmr", where].value == pytest.approx(np.mean(mated < 0.6), abs=1e-12)
        assert found["fnmr", where].n == len(mated)
    del values[""]
    assert found["fmr_gap", ""].value == pytest.approx(max(values.values()) - min(values.values()))
    assert found["fmr_ratio", ""].value == pytest.approx(min(values.values()) / max(values.values()))


@pytest.mark.parametrize("seed", range(3))
def test_errors_at_one_threshold_for_all_groups(seed: int) -> None:
    table, case = pairs(6000, seed=seed)
    found = measured(case, "fairness.verification_scores", fmr=(0.05, 0.01))
    everyone = next(parts(table))[2]
    for target in (0.05, 0.01):
        threshold = min(t for t in np.unique(table["score"].to_numpy()) if np.mean(everyone >= t) <= target)
        for name, mated, other in parts(table):
            where = f"overall fmr={target:g}" + (f" group={name}" if name else "")
            assert found["fnmr", where].value == pytest.approx(np.mean(mated < threshold), abs=1e-12)
            assert found["fmr", where].value == pytest.approx(np.mean(other >= threshold), abs=1e-12)
        assert found["fmr", f"overall fmr={target:g}"].value <= target


@pytest.mark.parametrize("seed", range(3))
def test_the_equal_error_rate_is_where_the_curves_cross(seed: int) -> None:
    table, case = pairs(3000, seed=seed)
    found = measured(case, "fairness.verification_scores")
    for name, mated, other in parts(table):
        levels = np.append(np.unique(table["score"].to_numpy()), 2.0)
        misses = np.array([np.mean(mated < t) for t in levels])
        matches = np.array([np.mean(other >= t) for t in levels])
        i = int(np.argmax(misses >= matches))
        share = np.linspace(0, 1, 100_001)
        lines = [(1 - share) * curve[i - 1] + share * curve[i] for curve in (misses, matches)]
        expected = lines[0][np.argmin(np.abs(lines[0] - lines[1]))]
        assert found["eer", f"group={name}" if name else ""].value == pytest.approx(expected, abs=1e-5)


def test_the_interval_of_the_equal_error_rate_covers_it() -> None:
    """Two normal populations one apart on each side of 0: the rate is Φ(−1) for equal spreads, a known number."""
    truth, rng = 0.158655, np.random.default_rng(11)
    edges = np.linspace(-4, 4, 161)
    for mated_n, other_n in ((60, 60), (400, 400), (50, 5000)):
        held = 0
        for _ in range(400):
            mated, other = rng.normal(1, 1, mated_n), rng.normal(-1, 1, other_n)
            tables = []
            for values in (mated, other):
                size = np.bincount(np.searchsorted(edges, values, side="right"), minlength=162).astype(float)
                tables.append(Histogram(size, np.zeros(162), len(values), float(len(values))))
            interval = equal_error_rate(*tables, level=0.95).interval
            assert interval is not None
            held += interval.low <= truth <= interval.high
        assert held >= 0.935 * 400


def test_what_cannot_be_said_has_a_reason() -> None:
    _, case = pairs(900, seed=1)
    (only,) = measures_of(registry().check("fairness.verification_rates"), case)
    assert only.value is None
    assert only.reason is not None
    assert "verification" in only.reason.text()
    few = measured(case, "fairness.verification_scores", fmr=(0.001,))["fnmr", "overall fmr=0.001"]
    assert few.value is None
    assert few.reason is not None
    assert "30000" in few.reason.text()
    with pytest.raises(AssayError, match="between 0 and 1"):
        measured(case, "fairness.verification_scores", fmr=(1.5,))
    apart = Histogram(np.array([0.0, 5.0]), np.zeros(2), 5, 5.0), Histogram(np.array([7.0, 0.0]), np.zeros(2), 7, 7.0)
    assert equal_error_rate(*apart, level=0.95).value == 0.0
    assert equal_error_rate(apart[1], apart[0], level=0.95).value == 1.0
    tied = Histogram(np.array([4.0]), np.zeros(1), 4, 4.0)
    assert equal_error_rate(tied, tied, level=0.95).value == 0.5
    none = Histogram(np.zeros(2), np.zeros(2), 0, 0.0)
    assert equal_error_rate(none, apart[1], level=0.95).reason is not None
