"""`assay audit --epsilon`: the whole journey on the demo tables, what it may not tell, and what it refuses."""

from __future__ import annotations

import json
import re

import pyarrow.parquet as pq
import pytest

import assay as face
from assay.data.rows.sql.files import sha256
from assay.engine.casefile import of_demo
from assay.store import open_store

DEMO = of_demo("income")
RACES = ("Amer-Indian-Eskimo", "Asian-Pac-Islander", "Black", "Other", "White")
KEYS = {"sex": ["Female", "Male"], "race": list(RACES), "income": ["<=50K", ">50K"]}
FLAGS = [f"--keys={column}={','.join(values)}" for column, values in KEYS.items()]
CASE = """
name = "income"
[data]
path = "{path}"
[roles]
label = "income"
favourable = ">50K"
prediction = "prediction"
score = "score"
protected = ["sex", "race"]
[public]
score_bins = 8
rows = 40000
[public.keys]
sex = ["Female", "Male"]
race = "races.csv"
income = ["<=50K", ">50K"]
[checks]
run = ["fairness.selection_rates", "fairness.auc", "quality.data", "explain.effects"]
"""


@pytest.fixture
def case(tmp_path):
    """A case file beside a copy of Adult, its public values in it and in a file."""
    table = pq.read_table(DEMO.data)
    pq.write_table(table, tmp_path / "adult.parquet")
    (tmp_path / "races.csv").write_text("race\n" + "\n".join(RACES) + "\n", encoding="utf-8")
    path = tmp_path / "case.toml"
    path.write_text(CASE.format(path="adult.parquet"), encoding="utf-8")
    return path


def ledger(assay, *flags):
    made = assay("privacy", "ledger", "create", "census", "--data", "adult.parquet", *flags)
    assert made.code == 0, made.err


def spent(tmp_path):
    with open_store(f"sqlite:///{tmp_path}/.assay/assay.db") as store:
        return [
            (spend.state, {k: float(v) for k, v in spend.amount.items()})
            for spend in store.ledgers.open("census").history()
        ]


def test_a_fairness_report_is_published_and_paid_for(assay, case, tmp_path):
    ledger(assay, "--epsilon", "2", "--adjacency", "add-or-remove")
    said = assay("audit", case, "--epsilon", "1", "--ledger", "census", "--out", "report", "--json")
    assert said.code == 0, said.err
    data = said.json["data"]
    terms = data["run"]["subject_facts"]["differential_privacy"]
    assert (terms["epsilon"], terms["ledger"], terms["unit"]) == ("1", "census", "a row")
    assert data["run"]["seconds"] == 0
    by_check = {}
    for finding in data["findings"]:
        by_check.setdefault(finding["check"], []).append(finding)
        assert re.fullmatch("random:[0-9a-f]{64}", finding["id"])
    gaps = [f["measure"] for f in by_check["fairness.selection_rates"] if f["measure"]["name"] == "selection_rate_gap"]
    sex = next(m for m in gaps if m["over"] == ["sex"])
    assert "noise" in sex["interval"]["method"]
    exact = face.audit(face.demo("income"), checks=["fairness.selection_rates"], progress=False)
    truth = next(
        f.measure.value for f in exact if f.measure.name == "selection_rate_gap" and f.measure.over == ("sex",)
    )
    assert sex["interval"]["low"] <= truth <= sex["interval"]["high"]
    reasons = {id: found[0]["measure"]["reason"] for id, found in by_check.items() if found[0]["measure"]["reason"]}
    assert reasons["explain.effects"] == "needs the rows, which a private audit does not read"
    assert "each feature" in reasons["quality.data"]
    for name in ("report.html", "report.md"):
        assert "Published with differential privacy" in (tmp_path / "report" / name).read_text(encoding="utf-8")
    again = assay("run", "show", data["run"]["id"], "--json")
    assert again.json["data"]["findings"] == data["findings"]
    assert spent(tmp_path) == [("committed", {"epsilon": 1.0})]


