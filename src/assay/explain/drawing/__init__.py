"""Explanations as pictures that can be read in grey and by the colour-blind, and as tables for a terminal."""

from assay.explain.drawing.beeswarm import beeswarm
from assay.explain.drawing.dependence import dependence
from assay.explain.drawing.effects import effects
from assay.explain.drawing.force import force
from assay.explain.drawing.notebook import notebook
from assay.explain.drawing.recourse import recourse
from assay.explain.drawing.terminal import terminal
from assay.explain.drawing.tokens import tokens
from assay.explain.drawing.waterfall import waterfall

__all__ = [
    "beeswarm",
    "dependence",
    "effects",
    "force",
    "notebook",
    "recourse",
    "terminal",
    "tokens",
    "waterfall",
]
