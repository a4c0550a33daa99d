"""`assay model show` and `assay model convert`, through the real command line."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest

from assay.cli.main import main


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    return pd.DataFrame({"age": rng.integers(18, 80, 300), "income": rng.normal(30, 8, 300)})


@pytest.fixture(scope="module")
def estimator(frame: pd.DataFrame) -> Any:
    target = np.where(frame["income"] + frame["age"] / 9 > 35, "good", "bad")
    return lightgbm.LGBMClassifier(n_estimators=4, verbose=-1, num_threads=1).fit(frame, target)


def assay(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stopped:
        main([str(argument) for argument in arguments])
    found = capsys.readouterr()
    return int(stopped.value.code or 0), found.out, found.err


def test_show_says_what_a_file_is(estimator: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "m.txt"
    estimator.booster_.save_model(path)
    status, out, _ = assay(capsys, "model", "show", path, "--classes", "bad,good", "--json")
    assert status == 0
    envelope = json.loads(out)
    assert envelope["ok"] is True
    facts = envelope["data"]
    assert (facts["task"], facts["classes"], facts["features"]) == ("binary", ["bad", "good"], ["age", "income"])
    assert facts["name"] == "LightGBM m.txt"
    assert facts["digest"].startswith("sha256:")
    assert facts["pickled"] is False
    status, out, _ = assay(capsys, "model", "show", path)
    assert status == 0
    assert "age, income" in out


def test_convert_writes_and_says_the_parity(
    estimator: Any, frame: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target, rows = tmp_path / "m.pkl", tmp_path / "m.txt", tmp_path / "rows.parquet"
    source.write_bytes(pickle.dumps(estimator))
    frame.to_parquet(rows)
    arguments = ["model", "convert", source, "--out", target, "--to", "lightgbm", "--data", rows]
    status, out, err = assay(capsys, *arguments)
    assert (status, out) == (2, "")
    assert "--allow-pickle" in err
    assert not target.exists()
    status, out, _ = assay(capsys, *arguments, "--allow-pickle", "--json")
    assert status == 0
    parity = json.loads(out)["data"]["parity"]
    assert (parity["rows"], parity["generated"], parity["max_difference"], parity["holds"]) == (1000, 700, 0.0, True)
    assert target.read_text().startswith("tree\n")
    target.unlink()
    status, out, _ = assay(capsys, *arguments, "--allow-pickle", "--tolerance", "-1", "--json")
    assert status == 2
    error = json.loads(out)["error"]
    assert error["code"] == "parity"
    assert "Parity on 1,000 rows (700 generated): largest difference 0" in error["message"]
    assert "--accept-difference" in error["hint"]
    assert not target.exists()


def test_mistakes_are_exit_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (
        ["show", tmp_path / "none.onnx"],
        ["show", "http://127.0.0.1:1/v2/models/m/infer", "--timeout", "1"],
        ["convert", tmp_path / "none.pkl", "--out", tmp_path / "m.skops", "--to", "skops"],
        ["convert", tmp_path / "none.pkl", "--out", tmp_path / "m.skops", "--to", "pmml"],
        ["convert", tmp_path / "x", "--out", tmp_path / "m.skops", "--to", "skops", "--data", tmp_path / "none.csv"],
    ):
        status, out, err = assay(capsys, "model", *arguments)
        assert (status, out) == (2, "")
        assert "Error" in err
    assert list(tmp_path.iterdir()) == []


def test_a_name_cannot_steer_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, _, err = assay(capsys, "model", "show", tmp_path / "\x1b]0;owned\x07.skops")
    assert "\x1b]0" not in err
