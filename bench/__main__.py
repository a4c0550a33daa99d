"""Runs every benchmark, one process each, and prints what they print."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def main() -> None:
    """All of them, or those named on the command line: `python -m bench counting`."""
    here = Path(__file__).parent
    names = sys.argv[1:] or sorted(path.stem for path in here.glob("*.py") if not path.stem.startswith("_"))
    for name in names:
        print(f"\n== {name}", flush=True)
        subprocess.run([sys.executable, str(here / f"{name}.py")], check=True)


if __name__ == "__main__":
    main()
