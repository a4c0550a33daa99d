"""The frontier: held-out numbers against direct ones, dominance, the picture, and what is refused."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from assay.core.errors import AssayError
from assay.core.measure import Interval
from assay.core.part import Part
from assay.data.case import Case
from assay.fairness.frontier.classifier import TableClassifier
from assay.fairness.frontier.compare import compare
from assay.fairness.frontier.labels import Box, Point, place
from assay.fairness.frontier.outcomes import Held, Judge, Outcome
from assay.fairness.frontier.plot import svg
from assay.fairness.frontier.record import PLAIN, Entry, Frontier, mark_dominated
from assay.fairness.frontier.rows import divided

IN_PROCESSING = (
    "adversarial-debiasing",
    "constrained-logistic-regression",
    "exponentiated-gradient",
    "grid-search",
    "mindiff",
    "prejudice-remover",
)


class Steps:
    """A Progress that remembers."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def started(self, task: str, /, *, total: int) -> None:
        self.seen.append(f"{task} {total}")

    def advanced(self, task: str, /, *, done: int, note: str = "") -> None:
        self.seen.append(f"{done} {note}")

    def found(self, finding: Any, /) -> None:
        raise AssertionError

    def ended(self, task: str, /, *, note: str = "") -> None:
        self.seen.append("ended")


@pytest.fixture(scope="module")
def frontier(parts: Any, income: Case) -> Frontier:
    settings = {"exponentiated-gradient": {"iterations": 6}, "grid-search": {"size": 11}}
    settings |= {name: {"steps": 400} for name in ("adversarial-debiasing", "mindiff")}
    return compare(income, parts, IN_PROCESSING, settings=settings, jobs=1, limit=6_000)


def test_every_listed_method_shrinks_the_gap_beyond_chance(frontier: Frontier) -> None:
    assert [entry.method for entry in frontier.entries] == [PLAIN, *IN_PROCESSING]
    for entry in frontier.entries[1:]:
        assert entry.reason is None
        assert entry.reduction is not None
        assert entry.reduction.excludes_zero
        assert entry.reduction.value > 0.05


def test_plain_model_is_judged_as_by_hand(frontier: Frontier, income: Case) -> None:
    rows = divided(income, limit=6_000)
    found = TableClassifier().fit(rows.train.x, rows.train.y).predict(rows.test.x)
    sex = rows.test.protected["sex"].to_numpy()
    rates = {group: found[sex == group].mean() for group in np.unique(sex)}
    outcome = frontier.entries[0].outcome
    assert outcome is not None
    assert outcome.accuracy.value == pytest.approx((found == rows.test.y).mean())
    assert outcome.gap.value == pytest.approx(max(rates.values()) - min(rates.values()))
    assert (outcome.high, outcome.low) == ({"sex": "Male"}, {"sex": "Female"})
    assert outcome.accuracy.n == outcome.gap.n == len(rows.test)


def test_split_of_the_case_is_kept(income: Case) -> None:
    rows = divided(income)
    assert (len(rows.train), len(rows.test), rows.how) == (34_189, 14_653, "column split")


def test_frontier_is_json_and_a_table(frontier: Frontier) -> None:
    again = json.loads(json.dumps(frontier.to_json(), allow_nan=False))
    assert [entry["method"] for entry in again["entries"]] == [PLAIN, *IN_PROCESSING]
    assert len(frontier.table()) == 7
    assert all(row["accuracy"] for row in frontier.table())


def _entry(method: str, accuracy: float, gap: float) -> Entry:
    def held(value: float) -> Held:
        return Held(value, Interval(value - 0.01, value + 0.01, 0.95, "test"), 100)

    return Entry(method, method, {}, False, False, Outcome(held(accuracy), held(gap), {"g": "a"}, {"g": "b"}))


def test_dominance_is_pareto() -> None:
    rng = np.random.default_rng(2)
    points = np.round(rng.random((40, 2)), 1)
    marked = mark_dominated([_entry(str(i), *map(float, point)) for i, point in enumerate(points)])
    for i, entry in enumerate(marked):
        better = (points[:, 0] >= points[i, 0]) & (points[:, 1] <= points[i, 1]) & (points != points[i]).any(axis=1)
        assert (entry.dominated_by is not None) == better.any()
        assert entry.dominated_by is None or better[int(entry.dominated_by)]


def test_picture_is_xml_and_escapes_names() -> None:
    entries = (_entry("<script>&", 0.8, 0.1), _entry("fine", 0.7, 0.2), replace(_entry("none", 0, 0), outcome=None))
    picture = svg(Frontier('"rate"<b>', mark_dominated(entries), {}))
    root = ET.fromstring(picture)
    assert "<script>" not in picture
    texts = [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"<script>&", "fine"} <= set(texts)
    circles = list(root.iter("{http://www.w3.org/2000/svg}circle"))
    assert [circle.get("fill") for circle in circles] == ["#14506b", "#ffffff"]
    assert float(circles[0].get("cx", "")) < float(circles[1].get("cx", ""))
    assert float(circles[0].get("cy", "")) < float(circles[1].get("cy", ""))


