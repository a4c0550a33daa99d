"""Private training in numpy: steps a second against no privacy and against Opacus, plain and ghost, in the same run.

Logistic regression and dense networks of the shape of Adult (104 columns), batches that lie ready in memory, one
thread, momentum. A step is forward, backward, clipping, noise and update. All methods take turns, and the fewest
seconds of each are compared: of processor time, which for one thread is wall time on a quiet machine. `x plain` is the
time of a private step over one of the same numpy training without privacy; `x torch` over one of torch without
privacy. Before any timing, one step without noise from the same weights must give the same weights in Opacus (the
largest difference is printed). Needs `opacus`.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from assay.privacy.training.examples import Batch, examples
from assay.privacy.training.network import Architecture, Network, Output
from assay.privacy.training.optimizers import Stepping, optimizer_of
from assay.privacy.training.sampling import GaussianNoise, system_generator

COLUMNS, CLIP, NOISE, RATE, MOMENTUM = 104, 1.0, 1.0, 0.1, 0.9
MODELS = {
    "logistic": Architecture(COLUMNS, Output.BINARY),
    "MLP 64-32": Architecture(COLUMNS, Output.BINARY, 1, (64, 32), "tanh"),
    "MLP 256": Architecture(COLUMNS, Output.BINARY, 1, (256,), "relu"),
}
BATCHES = (64, 512, 2048, 8192)


def ours(shape: Architecture, batch: Batch, theta: Any, *, private: bool, noise: float = NOISE) -> tuple[Any, Network]:
    """A step as `descent.train` takes it, and the network it moves."""
    net, rows, generator = Network(shape), len(batch.x), system_generator()
    net.theta[:] = theta
    optimizer = optimizer_of(Stepping("sgd", RATE, MOMENTUM), like=net.theta)
    drawn = GaussianNoise(generator, net.gradient, deviation=noise * CLIP)

    def step() -> None:
        if private:
            net.sum_clipped(batch.x, batch.y, batch.reach, bound=CLIP)
            np.add(net.gradient, drawn.draw(), out=net.gradient)
        else:
            net.sum_gradient(batch.x, batch.y)
        np.multiply(net.gradient, 1 / rows, out=net.gradient)
        optimizer.step(net.theta, net.gradient)

    return step, net


def module_of(shape: Architecture, theta: Any) -> torch.nn.Sequential:
    """The same network in torch with the same weights."""
    net = Network(shape)
    net.theta[:] = theta
    layers: list[torch.nn.Module] = []
    for place, (weight, bias) in enumerate(zip(net.weights, net.biases, strict=True)):
        layer = torch.nn.Linear(*weight.shape)
        layer.weight.data, layer.bias.data = torch.tensor(weight.T.copy()), torch.tensor(bias.copy())
        layers.append(layer)
        if place < len(net.weights) - 1:
            layers.append(torch.nn.Tanh() if shape.activation == "tanh" else torch.nn.ReLU())
    return torch.nn.Sequential(*layers)


def theirs(shape: Architecture, batch: Batch, theta: Any, *, mode: str, noise: float = NOISE) -> tuple[Any, Any]:
    """A step of torch (`mode` "none") or of Opacus ("hooks", "ghost"), and the module it moves."""
    from opacus.grad_sample import GradSampleModule, GradSampleModuleFastGradientClipping
    from opacus.optimizers import DPOptimizer, DPOptimizerFastGradientClipping
    from opacus.utils.fast_gradient_clipping_utils import DPLossFastGradientClipping

    module: Any = module_of(shape, theta)
    x, y = torch.tensor(batch.x), torch.tensor(batch.y)
    optimizer: Any = torch.optim.SGD(module.parameters(), lr=RATE, momentum=MOMENTUM)
    loss: Any = torch.nn.BCEWithLogitsLoss()
    how = {"noise_multiplier": noise, "max_grad_norm": CLIP, "expected_batch_size": len(x)}
    if mode == "hooks":
        module = GradSampleModule(module)
        optimizer = DPOptimizer(optimizer, **how)
    elif mode == "ghost":
        module = GradSampleModuleFastGradientClipping(module, max_grad_norm=CLIP, use_ghost_clipping=True)
        optimizer = DPOptimizerFastGradientClipping(optimizer, **how)
        loss = DPLossFastGradientClipping(module, optimizer, loss)

    def step() -> None:
        optimizer.zero_grad()
        loss(module(x)[:, 0], y).backward()  # one loss a row: Opacus multiplies them by (rows,)
        optimizer.step()

    return step, module


def check(shape: Architecture, batch: Batch, theta: Any) -> float:
    """The largest difference of a weight after one step without noise, between Opacus and here."""
    step, net = ours(shape, batch, theta, private=True, noise=0.0)
    step()
    worst = 0.0
    for mode in ("hooks", "ghost"):
        other, module = theirs(shape, batch, theta, mode=mode, noise=0.0)
        other()
        linear = [layer for layer in module.modules() if isinstance(layer, torch.nn.Linear)]
        for layer, weight, bias in zip(linear, net.weights, net.biases, strict=True):
            worst = max(worst, float(np.abs(layer.weight.detach().numpy().T - weight).max()))
            worst = max(worst, float(np.abs(layer.bias.detach().numpy() - bias).max()))
    return worst


def fewest(steps: dict[str, Callable[[], None]], *, seconds: float, rounds: int) -> dict[str, float]:
    """Seconds of a step of each, the fewest of `rounds` in which all take turns."""
    best = dict.fromkeys(steps, np.inf)
    repeats = {}
    for name, step in steps.items():
        start = time.process_time()
        step()
        step()
        repeats[name] = max(1, int(seconds / ((time.process_time() - start) / 2)))
    for _ in range(rounds):
        for name, step in steps.items():
            start = time.process_time()
            for _ in range(repeats[name]):
                step()
            best[name] = min(best[name], (time.process_time() - start) / repeats[name])
    return best


def main(seconds: float, rounds: int) -> None:
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    rng = np.random.default_rng(0)
    head = ("private/s", "plain/s", "x plain", "torch/s", "x torch", "opacus/s", "faster", "ghost/s", "faster")
    print(f"{'model':<11}{'batch':>6}" + "".join(f"{name:>11}" for name in head) + f"{'agree':>10}")
    for name, shape in MODELS.items():
        x, y = rng.uniform(-1, 1, (max(BATCHES), COLUMNS)), rng.integers(0, 2, max(BATCHES))
        data = examples(x, y, architecture=shape)
        start = Network(shape)
        start.start(rng)
        for size in BATCHES:
            batch = data.batch(np.arange(size))
            agree = check(shape, batch, start.theta)
            steps = {
                "private": ours(shape, batch, start.theta, private=True)[0],
                "plain": ours(shape, batch, start.theta, private=False)[0],
                "torch": theirs(shape, batch, start.theta, mode="none")[0],
                "opacus": theirs(shape, batch, start.theta, mode="hooks")[0],
                "ghost": theirs(shape, batch, start.theta, mode="ghost")[0],
            }
            took = fewest(steps, seconds=seconds, rounds=rounds)
            mine = took["private"]
            numbers = (
                *(f"{1 / mine:,.0f}", f"{1 / took['plain']:,.0f}", f"{mine / took['plain']:.2f}"),
                *(f"{1 / took['torch']:,.0f}", f"{mine / took['torch']:.2f}"),
                *(f"{1 / took['opacus']:,.0f}", f"{took['opacus'] / mine:.1f}x"),
                *(f"{1 / took['ghost']:,.0f}", f"{took['ghost'] / mine:.1f}x"),
            )
            print(f"{name:<11}{size:>6}" + "".join(f"{text:>11}" for text in numbers) + f"{agree:>10.0e}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=0.05, help="of each method in each round")
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    with threadpool_limits(1):
        main(arguments.seconds, arguments.rounds)
