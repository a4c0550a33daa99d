"""The main job, as a person runs it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

Call = Callable[..., Any]


def test_the_demo_is_audited_and_the_report_written(assay: Call, tmp_path: Path) -> None:
    said = assay("audit", "--demo", "credit", "--out", "report/")
    assert said.code == 0, said.err
    assert "fairness.selection_rates" in said.out
    assert "inconclusive" in said.out
    assert "would settle it" in said.out
    for name in ("report.html", "findings.json", "report.md", "junit.xml"):
        assert (tmp_path / "report" / name).stat().st_size > 500
    assert (tmp_path / ".assay").is_dir()


def test_json_is_one_envelope_with_the_published_shape(
    assay: Call, loans: pd.DataFrame, roles: tuple[str, ...]
) -> None:
    loans.to_parquet("loans.parquet")
    said = assay("audit", "--data", "loans.parquet", *roles, "--json")
    assert said.code == 0, said.err
    envelope = said.json
    assert envelope["ok"] is True
    data = envelope["data"]
    assert {"run", "verdict", "findings"} <= set(data)
    gap = next(f for f in data["findings"] if f["measure"]["name"] == "selection_rate_gap")
    assert gap["verdict"] == "fail"
    assert 0.25 < gap["measure"]["interval"]["low"] < gap["measure"]["interval"]["high"] < 0.6
    assert sum(gap["measure"]["n"]) == 600


def test_a_case_file_says_everything(assay: Call, loans: pd.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    loans.to_csv("files/loans.csv", index=False)
    Path("files/case.toml").write_text(
        """
        name = "loans"
        [data]
        path = "loans.csv"
        [roles]
        label = "repaid"
        prediction = "approved"
        score = "p"
        protected = ["sex", "age_band"]
        [checks]
        run = ["fairness.selection_rates", "quality.performance"]
        params."fairness.selection_rates".depth = 1
        [policy]
        path = "policy.toml"
        """
    )
    Path("files/policy.toml").write_text(
        'name = "mild"\nrequired = ["fairness.selection_rates:selection_rate_gap"]\n'
        '[[limit]]\ncheck = "fairness.selection_rates"\nmeasure = "selection_rate_gap"\nfail = 0.9\n'
        '[[limit]]\ncheck = "fairness.selection_rates"\nmeasure = "selection_rate_ratio"\n'
        'better = "higher"\nfail = 0.0\n'
    )
    said = assay("audit", "files/case.toml", "--gate", "--json")
    assert said.code == 0, said.out
    run = said.json["data"]["run"]
    assert (run["subject"], run["policy"]["name"]) == ("loans", "mild")
    assert set(run["checks"]) == {"fairness.selection_rates", "quality.performance"}
    found = [f for f in said.json["data"]["findings"] if f["check"] == "fairness.selection_rates"]
    slices = [f["measure"]["slice"] for f in found]
    assert {"age_band": None} in slices, "people without an age band are a group of their own"
    assert {"age_band": None, "sex": "woman"} not in slices


def test_the_gate_of_an_audit_exits_1_with_reasons(assay: Call, loans: pd.DataFrame, roles: tuple[str, ...]) -> None:
    loans.to_parquet("loans.parquet")
    said = assay("audit", "--data", "loans.parquet", *roles, "--gate")
    assert said.code == 1
    assert "Gate shut" in said.out
    assert "selection_rate" in said.out


def test_stored_runs_can_be_listed_shown_gated_and_compared(
    assay: Call, loans: pd.DataFrame, roles: tuple[str, ...], tmp_path: Path
) -> None:
    assert "No runs yet" in assay("run", "list").out
    loans.to_parquet("loans.parquet")
    first = assay("audit", "--data", "loans.parquet", *roles, "--json").json["data"]["run"]["id"]
    loans.assign(approved=1).to_parquet("loans.parquet")
    second = assay("audit", "--data", "loans.parquet", *roles, "--json").json["data"]["run"]["id"]
    listed = assay("run", "list", "--json").json["data"]
    assert [header["id"] for header in listed] == [second, first]
    shown = assay("run", "show", first, "--out", "again.html")
    assert first in shown.out
    assert "<h1" in Path("again.html").read_text(encoding="utf-8")
    assert assay("run", "show", first, "--json").json["data"]["run"]["id"] == first
    compared = assay("run", "compare", first, second)
    assert compared.code == 0
    assert "Selection rate" in compared.out
    assert assay("gate", "--run", first).code == 1
    gated = assay("gate", "--run", first, "--json")
    assert gated.code == 1
    assert gated.json["data"]["passed"] is False
    assert assay("run", "show", "nonsense").code == 2


def test_checks_are_listed_shown_and_run_with_their_own_flags(assay: Call) -> None:
    listed = assay("check", "list", "--json").json["data"]
    assert {"quality.data", "fairness.proxies"} <= {check["id"] for check in listed}
    assert "fairness.error_rates" in assay("check", "list").out
    shown = assay("check", "show", "fairness.selection_rates").out
    assert "1607.4(D)" in shown
    ran = assay(
        "check", "run", "fairness.selection_rates", "--demo", "recidivism", "--depth", "1", "--level", "0.9", "--json"
    )
    assert ran.code == 0, ran.out
    findings = ran.json["data"]["findings"]
    assert {f["check"] for f in findings} == {"fairness.selection_rates"}
    assert {f["params"]["depth"] for f in findings} == {1}
    assert {f["measure"]["interval"]["level"] for f in findings if f["measure"]["interval"]} == {0.9}
    assert "--depth" in assay("check", "run", "fairness.selection_rates", "--help").out


def test_propublicas_numbers_come_out(assay: Call) -> None:
    said = assay("check", "run", "fairness.error_rates", "--demo", "recidivism", "--json")
    rates = {
        (f["measure"]["name"], f["measure"]["slice"].get("race")): f["measure"]["value"]
        for f in said.json["data"]["findings"]
        if set(f["measure"]["slice"]) == {"race"}
    }
    # "Favourable" is no recidivism, so ProPublica's false positives are our false negatives and the reverse.
    assert rates["fnr", "African-American"] == pytest.approx(0.4485, abs=5e-5)
    assert rates["fpr", "African-American"] == pytest.approx(0.2799, abs=5e-5)
    assert rates["fnr", "Caucasian"] == pytest.approx(0.2345, abs=5e-5)
    assert rates["fpr", "Caucasian"] == pytest.approx(0.4772, abs=5e-5)


def test_the_built_in_policy_can_be_copied_and_checked(assay: Call) -> None:
    text = assay("policy", "show").out
    Path("policy.toml").write_text(text)
    assert "valid policy" in assay("policy", "check", "policy.toml").out
    Path("policy.toml").write_text(text.replace("quality.data", "quality.dato"))
    said = assay("policy", "check", "policy.toml")
    assert said.code == 2
    assert "quality.dato" in said.err


def test_the_doctor_speaks_plainly(assay: Call) -> None:
    said = assay("doctor")
    assert said.code == 0
    assert "duckdb" in said.out
    assert "checks" in said.out
    names = {item["name"] for item in assay("doctor", "--json").json["data"]}
    assert {"python", "store", "areas", "torch"} <= names


def test_hostile_names_cannot_steer_the_terminal(assay: Call, loans: pd.DataFrame) -> None:
    evil = "\x1b[31m<script>alert(1)</script>\u202e"
    loans = loans.assign(sex=loans["sex"].replace("woman", evil)).rename(columns={"sex": "se\x07x"})
    loans.to_parquet("loans.parquet")
    flags = ("--label", "repaid", "--prediction", "approved", "--protected", "se\x07x", "--name", "x\x1b[2J")
    said = assay("audit", "--data", "loans.parquet", *flags, "--all", "--out", "r.html")
    assert said.code == 0, said.err
    assert not set("\x1b\x07\u202e") & set(said.out)
    html = Path("r.html").read_text(encoding="utf-8")
    assert "<script>alert" not in html
    assert "\u202e" not in html


BAD = [
    (("audit",), "Nothing to audit"),
    (("audit", "--demo", "credits"), "credit"),
    (("audit", "--demo", "credit", "--data", "x.csv"), "More than one"),
    (("audit", "none.toml"), "no case file"),
    (("audit", "--data", "none.parquet", "--label", "y"), "none.parquet"),
    (("audit", "--data", "loans.parquet", "--label", "repayd"), "repaid"),
    (("audit", "--data", "loans.parquet", "--label", "town", "--task", "binary"), "three|3"),
    (("audit", "--data", "loans.parquet", "--label", "repaid", "--score", "income"), r"\[0, 1\]|between 0 and 1"),
    (("audit", "--data", "loans.parquet", "--label", "repaid", "--prediction", "town"), "town|prediction"),
    (("audit", "--data", "empty.csv", "--label", "y"), "empty"),
    (("audit", "--data", "latin.csv", "--label", "y"), "UTF-8"),
    (("audit", "--data", "cut.parquet", "--label", "repaid"), "cut.parquet"),
    (("audit", "--data", "twice.csv", "--label", "y"), "y"),
    (("audit", "--data", "void.parquet", "--label", "repaid"), "repaid"),
    (("audit", "--demo", "credit", "--check", "fairness.rates"), "Unknown check"),
    (("audit", "--demo", "credit", "--policy", "none.toml"), "none.toml"),
    (("audit", "--demo", "credit", "--store", "oracle://x"), "sqlite"),
    (("audit", "--demo", "credit", "--nonsense"), "nonsense"),
    (("audit", "--data", "loans.parquet", "--label", "repaid", "--model", "m.pkl"), "pickle"),
    (("audit", "--data", "loans.parquet", "--label", "repaid", "--model", "m.weights"), "onnx"),
    (("check", "show", "fairness.selection_rate"), "Did you mean"),
    (("check", "run", "fairness.selection_rates", "--demo", "credit", "--depht", "2"), "depht"),
    (("gate", "--run", "latest"), "no Run yet"),
]


@pytest.mark.parametrize(("arguments", "words"), BAD, ids=[" ".join(a) for a, _ in BAD])
def test_every_mistake_is_one_clear_error_with_exit_2(
    assay: Call, loans: pd.DataFrame, arguments: tuple[str, ...], words: str
) -> None:
    loans.to_parquet("loans.parquet")
    Path("cut.parquet").write_bytes(Path("loans.parquet").read_bytes()[:-700])
    Path("empty.csv").write_text("")
    Path("latin.csv").write_bytes("y,name\n1,Jos\xe9\n0,x\n".encode("latin-1"))
    Path("twice.csv").write_text("y,y\n1,0\n0,1\n")
    loans.assign(repaid=pd.Series([None] * len(loans), dtype="float")).to_parquet("void.parquet")
    Path("m.pkl").write_bytes(b"\x80\x04N.")
    Path("m.weights").write_bytes(b"????")
    before = {p.name for p in Path().iterdir()}
    said = assay(*arguments)
    assert said.code == 2, said.out + said.err
    assert re.search(words, said.err), said.err
    assert "Traceback" not in said.err
    assert {p.name for p in Path().iterdir()} - before <= {".assay"}, "nothing half-written"
    as_json = assay(*arguments, "--json")
    assert as_json.code == 2
    error = json.loads(as_json.out)
    assert error["ok"] is False
    assert {"code", "message", "hint"} == set(error["error"])
