"""The numbers of every check on German credit, kept per version: other numbers need another version.

After raising a version, or for a new check:  python tests/contract/test_contract_golden.py
writes what is new; numbers that changed under the same version are left alone and go on failing.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from contract_cases import credit

from assay.core.measure import Measure
from assay.engine.areas import registry
from assay.engine.run import run

GOLDEN = Path(__file__).parents[1] / "golden/checks.json"


def described(measure: Measure) -> list[Any]:
    """What, where, n, value, low, high, p; numbers to ten significant digits."""
    parts = [" x ".join(measure.over)] + [
        "; ".join(f"{name}={group}" for name, group in each.items()) for each in (measure.slice, *measure.groups)
    ]
    where = " | ".join(filter(None, parts))
    interval = measure.interval
    numbers = [measure.value, interval and interval.low, interval and interval.high, measure.p_value]
    return [measure.name, where, list(measure.rows), *(n if n is None else float(f"{n:.10g}") for n in numbers)]


@cache
def measured() -> dict[str, Any]:
    findings = run(credit(), seed=1).findings
    return {
        id: {"version": check.version, "measures": [described(f.measure) for f in findings if f.check == id]}
        for id, check in registry().checks.items()
    }


def kept() -> dict[str, Any]:
    return json.loads(GOLDEN.read_text(encoding="utf-8")) if GOLDEN.exists() else {}


@pytest.mark.parametrize("id", sorted(set(registry().checks) & set(kept())))
def test_the_numbers_change_only_with_the_version(id):
    now, before = measured()[id], kept()[id]
    assert now["version"] == before["version"], "write the numbers of the new version: see the top of this file"
    assert [m[:3] for m in now["measures"]] == [m[:3] for m in before["measures"]]
    for new, old in zip(now["measures"], before["measures"], strict=True):
        assert new[3:] == [None if n is None else pytest.approx(n, rel=1e-7, abs=1e-9) for n in old[3:]], new[:2]


def test_no_number_is_kept_of_a_check_that_is_gone():
    assert kept()
    assert set(kept()) <= set(registry().checks)


def write() -> None:
    """Keep the numbers of new checks and new versions, and drop those of checks that are gone."""
    before, now = kept(), measured()
    changed = {id for id in now if before.get(id, {}).get("version") != now[id]["version"]}
    merged = {id: now[id] if id in changed else before[id] for id in sorted(now)}
    lines = []
    for id, entry in merged.items():
        rows = ",\n".join("    " + json.dumps(row, ensure_ascii=False) for row in entry["measures"])
        lines.append(f' {json.dumps(id)}: {{\n  "version": {entry["version"]},\n  "measures": [\n{rows}\n  ]\n }}')
    GOLDEN.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    write()
