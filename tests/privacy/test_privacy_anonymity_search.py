"""What is enforced is met, by an independent count; the full-domain search is optimal; hierarchies are sound."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.core.errors import AssayError
from assay.privacy.anonymity.anonymize import anonymize
from assay.privacy.anonymity.hierarchies.built import built, ladders
from assay.privacy.anonymity.hierarchies.forms import dates, dictionary, from_csv, intervals, prefixes
from assay.privacy.anonymity.table import coded, read_table
from assay.privacy.anonymity.utility import utility


def people(rows: int = 600, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    data = pd.DataFrame(
        {
            "name": [f"person {i}" for i in range(rows)],
            "age": rng.integers(18, 80, rows),
            "zip": rng.integers(100, 140, rows).astype(str),
            "sex": rng.choice(["f", "m"], rows),
            "born": pd.Timestamp("1950-01-01") + pd.to_timedelta(rng.integers(0, 20_000, rows), unit="D"),
            "illness": rng.choice(["a", "b", "c", "d"], rows, p=[0.4, 0.3, 0.2, 0.1]),
            "income": rng.gamma(2, 100, rows).round(),
        }
    )
    data.loc[rng.random(rows) < 0.05, "zip"] = None
    data["age"] = data["age"].astype("float").where(rng.random(rows) > 0.03)
    return data


QUASI = ["age", "zip", "sex", "born"]


def groups_of(table: Any, quasi: list[str]) -> list[pd.DataFrame]:
    frame = table.to_pandas()
    return [group for _, group in frame.groupby(quasi, dropna=False, observed=True)]


@pytest.mark.parametrize("method", ["mondrian", "full-domain"])
@pytest.mark.parametrize("strict", [True, False])
def test_k_and_l_hold_by_pandas(method: Any, strict: bool) -> None:
    made = anonymize(
        people(), quasi=QUASI, sensitive=["illness"], k=6, l=3, method=method, strict=strict, identifiers=["name"]
    )
    groups = groups_of(made.table, QUASI)
    assert min(map(len, groups)) >= 6
    assert min(group["illness"].nunique() for group in groups) >= 3
    assert made.after.k == min(map(len, groups))
    assert "name" not in made.table.column_names
    assert made.suppressed <= 30
    assert made.table.num_rows + made.suppressed == 600


@pytest.mark.parametrize("method", ["mondrian", "full-domain"])
def test_t_holds_for_numbers_and_categories(method: Any) -> None:
    made = anonymize(people(), quasi=["age", "sex"], sensitive=["illness", "income"], k=4, t=0.25, method=method)
    assert made.after.sensitive["illness"].t <= 0.25 + 1e-9
    assert made.after.sensitive["income"].t <= 0.25 + 1e-9
    assert made.after.classes > 1
    frame = made.table.to_pandas()
    whole = frame["illness"].value_counts(normalize=True)
    for group in groups_of(made.table, ["age", "sex"]):
        share = group["illness"].value_counts(normalize=True).reindex(whole.index, fill_value=0)
        assert (share - whole).abs().sum() / 2 <= 0.25 + 1e-9


@pytest.mark.parametrize(("diversity", "wanted"), [("entropy", 2.5), ("recursive", 2)])
def test_other_kinds_of_diversity_hold(diversity: Any, wanted: float) -> None:
    made = anonymize(
        people(), quasi=QUASI[:2], sensitive=["illness"], k=3, l=wanted, diversity=diversity, c=1.2, suppression=0.2
    )
    for group in groups_of(made.table, QUASI[:2]):
        counts = np.sort(group["illness"].value_counts().to_numpy())[::-1]
        if diversity == "recursive":
            assert counts[0] < 1.2 * counts[1:].sum()
        else:
            p = counts[counts > 0] / counts.sum()
            assert np.exp(-(p * np.log(p)).sum()) >= wanted - 1e-9


def test_full_domain_is_optimal_by_brute_force() -> None:
    data = people(200, seed=3)[["age", "zip", "sex"]]
    table = read_table(data)
    found = ladders([coded(table, name) for name in data.columns], {})
    best = np.inf
    for node in itertools.product(*(range(len(ladder.levels)) for ladder in found)):
        levels = [ladder.levels[at] for ladder, at in zip(found, node, strict=True)]
        cells = [level.groups[ladder.column.codes] for ladder, level in zip(found, levels, strict=True)]
        keys = pd.Series(list(zip(*cells, strict=True)))
        stays = (keys.map(keys.value_counts()) >= 5).to_numpy()
        if (~stays).sum() <= 10:
            losses = [level.loss[cell][stays].sum() for level, cell in zip(levels, cells, strict=True)]
            best = min(best, (sum(losses) + 3 * (~stays).sum()) / 600)
    made = anonymize(data, quasi=list(data.columns), k=5, method="full-domain", suppression=0.05)
    assert made.loss.generalized == pytest.approx(best)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 6), st.sampled_from("pqrs"), st.sampled_from("xyz")), min_size=6, max_size=60),
    st.integers(1, 4),
    st.booleans(),
)
def test_mondrian_never_breaks_k_and_covers_every_row(rows: Any, k: int, strict: bool) -> None:
    data = pd.DataFrame(rows, columns=["a", "b", "s"])
    made = anonymize(data, quasi=["a", "b"], sensitive=["s"], k=k, strict=strict)
    assert made.table.num_rows == len(rows)
    assert made.after.k >= min(k, len(rows))
    assert made.table.column("s").to_pylist() == data["s"].tolist()
    for cell, value in zip(made.table.column("a").to_pylist(), data["a"], strict=True):
        low, _, high = str(cell).strip("[]").partition(", ")
        assert int(low) <= value <= int(high or low)
    for cell, value in zip(made.table.column("b").to_pylist(), data["b"], strict=True):
        assert cell == "*" or value in cell.strip("{}").split(" | ")


def test_mondrian_cuts_at_the_median_of_the_widest_column() -> None:
    data = pd.DataFrame({"a": [1, 2, 3, 4, 5, 6, 7, 8], "b": [1, 1, 1, 1, 1, 1, 1, 2]})
    made = anonymize(data, quasi=["a", "b"], k=4)
    assert made.table.column("a").to_pylist() == ["[1, 4]"] * 4 + ["[5, 8]"] * 4
    assert made.loss.discernibility == 32
    assert made.loss.class_size == 1.0
    assert made.loss.generalized == pytest.approx((3 / 7 + 0.5) / 2)  # b: four rows whole, four rows [1, 2] of loss 1
    assert made.loss.entropy_bits == pytest.approx((8 * 2 + 3 * np.log2(8 / 7) + np.log2(8)) / 16)


def test_a_strict_cut_keeps_equal_values_together() -> None:
    data = pd.DataFrame({"a": [1, 1, 1, 1, 1, 2, 2, 3]})
    assert set(anonymize(data, quasi=["a"], k=3).table.column("a").to_pylist()) == {"1", "[2, 3]"}
    assert anonymize(data, quasi=["a"], k=4).after.classes == 1
    assert anonymize(data, quasi=["a"], k=4, strict=False).after.classes == 2


def test_mondrian_writes_the_groups_of_a_given_hierarchy() -> None:
    towns = {"Paris": "France", "Lyon": "France", "Rome": "Italy", "Milan": "Italy"}
    data = pd.DataFrame({"town": ["Paris", "Rome", "Lyon", "Milan"] * 2})
    made = anonymize(data, quasi=["town"], k=4, hierarchies={"town": towns})
    assert made.table.column("town").to_pylist() == ["France", "Italy"] * 4


def test_hierarchy_files_are_read(tmp_path: Path) -> None:
    path = tmp_path / "zip.csv"
    path.write_text("1;A;X\n2;A;X\n3;B;X\n", encoding="utf-8")
    data = pd.DataFrame({"zip": [1, 2, 3, 3]})
    made = anonymize(data, quasi=["zip"], k=2, method="full-domain", hierarchies={"zip": path}, suppression=0)
    assert made.table.column("zip").to_pylist() == ["A", "A", "B", "B"]
    with pytest.raises(AssayError, match="does not cover the value '4'"):
        anonymize(pd.DataFrame({"zip": [1, 4]}), quasi=["zip"], k=2, method="full-domain", hierarchies={"zip": path})
    path.write_text("1;A\n1;B\n", encoding="utf-8")
    with pytest.raises(AssayError, match="twice"):
        from_csv(path)


def test_forms() -> None:
    assert intervals([5, 10], origin=1).steps("-1") == ("[-4, 1)", "[-9, 1)")
    assert intervals([5]).steps("five") is None
    assert prefixes([2]).steps("1") == ("1",)
    assert dates(["year"]).steps("1987-13-01") is None
    assert built(coded(read_table(pd.DataFrame({"zip": ["0123", "4567"]})), "zip")).name == "prefixes"
    assert dictionary({"a": "b"}).steps("c") is None


@pytest.mark.parametrize(
    "make", [lambda: intervals([10, 15]), lambda: intervals([0]), lambda: prefixes([1, 2]), lambda: dates(["week"])]
)
def test_bad_forms_are_errors(make: Any) -> None:
    with pytest.raises(AssayError):
        make()


@pytest.mark.parametrize("method", ["mondrian", "full-domain"])
def test_a_hierarchy_for_another_column_names_the_quasi_identifiers(method: str) -> None:
    data = pd.DataFrame({"age": [1, 2], "zip": ["1", "2"]})
    with pytest.raises(AssayError, match="Known: age, zip"):
        anonymize(data, quasi=["age", "zip"], k=1, method=method, hierarchies={"town": {}})


def test_a_hierarchy_that_splits_a_group_is_an_error() -> None:
    chains = {"a": ["x", "p"], "b": ["x", "q"]}
    with pytest.raises(AssayError, match="splits the group 'x'"):
        anonymize(pd.DataFrame({"c": ["a", "b"]}), quasi=["c"], k=2, method="full-domain", hierarchies={"c": chains})


@pytest.mark.parametrize(
    "wrong",
    [
        {"k": 0}, {"k": 601}, {"l": 9, "sensitive": ["illness"]}, {"l": 2}, {"t": 1.5, "sensitive": ["illness"]},
        {"method": "magic"}, {"suppression": 1.0}, {"hierarchies": {"income": {}}}, {"identifiers": ["nope"]},
        {"l": 2.5, "sensitive": ["illness"]}, {"t": 0.2, "sensitive": ["age"], "quasi": ["sex"]},
    ],
)  # fmt: skip
def test_bad_requests_are_one_clear_error(wrong: dict[str, Any]) -> None:
    with pytest.raises(AssayError):
        anonymize(people(), **({"quasi": ["zip"], "k": 5} | wrong))


@pytest.mark.parametrize("values", [[], [[1], [2]], [1.0, np.inf]])
def test_columns_that_are_no_groups_are_one_clear_error(values: list[Any]) -> None:
    with pytest.raises(AssayError):
        anonymize(pd.DataFrame({"a": values}), quasi=["a"], k=1)


@pytest.mark.parametrize("method", ["mondrian", "full-domain"])
def test_columns_of_every_kind(method: Any) -> None:
    rng = np.random.default_rng(2)
    data = pd.DataFrame({"flag": rng.random(120) > 0.5, "none": [None] * 120, "kind": rng.choice(["u", "v"], 120)})
    data["day"] = (pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 90, 120), unit="D")).date
    data["kind"] = data["kind"].astype("category")
    made = anonymize(data, quasi=list(data.columns), k=4, method=method)
    assert min(map(len, groups_of(made.table, list(data.columns)))) >= 4
    assert made.table.column("none").null_count == made.table.num_rows
    assert 0 <= made.loss.entropy <= 1


def test_the_statement_names_the_measures_and_claims_no_more() -> None:
    words = anonymize(people(), quasi=QUASI, sensitive=["illness"], k=5, l=2).statement()
    assert "k = " in words
    assert "l = " in words
    assert "not decided" in words
    assert "As they were" in words


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    made = anonymize(people(50), quasi=["sex"], k=2)
    made.write(tmp_path / "out.csv")
    with pytest.raises(AssayError, match="already"):
        made.write(tmp_path / "out.csv")
    with pytest.raises(AssayError, match=r"neither \.parquet"):
        made.write(tmp_path / "out.txt")


def test_utility_falls_as_what_tells_is_generalised() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=1500).round(2)
    data = pd.DataFrame({"x": x, "z": rng.integers(0, 5, 1500), "y": np.where(x > 0, "yes", "no")})
    mild = utility(data, anonymize(data, quasi=["x", "z"], k=3), target="y")
    hard = utility(data, anonymize(data, quasi=["x", "z"], k=1500), target="y")
    assert mild.original > 0.97
    assert mild.interval.low <= mild.loss <= mild.interval.high
    assert mild.loss < 0.03
    assert hard.loss > 0.3
    assert hard.interval.low > 0.2


def test_a_target_that_is_no_column_is_a_clear_error() -> None:
    data = pd.DataFrame({"x": range(20), "y": [0, 1] * 10})
    with pytest.raises(AssayError, match="Unknown column 'z'"):
        utility(data, anonymize(data, quasi=["x"], k=3), target="z")
