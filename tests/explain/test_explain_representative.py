"""Representatives are the rows nearest to all others of their cell, checked by trying every choice on small sets."""

from __future__ import annotations

import json
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import assay
from assay.core.errors import AssayError
from assay.core.measure import Share
from assay.explain.overall.representative import medoids, representatives
from assay.explain.question import question
from assay.stats.rates import wilson


class Model:
    """Good where x is above 0."""

    classes_ = np.array(["bad", "good"])
    feature_names_in_ = np.array(["x", "kind"], dtype=object)

    def fit(self) -> Model:
        return self

    def predict_proba(self, rows: pd.DataFrame) -> np.ndarray:
        x = np.asarray(rows["x"], dtype=float)
        return np.column_stack([x <= 0, x > 0]).astype(float)

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        return self.classes_[self.predict_proba(rows).argmax(axis=1)]


def case_of(frame: pd.DataFrame, protected: tuple[str, ...] = ("sex",)) -> assay.Case:
    frame = frame.assign(label=np.where(frame["x"] > 0, "good", "bad"))
    model = assay.wrap_model(Model(), features=["x", "kind"])
    return assay.Case.from_frame(frame, label="label", favourable="good", protected=list(protected), model=model)


def distances(points: np.ndarray) -> np.ndarray:
    return np.abs(points[:, None, :] - points[None, :, :]).sum(axis=2)


def cost(apart: np.ndarray, chosen: tuple[int, ...]) -> float:
    return float(apart[:, list(chosen)].min(axis=1).sum())


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 9), st.integers(1, 4), st.booleans())
def test_no_swap_helps_and_greed_has_its_bound(seed: int, n: int, count: int, ties: bool) -> None:
    rng = np.random.default_rng(seed)
    points = rng.integers(0, 3, (n, 2)).astype(float) if ties else rng.normal(size=(n, 2))
    apart = distances(points)
    found = medoids(apart, count)
    chosen = tuple(found.rows.tolist())
    reached = cost(apart, chosen)
    assert found.distance.sum() == pytest.approx(reached)
    assert found.one == pytest.approx(min(cost(apart, (i,)) for i in range(n)))
    for leaves in chosen:
        for enters in range(n):
            other = (*(c for c in chosen if c != leaves), enters)
            assert cost(apart, other) >= reached - 1e-8
    best = min(cost(apart, every) for every in combinations(range(n), len(chosen)))
    assert found.one - reached >= (1 - 1 / np.e) * (found.one - best) - 1e-9
    if len(chosen) == 1:
        assert reached == pytest.approx(best)
    assert all(found.nearest[c] == k for k, c in enumerate(chosen))


def test_two_far_clusters_have_their_middles() -> None:
    points = np.array([[0.0], [1], [2], [100], [101], [102], [103], [104]])
    found = medoids(distances(points), 2)
    assert sorted(points[found.rows, 0]) == [1, 102]
    assert np.bincount(found.nearest).tolist() in ([3, 5], [5, 3])


def test_duplicates_have_one_medoid_and_no_distance_to_explain() -> None:
    same = medoids(np.zeros((6, 6)), 4)
    assert same.rows.tolist() == [0]
    assert same.one == 0
    pairs = medoids(distances(np.array([[0.0], [0], [0], [5], [5]])), 4)
    assert len(pairs.rows) == 2
    assert pairs.distance.sum() == 0


def test_cells_are_decisions_by_groups_and_say_how_many_rows_each_medoid_stands_for() -> None:
    x = np.concatenate([np.arange(1.0, 8.0), [50.0, 51.0], -np.arange(1.0, 5.0), [-3.0]])
    frame = pd.DataFrame({"x": x, "kind": "a", "sex": ["f"] * 9 + ["m"] * 4 + [None]})
    found = representatives(case_of(frame), count=2)
    assert [(c.decision, dict(c.group), c.rows) for c in found.cells] == [
        ("bad", {"sex": "m"}, 4),
        ("bad", {"sex": None}, 1),
        ("good", {"sex": "f"}, 9),
    ]
    women = found.cells[2]
    assert [m.row[0] for m in women.medoids] == [4.0, 50.0]
    assert [m.rows for m in women.medoids] == [7, 2]
    assert women.medoids[0].coverage == 7 / 9
    assert women.medoids[0].interval == wilson(Share(7, 9, 9, 9))
    one = sum(abs(x[:9] - 5.0))
    assert women.explained == pytest.approx(1 - (12 + 1) / one)
    alone = found.cells[1]
    assert (len(alone.medoids), alone.explained) == (1, None)
    assert "alike" in alone.reason.text()
    assert alone.medoids[0].mean_distance == 0
    assert alone.medoids[0].coverage == 1


def test_the_record_and_its_table() -> None:
    frame = pd.DataFrame(
        {"x": [1.0, 2.0, 30.0, -1.0], "kind": ["a", "b\x1b[31m", "a", "b"], "sex": ["f", "f", "f", "m"]}
    )
    found = representatives(case_of(frame), count=5)
    said = found.text()
    assert "decided good, sex f: 3 rows; 100% of the distance" in said
    assert "P(good) 1" in said
    assert "\x1b" not in said
    data = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert data["columns"] == ["x", "kind"]
    assert [len(cell["medoids"]) for cell in data["cells"]] == [1, 3]
    assert data["cells"][0]["explained"] is None
    assert data["cells"][1]["medoids"][0]["interval"]["method"] == "Wilson score"


def test_given_rows_keep_their_places_and_the_same_seed_gives_the_same() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"x": rng.normal(size=2600), "kind": rng.choice(["a", "b"], 2600), "sex": rng.choice(["f", "m"], 2600)}
    )
    case = case_of(frame)
    asked = question(case, [5, 9, 700], background=50)
    places = {m.place for cell in representatives(asked).cells for m in cell.medoids}
    assert places == {5, 9, 700}
    first, second, other = (representatives(case, count=2, seed=seed).to_json() for seed in (1, 1, 2))
    assert first == second
    assert first["cells"] != other["cells"] or first["seed"] != other["seed"]


def test_a_large_cell_is_sampled_and_says_so() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": np.abs(rng.normal(size=2300)) + 0.1, "kind": "a", "sex": "f"})
    (cell,) = representatives(case_of(frame), count=3).cells
    assert (cell.rows, cell.sampled) == (2300, 2000)
    assert sum(m.rows for m in cell.medoids) == 2000
    assert "2,000 of 2,300 rows" in representatives(case_of(frame), count=1).text()


def test_none_are_refused() -> None:
    case = case_of(pd.DataFrame({"x": [1.0, -1.0], "kind": "a", "sex": "f"}))
    with pytest.raises(AssayError, match="0 representatives are none"):
        representatives(case, count=0)
