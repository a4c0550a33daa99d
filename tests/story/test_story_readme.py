"""The tour of the README works, word for word, in an empty folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"
BLOCKS = re.findall(r"^```(console|python)\n(.*?)^```$", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_the_tour_runs(tmp_path: Path) -> None:
    """Console lines run in a shell where `assay` is this assay; Python blocks share one process, in order."""
    assert len(BLOCKS) >= 5
    commands = Path(sys.executable).parent
    env = os.environ | {"PATH": f"{commands}{os.pathsep}{os.environ['PATH']}"}
    env.pop("ASSAY_STORE", None)
    python = ""
    for kind, text in BLOCKS:
        if kind == "python":
            python += text
            done = subprocess.run([sys.executable, "-c", python], cwd=tmp_path, env=env, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            continue
        for line in text.splitlines():
            assert line.startswith("$ "), line
            done = subprocess.run(line[2:], shell=True, cwd=tmp_path, env=env, capture_output=True, text=True)
            assert done.returncode == 0, line + done.stdout + done.stderr
            assert done.stdout.strip(), line
    assert (tmp_path / "recidivism" / "report.html").stat().st_size > 50_000
    assert (tmp_path / "loans.html").exists()


def test_every_file_the_readme_points_to_is_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README.read_text(encoding="utf-8")):
        assert (README.parent / target).exists(), target
