"""`assay privacy attack membership`, and the check in an audit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest

Call = Callable[..., Any]

TRAINER = """
import lightgbm
import numpy as np

def train(frame, labels):
    made = lightgbm.LGBMClassifier(n_estimators=10, min_child_samples=1, num_leaves=60, n_jobs=1, verbosity=-1)
    return made.fit(frame, np.asarray(labels) == "yes").booster_.predict

def nothing(frame, labels):
    return None
"""


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=2400), "b": rng.integers(0, 50, 2400)})
    frame["y"] = np.where(rng.random(2400) < 0.5, "yes", "no")
    members = frame[:400]
    fitted = lightgbm.LGBMClassifier(n_estimators=10, min_child_samples=1, num_leaves=60, n_jobs=1, verbosity=-1)
    fitted.fit(members[["a", "b"]], members["y"] == "yes")
    fitted.booster_.save_model(tmp_path / "model.txt")
    members.to_parquet(tmp_path / "members.parquet")
    frame[400:].astype({"b": float}).to_csv(tmp_path / "others.csv", index=False)
    (tmp_path / "our_trainers.py").write_text(TRAINER)
    monkeypatch.syspath_prepend(str(tmp_path))
    said = ("--data", "members.parquet", "--nonmembers", "others.csv", "--label", "y", "--favourable", "yes")
    return (*said, "--model", "model.txt", "--classes", "no,yes")


def test_a_booster_that_overfits_is_told_by_its_file(assay: Call, files: tuple[str, ...]) -> None:
    said = assay("privacy", "attack", "membership", *files)
    assert said.code == 0, said.err
    lines = said.out.splitlines()
    assert lines[0] == "400 members and 2,000 non-members."
    loss = next(line for line in lines if line.startswith("loss-threshold"))
    assert loss.endswith("fail")
    assert "lira-offline, lira-online, rmia, rmia-offline: needs shadow models" in said.out.replace("– ", "")
    assert "give a trainer" in said.out
    assert "needs 10,000 non-members, and there are 2,000" in said.out
    assert "regularise" in said.out
    run = assay("run", "list", "--json").json["data"][0]["id"]
    assert run in lines[-1]


def test_with_a_trainer_shadow_models_are_trained(assay: Call, files: tuple[str, ...]) -> None:
    asked = ("--attack", "lira-offline", "--attack", "rmia", "--trainer", "our_trainers:train", "--shadows", "4")
    found = assay("privacy", "attack", "membership", *files, *asked, "--json").json["data"]
    measures = [f["measure"] for f in found["findings"]]
    areas = {m["slice"]["attack"]: m["value"] for m in measures if m["name"] == "auc"}
    assert set(areas) == {"lira-offline", "rmia"}
    assert min(areas.values()) > 0.6
    assert {f["check"] for f in found["findings"]} == {"privacy.membership"}


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--attack", "lira"), "lira-online"),
        (("--trainer", "our_trainers:missing"), "trainer"),
        (("--trainer", "our_trainers:nothing", "--shadows", "4"), "NoneType"),
        (("--nonmembers", "members.parquet.gone"), "members.parquet.gone"),
    ],
)
def test_mistakes_are_said_in_one_line(assay: Call, files: tuple[str, ...], flags: tuple[str, ...], words: str) -> None:
    said = assay("privacy", "attack", "membership", *files, *flags)
    assert said.code == 2, said.out
    assert words in said.err


def test_without_others_there_is_nothing_to_attack(assay: Call, files: tuple[str, ...]) -> None:
    said = assay("privacy", "attack", "membership", *files[:2], *files[4:])
    assert said.code == 2
    assert "--nonmembers" in said.err


def test_the_words_of_the_command_lead_to_it(assay: Call) -> None:
    assert "attack" in assay("privacy", "--help").out
    assert "membership" in assay("privacy", "attack", "--help").out
    assert "--nonmembers" in assay("privacy", "attack", "membership", "--help").out
    assert assay("privacy", "attack", "membreship").code == 2


def test_an_audit_of_a_model_with_a_split_asks_about_membership(assay: Call) -> None:
    said = assay("check", "run", "privacy.membership", "--demo", "credit", "--with-model", "--json").json["data"]
    measures = [f["measure"] for f in said["findings"]]
    found = {(m["name"], m["slice"].get("attack")): m for m in measures}
    assert found["auc", "loss-threshold"]["n"] == [700, 300]
    assert found["auc", "loss-threshold"]["value"] > 0.5
    assert "1,000 non-members" in found["tpr_at_fpr_1pct", "loss-threshold"]["reason"]
