"""What a private training promises: a plan of what it does, and the epsilon that accountants find for it."""

from assay.privacy.accounting.accountants import Accountant, epsilon
from assay.privacy.accounting.calibration import noise_for
from assay.privacy.accounting.charge import amount, charge, event
from assay.privacy.accounting.plan import ROW, NoiseSource, Plan, Sampling
from assay.privacy.accounting.releases import Composed, Releases, composed
from assay.privacy.accounting.statement import Statement, statement
from assay.privacy.loss.adjacency import Adjacency

__all__ = [
    "ROW",
    "Accountant",
    "Adjacency",
    "Composed",
    "NoiseSource",
    "Plan",
    "Releases",
    "Sampling",
    "Statement",
    "amount",
    "charge",
    "composed",
    "epsilon",
    "event",
    "noise_for",
    "statement",
]
