"""A model that `assay mitigate --out` saved is opened, audited and gated like any other; the policy may forbid it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import assay as face
from assay.core.errors import AssayError
from assay.engine.models import open_model

Call = Callable[..., Any]
FORBID = (
    'name = "lending"\nrequired = ["fairness.selection_rates:selection_rate_gap"]\n[rules]\non_inconclusive = "allow"\n'
)


@pytest.fixture
def applicants(tmp_path: Path) -> Path:
    """A case.toml of 3,000 applicants with missing numbers, names for outcomes, a split and a gap between groups."""
    rng = np.random.default_rng(5)
    n = 3000
    group = rng.choice(["north", "south"], n)
    merit = rng.normal(size=n)
    near = (group == "north") * 2.0 + rng.normal(0, 0.5, n)
    good = rng.random(n) < 1 / (1 + np.exp(-(1.5 * merit + 1.5 * (group == "north") - 1.0)))
    frame = pd.DataFrame(
        {
            "merit": np.where(rng.random(n) < 0.05, np.nan, merit),
            "near": near,
            "colour": rng.choice(["red", "blue"], n),
            "region": group,
            "outcome": np.where(good, "repaid", "default"),
            "old_decision": rng.choice(["repaid", "default"], n),
            "person": [f"p{i}" for i in range(n)],
            "part": np.where(rng.random(n) < 0.5, "test", "train"),
        }
    )
    frame.to_parquet(tmp_path / "rows.parquet")
    path = tmp_path / "case.toml"
    path.write_text(
        '[data]\npath = "rows.parquet"\n[roles]\nlabel = "outcome"\nfavourable = "repaid"\nprotected = ["region"]\n'
        'prediction = "old_decision"\nfeatures = ["merit", "near", "colour"]\nsplit = "part"\nunit = "person"\n',
        encoding="utf-8",
    )
    return path


def gap(said: Any) -> float:
    return next(
        float(f["measure"]["value"]) for f in said["findings"] if f["measure"]["name"] == "selection_rate_spread"
    )


def audited(assay: Call, case: Path, model: str, *more: object) -> Any:
    said = assay("audit", case, "--model", model, "--check", "fairness.selection_rates", *more, "--json")
    assert said.code == 0, said.out + said.err
    return said.json["data"]


@pytest.mark.parametrize("method", ["group-thresholds", "correlation-remover", "reweighing"])
def test_a_saved_model_is_audited_on_held_out_rows_as_it_was_when_it_was_made(
    assay: Call, applicants: Path, method: str
) -> None:
    made = assay("mitigate", applicants, "--method", method, "--out", "fair", "--json")
    assert made.code == 0, made.err
    after = made.json["data"]["after"]
    found = audited(assay, applicants, "fair")
    assert gap(found) == pytest.approx(gap(after), abs=1e-12)
    assert gap(found) < gap(made.json["data"]["before"])
    (source,) = [one for one in found["run"]["sources"] if one.get("kind") == "model"]
    assert source["digest"] == open_model("fair").digest


def test_a_saved_model_says_what_it_takes(assay: Call, applicants: Path) -> None:
    assay("mitigate", applicants, "--method", "group-thresholds", "--out", "fair")
    shown = assay("model", "show", "fair", "--json").json["data"]
    assert shown["classes"] == ["default", "repaid"]
    assert shown["features"] == ["merit", "near", "colour", "region"]
    assert "takes the protected attributes region at decision time" in shown["notes"]
    table = pd.DataFrame({"merit": [np.nan, 9.0], "near": 0.0, "colour": ["red", "green"], "region": "north"})
    import pyarrow as pa

    model = face.load_model(Path("fair"))
    assert set(model.predict(pa.Table.from_pandas(table))) <= {"default", "repaid"}
    strange = pa.Table.from_pandas(table.assign(region=["north", "west"]))
    with pytest.raises(AssayError, match="'west'"):
        model.predict(strange)
    with pytest.raises(AssayError, match="missing"):
        model.predict(pa.Table.from_pandas(table.assign(region=["north", None])))
    with pytest.raises(AssayError, match="'region'"):
        model.predict(strange.drop_columns(["region"]))


def test_a_folder_that_was_changed_or_is_none_of_a_model_is_refused(assay: Call, applicants: Path) -> None:
    Path("empty").mkdir()
    assert "is a folder" in assay("audit", applicants, "--model", "empty").err
    assay("mitigate", applicants, "--method", "reweighing", "--out", "fair")
    facts = json.loads(Path("fair/mitigation.json").read_text())
    for wrong in ({}, {"classes": ["a"]}, facts["serving"] | {"filling": {"medians": {"x": "?"}, "marked": []}}):
        Path("fair/mitigation.json").write_text(json.dumps(facts | {"serving": wrong}))
        assert "does not say how it serves" in assay("model", "show", "fair").err


def test_drawn_decisions_need_the_column_of_the_subjects(assay: Call, applicants: Path) -> None:
    flags = ("--method", "exponentiated-gradient", "--unit", "person")
    text = applicants.read_text(encoding="utf-8")
    assay("mitigate", applicants, *flags, "--out", "fair")
    assert open_model("fair").features[-1] == "person"
    assert gap(audited(assay, applicants, "fair")) == gap(audited(assay, applicants, "fair"))
    applicants.write_text(text.replace('unit = "person"\n', ""), encoding="utf-8")
    assert "name that column" in assay("mitigate", applicants, *flags[:-2], "--out", "drawn").out
    lacking = assay("audit", applicants, "--model", "drawn")
    assert lacking.code == 2
    assert "--unit COLUMN" in lacking.err


def test_a_policy_can_forbid_to_decide_by_a_protected_attribute(assay: Call, applicants: Path) -> None:
    Path("free.toml").write_text(FORBID, encoding="utf-8")
    Path("strict.toml").write_text(FORBID + "forbid_attribute_at_decision = true\n", encoding="utf-8")
    refused = assay("mitigate", applicants, "--method", "group-thresholds", "--policy", "strict.toml", "--out", "no")
    assert refused.code == 2
    assert "lending" in refused.err
    assert not Path("no").exists()
    assay("mitigate", applicants, "--method", "group-thresholds", "--tolerance", "0.01", "--out", "fair")
    assay("mitigate", applicants, "--method", "reweighing", "--out", "blind", "--policy", "strict.toml")
    for model, policy, code in (("fair", "free", 0), ("fair", "strict", 1), ("blind", "strict", 0)):
        audited(assay, applicants, model, "--policy", f"{policy}.toml")
        said = assay("gate", "--policy", f"{policy}.toml")
        assert said.code == code, said.out
        assert ("takes region at decision time" in said.out) == (code == 1)


def test_forbidden_methods_are_listed_and_not_fitted(assay: Call) -> None:
    from assay.core.errors import Message
    from assay.engine.areas import registry
    from assay.engine.casefile import of_demo
    from assay.fairness.frontier.compare import compare

    parts = registry().parts("mitigation")
    chosen = ("group-thresholds", "reweighing")
    case = of_demo("credit").case()
    found = compare(case, parts, chosen, forbidden=Message("attribute-forbidden", "no"), jobs=1)
    by_name = {entry.method: entry for entry in found.entries}
    assert by_name["group-thresholds"].outcome is None
    assert by_name["group-thresholds"].reason == Message("attribute-forbidden", "no")
    assert by_name["reweighing"].outcome is not None
