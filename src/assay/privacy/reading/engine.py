"""Chosen columns of people's files on a DuckDB connection of their own, where every question is asked."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from assay.core.errors import unknown
from assay.data.rows.protocol import check_names
from assay.data.rows.sql.duck import ROWS, DuckFiles
from assay.privacy.reading.files import PrivateFiles, quiet
from assay.privacy.reading.lines import lines_of


def engine_of(
    files: PrivateFiles, /, *, source: str, columns: Sequence[str], numbers: Collection[str] = (), ordered: bool = True
) -> DuckFiles:
    """The `columns` of `files` (the first one, where none is named); `source` is what errors call them.

    The values of CSV files are texts, an empty one is missing; but `numbers` are doubles there, and missing where a
    text is no number. Rows keep their order where `ordered`, for more memory.
    """
    check_names(files.names, source)
    for name in columns:
        if name not in files.names:
            raise unknown("column", name, files.names, code="column")
    wanted = list(dict.fromkeys(columns)) or list(files.names[:1])
    chosen = [_value(f"p{files.names.index(name)}", files, number=name in numbers) for name in wanted]
    # By place: SQL does not tell names apart that differ in case.
    rows = f"{files.reads} AS t({', '.join(f'p{i}' for i in range(len(files.names)))})"

    def create(connection: Any, places: Sequence[str]) -> None:
        roomy(connection, ordered=ordered)
        taken = ", ".join(f"{value} AS {place}" for value, place in zip(chosen, places, strict=True))
        if files.parquet:
            connection.execute(f"CREATE VIEW {ROWS} AS SELECT {taken} FROM {rows}")
            return
        with quiet():
            connection.register("private_lines", lines_of(files.paths))
            connection.execute(f"CREATE TABLE {ROWS} AS SELECT {taken} FROM {rows}")
            connection.unregister("private_lines")

    return DuckFiles(create, wanted, source=source, identities=lambda: files.identities, on_disk=False)


def roomy(connection: Any, /, *, ordered: bool) -> None:
    """Half of the memory, and rows in any order where not `ordered`: an answer that fails half way is paid for."""
    connection.execute("SET memory_limit = '50%'")
    connection.execute(f"SET preserve_insertion_order = {str(ordered).lower()}")


def _value(place: str, files: PrivateFiles, *, number: bool) -> str:
    if files.parquet:
        return place
    return f"try_cast({place} AS DOUBLE)" if number else f"nullif({place}, '')"
