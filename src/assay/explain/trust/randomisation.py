"""Whether an explanation changes when there is nothing left to explain: models trained on labels in a random order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.core.errors import AssayError, Message
from assay.core.subject import Model
from assay.explain.attribution import Attributions
from assay.explain.columns import Floats
from assay.explain.question import Question
from assay.explain.recourse.retraining import retrained_models
from assay.explain.target import Calls
from assay.explain.trust.agreement import signed_agreement
from assay.models.trainers import Trainer

if TYPE_CHECKING:
    from assay.data.case import Case

Explain = Callable[[Question], Attributions]


@dataclass(frozen=True, eq=False)
class Randomised:
    """How explanations of rows compare with those of models trained again on the `true` and on `permuted` labels.

    Or neither, and the `reason`. `size` (rows,) is Σ|φ| of the explanations themselves.
    """

    size: Floats | None = None
    true: Compared | None = None
    permuted: Compared | None = None
    reason: Message | None = None


@dataclass(frozen=True, eq=False)
class Compared:
    """(rows,) means over models: `agreement`, the rank correlation of the values with their signs, and `distance`, the
    sum over columns of the absolute differences.
    """

    agreement: Floats
    distance: Floats


def compared(values: Floats, others: Sequence[Floats], /) -> Compared:
    """The Compared of (rows, columns) attributions with those of other models."""
    agreements = [signed_agreement(values, other) for other in others]
    distances = [np.abs(values - other).sum(axis=1) for other in others]
    return Compared(np.mean(agreements, axis=0), np.mean(distances, axis=0))


def randomised(
    case: Case,
    question: Question,
    explain: Explain,
    /,
    *,
    trainer: Trainer | None = None,
    times: int = 2,
    rows: int = 5000,
    seed: int = 0,
) -> Randomised:
    """How the explanations of a question agree with those of models trained on the true labels, and on permuted ones.

    Both kinds are trained on bootstrap samples of the same at most `rows` rows (see `retrained_models`: estimators are
    cloned, boosters trained by their parameters, others by `trainer`), and explained with the same rows, background and
    seed; so they differ in the labels alone.

    Source: Adebayo, Gilmer, Muelly, Goodfellow, Hardt & Kim (2018), "Sanity checks for saliency maps", NeurIPS, the
    data randomisation test; the models on true labels are added, because explanations that are noise change as well.
    """
    fields: dict[str, Any] = {"trainer": trainer, "times": times, "rows": rows, "seed": seed}
    known = retrained_models(case, **fields)
    if known.reason is not None:
        return Randomised(reason=known.reason)
    shuffled = retrained_models(with_permuted_labels(case, rows=4 * rows, seed=seed), **fields)
    if shuffled.reason is not None:
        return Randomised(reason=shuffled.reason)
    own = explain(question)
    pairs = []
    for models in (known.models, shuffled.models):
        others = [explain(_about(question, model)) for model in models]
        strange = next((each for each in others if each.scale != own.scale), None)
        if strange is not None:
            text = "the model is explained on the scale of {own}, those trained again on that of {other}"
            params = {"own": own.scale, "other": strange.scale}
            return Randomised(reason=Message("explain.trust.scales", text, params))
        pairs.append(compared(own.values, [each.values for each in others]))
    return Randomised(np.abs(own.values).sum(axis=1), pairs[0], pairs[1])


def with_permuted_labels(case: Case, /, *, rows: int, seed: int = 0) -> Case:
    """A Case of at most `rows` rows of this one whose labels are in a random order; rows without a label stay so.

    Where a split names held-out rows, training rows exchange labels among themselves.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    from assay.data.case import Case as New

    label, split = str(case.roles.label), case.roles.split
    names = list(dict.fromkeys([*case.model_columns, label, *([split] if split else [])]))
    table = case.rows(names, limit=rows, seed=seed)
    known = pc.is_valid(table.column(label))
    if split is not None and case.held_out:
        levels = table.column(split).cast(pa.string())
        known = pc.and_(known, pc.fill_null(pc.invert(pc.is_in(levels, pa.array(case.held_out))), False))
    places = np.flatnonzero(known.to_numpy(zero_copy_only=False) if isinstance(known, pa.Array) else known.to_numpy())
    order = np.arange(table.num_rows)
    order[places] = np.random.default_rng([seed, 1]).permutation(places)
    labels = table.column(label).take(pa.array(order))
    roles: dict[str, Any] = {"split": split} if split else {}
    return New.from_frame(
        table.set_column(table.column_names.index(label), label, labels),
        name=case.name,
        task=case.task,
        model=case.model,
        label=label,
        favourable=case.roles.favourable,
        features=list(case.model_columns),
        **roles,
    )


def _about(question: Question, model: Model) -> Question:
    """The same question of another model of the same classes."""
    label = question.target.label
    if label is not None and label not in model.classes:
        raise AssayError(
            f"A model that was trained again knows no class {label!r}.",
            code="class",
            hint=f"Its classes are {', '.join(model.classes) or 'none'}; the trainer must give the same.",
        )
    output = None if label is None else model.classes.index(label)
    return replace(question, target=replace(question.target, model=model, output=output, calls=Calls()))
