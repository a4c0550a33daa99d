"""Counts as bytes: the canonical text that is digested, and a Parquet file."""

from __future__ import annotations

import json
import os
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.data.cells.arithmetic import Ints, Pairs, as_ints
from assay.data.coding import Dim, coding_from_json

if TYPE_CHECKING:
    from assay.data.counts import Counts, Scale

FORMAT = 1
_KEY = b"assay.counts"
_PAIRS = b"pairs"


def header(counts: Counts, /) -> dict[str, Any]:
    """Everything but the cells, as JSON types."""
    return {
        "format": FORMAT,
        "dims": [
            {"role": d.role, "name": d.name, "coding": d.coding.to_json(), "levels": list(d.levels)}
            for d in counts.dims
        ],
        "sums": sorted(counts.sums),
        "scales": {name: _scale_json(counts.scale_of(name)) for name in sorted(counts.sums)},
        "weights": counts.weights,
    }


def _scale_json(scale: Scale) -> int | str:
    return scale if isinstance(scale, int) else str(scale)


def _json(counts: Counts) -> bytes:
    text = json.dumps(header(counts), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")


def to_bytes(counts: Counts, /) -> bytes:
    """The canonical bytes: a JSON header, then one line of integers a cell, then the pairs."""
    lines = [_json(counts), *_lines([*counts.codes.T, *(counts.sums[name] for name in sorted(counts.sums))])]
    if counts.pairs is not None:
        lines += [_PAIRS, *_lines([counts.pairs.i, counts.pairs.j, counts.pairs.square])]
    return b"\n".join(lines) + b"\n"


def _lines(columns: list[Ints]) -> list[bytes]:
    return [",".join(map(str, row)).encode() for row in zip(*(column.tolist() for column in columns), strict=True)]


def from_bytes(data: bytes, /) -> Counts:
    """The Counts that `to_bytes` wrote."""
    try:
        head, *lines = data.decode("utf-8", "surrogatepass").split("\n")
        cells, pairs, names = lines[:-1], None, json.loads(head)["sums"]
        if _PAIRS.decode() in cells:
            at = cells.index(_PAIRS.decode())
            triples = _table(cells[at + 1 :], 3)
            pairs = Pairs(triples[0].astype(np.int64), triples[1].astype(np.int64), as_ints(triples[2]))
            cells = cells[:at]
        head = json.loads(head)
        columns = _table(cells, len(head["dims"]) + len(names))
        return _made(head, columns[: len(head["dims"])], columns[len(head["dims"]) :], pairs)
    except (ValueError, KeyError, TypeError, IndexError, OverflowError) as error:
        raise _broken("These bytes are", error) from None


def _table(lines: list[str], width: int) -> list[Ints]:
    rows = [[int(value) for value in line.split(",")] for line in lines]
    if any(len(row) != width for row in rows):
        raise ValueError(f"a cell does not have {width} numbers")
    return [np.array([row[i] for row in rows], dtype=object) for i in range(width)]


def _made(head: dict[str, Any], codes: list[Ints], sums: list[Ints], pairs: Pairs | None) -> Counts:
    """Counts of what was read, after checking that it is what an assay of this format writes."""
    from assay.data.counts import WW, Counts, N, W

    if head["format"] != FORMAT:
        raise AssayError(
            f"These Counts have format {head['format']!r}; this assay reads format {FORMAT}.",
            code="counts",
            hint="A newer format needs a newer assay.",
        )
    dims = tuple(
        Dim(str(d["role"]), str(d["name"]), coding_from_json(d["coding"]), tuple(d["levels"])) for d in head["dims"]
    )
    for dim, column in zip(dims, codes, strict=True):
        if len(column) and not 0 <= min(column) <= max(column) < len(dim.levels):
            raise ValueError(f"a cell has no level of {dim.name!r}")
    rows = len(sums[0])
    if pairs is not None and len(pairs.i) and not 0 <= min(*pairs.i, *pairs.j) <= max(*pairs.i, *pairs.j) < rows:
        raise ValueError("a pair has no cell")
    table = np.stack([c.astype(np.int32) for c in codes], axis=1) if codes else np.zeros((rows, 0), np.int32)
    made = {name: as_ints(column) for name, column in zip(head["sums"], sums, strict=True)}
    scales = {name: _scale(value) for name, value in head["scales"].items() if name not in (N, W, WW)}
    counts = Counts(dims, table, made, scales, head["weights"], pairs)
    if Counts.from_codes(dims, table, made, scales=scales, weights=head["weights"], pairs=pairs) != counts:
        raise ValueError("the cells are not in canonical order")
    return counts


def _scale(value: int | str) -> Scale:
    scale = Fraction(value)
    if scale <= 0:
        raise ValueError(f"scale {value!r} is not above 0")
    return int(scale) if scale.denominator == 1 else scale


def _broken(what: str, error: Exception) -> AssayError:
    return AssayError(
        f"{what} not Counts that assay wrote: {error}.", code="counts", hint="Make them again from the rows."
    )


def to_parquet(counts: Counts, path: Path, /) -> None:
    """Write one row a cell; the header is in the file's metadata. The file appears whole or not at all."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = sorted(counts.sums)
    columns = {f"dim_{axis}": pa.array(counts.codes[:, axis]) for axis in range(len(counts.dims))}
    columns |= {f"sum_{name}": _decimals(counts.sums[name]) for name in names}
    if counts.pairs is not None:
        starts = pa.array(np.searchsorted(counts.pairs.i, np.arange(len(counts) + 1)).astype(np.int32))
        columns["pair_cell"] = pa.ListArray.from_arrays(starts, pa.array(counts.pairs.j))
        columns["pair_square"] = pa.ListArray.from_arrays(starts, _decimals(counts.pairs.square))
    table = pa.table(columns).replace_schema_metadata({_KEY: _json(counts)})
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".assay-", delete=False) as file:
            temporary = Path(file.name)
            try:
                pq.write_table(table, file)
                file.flush()
                os.fsync(file.fileno())
                file.close()
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)
    except OSError as error:
        raise AssayError(
            f"The Counts could not be written to {str(path)!r}: {error.strerror or error}.",
            code="write",
            hint="Nothing was left there. Check the folder and the space on its disk.",
        ) from None


def _decimals(values: Ints) -> Any:
    """int64 as it is, larger integers as decimal128(38, 0)."""
    import pyarrow as pa

    if values.dtype != object:
        return pa.array(values)
    return pa.array([str(value) for value in values]).cast(pa.decimal128(38, 0))


def from_parquet(path: Path, /) -> Counts:
    """The Counts that `to_parquet` wrote."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
        head = json.loads(table.schema.metadata[_KEY].decode("utf-8", "surrogatepass"))
        codes = [_ints(table[f"dim_{axis}"]) for axis in range(len(head["dims"]))]
        sums = [_ints(table[f"sum_{name}"]) for name in head["sums"]]
        pairs = _pairs(table) if "pair_cell" in table.column_names else None
        return _made(head, codes, sums, pairs)
    except FileNotFoundError:
        raise AssayError(f"There is no file {str(path)!r}.", code="file", hint="Check the path.") from None
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise _broken(f"{str(path)!r} is", error) from None


def _ints(column: Any) -> Ints:
    return np.array([int(value) for value in column.to_pylist()], dtype=object)


def _pairs(table: Any) -> Pairs:
    cells, squares = table["pair_cell"].to_pylist(), table["pair_square"].to_pylist()
    i = np.repeat(np.arange(len(cells)), [len(cell) for cell in cells])
    j: NDArray[np.int64] = np.array([one for cell in cells for one in cell], dtype=np.int64)
    return Pairs(i, j, as_ints(np.array([int(one) for cell in squares for one in cell], dtype=object)))
