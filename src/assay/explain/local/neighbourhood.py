"""Rows drawn around a row, and the features that a local model sees of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.explain.columns import Columns, Floats
from assay.explain.local.seeds import content_of, generator
from assay.models.coded_texts import coded_array, coded_field, is_plain_text

if TYPE_CHECKING:
    import pyarrow as pa

Around = Literal["data", "instance"]


@dataclass(frozen=True, eq=False)
class Drawn:
    """Samples around rows: their `table` (rows · repeats · samples, and then the rows themselves) for the model.

    `design` and `here` as in `fit.Neighbours`; `squared` (rows, repeats, samples) are squared distances from the row.
    """

    table: pa.Table
    design: Floats
    here: Floats
    squared: Floats


@dataclass(frozen=True, eq=False)
class Neighbourhood:
    """Where the samples around a row are from: the `background` and what is known of each of its columns.

    `edges` are the inner quantiles by which numbers are cut into bins; `codes` (n, columns) the bin or category of each
    background value, −1 where it is missing. `mean`, `scale`, `low`, `high` are those of the numbers (0, 1, 0, 0 for
    categories); a column that does not vary has scale 1 and `spread` 0.
    """

    columns: Columns
    background: Floats
    codes: NDArray[np.int32]
    edges: tuple[Floats, ...]
    mean: Floats
    scale: Floats
    spread: Floats
    low: Floats
    high: Floats

    def codes_of(self, rows: Floats, /) -> NDArray[np.int32]:
        """(rows, columns) the bin or category of each value, −1 where it is missing."""
        out = np.empty(rows.shape, dtype=np.int32, order="F")
        for j, edges in enumerate(self.edges):
            out[:, j] = _codes(rows[:, j], edges, bool(self.columns.nominal[j]))
        return out

    def condition(self, place: int, value: float, /) -> str:
        """What "as in this row" means for a column whose value is `value`: "28 < age <= 37", "job = cook"."""
        column, edges = self.columns.columns[place], self.edges[place]
        if np.isnan(value) or column.kind == "category":
            return f"{column.name} = {column.show(value)}"
        cut = int(np.searchsorted(edges, value))
        above = f"{edges[cut - 1]:.6g} < " if cut > 0 else ""
        below = f" <= {edges[cut]:.6g}" if cut < len(edges) else ""
        if above and not below:
            return f"{column.name} > {edges[cut - 1]:.6g}"
        return f"{above}{column.name}{below}"


def neighbourhood(columns: Columns, background: Floats, /, *, bins: int = 4) -> Neighbourhood:
    """The Neighbourhood of a background (n, columns); numbers are cut at the inner `bins`-quantiles of its values."""
    if bins < 2:
        raise AssayError(f"Numbers cannot be cut into {bins} bins.", code="bins", hint="Give 2 or more; 4 is usual.")
    kept = np.asfortranarray(background)
    edges, summaries = [], np.zeros((5, len(columns)))
    for j, column in enumerate(columns.columns):
        known = kept[~np.isnan(kept[:, j]), j]
        numeric = column.kind != "category" and len(known) > 0
        edges.append(np.unique(np.quantile(known, np.arange(1, bins) / bins)) if numeric else np.zeros(0))
        spread = known.std() if numeric else 0.0
        summaries[:, j] = (
            (known.mean(), spread or 1.0, spread, known.min(), known.max()) if numeric else (0, 1, 0, 0, 0)
        )
    codes = np.empty(kept.shape, dtype=np.int32, order="F")
    for j, column in enumerate(columns.columns):
        codes[:, j] = _codes(kept[:, j], edges[j], column.kind == "category")
    return Neighbourhood(columns, kept, codes, tuple(edges), *summaries)


def _codes(values: Floats, edges: Floats, nominal: bool) -> NDArray[np.int32]:
    found = np.where(np.isnan(values), -1, values) if nominal else np.searchsorted(edges, values)
    return np.where(np.isnan(values), -1, found).astype(np.int32)


def normal_within_bins(near: Neighbourhood, /) -> Neighbourhood:
    """The same with each bin's numbers replaced by as many quantiles of a normal cut to the bin.

    The normal has the mean and the spread of the bin's values, and the range of the bin. So `lime` draws.
    """
    from scipy.special import ndtr, ndtri

    made = near.background.copy(order="F")
    for j in np.flatnonzero(~near.columns.nominal):
        bounds = np.concatenate([[near.low[j]], near.edges[j], [near.high[j]]])
        for code in range(len(near.edges[j]) + 1):
            inside = near.codes[:, j] == code
            values, low, high = near.background[inside, j], bounds[code], bounds[code + 1]
            spread = values.std() if len(values) else 0.0
            if spread > 1e-9 * max(1.0, abs(high - low)):
                centre, steps = values.mean(), (np.arange(len(values)) + 0.5) / len(values)
                first, last = ndtr((low - centre) / spread), ndtr((high - centre) / spread)
                made[inside, j] = np.clip(centre + spread * ndtri(first + steps * (last - first)), low, high)
    return replace(near, background=made)


def draw_bins(near: Neighbourhood, rows: Floats, /, *, samples: int, repeats: int, seed: int) -> Drawn:
    """Every column drawn by itself from the background; a feature is 1 where its bin or category is the row's, else 0.

    The squared distance is the number of columns that differ. Texts are coded (`models.coded_texts`).
    """
    (n, width), total, size = rows.shape, repeats * samples, len(near.background)
    picked = np.empty((width, n * total + n), dtype=np.int32)
    picked[:, n * total :] = size + np.arange(n)  # the rows stand behind the background
    design = np.ones((n, width + 1, total))
    own, codes = near.codes_of(rows), np.ascontiguousarray(near.codes.T)
    same, held = np.empty(size, dtype=bool), np.empty(total, dtype=bool)
    for i in range(n):
        drawn = generator(content_of(near.columns, rows[i]), seed).integers(size, size=(width, total))
        picked[:, i * total : (i + 1) * total] = drawn
        for j in range(width):
            np.equal(codes[j], own[i, j], out=same)
            same.take(drawn[j], out=held, mode="clip")
            design[i, j + 1] = held
    table = _table(near, rows, np.concatenate([codes, own.T], axis=1), picked)
    squared = width - design[:, 1:].sum(axis=1)
    return Drawn(table, _by_repeat(design, repeats), np.ones((n, width)), squared.reshape(n, repeats, samples))


def _table(near: Neighbourhood, rows: Floats, codes: NDArray[np.int32], picked: NDArray[np.int32]) -> pa.Table:
    """Each column's values at the places `picked` (columns, n) among the background and the rows; texts are coded."""
    import pyarrow as pa

    pool = near.columns.decode(np.asfortranarray(np.concatenate([near.background, rows])))
    arrays, fields = [], []
    for j, column in enumerate(near.columns.columns):
        if column.kind == "category" and is_plain_text(column.type):
            fields.append(coded_field(column.name, column.type))
            arrays.append(coded_array(codes[j].take(picked[j]), column.values))
        else:
            fields.append(pool.schema.field(j))
            arrays.append(pool.column(j).combine_chunks().take(pa.array(picked[j])))
    return pa.table(arrays, schema=pa.schema(fields))


