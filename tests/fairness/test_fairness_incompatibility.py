"""What equal rates would bring where base rates differ: the identity on published cells, a bootstrap, simulations."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.core.measure import Measure
from assay.data.coding import Dim, Favourable, Values
from assay.data.counted import Counted
from assay.data.counts import Counts
from assay.documents import html
from assay.engine.run import run
from assay.fairness.checks.incompatibility import incompatibility
from assay.fairness.tradeoffs.implied import implied_fpr
from assay.stats.bootstrap import multinomial

DIMS = (
    Dim("protected", "race", Values(), ()),
    Dim("label", "label", Favourable("1"), ()),
    Dim("prediction", "prediction", Favourable("1"), ()),
)
OUTCOMES = (("0", "0"), ("0", "1"), ("1", "0"), ("1", "1"))
COMPAS = {"African-American": (990, 805, 532, 1369), "Caucasian": (1139, 349, 461, 505)}
"""TN, FP, FN, TP of decile_score >= 5 against two_year_recid, raw file (ProPublica)."""


def counts_of(groups: dict[str, tuple[int, int, int, int]]) -> Counts:
    cells = [(group, *outcome) for group in groups for outcome in OUTCOMES]
    return Counts.from_cells(DIMS, cells, {"n": [n for cells in groups.values() for n in cells]})


@pytest.mark.parametrize("race", COMPAS)
def test_the_identity_holds_exactly_on_the_published_cells(race: str) -> None:
    tn, fp, fn, tp = COMPAS[race]
    base, ppv, fnr = (tp + fn) / (tn + fp + fn + tp), tp / (tp + fp), fn / (tp + fn)
    assert implied_fpr(base, ppv, fnr) == pytest.approx(fp / (fp + tn), rel=1e-12)
    assert 100 * implied_fpr(base, ppv, fnr) == pytest.approx(
        {"African-American": 44.85, "Caucasian": 23.45}[race], abs=0.01
    )


def test_implied_rates_are_chouldechovas_at_the_pooled_ppv_and_fnr(find: Callable[..., Measure]) -> None:
    measures = list(incompatibility(counts_of(COMPAS)))
    _, fp, fn, tp = (sum(column) for column in zip(*COMPAS.values(), strict=True))
    ppv, fnr = tp / (tp + fp), fn / (tp + fn)
    implied = []
    for race, (tn, fp_g, fn_g, tp_g) in COMPAS.items():
        base = (tp_g + fn_g) / (tn + fp_g + fn_g + tp_g)
        implied.append(base / (1 - base) * (1 - ppv) / ppv * (1 - fnr))
        assert find(measures, "fpr_implied", {"race": race}).value == pytest.approx(implied[-1])
        assert find(measures, "base_rate", {"race": race}).value == pytest.approx(base)
    gap = find(measures, "fpr_implied_gap", None, "race")
    assert gap.value == pytest.approx(implied[0] - implied[1])
    base_gap = find(measures, "base_rate_gap", None, "race")
    assert base_gap.p_value is not None
    assert base_gap.p_value < 1e-10
    said = gap.notes[0].text()
    assert gap.notes[0].id == "cannot-hold-together-fpr-implied"
    assert f"{implied[0]:.3f} and {implied[1]:.3f}, {gap.value:.3f} apart" in said
    assert "cannot both hold" in said


def test_over_all_rows_the_implied_rates_are_the_rates(find: Callable[..., Measure]) -> None:
    measures = list(incompatibility(counts_of(COMPAS)))
    tn, fp, fn, tp = (sum(column) for column in zip(*COMPAS.values(), strict=True))
    assert find(measures, "fpr_implied").value == pytest.approx(fp / (fp + tn))
    assert find(measures, "selection_rate_implied").value == pytest.approx((fp + tp) / (tn + fp + fn + tp))


@settings(max_examples=60, deadline=None)
@given(cells=st.lists(st.tuples(*[st.integers(1, 300)] * 4), min_size=2, max_size=4))
def test_a_group_with_the_pooled_ppv_and_fnr_has_its_own_rate_implied(cells: list[tuple[int, int, int, int]]) -> None:
    for tn, fp, fn, tp in cells:
        base = (tp + fn) / (tn + fp + fn + tp)
        assert implied_fpr(base, tp / (tp + fp), fn / (tp + fn)) == pytest.approx(fp / (fp + tn))
    groups = {f"g{i}": cell for i, cell in enumerate(cells)}
    for m in incompatibility(counts_of(groups)):
        assert m.interval is None or m.interval.low <= (m.value or 0.0) <= m.interval.high


def test_intervals_are_those_of_the_multinomial_bootstrap(find: Callable[..., Measure]) -> None:
    table = np.array(list(COMPAS.values()))

    def statistics(tables: np.ndarray) -> np.ndarray:
        tn, fp, fn, tp = (tables[:, :, i] for i in range(4))
        base = (tp + fn) / tables.sum(axis=2)
        common = fp.sum(1) / (tp + fn).sum(1)
        tpr, fpr = tp.sum(1) / (tp + fn).sum(1), fp.sum(1) / (fp + tn).sum(1)
        return np.hstack([base / (1 - base) * common[:, None], base * tpr[:, None] + (1 - base) * fpr[:, None]])

    draws = multinomial(table, statistics, replicates=20_000, rng=np.random.default_rng(0))
    measures = list(incompatibility(counts_of(COMPAS)))
    columns = [(name, race) for name in ("fpr_implied", "selection_rate_implied") for race in COMPAS]
    for (name, race), column in zip(columns, draws.T, strict=True):
        interval = find(measures, name, {"race": race}).interval
        assert interval is not None
        low, high = np.quantile(column, [0.025, 0.975])
        assert [interval.low, interval.high] == pytest.approx([low, high], abs=0.04 * (high - low))


@pytest.mark.parametrize("bases", [(0.5, 0.5), (0.5, 0.5, 0.5, 0.5, 0.5), (0.6, 0.4), (0.6, 0.5, 0.5, 0.5, 0.4)])
@pytest.mark.parametrize("n", [100, 1000])
def test_the_implied_gaps_cover_the_truth(bases: tuple[float, ...], n: int, find: Callable[..., Measure]) -> None:
    rng = np.random.default_rng(3)
    tpr, fpr, pooled = 0.7, 0.3, float(np.mean(bases))
    odds = [p / (1 - p) for p in bases]
    true = {
        "fpr_implied_gap": (max(odds) - min(odds)) * fpr * (1 - pooled) / pooled,
        "selection_rate_implied_gap": (max(bases) - min(bases)) * (tpr - fpr),
    }
    held = dict.fromkeys(true, 0)
    for _ in range(150):
        groups = {}
        for i, p in enumerate(bases):
            shares = [(1 - p) * (1 - fpr), (1 - p) * fpr, p * (1 - tpr), p * tpr]
            groups[f"g{i}"] = tuple(int(c) for c in rng.multinomial(n, shares))
        measures = list(incompatibility(counts_of(groups)))  # type: ignore[arg-type]
        for name, value in true.items():
            interval = find(measures, name, None, "race").interval
            assert interval is not None
            held[name] += interval.low <= value <= interval.high
    assert min(held.values()) / 150 >= 0.92


def test_equal_base_rates_are_no_conflict(find: Callable[..., Measure]) -> None:
    gap = find(
        list(incompatibility(counts_of({"a": (40, 10, 10, 40), "b": (80, 20, 20, 80)}))),
        "fpr_implied_gap",
        None,
        "race",
    )
    assert gap.value == pytest.approx(0)
    assert gap.notes[0].id == "may-hold-together-fpr-implied"
    assert "cannot" not in gap.notes[0].text()


def test_without_false_positives_nothing_conflicts(find: Callable[..., Measure]) -> None:
    measures = list(incompatibility(counts_of({"a": (40, 0, 10, 40), "b": (80, 0, 20, 90)})))
    for m in (find(measures, "fpr_implied", {"race": "a"}), find(measures, "fpr_implied_gap", None, "race")):
        assert m.value is None
        assert m.reason is not None
    assert find(measures, "fpr_implied", {"race": "a"}).reason.id == "no-false-positive"  # type: ignore[union-attr]


def test_small_groups_are_named_and_not_compared(find: Callable[..., Measure]) -> None:
    groups = {"a": (40, 20, 10, 40), "b": (80, 20, 20, 90), "tiny": (1, 1, 0, 2), "good": (0, 0, 2, 3)}
    measures = list(incompatibility(counts_of(groups)))
    gap = find(measures, "fpr_implied_gap", None, "race")
    assert {group["race"] for group in gap.groups} == {"a", "b"}
    assert "race = good; race = tiny" in gap.notes[-1].text()
    assert "tiny" not in gap.notes[0].text()
    assert find(measures, "fpr_implied", {"race": "tiny"}).value is not None
    assert find(measures, "fpr_implied", {"race": "good"}).value is None


def test_the_report_says_it_in_a_paragraph_with_the_numbers_and_escapes_the_names() -> None:
    groups = {"<img src=x>": COMPAS["African-American"], "Caucasian": COMPAS["Caucasian"]}
    done = run(Counted("scores", "binary", (counts_of(groups),)), checks=[incompatibility.id])
    text = html(done)
    paragraphs = [part.partition("</p>")[0] for part in text.split("<p")]
    (said,) = [p for p in paragraphs if "predictive parity" in p and "cannot both hold" in p and "PPV 0.6" in p]
    assert "0.514 for race = &lt;img src=x&gt;" in said
    assert "0.394 for race = Caucasian" in said
    assert "<img" not in text
