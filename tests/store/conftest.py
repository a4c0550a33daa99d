"""A fresh store for every test, on SQLite and, where a server is installed, on PostgreSQL."""

from __future__ import annotations

import getpass
import itertools
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

GIVEN = os.environ.get("ASSAY_TEST_POSTGRES", "")
_names = itertools.count()


def server_programs() -> Path | None:
    """The folder of initdb and pg_ctl, None where PostgreSQL is not installed."""
    on_path = shutil.which("initdb")
    places = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    places += [Path(on_path).resolve().parent] if on_path else []
    return next((place for place in places if (place / "pg_ctl").exists()), None)


BACKENDS = ["sqlite", *(["postgresql"] if GIVEN or server_programs() else [])]
collect_ignore = [] if "postgresql" in BACKENDS else ["test_store_postgres.py"]


@pytest.fixture(scope="session")
def store_server() -> Iterator[str]:
    """URL of a database on loopback: the one in ASSAY_TEST_POSTGRES, or that of a server started for this session."""
    if GIVEN:
        yield GIVEN
        return
    programs = server_programs()
    assert programs is not None
    # A server does not run as root; initdb's own system user does where tests do.
    user = "postgres" if os.geteuid() == 0 else getpass.getuser()
    as_user = ["setpriv", "--reuid", user, "--regid", user, "--clear-groups"] if os.geteuid() == 0 else []
    folder = Path(tempfile.mkdtemp(prefix="assay-postgres-"))
    try:
        if as_user:
            shutil.chown(folder, user, user)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]

        def run(*command: object) -> None:
            subprocess.run([*as_user, *map(str, command)], check=True, capture_output=True, timeout=120)

        data, log = folder / "data", folder / "log"
        run(programs / "initdb", "-D", data, "-U", "assay", "-A", "trust", "-E", "UTF8", "--no-sync")
        options = f"-h 127.0.0.1 -p {port} -c unix_socket_directories='' -c fsync=off"
        run(programs / "pg_ctl", "-D", data, "-l", log, "-w", "-o", options, "start")
        try:
            yield f"postgresql://assay@127.0.0.1:{port}/postgres"
        finally:
            run(programs / "pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_store_url(store_server: str) -> Iterator[str]:
    """URL of an empty schema of its own."""
    schema = f"assay_test_{os.getpid()}_{next(_names)}"
    with psycopg.connect(store_server, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
    yield f"{store_server}{'&' if '?' in store_server else '?'}options=-csearch_path%3D{schema}"
    with psycopg.connect(store_server, autocommit=True) as connection:
        connection.execute(f"DROP SCHEMA {schema} CASCADE")


@pytest.fixture(params=BACKENDS)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a store that is not there yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/store.db"
    return str(request.getfixturevalue("postgres_store_url"))
