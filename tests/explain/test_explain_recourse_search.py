"""Counterfactuals: always valid, never against a constraint, near the optimum, and honest where there is none."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

import assay
from assay.core.errors import AssayError
from assay.explain.question import question
from assay.explain.recourse.constraints import Constraints
from assay.explain.recourse.neighbours import nearest_unlike
from assay.explain.recourse.search import counterfactuals
from assay.explain.recourse.space import space_of
from assay.models.live import wrap

JOBS = ("clerk", "cook", "nurse", "smith")


def grid_frame(n: int = 500, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "a": rng.integers(0, 9, n),
            "b": rng.integers(0, 9, n),
            "c": rng.integers(0, 5, n),
            "job": rng.choice(JOBS, n),
            "y": rng.integers(0, 2, n),
        }
    )


def additive(frame: pd.DataFrame) -> np.ndarray:
    job = frame["job"].map({"clerk": -1.0, "cook": 0.0, "nurse": 0.7, "smith": 1.2}).to_numpy(dtype=float)
    return 0.5 * frame["a"].to_numpy() - 0.35 * frame["b"].to_numpy() + 0.4 * frame["c"].to_numpy() + job - 1.8


def crossed(frame: pd.DataFrame) -> np.ndarray:
    a, b, c = (frame[name].to_numpy(dtype=float) for name in "abc")
    smith = (frame["job"] == "smith").to_numpy()
    return np.where(a > 4, 1.0, -1.0) * (b - 4) + np.where(smith, 2.0 * (c > 2), -1.0) - 2.0


def boosted() -> object:
    frame = grid_frame(2000, 3)
    fitted = GradientBoostingClassifier(n_estimators=40, max_depth=3, random_state=0)
    truth = (crossed(frame) + additive(frame) + np.random.default_rng(1).normal(size=len(frame))) > 0
    codes = frame.assign(job=frame["job"].map(JOBS.index))[["a", "b", "c", "job"]].to_numpy()
    fitted.fit(codes, truth)
    return lambda rows: fitted.decision_function(
        rows.assign(job=rows["job"].map(JOBS.index))[["a", "b", "c", "job"]].to_numpy()
    )


def probabilities(margin):
    def chance(frame: pd.DataFrame) -> np.ndarray:
        p = 1 / (1 + np.exp(-np.clip(margin(frame), -30, 30)))
        return np.column_stack([1 - p, p])

    return chance


def case_of(margin, frame: pd.DataFrame | None = None, **roles) -> assay.Case:
    frame = grid_frame() if frame is None else frame
    features = [name for name in frame.columns if name != "y"]
    model = wrap(probabilities(margin), classes=["no", "yes"], features=features)
    data = frame.assign(y=np.where(frame["y"] == 1, "yes", "no"))
    return assay.Case.from_frame(data, label="y", model=model, favourable="yes", **roles)


def optimum(asked, space) -> np.ndarray:
    """The least cost of every row by trying every row of the grid."""
    every = pd.DataFrame(list(itertools.product(range(9), range(9), range(5), JOBS)), columns=["a", "b", "c", "job"])
    matrix = asked.columns.encode(pa.Table.from_pandas(every[list(asked.columns.names)], preserve_index=False))
    decided = asked.target.decides(matrix)
    out = []
    for row, now in zip(asked.rows, asked.target.decides(asked.rows), strict=True):
        before = np.repeat(row[None], len(matrix), axis=0)
        fits = (decided != now) & ~space.violations(before, matrix).any
        out.append(space.cost(before, matrix)[fits].min() if fits.any() else np.nan)
    return np.array(out)


RULES = {"rules": ["a + c <= 9", "b >= c"], "immutable": ["c"], "one_way": {"b": "down"}, "costs": {"job": 2.5}}


@pytest.mark.parametrize("margin", [additive, crossed, boosted()], ids=["additive", "crossed", "boosted"])
@pytest.mark.parametrize("constraints", [{}, RULES, {"one_way": "a=up", "categories": ["job=clerk|smith"]}])
def test_the_cheapest_is_near_the_optimum_over_a_whole_grid(margin, constraints):
    asked = question(case_of(margin), limit=60, background=400)
    found = counterfactuals(asked, constraints=constraints, count=2)
    least = optimum(asked, space_of(Constraints.parse(constraints), asked.columns, asked.background))
    np.testing.assert_array_equal(np.isnan(found.costs), np.isnan(least))
    ratio = (found.costs / least)[~np.isnan(least)]
    assert np.median(ratio) <= 1.0 + 1e-9
    assert np.mean(ratio) <= 1.15
    assert ratio.min() >= 1 - 1e-9


def mixed_frame(n: int = 600, seed: int = 5) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    home = rng.integers(0, 3, n)
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 80, n),
            "years": rng.integers(0, 40, n),
            "income": np.round(rng.gamma(2.0, 12.0, n), 2),
            "debt": rng.gamma(1.5, 6.0, n),
            "job": rng.choice(JOBS, n),
            "rented": (home == 0).astype(int),
            "owned": (home == 1).astype(int),
            "free": (home == 2).astype(int),
            "y": rng.integers(0, 2, n),
        }
    )
    frame["years"] = np.minimum(frame["years"], frame["age"] - 16)
    frame.loc[rng.random(n) < 0.15, "debt"] = np.nan
    frame["job"] = frame["job"].mask(rng.random(n) < 0.1)
    return frame


def mixed(frame: pd.DataFrame) -> np.ndarray:
    job = frame["job"].map({"clerk": -1.0, "cook": 0.0, "nurse": 0.8, "smith": 1.5}).fillna(-0.5).to_numpy(dtype=float)
    debt = frame["debt"].astype(float).fillna(12.0).to_numpy()
    wave = np.sin(frame["age"].to_numpy() / 7)
    return (
        0.06 * frame["income"].to_numpy()
        - 0.1 * debt
        + 0.05 * frame["years"].to_numpy()
        + job
        + wave
        + 0.9 * frame["owned"].to_numpy()
        - 2.6
    )


def random_constraints(rng: np.random.Generator) -> dict:
    numbers = ["age", "years", "income", "debt"]
    out: dict = {"one_hot": {"home": ["rented", "owned", "free"]}, "rules": ["years <= age - 16"]}
    out["immutable"] = list(rng.choice([*numbers, "job", "home"], rng.integers(0, 3), replace=False))
    free = [name for name in numbers if name not in out["immutable"]]
    out["one_way"] = {name: str(rng.choice(["up", "down"])) for name in free if rng.random() < 0.4}
    if rng.random() < 0.5:
        out["ranges"] = {"income": (float(rng.uniform(0, 10)), float(rng.uniform(30, 60)))}
    if rng.random() < 0.5:
        out["categories"] = {"job": [str(name) for name in rng.choice(JOBS, 2, replace=False)]}
    if rng.random() < 0.5:
        out["rules"].append("income >= debt or job == 'nurse'")
    if rng.random() < 0.5:
        out["costs"] = {"income": 3.0, "home": 0.5}
    return out


def kept_by_hand(given: dict, before: pd.Series, after: pd.Series, background: pd.DataFrame) -> bool:
    """The constraints checked one by one on the frames, without any code of the search."""
    changed = {
        name
        for name in before.index
        if not (before[name] == after[name] or (pd.isna(before[name]) and pd.isna(after[name])))
    }
    home = ["rented", "owned", "free"]
    fixed = {*given["immutable"]} | ({*home} if "home" in given["immutable"] else set())
    kept = not changed & fixed and int(after[home].sum()) == 1 and after["years"] <= after["age"] - 16
    kept &= all(pd.notna(before[name]) and pd.notna(after[name]) for name in changed)
    for name, way in given["one_way"].items():
        kept &= name not in changed or (after[name] > before[name]) == (way == "up")
    for name in changed - {"job"}:
        low, high = given.get("ranges", {}).get(name, (background[name].min(), background[name].max()))
        kept &= low <= after[name] <= high
    if "job" in changed and "categories" in given:
        kept &= after["job"] in given["categories"]["job"]
    if len(given["rules"]) > 1 and changed & {"income", "debt", "job"} and not pd.isna(after[["debt", "job"]]).any():
        kept &= after["income"] >= after["debt"] or after["job"] == "nurse"
    return bool(kept)


def test_100_random_rows_with_random_constraints_break_none_and_are_all_valid():
    case, rng, found = case_of(mixed, mixed_frame()), np.random.default_rng(11), 0
    for start in range(0, 100, 5):
        asked = question(case, list(range(start, start + 5)), background=300, seed=start)
        given = random_constraints(rng)
        made = counterfactuals(asked, constraints=given, count=3)
        background = asked.columns.decode(asked.background).to_pandas()
        for i, ways in enumerate(made.ways):
            assert ways.found or ways.blocked is None or ways.blocked.violated
            for one in ways.found:
                pair = asked.columns.decode(np.stack([one.before, one.after]))
                frame, labels = pair.to_pandas(), case.model.predict(pair)
                assert labels[0] != labels[1]
                assert one.valid
                assert not one.violated
                assert kept_by_hand(given, frame.iloc[0], frame.iloc[1], background)
                np.testing.assert_array_equal(one.before, asked.rows[i])
                found += 1
    assert found > 150


def test_missing_values_stay_unless_they_may_be_filled():
    frame = mixed_frame()
    asked = question(case_of(mixed, frame), np.flatnonzero(frame["debt"].isna())[:20].tolist(), background=300)
    place = asked.columns.place("debt")
    for fillable in ("", "debt"):
        made = counterfactuals(asked, constraints={"fillable": fillable, "costs": ["debt=0.1"]}, count=2)
        assert all(ways.found for ways in made.ways)
        filled = [not np.isnan(one.after[place]) for ways in made.ways for one in ways.found]
        assert any(filled) == bool(fillable)


def linear_case(**roles) -> assay.Case:
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"u": rng.normal(size=800), "v": rng.normal(0, 3, 800), "w": rng.normal(0, 2, 800)})
    frame["y"] = rng.integers(0, 2, 800)
    return case_of(lambda rows: 1.0 * rows["u"].to_numpy() + 0.5 * rows["v"].to_numpy() - 0.4, frame, **roles)


def test_a_linear_model_changes_the_one_column_that_gives_most_for_its_cost():
    asked = question(linear_case(), list(range(50)), background=800)
    made = counterfactuals(asked, count=1, constraints={"ranges": ["v=-60:60", "u=-20:20"]})
    space = space_of(Constraints(), asked.columns, asked.background)
    u, v = asked.rows[:, 0], asked.rows[:, 1]
    short = np.abs(u + 0.5 * v - 0.4)
    exact = np.minimum(short / 1.0 / space.scale[0], short / 0.5 / space.scale[1])
    np.testing.assert_allclose(made.costs, exact, rtol=0.02, atol=0.004)
    assert {ways.found[0].sparsity for ways in made.ways} == {1}


def test_where_nothing_is_allowed_the_nearest_blocked_one_says_what_stands_in_the_way():
    asked = question(linear_case(), list(range(12)), background=400)
    made = counterfactuals(asked, constraints={"immutable": ["u"], "ranges": ["v=0:0.01"], "one_way": ["w=up"]})
    refused = [ways for ways in made.ways if not ways.found]
    assert len(refused) > 5
    for ways in refused:
        assert ways.blocked is not None
        assert ways.blocked.valid
        assert ways.blocked.violated
        assert set(ways.blocked.violated) <= {"immutable: u", "range: v"}
    assert np.isnan(made.costs).sum() == len(refused)


def test_a_regression_is_brought_into_its_interval():
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"u": rng.normal(size=500), "v": rng.integers(0, 20, 500), "z": rng.choice(JOBS, 500)})
    frame["y"] = 3 * frame["u"] + frame["v"]

    def value(rows: pd.DataFrame) -> np.ndarray:
        return (3 * rows["u"] + rows["v"] + 2 * (rows["z"] == "smith")).to_numpy()

    model = wrap(value, task="regression", features=["u", "v", "z"])
    asked = question(assay.Case.from_frame(frame, label="y", model=model), list(range(40)), background=400)
    made = counterfactuals(asked, target=(15.0, 15.5), count=2)
    assert all(ways.found or ways.already for ways in made.ways)
    for ways in made.ways:
        assert all(15 <= one.output_after <= 15.5 for one in ways.found)
    with pytest.raises(AssayError, match="no other decision"):
        counterfactuals(asked)
    with pytest.raises(AssayError, match="from 3 to 1"):
        counterfactuals(asked, target=(3, 1))


def test_several_classes_a_named_target_and_rows_that_have_it_already():
    frame = grid_frame()
    truth = np.where(additive(frame) > 1, "high", np.where(additive(frame) < -1, "low", "middle"))
    fitted = LogisticRegression(max_iter=500).fit(frame[["a", "b", "c"]], truth)
    case = assay.Case.from_frame(
        frame[["a", "b", "c"]].assign(y=truth), label="y", model=assay.wrap_model(fitted), task="multiclass"
    )
    asked = question(case, list(range(60)), background=300)
    made = counterfactuals(asked, target="middle")
    predicted = fitted.predict(frame[["a", "b", "c"]].iloc[:60])
    assert [ways.already for ways in made.ways] == (predicted == "middle").tolist()
    after = np.array([one.after for ways in made.ways for one in ways.found])
    assert len(after) > 60
    assert (fitted.predict(pd.DataFrame(after, columns=["a", "b", "c"])) == "middle").all()
    assert made.costs[predicted == "middle"].tolist() == [0.0] * int((predicted == "middle").sum())
    with pytest.raises(AssayError, match="medium"):
        counterfactuals(asked, target="medium")


def test_the_threshold_of_the_case_decides():
    scored = grid_frame().assign(p=0.5)
    features = ["a", "b", "c", "job"]
    model = wrap(probabilities(additive), classes=["0", "1"], features=features)
    case = assay.Case.from_frame(
        scored, label="y", score="p", threshold=0.8, favourable=1, features=features, model=model
    )
    asked = question(case, list(range(40)), background=300)
    made = counterfactuals(asked, target="1", count=1)
    for ways in made.ways:
        assert ways.already or ways.found[0].output_after >= 0.8 > ways.found[0].output_before
    away = counterfactuals(asked, target="0", count=1)
    assert [ways.already for ways in away.ways] == [not ways.already for ways in made.ways]


def test_ways_are_different_repeatable_and_written_down():
    asked = question(case_of(mixed, mixed_frame()), list(range(30)), background=300)
    made, again = counterfactuals(asked), counterfactuals(asked)
    assert made.to_json() == again.to_json()
    for ways in made.ways:
        assert ways.found[0].cost <= 1.01 * min(one.cost for one in ways.found)
        changed = [tuple(sorted(change.column for change in one.changes)) for one in ways.found]
        assert len({repr(one.changes) for one in ways.found}) == len(ways.found)
        assert len(set(changed)) >= min(2, len(ways.found))
    frame = made.to_frame()
    assert set(frame["row"]) == set(range(30))
    assert frame["valid"].all()
    assert made.calls < 1500
    single = counterfactuals(asked.of(asked.rows[3:4]))
    assert single.ways[0].found[0].cost == pytest.approx(made.ways[3].found[0].cost)


def test_plausible_ones_lie_where_the_data_are():
    asked = question(case_of(mixed, mixed_frame()), list(range(30)), background=300)
    free, held = counterfactuals(asked, count=2), counterfactuals(asked, count=2, plausible=True)
    shares = [np.mean([one.plausible for ways in made.ways for one in ways.found]) for made in (free, held)]
    assert shares[0] < 1
    assert shares[1] == 1
    assert sum(bool(ways.found) for ways in held.ways) >= 25


class Watched:
    """Keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple] = []

    def started(self, task, /, *, total):
        self.told.append(("started", total))

    def advanced(self, task, /, *, done, note=""):
        self.told.append(("advanced", done))
        if done > 256:
            raise KeyboardInterrupt

    def found(self, finding, /):
        raise AssertionError

    def ended(self, task, /, *, note=""):
        self.told.append(("ended",))


def test_progress_is_reported_and_the_search_can_be_stopped():
    watched = Watched()
    asked = question(case_of(additive), list(range(40)), background=100)
    counterfactuals(asked, count=1, progress=watched)
    assert watched.told == [("started", 40), ("advanced", 40), ("ended",)]
    with pytest.raises(KeyboardInterrupt):
        counterfactuals(asked.of(np.repeat(asked.rows, 10, axis=0)), count=1, progress=Watched())


def test_the_nearest_unlike_rows_are_those_of_a_full_sort():
    asked = question(case_of(additive), list(range(15)), background=250)
    found = nearest_unlike(asked, count=3)
    space = space_of(Constraints(), asked.columns, asked.background)
    mine, theirs = asked.target.decides(asked.rows), asked.target.decides(asked.background)
    for row, decided, some in zip(asked.rows, mine, found.found, strict=True):
        others = asked.background[theirs != decided]
        apart = np.sort(space.distance(np.repeat(row[None], len(others), axis=0), others))
        np.testing.assert_allclose([one.distance for one in some], apart[:3])
        assert all((one.output >= 0.5) != decided for one in some)
    assert len(found.to_json()["rows"][0]) == 3
