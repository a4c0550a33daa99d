"""What only a server can do wrong. Collected where PostgreSQL is installed, see conftest.py."""

from __future__ import annotations

from datetime import UTC, datetime

import psycopg
import pytest
from sqlalchemy import text

from assay.core.errors import AssayError
from assay.core.finding import Finding, Findings, Run
from assay.core.measure import Measure
from assay.store import open_store, postgres


def run(id: str = "run-1") -> Run:
    return Run(id, "credit", datetime.now(UTC), 0.0, Findings())


def finding(number: int) -> Finding:
    return Finding("a.b", 1, "credit", Measure("m", number / 7, 10), None, seed=number)


def test_a_locked_table_is_waited_for_and_then_reported(postgres_store_url, store_server, monkeypatch):
    monkeypatch.setattr(postgres, "WAIT_SECONDS", 0.2)
    with open_store(postgres_store_url) as store:
        store.begin(run())
        with psycopg.connect(postgres_store_url) as other:
            other.execute("LOCK TABLE runs IN ACCESS EXCLUSIVE MODE")
            with pytest.raises(AssayError, match="is locked by another program") as caught:
                store.add("run-1", finding(1))
        assert caught.value.code == "store-locked"
        store.add("run-1", finding(1))


def test_a_read_only_server_can_be_read_and_not_written(postgres_store_url):
    with open_store(postgres_store_url) as store:
        store.begin(run())
    with open_store(f"{postgres_store_url}%20-cdefault_transaction_read_only%3Don") as store:
        assert store.run("latest").id == "run-1"
        with pytest.raises(AssayError, match="is read-only"):
            store.add("run-1", finding(1))


def test_a_database_that_is_not_there_is_named(store_server):
    url = store_server.rpartition("/")[0] + "/assay_absent"
    with pytest.raises(AssayError, match="assay_absent"):
        open_store(url)


def test_a_lost_connection_is_made_again(postgres_store_url, store_server):
    def end_other_connections() -> None:
        with psycopg.connect(store_server, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'assay'"
            )

    with open_store(postgres_store_url) as store:
        store.begin(run())
        end_other_connections()
        store.add("run-1", finding(1))

        def lose_it_within_a_transaction() -> None:
            with store._reading() as connection:
                end_other_connections()
                connection.execute(text("SELECT 1"))

        with pytest.raises(AssayError, match="cannot be reached"):
            lose_it_within_a_transaction()
        assert len(store.run("run-1").findings) == 1
