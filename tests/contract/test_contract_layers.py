"""The import contracts of pyproject.toml hold, and nothing else reaches past them."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src/assay"
MAY_IMPORT_BY_NAME = {"engine/areas.py", "__init__.py"}


def test_import_linter_keeps_every_contract():
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def test_importlib_is_used_only_where_areas_are_found_and_in_the_lazy_face():
    users = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            if any(name in ("importlib", "importlib.import_module") for name in names):
                users.add(path.relative_to(SOURCE).as_posix())
    assert users <= MAY_IMPORT_BY_NAME


def test_errors_are_caught_broadly_at_the_borders_only():
    broad = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ExceptHandler) and _is_broad(node):
                broad.add(path.relative_to(SOURCE).as_posix())
    assert broad <= {"engine/run.py", "cli/main.py"}


def _is_broad(handler: ast.ExceptHandler) -> bool:
    """A handler of everything that does not raise again whatever it caught."""
    caught = handler.type
    names = [caught] if not isinstance(caught, ast.Tuple) else caught.elts
    broad = ("Exception", "BaseException")
    everything = caught is None or any(isinstance(name, ast.Name) and name.id in broad for name in names)
    raises_again = isinstance(handler.body[-1], ast.Raise) and handler.body[-1].exc is None
    return everything and not raises_again
