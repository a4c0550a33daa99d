"""The Python face: explanations of a Case's model in one call each.

    from assay import explain

    explain.shap(case, [17]).as_list()
    explain.counterfactuals(case, [17], immutable=["age", "sex"])

`rows` are places in the data (from 0), a frame or Arrow table of the model's columns, or, where nothing is given, a
random sample. What each function takes beyond that is said where it is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from assay.core.house import Progress

if TYPE_CHECKING:
    from assay.data.case import Case
    from assay.explain.attribution import Attributions
    from assay.explain.local.anchors import Anchor
    from assay.explain.overall.effects.accumulated import Accumulated
    from assay.explain.overall.effects.dependence import Dependence
    from assay.explain.overall.importance import Importance
    from assay.explain.question import Question
    from assay.explain.recourse.counterfactual import Recourse
    from assay.explain.texts.attribution import TextAttributions
    from assay.explain.words.paragraph import Paragraph
    from assay.models.trainers import Trainer

Rows = int | Sequence[int] | Any | None
LIME_BACKGROUND = 5000
RECOURSE_BACKGROUND = 2000


def shap(
    case: Case,
    rows: Rows = None,
    /,
    *,
    method: str = "auto",
    scale: str | None = None,
    output: str | None = None,
    background: int = 200,
    limit: int = 1000,
    seed: int = 0,
    progress: Progress | None = None,
    **settings: Any,
) -> Attributions:
    """SHAP values of rows of a Case; `.to_shap()` makes of them what the plots of shap take.

    See `assay.explain.shapley.explain.explain` for `method`, `scale` and further settings. `output` names the class
    (the favourable one), `background` how many rows absent columns are taken from, `limit` how many rows are explained
    where none are named.
    """
    from assay.explain.shapley.explain import explain

    asked = _question(case, rows, output=output, background=background, limit=limit, seed=seed)
    return explain(asked, method=method, scale=scale, progress=progress, **settings)


def lime(
    case: Case,
    rows: Rows = None,
    /,
    *,
    output: str | None = None,
    background: int = LIME_BACKGROUND,
    limit: int = 100,
    seed: int = 0,
    progress: Progress | None = None,
    **settings: Any,
) -> Attributions:
    """LIME of rows of a Case; see `assay.explain.local.tabular.lime` for the settings."""
    from assay.explain.local.tabular import lime as local

    asked = _question(case, rows, output=output, background=background, limit=limit, seed=seed)
    return local(asked, progress=progress, **settings)


def gradients(
    case: Case,
    rows: Rows = None,
    /,
    *,
    method: str = "integrated-gradients",
    output: str | None = None,
    background: int = 200,
    limit: int = 1000,
    seed: int = 0,
    progress: Progress | None = None,
    **settings: Any,
) -> Attributions:
    """Attributions of rows of a torch network: integrated-gradients, smooth-grad, gradient-shap or occlusion.

    See `assay.explain.deep.rows.explain`; for images and series `assay.explain.deep.tensors.explain`.
    """
    from assay.explain.deep.rows import explain

    asked = _question(case, rows, output=output, background=background, limit=limit, seed=seed)
    return explain(asked, method=method, progress=progress, **settings)


def anchors(
    case: Case,
    rows: Rows,
    /,
    *,
    background: int = RECOURSE_BACKGROUND,
    seed: int = 0,
    progress: Progress | None = None,
    **settings: Any,
) -> tuple[Anchor, ...]:
    """For each row a rule under which the decision nearly always stays; see `assay.explain.local.anchors.anchors`."""
    from assay.explain.local.anchors import anchors as rules

    return rules(_question(case, rows, background=background, seed=seed), progress=progress, **settings)


def counterfactuals(
    case: Case,
    rows: Rows,
    /,
    *,
    count: int = 4,
    target: str | Sequence[float | None] | None = None,
    plausible: bool = False,
    robust: bool = False,
    trainer: Trainer | None = None,
    background: int = RECOURSE_BACKGROUND,
    seed: int = 0,
    progress: Progress | None = None,
    **constraints: Any,
) -> Recourse:
    """Up to `count` changes of each row that turn its decision, within the constraints, the cheapest first.

    `constraints` are those of `assay.explain.recourse.constraints.Constraints.parse`: immutable=["age", "sex"],
    one_way={"age": "up"}, ranges={"hours": (0, 60)}, rules=["income >= rent"], costs={"job": 3}. Protected attributes
    that the model is fed cannot change. `target`: a class, or (low, high) of a regression. `robust` looks for changes
    on which at least 90 % of 20 retrained models agree (see `retraining.retrained_models`); so does `trainer`, which
    retrains models that cannot be retrained by themselves.
    """
    from assay.explain.recourse.retraining import retrained_models
    from assay.explain.recourse.search import counterfactuals as search

    asked = _question(case, rows, background=background, seed=seed)
    retrained = retrained_models(case, trainer=trainer, seed=seed, progress=progress) if robust or trainer else None
    return search(
        asked,
        constraints=_constraints(case, asked, constraints),
        count=count,
        target=target,
        plausible=plausible,
        retrained=retrained,
        robust=robust,
        progress=progress,
    )


def cheapest_counterfactuals(
    case: Case,
    rows: Rows,
    /,
    *,
    target: str | Sequence[float | None] | None = None,
    seconds: float = 60.0,
    background: int = RECOURSE_BACKGROUND,
    seed: int = 0,
    progress: Progress | None = None,
    **constraints: Any,
) -> Recourse:
    """For each row the change of least cost, proven, or the proof that there is none; linear models and trees.

    See `assay.explain.recourse.exact.search.optimal`; constraints as in `counterfactuals`. At most `seconds` a row.
    """
    from assay.explain.recourse.exact.search import optimal

    asked = _question(case, rows, background=background, seed=seed)
    within = _constraints(case, asked, constraints)
    return optimal(asked, constraints=within, target=target, seconds=seconds, progress=progress)


def importance(case: Case, /, **settings: Any) -> Importance:
    """How much worse the model is without each column; see `assay.explain.overall.importance.importance`."""
    from assay.explain.overall.importance import importance as permuted

    return permuted(case, **settings)


def partial_dependence(case: Case, column: str, /, **settings: Any) -> Dependence:
    """The mean answer with a column set to each value; see `assay.explain.overall.effects.dependence`."""
    from assay.explain.overall.effects.dependence import partial_dependence as dependence

    return dependence(case, column, **settings)


def ale(case: Case, column: str, /, **settings: Any) -> Accumulated:
    """Accumulated local effects of a column; see `assay.explain.overall.effects.accumulated`."""
    from assay.explain.overall.effects.accumulated import ale as accumulated

    return accumulated(case, column, **settings)


def text(
    model: Any,
    texts: str | Sequence[str],
    /,
    *,
    method: Literal["partition-shap", "lime", "integrated-gradients"] = "partition-shap",
    seed: int = 0,
    **settings: Any,
) -> TextAttributions:
    """What each word or sentence added to a model's answer for texts; see `assay.explain.texts.explain.explain`."""
    from assay.explain.texts.explain import explain

    return explain(model, [texts] if isinstance(texts, str) else list(texts), method=method, seed=seed, **settings)


