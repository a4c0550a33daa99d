"""What a column does to the model's answer: partial dependence, individual curves, accumulated local effects."""

from assay.explain.overall.effects.accumulated import ale
from assay.explain.overall.effects.dependence import partial_dependence
from assay.explain.overall.effects.surface import ale_surface, partial_dependence_surface

__all__ = ["ale", "ale_surface", "partial_dependence", "partial_dependence_surface"]
