"""Runs every benchmark, one process each, and prints what they print."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def main() -> None:
    """All of them, or those named on the command line: `python -m bench counting`."""
    here = Path(__file__).parent
    found = {path.stem: path for path in sorted(here.rglob("*.py")) if not path.stem.startswith("_")}
    names = sys.argv[1:] or list(found)
    unknown = [name for name in names if name not in found]
    if unknown:
        sys.exit(f"There is no benchmark {unknown[0]!r}; there are: {', '.join(found)}.")
    for name in names:
        print(f"\n== {name}", flush=True)
        subprocess.run([sys.executable, str(found[name])], check=True)


if __name__ == "__main__":
    main()
