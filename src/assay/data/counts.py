"""A mergeable table of integer counts and sums over chosen columns: all that a counting check ever sees."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.core.canonical import digest_bytes
from assay.core.errors import AssayError, unknown
from assay.core.measure import Share
from assay.data.coding import Dim, sort_levels

FIXED = 1 << 20
"""Fixed-point unit of weights and sums: one is stored as 2**20."""
N, W, WW = "n", "w", "ww"
"""Names of the row count, the sum of weights and the sum of squared weights in `Counts.sums`."""

Ints = NDArray[Any]
Cells = Mapping[str, str | tuple[str | None, ...] | None]
"""Dimension (role or column name) -> the level, or several levels, wanted. None is the missing level."""


def as_ints(values: Sequence[int] | Ints, /) -> Ints:
    """`values` as int64 where their total magnitude is safely below 2**62, else as exact Python integers."""
    array = np.asarray(values)
    if array.dtype == object or array.dtype.kind not in "iu":
        array = np.array([int(v) for v in values], dtype=object)
    total = float(np.abs(array.astype(float)).sum()) if array.size else 0.0
    return array.astype(np.int64 if total < 2.0**62 else object)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Σ over units of (weight of the unit in cell i) × (its weight in cell j): what clustered variances need.

    Symmetric and sparse: both (i, j) and (j, i) are stored. `square` are integers (rows), or
    fixed-point products in units of 2**40 where rows are weighted.
    """

    i: NDArray[np.int64]
    j: NDArray[np.int64]
    square: Ints


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
    the sum of the counts of the parts, byte for byte.
    """

    dims: tuple[Dim, ...]
    codes: NDArray[np.int32]
    sums: Mapping[str, Ints]
    scales: Mapping[str, int]
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
        scales: Mapping[str, int] | None = None,
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
        return cls(tuple(full), codes, {k: as_ints(v) for k, v in sums.items()}, scales or {}, weights, pairs)._folded()

    def _folded(self) -> Counts:
        """The canonical form: equal cells added, empty cells and unused levels dropped, cells sorted."""
        codes, sums, pairs = self.codes, self.sums, self.pairs
        unique, inverse = (
            np.unique(codes, axis=0, return_inverse=True)
            if codes.shape[1]
            else (np.zeros((min(1, len(codes)), 0), dtype=np.int32), np.zeros(len(codes), dtype=np.int64))
        )
        inverse = np.asarray(inverse).reshape(-1)
        added = {name: _add_at(values, inverse, len(unique)) for name, values in sums.items()}
        if pairs is not None:
            pairs = _fold_pairs(pairs, inverse)
        keep = np.zeros(len(unique), dtype=bool)
        for values in added.values():
            keep |= np.asarray(values != 0, dtype=bool)
        if not keep.all():
            new = np.cumsum(keep) - 1
            unique, added = unique[keep], {name: values[keep] for name, values in added.items()}
            if pairs is not None:
                ok = keep[pairs.i] & keep[pairs.j]
                pairs = Pairs(new[pairs.i[ok]], new[pairs.j[ok]], pairs.square[ok])
        dims = []
        unique = unique.astype(np.int32, copy=True)
        for axis, dim in enumerate(self.dims):
            used = np.unique(unique[:, axis])
            if len(used) != len(dim.levels):
                unique[:, axis] = np.searchsorted(used, unique[:, axis])
                dim = replace(dim, levels=tuple(dim.levels[code] for code in used))
            dims.append(dim)
        return Counts(tuple(dims), unique, added, self.scales, self.weights, pairs)

    # -- looking -----------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def n(self) -> int:
        """Number of rows."""
        return int(self.sums[N].sum()) if len(self) else 0

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

    def total(self, sum: str = "", /) -> float:
        """Σ of a sum over all cells, in its natural unit; without a name the rows (Σw where weighted)."""
        name = sum or (W if self.weights else N)
        if name not in self.sums:
            raise unknown("sum", name, self.sums)
        return float(int(self.sums[name].sum()) if len(self) else 0) / self.scale_of(name)

    def scale_of(self, sum: str, /) -> int:
        """Units of `sum` per natural unit: 1 for n, 2**20 for w, 2**40 for ww."""
        return {N: 1, W: FIXED, WW: FIXED * FIXED}.get(sum, 0) or self.scales.get(sum, FIXED)

    def values(self, sum: str = "", /) -> NDArray[np.float64]:
        """One float a cell: a sum in its natural unit; without a name the rows (Σw where weighted)."""
        name = sum or (W if self.weights else N)
        return self.sums[name].astype(np.float64) / self.scale_of(name)

    def table(self, *roles: str, sum: str = "") -> NDArray[np.float64]:
        """Dense array of a sum over the named dimensions (by role, or by column name), in their order of levels."""
        axes = [self._named_axis(role) for role in roles]
        out = np.zeros([len(self.dims[a].levels) for a in axes])
        if len(self):
            np.add.at(out, tuple(self.codes[:, a] for a in axes), self.values(sum))
        return out

    def _named_axis(self, role_or_name: str) -> int:
        for i, dim in enumerate(self.dims):
            if role_or_name in (dim.role, dim.name):
                return i
        raise unknown("dimension", role_or_name, [d.name for d in self.dims])

    # -- arithmetic --------------------------------------------------------------------------------

    def __add__(self, other: Counts) -> Counts:
        return self._merge(other, sign=1)

    def __sub__(self, other: Counts) -> Counts:
        return self._merge(other, sign=-1)

    def scaled(self, factor: int, /) -> Counts:
        """Every count and sum multiplied by a whole number."""
        sums = {name: as_ints([int(v) * factor for v in values]) for name, values in self.sums.items()}
        pairs = self.pairs and Pairs(self.pairs.i, self.pairs.j, as_ints([int(v) * factor for v in self.pairs.square]))
        return replace(self, sums=sums, pairs=pairs)._folded()

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
        dims: list[Dim] = []
        left: list[NDArray[np.int32]] = []
        right: list[NDArray[np.int32]] = []
        for axis, (a, b) in enumerate(zip(self.dims, other.dims, strict=True)):
            levels = sort_levels(a.coding, set(a.levels) | set(b.levels))
            where = {level: code for code, level in enumerate(levels)}
            for side, dim, counts in ((left, a, self), (right, b, other)):
                lookup = np.array([where[level] for level in dim.levels], dtype=np.int32)
                side.append(lookup[counts.codes[:, axis]] if len(counts) else np.zeros(0, dtype=np.int32))
            dims.append(replace(a, levels=levels))
        shape = (len(self) + len(other), len(dims))
        codes = np.concatenate(
            [np.stack(s, axis=1) if s else np.zeros((len(c), 0), np.int32) for s, c in ((left, self), (right, other))]
        ).reshape(shape)
        sums = {name: _concat(self.sums[name], other.sums[name], sign) for name in self.sums}
        return Counts(tuple(dims), codes, sums, self.scales, self.weights, self._merge_pairs(other, sign))._folded()

    def _merge_pairs(self, other: Counts, sign: int) -> Pairs | None:
        """Pairs of both sides; true where no unit has rows on both sides, which the caller answers for."""
        a, b = self.pairs, other.pairs
        if a is None or b is None:
            return None
        shift = len(self)
        return Pairs(
            np.concatenate([a.i, b.i + shift]),
            np.concatenate([a.j, b.j + shift]),
            _concat(a.square, b.square, sign),
        )

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
        """The same cells with only the row count, the weights and the named sums."""
        keep = [name for name in self.sums if name in (N, W, WW) or name in names]
        return replace(
            self,
            sums={name: self.sums[name] for name in keep},
            scales={name: scale for name, scale in self.scales.items() if name in keep},
        )._folded()

    def where(self, levels: Cells, /) -> Counts:
        """The cells whose dimensions (by role, or by column name) have the given level, or one of several."""
        keep = self._mask(levels)
        index = np.cumsum(keep) - 1
        pairs = self.pairs
        if pairs is not None:
            ok = keep[pairs.i] & keep[pairs.j]
            pairs = Pairs(index[pairs.i[ok]], index[pairs.j[ok]], pairs.square[ok])
        sums = {name: values[keep] for name, values in self.sums.items()}
        return replace(self, codes=self.codes[keep], sums=sums, pairs=pairs)._folded()

    def _mask(self, levels: Cells) -> NDArray[np.bool_]:
        keep = np.ones(len(self), dtype=bool)
        for name, level in levels.items():
            axis = self._named_axis(name)
            wanted = level if isinstance(level, tuple) else (level,)
            codes = [self.dims[axis].code(one) for one in wanted]
            keep &= np.isin(self.codes[:, axis], [code for code in codes if code is not None])
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
        keys, inverse = np.unique(table.codes[:, axes], axis=0, return_inverse=True)
        inverse = np.asarray(inverse).reshape(-1)
        out = []
        for g, key in enumerate(keys):
            slice_ = {name: table.dims[a].levels[code] for name, a, code in zip(attributes, axes, key, strict=True)}
            out.append(Group(slice_, table._take(inverse == g).marginal(*rest)))
        return tuple(out)

    def _take(self, keep: NDArray[np.bool_]) -> Counts:
        index = np.cumsum(keep) - 1
        pairs = self.pairs
        if pairs is not None:
            ok = keep[pairs.i] & keep[pairs.j]
            pairs = Pairs(index[pairs.i[ok]], index[pairs.j[ok]], pairs.square[ok])
        sums = {name: values[keep] for name, values in self.sums.items()}
        return replace(self, codes=self.codes[keep], sums=sums, pairs=pairs)

    # -- shares ------------------------------------------------------------------------------------

    def share(
        self,
        of: Cells,
        among: Cells | None = None,
        /,
    ) -> Share:
        """The share of cells `of` among the cells `among` (all of them by default), with its effective n.

        Repeated units: n / deff with the linearised cluster variance Σ_u (x_u - p d_u)² / D²; weights: the
        same with Σw² (Särndal, Swensson & Wretman 1992, eq. 5.6.6), or Kish's (Σw)²/Σw² at p = 0 or 1.
        """
        den = self._mask(among or {})
        num = den & self._mask(of)
        value = self.values()
        hits, total = float(value[num].sum()), float(value[den].sum())
        rows = int(self.sums[N][den].sum()) if den.any() else 0
        return Share(hits, total, rows, self._effective(num, den, hits, total, rows))

    def _effective(self, num: NDArray[np.bool_], den: NDArray[np.bool_], hits: float, total: float, rows: int) -> float:
        if total <= 0:
            return 0.0
        if self.pairs is None and self.weights != "sampling":
            return total if self.weights == "frequency" else float(rows)
        xx, xd, dd = self._squares(num, den)
        p = hits / total
        if 0 < p < 1:
            variance = (xx - 2 * p * xd + p * p * dd) / total**2
            if variance > 0:
                return min(p * (1 - p) / variance, float(max(rows, total)))
        return total**2 / dd if dd > 0 else 0.0

    def _squares(self, num: NDArray[np.bool_], den: NDArray[np.bool_]) -> tuple[float, float, float]:
        """Σx_u², Σx_u·d_u and Σd_u² over units (over rows where no unit repeats)."""
        if self.pairs is None:
            squares = self.values(WW)
            xx = float(squares[num].sum())
            return xx, xx, float(squares[den].sum())
        p = self.pairs
        square = p.square.astype(np.float64) / (FIXED * FIXED if self.weights else 1)
        return (
            float(square[num[p.i] & num[p.j]].sum()),
            float(square[num[p.i] & den[p.j]].sum()),
            float(square[den[p.i] & den[p.j]].sum()),
        )

    # -- the canonical form ------------------------------------------------------------------------

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical bytes."""
        return digest_bytes(self.to_bytes())

    def header(self) -> dict[str, Any]:
        """Everything but the cells, as JSON types."""
        return {
            "format": 1,
            "dims": [
                {"role": d.role, "name": d.name, "coding": d.coding.to_json(), "levels": list(d.levels)}
                for d in self.dims
            ],
            "sums": sorted(self.sums),
            "scales": {name: self.scale_of(name) for name in sorted(self.sums)},
            "weights": self.weights,
        }

    def to_bytes(self) -> bytes:
        """The canonical bytes: a JSON header, then one line of integers a cell, then the pairs."""
        names = sorted(self.sums)
        head = json.dumps(self.header(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        lines = [head.encode("utf-8", "surrogatepass")]
        columns = [self.codes[:, a] for a in range(len(self.dims))] + [self.sums[name] for name in names]
        lines.extend(",".join(map(str, cell)).encode() for cell in zip(*columns, strict=True))
        if self.pairs is not None:
            lines.append(b"pairs")
            triples = zip(self.pairs.i, self.pairs.j, self.pairs.square, strict=True)
            lines.extend(",".join(map(str, triple)).encode() for triple in triples)
        return b"\n".join(lines) + b"\n"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Counts) and self.to_bytes() == other.to_bytes()

    def __hash__(self) -> int:
        return hash(self.digest)

    def __iter__(self) -> Iterator[tuple[dict[str, str | None], int]]:
        """Cells as (levels by column name, rows), for a reader and for tests."""
        for code, n in zip(self.codes, self.sums[N], strict=True):
            yield {d.name: d.levels[c] for d, c in zip(self.dims, code, strict=True)}, int(n)


def _add_at(values: Ints, index: NDArray[Any], size: int) -> Ints:
    if values.dtype != object and float(np.abs(values.astype(float)).sum() if values.size else 0.0) < 2.0**62:
        out = np.zeros(size, dtype=np.int64)
        np.add.at(out, index, values)
        return out
    exact = [0] * size
    for where, value in zip(index, values, strict=True):
        exact[where] += int(value)
    return as_ints(np.array(exact, dtype=object))


def _concat(left: Ints, right: Ints, sign: int) -> Ints:
    if left.dtype == object or right.dtype == object:
        return as_ints([*map(int, left), *(sign * int(v) for v in right)])
    return as_ints(np.concatenate([left, sign * right]))


def _fold_pairs(pairs: Pairs, inverse: NDArray[Any]) -> Pairs:
    i, j = inverse[pairs.i], inverse[pairs.j]
    keys, where = np.unique(np.stack([i, j], axis=1), axis=0, return_inverse=True)
    square = _add_at(pairs.square, np.asarray(where).reshape(-1), len(keys))
    keep = np.asarray(square != 0, dtype=bool)
    return Pairs(keys[keep, 0].astype(np.int64), keys[keep, 1].astype(np.int64), square[keep])
