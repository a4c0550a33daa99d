"""Calibration error: its value against a simulation of its definition, its coverage at and away from 0."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.stats.calibration import calibration_in_the_large, expected_calibration_error, pooled

Floats = NDArray[np.float64]
MIDDLES = (np.arange(10) + 0.5) / 10
TRUTHS: dict[str, Floats] = {
    "perfect": MIDDLES,
    "overconfident": 0.5 + 0.7 * (MIDDLES - 0.5),
    "shifted": np.clip(MIDDLES + 0.05, 0, 1),
    "one bin off": MIDDLES + 0.3 * (np.arange(10) == 4),
    "half off": MIDDLES - 0.06 * (np.arange(10) >= 5),
    "all a little off": MIDDLES + 0.03 * (-1.0) ** np.arange(10),
}


@pytest.mark.parametrize("rows", [20, 100, 1000])
@pytest.mark.parametrize("kind", TRUTHS)
def test_the_interval_covers(kind: str, rows: int) -> None:
    rng = np.random.default_rng([1, rows])
    n, rates = np.full(10, rows), TRUTHS[kind]
    truth = float(np.abs(rates - MIDDLES).mean())
    held = 0
    for positives in rng.binomial(n, rates, size=(300, 10)):
        got = expected_calibration_error(n, positives, MIDDLES * n, rng=rng, draws=1000)
        held += got.interval.low - 1e-12 <= truth <= got.interval.high
        assert got.interval.low <= got.value <= got.interval.high
    assert held / 300 >= 0.94 - 0.041


def test_rare_positives_cover_too() -> None:
    rng = np.random.default_rng(2)
    scores, n = MIDDLES**3 / 2 + 1e-3, np.full(10, 60)
    held = 0
    for positives in rng.binomial(n, scores, size=(400, 10)):
        held += expected_calibration_error(n, positives, scores * n, rng=rng, draws=1000).interval.low == 0
    assert held / 400 >= 0.94 - 0.036


def test_the_value_takes_out_the_bias_its_definition_finds() -> None:
    n = np.array([50, 80, 40, 60])
    positives, scores = np.array([5, 20, 22, 55]), np.array([0.08, 0.3, 0.5, 0.97]) * n
    rng = np.random.default_rng(3)
    got = expected_calibration_error(n, positives, scores, rng=rng)
    # Kumar et al. (2019): draw each bin's rate again from its normal, and take the mean excess off
    rates, share = positives / n, n / n.sum()
    again = rng.normal(rates, np.sqrt(rates * (1 - rates) / n), size=(400_000, 4))
    redrawn = float((np.abs(again - scores / n) @ share).mean())
    raw = float(np.abs(rates - scores / n) @ share)
    assert got.raw == pytest.approx(raw, abs=1e-12)
    assert got.value == pytest.approx(2 * raw - redrawn, abs=2e-4)
    assert (got.bins, got.interval.method) == (4, "calibration contrasts")


def test_the_bias_at_perfect_calibration_shrinks() -> None:
    rng = np.random.default_rng(4)
    n = np.full(10, 100)
    both = [
        expected_calibration_error(n, positives, MIDDLES * n, rng=rng, draws=100)
        for positives in rng.binomial(n, MIDDLES, size=(300, 10))
    ]
    assert np.mean([e.value for e in both]) < 0.65 * np.mean([e.raw for e in both])


def test_the_same_seed_gives_the_same_interval_and_empty_bins_do_not_matter() -> None:
    n, positives, scores = np.array([50, 0, 60]), np.array([10, 0, 50]), np.array([12.0, 0, 45.0])
    first = expected_calibration_error(n, positives, scores, rng=np.random.default_rng(5))
    second = expected_calibration_error(n[[0, 2]], positives[[0, 2]], scores[[0, 2]], rng=np.random.default_rng(5))
    assert first == second


def test_weights_widen_through_the_effective_n() -> None:
    n, positives, scores = np.full(10, 500), (MIDDLES * 500).astype(int), (MIDDLES + 0.02) * 500

    def width(scale: float) -> float:
        got = expected_calibration_error(n, positives, scores, rng=np.random.default_rng(6), effective=n * scale)
        return got.interval.high - got.interval.low

    assert width(0.1) > 2 * width(1.0)


def test_pooling_keeps_the_sums_and_evens_the_rows() -> None:
    rng = np.random.default_rng(7)
    n = rng.integers(0, 50, 200)
    positives = rng.binomial(n, 0.3)
    got = pooled(n, positives, 0.3 * n, bins=15)
    assert got.shape == (3, 15)
    assert got.sum(axis=1) == pytest.approx([n.sum(), positives.sum(), 0.3 * n.sum()])
    assert np.abs(got[0] - n.sum() / 15).max() <= 50
    assert pooled([10, 10], [1, 2], [1.0, 2.0], bins=10).shape == (3, 2)


def test_wrong_bins_are_refused_with_words() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(AssayError, match="scored rows"):
        expected_calibration_error([0], [0], [0.0], rng=rng)
    with pytest.raises(AssayError, match="between 0 and n"):
        expected_calibration_error([10], [11], [5.0], rng=rng)
    with pytest.raises(AssayError, match="one number a bin"):
        expected_calibration_error([10, 10], [5], [5.0], rng=rng)


def test_calibration_in_the_large_is_the_mean_of_label_minus_score() -> None:
    rng = np.random.default_rng(8)
    score = rng.uniform(size=500)
    label = (rng.uniform(size=500) < score * 0.9).astype(float)
    got = calibration_in_the_large(500, label.sum(), score.sum(), ((score - label) ** 2).sum())
    difference = label - score
    assert got.value == pytest.approx(difference.mean(), abs=1e-12)
    assert got.standard_error == pytest.approx(difference.std(ddof=1) / np.sqrt(500), rel=1e-9)


def test_calibration_in_the_large_covers() -> None:
    rng = np.random.default_rng(9)
    held = 0
    for _ in range(800):
        score = rng.beta(1, 4, size=200)
        label = (rng.uniform(size=200) < score).astype(float)
        got = calibration_in_the_large(200, label.sum(), score.sum(), ((score - label) ** 2).sum())
        assert got.interval is not None
        held += got.interval.low <= 0 <= got.interval.high
    assert held / 800 >= 0.95 - 0.023
