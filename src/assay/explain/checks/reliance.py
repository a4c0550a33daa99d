"""Whether the model leans on protected attributes, or on columns that tell them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.core.check import check
from assay.core.errors import Message
from assay.core.measure import Attachment, Limit, Measure, attached_table
from assay.explain.attribution import Attributions
from assay.explain.columns import Floats
from assay.explain.overall.importance import importance
from assay.explain.overall.permuting.loss import NAMES as LOSSES
from assay.explain.overall.unmeasured import said_why
from assay.explain.trust.explaining import explained
from assay.explain.trust.reliance import (
    PROXY,
    Codes,
    Tells,
    explained_by_groups,
    flip_effects,
    group_codes,
    telling,
)
from assay.explain.trust.sample import Sample, levels_of, means, obstacle, ratios, sample, unmeasured

if TYPE_CHECKING:
    from assay.data.case import Case

IMPORTANCE_ROWS = 2000
NAMES = ("protected_share", "proxy_share", "output_explained")
NOT_AN_INPUT = "the model is not fed the attribute {attribute}; it may lean on columns that tell it"


@check(
    "explain.reliance",
    version=1,
    title="The model leans on protected attributes or on their proxies",
    needs=("rows", "model", "protected"),
    tasks=("binary", "multiclass", "regression"),
    limit=Limit("protected_share", better="lower", warn=0.01, fail=0.05),
    clauses=("eu-ai-act:10(2)(f)", "nist-ai-rmf:measure-2.11", "ecoa:1002.4(a)"),
)
def measure_reliance(
    case: Case,
    /,
    *,
    explainer: str = "shap",
    proxy: float = PROXY,
    rows: int = 400,
    level: float = 0.95,
    seed: int = 0,
) -> Iterator[Measure]:
    """How much of the model's explanations is carried by protected attributes, and by columns that tell them.

    For each attribute that the model is fed: `protected_share`, its share of Σ|SHAP| over the rows, and `flip_effect`,
    the mean over rows of the greatest change of the answer when only the attribute is set to another of its values.
    For every attribute: `proxy_share`, the share of Σ|SHAP| carried by other columns whose association with it is at
    least `proxy` (bias-corrected Cramér's V, numbers in quintiles; the attached table lists all); and
    `output_explained`, the share of the variance of the answers that the groups explain (ε²), which needs no
    explanation. The shares and the flip by group too; the flip and the variance are on the scale of the answer, not of
    the explanation. With labels, `protected_importance` and `proxy_importance` are permutation importances: the rise of
    the mean loss on held-out rows when the attribute, or all its proxies together, are exchanged between rows.

    An attribute that the model is not fed has no `protected_share`: unmeasured, not 0. A share by proxies is no proof
    of wrong: education tells of age, and may be what the decision should rest on. SHAP of a model that answers
    differently on rows that do not exist can hide an attribute; `output_explained` asks for real rows only, and
    explain.faithfulness says whether the explanations hold on them. At most `rows` rows and 30 of each rare group, a
    seeded sample. The limits (0.01, 0.05) are convention and no law's: some laws forbid any use of the attribute.
    Source: Lundberg et al. (2020), Nature Machine Intelligence 2:56, on mean |SHAP| as importance.
    """
    reason = obstacle(case)
    if reason is not None:
        yield from unmeasured(NAMES, reason)
        return
    drawn = sample(case, rows=rows, seed=seed)
    found = explained(drawn.question, explainer=explainer)
    read = drawn.read
    answers = read.target(read.rows)
    proxies: dict[str, list[str]] = {}
    for name, levels in levels_of(read).items():
        codes = group_codes(levels)
        tells = tuple(each for each in telling(found.columns, read.rows, codes) if each.column != name)
        proxies[name] = [each.column for each in tells if each.strength >= proxy]
        if name in found.columns.names:
            yield from _direct(name, found, drawn, level=level)
        else:
            reason = Message("not-an-input", NOT_AN_INPUT, {"attribute": name})
            yield Measure("protected_share", None, 0, over=(name,), reason=reason)
        yield from _proxies(name, found, drawn, tells, proxies[name], level=level)
        yield _explained(name, answers, codes, case, level=level)
    yield from _importances(case, proxies, level=level, seed=seed)


def _direct(name: str, found: Attributions, drawn: Sample, *, level: float) -> Iterator[Measure]:
    size = np.abs(found.values)
    place = found.columns.place(name)
    kept: dict[str, Any] = {"level": level, "attribute": name}
    share: dict[str, Any] = kept | {"method": found.method, "within": (0.0, 1.0)}
    yield from ratios("protected_share", size[:, place], size.sum(axis=1), drawn, **share)
    effects = flip_effects(drawn.question.target, drawn.question.rows, place)
    yield from means("flip_effect", effects, drawn, method=drawn.question.target.name, **kept)


def _proxies(
    name: str, found: Attributions, drawn: Sample, tells: Sequence[Tells], proxies: Sequence[str], *, level: float
) -> Iterator[Measure]:
    size = np.abs(found.values)
    table = {"columns": _table(name, size[drawn.everyone], tells)}
    if not proxies:
        text = "no column tells {attribute} as well as the parameter asks"
        notes = (*drawn.notes, Message("explain.trust.no_proxies", text, {"attribute": name}))
        about: dict[str, Any] = {"over": (name,), "notes": notes, "attachments": table}
        yield Measure("proxy_share", 0.0, len(drawn.everyone), exact=True, **about)
        return
    carried = size[:, found.columns.places(proxies)].sum(axis=1)
    params = {"attribute": name, "columns": ", ".join(proxies)}
    note = Message("explain.trust.proxies", "{columns} tell {attribute}", params)
    kept: dict[str, Any] = {"level": level, "method": found.method, "attribute": name, "within": (0.0, 1.0)}
    for measure in ratios("proxy_share", carried, size.sum(axis=1), drawn, **kept):
        if measure.slice:
            yield measure
        else:
            yield replace(measure, attachments=table, notes=(*measure.notes, note))


def _table(name: str, size: Floats, tells: Sequence[Tells]) -> Attachment:
    total = float(size.sum())
    rows = [
        [each.column, each.strength, float(size[:, each.place].sum()) / total if total > 0 else None] for each in tells
    ]
    return attached_table(["column", "Cramér's V", "share"], rows, caption=f"What tells {name}, and what it carries")


def _explained(name: str, answers: Floats, codes: Codes, case: Case, *, level: float) -> Measure:
    found, n = explained_by_groups(answers, codes, level=level), len(answers)
    if found is None:
        reason = Message("explain.trust.no_variance", "the answers are all alike, or there is one group")
        return Measure("output_explained", None, n, over=(name,), reason=reason)
    text = "{rows} rows out of {all}, drawn by the seed"
    notes = (Message("sampled", text, {"rows": n, "all": case.n}),) if n < case.n else ()
    return Measure("output_explained", found.value, n, over=(name,), interval=found.interval, method="ε²", notes=notes)


def _importances(case: Case, proxies: dict[str, list[str]], *, level: float, seed: int) -> Iterator[Measure]:
    """The rise of the loss where an attribute, or all that tell it, are exchanged between rows; needs labels."""
    groups = {f"protected {name}": [name] for name in proxies if name in case.model_columns}
    groups |= {f"proxies {name}": columns for name, columns in proxies.items() if columns}
    if case.roles.label is None or not groups:
        return
    with said_why("label", "features") as why:
        measured = importance(case, groups=groups, level=level, limit=IMPORTANCE_ROWS, seed=seed)
    if why.reason is not None:
        yield Measure("protected_importance", None, 0, reason=why.reason)
        return
    for each in measured.reliances:
        kind, _, name = each.name.partition(" ")
        yield Measure(
            "protected_importance" if kind == "protected" else "proxy_importance",
            each.importance,
            measured.n,
            over=(name,),
            interval=each.interval,
            method=f"permutation importance, {LOSSES[measured.loss]}, {measured.repeats} exchanges",
            notes=measured.notes,
        )