def paragraphs(
    case: Case,
    rows: Rows,
    /,
    *,
    audience: Literal["customer", "analyst", "regulator"] = "customer",
    words: Mapping[str, Any] | None = None,
    method: str = "auto",
    background: int = 200,
    seed: int = 0,
    language: str = "en",
) -> tuple[Paragraph, ...]:
    """One paragraph for the decision on each row, for an audience; see `assay.explain.words.paragraph.paragraphs`.

    `words` are your names for columns ("labels"), their "units", "categories" and "classes".
    """
    from assay.explain.shapley.explain import explain
    from assay.explain.words.paragraph import paragraphs as written
    from assay.explain.words.vocabulary import Vocabulary

    asked = _question(case, rows, background=background, seed=seed)
    vocabulary = Vocabulary.parse(words or {})
    found = explain(asked, method=method)
    return written(
        asked,
        found,
        audience=audience,
        vocabulary=vocabulary,
        protected=case.roles.protected,
        data=case.name,
        language=language,
    )


def _question(case: Case, rows: Rows, /, **settings: Any) -> Question:
    from assay.explain.question import question

    return question(case, rows, **settings)


def _constraints(case: Case, asked: Question, given: dict[str, Any]) -> Any:
    """What the caller wrote, and that protected attributes do not change."""
    from dataclasses import replace

    from assay.explain.recourse.constraints import Constraints

    parsed = Constraints.parse(given)
    fixed = [name for name in case.roles.protected if name in asked.columns.names]
    return replace(parsed, immutable=tuple(dict.fromkeys([*parsed.immutable, *fixed])))
