"""Rows of a table explained by the gradients of a torch network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.core.errors import AssayError, unknown
from assay.core.house import Progress
from assay.explain.attribution import Attributions
from assay.explain.columns import Floats
from assay.explain.deep.methods import integrated, occlusion, sampled
from assay.explain.deep.network import Network, network_of
from assay.explain.deep.result import Found
from assay.explain.question import Question
from assay.explain.target import Scale

BASELINES = ("mean", "zeros")
Baseline = str | Sequence[float]


@dataclass(frozen=True, eq=False)
class Fed:
    """What a network is fed for a Question: `inputs` and `background` (rows, features) in the order of its features.

    `places` says for each feature which column of the Question it is.
    """

    network: Network
    inputs: Floats
    background: Floats
    places: tuple[int, ...]

    def baseline(self, named: Baseline, origin: str, /) -> Start:
        """The row that others are compared with: "mean" of the background, "zeros", or a number for each column."""
        if named == "mean":
            return Start(self.background.mean(axis=0), f"the mean of {origin}")
        if named == "zeros":
            return Start(np.zeros(len(self.places)), "zeros")
        if isinstance(named, str):
            raise unknown("baseline", named, BASELINES, code="baseline")
        given = np.asarray(named, dtype=np.float64)
        if given.ndim != 1 or len(given) <= max(self.places) or not np.isfinite(given).all():
            raise AssayError(
                f"A baseline of shape {given.shape} is no row of {len(self.places)} columns.",
                code="baseline",
                hint="Give one finite number for each column, in the order of the columns; or 'mean' or 'zeros'.",
            )
        return Start(given[list(self.places)], "a given row")


@dataclass(frozen=True, eq=False)
class Start:
    """A baseline `row` (features,), and what it is, in words."""

    row: Floats
    origin: str


def fed(question: Question, /, *, scale: Scale | None = None) -> Fed:
    """What the network of a Question is fed, as its adapter would feed it; missing values are refused.

    Raises AssayError where the model is no torch network in this process, or a column is no number.
    """
    from assay.models.inputs import matrix, select

    model: Any = question.target.model
    network = network_of(model, output=question.target.output, scale=scale)
    columns = question.columns
    inputs, background = (
        matrix(select(columns.decode(rows), model.features)) for rows in (question.rows, question.background)
    )
    if np.isnan(inputs).any() or np.isnan(background).any():
        raise AssayError(
            "Some rows have missing values, which a network cannot be asked about.",
            code="missing",
            hint="Fill them before they reach the network.",
        )
    return Fed(network, inputs, background, tuple(columns.places(model.features or columns.names)))


def integrated_gradients(
    question: Question,
    /,
    *,
    baseline: Baseline = "mean",
    scale: Scale | None = None,
    precision: integrated.Precision | None = None,
    progress: Progress | None = None,
) -> Attributions:
    """Integrated gradients of the rows against one baseline row; see `methods.integrated.integrate`."""
    asked = fed(question, scale=scale)
    start = asked.baseline(baseline, question.origin)
    found = integrated.integrated_gradients(
        asked.network, asked.inputs, start.row, precision=precision or integrated.Precision(), progress=progress
    )
    return _attributions(question, asked, found, start.origin)


def smooth_grad(
    question: Question,
    /,
    *,
    noise: float = 0.15,
    samples: int = 100,
    meaning: sampled.Meaning = "added",
    baseline: Baseline = "mean",
    scale: Scale | None = None,
    progress: Progress | None = None,
) -> Attributions:
    """Gradients averaged over noise of `noise` standard deviations of each column; see `methods.sampled.smooth_grad`.

    The standard deviations are those of the background. With `meaning` "slopes" the values have the unit of the target
    by that of their column, and cannot be compared between columns.
    """
    if not noise > 0:
        raise AssayError("Noise must be above 0.", code="noise", hint="It is a share of the standard deviation.")
    asked = fed(question, scale=scale)
    start = asked.baseline(baseline, question.origin)
    deviations = noise * asked.background.std(axis=0)
    if meaning not in ("added", "slopes"):
        raise unknown("meaning", meaning, ("added", "slopes"))
    found = sampled.smooth_grad(
        asked.network,
        asked.inputs,
        start.row,
        deviations,
        samples=samples,
        seed=question.seed,
        meaning=meaning,
        progress=progress,
    )
    return _attributions(question, asked, found, start.origin, noise=noise)


def gradient_shap(
    question: Question,
    /,
    *,
    samples: int = 500,
    scale: Scale | None = None,
    progress: Progress | None = None,
) -> Attributions:
    """Expected gradients over the background, with Monte-Carlo errors; see `methods.sampled.gradient_shap`."""
    asked = fed(question, scale=scale)
    found = sampled.gradient_shap(
        asked.network, asked.inputs, asked.background, samples=samples, seed=question.seed, progress=progress
    )
    return _attributions(question, asked, found, question.origin)


def occluded(
    question: Question,
    /,
    *,
    baseline: Baseline = "mean",
    scale: Scale | None = None,
    progress: Progress | None = None,
) -> Attributions:
    """Output − output with each column alone at the baseline; see `methods.occlusion.occlusion`."""
    asked = fed(question, scale=scale)
    start = asked.baseline(baseline, question.origin)
    found = occlusion.occlusion(asked.network, asked.inputs, start.row, window=(1,), stride=(1,), progress=progress)
    return _attributions(question, asked, found, start.origin)


METHODS: dict[str, Callable[..., Attributions]] = {
    integrated.METHOD: integrated_gradients,
    "smooth-grad": smooth_grad,
    "gradient-shap": gradient_shap,
    occlusion.METHOD: occluded,
}


def explain(question: Question, /, *, method: str = integrated.METHOD, **settings: Any) -> Attributions:
    """The Attributions of a Question by the method called `method`, with its settings."""
    if method not in METHODS:
        raise unknown("method", method, METHODS, code="method")
    return METHODS[method](question, **settings)


def _attributions(question: Question, asked: Fed, found: Found, origin: str, **settings: Any) -> Attributions:
    """With a value for each column of the Question: 0 for one that the network does not read."""

    def spread(values: Floats) -> Floats:
        out = np.zeros(question.rows.shape)
        out[:, list(asked.places)] = values
        return out

    return Attributions(
        found.method,
        question.columns,
        question.rows,
        spread(found.values),
        found.base,
        found.outputs,
        target=asked.network.target,
        scale=asked.network.scale,
        origin=origin,
        places=question.places,
        errors=None if found.errors is None else spread(found.errors),
        additive=found.additive,
        tolerance=found.tolerance,
        facts=found.facts,
        settings={**found.settings, **settings},
    )
