"""One way to ask for an explanation of texts, whatever the method."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from assay.core.errors import unknown
from assay.core.house import Progress
from assay.explain.texts.attribution import TextAttributions

Method = Literal["partition-shap", "lime", "integrated-gradients"]
METHODS = ("partition-shap", "lime", "integrated-gradients")
LEVELS = ("token", "sentence")


def explain(
    model: Any,
    texts: Sequence[str],
    /,
    *,
    method: Method = "partition-shap",
    level: Literal["token", "sentence"] = "token",
    output: str | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    **settings: Any,
) -> TextAttributions:
    """What each token or sentence of each text added to the model's answer, by one of three methods.

    `model` is a Model that takes a list of texts, a function of one, or a fitted estimator whose `predict_proba` takes
    texts. `output` names the class that is explained (the last one). `settings` are those of the method: see `explain`
    in `texts.partition`, `local.lime_text` and `texts.integrated` (a transformer; nothing random, so no seed).
    """
    if level not in LEVELS:
        raise unknown("level of a text", level, LEVELS)
    asked = _model(model)
    shared: dict[str, Any] = {"output": output, "unit": level, "progress": progress, **settings}
    if method == "partition-shap":
        from assay.explain.texts import partition

        return partition.explain(asked, texts, seed=seed, **shared)
    if method == "lime":
        from assay.explain.local import lime_text

        return lime_text.explain(asked, texts, seed=seed, **shared)
    if method == "integrated-gradients":
        from assay.explain.texts import integrated

        return integrated.explain(asked, texts, **shared)
    raise unknown("method for texts", method, METHODS, code="method")


def _model(model: Any) -> Any:
    """An estimator as a Model; what is one, and a function, as it is."""
    if hasattr(model, "scores") or not callable(getattr(model, "predict", None)):
        return model
    from assay.models import wrap

    return wrap(model)
