"""How many values of a sensitive attribute each class holds: l-diversity in its three forms."""

from __future__ import annotations

import numpy as np

from assay.privacy.anonymity.measures.within import Within
from assay.privacy.anonymity.table import Codes, Floats


def distinct(found: Within, /) -> Codes:
    """(classes,) distinct values of each class.

    A table is distinct l-diverse where no class has fewer than l (Machanavajjhala et al. 2007, ACM TKDD 1:3). A missing
    value is a value.
    """
    return np.bincount(found.of, minlength=len(found.sizes)).astype(np.int64)


def entropy(found: Within, /) -> Floats:
    """(classes,) exp(entropy) of each class, in natural units: the number of equally frequent values it is worth.

    A table is entropy l-diverse where no class is below l (ibid., definition 4.1).
    """
    shares = found.shares
    bits = np.bincount(found.of, weights=-shares * np.log(shares), minlength=len(found.sizes))
    return np.asarray(np.exp(bits), dtype=np.float64)


def recursive(found: Within, l: int, /) -> Floats:  # noqa: E741 - the field's name
    """(classes,) r_1 / (r_l + ... + r_m), the frequencies r of a class in falling order; infinity below l values.

    A table is recursive (c, l)-diverse for every c above the largest (ibid., definition 4.2: r_1 < c(r_l + ... + r_m)).
    """
    order = np.lexsort((-found.count, found.of))
    of, count = found.of[order], found.count[order]
    each = distinct(found)
    first = np.cumsum(each) - each
    rank = np.arange(len(of)) - first[of]
    tail = np.bincount(of, weights=np.where(rank >= l - 1, count, 0), minlength=len(each))
    top = count[first].astype(np.float64)
    return np.asarray(np.divide(top, tail, out=np.full(len(each), np.inf), where=tail > 0), dtype=np.float64)
