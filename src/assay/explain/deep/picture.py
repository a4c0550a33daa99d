"""The values of an image as a heat map."""

from __future__ import annotations

import numpy as np

from assay.explain.columns import Floats
from assay.explain.deep.result import TensorAttributions
from assay.pictures import Chart, Picture

WIDTH, FRAME = 440, 120
"""Of the cells, and of what is around them."""
CELLS = 48
"""Cells along the longer side of a heat map."""


def heat_picture(found: TensorAttributions, row: int = 0, /) -> Picture:
    """A Picture of what each part of an image added, summed over channels, and over blocks where it is large.

    Shaded by distance from zero, with signs told apart; sums over blocks keep the total. SVG or PNG: `Picture.write`.
    """
    values = found.heat(row)
    block = max(1, -(-max(values.shape) // CELLS))
    cells = in_blocks(values, block)
    shown = f"{found.method} of {found.target}"
    told = f"from {found.base[row]:.3g} ({found.origin}) to {found.outputs[row]:.3g} on the scale {found.scale}"
    small = f"; a cell is {block} × {block} pixels" if block > 1 else ""
    height = FRAME + WIDTH * cells.shape[0] // cells.shape[1]
    chart = Chart(shown, x="x", y="y", note=told + small, width=WIDTH + FRAME, height=height)
    rows, columns = ([str(i * block) for i in range(n)] for n in cells.shape)
    chart.heat(rows, columns, cells, texts=[[""] * cells.shape[1]] * cells.shape[0])
    return chart.picture()


def in_blocks(values: Floats, block: int, /) -> Floats:
    """The sums of (height, width) over squares of `block` pixels; those at the edge may be smaller."""
    height, width = values.shape
    padded = np.pad(values, ((0, -height % block), (0, -width % block)))
    return np.asarray(padded.reshape(len(padded) // block, block, -1, block).sum(axis=(1, 3)))
