"""Servers that tests may ask for: PostgreSQL and Spark, started here on loopback and thrown away."""

from __future__ import annotations

import glob
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# The same examples on every machine, however loaded it is.
settings.register_profile("assay", deadline=None, derandomize=True)
settings.load_profile("assay")


def pytest_configure(config: pytest.Config) -> None:
    for theirs in (
        "ignore:PySpark does not yet fully support pandas:FutureWarning",
        "ignore:fetch_arrow_table:DeprecationWarning:ibis",
        "ignore:fetch_record_batch:DeprecationWarning:ibis",
    ):
        config.addinivalue_line("filterwarnings", theirs)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL database: the one ASSAY_TEST_POSTGRES names, or a throwaway server of the installed binaries."""
    given = os.environ.get("ASSAY_TEST_POSTGRES")
    if given:
        yield given
        return
    programs = _postgres_programs()
    account = "postgres" if os.geteuid() == 0 else None  # the server refuses to run as root
    folder = Path(tempfile.mkdtemp(prefix="assay-postgres-"))
    if account:
        shutil.chown(folder, account)
    make = [programs / "initdb", "-D", folder / "data", "-U", "assay", "-A", "trust", "-E", "UTF8", "--no-locale", "-N"]
    subprocess.run(make, check=True, user=account, cwd="/", stdout=subprocess.DEVNULL)
    port = _free_port()
    settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off", "port": str(port)}
    flags = [flag for name, value in settings.items() for flag in ("-c", f"{name}={value}")]
    serve = [programs / "postgres", "-D", folder / "data", *flags]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(serve, user=account, cwd="/", stdout=log, stderr=log)
        try:
            url = f"postgresql://assay@127.0.0.1:{port}/postgres"
            _wait_for(url, server, folder / "log")
            yield url
        finally:
            server.send_signal(signal.SIGINT)  # do not wait for clients to leave
            server.wait(timeout=30)
            shutil.rmtree(folder, ignore_errors=True)


def _postgres_programs() -> Path:
    found = shutil.which("postgres")
    folders = [Path(found).parent] if found else []
    folders += [Path(p) for p in sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True)]  # noqa: PTH207
    for folder in folders:
        if (folder / "initdb").exists():
            return folder
    pytest.fail(
        "This test needs PostgreSQL: install it (Debian: apt-get install postgresql; macOS: brew install postgresql), "
        "or name a database in ASSAY_TEST_POSTGRES."
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    import psycopg

    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        try:
            psycopg.connect(url, connect_timeout=5).close()
            return
        except psycopg.OperationalError:
            time.sleep(0.1)
    pytest.fail(f"PostgreSQL did not start: {log.read_text(errors='replace')[-2000:]}")


@pytest.fixture(scope="session")
def spark() -> Iterator[Any]:
    """A Spark session in this machine, on loopback, without its web pages."""
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        pytest.fail("This test needs Spark: pip install 'assay[spark]'.")
    if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
        pytest.fail("This test needs Java 17 for Spark: install a JRE (Debian: apt-get install default-jre-headless).")
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    settings = {
        "spark.ui.enabled": "false",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.sql.shuffle.partitions": "2",
        # Compiling each query costs far more than interpreting it over a few rows.
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.sql.session.timeZone": "America/New_York",
    }
    builder = SparkSession.builder.master("local[2]").appName("assay-tests")
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    yield session
    session.stop()
