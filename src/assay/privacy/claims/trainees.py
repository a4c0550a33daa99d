"""assay's own private trainings as Trainees, to be tested like anybody's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from assay.privacy.accounting.plan import Plan
from assay.privacy.claims.trainee import Floats, Trainee

_INTERCEPT = 1e-9
"""What the intercept's gradient is, in clipping norms: the least that lets a row be its own gradient."""


def own_training(plan: Plan, /) -> Trainee:
    """The training of `assay privacy train`, each step as the first of a linear regression from zero.

    There the gradient of half the squared error of a row (x, y) is −y (x, 1): with x = g / e and y = −e it is (g, e).
    """
    from assay.privacy.training.descent import train
    from assay.privacy.training.examples import examples
    from assay.privacy.training.network import Architecture, Output
    from assay.privacy.training.optimizers import Stepping

    small = _INTERCEPT * plan.max_grad_norm
    one = replace(plan, steps=1, epochs=None)
    stepping = Stepping(learning_rate=1.0, momentum=0.0, averaged=0.0)

    def released(gradients: Floats, /, *, steps: int) -> Floats:
        shape = Architecture(gradients.shape[1], Output.NUMBER)
        targets = np.full(len(gradients), -small)
        rows = examples(gradients / small, targets, architecture=shape, dtype=np.float64)
        moved = [train(rows, shape, one, stepping=stepping).network.weights[0][:, 0] for _ in range(steps)]
        return np.asarray(np.stack(moved) * -plan.batch, dtype=np.float64)

    return released


def torch_training(plan: Plan, /) -> Trainee:
    """`privacy.dp_training` of a linear module without an intercept, whose output is its loss; needs extra [deep].

    The optimizer writes down what it is given to step with.
    """
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    from assay.privacy.deep.start import dp_training

    class Noted(torch.optim.SGD):
        """SGD that keeps what it stepped with."""

        def __init__(self, parameters: Any) -> None:
            super().__init__(parameters, lr=1e-12)
            self.noted: list[Floats] = []

        def step(self, closure: Any = None) -> Any:
            """A step, noted."""
            (weight,) = self.param_groups[0]["params"]
            self.noted.append(weight.grad.numpy().ravel().copy())
            return super().step(closure)

    def released(gradients: Floats, /, *, steps: int) -> Floats:
        module = torch.nn.Linear(gradients.shape[1], 1, bias=False, dtype=torch.float64)
        optimizer = Noted(module.parameters())
        loader = DataLoader(TensorDataset(torch.from_numpy(gradients)), batch_size=plan.batch)
        settings = {
            "delta": 1 / (2 * plan.examples),
            "noise_multiplier": plan.noise_multiplier,
            "steps": steps,
            "max_grad_norm": plan.max_grad_norm,
            "examples": plan.examples,
            "sampling": plan.sampling.value,
            "adjacency": plan.adjacency,
            "loss": "sum",
        }
        with dp_training(module, optimizer, loader, **settings) as dp:
            for (rows,) in dp.loader:
                module(rows).sum().backward()
                optimizer.step()
        return np.stack(optimizer.noted)

    return released
