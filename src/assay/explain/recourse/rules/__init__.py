"""Rules between columns: read from text, evaluated on all rows at once."""

from assay.explain.recourse.rules.expressions import Values
from assay.explain.recourse.rules.rule import Inequality, Rule

__all__ = ["Inequality", "Rule", "Values"]
