"""Gradients of torch modules are those of finite differences, whatever mode and gradients the module was left in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from model_tables import table_of

from assay.core.errors import AssayError
from assay.models import wrap
from assay.models.adapter import Adapter


def network(outputs: int) -> torch.nn.Module:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    layers = [torch.nn.Linear(4, 6), torch.nn.BatchNorm1d(6), torch.nn.Tanh(), torch.nn.Linear(6, outputs)]
    made = torch.nn.Sequential(*layers, torch.nn.Dropout(0.9))
    made(torch.randn(64, 4))  # moves the running moments of the normalisation
    return made


def opened(module: torch.nn.Module, **options: Any) -> Adapter:
    model = wrap(module, features=["a", "b", "c", "d"], **options)
    assert isinstance(model, Adapter)
    return model


@pytest.mark.parametrize("output", [0, 2])
def test_gradients_are_finite_differences(output: int, numbers: pd.DataFrame) -> None:
    module = network(3)
    model = opened(module, classes=["x", "y", "z"], output="logits")
    module.train()
    rows = numbers.head(5)
    found = model.gradients(table_of(rows), output=output)
    assert found is not None
    assert found.shape == (5, 4)
    exact, array = module.double().eval(), torch.from_numpy(rows.to_numpy().copy())
    for column in range(4):
        step = torch.zeros(4, dtype=torch.float64)
        step[column] = 1e-5
        with torch.no_grad():
            slope = (exact(array + step)[:, output] - exact(array - step)[:, output]) / 2e-5
        np.testing.assert_allclose(found[:, column], slope.numpy(), atol=1e-5)


def test_a_row_has_the_gradient_it_has_alone_and_parameters_keep_theirs(numbers: pd.DataFrame) -> None:
    module = network(1)
    model = opened(module, classes=["bad", "good"], output="logits")
    array = numbers.to_numpy()
    found = model.gradients(array)
    assert found is not None
    np.testing.assert_allclose(model.gradients(array[7:8]), found[7:8], atol=1e-6)
    assert all(parameter.grad is None for parameter in module.parameters())
    assert model.module is module
    assert model.ensemble() is model.linear() is model.encode(array) is model.contributions(array) is None


def test_images_and_networks_without_parameters() -> None:
    class Mean(torch.nn.Module):
        def forward(self, batch: torch.Tensor) -> torch.Tensor:
            return (batch**2).mean(dim=(1, 2, 3))

    model = wrap(Mean(), output="values")
    assert isinstance(model, Adapter)
    images = np.random.default_rng(0).normal(size=(2, 1, 3, 3))
    np.testing.assert_allclose(model.gradients(images), 2 * images / 9, atol=1e-6)


def test_an_output_that_is_not_there_and_gaps_are_errors(numbers: pd.DataFrame) -> None:
    model = opened(network(3), classes=["x", "y", "z"], output="logits")
    with pytest.raises(AssayError, match=r"there is no output 3. Give output= from 0 to 2"):
        model.gradients(table_of(numbers), output=3)
    with pytest.raises(AssayError, match="gradients that are NaN"):
        model.gradients(table_of(numbers.assign(a=np.nan)))
