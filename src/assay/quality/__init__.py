"""How good the model's answers are, how far its scores can be believed, and what is wrong with its data."""

from __future__ import annotations

from assay.core.part import Area

area = Area(
    name="quality",
    title="Performance, calibration and data quality",
    catalogues=("assay.quality.checks",),
    commands={},
)
