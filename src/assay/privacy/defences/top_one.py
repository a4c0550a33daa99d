"""Only the label is shown."""

from __future__ import annotations

from assay.core.part import part
from assay.core.subject import Model
from assay.privacy.inference.guarded import KIND, Guarded, Undefended


@part(
    "top-one",
    kind=KIND,
    title="Only the most probable class is shown, without its probability",
    statement="Attacks that need probabilities cannot be made; those on labels stay as they are. "
    "Source: Shokri et al. (2017), IEEE S&P, section VIII-A",
)
def top_one(model: Undefended, /) -> Model:
    """The labels of the model, without probabilities."""
    return Guarded(model.model, None, how="labels only")
