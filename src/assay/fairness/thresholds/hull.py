"""The lower convex hull of many points."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def lower_hull(x: Floats, y: Floats, /) -> Ints:
    """Positions of the vertices of the lower convex hull, in rising x. `x` must not fall.

    A point on or above the segment between its two neighbours is no vertex, whatever else is there; so all such
    points are dropped at once, again and again. What is left when few drop goes through Andrew's monotone chain (1979).
    """
    keep = _lowest(x, y)
    while len(keep) > 2:
        px, py = x[keep], y[keep]
        inside = _turns(px[:-2], py[:-2], px[1:-1], py[1:-1], px[2:], py[2:]) <= 0
        dropped = int(inside.sum())
        keep = keep[np.concatenate([[True], ~inside, [True]])]
        if dropped * 50 < len(keep):
            break
    return _chain(x, y, keep)


def _lowest(x: Floats, y: Floats) -> Ints:
    """Position of the lowest point (the first, where several are) at each distinct x."""
    starts = np.flatnonzero(np.concatenate([[True], x[1:] != x[:-1]]))
    if len(starts) == len(x):
        return np.arange(len(x))
    low = np.repeat(np.minimum.reduceat(y, starts), np.diff(np.append(starts, len(x))))
    where = np.flatnonzero(y == low)
    first = np.concatenate([[True], x[where[1:]] != x[where[:-1]]])
    lowest: Ints = where[first]
    return lowest


def _turns(ax: Floats, ay: Floats, bx: Floats, by: Floats, cx: Floats, cy: Floats) -> Floats:
    """Twice the signed area of the triangles abc: positive where b lies below the segment ac."""
    return (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)


def _chain(x: Floats, y: Floats, keep: Ints) -> Ints:
    out: list[int] = []
    xs, ys = x[keep].tolist(), y[keep].tolist()
    for i in range(len(keep)):
        while len(out) > 1:
            a, b = out[-2], out[-1]
            if (xs[b] - xs[a]) * (ys[i] - ys[a]) - (ys[b] - ys[a]) * (xs[i] - xs[a]) > 0:
                break
            out.pop()
        out.append(i)
    return keep[np.array(out, dtype=np.int64)]