def test_the_report_holds_no_exact_count_and_no_digest_of_the_data(assay, case, tmp_path):
    """With so little privacy to spend that noise hits no true number by chance."""
    ledger(assay, "--epsilon", "2", "--adjacency", "replace")
    said = assay("audit", case, "--epsilon", "0.000001", "--ledger", "census", "--out", "report", "--json")
    assert said.code == 0, said.err
    frame = pq.read_table(DEMO.data).to_pandas()
    true = {len(frame)} | {
        int(n) for column in ("sex", "race", "income", "prediction") for n in frame[column].value_counts()
    }
    true |= {int(n) for n in frame.groupby(["sex", "race", "prediction"]).size() if n > 100}
    texts = [said.out, *(p.read_text(encoding="utf-8") for p in (tmp_path / "report").iterdir())]
    for text in texts:
        numbers = {int(n.replace(",", "")) for n in re.findall(r"(?<![\w.])\d[\d,]*\b", text) if n.replace(",", "")}
        assert not true & numbers
        assert sha256(str(tmp_path / "adult.parquet")).removeprefix("sha256:") not in text


def test_refusals_spend_nothing(assay, case, tmp_path):
    ledger(assay, "--epsilon", "2", "--adjacency", "add-or-remove")
    base = ("audit", case, "--epsilon", "1", "--ledger", "census")
    refused = {
        "private-loss": ("audit", case, "--delta", "1e-7", "--epsilon", "1", "--rho", "1", "--ledger", "census"),
        "epsilon": ("audit", case, "--epsilon", "0", "--ledger", "census"),
        "delta": (*base, "--delta", "0.1"),
        "budget": ("audit", case, "--epsilon", "2.5", "--ledger", "census"),
        "measure": ("audit", case, "--rho", "0.1", "--ledger", "census"),
        "adjacency": (*base, "--adjacency", "replace"),
        "public-keys": (*base, "--keys", "sex=x"),
        "score-bins": (*base, "--score-bins", "1"),
        "private-role": (*base, "--weight", "age"),
        "private-unit": (*base, "--unit", "age"),
        "column": (*base, "--split", "nowhere"),
        "private-checks": (*base, "--check", "explain.effects"),
        "usage": (*base, "--no-ledger"),
        "reference": (*base, "--reference", "sex=woman"),
        "private-model": ("audit", "--demo", "income", "--with-model", *base[2:], *FLAGS),
        "ledger-data": ("audit", "--demo", "credit", "--epsilon", "1", "--ledger", "census", "--keys=sex=female,male",
                        "--keys=age_band=under 25,25 and over", "--keys=credit_risk=bad,good"),
    }  # fmt: skip
    for code, call in refused.items():
        said = assay(*call, "--json")
        assert said.code == 2, (code, said.out)
        assert said.json["error"]["code"] == code, said.json["error"]
    text = case.read_text(encoding="utf-8")
    case.write_text(text + 'params."fairness.selection_rates".depth = 0\n', encoding="utf-8")
    assert assay(*base, "--json").json["error"]["code"] == "parameter"
    assert spent(tmp_path) == []


def test_what_belongs_to_a_private_audit_says_so_without_epsilon(assay, case):
    for flags in (("--ledger", "census"), ("--keys", "sex=a,b"), ("--no-ledger",), ("--delta", "1e-9")):
        said = assay("audit", case, *flags, "--json")
        assert said.json["error"]["code"] == "usage"
        assert "--epsilon" in said.json["error"]["hint"]


def test_groups_are_never_taken_from_the_data(assay, case):
    said = assay("audit", "--demo", "income", "--epsilon", "1", "--no-ledger", "--adjacency", "replace", "--json")
    assert said.json["error"]["code"] == "public-keys"


