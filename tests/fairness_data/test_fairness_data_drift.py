"""Outcome rates over time: the calendar, the trend, and groups that move apart."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import statsmodels.formula.api as smf

from assay.core.errors import AssayError
from assay.core.measure import Measure
from assay.data.case import Case
from assay.fairness.checks.data.drift_of_outcomes import drift_of_outcomes
from assay.fairness.data_bias.periods import periods_of, times_of


def history(rng: np.random.Generator, n: int, *, apart: float = 0.0, days: int = 1800) -> pd.DataFrame:
    """Favourable for 60 % at first; per year 2 points less, and for group f `apart` more on top."""
    sex, day = rng.choice(["f", "m"], n, p=[0.4, 0.6]), rng.integers(0, days, n)
    rate = 0.6 + day / 365.2425 * (np.where(sex == "f", apart, 0.0) - 0.02)
    when = np.datetime64("2015-03-01") + day.astype("timedelta64[D]")
    return pd.DataFrame({"sex": sex, "y": (rng.random(n) < rate).astype(int), "when": when, "x": 1.0, "day": day})


def measured(frame: pd.DataFrame, *, params: dict[str, str] | None = None, **roles: object) -> list[Measure]:
    given = {"label": "y", "protected": "sex", "time": "when", "features": ["x"], **roles}
    return list(drift_of_outcomes(Case.from_frame(frame, **given), **(params or {})))


def one(measures: list[Measure], name: str, **slice_: str) -> Measure:
    (found,) = [m for m in measures if m.name == name and dict(m.slice) == slice_]
    return found


def test_trend_and_difference_are_the_regression_with_an_interaction() -> None:
    frame = history(np.random.default_rng(0), 3000, apart=-0.05)
    measures = measured(frame)
    data = frame.assign(f=(frame.sex == "f").astype(float), t=frame.day / 365.2425)
    fit = smf.ols("y ~ f * t", data).fit(cov_type="HC2")
    found = one(measures, "base_rate_trend_difference", sex="f")
    assert found.value == pytest.approx(fit.params["f:t"])
    assert found.p_value == pytest.approx(fit.pvalues["f:t"], rel=0.05)
    assert (found.interval.low, found.interval.high) == pytest.approx(fit.conf_int().loc["f:t"].tolist(), abs=1e-4)
    assert found.interval.high < 0
    alone = smf.ols("y ~ t", data[data.f == 0]).fit()
    assert one(measures, "base_rate_trend", sex="m").value == pytest.approx(alone.params["t"])


def test_rates_by_period_are_those_of_a_pivot_table() -> None:
    frame = history(np.random.default_rng(1), 2000, days=700)
    measures = measured(frame)
    means = frame.groupby(["sex", frame.when.dt.to_period("Q").astype(str)]).y.agg(["mean", "size"])
    for (sex, period), row in means.iterrows():
        found = one(measures, "base_rate", sex=sex, period=period.replace("Q", "-Q"))
        assert (found.value, found.n) == (pytest.approx(row["mean"]), row["size"])
    months = measured(frame, params={"period": "month"})
    assert len([m for m in months if m.name == "base_rate" and len(m.slice) == 1]) == 23
    with pytest.raises(AssayError, match="fortnight"):
        measured(frame, params={"period": "fortnight"})


@pytest.mark.parametrize(
    "column",
    [
        pa.chunked_array([pa.array(["2020-01-31", "2020-12-31", None]).cast(pa.date32())]),
        pa.chunked_array([pa.array(["2020-01-31T23:00:00", "2020-12-31", None]).cast(pa.timestamp("ns"))]),
        pa.chunked_array([["2020-02-01T00:30:00+01:00", "2020-12-31T10:00:00Z", None]]),
        pa.chunked_array([pa.array(["2020-01-31", "2020-12-31", None]).dictionary_encode()]),
        pa.chunked_array(
            [pa.array(["2020-01-31", "2020-12-31", None]).cast(pa.timestamp("s")).cast(pa.timestamp("s", "Asia/Tokyo"))]
        ),
    ],
)
def test_dates_stamps_and_texts_are_one_calendar(column: pa.ChunkedArray) -> None:
    times = times_of(column)
    assert times is not None
    assert times.months[:2].tolist() == [600, 611]
    assert np.isnan(times.years[2])
    assert times.years[0] == pytest.approx(50.08, abs=0.01)
    assert periods_of(times, np.isfinite(times.years), period="quarter").names == ("2020-Q1", "2020-Q4")


def test_whole_years_are_years_and_other_columns_are_unmeasured() -> None:
    frame = history(np.random.default_rng(2), 400)
    years = measured(frame.assign(when=frame.when.dt.year))
    assert {m.slice["period"] for m in years if m.name == "base_rate"} == {str(y) for y in range(2015, 2021)}
    for wrong in ("yesterday", 3.5, 12):
        (found,) = measured(frame.assign(when=wrong))
        assert (found.value, found.reason.id) == (None, "time-type")


def test_weights_units_and_missing_values_are_minded() -> None:
    frame = history(np.random.default_rng(3), 600, apart=0.1)
    plain = one(measured(frame), "base_rate_trend_difference", sex="f")
    double = pd.concat([frame, frame]).assign(person=list(range(600)) * 2)
    twice = one(measured(double, unit="person"), "base_rate_trend_difference", sex="f")
    assert twice.value == pytest.approx(plain.value)
    assert twice.interval.high - twice.interval.low == pytest.approx(plain.interval.high - plain.interval.low, rel=0.02)
    often = one(measured(frame.assign(w=2), weight="w", weights="frequency"), "base_rate_trend", sex="f")
    assert often.value == pytest.approx(one(measured(frame), "base_rate_trend", sex="f").value)
    rates = measured(frame.assign(w=3.0), weight="w")
    whole = one(measured(frame), "base_rate", period="2016")
    assert one(rates, "base_rate", period="2016").interval.low == pytest.approx(whole.interval.low)
    holes = frame.assign(when=frame.when.where(np.arange(600) % 3 > 0))
    assert one(measured(holes), "base_rate_trend").n == 400
    assert [note.id for note in one(measured(holes), "base_rate_trend").notes] == ["rows-left-out"]
    now = measured(frame.assign(when=np.datetime64("2020-01-01")))
    assert one(now, "base_rate_trend_difference", sex="f").reason.id == "one-time"


def test_groups_that_move_together_are_seldom_said_to_part() -> None:
    rng = np.random.default_rng(4)
    covered, accused = [], []
    for _ in range(250):
        found = one(measured(history(rng, 250)), "base_rate_trend_difference", sex="f")
        covered.append(found.interval.low <= 0 <= found.interval.high)
        accused.append(found.p_value < 0.05)
    assert 0.92 <= np.mean(covered) <= 0.98
    assert np.mean(accused) <= 0.08
