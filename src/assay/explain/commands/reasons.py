"""`assay explain reasons`: the principal reasons of a decision, from a signed table of codes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from assay.core.errors import AssayError, unknown
from assay.core.house import House
from assay.core.part import command
from assay.explain.words.reasons import read_codes, reasons
from assay.explain.words.reasons.notices import ReasonCodes

if TYPE_CHECKING:
    from assay.data.case import Case

BACKGROUND = 2000


@dataclass(frozen=True)
class ReasonAnswer:
    """The reasons of each row that was asked for."""

    found: ReasonCodes

    def text(self) -> str:
        """One statement a row, each with the baseline and the method."""
        return "\n\n".join(self.found.statement(i) for i in range(len(self.found.notices)))

    def to_json(self) -> Any:
        """Notices and method as JSON types."""
        return self.found.to_json()


@command(title="The principal reasons of a decision, from a signed table of codes", needs_model=True)
def adverse_action(
    house: House,
    case: Case,
    /,
    *,
    row: tuple[int, ...] = (),
    codes: str = "",
    key: tuple[str, ...] = (),
    baseline: Literal["approved", "all"] = "approved",
    count: int = 4,
    permitted: tuple[str, ...] = (),
    draft: bool = False,
    seed: int = 0,
) -> ReasonAnswer:
    """Adverse-action reasons (12 CFR 1002.9(b)(2)) of the rows at `--row` (from 0; repeat it for more).

    `--codes` is a table that was signed, `--key` a public key that may have signed it (see the guide on reason codes);
    a draft in TOML is read with `--draft`, and every statement says so. `--baseline` approved or all is what the row is
    compared with. `--permitted age` names a protected attribute that the law allows.
    """
    from assay.explain.question import question
    from assay.seal.keys import load_verify_key

    if not row or not codes:
        raise AssayError(
            "Reasons are of rows, from a table of codes.", code="usage", hint="Give --row 17 --codes codes.signed.json."
        )
    if baseline not in ("approved", "all"):
        raise unknown("baseline", baseline, ("approved", "all"), code="baseline")
    table = read_codes(Path(codes), keys=[load_verify_key(Path(path)) for path in key])
    found = reasons(
        question(case, list(row), background=BACKGROUND, seed=seed),
        table,
        baseline=baseline,
        count=count,
        protected=case.roles.protected,
        permitted=permitted,
        unsigned=draft,
        progress=house.progress,
    )
    return ReasonAnswer(found)
