"""The check on whole cases: real ones, hostile ones, those with weights, repeated people and other tasks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from assay.core.errors import AssayError
from assay.data import demo
from assay.data.case import Case
from assay.fairness.checks.subgroups import subgroups
from assay.fairness.subgroups.discovery import affordable_depth


@pytest.fixture(scope="module")
def recidivism() -> Case:
    known = demo.load("recidivism")
    return Case.from_frame(pd.read_parquet(known.path), **known.roles)


def planted(n: int = 2400, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {"sex": rng.choice(["f", "m"], n), "age": rng.integers(18, 80, n), "label": rng.integers(0, 2, n)}
    )
    bad = (frame["sex"] == "f") & (frame["age"] >= 50)
    frame["prediction"] = np.where(rng.random(n) < np.where(bad, 0.5, 0.1), 1 - frame["label"], frame["label"])
    frame["score"] = np.clip(frame["prediction"] * 0.6 + rng.random(n) * 0.4, 0, 1)
    return frame


def case_of(frame: pd.DataFrame, **roles) -> Case:
    given = {"label": "label", "prediction": "prediction", "protected": ["sex"], "features": ["age"]}
    return Case.from_frame(frame, **given | roles)


def test_compas_is_wrong_most_often_about_black_people_who_do_not_reoffend(recidivism):
    """ProPublica: 44.85 % of them are called risky (a favourable outcome missed); here against all others."""
    worst = next(iter(subgroups(recidivism, outcome="fnr", columns=("race",), max_depth=1)))
    assert worst.slice == {"race": "African-American"}
    assert worst.interval is not None
    frame = pd.read_parquet(demo.load("recidivism").path).astype({"prediction": str, "two_year_recid": str})
    stayed = frame[frame["two_year_recid"] == "0"]
    black, risky = stayed["race"] == "African-American", stayed["prediction"] == "1"
    assert risky[black].mean() == pytest.approx(0.4485, abs=5e-5)
    assert worst.interval.low < risky[black].mean() - risky[~black].mean() < worst.interval.high
    assert worst.interval.low > 0.15
    (shuffled,) = subgroups(recidivism, outcome="fnr", columns=("race",), max_depth=1, top=1, confirm="permutation")
    assert shuffled.value == pytest.approx(risky[black].mean() - risky[~black].mean())
    selected = next(iter(subgroups(recidivism, outcome="selection_rate", columns=("race",), max_depth=1)))
    assert selected.slice == {"race": "African-American"}
    assert selected.value is not None
    assert selected.interval is not None
    assert selected.interval.low < selected.value < selected.interval.high < 0


@pytest.mark.parametrize("confirm", ["held-out", "permutation"])
def test_each_slice_is_one_measure(confirm):
    first, *others = subgroups(case_of(planted()), confirm=confirm, rank="significance", permutations=39)
    assert first.name == "slice_error_difference"
    assert first.slice["sex"] == "f"
    assert first.value is not None
    assert first.interval is not None
    assert first.interval.low < first.value < first.interval.high
    assert first.p_value is not None
    assert first.p_value <= 0.05
    assert isinstance(first.n, tuple)
    assert sum(first.n) == (1200 if confirm == "held-out" else 2400)
    assert first.family == ("slice_error_difference" if confirm == "held-out" else "")
    assert "up to 2 columns" not in first.method
    assert "up to 3 columns, 32 rows or more" in first.method
    assert first.notes[0].id == "slice-and-rest"
    assert len({tuple(m.slice.items()) for m in (first, *others)}) == 1 + len(others)


def test_the_same_seed_gives_the_same_measures_and_the_order_of_columns_none_other():
    case = case_of(planted())
    assert list(subgroups(case, seed=4)) == list(subgroups(case, seed=4))
    assert list(subgroups(case, seed=4)) != list(subgroups(case, seed=5))
    turned = {tuple(sorted(m.slice.items())): m.value for m in subgroups(case, columns=("age", "sex"), seed=4)}
    straight = {tuple(sorted(m.slice.items())): m.value for m in subgroups(case, columns=("sex", "age"), seed=4)}
    assert turned == straight


def test_a_perfect_model_has_no_slice_and_says_so():
    frame = planted()
    frame["prediction"] = frame["label"]
    (only,) = subgroups(case_of(frame))
    assert only.value is None
    assert only.reason is not None
    assert only.reason.id == "no-slice"
    assert only.reason.text() == "no slice of 32 rows or more, of up to 3 columns, is worse than the rest"


def test_rows_without_outcome_and_columns_without_meaning_are_named():
    frame = planted().assign(constant="x")
    frame["label"] = frame["label"].astype("Float64").mask(np.arange(len(frame)) < 100)
    first = next(iter(subgroups(case_of(frame, features=["age", "constant"]))))
    texts = [note.text() for note in first.notes]
    assert "100 rows without what error takes are in no denominator" in texts
    assert "columns that say nothing or cannot be compared: constant" in texts


def test_names_from_the_data_can_do_nothing():
    frame = planted().rename(columns={"sex": "s{e}x {0}"})
    frame["s{e}x {0}"] = frame["s{e}x {0}"].map({"f": "{f}<script>", "m": "%s\n"})
    frame["{all}"] = "one"
    found = list(subgroups(case_of(frame, protected=["s{e}x {0}"], features=["age", "{all}"])))
    assert found[0].slice["s{e}x {0}"] == "{f}<script>"
    for measure in found:
        assert all(note.text() for note in measure.notes)
        assert measure.from_json(measure.to_json()).slice == measure.slice


def test_frequency_weights_are_people_and_sampling_weights_weigh():
    frame = planted(600)
    times = np.random.default_rng(1).integers(1, 4, len(frame))
    counted = list(subgroups(case_of(frame.assign(w=times), weight="w", weights="frequency"), seed=3))
    written = list(subgroups(case_of(frame.loc[frame.index.repeat(times)]), seed=3))
    assert [m.value for m in counted] == [m.value for m in written]
    weighted = next(iter(subgroups(case_of(frame.assign(w=times / 7), weight="w"), seed=3)))
    plain = next(iter(subgroups(case_of(frame), seed=3)))
    assert weighted.slice == plain.slice
    assert weighted.value != plain.value
    with pytest.raises(AssayError, match="whole weights"):
        list(subgroups(case_of(frame.assign(w=times / 7), weight="w", weights="frequency")))


def test_repeated_people_are_kept_on_one_side():
    frame = planted(600)
    twice = pd.concat([frame.assign(person=range(600))] * 3, ignore_index=True)
    one = next(iter(subgroups(case_of(twice, unit="person"))))
    alone = next(iter(subgroups(case_of(twice.drop(columns="person")))))
    assert one.interval is not None
    assert alone.interval is not None
    assert sum(one.rows) == 900
    ratio = (one.interval.high - one.interval.low) / (alone.interval.high - alone.interval.low)
    assert ratio > 1.4


@pytest.mark.parametrize("confirm", ["held-out", "permutation"])
def test_regression_and_classes(confirm):
    frame = planted()
    rng = np.random.default_rng(2)
    spread = np.where((frame["sex"] == "f") & (frame["age"] >= 50), 3.0, 1.0)
    numbers = frame.assign(label=rng.normal(size=len(frame)) * 10.0)
    numbers["prediction"] = numbers["label"] + rng.normal(size=len(frame)) * spread
    first = next(iter(subgroups(case_of(numbers), confirm=confirm, permutations=39)))
    assert first.name == "slice_absolute_error_difference"
    assert first.slice["sex"] == "f"
    assert first.value is not None
    assert first.value > 0.5
    classes = frame.assign(
        label=frame["label"].map({0: "a", 1: "b"}), prediction=frame["prediction"].map({0: "a", 1: "c"})
    )
    classes.loc[::5, ["label", "prediction"]] = "c"
    first = next(iter(subgroups(case_of(classes), confirm=confirm, permutations=39)))
    assert first.name == "slice_error_difference"


def test_scores_alone_are_enough(recidivism):
    frame = planted().drop(columns="prediction")
    case = case_of(frame, prediction=None, score="score", threshold=0.5)
    names = {m.name for what in ("error", "log_loss") for m in subgroups(case, outcome=what)}
    assert names == {"slice_error_difference", "slice_log_loss_difference"}


def test_a_sample_is_said_to_be_one():
    found = list(subgroups(case_of(planted()), rows=1000))
    assert all(m.notes[-1].text() == "a sample of 1000 rows was read" for m in found)
    assert sum(found[0].rows) == 500


def test_the_depth_that_is_chosen_can_be_afforded():
    assert affordable_depth(14, 48_842, most=3) == 3
    assert affordable_depth(300, 48_842, most=3) == 2
    assert affordable_depth(100_000, 10_000_000, most=3) == 1


def test_other_tasks_have_no_errors():
    with pytest.raises(AssayError, match="without an outcome"):
        list(subgroups(Case.from_frame(planted()[["sex", "age"]], protected=["sex"])))