def test_names_of_crowded_points_cover_neither_each_other_nor_points() -> None:
    rng = np.random.default_rng(2)
    within = Box(60, 8, 740, 420)
    for spread in (2.0, 10.0, 40.0):
        at = rng.normal((400, 200), spread, (21, 2))
        points = [Point(x, y, "m" * int(size)) for (x, y), size in zip(at, rng.integers(4, 30, 21), strict=True)]
        labels = place(points, within)
        assert [label.point for label in labels] == points
        assert all(within.holds(label.box) for label in labels)
        pairs = [(a, b) for i, a in enumerate(labels) for b in labels[:i]]
        assert not any(a.box.meets(b.box) for a, b in pairs)
        assert not any(label.box.meets(point.box) for label in labels for point in points)


def test_a_method_that_refuses_says_why(parts: Any, recidivism: Case) -> None:
    found = compare(
        recidivism, parts, ["reject-option"], settings={"reject-option": {"tolerance": 0.0001}}, jobs=1, seed=1
    )
    entry = found.entries[1]
    assert entry.outcome is None
    assert entry.reason is not None
    assert entry.reason.text() in found.table()[1]["reason"]
    assert svg(found).count("<circle") == 1


def test_two_jobs_give_what_one_gives(parts: dict[str, Part[Any]], recidivism: Case) -> None:
    steps = Steps()
    chosen = ["prejudice-remover", "exponentiated-gradient"]
    settings = {"exponentiated-gradient": {"iterations": 5}}
    one = compare(recidivism, parts, chosen, attributes=("sex",), settings=settings, jobs=1, progress=steps)
    two = compare(recidivism, parts, chosen, attributes=("sex",), settings=settings, jobs=2)
    assert one.to_json() == two.to_json()
    assert steps.seen == ["comparing mitigations 2", "1 prejudice-remover", "2 exponentiated-gradient", "ended"]


def test_small_groups_are_left_out_and_named(recidivism: Case) -> None:
    rows = divided(recidivism)
    judge = Judge.of(rows.test)
    sizes = rows.test.protected["race"].value_counts()
    assert {group["race"] for group in judge.left_out} == set(sizes[sizes < 30].index)
    with pytest.raises(AssayError, match="a comparison needs two"):
        Judge.of(rows.test, smallest=10_000)


def _small(**changes: Any) -> Case:
    rng = np.random.default_rng(3)
    table = {
        "x": rng.normal(size=600),
        "w": np.ones(600),
        "g": rng.choice(["a", "b"], 600),
        "y": rng.integers(0, 2, 600),
    }
    roles = {"label": "y", "protected": "g", "features": ("x",), "favourable": 1} | changes
    return Case.from_frame(pd.DataFrame(table), **roles)


def test_wrong_requests_are_errors(parts: Any) -> None:
    with pytest.raises(AssayError, match="Unknown mitigation"):
        compare(_small(), parts, ["reweighting"])
    with pytest.raises(AssayError, match="Unknown setting"):
        compare(_small(), parts, ["mindiff"], settings={"mindiff": {"power": 1}})
    with pytest.raises(AssayError, match="Unknown rate"):
        compare(_small(), parts, ["mindiff"], rate="ppv")
    with pytest.raises(AssayError, match="Unknown protected attribute"):
        compare(_small(), parts, ["mindiff"], attributes=("x",))
    with pytest.raises(AssayError, match="weights are not compared"):
        compare(_small(weight="w"), parts, ["mindiff"])


def test_missing_numbers_are_filled_by_what_the_fitted_rows_say() -> None:
    x = np.arange(100.0)
    x[::10] = np.nan
    table = {"x": x, "g": ["a", "b"] * 50, "y": [0, 1, 1, 0] * 25, "part": ["train"] * 60 + ["test"] * 40}
    case = Case.from_frame(pd.DataFrame(table), label="y", protected="g", features=("x",), favourable=1, split="part")
    rows = divided(case)
    middle = float(np.nanmedian(x[:60]))
    assert rows.test.x["x"].tolist() == [middle if np.isnan(v) else v for v in x[60:]]
    assert rows.test.x["x (is missing)"].tolist() == np.isnan(x[60:]).astype(float).tolist()


def test_rows_of_one_unit_are_on_one_side() -> None:
    table = {"x": np.arange(300.0), "g": ["a", "b"] * 150, "y": [0, 1, 1] * 100, "who": np.arange(300) // 3}
    case = Case.from_frame(pd.DataFrame(table), label="y", protected="g", features=("x",), favourable=1, unit="who")
    rows = divided(case)
    assert not set(rows.train.ids) & set(rows.test.ids)
    assert len(rows.train) + len(rows.test) == 300
