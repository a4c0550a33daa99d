"""What must stand in no tracked file: an index's address, a path of somebody's machine, the loading of a pickle."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
THIS = Path(__file__).relative_to(ROOT).as_posix()
INDEX = re.compile(
    r"--(extra-)?index-url|--find-links|pypi\.org/simple|files\.pythonhosted\.org"
    r'|(registry|resolved)"? *[=:] *"https?://|url *= *"https?://[^"]*/(simple|packages)/'
)
HOME = re.compile(r"(?<![\w./])/(home|Users|root|work)/[\w.-]+|\b[A-Z]:\\Users\\")
PICKLES = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "shelve"}
LOADERS = {"read_pickle", "load_pickle"}
MAY_UNPICKLE = {"src/assay/models/convert/originals.py"}


def tracked() -> dict[str, str]:
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    found = {}
    for name in filter(None, names.split("\0")):
        data = (ROOT / name).read_bytes() if (ROOT / name).is_file() else b""
        if b"\0" not in data:
            found[name] = data.decode("utf-8")
    return found


def test_no_file_names_an_index_or_a_path_of_a_machine():
    hits = []
    for name, text in tracked().items():
        for number, line in enumerate(text.splitlines(), 1):
            if name != THIS and (INDEX.search(line) or HOME.search(line)):
                hits.append(f"{name}:{number}: {line.strip()[:120]}")
    assert hits == []


def test_the_lock_pins_every_line_and_torch_at_its_version():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!]+", line)] == []
    assert "torch==2.13.0" in lines


def test_pickles_are_read_in_the_child_process_only():
    users = {name for name, text in tracked().items() if re.match(r"src/.*\.py$", name) and _unpickles(text)}
    assert users <= MAY_UNPICKLE


def _unpickles(text: str) -> bool:
    return any(_reads_a_pickle(node) for node in ast.walk(ast.parse(text)))


def _reads_a_pickle(node: ast.AST) -> bool:
    if isinstance(node, ast.Import):
        return any(alias.name.partition(".")[0] in PICKLES for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        module = (node.module or "").partition(".")[0]
        return module in PICKLES or (module == "joblib" and any(alias.name == "load" for alias in node.names))
    if isinstance(node, ast.Attribute):
        return node.attr in LOADERS or ast.unparse(node) == "joblib.load"
    if isinstance(node, ast.Call) and ast.unparse(node.func) in ("torch.load", "np.load", "numpy.load"):
        given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
        return given.get("allow_pickle") == "True" or given.get("weights_only") == "False"
    return False
