"""The size budgets of the source: modules, functions, files in a folder."""

from __future__ import annotations

import ast
import statistics
from collections import Counter
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src/assay"
CATALOGUES = {
    "checks",
    "mitigate",
    "attacks",
    "explainers",
    "mechanisms",
    "recognizers",
    "guards",
    "suites",
    "routing",
    "templates",
}


def ninetieth_percentile(sizes: list[int]) -> float:
    return statistics.quantiles(sizes, n=10, method="inclusive")[-1]


def test_modules_are_short():
    sizes = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCE.rglob("*.py")}
    assert statistics.median(sizes.values()) <= 150
    assert ninetieth_percentile(list(sizes.values())) <= 350
    assert not {path: size for path, size in sizes.items() if size > 500}


def test_functions_are_short():
    sizes = {}
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                sizes[path.name, node.name, node.lineno] = node.end_lineno - node.lineno + 1
    assert ninetieth_percentile(list(sizes.values())) <= 40
    assert not {where: size for where, size in sizes.items() if size > 60}


def test_folders_hold_few_modules():
    modules = Counter(path.parent for path in SOURCE.rglob("*.py"))
    budget = {folder: 30 if folder.name in CATALOGUES else 12 for folder in modules}
    assert not {folder: count for folder, count in modules.items() if count > budget[folder]}
