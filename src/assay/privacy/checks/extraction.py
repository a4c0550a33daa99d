"""Whether a model can be copied by asking it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from assay.core.check import check
from assay.core.errors import AssayError, unknown
from assay.core.measure import Limit, Measure
from assay.privacy.inference.extraction.extract import FIRST, extract
from assay.privacy.inference.extraction.measures import FAIL, WARN, extraction_measures
from assay.privacy.inference.extraction.queries import own_strategies
from assay.privacy.inference.victim import MOST, accuracy_measure, aim

if TYPE_CHECKING:
    from assay.data.case import Case


@check(
    "privacy.extraction",
    version=1,
    title="The model can be copied by asking it",
    needs=("rows", "model", "label", "split"),
    tasks=("binary", "multiclass"),
    limit=Limit("fidelity_gain", better="lower", warn=WARN, fail=FAIL),
    clauses=("gdpr:32(1)", "eu-ai-act:15(5)", "nist-ai-rmf:measure-2.7"),
)
def extraction(
    case: Case,
    /,
    *,
    queries: int = 1000,
    strategies: tuple[str, ...] = (),
    defence: str = "",
    defence_trainer: str = "",
    rows: int = MOST,
    level: float = 0.95,
    seed: int = 0,
) -> Iterator[Measure]:
    """How often copies made from up to `queries` answers agree with the model, per strategy of asking and kind of copy.

    `fidelity` is agreement with the model's own label on rows that neither it nor the copy was fitted on, with the
    curve against queries attached; `fidelity_gain` is the share of a constant answer's disagreement
    (`constant_fidelity`) that the copy removes. `fidelity_without_model` is a model fitted on as many true labels of
    the attacker's own: what comes from knowing the task. Copies of labels are of the model's family where it can be
    fitted in this process (scikit-learn estimators, boosters), else boosted trees; copies of probabilities are boosted
    trees on log-odds; the equations of a linear model are solved, and `log_odds_error` says how exactly.

    The attacker has half of the held-out rows, at most `rows`; `strategies` are parts of the kind "query-strategy", all
    where none are named. `defence` puts a part of the kind "defence" before the model (`defence_trainer` is for one
    that trains again). A copy is no leak of a person, but attacks that need the model inside can then be made on it.
    The limits (80 % and 95 % of the gain) are convention. Sources: Tramèr et al. (2016), USENIX Security; Jagielski et
    al. (2020), USENIX Security, on fidelity.
    """
    if queries < FIRST:
        raise AssayError(f"{queries} queries copy nothing.", code="parameter", hint=f"Give {FIRST} or more.")
    known = own_strategies()
    for name in strategies:
        if name not in known:
            raise unknown("strategy", name, known, code="strategy")
    found = aim(case, defence=defence, trainer=defence_trainer, rows=rows, seed=seed)
    if found.victim is None:
        yield Measure("fidelity", None, found.counts, reason=found.reason)
        return
    yield accuracy_measure(found.victim, level=level)
    chosen = {name: known[name] for name in (strategies or known)}
    made = extract(found.victim, chosen, queries=queries, seed=seed)
    yield from extraction_measures(made, level=level)
