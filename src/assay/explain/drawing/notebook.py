"""Attributions as a notebook shows them."""

from __future__ import annotations

import numpy as np

from assay.explain.attribution import Attributions
from assay.explain.drawing.beeswarm import beeswarm
from assay.explain.drawing.terms import decimals_for, on_scale
from assay.explain.drawing.waterfall import waterfall
from assay.pictures.wording import escaped, number_text

ROWS = 20


def notebook(found: Attributions, /) -> str:
    """HTML: the waterfall of one row; the beeswarm of many, and a table of their mean size. Nothing for no rows.

    Pictures are images, so that nothing in them runs, and every text of the table is escaped.
    """
    if not len(found) or not len(found.columns):
        return f"<p>{escaped(found.method, longest=80)}: no rows were explained.</p>"
    if len(found) == 1:
        return waterfall(found, 0).html()
    return beeswarm(found).html() + _table(found)


def _table(found: Attributions) -> str:
    size, mean = found.importance(), found.values.mean(axis=0)
    order = np.argsort(-size, kind="stable")
    decimals = decimals_for(size)
    lines = "".join(
        f"<tr><td>{escaped(found.columns.names[i], longest=80)}</td>"
        f"<td>{number_text(float(size[i]), decimals=decimals)}</td>"
        f"<td>{number_text(float(mean[i]), decimals=decimals)}</td></tr>"
        for i in order[:ROWS]
    )
    left = f" The first {ROWS} of {len(order)} columns." if len(order) > ROWS else ""
    said = escaped(on_scale(found.target, found.scale), longest=80)
    return (
        f"<table><caption>What each column added to {said}, {len(found):,} rows.{left}</caption>"
        f"<thead><tr><th>column</th><th>mean size</th><th>mean</th></tr></thead><tbody>{lines}</tbody></table>"
    )
