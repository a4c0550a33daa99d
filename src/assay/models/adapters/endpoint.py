"""A model behind an HTTP endpoint that speaks the Open Inference Protocol V2."""

from __future__ import annotations

import json
import re
import time
import weakref
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.core.errors import AssayError
from assay.core.subject import Task
from assay.models import open_inference, tensors
from assay.models.adapter import Adapter, excerpt
from assay.models.inputs import select
from assay.models.outputs import Outputs

if TYPE_CHECKING:
    import httpx
    import pyarrow as pa

ROWS_PER_REQUEST = 4096
LARGEST_ANSWER = 256 << 20
_SCORES = "output-0"
_ADDRESS = re.compile(
    r"(https?://[^/?#\s@]+(?:/[^?#\s@]*)?/v2/models/[^/?#\s@]+(?:/versions/[^/?#\s@]+)?)(?:/infer)?/?\Z"
)


class EndpointModel(Adapter):
    """One remote model, asked in batches of `ROWS_PER_REQUEST` rows within `timeout` seconds each.

    Nothing is asked twice and no redirect or proxy is followed. One tensor in the endpoint's metadata
    takes all columns by position; several take one column each, by name. An endpoint that declares no
    tensors gets one FP64 matrix called "input-0", and must return one tensor of scores.
    """

    def __init__(
        self, url: str, /, *, task: Task | None = None, classes: Sequence[str] | None = None, timeout: float = 30.0
    ) -> None:
        import httpx

        match = _ADDRESS.fullmatch(url)
        if match is None:
            raise AssayError(
                f"{excerpt(url)!r} is no Open Inference Protocol V2 address.",
                code="endpoint",
                hint="Expected http://HOST:PORT/v2/models/NAME/infer.",
            )
        self._url, self._timeout = match.group(1), timeout
        transport = httpx.HTTPTransport(retries=0)
        self._client = httpx.Client(timeout=timeout, follow_redirects=False, trust_env=False, transport=transport)
        weakref.finalize(self, self._client.close)
        name = f"endpoint {excerpt(self._url.rpartition('/v2/models/')[2], limit=80)}"
        metadata = self._ask("GET", self._url, None)
        self._inputs = open_inference.declared(metadata, "inputs") or [open_inference.UNDECLARED]
        outputs = [found.spec for found in open_inference.declared(metadata, "outputs")]
        self._declared = bool(outputs)
        if not outputs and not classes and task != "regression":
            raise AssayError(
                f"{name} does not say what it returns.",
                code="endpoint",
                hint="Say it: the classes in the order of its scores, or that the task is regression.",
            )
        assumed = outputs or [tensors.TensorSpec(_SCORES, "floating", (None, len(classes) if classes else None))]
        self._reading = tensors.plan(assumed, name=name, task=task, classes=classes)
        self._matrix = len(self._inputs) == 1 and self._inputs[0].spec.shape[1:] != (1,)
        shape = self._inputs[0].spec.shape
        super().__init__(
            name=name,
            task=self._reading.task,
            features=() if self._matrix else [found.spec.name for found in self._inputs],
            classes=self._reading.classes,
            width=(shape[1] if len(shape) == 2 else None) if self._matrix else len(self._inputs),
        )

    def compute(self, inputs: Any, /) -> Outputs:
        """The endpoint's answers, batch after batch."""
        table = select(inputs, self.features, width=self.width)
        starts = range(0, max(1, table.num_rows), ROWS_PER_REQUEST)
        parts = [self._infer(table.slice(start, ROWS_PER_REQUEST)) for start in starts]
        return Outputs(
            codes=_joined([part.codes for part in parts]),
            scores=_joined([part.scores for part in parts]),
            values=_joined([part.values for part in parts]),
        )

    def _infer(self, table: pa.Table) -> Outputs:
        if self._matrix:
            encoded = [open_inference.encode_matrix(self._inputs[0], table)]
        else:
            encoded = [open_inference.encode_column(found, table, i) for i, found in enumerate(self._inputs)]
        wanted = [item for item in (self._reading.labels, self._reading.scores) if item]
        body: dict[str, Any] = {"inputs": encoded}
        if self._declared:
            body["outputs"] = [{"name": item} for item in wanted]
        answer = self._ask("POST", f"{self._url}/infer", body)
        outputs = open_inference.records(answer, "outputs")
        if not self._declared and len(outputs) != 1:
            raise self._error(f"answered with {len(outputs)} outputs, and declares none")
        by_name = {str(output.get("name")) if self._declared else _SCORES: output for output in outputs}
        missing = [item for item in wanted if item not in by_name]
        if missing:
            raise self._error(f"answered without its output {missing[0]!r}")
        rows = table.num_rows
        return tensors.read(self._reading, {item: open_inference.decode(by_name[item], rows=rows) for item in wanted})

    def _ask(self, method: str, url: str, body: Any) -> Mapping[str, Any]:
        """The JSON object of one answer; whatever goes wrong is one sentence, and nothing is asked twice."""
        import httpx

        try:
            with self._client.stream(method, url, json=body) as response:
                data, status = self._read(response), response.status_code
        except httpx.TimeoutException as error:
            raise self._error(
                f"did not answer within {self._timeout:g} s", hint="Raise the time limit, or see what keeps it."
            ) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._error(f"cannot be reached ({excerpt(error, limit=120)})", hint="Is it running?") from error
        if 300 <= status < 400:
            raise self._error("answered with a redirect, which is not followed", hint="Give the final address.")
        if status != 200:
            raise self._error(f"answered with status {status}: {excerpt(data[:400].decode('utf-8', 'replace'))}")
        try:
            found = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise self._error("answered with something that is no JSON") from error
        if not isinstance(found, dict):
            raise self._error("answered with JSON that is no object")
        return found

    def _read(self, response: httpx.Response) -> bytes:
        """The body, within the time limit as a whole and not only for each piece."""
        import httpx

        data, end = bytearray(), time.monotonic() + self._timeout
        for chunk in response.iter_bytes():
            data += chunk
            if len(data) > LARGEST_ANSWER:
                raise self._error(f"answered with more than {LARGEST_ANSWER >> 20} MiB")
            if time.monotonic() > end:
                raise httpx.ReadTimeout("the answer trickles")
        return bytes(data)

    def _error(self, what: str, hint: str = "See the endpoint's own log.") -> AssayError:
        return AssayError(f"The endpoint {excerpt(self._url)} {what}.", code="endpoint", hint=hint)


def _joined(parts: Sequence[np.ndarray | None]) -> np.ndarray | None:
    arrays = [part for part in parts if part is not None]
    return np.concatenate(arrays) if arrays else None
