"""How far groups lie apart: the widest gap, the widest ratio, the spread and the omnibus test."""

from assay.stats.gaps.means import widest_gap_of_means
from assay.stats.gaps.pairs import Gap
from assay.stats.gaps.proportions import widest_gap
from assay.stats.gaps.ratios import Ratio, widest_ratio
from assay.stats.gaps.spread import Spread, omnibus, spread, spread_of_means

__all__ = [
    "Gap",
    "Ratio",
    "Spread",
    "omnibus",
    "spread",
    "spread_of_means",
    "widest_gap",
    "widest_gap_of_means",
    "widest_ratio",
]
