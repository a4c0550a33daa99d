"""A model in its child process can crash, hang, grow or reach out, and all that comes back is one clear error."""

from __future__ import annotations

import copy
import gc
import io
import os
import pickle
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import skops.io
from hostile_estimators import (
    Aborter,
    Caller,
    Estimator,
    Greedy,
    Lister,
    Nan,
    NativeCaller,
    Printer,
    Sleeper,
    Spinner,
    Starter,
    Writer,
)
from sklearn.linear_model import LogisticRegression

from assay.core.errors import AssayError
from assay.models.isolation import wire
from assay.models.isolation.process import ROWS_PER_MESSAGE, Isolated, _environment
from assay.models.load import open_bytes

ONE = pa.table({"x": [1.0, 2.0, 3.0]})


def child_of(estimator: Any, *, timeout: float = 30.0) -> Isolated:
    model = open_bytes(pickle.dumps(estimator), name="m.pkl", allow_pickle=True, timeout=timeout)
    assert isinstance(model, Isolated)
    return model


def process_of(model: Isolated) -> Any:
    assert model._child is not None
    return model._child.process


def failure(model: Isolated) -> AssayError:
    with pytest.raises(AssayError) as caught:
        model.predict(ONE)
    return caught.value


@pytest.mark.parametrize("kind", [Sleeper, Spinner])
def test_a_model_that_hangs_is_stopped(kind: Any) -> None:
    model = child_of(kind(), timeout=0.3)
    start = time.monotonic()
    error = failure(model)
    assert error.code == "timeout"
    assert "predicting 3 rows within 0.3 s" in error.message
    assert time.monotonic() - start < 5


def test_a_crash_names_its_signal_and_the_next_call_starts_anew() -> None:
    model = child_of(Aborter())
    error = failure(model)
    assert error.code == "model-crashed"
    assert "SIGABRT" in error.message
    assert failure(model).code == "model-crashed"


def test_a_killed_child_is_started_again() -> None:
    model = child_of(Estimator())
    os.kill(process_of(model).pid, signal.SIGKILL)
    with pytest.raises(AssayError, match="died predicting 3 rows") as caught:
        model.predict(ONE)
    assert caught.value.code == "model-crashed"
    assert "SIGKILL" in caught.value.message
    assert model.predict(ONE).tolist() == [0.0, 0.0, 0.0]


def test_memory_is_bounded() -> None:
    error = failure(child_of(Greedy()))
    assert error.code == "memory"


def test_the_network_is_refused_to_python_and_to_native_code() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        error = failure(child_of(Caller(server.getsockname()[1])))
    assert "PermissionError" in error.message or "may not do this: socket" in error.message
    model = child_of(NativeCaller())
    if "kernel" in model.enforced:
        assert model.predict(ONE).tolist() == [-1.0] * 3
    assert "python" in model.enforced


def test_the_kernel_filter_holds_on_this_platform() -> None:
    expected = {"python"} | ({"memory"} if sys.platform != "win32" else set())
    assert expected <= set(child_of(Estimator()).enforced)


def test_programs_and_written_files_are_refused(tmp_path: Path) -> None:
    assert "may not do this: subprocess" in failure(child_of(Starter())).message
    path = tmp_path / "written"
    assert "may not write the file" in failure(child_of(Writer(str(path)))).message
    assert not path.exists()


def test_credentials_in_the_environment_stay_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "s3cret")
    pid = process_of(child_of(Estimator())).pid
    environment = Path(f"/proc/{pid}/environ")
    if environment.exists():
        assert b"s3cret" not in environment.read_bytes()


def test_threads_of_a_child_that_wait_leave_the_cores_to_those_that_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    assert _environment()["OMP_WAIT_POLICY"] == "PASSIVE"
    assert int(_environment()["OMP_NUM_THREADS"]) >= 1


def test_what_a_model_prints_does_not_reach_the_channel(capfd: pytest.CaptureFixture[str]) -> None:
    model = child_of(Printer())
    assert model.predict(ONE).tolist() == [1.0, 1.0, 1.0]
    assert capfd.readouterr() == ("", "")


def test_answers_are_checked_here_again() -> None:
    assert "NaN or infinite for 2 of 3 rows" in failure(child_of(Nan())).message
    assert "shape (4,), expected (3,)" in failure(child_of(Lister())).message


def test_large_batches_go_in_pieces(numbers: pd.DataFrame, labels: np.ndarray) -> None:
    estimator = LogisticRegression().fit(numbers.to_numpy(), labels)
    model = open_bytes(skops.io.dumps(estimator), name="m.skops")
    rows = ROWS_PER_MESSAGE + 7
    array = np.random.default_rng(0).normal(size=(rows, 4))
    np.testing.assert_array_equal(model.scores(array), estimator.predict_proba(array))
    table = pa.table({name: array[:, i] for i, name in enumerate("wxyz")})
    assert (model.predict(table) == estimator.predict(array)).all()
    assert model.predict(table.slice(0, 0)).tolist() == []


def test_predict_and_scores_of_one_batch_cost_one_pass() -> None:
    model = child_of(Estimator())
    expected = model.predict(ONE)
    process_of(model).kill()
    assert model.predict(ONE) is expected
    assert model.scores(ONE) is None


def test_the_child_ends_with_its_model() -> None:
    model = child_of(Estimator())
    process = process_of(model)
    del model
    gc.collect()
    assert process.poll() is not None


def test_a_model_travels_to_another_process_without_its_child() -> None:
    model = child_of(Estimator())
    moved = copy.deepcopy(model)
    assert process_of(model).poll() is None
    assert moved.predict(ONE).tolist() == [0.0, 0.0, 0.0]
    assert moved.digest == model.digest


@pytest.mark.parametrize(
    "inputs",
    [
        pa.table({"x": [1.0, None], "ü": ["a", "b"]}),
        np.arange(12, dtype=np.float32).reshape(2, 3, 2),
        np.arange(6, dtype=np.uint8).reshape(2, 3),
        ["", "text", "ünïcode\0"],
    ],
)
def test_inputs_pass_the_wire_unchanged(inputs: Any) -> None:
    described, payload = wire.pack_inputs(inputs)
    stream = io.BytesIO()
    wire.send(stream, {"op": "outputs", **described}, payload)
    stream.seek(0)
    header, data = wire.receive(stream, limit=1 << 20)
    found = wire.unpack_inputs(header, data)
    assert type(found) is type(inputs)
    if isinstance(inputs, np.ndarray):
        assert found.dtype == inputs.dtype
        np.testing.assert_array_equal(found, inputs)
    else:
        assert found == inputs


def test_the_wire_refuses_what_is_too_long_or_cut() -> None:
    stream = io.BytesIO()
    wire.send(stream, {}, b"x" * 100)
    for data, limit, error in ((stream.getvalue(), 99, AssayError), (stream.getvalue()[:-1], 100, EOFError)):
        with pytest.raises(error):
            wire.receive(io.BytesIO(data), limit=limit)
    with pytest.raises(AssayError, match="takes no set"):
        wire.pack_inputs({1})


def test_arrays_from_the_child_must_be_as_expected() -> None:
    described, buffers = wire.pack_arrays({"codes": np.array([0, 1]), "scores": None})
    payload = bytearray(b"".join(bytes(b) for b in buffers))
    assert wire.unpack_arrays(described, payload, expected={"codes": [2]})["codes"].tolist() == [0, 1]
    for expected in ({"codes": [3]}, {"scores": [2, 2]}):
        with pytest.raises(AssayError):
            wire.unpack_arrays(described, payload, expected=expected)
