"""Rows with a known gap: a feature that says the group, and one that says the outcome."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

import assay.fairness.mitigate as catalogue
from assay.core.part import Part
from assay.data import demo
from assay.data.case import Case


@dataclass(frozen=True)
class Known:
    x: pd.DataFrame
    y: Any
    group: Any


def known(n: int = 3_000, seed: int = 0) -> Known:
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 2, n)
    merit = rng.normal(size=n)
    near = group + rng.normal(0, 0.5, n)
    chance = 1 / (1 + np.exp(-(1.5 * merit + 2.0 * group - 1.0)))
    x = pd.DataFrame({"merit": merit, "near": near, "colour": np.where(near > 0.5, "red", "blue")})
    return Known(x, (rng.random(n) < chance).astype(np.int64), np.where(group == 1, "a", "b"))


@pytest.fixture(scope="session")
def rows() -> Known:
    return known()


@pytest.fixture(scope="session")
def fresh() -> Known:
    return known(seed=1)


@pytest.fixture(scope="session")
def parts() -> dict[str, Part[Any]]:
    found: dict[str, Part[Any]] = {}
    for module in pkgutil.iter_modules(catalogue.__path__):
        for value in vars(importlib.import_module(f"{catalogue.__name__}.{module.name}")).values():
            if isinstance(value, Part):
                found[value.id] = value
    return found


def demo_case(name: str) -> Case:
    chosen = demo.load(name)
    roles = {key: value for key, value in chosen.roles.items() if key not in ("prediction", "score")}
    return Case.from_frame(chosen.path, name=name, **roles)


@pytest.fixture(scope="session")
def recidivism() -> Case:
    return demo_case("recidivism")


@pytest.fixture(scope="session")
def income() -> Case:
    return demo_case("income")
