"""Boxes of options over trees: bounded by their best leaves, branched until the cheapest row is proven."""

from assay.explain.recourse.exact.boxes.branching import EQUAL, TOGETHER, Branching, Found, Tried
from assay.explain.recourse.exact.boxes.field import Boxes, Field, field_of

__all__ = ["EQUAL", "TOGETHER", "Boxes", "Branching", "Field", "Found", "Tried", "field_of"]
