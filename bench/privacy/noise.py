"""Exact noise: draws a second and the same distributions as OpenDP's samplers, in the same run.

Both add noise to zeros in one call. Prints seconds, the ratio, and the p-value of a chi-square test that the two
samples are of one distribution. Needs `opendp`.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import opendp.prelude as dp
from scipy import stats

from assay.privacy.noise.entropy import Entropy
from assay.privacy.noise.gaussian import DiscreteGaussian
from assay.privacy.noise.laplace import DiscreteLaplace

SCALES = (Fraction(1), Fraction(20), Fraction(1000), Fraction(10**6))


def timed(work: Callable[[], Any]) -> tuple[float, list[int]]:
    start = time.perf_counter()
    found = work()
    return time.perf_counter() - start, list(found)


def alike(a: list[int], b: list[int], width: int) -> float:
    """The p-value that both are of one distribution, in cells of `width` that hold ten or more of each."""
    counts = [Counter(x // width for x in draws) for draws in (a, b)]
    cells = [cell for cell in counts[0] if min(count[cell] for count in counts) >= 10]
    return float(stats.chi2_contingency([[count[cell] for cell in cells] for count in counts]).pvalue)


def main(rows: int) -> None:
    dp.enable_features("contrib")
    space = dp.vector_domain(dp.atom_domain(T=int)), dp.l1_distance(T=int)
    square = dp.vector_domain(dp.atom_domain(T=int)), dp.l2_distance(T=float)
    zeros = [0] * rows
    print(f"{'noise':<28}{'assay s':>9}{'opendp s':>10}{'ratio':>7}{'assay draws/s':>15}{'p alike':>9}")
    for scale in SCALES:
        for name, ours, theirs in (
            ("discrete Laplace", DiscreteLaplace(scale), dp.m.make_laplace(*space, scale=float(scale))),
            ("discrete Gaussian", DiscreteGaussian(scale**2), dp.m.make_gaussian(*square, scale=float(scale))),
        ):
            mine, a = timed(lambda ours=ours: ours.sample(rows, Entropy()))
            other, b = timed(lambda theirs=theirs: theirs(zeros))
            p = alike(a, b, max(1, int(scale) // 5))
            label = f"{name} {int(scale):,}"
            print(f"{label:<28}{mine:>9.3f}{other:>10.3f}{other / mine:>7.1f}{rows / mine:>15,.0f}{p:>9.3f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    main(parser.parse_args().rows)
