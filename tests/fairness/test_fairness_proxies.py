"""The search for proxies: held-out AUCs that are 1/2 for noise and close to the truth for signal."""

from __future__ import annotations

import time

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import roc_auc_score

from assay.core.measure import Measure
from assay.fairness.proxy.features import LEVELS, code_feature, code_groups
from assay.fairness.proxy.held_out import HeldOutAUC, held_out_auc, interval_of, p_above_half
from assay.fairness.proxy.search import Target, proxy_measures


def search(table: pa.Table, attribute: str, *, units: str | None = None, seed: int = 0) -> dict[str | None, Measure]:
    """Measures by feature; that of all features under None."""
    names = [name for name in table.column_names if name not in (attribute, units)]
    features = {name: code_feature(table.column(name)) for name in names}
    unit = code_groups(table.column(units)) if units else None
    target = Target.of(table.column(attribute), attribute, units=unit, seed=seed)
    return {m.slice.get("feature"): m for m in proxy_measures(features, target, level=0.95, seed=seed)}


def test_finds_numbers_words_and_joint_proxies() -> None:
    rng = np.random.default_rng(0)
    n = 3000
    group = rng.random(n) < 0.4
    a, b = rng.random(n) < 0.5, rng.random(n) < 0.5
    table = pa.table(
        {
            "sex": np.where(group, "f", "m"),
            "height": np.where(group, 165.0, 175.0) + rng.normal(0, 10, n),
            "job": np.where(rng.random(n) < 0.8, np.where(group, "nurse", "driver"), "clerk"),
            "first": a,
            "second": np.where(group, a, ~a).astype(int),
            "noise": rng.normal(size=n),
            "code": [f"id{i}" for i in rng.integers(0, 2000, n)],
            "b": pa.array(np.where(b, "x", None)).dictionary_encode(),
        }
    )
    found = search(table, "sex")
    exact = roc_auc_score(~group, table.column("height").to_numpy())
    assert found["height"].value == pytest.approx(exact, abs=0.015)
    assert found["job"].value == pytest.approx(0.98, abs=0.01)
    for name in ("noise", "code", "b", "first", "second"):
        assert found[name].value == pytest.approx(0.5, abs=0.04)
    # "first" and "second" say nothing alone and everything together.
    together = found[None]
    assert together.name == "proxy_auc_all"
    assert together.value == pytest.approx(1, abs=1e-3)
    assert (together.over, together.n, together.family) == (("sex",), n, "proxy_auc")


def test_noise_is_one_half_on_average_and_rejected_one_time_in_twenty() -> None:
    rng = np.random.default_rng(1)
    n, names = 400, [f"x{i}" for i in range(150)]
    columns = {name: rng.normal(size=n) for name in names[:75]}
    columns |= {name: rng.choice(list("abcdefgh"), n) for name in names[75:]}
    table = pa.table({"sex": rng.choice(["f", "m"], n, p=[0.3, 0.7]), **columns})
    found = search(table, "sex")
    values = np.array([found[name].value for name in names])
    assert values.mean() == pytest.approx(0.5, abs=0.008)
    p_values = np.array([found[name].p_value for name in names])
    assert 0.01 <= (p_values < 0.05).mean() <= 0.09
    covered = [m.interval.low <= 0.5 <= m.interval.high for m in (found[name] for name in names) if m.interval]
    assert 0.92 <= np.mean(covered) <= 0.99
    assert found[None].value == pytest.approx(0.5, abs=0.08)


def test_several_groups_rare_ones_and_missing_values() -> None:
    rng = np.random.default_rng(2)
    n = 1500
    group = rng.choice(["a", "b", "c"], n)
    signal = np.select([group == "a", group == "b"], [0.0, 2.0], 4.0) + rng.normal(size=n)
    race = [None if i % 7 == 0 else g for i, g in enumerate(group)]
    race[1:4] = ["rare"] * 3
    found = search(pa.table({"race": race, "signal": signal}), "race")
    m = found["signal"]
    assert m.value is not None
    assert m.value > 0.75
    assert m.method.startswith("mean AUC of one group against the rest")
    assert [note.params["groups"] for note in m.notes] == [1]


def test_one_group_is_unmeasured() -> None:
    few = pa.table({"sex": ["f"] * 100 + ["m"] * 20, "x": np.arange(120.0)})
    for table in (pa.table({"sex": ["f"] * 100, "x": np.arange(100.0)}), few):
        (m,) = search(table, "sex").values()
        assert m.value is None
        assert m.reason is not None
        assert m.reason.id == "one-group"


def test_a_constant_column_says_nothing() -> None:
    found = search(pa.table({"sex": ["f", "m"] * 60, "x": [1] * 120, "y": [None] * 120, "z": np.arange(120)}), "sex")
    for name in ("x", "y"):
        assert (found[name].value, found[name].interval, found[name].p_value) == (0.5, None, 1.0)
    assert search(pa.table({"sex": ["f", "m"] * 60, "x": [1] * 120}), "sex")[None].value == 0.5


