"""The principal reasons of adverse decisions, as codes of a signed table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, get_args

import numpy as np

from assay.core.errors import AssayError, unknown
from assay.core.house import Progress
from assay.explain.attribution import Attributions
from assay.explain.question import Question
from assay.explain.shapley.explain import explain
from assay.explain.words.reasons.codes import CodeTable
from assay.explain.words.reasons.factors import Factors, check_columns, check_named, factors, principal
from assay.explain.words.reasons.notices import STABLE, Notice, Reason, ReasonCodes
from assay.explain.words.reasons.prohibited import check_prohibited
from assay.explain.words.reasons.stability import Explain, Kept, Shaking, kept

Baseline = Literal["approved", "all"]
USUAL = 4
"""More reasons than these are not likely to help an applicant: 12 CFR 1002, comment 9(b)(2)-1."""


def reasons(
    question: Question,
    table: CodeTable,
    /,
    *,
    baseline: Baseline = "approved",
    count: int = USUAL,
    protected: Sequence[str] | None = None,
    permitted: Sequence[str] = (),
    unsigned: bool = False,
    explainer: Explain = explain,
    shaking: Shaking | None = None,
    progress: Progress | None = None,
) -> ReasonCodes:
    """For every row of the question the at most `count` codes of the table that lowered its answer most.

    The explained class is the favourable one. Contributions are SHAP values of the factors that the model scores (the
    `explainer`), against the mean of the `baseline`: of the background rows that the model approves, or of all. In an
    additive score they are how far the score of each factor lies below its average in the baseline, the two methods
    that 12 CFR 1002 (Regulation B), comment 9(b)(2)-5, names; it has "at or slightly above the minimum passing score"
    where "approved" takes all who pass. Give a question with a large background (2,000 rows): the baseline is a part
    of it.

    Each reason is tried under `shaking`; one that is kept in less than 90 % of the moves or of the seeds is marked as
    unstable. A draft is refused without `unsigned`. Raises AssayError where a column of the model has no code, where a
    principal reason has none for its direction, or where a reason could name a protected attribute (by default those
    of the Case whose rows these are) that is not `permitted`; see `check_prohibited`.

    Source: Equal Credit Opportunity Act, 15 U.S.C. 1691(d); 12 CFR 1002.9(b)(2) and its official interpretation.
    """
    _check(table, count=count, unsigned=unsigned)
    if protected is None:
        protected = () if question.groups is None else question.groups.column_names
    check_prohibited(table, question.columns, protected=tuple(protected), permitted=tuple(permitted))
    check_columns(table, question.columns)
    against = against_baseline(question, baseline)
    found = explainer(against)
    scored = factors(table, found, against.background)
    check_named(scored, question.columns, count=count)
    tried = shaking or Shaking()
    stays = kept(against, table, explainer, count=count, shaking=tried, progress=progress)
    return ReasonCodes(
        _notices(question, table, found, scored, stays, count),
        table,
        baseline,
        against.origin,
        len(against.background),
        found.method,
        found.scale,
        found.target,
        count,
        tried,
        question.seed,
        tuple(permitted),
    )


def _check(table: CodeTable, *, count: int, unsigned: bool) -> None:
    if count < 1:
        raise AssayError(f"{count} reasons are none.", code="count", hint=f"Give a number from 1; {USUAL} are usual.")
    if not table.signers and not unsigned:
        raise AssayError(
            f"Nobody signed the table of reason codes {table.name!r}.",
            code="signature",
            hint="Sign it and read it with the keys you trust, or try a draft with unsigned=True (--draft).",
        )


def against_baseline(question: Question, baseline: Baseline, /) -> Question:
    """The same question with the rows of the baseline as its background."""
    if baseline not in get_args(Baseline):
        raise unknown("baseline", baseline, get_args(Baseline), code="baseline")
    if baseline == "all":
        return question
    approved = question.target.decides(question.background)
    if not approved.any():
        raise AssayError(
            f"The model approves none of the {len(approved)} background rows, so there is no mean of the approved.",
            code="baseline",
            hint="Give a larger background, or baseline='all'.",
        )
    origin = f"the {int(approved.sum())} that the model decides as {question.target.label} among {question.origin}"
    return replace(question, background=question.background[approved], origin=origin)


def _notices(
    question: Question, table: CodeTable, found: Attributions, scored: Factors, stays: Kept, count: int
) -> tuple[Notice, ...]:
    chosen = principal(scored, count=count)
    decided: Any = [None] * len(found) if question.target.output is None else question.target.decides(question.rows)
    names = np.array(question.columns.names, dtype=object)

    def reason(row: int, place: int) -> Reason:
        code = table.codes[place]
        return Reason(
            code.code,
            code.text,
            tuple(names[scored.assigned[row] == place]),
            float(-scored.amounts[row, place]),
            float(stays.moves[row, place]),
            float(stays.seeds[row, place]),
        )

    def notice(row: int) -> Notice:
        places = [int(i) for i in np.argsort(scored.amounts[row], kind="stable") if chosen[row, i]]
        return Notice(
            question.places[row] if question.places else None,
            None if decided[row] is None else not bool(decided[row]),
            float(found.outputs[row]),
            float(found.base[row]),
            tuple(reason(row, place) for place in places),
        )

    return tuple(notice(row) for row in range(len(found)))


__all__ = ["STABLE", "Baseline", "against_baseline", "reasons"]
