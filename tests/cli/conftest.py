"""The command line, run in this process in an empty folder with its own store."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from assay.cli.main import _run


@dataclass
class Said:
    """Exit code and output of one call."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def assay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ASSAY_STORE", raising=False)

    def call(*arguments: object) -> Said:
        code = _run([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Said(code, out, err)

    return call


@pytest.fixture
def loans() -> pd.DataFrame:
    """600 made-up loans with a known gap: 0.7 of one group and 0.3 of the other are approved."""
    rng = np.random.default_rng(3)
    n = 600
    sex = np.where(rng.random(n) < 0.5, "woman", "man")
    score = np.clip(rng.normal(np.where(sex == "man", 0.6, 0.4), 0.2, n), 0.001, 0.999)
    return pd.DataFrame(
        {
            "income": rng.normal(50, 10, n).round(1),
            "town": rng.choice(["Åbo", "Łódź", "São Paulo"], n),
            "sex": sex,
            "age_band": rng.choice(["young", "old", None], n),
            "repaid": (rng.random(n) < score).astype(int),
            "approved": (score >= 0.5).astype(int),
            "p": score,
        }
    )


ROLES = ("--label", "repaid", "--prediction", "approved", "--score", "p", "--protected", "sex")


@pytest.fixture
def roles() -> tuple[str, ...]:
    return ROLES