def test_a_column_that_is_no_number_or_word_is_unmeasured() -> None:
    found = search(pa.table({"sex": ["f", "m"] * 60, "x": [[1, 2]] * 120, "y": np.arange(120.0)}), "sex")
    assert found["x"].reason is not None
    assert found["x"].reason.id == "no-scale"
    assert found["y"].value is not None


def test_repeated_units_stay_in_one_fold() -> None:
    rng = np.random.default_rng(3)
    unit = np.repeat(np.arange(150), 10)
    sex = np.where(rng.random(150) < 0.5, "f", "m")[unit]
    # A number that names the person: leaks only if a person is on both sides of a fold.
    table = pa.table({"sex": sex, "fingerprint": rng.permutation(150)[unit], "person": unit})
    leaking = search(table.drop(["person"]), "sex")["fingerprint"]
    honest = search(table, "sex", units="person")["fingerprint"]
    assert leaking.value is not None
    assert leaking.value > 0.6
    assert honest.interval is not None
    assert leaking.interval is not None
    assert honest.interval.low < 0.5 < honest.interval.high
    assert honest.interval.high - honest.interval.low > 2 * (leaking.interval.high - leaking.interval.low)


def test_same_seed_same_answer() -> None:
    rng = np.random.default_rng(4)
    table = pa.table({"sex": rng.choice(["f", "m"], 500), "x": rng.normal(size=500), "y": rng.normal(size=500)})
    assert search(table, "sex") == search(table, "sex")
    assert search(table, "sex")["x"] != search(table, "sex", seed=1)["x"]


def test_one_fold_auc_is_scikit_learns_and_delongs() -> None:
    rng = np.random.default_rng(5)
    positive = rng.random(200) < 0.4
    scores = np.round(positive + rng.normal(size=200), 1)
    auc = held_out_auc(scores[:, None], positive.astype(np.int64), (1,), np.zeros(200, dtype=np.int64))
    assert auc is not None
    assert auc.value == pytest.approx(roc_auc_score(positive, scores))
    high, low = scores[positive], scores[~positive]
    psi = (high[:, None] > low) + 0.5 * (high[:, None] == low)
    delong = psi.mean(axis=1).var() / len(high) + psi.mean(axis=0).var() / len(low)
    assert auc.standard_error == pytest.approx(np.sqrt(delong))


def test_intervals_and_p_values_at_the_edges() -> None:
    perfect = HeldOutAUC(1.0, 0.0, 60)
    interval = interval_of(perfect, level=0.95)
    assert interval is not None
    assert (interval.low, interval.high) == (pytest.approx(60 / (60 + 1.959964**2)), 1.0)
    assert p_above_half(perfect) < 1e-12
    assert p_above_half(HeldOutAUC(0.5, 0.0, 60)) == 1.0
    reversed_ = interval_of(HeldOutAUC(0.0, 0.0, 60), level=0.95)
    assert reversed_ is not None
    assert (reversed_.low, reversed_.high) == (0.0, pytest.approx(1 - 60 / (60 + 1.959964**2)))


def test_codes_of_every_kind_of_column() -> None:
    from datetime import date, datetime
    from decimal import Decimal

    def codes(values: list[object], type_: pa.DataType | None = None) -> list[int]:
        coded = code_feature(pa.chunked_array([pa.array(values, type_)]))
        assert coded is not None
        return coded.codes.tolist()

    assert codes([3, None, 1, 3]) == [1, 2, 0, 1]
    assert codes([0.0, -0.0, float("nan"), None]) == [0, 0, 1, 1]
    assert codes([Decimal("1.10"), Decimal("0.30")]) == [1, 0]
    assert codes([date(2020, 1, 2), None, date(2020, 1, 1)]) == [1, 2, 0]
    assert codes([datetime(2020, 1, 2), datetime(2020, 1, 1)]) == [1, 0]
    assert codes(["x", "x", None]) == [0, 0, 1]
    assert codes([True, False, True]) == [0, 1, 0]
    many = code_feature(pa.chunked_array([pa.array([f"v{i}" for i in range(1000)])]))
    assert many is not None
    assert many.codes.max() == LEVELS
    wide = code_feature(pa.chunked_array([pa.array(np.arange(10_000.0))]))
    assert wide is not None
    assert np.ptp(np.bincount(wide.codes)) <= 2
    assert code_groups(pa.chunked_array([pa.array([1.0, float("nan"), None, 2.0])])).tolist() == [0, 2, 2, 1]
    assert len(set(code_groups(pa.chunked_array([pa.array(["a", None, "b", "a"])])).tolist())) == 3


def test_twenty_thousand_rows_take_a_few_seconds() -> None:
    rng = np.random.default_rng(6)
    n = 20_000
    table = pa.table({"race": rng.choice(list("abcde"), n), **{f"x{i}": rng.normal(size=n) for i in range(14)}})
    start = time.process_time()
    search(table, "race")
    assert time.process_time() - start < 10
