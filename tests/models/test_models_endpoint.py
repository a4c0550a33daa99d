"""An Open Inference Protocol V2 endpoint on loopback: what it may answer, and every way in which it can misbehave."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from model_tables import table_of

from assay.core.errors import AssayError
from assay.models.adapters import endpoint
from assay.models.load import load

Answer = Callable[[BaseHTTPRequestHandler, Any], Any]


class Server(ThreadingHTTPServer):
    """Answers GET with `metadata`, POST with `answer(handler, body)`, and remembers what was asked."""

    daemon_threads = True
    metadata: Any = None
    answer: Answer
    asked: list[Any]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that gave up is what these tests are about."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v2/models/credit/infer"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        metadata = self.server.metadata
        self.reply(metadata(self, None) if callable(metadata) else metadata)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(body)
        self.reply(self.server.answer(self, body))

    def reply(self, found: Any) -> None:
        if found is None:
            return
        status, data = found if isinstance(found, tuple) else (200, json.dumps(found).encode())
        self.send_response(status)
        if status in (301, 307):
            self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments: Any) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as found:
        found.asked = []
        thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield found
        found.shutdown()
        thread.join()


def tensor(name: str, shape: list[int], datatype: str = "FP32") -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": shape}


ONE_MATRIX = {
    "name": "credit",
    "inputs": [tensor("x", [-1, 4])],
    "outputs": [tensor("label", [-1], "INT64"), tensor("probabilities", [-1, 2])],
}


def first_column(handler: Any, body: Any) -> Any:
    """P(1) is the first column, cut at 1."""
    sent = body["inputs"][0]
    rows = np.array(sent["data"], dtype=float).reshape(sent["shape"])
    p = rows[:, 0].clip(0, 1)
    scores = np.column_stack([1 - p, p])
    found = {
        "label": {**tensor("label", [len(p)], "INT64"), "data": scores.argmax(axis=1).tolist()},
        "probabilities": {**tensor("probabilities", [len(p), 2]), "data": scores.ravel().tolist()},
    }
    return {"model_name": "credit", "outputs": [found[wanted["name"]] for wanted in body["outputs"]]}


def test_one_matrix_in_batches(server: Server, numbers: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "ROWS_PER_REQUEST", 128)
    server.metadata, server.answer = ONE_MATRIX, first_column
    model = load(server.url, classes=["bad", "good"])
    assert (model.task, model.classes, model.digest) == ("binary", ("bad", "good"), "not digested")
    scores = model.scores(table_of(numbers))
    np.testing.assert_allclose(scores[:, 1], numbers["a"].clip(0, 1))
    expected = np.where(numbers["a"] > 0.5, "good", "bad")
    assert model.predict(table_of(numbers)).tolist() == expected.tolist()
    assert [body["inputs"][0]["shape"][0] for body in server.asked[:3]] == [128, 128, 44]
    assert server.asked[0]["inputs"][0]["datatype"] == "FP32"


def test_a_tensor_a_column(server: Server, people: pd.DataFrame) -> None:
    server.metadata = {
        "inputs": [tensor("b", [-1, 1]), tensor("colour", [-1], "BYTES"), tensor("count", [-1, 1], "INT32")],
        "outputs": [tensor("value", [-1, 1], "FP64")],
    }

    def add(handler: Any, body: Any) -> Any:
        sent = {item["name"]: item for item in body["inputs"]}
        total = [
            b + len(c) + n for b, c, n in zip(*(sent[name]["data"] for name in ("b", "colour", "count")), strict=True)
        ]
        return {"outputs": [{**tensor("value", [len(total), 1], "FP64"), "data": [[t] for t in total]}]}

    server.answer = add
    model = load(server.url)
    assert (model.task, model.features) == ("regression", ("b", "colour", "count"))
    frame = people.fillna({"colour": "none"})
    expected = frame["b"] + frame["colour"].str.len() + frame["count"]
    np.testing.assert_allclose(model.predict(table_of(frame)), expected)
    assert [item["shape"] for item in server.asked[0]["inputs"]] == [[300, 1], [300], [300, 1]]
    with pytest.raises(AssayError, match="1 missing values cannot be sent to the endpoint's input 'colour'"):
        model.predict(table_of(people))
    with pytest.raises(AssayError, match=r"Column 'b' is .*string, the endpoint takes numbers"):
        model.predict(table_of(frame.assign(b="x")))


def test_an_endpoint_that_declares_nothing(server: Server, numbers: pd.DataFrame) -> None:
    server.metadata = {"name": "credit"}

    def answer(handler: Any, body: Any) -> Any:
        assert "outputs" not in body
        rows = body["inputs"][0]["shape"][0]
        return {"outputs": [{**tensor("anything", [rows, 2]), "data": [[0.25, 0.75]] * rows}]}

    server.answer = answer
    model = load(server.url, classes=["n", "y"])
    assert model.predict(table_of(numbers)).tolist() == ["y"] * 300
    assert server.asked[0]["inputs"][0]["name"] == "input-0"
    with pytest.raises(AssayError, match="does not say what it returns"):
        load(server.url)


def test_text_labels_in_another_order_than_the_scores(server: Server, numbers: pd.DataFrame) -> None:
    server.metadata = {
        "inputs": [tensor("x", [-1, 4])],
        "outputs": [tensor("label", [-1], "BYTES"), tensor("probabilities", [-1, 2])],
    }

    def answer(handler: Any, body: Any) -> Any:
        label = {**tensor("label", [300], "BYTES"), "data": ["bad"] * 300}
        return {"outputs": [label, {**tensor("probabilities", [300, 2]), "data": [[0.9, 0.1]] * 300}]}

    server.answer = answer
    assert load(server.url, classes=["bad", "good"]).predict(table_of(numbers)).tolist() == ["bad"] * 300
    with pytest.raises(AssayError, match="label is not its most probable class in 100% of 300 rows"):
        load(server.url, classes=["good", "bad"]).predict(table_of(numbers))


def hang(handler: Any, body: Any) -> Any:
    time.sleep(0.6)


def trickle(handler: Any, body: Any) -> Any:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    for _ in range(20):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.03)


def outputs(*found: Any) -> Answer:
    return lambda handler, body: {"outputs": list(found)}


LABEL = {**tensor("label", [3], "INT64"), "data": [0, 1, 1]}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (hang, "did not answer within 0.2 s"),
        (trickle, "did not answer within 0.2 s"),
        (lambda handler, body: (307, b""), "redirect, which is not followed"),
        (lambda handler, body: (500, b"boom \x1b[31m red"), r"status 500: boom .\[31m red"),
        (lambda handler, body: (200, b"<html>"), "no JSON"),
        (lambda handler, body: (200, b"[" * 100_000), "no JSON"),
        (lambda handler, body: (200, b"[1]"), "no object"),
        (lambda handler, body: {"outputs": "x"}, "no list of objects"),
        (lambda handler, body: {"error": "x"}, "without its output 'label'"),
        (outputs(LABEL), "without its output 'probabilities'"),
        (outputs(LABEL, {**tensor("probabilities", [3, 2]), "data": [0.5] * 5}), r"shape \[3, 2\] and 5 values for 3"),
        (outputs(LABEL, {**tensor("probabilities", [2, 3]), "data": [0.5] * 6}), "for 3 rows"),
        (outputs(LABEL, {**tensor("probabilities", [-3]), "data": [0.5] * 6}), "has no shape"),
        (outputs(LABEL, {**tensor("probabilities", [3, 2]), "data": ["x"] * 6}), "no data of its datatype"),
        (outputs(LABEL, {**tensor("probabilities", [3, 2], "FP99"), "data": [1] * 6}), "datatype 'FP99'"),
        (outputs(LABEL, {**tensor("probabilities", [3, 3]), "data": [0.5] * 9}), r"scores of shape \(3, 3\)"),
        (outputs(LABEL, {**tensor("probabilities", [3, 2]), "data": [0.9] * 6}), "no probabilities"),
        (outputs(LABEL, {**tensor("probabilities", [3, 2]), "data": [None] * 6}), "NaN or infinite"),
        (outputs({**LABEL, "data": [0, 1, 9]}, {**tensor("probabilities", [3, 2]), "data": [0.5] * 6}), "'9', which"),
    ],
)
def test_every_bad_answer_is_one_sentence(server: Server, answer: Answer, said: str) -> None:
    server.metadata, server.answer = ONE_MATRIX, answer
    model = load(server.url, timeout=0.2)
    with pytest.raises(AssayError, match=said):
        model.predict(pa.table({name: [0.1, 0.2, 0.3] for name in "abcd"}))
    assert len(server.asked) == 1, "nothing is asked twice"


@pytest.mark.parametrize(
    "metadata", [hang, lambda handler, body: (404, b"no such model"), lambda handler, body: (301, b"")]
)
def test_metadata_that_cannot_be_had(server: Server, metadata: Answer) -> None:
    server.metadata = metadata
    with pytest.raises(AssayError) as caught:
        load(server.url, timeout=0.2)
    assert caught.value.code == "endpoint"


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(AssayError, match="cannot be reached"):
        load(f"http://127.0.0.1:{port}/v2/models/m/infer", timeout=2)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8000/",
        "http://localhost:8000/v2/models/",
        "http://localhost:8000/v1/models/m:predict",
        "http://user:password@localhost/v2/models/m/infer",
        "http://localhost/v2/models/m/infer?x=1",
        "http:///v2/models/m/infer",
    ],
)
def test_addresses_of_another_form_are_refused(url: str) -> None:
    with pytest.raises(AssayError, match="no Open Inference Protocol V2 address") as caught:
        load(url)
    assert "http://HOST:PORT/v2/models/NAME/infer" in caught.value.hint


def test_the_width_must_fit(server: Server, numbers: pd.DataFrame) -> None:
    server.metadata, server.answer = ONE_MATRIX, first_column
    with pytest.raises(AssayError, match="takes 4 columns, the data have 2"):
        load(server.url).predict(table_of(numbers[["a", "b"]]))
    assert server.asked == []
