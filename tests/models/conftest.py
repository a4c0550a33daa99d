"""Small data with text, missing values and integers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

ROWS = 300


@pytest.fixture(scope="session")
def numbers() -> pd.DataFrame:
    """Four numeric columns without missing values."""
    rng = np.random.default_rng(7)
    return pd.DataFrame(np.abs(rng.normal(size=(ROWS, 4))), columns=["a", "b", "c", "d"])


@pytest.fixture(scope="session")
def labels(numbers: pd.DataFrame) -> np.ndarray:
    return np.where(numbers["a"] + numbers["b"] ** 2 > 1.4, "good", "bad")


@pytest.fixture(scope="session")
def people(numbers: pd.DataFrame) -> pd.DataFrame:
    """Numbers and text columns, with missing values in both."""
    rng = np.random.default_rng(11)
    frame = numbers.assign(
        colour=rng.choice(["red", "green", "blå"], ROWS),
        level=rng.choice([1, 2, 7], ROWS),
        count=rng.integers(0, 9, ROWS),
    )
    frame.loc[3, "a"] = np.nan
    frame.loc[5, "colour"] = None
    return frame
