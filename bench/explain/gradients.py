"""Counterfactuals of torch networks with 30 numeric columns: with the gradient and without, cost and rows asked."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pandas as pd
import torch

import assay
from assay.explain.question import Question, question
from assay.explain.recourse.search import counterfactuals
from assay.explain.recourse.steps.hunt import Effort

COLUMNS = [f"c{i}" for i in range(30)]
LIMITS: dict[str, dict[str, Any]] = {
    "none": {},
    "every number from -0.5 to 0.5": {"ranges": dict.fromkeys(COLUMNS, (-0.5, 0.5))},
    "10 immutable, 20 may only grow": {"immutable": COLUMNS[:10], "one_way": dict.fromkeys(COLUMNS[10:], "up")},
}


def asked(seed: int) -> Question:
    """60 rows of a network of two hidden layers of 64, fitted on 2,000 rows of correlated columns."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(2000, 30)) @ (np.eye(30) + 0.3 * rng.normal(size=(30, 30)) / np.sqrt(30))
    signal = np.tanh(x @ rng.normal(size=(30, 8)) / 2) @ rng.normal(size=8) + x[:, 0] * x[:, 1]
    labels = (signal > np.quantile(signal, 0.7)).astype(int)
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    sizes = [torch.nn.Linear(30, 64), torch.nn.ReLU(), torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 2)]
    network = torch.nn.Sequential(*sizes)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.005)
    inputs, answers = torch.tensor(x, dtype=torch.float32), torch.tensor(labels)
    for _ in range(150):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(network(inputs), answers).backward()
        optimiser.step()
    frame = pd.DataFrame(x, columns=COLUMNS).assign(y=np.where(labels, "yes", "no"))
    model = assay.wrap_model(network, classes=["no", "yes"], features=COLUMNS, output="logits")
    case = assay.Case.from_frame(frame, label="y", favourable="yes", features=COLUMNS, model=model)
    return question(case, list(range(60)), background=2000)


def main() -> None:
    """Three seeds, three sets of constraints."""
    for seed in range(3):
        about = asked(seed)
        for name, limits in LIMITS.items():
            costs, said = [], []
            for effort in (Effort(slopes=0), Effort()):
                start = time.process_time()
                made = counterfactuals(about, constraints=limits, effort=effort)
                spent = (time.process_time() - start) / len(made) * 1e3
                costs.append(made.costs)
                found = np.isfinite(made.costs).sum()
                said.append(f"{found} of 60 found, {made.calls:,.0f} rows asked, {spent:.1f} ms CPU a row")
            both = np.isfinite(costs[0]) & np.isfinite(costs[1]) & (costs[0] > 0)
            ratio = costs[1][both] / costs[0][both]
            spread = f"{ratio.mean():.3f} ({ratio.min():.2f} to {ratio.max():.2f})"
            print(
                f"network {seed}, limits: {name}: cost with over without {spread} · {said[0]} → {said[1]}", flush=True
            )


if __name__ == "__main__":
    main()
