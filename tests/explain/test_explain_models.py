"""Every method of the public face on every kind of model: in process, isolated, behind an address, and without odds."""

from __future__ import annotations

import contextlib
import functools
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
import skops.io
import torch
import xgboost
from skl2onnx import to_onnx
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

import assay
from assay import explain
from assay.core.errors import AssayError
from assay.core.subject import Model
from assay.explain.question import question
from assay.explain.recourse.constraints import Constraints
from assay.explain.recourse.counterfactual import Recourse
from assay.explain.recourse.space import space_of
from assay.models.load import load

NUMBERS = ["age", "pay", "debt", "jobs"]
ROWS = [3, 11, 12]
FIXED = {"immutable": ["jobs"], "one_way": {"age": "up"}}


@functools.cache
def people() -> pd.DataFrame:
    """300 people; `good` of two classes, `grade` of three, `amount` a number."""
    rng = np.random.default_rng(5)
    n = 300
    made = pd.DataFrame(
        {
            "age": rng.integers(18, 80, n).astype(float),
            "pay": rng.normal(30, 8, n).round(2),
            "debt": rng.gamma(2, 3, n).round(2),
            "jobs": rng.integers(0, 5, n).astype(float),
            "town": rng.choice(["north", "south", "west"], n),
        }
    )
    signal = 0.2 * (made["pay"] - 30) - 0.3 * (made["debt"] - 6) + 0.02 * (made["age"] - 48) + rng.normal(size=n) / 2
    signal += made["town"] == "west"
    made["good"] = np.where(signal > 0.3, "yes", "no")
    made["grade"] = np.array(["a", "b", "c"])[np.digitize(signal, [-0.8, 1.2])]
    made["amount"] = 100 + 10 * signal
    return made


class Answering(BaseHTTPRequestHandler):
    """Open Inference Protocol V2: one matrix in, labels and probabilities out, by the server's `chances`."""

    server: Any

    def do_GET(self) -> None:
        tensor = {"datatype": "FP64"}
        outputs = [
            {"name": "label", "datatype": "INT64", "shape": [-1]},
            tensor | {"name": "chance", "shape": [-1, 2]},
        ]
        self.reply({"name": "m", "inputs": [tensor | {"name": "x", "shape": [-1, 4]}], "outputs": outputs})

    def do_POST(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["inputs"][0]
        chances = self.server.chances(np.array(sent["data"], dtype=float).reshape(sent["shape"]))
        labels = {"name": "label", "datatype": "INT64", "shape": [len(chances)]}
        found = {"name": "chance", "datatype": "FP64", "shape": list(chances.shape), "data": chances.ravel().tolist()}
        self.reply({"model_name": "m", "outputs": [labels | {"data": chances.argmax(axis=1).tolist()}, found]})

    def reply(self, found: Any) -> None:
        data = json.dumps(found).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments: Any) -> None:
        """Keep the test's output clean."""


