"""Decisions with the protected attribute set to another group: written out, for models that use it and do not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from assay.core.measure import Measure
from assay.data.case import Case
from assay.fairness.checks.attribute_flip import attribute_flip

LIFT = {"a": 0.0, "b": 0.2, "c": 0.3, None: 0.0}


@dataclass(frozen=True)
class Lifted:
    """Favours groups by `LIFT`, or nobody."""

    fair: bool = False
    features: tuple[str, ...] = ("x", "g")
    name: str = "lifted"
    digest: str = "not digested"
    task: str = "binary"
    classes: tuple[str, ...] = ("no", "yes")

    def scores(self, inputs: Any, /) -> Any:
        lift = [0.0 if self.fair else LIFT[g] for g in inputs.column("g").to_pylist()] if "g" in self.features else 0
        score = np.clip(inputs.column("x").to_numpy() + lift, 0, 1)
        return np.stack([1 - score, score], axis=1)

    def predict(self, inputs: Any, /) -> Any:
        return np.where(self.scores(inputs)[:, 1] >= 0.5, "yes", "no")


def table(n: int = 400, **columns: Any) -> pa.Table:
    rng = np.random.default_rng(0)
    given = {"x": rng.random(n), "g": rng.choice(["a", "b", "c"], n), "y": rng.choice(["yes", "no"], n)} | columns
    return pa.table(given)


def measured(rows: pa.Table, model: Lifted, params: dict[str, Any] | None = None, **roles: Any) -> list[Measure]:
    given = {"label": "y", "protected": ["g"], "favourable": "yes", "task": "binary"} | roles
    case = Case.from_frame(rows, model=model, **given)
    return list(attribute_flip(case, **(params or {})))


def one(measures: list[Measure], name: str, slice: dict[str, str], to: str | None = None) -> Measure:
    (found,) = [
        m
        for m in measures
        if (m.name, dict(m.slice)) == (name, slice) and (to is None or dict(m.groups[-1]) == {"g": to})
    ]
    return found


@pytest.mark.parametrize("dictionary", [False, True])
def test_rates_are_the_changes_written_out(dictionary: bool):
    rows = table()
    if dictionary:
        rows = rows.set_column(1, "g", rows.column("g").dictionary_encode())
    x, g = rows.column("x").to_numpy(), np.array(rows.column("g").to_pylist())
    answers = {to: np.clip(x + LIFT[to], 0, 1) >= 0.5 for to in "abc"}
    before = np.select([g == to for to in "abc"], [answers[to] for to in "abc"])
    changed = {to: answers[to] != before for to in "abc"}
    anywhere = changed["a"] | changed["b"] | changed["c"]
    measures = measured(rows, Lifted())
    assert one(measures, "flip_rate", {}).value == pytest.approx(anywhere.mean())
    assert one(measures, "flip_rate", {}).over == ("g",)
    for group in "abc":
        own = one(measures, "flip_rate", {"g": group})
        assert own.value == pytest.approx(anywhere[g == group].mean())
        assert own.n == (g == group).sum()
        for to in set("abc") - {group}:
            found = one(measures, "flip_rate_to", {"g": group}, to)
            assert found.value == pytest.approx(changed[to][g == group].mean())
            assert found.interval.low <= found.value <= found.interval.high


def test_a_model_that_ignores_its_column_flips_nothing():
    measures = measured(table(), Lifted(fair=True))
    assert {m.value for m in measures} == {0.0}
    assert one(measures, "flip_rate", {}).interval.high > 0


def test_an_attribute_that_is_no_input_is_unmeasured_and_not_zero():
    (only,) = measured(table(), Lifted(features=("x",)))
    assert only.value is None
    assert only.reason.id == "not-an-input"
    assert only.reason.text().startswith("the attribute g is no input")


def test_the_threshold_of_the_case_decides():
    rows = table().append_column("s", pa.array(np.linspace(0, 1, 400)))
    at_half = one(measured(rows, Lifted(), score="s", threshold=0.5), "flip_rate", {}).value
    at_nine = one(measured(rows, Lifted(), score="s", threshold=0.9), "flip_rate", {}).value
    x, g = rows.column("x").to_numpy(), np.array(rows.column("g").to_pylist())
    scores = {to: np.clip(x + LIFT[to], 0, 1) for to in "abc"}
    for threshold, value in ((0.5, at_half), (0.9, at_nine)):
        answers = {to: scores[to] >= threshold for to in "abc"}
        before = np.select([g == to for to in "abc"], [answers[to] for to in "abc"])
        assert value == pytest.approx(np.mean([any(answers[to][i] != before[i] for to in "abc") for i in range(400)]))


def test_missing_values_are_set_to_groups_but_no_group_to_missing():
    groups = ["a", None, "c", "a"] * 100
    measures = measured(table(g=groups), Lifted())
    assert one(measures, "flip_rate", {"g": None}).n == 100
    assert {dict(m.groups[-1])["g"] for m in measures if m.name == "flip_rate_to"} == {"a", "c"}


def test_one_group_cannot_flip_and_many_are_set_to_the_most_frequent():
    (only,) = measured(table(g=["a"] * 400), Lifted())
    assert only.reason.id == "one-group"
    many = table(g=[f"g{i % 25}" for i in range(400)])
    measures = measured(many, Lifted(fair=True))
    assert one(measures, "flip_rate", {}).notes[0].id == "most-frequent"


def test_training_rows_are_left_out_and_duplicated_rows_change_nothing():
    rows = table(split=["train", "test"] * 200)
    halved = measured(rows, Lifted(), split="split")
    assert one(halved, "flip_rate", {}).n == 200
    plain, twice = measured(table(), Lifted()), measured(pa.concat_tables([table(), table()]), Lifted())
    assert [m.value for m in plain] == pytest.approx([m.value for m in twice])


def test_the_interval_covers_the_share_of_the_population():
    # x is uniform: setting a to b, c moves those in [0.2, 0.5); at least one change for 0.3, 0.3 and 0.3 of the groups.
    rng, runs, covered = np.random.default_rng(4), 200, 0
    for _ in range(runs):
        rows = table(120, x=rng.random(120), g=rng.choice(["a", "b", "c"], 120), y=["yes", "no"] * 60)
        interval = one(measured(rows, Lifted()), "flip_rate", {}).interval
        covered += interval.low <= 0.3 <= interval.high
    assert 0.91 <= covered / runs <= 0.99
