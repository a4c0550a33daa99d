"""Rows copied to a file of our own: in a fixed order, and with columns that a model made."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from assay.core.errors import AssayError
from assay.data.rows.protocol import Rows
from assay.data.rows.sql.duck import ROWS, DuckFiles, quoted
from assay.data.rows.sql.query import SqlRows

BATCH = 1 << 17


def settled(rows: Rows, more: Mapping[str, Any], /) -> Rows:
    """The same rows in a temporary Parquet file, with the pyarrow arrays `more` as further columns.

    The file goes when the rows do. Identities stay those of the source.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = [*rows.columns, *more]
    folder = Path(tempfile.mkdtemp(prefix="assay-"))
    path, writer, done = folder / "rows.parquet", None, 0
    try:
        for table in rows.stream(list(rows.columns), size=BATCH):
            part = [*table.columns, *(array.slice(done, table.num_rows) for array in more.values())]
            batch = pa.table(part, names=[f"c{i}" for i in range(len(part))])
            writer = writer or pq.ParquetWriter(path, batch.schema)
            writer.write_table(batch)
            done += table.num_rows
    except OSError as error:
        raise AssayError(
            f"The rows could not be copied to {tempfile.gettempdir()!r}: {error}.",
            code="write",
            hint="Make room there, or point TMPDIR at a larger disk.",
        ) from None
    finally:
        if writer is not None:
            writer.close()

    def create(connection: Any, columns: Sequence[str]) -> None:
        connection.execute(f"CREATE VIEW {ROWS} AS SELECT {', '.join(columns)} FROM read_parquet({quoted(str(path))})")

    engine = DuckFiles(create, names, source="The copied rows", identities=rows.identities, on_disk=False)
    weakref.finalize(engine, shutil.rmtree, folder, ignore_errors=True)
    return SqlRows(engine)