@contextlib.contextmanager
def served(chances: Callable[[np.ndarray], np.ndarray]) -> Iterator[str]:
    """The address of an endpoint on loopback."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        server.daemon_threads = True
        server.chances = chances  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v2/models/m/infer"
        server.shutdown()
        thread.join()


@functools.cache
def logistic(label: str = "good") -> Any:
    frame = people()
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(frame[NUMBERS].to_numpy(), frame[label])


def pipeline() -> Model:
    frame = people()
    encode = make_column_transformer((OneHotEncoder(), ["town"]), (StandardScaler(), NUMBERS))
    return assay.wrap_model(make_pipeline(encode, LogisticRegression()).fit(frame[[*NUMBERS, "town"]], frame["good"]))


def skops_file(folder: Path) -> Model:
    skops.io.dump(logistic(), folder / "model.skops")
    return load(folder / "model.skops")


def xgboost_file(folder: Path) -> Model:
    frame = people()
    model = xgboost.XGBClassifier(n_estimators=8, max_depth=3, n_jobs=1, random_state=0)
    model.fit(frame[NUMBERS], frame["good"] == "yes").save_model(folder / "model.json")
    return load(folder / "model.json", classes=["no", "yes"])


def lightgbm_file(folder: Path) -> Model:
    frame = people()
    model = lightgbm.LGBMClassifier(n_estimators=8, max_depth=3, n_jobs=1, verbose=-1, random_state=0)
    model.fit(frame[NUMBERS], frame["good"] == "yes").booster_.save_model(folder / "model.txt")
    return load(folder / "model.txt", classes=["no", "yes"])


def onnx_file(folder: Path) -> Model:
    matrix = people()[NUMBERS].to_numpy(np.float32)
    network = to_onnx(logistic(), matrix[:1], options={"zipmap": False})
    (folder / "model.onnx").write_bytes(network.SerializeToString())
    return load(folder / "model.onnx")


def net() -> Model:
    frame = people()
    torch.manual_seed(0)
    x, y = (torch.tensor(a, dtype=torch.float32) for a in (frame[NUMBERS].to_numpy(), frame["good"] == "yes"))
    mean, spread = x.mean(0), x.std(0)
    first = torch.nn.Linear(4, 8)
    network = torch.nn.Sequential(first, torch.nn.Tanh(), torch.nn.Linear(8, 1))
    with torch.no_grad():
        first.weight /= spread
        first.bias -= first.weight @ mean
    optimiser = torch.optim.Adam(network.parameters(), lr=0.02)
    for _ in range(120):
        optimiser.zero_grad()
        torch.nn.functional.binary_cross_entropy_with_logits(network(x)[:, 0], y).backward()
        optimiser.step()
    return assay.wrap_model(network, classes=["no", "yes"], features=NUMBERS, output="logits")


def function() -> Model:
    return assay.wrap_model(
        lambda rows: logistic().predict_proba(rows.to_numpy()), classes=["no", "yes"], features=NUMBERS
    )


def hinge() -> Model:
    frame = people()
    return assay.wrap_model(make_pipeline(StandardScaler(), LinearSVC()).fit(frame[NUMBERS], frame["good"]))


def regression() -> Model:
    frame = people()
    return assay.wrap_model(LinearRegression().fit(frame[NUMBERS], frame["amount"]))


def three() -> Model:
    frame = people()
    return assay.wrap_model(make_pipeline(StandardScaler(), LogisticRegression()).fit(frame[NUMBERS], frame["grade"]))


@dataclass(frozen=True)
class Kind:
    """A kind of model: how to make it, what it is asked, and which methods must say why they cannot."""

    make: Callable[..., Model]
    shap: str
    scale: str
    label: str = "good"
    file: bool = False
    exact: str = ""
    target: Any = None


KINDS = {
    "pipeline": Kind(pipeline, "linear-shap", "log-odds"),
    "skops": Kind(skops_file, "linear-shap", "log-odds", file=True),
    "xgboost": Kind(xgboost_file, "tree-shap (interventional)", "log-odds", file=True),
    "lightgbm": Kind(lightgbm_file, "tree-shap (interventional)", "log-odds", file=True),
    "onnx": Kind(onnx_file, "exact-shap", "probability", file=True, exact="neither trees nor coefficients"),
    "torch": Kind(net, "exact-shap", "probability", exact="neither trees nor coefficients"),
    "function": Kind(function, "exact-shap", "probability", exact="neither trees nor coefficients"),
    "endpoint": Kind(function, "exact-shap", "probability", exact="neither trees nor coefficients"),
    "hinge": Kind(hinge, "linear-shap", "value"),
    "regression": Kind(regression, "linear-shap", "value", "amount", target=(110.0, 125.0)),
    "three": Kind(three, "linear-shap", "log-odds", "grade", target="c"),
}


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, assay.Case]]:
    """The name of a kind and the Case of its model; one model a kind for all tests."""
    name, wanted = request.param, KINDS[request.param]
    with contextlib.ExitStack() as stack:
        if name == "endpoint":
            address = stack.enter_context(served(logistic().predict_proba))
            model: Model = load(address, classes=["no", "yes"])
        else:
            model = wanted.make(tmp_path_factory.mktemp(name)) if wanted.file else wanted.make()
        features = [*NUMBERS, "town"] if name == "pipeline" else NUMBERS
        favourable = "yes" if wanted.label == "good" else None
        yield (
            name,
            assay.Case.from_frame(people(), label=wanted.label, features=features, model=model, favourable=favourable),
        )


def predicted(case: assay.Case, recourse: Recourse) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The model's own answers for the rows of every way before and after, and which row each is."""
    pairs = [(i, one) for i, ways in enumerate(recourse.ways) for one in ways.found]
    assert case.model is not None
    before, after = (
        case.model.predict(recourse.columns.decode(np.array([getattr(one, side) for _, one in pairs])))
        for side in ("before", "after")
    )
    return before, after, np.array([i for i, _ in pairs])


