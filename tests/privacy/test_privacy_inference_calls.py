"""One call each from Python, and the command that shows what gradients give away."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

import assay
from assay import privacy
from assay.cli.main import main
from assay.core.errors import AssayError

torch.set_num_threads(1)
COLUMNS = ["a", "b", "c"]


def frame_of(n: int = 400, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    made = pd.DataFrame(rng.normal(size=(n, 3)), columns=COLUMNS)
    made["c"] = rng.integers(0, 3, n)
    return made.assign(y=rng.choice(["no", "yes"], n))


@pytest.mark.parametrize(
    ("kind", "measure", "settings"),
    [
        ("attribute", "advantage", {"attributes": ("c",)}),
        ("inversion", "distance_auc", {"defence": "round-outputs"}),
        ("extraction", "fidelity_gain", {"queries": 100, "strategies": ("random-rows",)}),
    ],
)
def test_a_model_and_two_tables_are_enough(kind, measure, settings):
    members, others = frame_of(), frame_of(seed=1)
    nearest = KNeighborsClassifier(1).fit(members[COLUMNS], members["y"])
    found = privacy.attack(kind, nearest, members, others, label="y", features=COLUMNS, **settings)
    assert any(m.name == measure and m.value is not None for m in found)
    assert {m.name: m.n for m in found}["accuracy"] == 200


def test_wrong_words_are_refused():
    members = frame_of()
    nearest = KNeighborsClassifier(1).fit(members[COLUMNS], members["y"])
    with pytest.raises(AssayError, match="extraction"):
        privacy.attack("extract", nearest, members, members, label="y")
    with pytest.raises(AssayError, match="queries"):
        privacy.attack("extraction", nearest, members, members, label="y", query=100)
    with pytest.raises(AssayError, match="no gradients"):
        privacy.gradient_leakage(nearest, members[COLUMNS], members["y"])
    line = LogisticRegression().fit(members[COLUMNS], members["y"])
    with pytest.raises(AssayError, match="deep-leakage"):
        privacy.gradient_leakage(line, members[COLUMNS], members["y"], attack="deep")
    with pytest.raises(AssayError, match="3 labels"):
        privacy.gradient_leakage(line, members[COLUMNS], ["no", "yes", "no"])


def test_gradients_of_tables_and_of_arrays():
    frame = frame_of()
    line = LogisticRegression().fit(frame[COLUMNS], frame["y"])
    (one,) = privacy.gradient_leakage(line, frame[COLUMNS], frame["y"], batches=(1,))
    assert one.recovered == 1.0
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(3, 20), torch.nn.Tanh(), torch.nn.Linear(20, 2))
    named = assay.wrap_model(net, classes=["no", "yes"], features=COLUMNS, output="logits")
    array = assay.wrap_model(net, classes=["no", "yes"], output="logits")
    numbers = frame[COLUMNS].to_numpy(np.float32)
    for model, inputs in ((named, frame[COLUMNS]), (array, numbers)):
        (one,) = privacy.gradient_leakage(model, inputs, frame["y"], batches=(1,))
        assert one.recovered == 1.0
    (noisy,) = privacy.gradient_leakage(array, numbers, frame["y"], batches=(1,), clip=1.0, noise=1.0)
    assert noisy.recovered == 0.0


def test_the_command_shows_what_noise_hides(tmp_path, capsys):
    frame = frame_of()
    skops.io.dump(LogisticRegression().fit(frame[COLUMNS], frame["y"]), tmp_path / "model.skops")
    frame.loc[:5, "y"] = None
    frame.to_parquet(tmp_path / "rows.parquet")
    given = ["--data", str(tmp_path / "rows.parquet"), "--model", str(tmp_path / "model.skops"), "--label", "y"]
    words = ["privacy", "attack", "gradients", *given, "--favourable", "yes", "--batch", "1", "--batch", "4"]
    store = ["--store", f"sqlite:///{tmp_path / 'store.db'}"]
    assert ran([*words, *store]) == 0
    said = capsys.readouterr().out
    assert "clipped to 1, noise 1" in said
    assert "clipped or not" in said
    assert ran([*words, *store, "--json"]) == 0
    leaks = json.loads(capsys.readouterr().out)["data"]
    assert [leak["batch"] for leak in leaks] == [1, 4] * 3
    assert leaks[0]["recovered"] == leaks[2]["recovered"] == 1.0
    assert leaks[4]["recovered"] < 0.2


def ran(arguments: list[str]) -> Any:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return ended.value.code


def test_hostile_names_stay_on_their_line(tmp_path, capsys):
    frame = frame_of(300).rename(columns={"c": "c\x1b[31m\u202e"})
    columns = [name for name in frame.columns if name != "y"]
    skops.io.dump(LogisticRegression().fit(frame[columns], frame["y"]), tmp_path / "model.skops")
    frame.assign(part=np.where(np.arange(300) % 2, "train", "test")).to_parquet(tmp_path / "rows.parquet")
    given = ["--data", str(tmp_path / "rows.parquet"), "--model", str(tmp_path / "model.skops"), "--label", "y"]
    words = [*given, "--favourable", "yes", "--split", "part", "--store", f"sqlite:///{tmp_path / 'store.db'}"]
    assert ran(["privacy", "attack", "attribute", "--attribute", columns[2], *words]) == 0
    said = capsys.readouterr().out
    assert "c�[31m�" in said
    assert "\x1b" not in said
