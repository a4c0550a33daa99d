"""What a command of attacks gives back: the stored Run of the check, and beside it the one behind a defence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assay.core.check import Check
from assay.core.finding import Finding, Run
from assay.core.house import House
from assay.models.adapter import excerpt
from assay.privacy.commands.attacks.sides import with_nonmembers

if TYPE_CHECKING:
    from assay.data.case import Case


@dataclass(frozen=True)
class AttackAnswer:
    """The Run of an attack, and where a `defence` was asked for, the Run of the same attack behind it."""

    before: Run
    after: Run | None = None
    defence: str = ""

    def text(self) -> str:
        """A line for each number, before and after, why numbers are missing, and what follows."""
        found = [_by_key(run) for run in (self.before, self.after) if run is not None]
        heads = ["", f"behind {self.defence}"] if self.after is not None else [""]
        keys = list(dict.fromkeys(key for one in found for key in one))
        rows = [[*key, *(_number(one.get(key)) for one in found), _verdict(found, key)] for key in keys]
        shown = [row for row in rows if any(cell != "–" for cell in row[2 : 2 + len(found)])]
        lines = _aligned([["of", "measure", *(["before", *heads[1:]] if self.after else ["value"]), "verdict"], *shown])
        lines += ["", *_reasons(found, heads), *_notes(found, heads)]
        for run in (self.before, self.after):
            if run is not None:
                lines.append(f"Run {run.id}. See it again, with all numbers: assay run show {run.id} --all")
        return "\n".join(line.rstrip() for line in lines)

    def to_json(self) -> Any:
        """The Run; with a defence `{"before", "after", "defence"}`."""
        if self.after is None:
            return self.before.to_json()
        return {"before": self.before.to_json(), "after": self.after.to_json(), "defence": self.defence}


def answered(
    house: House, check: Check[Any, Any], case: Case, /, *, nonmembers: str, params: Mapping[str, Any]
) -> AttackAnswer:
    """The stored Run of `check`, asked with `params`; with the parameter `defence` also of the bare model, first."""
    whole = with_nonmembers(case, nonmembers) if nonmembers else case
    asked = {**params, "level": house.policy.rules.level}
    bare = {key: value for key, value in asked.items() if key not in ("defence", "defence_trainer")}
    before = _run(house, check, whole, bare)
    if not params.get("defence"):
        return AttackAnswer(before)
    return AttackAnswer(before, _run(house, check, whole, asked), str(params["defence"]))


def _run(house: House, check: Check[Any, Any], case: Case, params: Mapping[str, Any]) -> Run:
    words = str(params.get("defence") or "the bare model")
    house.progress.started(check.id, total=1)
    made = tuple(check(case, **params))
    house.progress.ended(check.id, note=words)
    given = {key: list(value) if isinstance(value, tuple) else value for key, value in params.items() if value != ()}
    return house.judge(check.id, case, made, params=given)


Key = tuple[str, str]


def _by_key(run: Run) -> dict[Key, Finding]:
    """Findings by their slice as text and the name of the measure."""
    return {(_slice(f), f.measure.name): f for f in run.findings}


def _slice(finding: Finding) -> str:
    return excerpt(", ".join(str(value) for value in finding.measure.slice.values())) or "all"


def _number(finding: Finding | None) -> str:
    if finding is None or finding.measure.value is None:
        return "–"
    m = finding.measure
    return f"{m.value:.3g}" if m.interval is None else f"{m.value:.3f} [{m.interval.low:.3f}, {m.interval.high:.3f}]"


def _verdict(found: Sequence[Mapping[Key, Finding]], key: Key) -> str:
    verdicts = [
        "" if (f := one.get(key)) is None or f.verdict is None or f.limit is None else f.verdict.value for one in found
    ]
    return " -> ".join(verdicts) if any(verdicts) else ""


def _reasons(found: Sequence[Mapping[Key, Finding]], heads: Sequence[str]) -> list[str]:
    """Why numbers are missing, each reason once."""
    lines: dict[str, None] = {}
    for one, head in zip(found, heads, strict=True):
        for (where, name), finding in one.items():
            if finding.measure.reason is not None:
                lines[f"– {head + ': ' if head else ''}{name} ({where}): {excerpt(finding.measure.reason.text())}"] = (
                    None
                )
    return list(lines)


def _notes(found: Sequence[Mapping[Key, Finding]], heads: Sequence[str]) -> list[str]:
    """What follows, each sentence once; behind the defence only what was not said before."""
    said: dict[str, str] = {}
    for one, head in zip(found, heads, strict=True):
        for note in [note for finding in one.values() for note in finding.measure.notes]:
            said.setdefault(note.text(), f"- {head + ': ' if head else ''}{excerpt(note.text())}")
    return list(said.values())


def _aligned(table: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(cell) for cell in column) for column in zip(*table, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in table]
