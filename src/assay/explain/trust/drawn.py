"""The curves of told and taken columns, as a picture and a table."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from assay.core.measure import Attachment, attached_table
from assay.explain.columns import Floats
from assay.explain.trust.faithfulness import Faithfulness
from assay.pictures import Chart

TITLE = "What the answer does while columns are told, and taken away"


def curves_drawn(
    among: Faithfulness, apart: Faithfulness, everyone: NDArray[np.int64], /, *, scale: str
) -> dict[str, Attachment]:
    """The mean curves over the rows of `everyone`: among real rows, and with the other columns replaced."""
    curves: dict[str, Floats] = {
        "told, among real rows": among.insertion,
        "taken away, among real rows": among.deletion,
        "told, others replaced": apart.insertion,
        "taken away, replaced": apart.deletion,
    }
    lines = {name: curve[everyone].mean(axis=0).tolist() for name, curve in curves.items()}
    steps = list(range(apart.insertion.shape[1]))
    chart = Chart(TITLE, x="columns, the one that added most first", y=f"mean answer ({scale})")
    for name, line in lines.items():
        chart.line(steps, line, name=name)
    rows = [[str(k), *(line[k] for line in lines.values())] for k in steps]
    return {
        "curves": Attachment(chart.svg().encode(), "image/svg+xml", TITLE),
        "curves_table": attached_table(["columns", *lines], rows, caption=f"{TITLE}; mean over {len(everyone)} rows"),
    }
