"""A model whose file is of unknown origin, kept in a child process with limits of time, memory and rights."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Mapping
from typing import IO, Any

import numpy as np

from assay.core.errors import AssayError
from assay.models.adapter import THREADS, excerpt
from assay.models.formats import ModelFile
from assay.models.inputs import row_count
from assay.models.isolation import wire
from assay.models.isolation.asked import ROWS_PER_MESSAGE, Asked, pieces
from assay.models.outputs import Outputs

STARTUP_SECONDS = 30.0
"""What opening may take beyond the time limit: a cold disk and the imports of the library."""

MEMORY = {"torch": 24 << 30, "keras": 24 << 30}
"""Address space that the large libraries reserve on loading, beside eight times the size of the file."""

_MEMORY = 4 << 30

_FILE_SIZE = 1 << 20
_EXPORT_LIMIT = 4 << 30
_DOING = {"inside": "showing its inside", "export": "converting it", "ranges": "converting it"}
_BOOT = "import sys, json; sys.path[:] = json.loads(sys.argv[1]); from assay.models.isolation.child import main; main()"
_KEPT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "TMPDIR", "TEMP", "TMP", "LANG", "LC_ALL", "TZ")


def _environment() -> dict[str, str]:
    """What the child knows of this process, and how it uses threads.

    Threads that wait sleep: those that spin take the cores from those that work where a machine is busy, and many
    small batches then took forty times as long.
    """
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(THREADS))
    kept = {key: os.environ[key] for key in _KEPT if key in os.environ}
    return {**kept, **threads, "OMP_WAIT_POLICY": "PASSIVE"}


class _Child:
    """One process. It is ended when its owner forgets it, when it is late, and when this process ends."""

    def __init__(self) -> None:
        self.errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-c", _BOOT, json.dumps([entry for entry in sys.path if entry])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            stderr=self.errors,
            env=_environment(),
            cwd=tempfile.gettempdir(),
            start_new_session=sys.platform != "win32",
        )
        self.late = False
        for stream in (self.process.stdin, self.process.stdout):
            wire.widen(stream)  # type: ignore[arg-type]

    def exchange(self, header: Mapping[str, Any], payload: Any, *, seconds: float, limit: int) -> tuple[Any, bytearray]:
        """Send one message and wait for its answer, `seconds` at most; EOFError when the process ended."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        clock = threading.Timer(seconds, self._too_late)
        clock.daemon = True
        clock.start()
        try:
            wire.send(self.process.stdin, header, *payload)  # type: ignore[arg-type]
            return wire.receive(self.process.stdout, limit=limit)  # type: ignore[arg-type]
        except (BrokenPipeError, ConnectionResetError) as error:
            raise EOFError from error
        finally:
            clock.cancel()

    def _too_late(self) -> None:
        self.late = True
        self.process.kill()

    def end(self) -> None:
        """Kill the process and free what it held."""
        self.process.kill()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:
                    continue  # what it never read
        self.process.wait()
        self.errors.close()

    def last_words(self) -> str:
        """The last line that it wrote to standard error. A process that only closed its channel is killed."""
        try:
            self.process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        size = self.errors.seek(0, os.SEEK_END)
        self.errors.seek(max(0, size - 4096))
        lines = self.errors.read().decode("utf-8", "replace").strip().splitlines()
        return excerpt(lines[-1], limit=200) if lines else ""


