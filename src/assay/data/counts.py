"""A mergeable table of integer counts and sums over chosen columns: all that a counting check ever sees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assay.core.canonical import digest_bytes
from assay.core.errors import AssayError, unknown
from assay.core.measure import Share
from assay.data.cells import shares, storage
from assay.data.cells.arithmetic import CellSums, Ints, Pairs, as_ints, unique_rows
from assay.data.coding import Dim, sort_levels

__all__ = ["FIXED", "NOISE", "OWN", "WW", "Cells", "Counts", "Group", "Ints", "N", "Pairs", "Scale", "W", "as_ints"]

FIXED = 1 << 20
"""Fixed-point unit of weights: one is stored as 2**20."""
N, W, WW = "n", "w", "ww"
"""Names of the row count, the sum of weights and the sum of squared weights in `Counts.sums`."""
NOISE = "noise"
"""Name of the sum that holds the variance of the noise in the row count; it adds up as independent noise does."""
OWN = (N, W, WW, NOISE)
"""Sums that are about the count itself; every other one is a sum that was asked for."""

Scale = int | Fraction
"""Units of a fixed-point sum per natural unit: a power of two, below one where the numbers are very large."""
Cells = Mapping[str, str | tuple[str | None, ...] | None]
"""Dimension (role or column name) -> the level, or several levels, wanted. None is the missing level."""


@dataclass(frozen=True)
class Group:
    """One slice of a Counts: `slice` names the group, `counts` holds its rows without those dimensions."""

    slice: Mapping[str, str | None]
    counts: Counts


@dataclass(frozen=True, eq=False)
class Counts:
    """Sparse cells in canonical order: `codes` (cells × dims, int32) index into each Dim's levels.

    `sums["n"]` counts rows; `sums["w"]` and `sums["ww"]` are fixed-point Σw and Σw² where rows are
    weighted; other sums are fixed-point (weighted where rows are) in units of 1/`scales[name]`. `weights` is "" (none),
    "sampling" (survey or importance weights) or "frequency" (a row stands for w rows).
    Addition and subtraction are exact, so that they commute with scanning: counts of all rows equal
    the sum of the counts of the parts, byte for byte. Where `sums` has NOISE the counts were released with noise: they
    may be negative, and every interval that is made of them through `share` has the noise in it.
    """

    dims: tuple[Dim, ...]
    codes: NDArray[np.int32]
    sums: Mapping[str, Ints]
    scales: Mapping[str, Scale] = field(default_factory=dict)
    weights: str = ""
    pairs: Pairs | None = None

    # -- making ------------------------------------------------------------------------------------

    @classmethod
    def from_cells(
        cls,
        dims: Sequence[Dim],
        cells: Sequence[Sequence[str | None]],
        sums: Mapping[str, Sequence[int] | Ints],
        *,
        scales: Mapping[str, Scale] | None = None,
        weights: str = "",
        pairs: Pairs | None = None,
    ) -> Counts:
        """Counts from one row of levels a cell; equal cells are added. Levels given in `dims` are ignored."""
        columns = list(zip(*cells, strict=True)) if cells else [() for _ in dims]
        coded, full = [], []
        for dim, column in zip(dims, columns, strict=True):
            levels = sort_levels(dim.coding, set(column))
            where = {level: code for code, level in enumerate(levels)}
            coded.append(np.fromiter((where[level] for level in column), dtype=np.int32, count=len(column)))
            full.append(replace(dim, levels=levels))
        codes = np.stack(coded, axis=1) if dims else np.zeros((len(cells), 0), dtype=np.int32)
        made = {name: as_ints(values) for name, values in sums.items()}
        return cls(tuple(full), codes, made, scales or {}, weights, pairs)._folded()

    @classmethod
    def from_codes(
        cls,
        dims: Sequence[Dim],
        codes: NDArray[np.int32],
        sums: Mapping[str, Ints],
        *,
        scales: Mapping[str, Scale] | None = None,
        weights: str = "",
        pairs: Pairs | None = None,
    ) -> Counts:
        """Counts from codes into the levels of `dims`, which may be in any order and name a level twice."""
        full, columns = [], []
        for dim, column in zip(dims, codes.T, strict=True):
            levels = sort_levels(dim.coding, set(dim.levels))
            where = {level: code for code, level in enumerate(levels)}
            lookup = np.array([where[level] for level in dim.levels], dtype=np.int32)
            columns.append(lookup[column] if len(column) else column)
            full.append(replace(dim, levels=levels))
        sorted_codes = np.stack(columns, axis=1) if columns else codes
        return cls(tuple(full), sorted_codes, sums, scales or {}, weights, pairs)._folded()

    def _with(self, cells: CellSums) -> Counts:
        """The same dimensions with other cells, in canonical form: unused levels are dropped."""
        dims, codes = [], cells.codes.astype(np.int32, copy=True)
        for axis, dim in enumerate(self.dims):
            used = np.flatnonzero(np.bincount(codes[:, axis], minlength=len(dim.levels)))
            if len(used) != len(dim.levels):
                codes[:, axis] = np.searchsorted(used, codes[:, axis])
                dim = replace(dim, levels=tuple(dim.levels[code] for code in used))
            dims.append(dim)
        return replace(self, dims=tuple(dims), codes=codes, sums=cells.sums, pairs=cells.pairs)

    def _folded(self) -> Counts:
        return self._with(self._cells.folded())

    @property
    def _cells(self) -> CellSums:
        return CellSums(self.codes, self.sums, self.pairs)

    # -- looking -----------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def n(self) -> int:
        """Number of rows; noisy counts that add up to less than none are none."""
        rows = int(self.sums[N].sum()) if len(self) else 0
        return max(0, rows) if NOISE in self.sums else rows

    def has(self, role: str, /) -> bool:
        """True when a dimension plays `role`."""
        return any(dim.role == role for dim in self.dims)

    def dim(self, role: str, name: str | None = None, /) -> Dim:
        """The dimension of `role` (and column `name`)."""
        return self.dims[self._axis(role, name)]

    def _axis(self, role: str, name: str | None = None) -> int:
        found = [i for i, d in enumerate(self.dims) if d.role == role and (name is None or d.name == name)]
        if not found:
            raise unknown("dimension", name or role, [d.name for d in self.dims])
        return found[0]

    def _named_axis(self, role_or_name: str) -> int:
        """The dimension of a role, or else of a column name: a column called "label" never hides the label."""
        for attribute in ("role", "name"):
            for axis, dim in enumerate(self.dims):
                if getattr(dim, attribute) == role_or_name:
                    return axis
        raise unknown("dimension", role_or_name, [d.name for d in self.dims])

    def _sum_name(self, sum: str) -> str:
        name = sum or (W if self.weights else N)
        if name not in self.sums:
            raise unknown("sum", name, self.sums)
        return name

    def total(self, sum: str = "", /) -> float:
        """Σ of a sum over all cells, in its natural unit; without a name the rows (Σw where weighted)."""
        name = self._sum_name(sum)
        return float(Fraction(int(self.sums[name].sum()) if len(self) else 0) / self.scale_of(name))

    def scale_of(self, sum: str, /) -> Scale:
        """Units of `sum` per natural unit: 1 for n, 2**20 for w, 2**40 for ww."""
        return {N: 1, W: FIXED, WW: FIXED * FIXED}.get(sum, 0) or self.scales.get(sum, FIXED)

    def values(self, sum: str = "", /) -> NDArray[np.float64]:
        """One float a cell: a sum in its natural unit; without a name the rows (Σw where weighted)."""
        name = self._sum_name(sum)
        return self.sums[name].astype(np.float64) / float(self.scale_of(name))

    def table(self, *roles: str, sum: str = "") -> NDArray[np.float64]:
        """Dense array of a sum over the named dimensions (by role, or by column name), in their order of levels."""
        axes = [self._named_axis(role) for role in roles]
        out = np.zeros([len(self.dims[a].levels) for a in axes])
        if len(self):
            np.add.at(out, tuple(self.codes[:, a] for a in axes), self.values(sum))
        return out

    # -- arithmetic --------------------------------------------------------------------------------

    def __add__(self, other: Counts) -> Counts:
        return self._merge(other, sign=1)

    def __sub__(self, other: Counts) -> Counts:
        return self._merge(other, sign=-1)

    def scaled(self, factor: int, /) -> Counts:
        """Every count and sum multiplied by a whole number."""
        return self._with(self._cells.times(factor).folded())

    def _merge(self, other: Counts, *, sign: int) -> Counts:
        mine = [(d.key, d.coding) for d in self.dims]
        if mine != [(d.key, d.coding) for d in other.dims] or self.weights != other.weights:
            raise AssayError(
                "Counts over different columns, codings or weights cannot be added.",
                code="counts",
                hint="Count both parts with the coding that was frozen for the first.",
            )
        if set(self.sums) != set(other.sums) or any(self.scale_of(k) != other.scale_of(k) for k in self.sums):
            raise AssayError("Counts with different sums cannot be added.", code="counts")
        pairs = zip(self.dims, other.dims, strict=True)
        dims = tuple(replace(a, levels=sort_levels(a.coding, {*a.levels, *b.levels})) for a, b in pairs)
        cells = self._recoded(dims).joined(other._recoded(dims), sign=sign)
        return replace(self, dims=dims)._with(cells.folded())

    def _recoded(self, dims: tuple[Dim, ...]) -> CellSums:
        """The cells as codes into `dims`, which have every level of mine."""
        codes = self.codes.copy()
        for axis, (mine, dim) in enumerate(zip(self.dims, dims, strict=True)):
            where = {level: code for code, level in enumerate(dim.levels)}
            lookup = np.array([where[level] for level in mine.levels], dtype=np.int32)
            codes[:, axis] = lookup[codes[:, axis]] if len(codes) else codes[:, axis]
        return CellSums(codes, self.sums, self.pairs)

    # -- slicing -----------------------------------------------------------------------------------

    def marginal(self, *keep: tuple[str, str] | str) -> Counts:
        """Counts over the named dimensions only: each by (role, name), or by role for all that play it."""
        wanted = [a for a, d in enumerate(self.dims) if d.key in keep or d.role in keep]
        for item in keep:
            if not any(d.key == item or d.role == item for d in self.dims):
                raise unknown("dimension", str(item), [f"{d.role}:{d.name}" for d in self.dims])
        dims = tuple(self.dims[a] for a in wanted)
        return replace(self, dims=dims, codes=self.codes[:, wanted])._folded()

    def with_sums(self, *names: str) -> Counts:
        """The same cells with only the row count, the weights, the variance of noise and the named sums."""
        keep = [name for name in self.sums if name in OWN or name in names]
        sums = {name: self.sums[name] for name in keep}
        scales = {name: scale for name, scale in self.scales.items() if name in keep}
        return replace(self, sums=sums, scales=scales)._folded()

    def where(self, levels: Cells, /) -> Counts:
        """The cells whose dimensions (by role, or by column name) have the given level, or one of several."""
        return self._with(self._cells.where(self._mask(levels)))

    def _mask(self, levels: Cells) -> NDArray[np.bool_]:
        keep = np.ones(len(self), dtype=bool)
        for name, level in levels.items():
            axis = self._named_axis(name)
            chosen = np.zeros(len(self.dims[axis].levels), dtype=bool)
            for one in level if isinstance(level, tuple) else (level,):
                code = self.dims[axis].code(one)
                if code is not None:
                    chosen[code] = True
            keep &= chosen[self.codes[:, axis]]
        return keep

    def groupings(self, *, role: str = "protected", depth: int = 2) -> tuple[tuple[str, ...], ...]:
        """Attributes alone, then their intersections up to `depth` at a time."""
        names = [dim.name for dim in self.dims if dim.role == role]
        return tuple(c for size in range(1, min(depth, len(names)) + 1) for c in combinations(names, size))

    def groups(self, attributes: Sequence[str], /, *, role: str = "protected") -> tuple[Group, ...]:
        """One Group for every combination of levels of `attributes` that has rows;
        other attributes of `role` are summed out."""
        rest = [d.key for d in self.dims if d.role != role]
        table = self.marginal(*[(role, name) for name in attributes], *rest)
        axes = [table._axis(role, name) for name in attributes]
        keys, inverse = unique_rows(table.codes[:, axes])
        out = []
        for g, key in enumerate(keys):
            slice_ = {name: table.dims[a].levels[code] for name, a, code in zip(attributes, axes, key, strict=True)}
            out.append(Group(slice_, table._with(table._cells.where(inverse == g)).marginal(*rest)))
        return tuple(out)

    def share(self, of: Cells, among: Cells | None = None, /) -> Share:
        """The share of cells `of` among the cells `among` (all of them by default), with its effective n."""
        denominator = self._mask(among or {})
        return shares.share(self, denominator & self._mask(of), denominator)

    # -- the canonical form ------------------------------------------------------------------------

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical bytes."""
        return digest_bytes(self.to_bytes())

    def to_bytes(self) -> bytes:
        """The canonical bytes: a JSON header, then one line of integers a cell, then the pairs."""
        return storage.to_bytes(self)

    @classmethod
    def from_bytes(cls, data: bytes, /) -> Counts:
        """The Counts that `to_bytes` wrote; anything else is an error."""
        return storage.from_bytes(data)

    def to_parquet(self, path: str | Path, /) -> None:
        """Write the Counts to one Parquet file, whole or not at all."""
        storage.to_parquet(self, Path(path))

    @classmethod
    def from_parquet(cls, path: str | Path, /) -> Counts:
        """The Counts that `to_parquet` wrote; anything else is an error."""
        return storage.from_parquet(Path(path))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Counts) and self.to_bytes() == other.to_bytes()

    def __hash__(self) -> int:
        return hash(self.digest)

    def __iter__(self) -> Iterator[tuple[dict[str, str | None], int]]:
        """Cells as (levels by column name, rows), for a reader and for tests."""
        for code, n in zip(self.codes, self.sums[N], strict=True):
            yield {d.name: d.levels[c] for d, c in zip(self.dims, code, strict=True)}, int(n)
