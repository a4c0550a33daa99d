"""The Python face of these attacks: a model and two tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from assay.core.errors import AssayError, unknown
from assay.core.measure import Measure
from assay.models.live import wrap
from assay.privacy.inference.gradients.leakage import Leak, leakage, own_gradient_attacks
from assay.privacy.inference.gradients.learner import learner_of
from assay.privacy.membership.candidates import side_by_side


def attack(
    kind: str,
    model: Any,
    members: Any,
    nonmembers: Any,
    /,
    *,
    label: str,
    features: Sequence[str] = (),
    protected: Sequence[str] = (),
    **settings: Any,
) -> tuple[Measure, ...]:
    """What the check of the attack `kind` measures: "attribute", "extraction" or "inversion".

    `members` are rows that `model` was trained on, `nonmembers` others: frames, paths or relations with the column
    `label`. `model` is a classifier that `assay.wrap_model` takes, `features` what it is fed (what it knows itself, or
    all other columns). Settings are the parameters of `privacy.attribute_inference`, `privacy.extraction` and
    `privacy.inversion`, like attributes, queries, defence, rows, level and seed.
    """
    from assay.privacy.checks.attribute_inference import attribute_inference
    from assay.privacy.checks.extraction import extraction
    from assay.privacy.checks.inversion import inversion

    checks: dict[str, Any] = {"attribute": attribute_inference, "extraction": extraction, "inversion": inversion}
    if kind not in checks:
        raise unknown("attack", kind, checks, code="attack")
    check = checks[kind]
    for name in settings:
        if name not in check.parameters:
            raise unknown(f"setting of {check.id}", name, check.parameters, code="parameter")
    judged = wrap(model)
    favourable = judged.classes[-1] if len(judged.classes) == 2 else None
    about: dict[str, Any] = {"label": label, "features": features, "protected": protected, "favourable": favourable}
    return tuple(check(side_by_side(judged, members, nonmembers, **about), **settings))


def gradient_leakage(
    model: Any,
    inputs: Any,
    labels: Any,
    /,
    *,
    attack: str = "dense-layer",
    batches: Sequence[int] = (1, 2, 4, 8),
    clip: float | None = None,
    noise: float = 0.0,
    examples: int = 32,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[Leak, ...]:
    """What the gradient of a training step gives away of its examples, for each size of `batches`.

    `model` is a logistic regression, or a torch module in this process that gives logits: what `assay.wrap_model` made
    of it. `inputs` are a batch for it, an array for a module; `labels` are classes of the model.
    `clip` and `noise` are those of private training, the noise in units of the clip. `attack` is
    "dense-layer" or "deep-leakage".
    """
    known = own_gradient_attacks()
    if attack not in known:
        raise unknown("attack on gradients", attack, known, code="attack")
    judged = wrap(model)
    x = numbers_of(judged, inputs)
    settings: dict[str, Any] = {"batches": tuple(batches), "examples": examples, "seed": seed, "level": level}
    learner = learner_of(judged, inputs=int(np.prod(x.shape[1:])))
    codes = codes_of_labels(judged.classes, labels, rows=len(x))
    return leakage(learner, x, codes, attack=known[attack].make, clip=clip, noise=noise, **settings)


def numbers_of(model: Any, inputs: Any, /) -> Any:
    """(rows, …) the numbers that the gradients are of: an array as it is, a table as the model reads it."""
    if getattr(model, "module", None) is not None:
        from assay.models.inputs import matrix, select

        plain = isinstance(inputs, np.ndarray)
        return np.asarray(inputs, dtype=np.float64) if plain else matrix(select(_table(inputs), model.features))
    encode = getattr(model, "encode", None)
    found = encode(_table(inputs)) if callable(encode) else None
    if found is None:
        raise AssayError(
            f"{model.name} shows no gradients of its training.",
            code="gradients",
            hint="Give a logistic regression, or a torch module of logits in this process.",
        )
    return found.matrix


def _table(inputs: Any) -> Any:
    """A pandas frame as a pyarrow Table; anything else as it is."""
    import pandas as pd
    import pyarrow as pa

    return pa.Table.from_pandas(inputs, preserve_index=False) if isinstance(inputs, pd.DataFrame) else inputs


def codes_of_labels(classes: Sequence[str], labels: Any, /, *, rows: int) -> Any:
    """(rows,) positions in `classes` of the labels, which are known by their texts."""
    from assay.models.outputs import codes_of

    given = np.asarray(labels)
    if len(given) != rows:
        raise AssayError(f"{len(given)} labels belong to {rows} rows.", code="labels", hint="Give one label a row.")
    return codes_of(given.astype(object), classes)
