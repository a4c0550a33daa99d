"""Risks against closed forms and simulated populations; the checks and the command on cases."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from assay.core.errors import AssayError
from assay.core.house import House
from assay.core.measure import Measure
from assay.data.case import Case
from assay.privacy.anonymity.measures.classes import Classes, numbered
from assay.privacy.anonymity.risk.population import population_risk
from assay.privacy.anonymity.risk.records import record_risk
from assay.privacy.anonymity.risk.uniqueness import uniqueness
from assay.privacy.checks.k_anonymity import k_anonymity
from assay.privacy.checks.l_diversity import l_diversity
from assay.privacy.checks.minimisation import minimisation
from assay.privacy.checks.reidentification_risk import reidentification_risk
from assay.privacy.checks.t_closeness import t_closeness
from assay.privacy.commands.anonymize import anonymize_table


def case(rows: int = 400, **more: Any) -> Case:
    rng = np.random.default_rng(0)
    data = pd.DataFrame(
        {
            "age": rng.integers(0, 4, rows),
            "zip": rng.choice(["a", "b", "c"], rows),
            "noise": rng.normal(size=rows).round(3),
            "illness": rng.choice(["flu", "cold", "gout"], rows),
        }
    )
    data["ill"] = ((data["age"] + rng.random(rows)) > 2).astype(int)
    return Case.from_frame(data, label="ill", quasi_identifiers=["age", "zip"], **more)


def by_name(measures: Any) -> dict[str, Measure]:
    return {m.name: m for m in measures}


def test_k_of_a_case() -> None:
    found = by_name(k_anonymity(case()))
    frame = case().rows(("age", "zip")).to_pandas()
    assert found["k"].value == frame.value_counts().min()
    assert found["unique_rows"].value == 0
    assert found["k"].exact


def test_l_and_t_take_the_label_or_what_is_named() -> None:
    assert by_name(l_diversity(case()))["l_distinct"].slice == {"sensitive": "ill"}
    found = list(l_diversity(case(), sensitive="illness, noise"))
    assert {m.slice["sensitive"] for m in found} == {"illness", "noise"}
    frame = case().rows().to_pandas()
    expected = frame.groupby(["age", "zip"])["illness"].nunique().min()
    assert next(m for m in found if m.slice == {"sensitive": "illness"}).value == expected
    assert 0 < cast("float", by_name(t_closeness(case(), sensitive="illness"))["t"].value) < 1
    with pytest.raises(AssayError):
        list(t_closeness(case(), sensitive="nope"))
    with pytest.raises(AssayError):
        list(t_closeness(case(), sensitive="age"))


def test_without_label_or_name_nothing_is_sensitive() -> None:
    rows = case().rows().select(["age", "zip"])
    bare = Case.from_frame(rows, quasi_identifiers=["age", "zip"])
    for check, name in ((l_diversity, "l_distinct"), (t_closeness, "t")):
        found = by_name(check(bare))
        assert found[name].value is None
        assert found[name].reason is not None


def test_record_risks_by_hand() -> None:
    risk = record_risk(Classes(np.repeat([0, 1, 2], [1, 4, 5]), np.array([1, 4, 5])))
    assert (risk.prosecutor_highest, risk.prosecutor_average, risk.share_above) == (1.0, 0.3, 0.5)


def test_population_risks_by_hand() -> None:
    sample = pd.DataFrame({"q": [1, 1, 2, 3]})
    population = pd.DataFrame({"q": [1.0] * 4 + [2.0] * 1 + [3.0] * 2 + [9.0] * 3})
    found = population_risk(sample, population, quasi=["q"])
    assert (found.k_map, found.population_uniques) == (1, 1)
    assert (found.delta_presence_low, found.delta_presence_high) == (0.0, 1.0)
    assert found.journalist_average == pytest.approx((2 / 4 + 1 + 1 / 2) / 4)
    with pytest.raises(AssayError, match="must hold every row"):
        population_risk(population, sample, quasi=["q"])


def test_the_negative_binomial_model_finds_its_own_uniques() -> None:
    """36,000 classes of 1 + NB(0.4, 0.08) people, of whom 3 in 10 are seen: above 0.1 the rule takes SNB or Zayatz."""
    rng = np.random.default_rng(7)
    sizes = 1 + rng.negative_binomial(0.4, 0.08, 36_000)
    people = np.repeat(np.arange(len(sizes)), sizes)
    truth = (sizes == 1).sum() / len(people)
    drawn = people[rng.random(len(people)) < 0.3]
    found = uniqueness(numbered(drawn, len(sizes)), fraction=0.3)
    assert found.chosen in ("snb", "zayatz")
    assert cast("float", found.snb) / len(people) == pytest.approx(truth, rel=0.15)
    assert found.share == pytest.approx(truth, rel=0.5)


def test_pitmans_model_finds_its_own_uniques() -> None:
    """A Chinese restaurant of 60,000 guests (theta 50, alpha 0.6), of whom one in twenty is seen."""
    rng = np.random.default_rng(3)
    a, t, tables = 0.6, 50.0, 0
    seat, guests = np.empty(60_000, dtype=np.int64), np.zeros(60_000, dtype=np.int64)
    for guest in range(60_000):
        if rng.random() * (guest + t) < t + a * tables:
            at, tables = tables, tables + 1
        else:
            at = int(seat[rng.integers(guest)])
            while rng.random() < a / guests[at]:
                at = int(seat[rng.integers(guest)])
        seat[guest] = at
        guests[at] += 1
    found = uniqueness(numbered(rng.permutation(seat)[:3000], tables), fraction=0.05)
    assert found.chosen == "pitman"
    assert found.share == pytest.approx((guests == 1).sum() / 60_000, rel=0.2)


def test_no_sample_unique_means_no_estimate() -> None:
    assert uniqueness(Classes(np.repeat([0, 1], 4), np.array([4, 4])), fraction=0.1).share == 0
    with pytest.raises(AssayError):
        uniqueness(Classes(np.zeros(4, dtype=np.int64), np.array([4])), fraction=1.0)


def test_what_needs_a_population_is_unmeasured_without(tmp_path: Path) -> None:
    found = by_name(reidentification_risk(case()))
    assert found["k_map"].value is None
    assert found["journalist_highest"].value is None
    assert found["population_uniques"].value is None
    assert found["prosecutor_average"].value == 12 / 400
    path = tmp_path / "population.csv"
    frame = case().rows(("age", "zip")).to_pandas()
    pd.concat([frame, frame]).to_csv(path, index=False)
    whole = by_name(reidentification_risk(case(), population_table=str(path), fraction=0.5))
    assert whole["marketer"].value == pytest.approx(12 / 800)
    assert whole["delta_presence_high"].value == 0.5
    assert whole["population_uniques"].value == 0


def test_minimisation_finds_what_the_label_does_not_need() -> None:
    found = list(minimisation(case(1500), splits=3))
    lost = {m.slice["feature"]: m for m in found if m.name == "accuracy_lost_dropped"}
    assert cast("float", lost["age"].value) > 0.2
    for name in ("illness", "noise", "zip"):
        assert cast("Any", lost[name].interval).low < 0.01
    together = next(m for m in found if m.name == "droppable_features")
    assert together.value is not None
    assert 1 <= together.value <= 3
    assert "age" not in together.notes[0].text()


def test_minimisation_of_few_rows_is_unmeasured() -> None:
    found = list(minimisation(case(50)))
    assert [m.value for m in found] == [None]


def test_the_command_writes_what_it_states(tmp_path: Path) -> None:
    data, out = tmp_path / "people.parquet", tmp_path / "anon.parquet"
    case(300).rows().to_pandas().to_parquet(data)
    house = cast("House", None)
    answer = anonymize_table.function(
        house, data=str(data), quasi="noise,zip", sensitive="illness", k=5, l=2.0, out=str(out), target="ill"
    )
    made = pd.read_parquet(out)
    groups = made.groupby(["noise", "zip"], dropna=False)
    assert groups.size().min() >= 5
    assert groups["illness"].nunique().min() >= 2
    assert "k = " in answer.text()
    assert answer.to_json()["after"]["k"] == groups.size().min()
    assert answer.to_json()["utility"]["target"] == "ill"
    with pytest.raises(AssayError, match="already"):
        anonymize_table.function(house, data=str(data), quasi="zip", out=str(out))
    with pytest.raises(AssayError, match="COLUMN=FILE"):
        anonymize_table.function(house, data=str(data), quasi="zip", hierarchy=("zip",), out=str(tmp_path / "b.csv"))
