"""How likely a person in the table is found again by one who knows the quasi-identifiers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.privacy.anonymity.measures.classes import Classes


@dataclass(frozen=True, slots=True)
class RecordRisk:
    """Chances of a right match; a class of f rows is guessed right once in f.

    `prosecutor_*`: the attacker knows that the person is in the table. `highest` is 1 over the smallest class,
    `average` the mean over the rows, `share_above` the share of rows whose risk is above `threshold`. `marketer`: the
    expected share of all rows matched right by one who matches every row (El Emam & Dankar 2008, JAMIA 15:627; El Emam
    2010); without a population it is the average prosecutor risk.
    """

    prosecutor_highest: float
    prosecutor_average: float
    share_above: float
    threshold: float
    marketer: float


def record_risk(classes: Classes, /, *, threshold: float = 0.2) -> RecordRisk:
    """The RecordRisk of the rows of `classes`."""
    rows = int(classes.sizes.sum())
    average = len(classes.sizes) / rows
    above = int(classes.sizes[1.0 / classes.sizes > threshold + 1e-12].sum())
    return RecordRisk(float(1.0 / np.min(classes.sizes)), average, above / rows, threshold, average)