class Isolated(Asked):
    """A model in a child process, which is started again after it crashed or was late.

    `seconds` bounds opening (beyond `STARTUP_SECONDS`) and each batch of `ROWS_PER_MESSAGE` rows. Only
    JSON, Arrow and raw arrays pass between the processes, and what returns is checked again here.
    `enforced` says what holds in the child: "memory", "kernel" (no network, programs or processes, by
    seccomp), "python" (the same, and no written files, by an audit hook).
    """

    def __init__(self, file: ModelFile, /, *, seconds: float, scratch: str = "") -> None:
        self._file, self._seconds, self._scratch = file, seconds, scratch
        self._lock = threading.Lock()
        self._child: _Child | None = None
        self._stop: Any = None
        self.name = file.name
        facts = self._start()
        self.enforced = tuple(map(str, facts["enforced"]))
        super().__init__(
            name=file.name,
            digest=file.digest,
            task=facts["task"],
            features=tuple(map(str, facts["features"])),
            classes=tuple(map(str, facts["classes"])),
            width=facts["width"],
            pickled=file.kind == "pickle",
            notes=tuple(map(str, facts["notes"])),
        )

    def compute(self, inputs: Any, /) -> Outputs:
        """The child's answers, in pieces of `ROWS_PER_MESSAGE` rows."""
        parts = [self._one(piece) for piece in pieces(inputs, ROWS_PER_MESSAGE)]
        if len(parts) == 1:
            return parts[0]
        joined = {
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in ("codes", "scores", "values")
            if getattr(parts[0], name) is not None
        }
        return Outputs(**joined)

    def _one(self, inputs: Any) -> Outputs:
        rows = row_count(inputs)
        described, payload = wire.pack_inputs(self._used(inputs))
        limit = rows * 8 * (len(self.classes) + 2)
        reply, data = self._ask({"op": "outputs", **described}, payload, rows=rows, limit=limit)
        expected = {"codes": [rows], "scores": [rows, len(self.classes)], "values": [rows]}
        return Outputs(**wire.unpack_arrays(reply["arrays"], data, expected=expected))

    def export(self, to: str, sample: Any, /) -> bytes:
        """The bytes of the model in the format `to`, made in the child."""
        described, payload = wire.pack_inputs(sample)
        _, data = self._ask(
            {"op": "export", "to": to, **described}, payload, rows=row_count(sample), limit=_EXPORT_LIMIT
        )
        return bytes(data)

    def ranges(self) -> Mapping[str, Any]:
        """What the model's own parts say about the values of its columns."""
        reply, _ = self._ask({"op": "ranges"}, b"", rows=0, limit=0)
        found: Mapping[str, Any] = reply["ranges"]
        return found

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_lock": None, "_child": None, "_stop": None, "_last": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = threading.Lock()

    def close(self) -> None:
        """End the child; the next call starts another."""
        if self._stop is not None:
            self._stop()
        self._child = None

    def _start(self) -> Any:
        child = self._child = _Child()
        self._stop = weakref.finalize(self, child.end)
        file = self._file
        header = {
            "name": file.name,
            "kind": file.kind,
            "digest": file.digest,
            "task": file.task,
            "classes": file.classes,
            "trust": file.trust,
            "form": file.form,
            "seconds": self._seconds,
            "memory": MEMORY.get(file.kind, _MEMORY) + 8 * len(file.data),
            "file_size": _FILE_SIZE if not self._scratch else _EXPORT_LIMIT,
            "scratch": self._scratch,
        }
        return self._exchange(header, file.data, doing="opening it", seconds=self._seconds + STARTUP_SECONDS, limit=0)[
            0
        ]

    def _ask(self, header: Mapping[str, Any], payload: Any, *, rows: int, limit: int) -> tuple[Any, bytearray]:
        with self._lock:
            if self._child is None:
                self._start()
            doing = _DOING.get(header["op"], f"predicting {rows} rows")
            return self._exchange(header, payload, doing=doing, seconds=self._seconds, limit=limit)

    def _exchange(
        self, header: Mapping[str, Any], payload: Any, *, doing: str, seconds: float, limit: int
    ) -> tuple[Any, bytearray]:
        assert self._child is not None
        child = self._child
        try:
            reply, data = child.exchange(header, (payload,), seconds=seconds, limit=limit)
        except (EOFError, ValueError, AssayError) as error:
            failure = self._failure(child, doing, seconds, error)
            self.close()
            raise failure from None
        if "error" in reply:
            code, message, hint = map(str, reply["error"])
            raise AssayError(message, code=code, hint=hint)
        return reply, data

    def _failure(self, child: _Child, doing: str, seconds: float, error: Exception) -> AssayError:
        if child.late:
            return AssayError(
                f"The model {self.name} did not finish {doing} within {seconds:g} s and was stopped.",
                code="timeout",
                hint="Raise the time limit, or give smaller batches; a forged file can also hang.",
            )
        if not isinstance(error, EOFError):
            child.process.kill()
        said = child.last_words()
        return AssayError(
            f"The process of the model {self.name} died {doing} ({_cause(child.process.returncode)})"
            f"{': ' + said if said else ''}.",
            code="model-crashed",
            hint="The file is probably damaged or forged, or made by another version of its library.",
        )


def _cause(status: int | None) -> str:
    if status is not None and status < 0:
        return signal.Signals(-status).name if -status in set(signal.Signals) else f"signal {-status}"
    return f"exit {status}"
