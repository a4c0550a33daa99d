"""torch modules in memory (extra [deep]); torch is imported only here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from assay.core.errors import MissingExtra
from assay.models.adapter import Adapter, task_of
from assay.models.inputs import matrix, select
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
        if isinstance(inputs, np.ndarray):
            array = inputs.astype(np.float32)
        else:
            array = matrix(select(inputs, self.features), dtype=np.float32)
        first = next(iter(self.module.parameters()), None)
        device = first.device if first is not None else "cpu"
        with torch.no_grad():
            answers = self._evaluated()(torch.from_numpy(array).to(device))
        return interpret(answers.detach().cpu().numpy(), self.form)

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
