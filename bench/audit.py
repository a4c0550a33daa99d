"""The built-in audits, end to end: seconds and Findings."""

from __future__ import annotations

import time

import assay
from assay.data import demo


def main() -> None:
    for name in demo.NAMES:
        start = time.perf_counter()
        run = assay.audit(assay.demo(name), progress=False)
        print(f"{name:<12} {time.perf_counter() - start:6.2f} s  {len(run.findings):5d} findings  {run.verdict}")


if __name__ == "__main__":
    main()