def test_a_person_with_many_rows_is_bounded_by_the_ledger(assay, case, tmp_path):
    ledger(assay, "--epsilon", "2", "--adjacency", "add-or-remove", "--unit-column", "age", "--max-rows", "2")
    call = ("audit", case, "--unit", "age", "--check", "fairness.selection_rates", "--ledger", "census", "--json")
    said = assay(*call, "--epsilon", "2")
    assert said.code == 0, said.err
    facts = said.json["data"]["run"]["subject_facts"]
    assert facts["differential_privacy"]["unit"] == "age, at most 2 rows each"
    assert facts["rows"] < 400  # 74 ages, two rows of each


def test_gaussian_noise_on_a_ledger_of_zcdp_and_of_epsilon_and_delta(assay, case, tmp_path):
    ledger(assay, "--rho", "0.5", "--adjacency", "replace")
    said = assay("audit", case, "--rho", "0.25", "--ledger", "census", "--json")
    assert said.json["data"]["run"]["subject_facts"]["differential_privacy"]["mechanism"].startswith(
        "discrete Gaussian"
    )
    said = assay("audit", case, "--epsilon", "0.1", "--ledger", "census", "--json")
    assert said.code == 0
    assert spent(tmp_path)[0] == ("committed", {"rho": 0.25, "delta": 0.0})
    assert 0.0024 < spent(tmp_path)[1][1]["rho"] <= 0.005


def test_in_python_a_case_is_published_alike(case, tmp_path):
    found = face.Case.from_frame(DEMO.data, name="income", **DEMO.roles)
    url = f"sqlite:///{tmp_path}/store.db"
    run = face.audit(
        found,
        checks=["fairness.error_rates"],
        rho="0.1",
        no_ledger=True,
        adjacency="replace",
        public={"keys": KEYS},
        store=url,
        progress=False,
    )
    assert all(f.id.startswith("random:") for f in run.findings)
    assert run.subject_facts["differential_privacy"]["ledger"] == "none"
    assert "Published with differential privacy" in run._repr_html_()
    for wrong in ({"epsilon": 1}, {"epsilon": 1, "no_ledger": True}, {"no_ledger": True, "adjacency": "replace"}):
        with pytest.raises(face.AssayError):
            face.audit(found, public={"keys": KEYS}, progress=False, **wrong)
    frame = face.Case.from_frame(pq.read_table(DEMO.data), name="income", **DEMO.roles)
    with pytest.raises(face.AssayError, match="Unknown ledger"):
        face.audit(frame, epsilon=1, ledger="none", store=url, public={"keys": KEYS}, progress=False)


def test_data_in_memory_are_not_those_of_any_ledger(assay, case, tmp_path):
    ledger(assay, "--epsilon", "2", "--adjacency", "add-or-remove")
    frame = face.Case.from_frame(pq.read_table("adult.parquet"), name="income", **DEMO.roles)
    store = f"sqlite:///{tmp_path}/.assay/assay.db"
    with pytest.raises(face.AssayError, match="memory"):
        face.audit(frame, epsilon=1, ledger="census", store=store, public={"keys": KEYS}, progress=False)
    assert spent(tmp_path) == []
    same = face.Case.from_frame("adult.parquet", name="income", **DEMO.roles)
    face.audit(same, epsilon=1, ledger="census", store=store, public={"keys": KEYS}, progress=False)
    assert spent(tmp_path) == [("committed", {"epsilon": 1.0})]


def test_judging_a_published_run_again_needs_no_data(case, tmp_path):
    from assay.engine.judge import rejudge

    found = face.Case.from_frame(DEMO.data, name="income", **DEMO.roles)
    run = face.audit(found, checks=["fairness.selection_rates"], epsilon=1, no_ledger=True, adjacency="replace",
                     public={"keys": KEYS}, progress=False)  # fmt: skip
    again = rejudge(run, face.read_policy("default"))
    assert [f.verdict for f in again] == [f.verdict for f in run]
    assert json.dumps(run.to_json())
