"""What the code tells people to install can be installed, and the package carries its data."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

from assay.cli.doctor import PACKAGES

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS = PROJECT["project"]["optional-dependencies"]


def packages(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=!;~ ]", requirement, maxsplit=1)[0].lower() for requirement in requirements}


def test_every_extra_that_an_error_names_is_there():
    named = set()
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("MissingExtra"):
                named |= {ast.literal_eval(k.value) for k in node.keywords if isinstance(k.value, ast.Constant)}
    assert named
    assert named <= set(EXTRAS)


def test_the_doctor_says_rightly_what_brings_each_package():
    for name, extra, _ in PACKAGES:
        bringing = EXTRAS[extra] if extra else PROJECT["project"]["dependencies"]
        assert name.lower() in packages(bringing), f"{name} is not brought by {extra or 'the base install'}"


def test_the_lock_pins_every_direct_dependency():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {line.partition("==")[0].lower().replace("_", "-") for line in lines}
    locked = [requirements for extra, requirements in EXTRAS.items() if extra not in ("all", "keras")]
    locked += [PROJECT["project"]["dependencies"], PROJECT["dependency-groups"]["dev"]]
    wanted = {name for requirements in locked for name in packages(requirements)}
    assert wanted - pinned <= {"xgboost"}, "run: make lock"
