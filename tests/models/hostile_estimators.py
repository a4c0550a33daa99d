"""Estimators that misbehave, to be pickled: their module can be imported by the child process."""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np


class Estimator:
    """Says `answer` for each row, after doing `act`."""

    n_features_in_ = 1

    def __init__(self, argument: Any = None) -> None:
        self.argument = argument

    def act(self, rows: int) -> Any:
        return np.zeros(rows)

    def predict(self, x: Any) -> Any:
        return self.act(len(x))


class Sleeper(Estimator):
    def act(self, rows: int) -> Any:
        time.sleep(60)


class Spinner(Estimator):
    def act(self, rows: int) -> Any:
        while True:
            rows += 1


class Aborter(Estimator):
    def act(self, rows: int) -> Any:
        os.abort()


class Greedy(Estimator):
    def act(self, rows: int) -> Any:
        return np.ones(1 << 36)


class Caller(Estimator):
    def act(self, rows: int) -> Any:
        return socket.create_connection(("127.0.0.1", int(self.argument)))


class NativeCaller(Estimator):
    """Opens a socket without Python noticing: only the kernel can refuse."""

    def act(self, rows: int) -> Any:
        return np.full(rows, float(ctypes.CDLL(None).socket(2, 1, 0)))


class Starter(Estimator):
    def act(self, rows: int) -> Any:
        return subprocess.run(["true"], check=True)


class Writer(Estimator):
    def act(self, rows: int) -> Any:
        return Path(self.argument).write_text("here")


class Nan(Estimator):
    def act(self, rows: int) -> Any:
        return np.where(np.arange(rows) < 2, np.nan, 1.0)


class Printer(Estimator):
    """Prints on what it believes to be standard output."""

    def act(self, rows: int) -> Any:
        print("x" * 5000, flush=True)
        os.write(1, b"\0" * 64)
        return np.ones(rows)


class Lister(Estimator):
    def act(self, rows: int) -> Any:
        return np.ones(rows + 1)


class Payload:
    """Writes a file when it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.system, (f"echo run > {self.path}",)
