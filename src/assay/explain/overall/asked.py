"""A Question, from a Question or a Case."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from assay.explain.question import Question, question

if TYPE_CHECKING:
    from assay.data.case import Case


def asked(about: Question | Case, /, *, limit: int, seed: int) -> Question:
    """The Question about at most `limit` rows: a sample of the Case's, or of those that are asked about already."""
    if not isinstance(about, Question):
        return question(about, limit=limit, seed=seed)
    if len(about.rows) <= limit:
        return about
    kept = np.sort(np.random.default_rng(seed).choice(len(about.rows), limit, replace=False))
    return about.of(about.rows[kept])
