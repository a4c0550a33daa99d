"""LIME for rows of a table: perturbed, predicted and solved together.

What the numbers mean. Discretised, numbers are cut at quantiles of the background, and a column is "as in this row"
(the same bin or category) or not: its value is what being so adds, and `base` the local model's answer where no column
is as in the row. Not discretised, numbers are standardised: the value is the slope times the row's distance from the
background's mean in standard deviations, and `base` the local model's answer at that mean, with every category another
one. Either way base + values is the local model's answer for the row, `outputs` the model's own, and `residual` the
difference: `additive` is False, for nothing forces it to 0.

When not to use it. Columns are drawn independently of each other, which makes rows that do not exist; a model may
behave differently there (Slack et al. 2020), and correlated columns share their effect by chance.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from assay.core.errors import AssayError, unknown
from assay.core.house import Progress
from assay.explain.attribution import Attributions
from assay.explain.columns import Floats
from assay.explain.local.fit import LocalModels, Neighbours, Selection, fit
from assay.explain.local.kernel import exponential
from assay.explain.local.neighbourhood import (
    Around,
    Drawn,
    Neighbourhood,
    draw_bins,
    draw_numbers,
    neighbourhood,
    normal_within_bins,
)
from assay.explain.local.stability import rank_agreement, top_overlap
from assay.explain.question import Question
from assay.explain.target import BATCH, Target
from assay.models.coded_texts import spelled

if TYPE_CHECKING:
    import pyarrow as pa

Within = Literal["normal", "data"]

REPEATS = 5
"""Independent sets that the samples of a row are made of, among which its stability is measured."""
METHOD = "lime"


@dataclass(frozen=True, slots=True)
class Settings:
    """How a neighbourhood is drawn and fitted; see `lime`."""

    samples: int
    discretize: bool
    bins: int
    within: Within
    around: Around
    kernel_width: float
    features: int | None
    select: Selection
    ridge: float
    seed: int

    def __post_init__(self) -> None:
        if self.samples < 4 * REPEATS:
            raise AssayError(
                f"{self.samples} samples are too few for a local model.", code="samples", hint="5000 are usual."
            )
        if not self.ridge >= 0:
            raise AssayError("The ridge is a number from 0.", code="ridge", hint="1 is usual; 0 is least squares.")
        if self.features is not None and self.features < 1:
            raise AssayError("An explanation needs a column.", code="features", hint="Give features= from 1, or none.")
        if self.select not in ("highest-weights", "forward"):
            raise unknown("selection", self.select, ("highest-weights", "forward"))
        if self.within not in ("normal", "data"):
            raise unknown("way to draw within a bin", self.within, ("normal", "data"))
        if self.around not in ("data", "instance"):
            raise unknown("place to draw around", self.around, ("data", "instance"))


def lime(
    question: Question,
    /,
    *,
    samples: int = 5000,
    discretize: bool = True,
    bins: int = 4,
    within: Within = "normal",
    around: Around = "data",
    kernel_width: float | None = None,
    features: int | None = None,
    select: Selection = "highest-weights",
    ridge: float = 1.0,
    seed: int | None = None,
    progress: Progress | None = None,
) -> Attributions:
    """What each column adds to a linear model that is fitted to the answers around each row; see the module.

    `discretize`: into `bins` quantile bins, `within` which numbers are drawn from a normal cut to the bin, as `lime`
    does, or are those of the "data" (never a value that nobody has); else numbers are drawn `around` the background's
    mean ("data") or the row ("instance"). `samples` a row, rounded up to a multiple of REPEATS; the model is asked for
    one more, in batches of up to 65,536. `kernel_width`: 0.75·√columns. `features` keeps so many columns (None: all),
    chosen by `select`. `ridge` as in `lime`; 0 is least squares. `seed` (the question's) and the content of a row make
    its random numbers: a row has one explanation, alone or in any batch. `errors` are Monte-Carlo standard errors
    (sandwich, see `fit`).

    `facts`: "weighted_r_squared" of the fit; "stability", the mean rank correlation of the absolute values among
    REPEATS sets of samples/REPEATS each, which costs no call of the model and is lower than that of whole repeats
    (`repeat`); "top_overlap" of the same sets; "effective_samples" under the kernel. The bins follow the background:
    give the question some thousand rows of it.
    Source: Ribeiro, Singh & Guestrin (2016), "Why should I trust you?", KDD, algorithm 1.
    """
    chosen = Settings(
        samples=-(-samples // REPEATS) * REPEATS,
        discretize=discretize,
        bins=bins,
        within=within,
        around=around,
        kernel_width=0.75 * len(question.columns) ** 0.5 if kernel_width is None else kernel_width,
        features=features,
        select=select,
        ridge=ridge,
        seed=question.seed if seed is None else seed,
    )
    near = neighbourhood(question.columns, question.background, bins=bins)
    if discretize and within == "normal":
        near = normal_within_bins(near)
    return _attributions(question, chosen, _all(question, near, chosen, progress))


def conditions(question: Question, /, *, bins: int = 4) -> tuple[tuple[str, ...], ...]:
    """For each row and column what "as in this row" means in a discretised explanation: "28 < age <= 37"."""
    near = neighbourhood(question.columns, question.background, bins=bins)
    return tuple(tuple(near.condition(j, float(value)) for j, value in enumerate(row)) for row in question.rows)


def repeat(question: Question, /, *, seeds: int = 5, **settings: object) -> Floats:
    """(seeds, rows, columns) values of `lime` under different seeds; costs `seeds` times the samples of one.

    `stability.rank_agreement` and `stability.top_overlap` take them as (rows, seeds, columns).
    """
    start = settings.pop("seed", None)
    first = question.seed if start is None else int(str(start))
    made = [lime(question, seed=first + i, **settings).values for i in range(seeds)]  # type: ignore[arg-type]
    return np.stack(made)


@dataclass(frozen=True, eq=False)
class _Block:
    models: LocalModels
    here: Floats
    outputs: Floats


def _all(question: Question, near: Neighbourhood, chosen: Settings, progress: Progress | None) -> list[_Block]:
    """The local models of all rows, about as many rows at once as fill one batch of the model.

    While the model answers for some rows, a thread beside it draws the next ones and fits the last.
    """
    rows = question.rows
    blocks = np.array_split(rows, -(-len(rows) // max(1, BATCH // (chosen.samples + 1))))
    if progress is not None:
        progress.started(METHOD, total=len(rows))
    fits, done = [], 0
    with ThreadPoolExecutor(1) as beside:
        following = beside.submit(_draw, near, blocks[0], chosen)
        for i, block in enumerate(blocks):
            drawn = following.result()
            if i + 1 < len(blocks):
                following = beside.submit(_draw, near, blocks[i + 1], chosen)
            fits.append(beside.submit(_fitted, drawn, _answers(question.target, drawn.table), chosen))
            done += len(block)
            if progress is not None:
                progress.advanced(METHOD, done=done)
        made = [fit.result() for fit in fits]
    if progress is not None:
        progress.ended(METHOD)
    return made


def _fitted(drawn: Drawn, answers: Floats, chosen: Settings) -> _Block:
    rows = len(drawn.here)
    weights = exponential(drawn.squared, width=chosen.kernel_width)
    near = Neighbours(drawn.design, answers[:-rows].reshape(weights.shape), weights, drawn.here)
    return _Block(
        fit(near, ridge=chosen.ridge, keep=chosen.features, select=chosen.select), drawn.here, answers[-rows:]
    )


def _answers(target: Target, table: pa.Table) -> Floats:
    if not getattr(target.model, "takes_coded_texts", False):
        table = spelled(table)
    parts = [target.of_table(table.slice(start, BATCH)) for start in range(0, table.num_rows, BATCH)]
    return np.concatenate(parts)


def _draw(near: Neighbourhood, rows: Floats, chosen: Settings) -> Drawn:
    each = chosen.samples // REPEATS
    if chosen.discretize:
        return draw_bins(near, rows, samples=each, repeats=REPEATS, seed=chosen.seed)
    return draw_numbers(near, rows, samples=each, repeats=REPEATS, seed=chosen.seed, around=chosen.around)


def _attributions(question: Question, chosen: Settings, blocks: list[_Block]) -> Attributions:
    models = [block.models for block in blocks]
    here = np.concatenate([block.here for block in blocks])
    repeated = np.concatenate([found.repeated for found in models]) * here[:, None, :]
    return Attributions(
        METHOD,
        question.columns,
        question.rows,
        np.concatenate([found.coefficients for found in models]) * here,
        np.concatenate([found.intercept for found in models]),
        np.concatenate([block.outputs for block in blocks]),
        target=question.target.name,
        scale=question.target.scale,
        origin=question.origin,
        places=question.places,
        errors=np.concatenate([found.errors for found in models]) * np.abs(here),
        additive=False,
        facts={
            "weighted_r_squared": np.concatenate([found.r_squared for found in models]),
            "stability": rank_agreement(repeated),
            "top_overlap": top_overlap(repeated),
            "effective_samples": np.concatenate([found.effective for found in models]),
        },
        settings=asdict(chosen),
    )
