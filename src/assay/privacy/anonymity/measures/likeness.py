"""How much a class tells about a sensitive value beyond what the whole table tells."""

from __future__ import annotations

import numpy as np

from assay.privacy.anonymity.measures.within import Within


def alpha(found: Within, /) -> float:
    """The largest share of one value in one class: the alpha of (alpha, k)-anonymity.

    Wong, Li, Fu & Wang 2006 (KDD), definition 2.
    """
    return float(found.shares.max())


def delta_disclosure(found: Within, /) -> float:
    """The largest |ln(p/q)| of a value in a class (p) and in the table (q), over the values that the class has.

    Brickell & Shmatikov 2008 (KDD), definition 4, asks for less than delta of every value of the table in every class;
    a value that a class lacks has no finite ratio and is left out, as elsewhere in practice.
    """
    return float(np.abs(np.log(found.shares / found.usual)).max())


def beta_likeness(found: Within, /) -> float:
    """The largest relative gain (p - q)/q of a value that is more frequent in a class than in the table; 0 without.

    Cao & Karras 2012 (PVLDB 5:11), basic beta-likeness.
    """
    return float(np.maximum(found.shares / found.usual - 1, 0.0).max())


def enhanced_beta_likeness(found: Within, /) -> float | None:
    """The smallest beta for which every gain is at most min(beta, -ln q); None where some gain is above -ln q.

    Ibid., enhanced beta-likeness: the second bound keeps frequent values from becoming certain, whatever beta is.
    """
    gains = np.maximum(found.shares / found.usual - 1, 0.0)
    if (gains > -np.log(found.usual) + 1e-12).any():
        return None
    return float(gains.max())