def _by_repeat(design: Floats, repeats: int) -> Floats:
    """(rows, features, repeats · samples) as (rows, repeats, features, samples), without a copy."""
    n, features, total = design.shape
    return design.reshape(n, features, repeats, total // repeats).transpose(0, 2, 1, 3)


def draw_numbers(
    near: Neighbourhood, rows: Floats, /, *, samples: int, repeats: int, seed: int, around: Around
) -> Drawn:
    """Numbers drawn from normals with the background's spread, around its mean or the row; categories as `draw_bins`.

    The feature of a number is its distance from the background's mean in standard deviations. Numbers stay within the
    range of the background and the row, and whole numbers whole. Where the row's number is missing, its feature is
    1 where the sample's is missing too, and the samples are those of the background.
    """
    (n, width), total = rows.shape, repeats * samples
    matrix = np.empty((n * total + n, width), order="F")
    matrix[n * total :] = rows
    design = np.ones((n, width + 1, total))
    here, own = np.ones((n, width)), near.codes_of(rows)
    for i in range(n):
        rng = generator(content_of(near.columns, rows[i]), seed)
        for j, column in enumerate(near.columns.columns):
            out = matrix[i * total : (i + 1) * total, j]
            if column.kind == "category" or np.isnan(rows[i, j]):
                picked = rng.integers(len(near.background), size=total)
                near.background[:, j].take(picked, out=out, mode="clip")
                design[i, j + 1] = near.codes[:, j].take(picked) == own[i, j]
            else:
                out[:] = _normal(near, j, rows[i, j], around, rng.standard_normal(total))
                design[i, j + 1] = (out - near.mean[j]) / near.scale[j]
                here[i, j] = (rows[i, j] - near.mean[j]) / near.scale[j]
    apart = design[:, 1:] - here[:, :, None]
    squared = np.einsum("rfm,rfm->rm", apart, apart).reshape(n, repeats, samples)
    return Drawn(near.columns.decode(matrix), _by_repeat(design, repeats), here, squared)


def _normal(near: Neighbourhood, place: int, value: float, around: Around, noise: Floats) -> Floats:
    centre = value if around == "instance" else near.mean[place]
    drawn = centre + noise * near.spread[place]
    if near.columns.columns[place].kind == "integer":
        drawn = np.rint(drawn)
    return np.asarray(np.clip(drawn, min(near.low[place], value), max(near.high[place], value)))
