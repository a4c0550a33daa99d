"""A person's own network is trained on a table with a public schema, saved without a pickle, opened without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from torch import nn

from assay.core.errors import AssayError
from assay.core.part import Opening
from assay.data.rows.sources import open_rows
from assay.privacy.accounting.plan import Plan
from assay.privacy.commands.train import train_model
from assay.privacy.deep.modules import train_module
from assay.privacy.deep.saved import files_of_module, open_module
from assay.privacy.formats.private_module import private_module
from assay.privacy.training.optimizers import Stepping
from assay.privacy.training.tables.prepared import read_table
from assay.privacy.training.tables.schema import schema_of

torch.set_num_threads(1)
HERE = __name__
N = 600
SCHEMA = {
    "age": {"bounds": [0, 100]},
    "town": {"categories": ["Bergen", "Oslo"]},
    "bought": {"categories": ["no", "yes"]},
    "paid": {"bounds": [0, 50]},
}


class Net(nn.Module):
    """Two layers."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(inputs, 16), nn.Tanh(), nn.Linear(16, outputs))

    def forward(self, x):
        return self.layers(x)


class Wrong(Net):
    """Forgets the classes."""

    def forward(self, x):
        return super().forward(x)[:, :1]


def people():
    generator = np.random.default_rng(0)
    age = generator.uniform(0, 100, N)
    town = generator.choice(["Bergen", "Oslo"], N)
    bought = np.where(age + 30 * (town == "Oslo") > 65, "yes", "no")
    paid = np.clip(age / 2, 0, 50)
    return pa.table({"age": age, "town": town, "bought": bought, "paid": paid, "person": np.arange(N) // 3})


def prepared(label, unit=""):
    schema = schema_of({name: SCHEMA[name] for name in ("age", "town", label)})
    return read_table(open_rows(people()), schema, label=label, unit=unit)


PLAN = Plan(examples=N, batch=100, noise_multiplier=0.8, epochs=20)
HOW = Stepping("adam", 0.05, averaged=0.5)


def trained(label, **more):
    table = prepared(label)
    shape = table.architecture()
    how = {"delta": 1e-5, "accountant": "rdp", "stepping": HOW} | more
    return table, train_module(f"{HERE}:Net", table.examples(shape), shape, PLAN, **how)


@pytest.mark.parametrize("label", ["bought", "paid"])
def test_a_network_is_trained_saved_and_opened_again(label, tmp_path):
    table, made = trained(label)
    assert made.not_private == ()
    files = files_of_module(made, table.encoding, table.label, name=label, statement={"epsilon": 1.0}, promise="p")
    files.write(tmp_path / "model")
    model = open_module(tmp_path / "model", isolate=False)
    assert model.digest == files.digest
    assert model.notes == ("p",)
    assert model.features == ("age", "town")
    rows = people()
    if label == "bought":
        assert model.classes == ("no", "yes")
        share = (np.array(model.classes)[model.outputs(rows).codes] == rows["bought"].to_numpy()).mean()
        assert share > 0.85
    else:
        assert np.abs(model.outputs(rows).values - rows["paid"].to_numpy()).mean() < 6
    with torch.no_grad():
        answers = made.module(torch.from_numpy(table.x))
    if label == "bought":
        assert np.allclose(model.outputs(rows).scores, answers.softmax(1).numpy(), atol=1e-5)
    (tmp_path / "model/network.onnx").write_bytes(b"other")
    with pytest.raises(AssayError, match="was changed after it was saved"):
        open_module(tmp_path / "model")


def test_a_saved_network_is_opened_without_torch(tmp_path):
    table, made = trained("bought")
    files_of_module(made, table.encoding, table.label, name="bought", statement={}, promise="p").write(tmp_path / "m")
    program = (
        "import sys; from assay.privacy.deep.saved import open_module; "
        f"open_module({str(tmp_path / 'm')!r}, isolate=False); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "False"


def test_a_seed_repeats_and_takes_the_promise_away():
    first, second = (trained("bought", insecure_seed=4)[1] for _ in range(2))
    assert first.not_private
    for a, b in zip(first.module.parameters(), second.module.parameters(), strict=True):
        assert torch.equal(a, b)


def test_people_are_units():
    table = prepared("bought", unit="person")
    plan = replace(PLAN, examples=N // 3, unit="person", batch=40)
    done, shape = [], table.architecture()
    data = table.examples(shape, max_rows=3)
    watched = {"advanced": done.append, "diagnostics": "not private"}
    made = train_module(f"{HERE}:Net", data, shape, plan, delta=1e-5, **watched)
    assert done[-1] == plan.total_steps == 100
    assert np.mean(made.diagnostics["rows"]) == pytest.approx(120, rel=0.1)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Net", "There is no network"),
        (f"{HERE}:Nets", "There is no network"),
        (f"{HERE}:people", "There is no network"),
        ("json:dumps", "There is no network"),
        (f"{HERE}:Wrong", "expected"),
    ],
)
def test_networks_that_are_none_are_refused(name, words):
    table = prepared("bought")
    shape = table.architecture()
    data = table.examples(shape)
    with pytest.raises(AssayError, match=words):
        train_module(name, data, shape, PLAN, delta=1e-5)


WRITTEN = """
examples = 600
[columns]
age = { bounds = [0, 100] }
town = { categories = ["Bergen", "Oslo"] }
bought = { categories = ["no", "yes"] }
"""


@pytest.fixture
def files(tmp_path):
    pq.write_table(people(), tmp_path / "people.parquet")
    (tmp_path / "schema.toml").write_text(WRITTEN)
    given = {"data": str(tmp_path / "people.parquet"), "schema": str(tmp_path / "schema.toml"), "label": "bought"}
    return given | {"out": str(tmp_path / "model"), "accountant": "rdp"}


class Quiet:
    """A House that is told of progress only."""

    def __init__(self):
        self.progress, self.told = self, []

    def started(self, task, /, *, total):
        self.told.append(total)

    def advanced(self, task, /, *, done, note=""):
        self.told.append(done)

    def ended(self, task, /, *, note=""):
        self.told.append("ended")


def test_the_command_trains_a_network_and_every_command_opens_it(files):
    house = Quiet()
    answer = train_model.function(
        house, model=f"{HERE}:Net", epsilon=3.0, delta=1e-5, epochs=20, batch=100, rate=0.05, **files
    )
    assert house.told[0] == 120
    assert house.told[-2:] == [120, "ended"]
    assert "differentially private" in answer.text()
    model = private_module.make(Path(files["out"]), Opening(parts=dict, isolate=False))
    assert answer.digest == model.digest
    share = (np.array(model.classes)[model.outputs(people()).codes] == people()["bought"].to_numpy()).mean()
    assert share > 0.8
    said = json.loads((Path(files["out"]) / "statement.json").read_text())
    assert 2.99 < said["epsilon"] <= 3.0
    assert said["private"]
    assert private_module.make(Path(files["out"]).parent, Opening(parts=dict)) is None


class Mixing(Net):
    """Normalises by the batch."""

    def __init__(self, inputs, outputs):
        super().__init__(inputs, outputs)
        self.layers = nn.Sequential(nn.BatchNorm1d(inputs), nn.Linear(inputs, outputs))


@pytest.mark.parametrize(
    ("name", "words"), [("Mixing", "cannot be trained privately"), ("Nets", "There is no network")]
)
def test_the_command_refuses_before_anything_is_spent(files, name, words):
    with pytest.raises(AssayError, match=words):
        train_model.function(Quiet(), model=f"{HERE}:{name}", epsilon=3.0, ledger="never opened", **files)
