"""The committed reference says what the declarations say.

A check that is not documented yet does not fail here (`make lint` asks for its page), so that adding a check is
one file.
"""

from __future__ import annotations

import sys
from pathlib import Path

from assay.engine.areas import registry

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
import make_reference


def test_the_committed_reference_is_current():
    documented = make_reference.documented()
    assert documented
    assert documented <= set(registry().checks), "a documented check is gone: run make docs"
    assert make_reference.stale(make_reference.pages(registry(), only=documented)) == []


def test_the_command_line_page_holds_every_own_command():
    page = make_reference.pages(registry())["command-line.md"]
    for command in ("assay audit", "assay check show", "assay gate", "assay run compare", "assay doctor"):
        assert f"## `{command}`" in page
