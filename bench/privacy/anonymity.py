"""Measures and enforcement on a million rows, beside plain pandas and pycanon on the same rows.

`PYCANON_PYTHON` names a Python that has pycanon (it pins numpy and pandas exactly, so it gets an environment of its
own: `python -m venv DIR && DIR/bin/pip install pycanon 'setuptools<81'`); without it its lines are left out.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from assay.privacy.anonymity.anonymize import anonymize
from assay.privacy.anonymity.measures.summary import anonymity

QUASI = ["age", "zip", "sex", "education", "birth"]
PEER = """
import json, sys, time, warnings
warnings.filterwarnings("ignore")
import pandas as pd
from pycanon import anonymity
d = pd.read_csv(sys.argv[1])
quasi, sensitive = json.loads(sys.argv[2]), [sys.argv[3]]
out = {}
for name, ask in (("k", lambda: anonymity.k_anonymity(d, quasi)),
                  ("l", lambda: anonymity.l_diversity(d, quasi, sensitive)),
                  ("t", lambda: anonymity.t_closeness(d, quasi, sensitive))):
    start = time.perf_counter()
    value = float(ask())
    out[name] = [value, time.perf_counter() - start]
print(json.dumps(out))
"""


def people(rows: int, /, *, seed: int = 0) -> pd.DataFrame:
    """Rows with five quasi-identifiers, a category and a number that are sensitive."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "age": rng.integers(18, 95, rows),
            "zip": rng.integers(10_000, 10_900, rows).astype(str),
            "sex": rng.choice(["female", "male"], rows),
            "education": rng.choice([f"level {i}" for i in range(12)], rows),
            "birth": rng.integers(1, 366, rows),
            "diagnosis": rng.choice([f"d{i}" for i in range(30)], rows, p=np.arange(30, 0, -1) / 465),
            "income": rng.gamma(2.0, 20_000, rows).round(),
        }
    )


def timed(ask: Callable[[], Any], /) -> tuple[Any, float]:
    """The answer, and the fewest seconds of three."""
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        answer = ask()
        seconds.append(time.perf_counter() - start)
    return answer, min(seconds)


def plain_k_and_l(data: pd.DataFrame, /) -> tuple[int, int]:
    """The same two numbers by pandas' groupby."""
    groups = data.groupby(QUASI, observed=True)["diagnosis"]
    return int(groups.size().min()), int(groups.nunique().min())


def against_pycanon(rows: int) -> None:
    """k, l and numeric t on rows of which each class has about eight, in both."""
    data, quasi = people(rows), ["sex", "education", "age", "zip"]
    data["zip"] = data["zip"].str[:3]
    data["age"] = data["age"] // (5 if rows > 2000 else 20)
    ours, seconds = timed(lambda: anonymity(data, quasi=quasi, sensitive=["income"]))
    told = ours.sensitive["income"]
    print(f"{rows:,} rows, k, l and numeric t: assay {seconds:.3f} s (k {ours.k}, l {told.l}, t {told.t:.6f})")
    python = os.environ.get("PYCANON_PYTHON")
    if python is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        data.to_csv(path, index=False)
        ran = subprocess.run(
            [python, "-c", PEER, str(path), json.dumps(quasi), "income"], capture_output=True, text=True, check=True
        )
    theirs = json.loads(ran.stdout.splitlines()[-1])
    total = sum(found[1] for found in theirs.values())
    values = ", ".join(f"{name} {value:.6g} in {spent:.2f} s" for name, (value, spent) in theirs.items())
    print(f"    pycanon {total:.2f} s ({values}): ratio {seconds / total:.5f}")


def main() -> None:
    """Print seconds and ratios."""
    data = people(1_000_000)
    found, ours = timed(lambda: anonymity(data, quasi=QUASI, sensitive=["diagnosis"]))
    plain, theirs = timed(lambda: plain_k_and_l(data))
    assert plain == (found.k, found.sensitive["diagnosis"].l)
    print(f"1,000,000 rows x 5, all measures of a category: {ours:.2f} s; pandas, k and l alone: {theirs:.2f} s, "
          f"ratio {ours / theirs:.2f}")  # fmt: skip
    some = data.head(100_000)
    _, seconds = timed(lambda: anonymity(some, quasi=["age", "sex", "education"], sensitive=["income"]))
    print(f"100,000 rows, {some['income'].nunique():,} distinct numbers, all measures with t: {seconds:.3f} s")
    for rows in (500, 1000):
        against_pycanon(rows)
    asked: list[tuple[str, dict[str, Any]]] = [
        ("Mondrian, k 5", {}),
        ("Mondrian, k 5, relaxed", {"strict": False}),
        ("Mondrian, k 5, l 2", {"l": 2, "sensitive": ["diagnosis"]}),
        ("Mondrian, k 5, l 2, t 0.4 numeric", {"l": 2, "t": 0.4, "sensitive": ["income"]}),
        ("full domain, k 5", {"method": "full-domain"}),
        ("full domain, k 5, l 2", {"method": "full-domain", "l": 2, "sensitive": ["diagnosis"]}),
    ]
    for name, how in asked:
        start = time.perf_counter()
        made = anonymize(data, quasi=QUASI, k=5, **how)
        spent = time.perf_counter() - start
        print(f"1,000,000 rows x 5, {name}: {spent:.1f} s, {made.after.classes:,} classes, k {made.after.k}, "
              f"loss {made.loss.generalized:.3f}, left out {made.suppressed:,}")  # fmt: skip


if __name__ == "__main__":
    main()
