"""Private questions are counted inside of PostgreSQL, bounds and all, as in DuckDB."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import ibis
import numpy as np
import psycopg
import pytest

from assay import privacy

ROWS = 2000


@pytest.fixture(scope="module")
def people(postgres_url: str) -> Iterator[Any]:
    """Four rows of each person: incomes 10, 20, … with some missing, in one of two regions a person."""
    incomes = np.where(np.arange(ROWS) % 40 == 0, None, 10.0 * (1 + np.arange(ROWS) % 4))
    parts = urlsplit(postgres_url)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS private_people")
        connection.execute("CREATE TABLE private_people (person int, region text, income float8)")
        with connection.cursor().copy("COPY private_people FROM STDIN") as copy:
            for row, income in enumerate(incomes.tolist()):
                copy.write_row((row // 4, "north" if row // 4 % 2 else "south", income))
        backend = ibis.postgres.connect(
            host=parts.hostname, port=parts.port, user=parts.username, database=parts.path.lstrip("/")
        )
        yield backend.table("private_people")
        backend.disconnect()
        connection.execute("DROP TABLE private_people")


def _ask(people: Any, ask: str, **given: Any) -> dict[str, float]:
    """Answers by region, at an epsilon so large that the noise is nothing."""
    settings = {"epsilon": "1000", "adjacency": "add-or-remove", "unit_column": "person", "ledger": None} | given
    cells = privacy.query(people, ask, **settings).cells
    return {cell.slice.get("region", "all"): float(cell.estimate.value) for cell in cells}


def test_every_row_counts_where_the_bounds_allow_it(people: Any) -> None:
    whole = {"max_rows": 4, "max_keys": 1}
    keys = {"keys": {"region": ["north", "south"]}}
    assert _ask(people, "count by region", **whole, **keys) == pytest.approx({"north": 1000, "south": 1000}, abs=0.5)
    means = _ask(people, "mean(income) by region", bounds={"income": (0, 100)}, **whole, **keys)
    # Every tenth person, of the south, lacks the income of 10.
    assert means == pytest.approx({"north": 25, "south": (250 * 100 - 50 * 10) / 950}, abs=0.05)


def test_of_a_person_no_more_rows_count_than_the_bound(people: Any) -> None:
    assert _ask(people, "count", max_rows=3) == pytest.approx({"all": 1500}, abs=0.5)
    assert _ask(people, "count", max_rows=1) == pytest.approx({"all": 500}, abs=0.5)


def test_values_beyond_the_bounds_count_as_the_bounds(people: Any) -> None:
    found = _ask(people, "sum(income)", bounds={"income": (0, 25)}, max_rows=4)
    # 500 people with 10 + 20 + 25 + 25, less 50 incomes of 10.
    assert found == pytest.approx({"all": 500 * 80 - 500}, abs=2)


def test_keys_of_the_data_are_shown_from_the_threshold_on(people: Any) -> None:
    found = _ask(people, "count by region", delta="1e-6", size=500, max_rows=4, max_keys=1)
    assert found == pytest.approx({"north": 1000, "south": 1000}, abs=1)
