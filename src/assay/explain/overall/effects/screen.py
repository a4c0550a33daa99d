"""Which columns do anything, by few answers."""

from __future__ import annotations

import numpy as np

from assay.explain.question import Question

ROWS = 100


def strongest(question: Question, /, *, most: int, seed: int) -> tuple[str, ...]:
    """The `most` columns whose exchange between 100 rows moves the answers most, in the order of the columns.

    The mean absolute change: a look that decides what is looked at closely, no result. All columns where there are no
    more; nothing is asked then.
    """
    names = question.columns.names
    if len(names) <= most:
        return names
    rows = question.rows[:ROWS]
    order = np.random.default_rng(seed).permutation(len(rows))
    givers = np.empty_like(order)
    givers[order] = np.roll(order, 1)
    matrix = np.tile(rows, (len(names) + 1, 1))
    for place in range(len(names)):
        matrix[(place + 1) * len(rows) : (place + 2) * len(rows), place] = rows[givers, place]
    answers = question.target(matrix).reshape(len(names) + 1, len(rows))
    moved = np.abs(answers[1:] - answers[0]).mean(axis=1)
    return tuple(names[i] for i in sorted(np.argsort(-moved, kind="stable")[:most].tolist()))
