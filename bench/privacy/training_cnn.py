"""Private training of a CNN: steps a second of `privacy.dp_training`, plain and ghost, against Opacus and no privacy.

The CNN of Opacus' MNIST example (26,010 numbers) on random images of 28 × 28. Every step is a whole one: a Poisson
batch drawn and collated (a shuffled one without privacy), forward, backward, clipping, noise, update. All methods take
turns, one step each, and the median of each is compared; batches of a Poisson sample differ in size. Before any timing,
the clipped sums of one batch, without noise, must be the same here and in Opacus (the largest difference is printed).
One thread. Needs `opacus`.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Generator
from typing import Any

import numpy as np
import torch
from opacus import GradSampleModule, PrivacyEngine
from opacus.optimizers import DPOptimizer
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from assay import privacy
from assay.privacy.deep.gradients.clipping import clipped_sum
from assay.privacy.deep.gradients.hooks import RowGradients

ROWS, CLIP, NOISE, RATE, DELTA = 8192, 1.0, 1.0, 0.1, 1e-5
METHODS = ("assay", "assay ghost", "opacus", "opacus ghost", "no privacy")


def network() -> nn.Module:
    """The same weights each time."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 16, 8, 2, padding=3),
        nn.ReLU(),
        nn.MaxPool2d(2, 1),
        nn.Conv2d(16, 32, 4, 2),
        nn.ReLU(),
        nn.MaxPool2d(2, 1),
        nn.Flatten(),
        nn.Linear(32 * 4 * 4, 32),
        nn.ReLU(),
        nn.Linear(32, 10),
    )


def images() -> TensorDataset:
    """Random images and labels."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(ROWS, 1, 28, 28, generator=generator)
    return TensorDataset(x, torch.randint(0, 10, (ROWS,), generator=generator))


def steps(method: str, data: TensorDataset, size: int) -> Generator[None]:
    """One step of training each time it is asked."""
    model: Any = network()
    optimizer: Any = torch.optim.SGD(model.parameters(), lr=RATE, momentum=0.9)
    loss: Any = nn.CrossEntropyLoss()
    loader: Any = DataLoader(data, batch_size=size, shuffle=True)
    if method.startswith("assay"):
        how = "ghost" if "ghost" in method else "per-example"
        settings = {"delta": DELTA, "noise_multiplier": NOISE, "max_grad_norm": CLIP, "epochs": 1000, "clipping": how}
        with privacy.dp_training(model, optimizer, loader, **settings) as dp:
            yield from loop(model, optimizer, loss, dp.loader)
    if method.startswith("opacus"):
        private = {"noise_multiplier": NOISE, "max_grad_norm": CLIP, "poisson_sampling": True}
        parts = {"module": model, "optimizer": optimizer, "data_loader": loader}
        if "ghost" in method:
            ghost = {"criterion": loss, "grad_sample_mode": "ghost"}
            model, optimizer, loss, loader = PrivacyEngine().make_private(**parts, **private, **ghost)
        else:
            model, optimizer, loader = PrivacyEngine().make_private(**parts, **private)
    while True:
        yield from loop(model, optimizer, loss, loader)


def loop(model: nn.Module, optimizer: Any, loss: Any, loader: Any) -> Generator[None]:
    """An ordinary loop, a step at a time."""
    for x, y in loader:
        optimizer.zero_grad()
        loss(model(x), y).backward()
        optimizer.step()
        yield


def difference(data: TensorDataset, size: int) -> float:
    """The largest difference between the clipped sums of one batch, here and in Opacus."""
    x, y = data.tensors[0][:size], data.tensors[1][:size]
    theirs = GradSampleModule(network())
    optimizer = DPOptimizer(
        torch.optim.SGD(theirs.parameters(), lr=RATE),
        noise_multiplier=0.0,
        max_grad_norm=CLIP,
        expected_batch_size=size,
    )
    nn.functional.cross_entropy(theirs(x), y).backward()
    optimizer.clip_and_accumulate()
    sums = [parameter.summed_grad for parameter in theirs.parameters()]
    return max(_apart(sums, x, y, ghost=ghost) for ghost in (False, True))


def _apart(sums: list[Tensor], x: Tensor, y: Tensor, *, ghost: bool) -> float:
    own = network()
    hooks = RowGradients(own, mean=True, ghost=ghost)
    hooks.begin(len(x))
    nn.functional.cross_entropy(own(x), y).backward()
    found = clipped_sum(hooks.found, norm=CLIP).sums
    hooks.cleanup()
    return max(float((found[p] - there).abs().max()) for p, there in zip(own.parameters(), sums, strict=True))


def main(sizes: list[int], rounds: int) -> None:
    """A line of the table for each batch size."""
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    data = images()
    print(
        f"{'batch':>6}"
        + "".join(f"{name + '/s':>16}" for name in METHODS)
        + f"{'x opacus':>10}{'x plain':>9}{'agree':>8}"
    )
    for size in sizes:
        agree = difference(data, size)
        runs = {name: steps(name, data, size) for name in METHODS}
        took: dict[str, list[float]] = {name: [] for name in METHODS}
        for turn in range(rounds + 2):
            for name, run in runs.items():
                start = time.perf_counter()
                next(run)
                if turn >= 2:  # the first steps make buffers and check the network
                    took[name].append(time.perf_counter() - start)
        for run in runs.values():
            run.close()
        middle = {name: float(np.median(times)) for name, times in took.items()}
        own, other = min(middle["assay"], middle["assay ghost"]), min(middle["opacus"], middle["opacus ghost"])
        cells = "".join(f"{1 / middle[name]:>16.2f}" for name in METHODS)
        print(f"{size:>6}{cells}{other / own:>10.2f}{own / middle['no privacy']:>9.2f}{agree:>8.0e}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 256, 1024])
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    main(arguments.sizes, arguments.rounds)
