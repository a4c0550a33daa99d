"""Which measures of trust rank exact Shapley values above wrong explanations: 100 seeded runs of each kind, no timing.

What the runs are is said in `tests/explain/explain_trust_cases.py`; the tests hold 20 of them.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "explain"))
from explain_trust_cases import drawn, faithful, randomisation_gap, steady


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100)
    runs = parser.parse_args().runs
    for deceived in (False, True):
        found: dict[str, list[dict[str, float]]] = {}
        for seed in range(runs):
            run, made = drawn(seed, deceived=deceived)
            scores = faithful(run, made)
            scores |= {"stability": steady(run, made), "randomisation_gap": randomisation_gap(run, made)}
            for measure, each in scores.items():
                found.setdefault(measure, []).append(each)
        print("\ndeceived" if deceived else "\nordinary")
        for measure, each in found.items():
            for name in each[0]:
                values = np.array([one[name] for one in each])
                won = sum(one["exact"] > one[name] for one in each)
                above = "" if name == "exact" else f"exact above in {won} of {runs}"
                print(f"  {measure:22s} {name:9s} mean {values.mean():6.2f}  {above}")


if __name__ == "__main__":
    main()