def check_recourse(name: str, case: assay.Case, found: Recourse) -> None:
    """Every way has the wanted answer by the model itself, breaks nothing, and is well formed."""
    target = KINDS[name].target
    before, after, which = predicted(case, found)
    assert {i for i, ways in enumerate(found.ways) if ways.found or ways.already} == {0, 1, 2}
    if target is None:
        assert (before != after).all()
    elif isinstance(target, str):
        assert (after == target).all()
    else:
        assert ((after >= target[0]) & (after <= target[1])).all()
    made = [one for ways in found.ways for one in ways.found]
    rows = found.rows[which]
    space = space_of(Constraints.parse(FIXED), found.columns, question(case, ROWS, background=2000).background)
    assert not space.violations(rows, np.array([one.after for one in made])).any.any()
    assert all(one.valid and not one.violated and one.cost > 0 and one.sparsity == len(one.changes) for one in made)
    json.dumps(found.to_json(), allow_nan=False)


def test_shap(kind: tuple[str, assay.Case]) -> None:
    name, case = kind
    found = explain.shap(case, ROWS, background=20)
    assert (found.method, found.scale) == (KINDS[name].shap, KINDS[name].scale)
    assert found.holds.all()
    np.testing.assert_array_equal(found.values, explain.shap(case, ROWS, background=20).values)


def test_lime(kind: tuple[str, assay.Case]) -> None:
    _, case = kind
    found = explain.lime(case, ROWS, samples=500)
    assert found.values.shape == (3, len(case.model_columns))
    assert found.scale in ("probability", "decision", "value")
    again = explain.lime(case, ROWS, samples=500)
    np.testing.assert_array_equal(found.values, again.values)
    assert found.importance()[1] > found.importance()[3], "pay counts for more than the number of jobs"


def test_counterfactuals(kind: tuple[str, assay.Case]) -> None:
    name, case = kind
    found = explain.counterfactuals(case, ROWS, target=KINDS[name].target, count=2, **FIXED)
    check_recourse(name, case, found)
    again = explain.counterfactuals(case, ROWS, target=KINDS[name].target, count=2, **FIXED)
    assert found.to_json() == again.to_json()


def test_the_cheapest_counterfactuals(kind: tuple[str, assay.Case]) -> None:
    name, case = kind
    wanted = KINDS[name]
    if wanted.exact:
        with pytest.raises(AssayError, match=wanted.exact):
            explain.cheapest_counterfactuals(case, ROWS, target=wanted.target, **FIXED)
        return
    found = explain.cheapest_counterfactuals(case, ROWS, target=wanted.target, **FIXED)
    check_recourse(name, case, found)
    assert all(ways.proof is not None and ways.proof.status == "optimal" for ways in found.ways)
    searched = explain.counterfactuals(case, ROWS, target=wanted.target, **FIXED)
    assert (found.costs <= searched.costs + 1e-6).all()


def test_anchors(kind: tuple[str, assay.Case]) -> None:
    name, case = kind
    settings: dict[str, Any] = {"check": 200, "most": 400, "beam": 2, "longest": 2}
    if name == "regression":
        with pytest.raises(AssayError, match="tolerance="):
            explain.anchors(case, ROWS)
        settings["tolerance"] = 10.0
    found = explain.anchors(case, ROWS[:2], **settings)
    assert [one.place for one in found] == ROWS[:2]
    for one in found:
        assert 0 <= one.precision <= 1
        assert 0 < one.coverage <= 1
        assert set(one.columns) <= set(case.model_columns)
    assert [one.to_json() for one in found] == [one.to_json() for one in explain.anchors(case, ROWS[:2], **settings)]


def test_the_model_as_a_whole(kind: tuple[str, assay.Case]) -> None:
    _, case = kind
    found = explain.importance(case, repeats=3, limit=150)
    assert found.to_json() == explain.importance(case, repeats=3, limit=150).to_json()
    order = [one.name for one in found.ranked()]
    assert order.index("pay") < order.index("jobs")
    effect = explain.partial_dependence(case, "pay", points=8, limit=100)
    assert effect.curves.shape == (100, len(effect.grid))
    np.testing.assert_allclose(effect.mean, effect.curves.mean(axis=0))
