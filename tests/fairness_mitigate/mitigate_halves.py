"""Adult and COMPAS, halved by chance, so that each half is judged by what was fitted on the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from assay.data import demo

GROUPS = {"income": ("sex", None), "recidivism": ("race", ("African-American", "Caucasian"))}
ROWS = 24_000


@dataclass(frozen=True)
class Half:
    x: pd.DataFrame
    y: np.ndarray
    s: np.ndarray
    frame: pd.DataFrame


@dataclass(frozen=True)
class Halves:
    """`y` and `codes` of all rows are in the order in which `held_out` answers."""

    name: str
    parts: tuple[Half, Half]

    @property
    def y(self) -> np.ndarray:
        return np.concatenate([half.y for half in self.parts])

    @property
    def codes(self) -> np.ndarray:
        return np.unique(np.concatenate([half.s for half in self.parts]), return_inverse=True)[1]

    def held_out(self, answer: Callable[[Half, Half], np.ndarray]) -> np.ndarray:
        """(rows,) answers for each half by `answer(the other half, this half)`."""
        first, second = self.parts
        return np.concatenate([answer(second, first), answer(first, second)])


def load(name: str, attribute: str = "", kept: tuple[str, ...] | None = None) -> Halves:
    data = demo.load(name)
    if not attribute:
        attribute, kept = GROUPS[name]
    frame = pd.read_parquet(data.path)
    frame = frame[frame[attribute].isin(kept)] if kept else frame
    order = np.random.default_rng(7).permutation(len(frame))[:ROWS]
    middle = len(order) // 2
    parts = (half(frame.iloc[part], data.roles, attribute) for part in (order[:middle], order[middle:]))
    return Halves(name, (next(parts), next(parts)))


def half(frame: pd.DataFrame, roles: Any, attribute: str) -> Half:
    frame = frame.reset_index(drop=True)
    x = frame[list(roles["features"])].copy()
    for name in x.columns:
        if x[name].dtype.kind not in "iuf":
            x[name] = x[name].astype(object).where(x[name].notna(), "(missing)")
    y = (frame[roles["label"]].astype(str) == str(roles["favourable"])).to_numpy().astype(int)
    return Half(x, y, frame[attribute].to_numpy(dtype=object), frame)
