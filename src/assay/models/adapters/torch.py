"""torch modules in memory (extra [deep]); torch is imported only here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from assay.core.errors import AssayError, MissingExtra
from assay.models.adapter import Adapter, task_of
from assay.models.inputs import matrix, select
from assay.models.internals.forms import Inside, reason
from assay.models.outputs import Outputs
from assay.models.tensors import interpret, known_form


class TorchModel(Adapter):
    """A module of one float32 tensor (rows, ...) whose answers are logits, probabilities or values.

    Tables become (rows, columns) in the order of `features`; arrays keep their shape. Predictions are
    made in evaluation mode without gradients, on the device of the module's parameters. One column of
    logits or probabilities is that of the second of two classes.
    """

    def __init__(
        self, module: Any, /, *, name: str, classes: Sequence[str], features: Sequence[str] = (), form: str = ""
    ) -> None:
        self.form = known_form(form, classes, what="A torch module")
        self.module = module
        super().__init__(name=name, task=task_of(classes), features=features, classes=classes)

    def compute(self, inputs: Any, /) -> Outputs:
        """The module's answers for one batch."""
        torch = torch_library()
        with torch.no_grad():
            answers = self._evaluated()(self._tensor(inputs))
        return interpret(answers.detach().cpu().numpy(), self.form)

    def look_inside(self) -> Inside:
        """A network has neither trees nor one linear form; it has `gradients` and `module`."""
        return Inside(reason=reason("models.inside.kind", kind=type(self.module).__name__))

    def gradients(self, inputs: Any, /, *, output: int = 0) -> np.ndarray:
        """(rows, ...) float64 gradient of the module's column `output` with respect to each input number.

        Of the module's own answers (logits, probabilities or values, as `form` says), in evaluation mode, so
        that rows do not depend on each other. Parameters keep the gradients they had.
        """
        rows = len(inputs)
        found: np.ndarray = self.attempt(lambda: self._gradients(inputs, output), rows=rows)
        if not np.isfinite(found).all():
            raise AssayError(
                f"{self.name} has gradients that are NaN or infinite.",
                code="outputs",
                hint="Fill missing values, and look for square roots or logarithms of 0 in the network.",
            )
        return found

    def _gradients(self, inputs: Any, output: int) -> np.ndarray:
        torch = torch_library()
        with torch.enable_grad():
            batch = self._tensor(inputs).requires_grad_()
            answers = self._evaluated()(batch)
            columns = answers[:, None] if answers.ndim == 1 else answers
            if columns.ndim != 2 or not 0 <= output < columns.shape[1]:
                raise AssayError(
                    f"{self.name} answers with shape {tuple(answers.shape)}; there is no output {output}.",
                    code="outputs",
                    hint=f"Give output= from 0 to {columns.shape[1] - 1}.",
                )
            (found,) = torch.autograd.grad(columns[:, output].sum(), batch)
        array: np.ndarray = found.detach().cpu().numpy().astype(np.float64)
        return array

    def _tensor(self, inputs: Any) -> Any:
        if isinstance(inputs, np.ndarray):
            array = inputs.astype(np.float32)
        else:
            array = matrix(select(inputs, self.features), dtype=np.float32)
        first = next(iter(self.module.parameters()), None)
        return torch_library().from_numpy(array).to(first.device if first is not None else "cpu")

    def _evaluated(self) -> Any:
        # Programs of torch.export have no mode to set: theirs was fixed when they were traced.
        if getattr(self.module, "training", False) and not hasattr(self.module, "graph"):
            self.module.eval()
        return self.module


def torch_library() -> Any:
    """The torch module, or the error that names the extra."""
    try:
        import torch
    except ImportError as error:
        raise MissingExtra("A torch model", extra="deep") from error
    return torch
