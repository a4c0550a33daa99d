"""The reasons of each decision, and by which method they were found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assay.core.errors import AssayError, Message
from assay.explain.target import Scale
from assay.explain.words.reasons.codes import CodeTable
from assay.explain.words.reasons.stability import Shaking
from assay.pictures.wording import clean

STABLE = 0.9
"""Share of moves and of seeds in which a reason must be kept."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One principal reason: how far its `columns` together `lowered` the answer, and how often it is kept.

    `kept_moves`: the share of small changes of the row, `kept_seeds`: that of other draws of the baseline, in which it
    is among the principal reasons as well.
    """

    code: str
    text: str
    columns: tuple[str, ...]
    lowered: float
    kept_moves: float
    kept_seeds: float

    @property
    def stable(self) -> bool:
        """True where it is kept in at least 90 % of both."""
        return min(self.kept_moves, self.kept_seeds) >= STABLE

    def to_json(self) -> dict[str, Any]:
        """All fields, and `stable`."""
        return {
            "code": self.code,
            "text": self.text,
            "columns": list(self.columns),
            "lowered": self.lowered,
            "kept_moves": self.kept_moves,
            "kept_seeds": self.kept_seeds,
            "stable": self.stable,
        }


@dataclass(frozen=True, slots=True)
class Notice:
    """The reasons of one row, the weightiest first. `adverse`: it was not decided as favourable; None: no decision.

    `output` and `base` are the explained number of the row and the mean of the baseline.
    """

    row: int | None
    adverse: bool | None
    output: float
    base: float
    reasons: tuple[Reason, ...]

    @property
    def absent(self) -> Message | None:
        """Why there is no reason, where there is none."""
        if self.reasons:
            return None
        return Message("explain.reasons.none", "no factor lowered this answer against the baseline")

    def to_json(self) -> dict[str, Any]:
        """All fields."""
        return {
            "row": self.row,
            "adverse": self.adverse,
            "output": self.output,
            "base": self.base,
            "reasons": [reason.to_json() for reason in self.reasons],
            "absent": None if self.absent is None else self.absent.text(),
        }


@dataclass(frozen=True, eq=False)
class ReasonCodes:
    """One Notice a row of the question, and the method: baseline, explainer, scale, table and how they were tried."""

    notices: tuple[Notice, ...]
    table: CodeTable
    baseline: str
    origin: str
    rows_of_baseline: int
    method: str
    scale: Scale
    target: str
    count: int
    shaking: Shaking
    seed: int
    permitted: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.notices)

    def __getitem__(self, row: int) -> Notice:
        if not 0 <= row < len(self):
            raise AssayError(
                f"There is no row {row}.", code="row", hint=f"They are numbered from 0 to {len(self) - 1}."
            )
        return self.notices[row]

    @property
    def unstable(self) -> tuple[Reason, ...]:
        """All reasons that are not stable."""
        return tuple(reason for notice in self.notices for reason in notice.reasons if not reason.stable)

    def statement(self, row: int = 0, /) -> str:
        """The reasons of a row with their codes, one a line, and the baseline and method below them."""
        notice = self[row]
        name = "This decision" if notice.row is None else f"Row {notice.row}"
        if notice.adverse is False:
            head = f"{name} is favourable: no reasons are owed. What lowered it most:"
        else:
            head = f"{name}: principal reasons, the weightiest first."
        lines = [f"  {clean(r.code)}  {clean(r.text, longest=200)}{_doubt(r)}" for r in notice.reasons]
        if notice.absent is not None:
            lines = [f"  None: {notice.absent.text()}."]
        return "\n".join([head, *lines, self.described()])

    def described(self) -> str:
        """The method in words: baseline, explainer, scale, table, signers and how stability was tried."""
        signed = ", ".join(self.table.signers) or "nobody: a draft"
        tried = self.shaking
        permitted = f" Permitted by name: {', '.join(map(clean, self.permitted))}." if self.permitted else ""
        return (
            f"Baseline: mean of {'the approved' if self.baseline == 'approved' else 'all'} "
            f"({clean(self.origin, longest=200)}). Method: {self.method} of {clean(self.target)} on the scale "
            f"{self.scale}. Codes: {clean(self.table.name)}, version {clean(self.table.version)}, "
            f"{self.table.digest}, signed by {signed}. Tried with {tried.moves} moves of every number within "
            f"{100 * tried.noise:g} % and {tried.seeds} draws of the baseline (seed {self.seed}).{permitted}"
        )

    def to_json(self) -> Mapping[str, Any]:
        """Everything as JSON types."""
        return {
            "notices": [notice.to_json() for notice in self.notices],
            "baseline": self.baseline,
            "origin": self.origin,
            "rows_of_baseline": self.rows_of_baseline,
            "method": self.method,
            "scale": self.scale,
            "target": self.target,
            "count": self.count,
            "table": {"name": self.table.name, "version": self.table.version, "digest": self.table.digest},
            "signers": list(self.table.signers),
            "tried": {"noise": self.shaking.noise, "moves": self.shaking.moves, "seeds": self.shaking.seeds},
            "seed": self.seed,
            "permitted": list(self.permitted),
            "described": self.described(),
        }


def _doubt(reason: Reason) -> str:
    if reason.stable:
        return ""
    return f"  [unstable: kept in {reason.kept_moves:.0%} of moves and {reason.kept_seeds:.0%} of baselines]"
