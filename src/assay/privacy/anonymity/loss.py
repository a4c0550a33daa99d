"""What a table lost by being made coarser."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from assay.privacy.anonymity.measures.classes import combined
from assay.privacy.anonymity.search.recoded import Recoded


@dataclass(frozen=True, slots=True)
class InformationLoss:
    """0 is nothing lost; rows left out have lost everything.

    `generalized` is the mean over cells of the generalised loss (Iyengar 2002, KDD), from 0 to 1. `discernibility` is
    the sum over rows of the rows they cannot be told from: of the squared class sizes, and all rows for one left out
    (Bayardo & Agrawal 2005, ICDE). `class_size` is the mean class size over k (LeFevre et al. 2006). `entropy_bits` is
    the mean over cells of log2 of 1 over the share of the original value among those its group covers (non-uniform
    entropy, Gionis & Tassa 2009, TKDE), `entropy` the same over what one value for all would lose, from 0 to 1.
    """

    generalized: float
    discernibility: float
    class_size: float
    entropy_bits: float
    entropy: float

    def to_json(self) -> dict[str, Any]:
        """The losses as JSON types."""
        return asdict(self)


def information_loss(recoded: Recoded, /, *, k: int) -> InformationLoss:
    """The InformationLoss of a recoded table, all rows of the original counted."""
    rows = len(recoded.columns[0].column.codes)
    kept, gone = len(recoded.kept), rows - len(recoded.kept)
    classes = combined([(found.groups, len(found.texts)) for found in recoded.columns], kept)
    cells = rows * len(recoded.columns)
    lost = sum(float(found.loss[found.groups].sum()) for found in recoded.columns) + gone * len(recoded.columns)
    bits = most = 0.0
    for found in recoded.columns:
        own = found.column.rows[found.column.codes]
        whole = np.log2(rows / own)
        covered = found.rows[found.groups] / own[recoded.kept]
        bits += float(np.log2(covered).sum()) + float(whole.sum() - whole[recoded.kept].sum())
        most += float(whole.sum())
    squares = float((classes.sizes.astype(np.float64) ** 2).sum()) + float(gone) * rows
    size = kept / len(classes.sizes) / k
    return InformationLoss(lost / cells, squares, size, max(bits, 0.0) / cells, max(bits, 0.0) / most if most else 0.0)
