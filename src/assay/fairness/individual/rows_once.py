"""Checks that read rows one by one say where they leave weights and repeated people out of account."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec

from assay.core.errors import Message
from assay.core.measure import Measure

if TYPE_CHECKING:
    from assay.data.case import Case

P = ParamSpec("P")


def counts_rows_once(
    function: Callable[Concatenate[Case, P], Iterator[Measure]],
) -> Callable[Concatenate[Case, P], Iterator[Measure]]:
    """The same check, with a note on every Measure where the Case has weights, or people with several rows."""

    @wraps(function)
    def noted(case: Case, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[Measure]:
        notes = left_out_of_account(case)
        for measure in function(case, *args, **kwargs):
            yield replace(measure, notes=(*measure.notes, *notes)) if notes else measure

    return noted


def left_out_of_account(case: Case, /) -> tuple[Message, ...]:
    """What of the Case is not used where each row counts once and is taken to be independent of the others."""
    notes = []
    if case.roles.weight is not None:
        words = "each row counts once: the weights in {column} are not used"
        notes.append(Message("weights-not-used", words, {"column": case.roles.weight}))
    unit = case.facts().get("repeated_units")
    if unit:
        words = "rows of the same {column} are taken to be independent, so that the interval is too narrow"
        notes.append(Message("units-not-used", words, {"column": unit}))
    return tuple(notes)
